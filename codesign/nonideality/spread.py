"""Cycle-to-cycle spread of conductance: sigma, its upper bounds, its effective sample size.

Conductance is log-normal about the mean curve, G[c,i] = mean[i] exp(sigma z)
(the paper, Eqs. 4 and 7), so everything here works on x = ln(G / mean).
"""

import numpy as np
from scipy.special import chdtri

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal law."""
WINDOW_FACTOR = 5.0
"""Lags summed, in autocorrelation lengths (Sokal's automatic window)."""


def sigma_mle(log_ratio: np.ndarray) -> float:
    """Maximum-likelihood sigma with the mean fixed at 0: sigma^2 = mean of x^2 (the paper, Eq. 8).

    Args:
        log_ratio: ln(G / mean curve), any shape, NaN where not usable.

    Raises:
        ValueError: No usable sample.

    >>> sigma_mle(np.array([[0.5, -0.5], [np.nan, 0.5]]))
    0.5
    """
    x = log_ratio[np.isfinite(log_ratio)]
    if x.size == 0:
        raise ValueError("no usable sample")
    return float(np.sqrt(np.mean(x * x)))


def sigma_robust(log_conductance: np.ndarray) -> float:
    """1.4826 MAD about each level's geometric mean; a few dead cycles hardly change it.

    Args:
        log_conductance: ln G, shape (n_cycles, n_points), NaN where not usable;
            a level is a column.

    Raises:
        ValueError: No usable sample.

    >>> rng = np.random.default_rng(1)
    >>> log_g = np.log(1e-6) + 0.2 * rng.standard_normal((50, 40))
    >>> log_g[0] = np.log(1e-9)  # one dead cycle
    >>> round(sigma_robust(log_g), 1)
    0.2
    """
    valid = np.isfinite(log_conductance)
    count = valid.sum(axis=0)
    if not count.any():
        raise ValueError("no usable sample")
    filled = np.where(valid, log_conductance, 0.0)
    centre = filled.sum(axis=0) / np.maximum(count, 1)
    deviation = (log_conductance - centre)[valid]
    return float(MAD_TO_SIGMA * np.median(np.abs(deviation - np.median(deviation))))


def sigma_upper(sigma, samples, *, confidence: float):
    """Upper confidence bound of sigma (the paper, Eq. 9), scalar or array.

    N s^2 / sigma^2 follows chi-square with N degrees of freedom, so
    sigma_upper = s sqrt(N / chi2_{1 - confidence}(N)). `samples` may be fractional.

    >>> round(float(sigma_upper(0.3, 100, confidence=0.95)), 3)
    0.34
    """
    samples = np.asarray(samples, dtype=float)
    return np.asarray(sigma) * np.sqrt(samples / chdtri(samples, confidence))


def autocorrelation_points(log_ratio: np.ndarray) -> float:
    """Integrated autocorrelation length of x along the points of a cycle.

    tau = 1 + 2 sum of rho(k), summed to the first lag k >= 5 tau (Sokal, Monte
    Carlo Methods in Statistical Mechanics, 1997); rho(k) is pooled over cycles,
    over pairs where both points are usable. The mean of all samples is taken off first: ln of
    a ratio to an arithmetic mean averages -sigma^2 / 2, which would count as correlation.

    Args:
        log_ratio: Shape (n_cycles, n_points), NaN where not usable.

    Returns:
        Length in points, from 1 to n_points.

    >>> rng = np.random.default_rng(1)
    >>> white = rng.standard_normal((40, 100))
    >>> blocks = np.repeat(white, 5, axis=1)  # every value five times: tau is 5
    >>> round(autocorrelation_points(white)), round(autocorrelation_points(blocks))
    (1, 5)
    """
    valid = np.isfinite(log_ratio)
    n_points = log_ratio.shape[1]
    x = np.where(valid, log_ratio, 0.0)
    x = np.where(valid, x - x.sum() / max(int(valid.sum()), 1), 0.0)
    size = 2 * n_points
    products = _lag_sums(x, size)[:n_points]
    pairs = _lag_sums(valid.astype(float), size)[:n_points]
    if not products[0] > 0:
        return 1.0
    rho = np.where(pairs > 0.5, products / np.maximum(pairs, 1.0), 0.0)
    rho = rho / rho[0]
    tau = 1.0 + 2.0 * np.concatenate([[0.0], np.cumsum(rho[1:])])
    lags = np.arange(n_points)
    enough = np.flatnonzero(lags >= WINDOW_FACTOR * tau)
    chosen = tau[enough[0]] if enough.size else tau[-1]
    return float(min(max(chosen, 1.0), n_points))


def _lag_sums(rows: np.ndarray, size: int) -> np.ndarray:
    """Sum over rows of sum_i row[i] row[i + k], for each lag k."""
    spectrum = np.fft.rfft(rows, n=size, axis=1)
    return np.fft.irfft((spectrum.real**2 + spectrum.imag**2).sum(axis=0), n=size)
