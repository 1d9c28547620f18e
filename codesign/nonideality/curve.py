"""What a cell ends at when it is programmed to a level: the measured curve in straight pieces.

The one place where the paper's Eq. 6 stands. The simulator of networks and the fidelity of a device
both program by it.
"""

from typing import NamedTuple

import numpy as np


class Segments(NamedTuple):
    """The measured curve as straight pieces: on piece k the value is intercept[k] + slope[k] t."""

    intercept: np.ndarray
    slope: np.ndarray
    at_zero: float
    """Value at t = 0."""
    identity: bool
    """Every level is reached."""

    def at(self, level: np.ndarray) -> np.ndarray:
        """Values at levels in [0, 1], any shape."""
        if self.identity and self.slope[0] == 1:
            return level
        pieces = self.slope.size
        piece = np.minimum((level * pieces).astype(np.intp), pieces - 1)
        # rounding alone could leave the range, and turn a sign
        return np.clip(self.intercept[piece] + self.slope[piece] * level, 0.0, 1.0)


def curve_segments(curve: np.ndarray, reached: np.ndarray, mapping: str) -> Segments:
    """Pieces between window points, shape (window points - 1,).

    `relative`: the value is the level reached. `ratio`: the value is the factor on the
    weight. Where a piece lies inside the LCIS window they are (0, 1) and (1, 0), so
    that the weight comes out bit for bit.

    Args:
        curve: Normalised conductance over the operative window, in [0, 1], shape (window points,).
        reached: Window points inside the LCIS window, bool, shape (window points,).
        mapping: `relative` | `ratio`.
    """
    if curve.size == 1:
        curve, reached = np.repeat(curve, 2), np.repeat(reached, 2)
    pieces = curve.size - 1
    slope = np.diff(curve) * pieces
    intercept = curve[:-1] - np.arange(pieces) * np.diff(curve)
    inside = reached[:-1] & reached[1:]
    exact = (0.0, 1.0) if mapping == "relative" else (1.0, 0.0)
    intercept, slope = np.where(inside, exact[0], intercept), np.where(inside, exact[1], slope)
    return Segments(intercept, slope, float(intercept[0]), bool(inside.all()))


def curve_values(curve: np.ndarray, reached: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Levels that cells of many devices end at: `curve_segments(..., "relative").at(level)` of each.

    Args:
        curve: Normalised conductance, shape (devices, window points).
        reached: Shape (devices, window points).
        level: The same levels for every device, shape (levels,).

    Returns:
        Shape (devices, levels).
    """
    if curve.shape[1] == 1:
        curve, reached = np.repeat(curve, 2, axis=1), np.repeat(reached, 2, axis=1)
    pieces = curve.shape[1] - 1
    piece = np.minimum((level * pieces).astype(np.intp), pieces - 1)
    between = level * pieces - piece
    value = curve[:, piece] + between * (curve[:, piece + 1] - curve[:, piece])
    return np.where(reached[:, piece] & reached[:, piece + 1], level, value)
