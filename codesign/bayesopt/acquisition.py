"""Expected improvement in closed form, in logarithms that stay finite far from the optimum.

Both goals are sums of h(z) = phi(z) + z Phi(z), the expected positive part of a
standard normal plus z; for the level-seeking goal the improvement in |f - target|
is a triangle, (f - t + b)+ - 2 (f - t)+ + (f - t - b)+.

Source: Jones, Schonlau, Welch, J. Global Optim. 13, 455 (1998); logarithmic form
after Ament et al., NeurIPS 2023.
"""

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
FAR = 40.0
"""Below -FAR, h is taken from its asymptotic series: the closed form would subtract near-equal numbers."""
NARROW = 1e-3
"""Below this b / std the density is constant over the triangle, whose area is b^2."""


def log_h(z: np.ndarray) -> np.ndarray:
    """ln(phi(z) + z Phi(z)), finite for every finite z.

    >>> [float(value.round(3)) for value in log_h(np.array([0.0, -50.0]))]
    [-0.919, -1258.744]
    """
    z = np.asarray(z, dtype=float)
    value = np.empty(z.shape)
    # each expansion is computed where it is needed alone: over a grid it is what costs
    near, far = z > -1.0, z < -FAR
    for here, expansion in ((near, _log_h_near), (far, _log_h_far), (~(near | far), _log_h_tail)):
        value[here] = expansion(z[here])
    return value


def _log_h_near(z: np.ndarray) -> np.ndarray:
    return np.log(np.exp(-0.5 * z**2 - HALF_LOG_2PI) + z * ndtr(z))


def _log_h_tail(z: np.ndarray) -> np.ndarray:
    inner = np.log1p(z * np.sqrt(np.pi / 2) * erfcx(-z / np.sqrt(2)))
    return -0.5 * z**2 - HALF_LOG_2PI + inner


def _log_h_far(z: np.ndarray) -> np.ndarray:
    return -0.5 * z**2 - HALF_LOG_2PI + np.log1p(-3.0 / z**2) - 2 * np.log(-z)


def log_expected_improvement(mean: np.ndarray, std: np.ndarray, best: float) -> np.ndarray:
    """ln E[(f - best)+] for f ~ N(mean, std^2), std > 0.

    E[(f - best)+] = std (phi(z) + z Phi(z)) with z = (mean - best) / std.

    >>> np.exp(log_expected_improvement(np.array([0.5, 0.9]), np.array([0.1, 0.1]), best=0.5)).round(4)
    array([0.0399, 0.4   ])
    """
    std = np.asarray(std, dtype=float)
    return np.log(std) + log_h((np.asarray(mean) - best) / std)


def log_level_improvement(
    mean: np.ndarray, std: np.ndarray, target: float, best_distance: float
) -> np.ndarray:
    """ln E[(b - |f - target|)+] for f ~ N(mean, std^2), with b the smallest distance so far.

    Args:
        mean: Predicted values.
        std: Predicted standard deviations, > 0.
        target: Level sought.
        best_distance: b >= 0; 0 leaves nothing to improve and gives -inf.

    >>> wide = log_level_improvement(np.array([0.5, 0.8]), np.array([0.01, 0.01]), 0.5, best_distance=0.2)
    >>> np.exp(wide).round(3)
    array([0.192, 0.   ])
    """
    std = np.asarray(std, dtype=float)
    if best_distance <= 0:
        return np.full(np.broadcast(mean, std).shape, -np.inf)
    # both sides of the target are alike: below it h is small, and its ratios are exact
    a = -np.abs(np.asarray(mean, dtype=float) - target) / std
    b = best_distance / std
    top, middle, bottom = log_h(a + b), log_h(a), log_h(a - b)
    inside = 1.0 - 2.0 * np.exp(middle - top) + np.exp(bottom - top)
    with np.errstate(divide="ignore"):
        wide = top + np.log(np.maximum(inside, 0.0))
    spike = 2 * np.log(b) - 0.5 * a**2 - HALF_LOG_2PI
    return np.log(std) + np.where(b < NARROW, spike, wide)


def log_probability_of_improvement(mean: np.ndarray, std: np.ndarray, best: float) -> np.ndarray:
    """ln P(f > best) for f ~ N(mean, std^2).

    >>> float(np.exp(log_probability_of_improvement(0.5, 0.1, best=0.5)).round(6))
    0.5
    """
    return log_ndtr((np.asarray(mean) - best) / np.asarray(std))


def log_probability_of_approach(
    mean: np.ndarray, std: np.ndarray, target: float, best_distance: float
) -> np.ndarray:
    """ln P(|f - target| < b) for f ~ N(mean, std^2), with b the smallest distance so far.

    The two tails of the normal that are left out are taken on the side of the target where both are
    small, so that their difference is exact far from it.

    Args:
        mean: Predicted values.
        std: Predicted standard deviations, > 0.
        target: Level sought.
        best_distance: b >= 0; nothing is nearer than 0, which gives -inf.

    >>> near = log_probability_of_approach(np.array([0.5]), np.array([0.1]), 0.5, best_distance=0.196)
    >>> np.exp(near).round(3)
    array([0.95])
    """
    if best_distance <= 0:
        return np.full(np.broadcast(mean, std).shape, -np.inf)
    std = np.asarray(std, dtype=float)
    a = (target - np.asarray(mean, dtype=float)) / std
    b = best_distance / std
    return _log_between(a - b, a + b)


def log_probability_between(mean: np.ndarray, std: np.ndarray, low: float, high: float) -> np.ndarray:
    """ln P(low < f < high) for f ~ N(mean, std^2), exact far from the interval; -inf where it is empty.

    >>> part = log_probability_between(np.array([0.5]), np.array([0.1]), 0.5, high=0.6)
    >>> np.exp(part).round(4)
    array([0.3413])
    """
    std = np.asarray(std, dtype=float)
    if low >= high:
        return np.full(np.broadcast(mean, std).shape, -np.inf)
    mean = np.asarray(mean, dtype=float)
    return _log_between((low - mean) / std, (high - mean) / std)


def _log_between(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """ln P(left < z < right) of a standard normal, left <= right, on the side where both tails are small."""
    turned = left + right > 0
    low, high = np.where(turned, -right, left), np.where(turned, -left, right)
    upper = log_ndtr(high)
    with np.errstate(divide="ignore"):
        return upper + np.log(-np.expm1(log_ndtr(low) - upper))
