"""A gain and an offset for each channel, by least squares: the arithmetic that calibrations share."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Centred:
    """Values of some channels about their means."""

    mean: Tensor
    """(channels,)."""
    deviation: Tensor
    """(samples, channels)."""


def centred(values: Tensor) -> Centred:
    """Values (samples, channels), taken apart into mean and deviation."""
    mean = values.mean(dim=0)
    return Centred(mean, values - mean)


def gain_and_offset(found: Centred, clean: Centred) -> tuple[Tensor, Tensor]:
    """What brings channels nearest to their clean values: gain * found + offset, in least squares.

    A channel that gives one value, to rounding, has nothing to stretch: its gain is 0, and it ends at the
    clean mean.

    Args:
        found: What the channels give.
        clean: What they should give for the same samples.

    Returns:
        Gain and offset, (channels,) each.

    Source:
        Simple linear regression: NIST/SEMATECH e-Handbook, 4.1.4.1.
    """
    variance = found.deviation.square().mean(dim=0)
    covariance = (found.deviation * clean.deviation).mean(dim=0)
    least = (torch.finfo(found.deviation.dtype).eps * found.mean).square()
    gain = torch.where(variance > least, covariance / variance, 0.0)
    return gain, clean.mean - gain * found.mean
