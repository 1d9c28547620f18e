"""Gaussian noise relative to the largest weight: Joshi et al., Nat. Commun. 11, 2473 (2020)."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from codesign.bayesmulti.noises.base import Noise, check_width


@dataclass(frozen=True)
class GaussianNoise(Noise):
    """x + std * max|x| * z, z ~ N(0, 1); the scale counts as a constant in the gradient (Joshi et al.).

    >>> weight = torch.full((10_000,), 2.0)
    >>> noisy = GaussianNoise(std=0.1)(weight, torch.Generator().manual_seed(1))
    >>> round(float((noisy - weight).std()), 2)
    0.2
    """

    std: float
    """Standard deviation relative to the largest magnitude of the tensor."""
    kind: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        check_width(self.kind, "std", self.std)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.std == 0

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """`x` plus one draw of the noise."""
        z = torch.empty_like(x, requires_grad=False).normal_(generator=generator)
        return x + z.mul_(self.std * x.detach().abs().amax())


NOISE = GaussianNoise
