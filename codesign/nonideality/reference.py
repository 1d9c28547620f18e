"""The reference code's choices, for comparison only.

Rows 1 to 100 of the file whatever the sweep is, compliance kept, the mean
curve unsmoothed (its Kalman filter has observation noise 0 and changes
nothing), a window of at most two non-increases, and a normal law fitted to
the ratio G / mean rather than to its logarithm; U = exp(-sigma). These are
written out here: they stay when the project changes a formula of its own.
"""

from typing import NamedTuple

import numpy as np

from codesign.nonideality.lcis import lcis

FIRST_ROW, LAST_ROW = 1, 100
WINDOW_POINTS = 35
TOLERATED_DROPS = 2


class Reference(NamedTuple):
    """What the reference code would report; NaN where it could not."""

    usability: float
    eta: float
    sigma: float


def reference_usability(voltage_v: np.ndarray, current_a: np.ndarray) -> Reference:
    """Usability by the reference code's choices.

    Args:
        voltage_v: Shape (n_cycles, n_points).
        current_a: Shape (n_cycles, n_points).
    """
    rows = slice(FIRST_ROW, LAST_ROW + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        conductance = current_a[:, rows] / voltage_v[:, rows]
    conductance = np.where(np.isfinite(conductance), conductance, np.nan)
    count = np.isfinite(conductance).sum(axis=0)
    mean = np.where(count > 0, np.nansum(conductance, axis=0) / np.maximum(count, 1), np.nan)
    usable = np.isfinite(mean)
    window = lcis(mean, usable, tolerated_drops=TOLERATED_DROPS)
    if window.length == 0:
        return Reference(np.nan, np.nan, np.nan)
    start = max(0, min(window.start, mean.size - WINDOW_POINTS))
    stretch = slice(start, start + WINDOW_POINTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = conductance[:, stretch] / mean[stretch]
    ratio = ratio[np.isfinite(ratio)]
    sigma = float(ratio.std()) if ratio.size else np.nan
    eta = min(1.0, window.length / WINDOW_POINTS)
    return Reference(float(np.exp(-sigma)), float(eta), sigma)
