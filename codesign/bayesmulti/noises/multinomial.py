"""Multinomial noise: factors 0, 1/2 and 1 over their mean (the paper, Eq. 1)."""

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
class MultinomialNoise(FactorNoise):
    """x * eta / E[eta], eta = 0 with `p_zero`, 1/2 with `p_half`, else 1; independent components.

    >>> noise = MultinomialNoise(p_zero=0.25, p_half=0.5)
    >>> noise(torch.ones(1000), torch.Generator().manual_seed(1)).unique()
    tensor([0., 1., 2.])
    """

    p_zero: float
    p_half: float
    kind: ClassVar[str] = "multinomial"

    def __post_init__(self) -> None:
        check_probability(self.kind, "p_zero", self.p_zero, below=LARGEST_SUM)
        check_probability(self.kind, "p_half", self.p_half, below=LARGEST_SUM)
        check_probability(self.kind, "p_zero + p_half", self.p_zero + self.p_half, below=LARGEST_SUM)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.p_zero == 0 and self.p_half == 0

    @classmethod
    def variance_of(cls, p_zero, p_half):
        """(p_half / 4 + p_one) / mean^2 - 1, with p_one = 1 - p_zero - p_half.

        >>> round(MultinomialNoise(p_zero=0.6, p_half=0.2).relative_variance, 2)
        1.78
        """
        ones = 1.0 - p_zero - p_half
        return (p_half / 4 + ones) / (p_half / 2 + ones) ** 2 - 1.0

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors of mean 1 in the shape, dtype and device of `like`."""
        bits = random_bits(like, generator)
        both = self.p_zero + self.p_half
        factor = reaches(bits, self.p_zero, like).add_(reaches(bits, both, like))
        # the sum counts halves: its mean is twice E[eta]
        return factor.mul_(1.0 / (2.0 - rounded(self.p_zero) - rounded(both)))


NOISE = MultinomialNoise
