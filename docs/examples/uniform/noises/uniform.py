"""Uniform noise: factors between 1 - width and 1 + width."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from codesign.bayesmulti.noises.base import FactorNoise, check_probability


@dataclass(frozen=True)
class UniformNoise(FactorNoise):
    """x * u, u uniform in 1 - width ... 1 + width; independent components of mean 1."""

    width: float
    kind: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        check_probability(self.kind, "width", self.width, below=1.0)

    @property
    def is_identity(self) -> bool:
        return self.width == 0

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        low, high = 1 - self.width, 1 + self.width
        return torch.empty_like(like, requires_grad=False).uniform_(low, high, generator=generator)


NOISE = UniformNoise
