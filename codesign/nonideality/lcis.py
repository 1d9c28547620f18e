"""Longest conductance increasing subsequence (LCIS), and the window that networks are programmed into.

The LCIS is the longest contiguous window of a mean conductance curve with at
most `tolerated_drops` non-increases (the paper, Eq. 3). A point that is not
usable ends a window.
"""

from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """A stretch of branch points."""

    start: int
    """First point."""
    length: int
    """Number of points; 0 where no point is usable."""

    @property
    def stretch(self) -> slice:
        """Its points, to index an array of the branch with."""
        return slice(self.start, self.start + self.length)


def longest_increasing_window(
    conductance_s: np.ndarray, usable: np.ndarray, *, tolerated_drops: int
) -> tuple[np.ndarray, np.ndarray]:
    """LCIS of many curves at once, in O(points).

    Args:
        conductance_s: Mean conductance, shape (n_curves, n_points); values at
            points that are not usable are ignored. NaN at a usable point
            counts as a non-increase.
        usable: Which points may be in a window, shape (n_points,), the same
            for every curve.
        tolerated_drops: Non-increases allowed inside the window, >= 0.

    Returns:
        Start and length of the first longest window, both int, shape (n_curves,).

    Raises:
        ValueError: Shapes do not fit or `tolerated_drops` is negative.
    """
    curves = np.asarray(conductance_s, dtype=float)
    usable = np.asarray(usable, dtype=bool)
    if curves.ndim != 2 or usable.shape != curves.shape[1:]:
        raise ValueError(f"need (n_curves, n_points) and (n_points,), got {curves.shape}, {usable.shape}")
    if tolerated_drops < 0:
        raise ValueError(f"tolerated_drops must be at least 0, got {tolerated_drops}")
    n_curves, n_points = curves.shape
    if not usable.any():
        return np.zeros(n_curves, dtype=np.int64), np.zeros(n_curves, dtype=np.int64)
    # a drop lies before point i where curve[i] does not exceed curve[i - 1]
    drops = ~(curves[:, 1:] > curves[:, :-1])
    fallen = np.zeros((n_curves, n_points), dtype=np.int64)  # drops up to each point
    np.cumsum(drops, axis=1, out=fallen[:, 1:])
    # where each curve has fallen k times for the first time; 0 times: at its first point
    rows, before = np.divmod(np.flatnonzero(drops), max(n_points - 1, 1))
    first = np.zeros(n_curves * n_points, dtype=np.int64)
    row = np.arange(n_curves) * n_points
    first[row[rows] + fallen[rows, before + 1]] = before + 1
    # a window that ends at a point begins where no more than the tolerated drops lie between, ...
    begin = first[row[:, None] + np.maximum(fallen - tolerated_drops, 0)]
    # ... and after the last point that is not usable
    point = np.arange(n_points)
    np.maximum(begin, np.maximum.accumulate(np.where(usable, 0, point + 1)), out=begin)
    length = point + 1 - begin  # 0 where not usable
    best = length.argmax(axis=1)  # the first of the longest
    curve = np.arange(n_curves)
    return begin[curve, best], length[curve, best]


def lcis(conductance_s: np.ndarray, usable: np.ndarray, *, tolerated_drops: int) -> Window:
    """LCIS of one curve, shape (n_points,); see `longest_increasing_window`.

    >>> curve = np.array([1.0, 2.0, 1.5, 3.0, 4.0, 0.5, 0.6])
    >>> every = np.ones(7, dtype=bool)
    >>> lcis(curve, every, tolerated_drops=0)
    Window(start=2, length=3)
    >>> lcis(curve, every, tolerated_drops=1)
    Window(start=0, length=5)
    """
    start, length = longest_increasing_window(
        np.asarray(conductance_s, dtype=float)[None, :], usable, tolerated_drops=tolerated_drops
    )
    return Window(int(start[0]), int(length[0]))


def operative_window(start: int, branch_points: int, *, min_operative_fraction: float) -> Window:
    """The l0 of the branch that a network is programmed into.

    It begins with the LCIS window and is moved back where it would run past the end.

    >>> operative_window(10, 100, min_operative_fraction=0.35)
    Window(start=10, length=35)
    >>> operative_window(90, 100, min_operative_fraction=0.35)
    Window(start=65, length=35)
    """
    length = min(branch_points, int(np.ceil(min_operative_fraction * branch_points)))
    return Window(min(start, branch_points - length), length)
