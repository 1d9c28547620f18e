"""What every noise is, and what several kinds share.

A noise turns a tensor and a generator into the noisy tensor and holds no state. The
discrete kinds compare 16 random bits a component with thresholds, about five times
faster on a CPU than a float uniform: probabilities are rounded to 1 / 65536, and the
factor is divided by its mean at the *rounded* probabilities, so it stays unbiased.
"""

import math
from dataclasses import fields, replace
from typing import ClassVar, Self

import torch

from codesign.bayesmulti.error import NoiseError

LEVELS = 65536
"""Values of 16 random bits."""
LARGEST_SUM = 0.999
"""Largest total probability below 1 that still keeps some signal."""


class Noise:
    """A kind of noise: a frozen dataclass whose fields are its parameters."""

    kind: ClassVar[str]
    """Its name in specifications; the module is called the same, with _ for -."""

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        raise NotImplementedError

    @classmethod
    def variance_of(cls, **parameters):
        """Variance of the factor over its squared mean (cv^2), of numbers or arrays of each parameter.

        None where the noise is no factor.
        """
        return None

    @property
    def relative_variance(self) -> float | None:
        """`variance_of` of this noise."""
        return self.variance_of(**{field.name: getattr(self, field.name) for field in fields(self)})

    def scaled(self, share: float) -> Self:
        """The noise at a share, 0 ... 1, of its strength: every parameter times it."""
        if share == 1:
            return self
        return replace(self, **{field.name: share * getattr(self, field.name) for field in fields(self)})

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """`x` under one draw of the noise, in its shape, dtype and device."""
        raise NotImplementedError


class FactorNoise(Noise):
    """A noise that multiplies: x * factor."""

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors in the shape, dtype and device of `like`."""
        raise NotImplementedError

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """`x` times one draw of the factors."""
        return x * self.factor(x, generator)


def random_bits(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Uniform 16-bit integers, -32768 ... 32767, in the shape of `like`."""
    count = like.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=like.device)
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[:count].view(like.shape)


def reaches(bits: torch.Tensor, probability: float, like: torch.Tensor) -> torch.Tensor:
    """1 where the component's uniform is at least `probability`, else 0, in the dtype of `like`."""
    threshold = round(probability * LEVELS) - LEVELS // 2
    return torch.ge(bits, threshold, out=torch.empty(like.shape, dtype=like.dtype, device=like.device))


def rounded(probability: float) -> float:
    """The probability as it is drawn, a multiple of 1 / 65536.

    >>> rounded(0.3) * 65536
    19661.0
    """
    return round(probability * LEVELS) / LEVELS


def check_probability(kind: str, name: str, value: float, *, below: float) -> None:
    """Refuse what is no number in 0 ... below.

    Raises:
        NoiseError: It names kind, parameter and value.
    """
    if not (isinstance(value, int | float) and 0 <= value <= below):
        raise NoiseError(f"{kind}: {name} must lie in 0 ... {below:g}, got {value!r}")


def check_width(kind: str, name: str, value: float) -> None:
    """Refuse what is no finite number of at least 0.

    Raises:
        NoiseError: It names kind, parameter and value.
    """
    if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
        raise NoiseError(f"{kind}: {name} must be finite and at least 0, got {value!r}")
