"""Dropout: factors 0 and 1 over their mean."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from codesign.bayesmulti.noises.base import (
    LARGEST_SUM,
    FactorNoise,
    check_probability,
    random_bits,
    reaches,
    rounded,
)


@dataclass(frozen=True)
class DropoutNoise(FactorNoise):
    """x * eta / E[eta], eta = 0 with `rate`, else 1; independent components.

    >>> DropoutNoise(rate=0.75)(torch.ones(1000), torch.Generator().manual_seed(1)).unique()
    tensor([0., 4.])
    """

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        check_probability(self.kind, "rate", self.rate, below=LARGEST_SUM)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.rate == 0

    @classmethod
    def variance_of(cls, rate):
        """rate / (1 - rate).

        >>> round(DropoutNoise(rate=0.64).relative_variance, 2)
        1.78
        """
        return rate / (1.0 - rate)

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors of mean 1 in the shape, dtype and device of `like`."""
        bits = random_bits(like, generator)
        return reaches(bits, self.rate, like).mul_(1.0 / (1.0 - rounded(self.rate)))


NOISE = DropoutNoise
