"""Each observation predicted without its group: how far predictions can be trusted.

Source of the closed form: Rasmussen, Williams, Gaussian Processes for Machine Learning (2006), Eqs. 5.10
to 5.12, for one observation; blocks of the inverse covariance for several.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp


@dataclass(frozen=True)
class LeftOut:
    """Of each observation, from those of other groups; noise of a new measurement included."""

    mean: np.ndarray
    """(n,)."""
    std: np.ndarray
    """Of the mixture over hyperparameters, (n,)."""
    log_score: np.ndarray
    """Logarithm of the mixture's density at what was observed, (n,)."""
    hyperparameters: str
    """`inferred again` without the group, or `held` as found with it."""


def scored(y: np.ndarray, mean: np.ndarray, std: np.ndarray, hyperparameters: str) -> LeftOut:
    """From means and standard deviations for each of `k` sets of hyperparameters, each (k, n)."""
    density = -0.5 * ((y - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
    return LeftOut(
        mean=mean.mean(axis=0),
        std=np.sqrt((std**2).mean(axis=0) + mean.var(axis=0)),
        log_score=logsumexp(density, axis=0) - np.log(len(mean)),
        hyperparameters=hyperparameters,
    )


def blocks_out(
    precision: np.ndarray, weights: np.ndarray, y: np.ndarray, groups: Sequence[Sequence[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations without each group, hyperparameters held, each (k, n).

    Args:
        precision: Inverse covariances of the observations with their noise, (k, n, n).
        weights: precision @ (y - prior mean), (k, n).
        y: Observations, (n,).
        groups: Indices; each observation is in one of them.
    """
    mean, std = np.empty_like(weights), np.empty_like(weights)
    for group in groups:
        block = np.linalg.inv(precision[:, group][:, :, group])  # (k, g, g)
        mean[:, group] = y[group] - (block @ weights[:, group, None])[:, :, 0]
        std[:, group] = np.sqrt(np.einsum("kii->ki", block))
    return mean, std
