"""Fidelity: how much of the direction of a column of weights survives on a device.

    F = E cos(w, w_hat) = E [ sum w_i w_hat_i / sqrt(sum w_i^2 sum w_hat_i^2) ]       0 <= F <= 1

over columns of n = 256 weights: |w| half-normal divided by its largest, w_hat the weight programmed as
networks are (`codesign.nonideality.curve`, the paper's Eq. 6) and multiplied by ratios G / mean drawn from
the device's own cycles. What a column computes is a direction, so a common scale does not count; a cell
that fails to conduct is one weight missing, and one that conducts a thousand times too much drowns the
column. Usability, whose sigma is a spread of ln G, counts both alike. F is 1 only for a device that reaches
every level and repeats it. For n -> infinity and exact levels it is E f / sqrt(E f^2) of the factor f:
exp(-sigma^2 / 2) where the spread is log-normal.

Source: this project; U of the paper (Eq. 5) stands beside it.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri

from codesign.nonideality.curve import Segments

CELLS = 256
"""Weights of a column: one column of an array."""
DRAWS = 400
"""Columns that a fidelity is the mean of: its standard error is 0.003 rms over the measured devices."""

LEVELS = 96
"""Levels that stand for a column's in the closed form."""
STEP = 0.1
"""Of ln(level) and ln(ratio) in the closed form."""
NODE_STEP = 6
"""Between nodes of its integral, in `STEP`: the trapezoid rule errs by less than 0.0005."""
LOWEST, HIGHEST = -9.0, 6.0
"""ln(ratio) in the closed form. A ratio to the mean of n cycles is at most n: none is larger below 400."""
FADED = 5.0
"""-ln of the least level in the closed form."""


class Columns(NamedTuple):
    """Columns of weights to be programmed, and what their cells draw."""

    level: np.ndarray
    """|w| divided by its largest, shape (draws, cells)."""
    place: np.ndarray
    """In [0, 1): place in the distribution of factors that each cell takes, shape (draws, cells)."""


def draw_columns(rng: np.random.Generator, *, draws: int = DRAWS, cells: int = CELLS) -> Columns:
    """Columns with half-normal weights.

    Devices that are compared on the same columns share most of their error.

    Args:
        rng: Draws them.
        draws: Number of columns.
        cells: Weights in each.
    """
    # drawn in single precision, which is twice as fast
    size = np.abs(rng.standard_normal((draws, cells), dtype=np.float32)).astype(float)
    place = rng.random((draws, cells), dtype=np.float32)
    return Columns(size / size.max(axis=1, keepdims=True), place.astype(float))


def resampled_factors(ratios: np.ndarray, columns: Columns) -> np.ndarray:
    """Factors of the columns' cells, drawn from a device's own ratios.

    Args:
        ratios: G / mean of every sample that counts, shape (n_samples,), at least one; may be negative.
        columns: Whose cells.

    Raises:
        ValueError: No ratio, or one that is not finite.
    """
    ratios = np.asarray(ratios, dtype=float)
    if ratios.size == 0 or not np.isfinite(ratios).all():
        raise ValueError("factors are drawn from at least one ratio, and every ratio is finite")
    return ratios[(columns.place * ratios.size).astype(np.intp)]


def lognormal_factors(sigma: float, columns: Columns) -> np.ndarray:
    """Factors exp(sigma z) of the columns' cells."""
    return np.exp(sigma * ndtri(np.maximum(columns.place, np.finfo(float).tiny)))


def cosines(segments: Segments, factors: np.ndarray, columns: Columns) -> np.ndarray:
    """cos(w, w_hat) of each column, shape (draws,); 0 where nothing is stored.

    Signs of weights cancel, so |w| is all that is needed.

    Args:
        segments: Of the device's curve, mapping `relative`.
        factors: Of every cell, shape (draws, cells).
        columns: The weights.
    """
    level = columns.level
    programmed = segments.at(level) * factors
    along = np.einsum("dc,dc->d", level, programmed)
    length = np.sqrt(np.einsum("dc,dc->d", level, level) * np.einsum("dc,dc->d", programmed, programmed))
    return np.divide(along, length, out=np.zeros(len(level)), where=length > 0)


def fidelity(segments: Segments, factors: np.ndarray, columns: Columns) -> float:
    """F: mean of `cosines`, 0 where it is negative.

    >>> columns = draw_columns(np.random.default_rng(1))
    >>> from codesign.nonideality.curve import curve_segments
    >>> exact = curve_segments(np.array([0.0, 1.0]), np.array([True, True]), "relative")
    >>> round(fidelity(exact, lognormal_factors(0.0, columns), columns), 9)
    1.0
    >>> round(fidelity(exact, lognormal_factors(0.2, columns), columns), 2), round(math.exp(-0.2**2 / 2), 2)
    (0.98, 0.98)
    """
    # rounding alone could leave the range
    return min(1.0, max(0.0, float(cosines(segments, factors, columns).mean())))


def expected_fidelity(values: np.ndarray, histogram: np.ndarray) -> np.ndarray:
    """F of many devices at once, without draws: for the bootstrap, where differences count.

    With x_i = w_hat_i, S the sum of x_i^2 and 1 / sqrt(S) = 2 / sqrt(pi) int exp(-s^2 S) ds over s > 0,

        E [ sum w_i x_i / sqrt(S) ] = 2 n / sqrt(pi) int E[w x exp(-s^2 x^2)] (E exp(-s^2 x^2))^(n-1) ds

    for independent cells. Approximated are sum w_i^2 and max |w| by their expectations, the law of |w| by
    `LEVELS` levels, and logarithms of levels and ratios by steps.

    Args:
        values: What a cell at each of `weighted_levels` ends at, shape (devices, levels).
        histogram: Share of ratios at each of `log_ratio_bins`, shape (devices, bins).

    Returns:
        Shape (devices,).
    """
    levels, weights = weighted_levels()
    log_ratio = log_ratio_bins()
    faded = round(FADED / STEP)
    place = np.rint(np.log(np.maximum(values, math.exp(-FADED))) / STEP).astype(np.intp) + faded
    place += (np.arange(len(values)) * (faded + 1))[:, None]
    share, along = (
        np.bincount(place.ravel(), weights=each.ravel(), minlength=len(values) * (faded + 1)).reshape(
            len(values), -1
        )
        for each in (np.broadcast_to(weights, values.shape), weights * levels * values)
    )  # (devices, levels down to the least), of w_hat without its ratio
    size = log_ratio.size + faded
    padded = next_fast_len(size, real=True)

    def product(level: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        """The law of ln(level * ratio), shape (devices, size); single precision is enough, and faster."""
        spectrum = rfft(level.astype(np.float32), padded)
        spectrum *= rfft(ratio.astype(np.float32), padded)
        return irfft(spectrum, padded, overwrite_x=True)[:, :size]

    x = LOWEST - FADED + STEP * np.arange(size)
    # ln s, from where even columns of the largest ratio are not seen to where the smallest decide
    node = np.arange(-HIGHEST - 0.5 * math.log(CELLS) - 1.5, FADED, STEP * NODE_STEP)
    unseen = np.exp(-np.exp(2 * (x[:, None] + node))).astype(np.float32)  # (size, nodes)
    phi = product(share, histogram) @ unseen
    psi = product(along, histogram * np.exp(log_ratio)) @ unseen
    integral = (psi * np.abs(phi) ** (CELLS - 1)) @ np.exp(node) * (STEP * NODE_STEP)
    found = 2 / math.sqrt(math.pi) * integral * math.sqrt(CELLS / (weights @ levels**2))
    return np.clip(found, 0.0, 1.0)


def weighted_levels() -> tuple[np.ndarray, np.ndarray]:
    """`LEVELS` levels of a column with their probabilities, closer together where weights are large."""
    # quantiles of z exp(-z^2 / 2): the half-normal law times its own size
    z = np.sqrt(-2 * np.log1p(-(np.arange(LEVELS) + 0.5) / LEVELS))
    return np.minimum(z / ndtri(1 - 0.28 / CELLS), 1.0), (1 / z) / (1 / z).sum()


def log_ratio_bins() -> np.ndarray:
    """Middles of the bins of ln(ratio)."""
    return STEP * np.arange(round(LOWEST / STEP), round(HIGHEST / STEP) + 1)
