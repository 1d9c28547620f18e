"""Hyperparameters without a Markov chain: points of the prior, weighted by what the data say, refined once.

Sources: importance sampling from a mixture of the prior and of a normal adapted to it (Owen, Zhou,
J. Am. Stat. Assoc. 95, 135 (2000)); systematic resampling (Kitagawa, J. Comput. Graph. Stat. 5, 1 (1996)).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtri
from scipy.stats import qmc

POINTS = 256
"""Points of the prior, and as many of the normal fitted to them; a power of two, as Sobol points want it."""
TRUST = 10.0
"""Effective number of points at which the fitted normal lies halfway between the prior and what they say."""
WIDER = 1.1
NARROWEST, WIDEST = 0.15, 1.0
"""Standard deviations of the fitted normal, in units of the prior's, are widened and held between these."""


@dataclass(frozen=True)
class Weighted:
    """Points with weights that stand for a posterior whose prior is standard normal."""

    points: np.ndarray
    """In standard deviations of the prior about its mean, (n, dimensions)."""
    log_weight: np.ndarray
    """Logarithms of weights that add up to 1, (n,)."""

    @property
    def effective(self) -> float:
        """How many points of equal weight would say as much: 1 / (sum of squared weights)."""
        return float(np.exp(-logsumexp(2 * self.log_weight)))

    def resampled(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of `count` points, each as often as its weight says, up to one, (count,)."""
        edges = np.cumsum(np.exp(self.log_weight))
        places = (np.arange(count) + rng.random()) / count
        return np.minimum(np.searchsorted(edges / edges[-1], places, side="right"), len(edges) - 1)


def weigh_prior(
    log_likelihood: Callable[[np.ndarray], np.ndarray], dimensions: int, rng: np.random.Generator
) -> Weighted:
    """Weighted points of the posterior under a standard normal prior.

    Half of the points are of the prior, half of a normal with independent dimensions that is fitted to
    the weighted first half; all are weighted as draws of one mixture.

    Args:
        log_likelihood: Of points, (n, dimensions) to (n,), finite.
        dimensions: Of a point.
        rng: Scrambles both sets of Sobol points.

    Raises:
        ValueError: A likelihood is not finite.
    """
    prior = _normal_points(dimensions, rng)
    found = log_likelihood(prior)
    first = Weighted(prior, _normalised(found))
    weight = np.exp(first.log_weight)
    trust = first.effective / (first.effective + TRUST)
    mean = weight @ prior
    deviation = np.sqrt(weight @ (prior - mean) ** 2)
    centre = trust * mean
    width = np.clip(WIDER * (trust * deviation + 1.0 - trust), NARROWEST, WIDEST)
    fitted = centre + width * _normal_points(dimensions, rng)
    points = np.vstack([prior, fitted])
    of_prior = -0.5 * (points**2).sum(axis=1)
    of_fitted = -0.5 * (((points - centre) / width) ** 2).sum(axis=1) - np.log(width).sum()
    mixture = np.logaddexp(of_prior, of_fitted)
    likelihood = np.concatenate([found, log_likelihood(fitted)])
    return Weighted(points, _normalised(likelihood + of_prior - mixture))


def _normal_points(dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """Scrambled Sobol points as draws of a standard normal, (POINTS, dimensions)."""
    unit = qmc.Sobol(dimensions, scramble=True, rng=rng).random(POINTS)
    return ndtri(np.clip(unit, 1e-9, 1 - 1e-9))


def _normalised(log_weight: np.ndarray) -> np.ndarray:
    if not np.isfinite(log_weight).all():
        raise ValueError("the likelihood of some hyperparameters is not finite")
    return log_weight - logsumexp(log_weight)
