"""Log-normal factors, as a memristor's conductance varies (the paper, Eq. 7)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from codesign.bayesmulti.noises.base import FactorNoise, check_width


@dataclass(frozen=True)
class LognormalNoise(FactorNoise):
    """x * exp(sigma z), z ~ N(0, 1): the memristor's own disturbance, and like it of mean above 1.

    >>> noisy = LognormalNoise(sigma=0.5)(torch.ones(10_000), torch.Generator().manual_seed(1))
    >>> round(float(noisy.log().std()), 1)
    0.5
    """

    sigma: float
    kind: ClassVar[str] = "lognormal"

    def __post_init__(self) -> None:
        check_width(self.kind, "sigma", self.sigma)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.sigma == 0

    @classmethod
    def variance_of(cls, sigma):
        """exp(sigma^2) - 1.

        >>> round(LognormalNoise(sigma=1.01).relative_variance, 2)
        1.77
        """
        return math.e ** (sigma**2) - 1.0

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors of median 1 in the shape, dtype and device of `like`."""
        z = torch.empty_like(like, requires_grad=False).normal_(generator=generator)
        return z.mul_(self.sigma).exp_()


NOISE = LognormalNoise
