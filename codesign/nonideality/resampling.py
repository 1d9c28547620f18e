"""Resamples of a device's cycles: what usability and fidelity would have been in other measurements of it."""

from typing import NamedTuple

import numpy as np

from codesign.nonideality.branch import Extraction, mean_curve
from codesign.nonideality.curve import curve_values
from codesign.nonideality.fidelity import expected_fidelity, log_ratio_bins, weighted_levels
from codesign.nonideality.lcis import longest_increasing_window, operative_window
from codesign.nonideality.profiling import held_points
from codesign.nonideality.spread import sigma_robust, sigma_upper
from codesign.nonideality.usability import nonmonotonic_factor, usability_of

BLOCK = 1 << 15
"""Ratios placed into bins at once: they stay in cache."""
AT_ONCE = 512
"""Resamples whose fidelity is computed at once, so that many of them take no more memory."""


class Resamples(NamedTuple):
    """Cycles drawn with repetition, and what each draw makes of the mean curve."""

    picks: np.ndarray
    """Cycles of each resample, shape (resamples, n_cycles)."""
    log_mean: np.ndarray
    """ln of the mean conductance, shape (resamples, n_points); NaN where there is none."""
    start: np.ndarray
    """First point of the LCIS window, shape (resamples,)."""
    length: np.ndarray
    """Points of the LCIS window, shape (resamples,)."""
    usability: np.ndarray
    """Shape (resamples,)."""

    def with_all(self, log_g: np.ndarray, start: int, length: int) -> "Resamples":
        """These, and as the last one every cycle once; `start` and `length` are its LCIS window."""
        n_cycles = len(log_g)
        return Resamples(
            picks=np.vstack([self.picks, np.arange(n_cycles)]),
            log_mean=np.vstack([self.log_mean, np.log(mean_curve(log_g))]),
            start=np.append(self.start, start),
            length=np.append(self.length, length),
            usability=np.append(self.usability, np.nan),
        )


def resample_cycles(
    log_g: np.ndarray,
    usable: np.ndarray,
    settings: Extraction,
    rng: np.random.Generator,
    *,
    autocorrelation: float,
) -> Resamples:
    """`settings.bootstrap` resamples of the cycles, with the usability of each.

    Every resample is a vector of weights, so mean curves and sums of squares of
    all resamples are three matrix products. The autocorrelation length and the
    usable points are those of the whole device.

    Args:
        log_g: ln G of usable samples, shape (n_cycles, n_points), NaN elsewhere.
        usable: Usable points, shape (n_points,).
        settings: Estimator, confidence, LCIS rule, number of resamples.
        rng: Draws the cycles.
        autocorrelation: Points that count as one sample.
    """
    n_cycles, n_points = log_g.shape
    picks = rng.integers(n_cycles, size=(settings.bootstrap, n_cycles))
    flat = picks + n_cycles * np.arange(settings.bootstrap)[:, None]
    weights = np.bincount(flat.ravel(), minlength=flat.size).reshape(flat.shape).astype(float)
    used = log_g[:, usable]  # (cycles, usable points)
    sample = np.isfinite(used)
    # centred on the device's own mean curve, so that squares lose no digits
    centre = np.log(mean_curve(used))
    x = np.where(sample, used - centre, 0.0)
    member = sample.astype(float)
    count = weights @ member  # (resamples, usable points)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.log((weights @ (member * np.exp(x))) / count)
    curves = np.full((settings.bootstrap, n_points), np.nan)
    curves[:, usable] = shift + centre
    start, length = longest_increasing_window(curves, usable, tolerated_drops=settings.tolerated_drops)
    eta = nonmonotonic_factor(length, n_points, min_operative_fraction=settings.min_operative_fraction)
    samples = count.sum(axis=1)
    if settings.estimator == "mle":
        shift = np.where(count > 0, shift, 0.0)
        squares = weights @ (x * x) - 2 * shift * (weights @ x) + shift**2 * count
        sigma = np.sqrt(np.maximum(squares.sum(axis=1), 0.0) / np.maximum(samples, 1.0))
    else:
        sigma = np.array([sigma_robust(log_g[pick]) for pick in picks])
    upper = sigma_upper(sigma, np.maximum(samples / autocorrelation, 1.0), confidence=settings.confidence)
    return Resamples(picks, curves, start, length, usability_of(eta, upper))


def fidelity_of_resamples(
    resamples: Resamples, log_g: np.ndarray, usable: np.ndarray, settings: Extraction
) -> np.ndarray:
    """Fidelity of each resample by `codesign.nonideality.fidelity.expected_fidelity`.

    Mean curve, LCIS and operative window and the ratios to the mean are each resample's own.

    Args:
        resamples: Of the cycles of `log_g`.
        log_g: ln G of usable samples, shape (n_cycles, n_points), NaN elsewhere.
        usable: Usable points, shape (n_points,).
        settings: The operative window.

    Returns:
        Shape (resamples,).
    """
    levels, _ = weighted_levels()
    # a point that no cycle of a resample has is where it is on the whole
    whole = np.log(mean_curve(log_g))
    log_mean = np.where(np.isfinite(resamples.log_mean), resamples.log_mean, whole)
    values = _values(resamples, log_mean, usable, levels, settings)
    histogram = _histogram(resamples.picks, log_g[:, usable], log_mean[:, usable])
    some = [slice(first, first + AT_ONCE) for first in range(0, len(values), AT_ONCE)]
    return np.concatenate([expected_fidelity(values[part], histogram[part]) for part in some])


def reflected_interval(estimate: float, resampled: np.ndarray, *, confidence: float) -> tuple[float, float]:
    """Interval of a fidelity from its resamples, reflected about the estimate in ln(-ln F).

    Ten cycles hold fewer extremes than the device, so the estimate is too high, and resamples of ten lie
    higher still, by about as much. Quantiles of the resamples would leave the device below its interval;
    -ln F, a squared spread, is off by a factor, which the reflection takes back:
    -ln F = (-ln estimate)^2 / (-ln quantile).

    Args:
        estimate: In [0, 1].
        resampled: Shape (resamples,), in [0, 1].
        confidence: In (0, 1).

    Returns:
        Lower and upper end, in [0, 1].

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application (1997), section 5.2 (basic bootstrap
        limits on a transformed scale).

    >>> low, high = reflected_interval(0.5, np.array([0.6, 0.6]), confidence=0.95)
    >>> round(low, 4), round(high, 4)
    (0.3904, 0.3904)
    """
    tail = (1 - confidence) / 2
    with np.errstate(divide="ignore"):
        lost = np.abs(np.log([estimate, *np.quantile(resampled, [1 - tail, tail])]))
    if lost[0] in (0.0, np.inf):
        return estimate, estimate
    with np.errstate(divide="ignore"):
        low, high = np.exp(-(lost[0] ** 2) / lost[1:])
    return float(low), float(high)


def _values(
    resamples: Resamples, log_mean: np.ndarray, usable: np.ndarray, levels: np.ndarray, settings: Extraction
) -> np.ndarray:
    """What cells at `levels` end at, shape (resamples, levels)."""
    n_points = usable.size
    size = operative_window(0, n_points, min_operative_fraction=settings.min_operative_fraction).length
    begin = np.minimum(resamples.start, n_points - size)  # as `operative_window` moves it
    place = begin[:, None] + np.arange(size)  # (resamples, window points)
    held = held_points(usable, begin, place)
    row = np.arange(len(place))[:, None]
    g = np.exp(log_mean[row, held] - log_mean[:, usable].max(axis=1, keepdims=True))
    lowest, span = g.min(axis=1, keepdims=True), np.ptp(g, axis=1, keepdims=True)
    stored = span > 0
    curve = np.where(stored, (g - lowest) / np.where(stored, span, 1.0), 0.0)
    end = (resamples.start + resamples.length)[:, None]
    reached = stored & (place >= resamples.start[:, None]) & (place < end)
    return curve_values(curve, reached, levels)


def _histogram(picks: np.ndarray, log_g: np.ndarray, log_mean: np.ndarray) -> np.ndarray:
    """Share of each resample's ratios in each bin, shape (resamples, bins)."""
    bins = log_ratio_bins()
    step, last = bins[1] - bins[0], bins.size - 1
    # in steps from the first bin; whole numbers before cycles are repeated
    centre = log_mean.mean(axis=0)
    sample = np.isfinite(log_g)
    x = np.rint((np.where(sample, log_g - centre, 0.0) - bins[0]) / step).astype(np.intp)
    shift = np.rint((log_mean - centre) / step).astype(np.intp)
    found = np.empty((len(picks), bins.size))
    at_once = max(1, BLOCK // log_g.size)
    for first in range(0, len(picks), at_once):
        some = slice(first, first + at_once)
        placed = x[picks[some]]  # (resamples, cycles, usable points)
        placed -= shift[some, None, :]
        np.maximum(np.minimum(placed, last, out=placed), 0, out=placed)
        placed += (np.arange(len(placed)) * bins.size)[:, None, None]
        counted = placed.ravel() if sample.all() else placed[sample[picks[some]]]
        found[some] = np.bincount(counted, minlength=len(placed) * bins.size).reshape(-1, bins.size)
    # a resample whose cycles have no sample here spreads as all resamples together do
    found[found.sum(axis=1) == 0] = found.sum(axis=0)
    return found / found.sum(axis=1, keepdims=True)
