"""Longest conductance increasing subsequence (LCIS) and the non-monotonic factor.

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
    # a drop before point i: curve[i] does not exceed curve[i - 1]
    drops = ~(curves[:, 1:] > curves[:, :-1])
    # column 0: where a window ending here may begin; column j: where it may begin with j fewer drops
    begin = np.zeros((n_curves, tolerated_drops + 1), dtype=np.int64)
    best_start = np.zeros(n_curves, dtype=np.int64)
    best_length = np.zeros(n_curves, dtype=np.int64)
    fresh = True
    for i in range(n_points):
        if not usable[i]:
            fresh = True
            continue
        if fresh:
            begin[:] = i
            fresh = False
        else:
            fell = drops[:, i - 1]
            begin[fell, :-1] = begin[fell, 1:]
            begin[fell, -1] = i
        length = i + 1 - begin[:, 0]
        better = length > best_length
        best_length[better] = length[better]
        best_start[better] = begin[better, 0]
    return best_start, best_length


def lcis(conductance_s: np.ndarray, usable: np.ndarray, *, tolerated_drops: int) -> Window:
    """LCIS of one curve, shape (n_points,); see `longest_increasing_window`."""
    start, length = longest_increasing_window(
        np.asarray(conductance_s, dtype=float)[None, :], usable, tolerated_drops=tolerated_drops
    )
    return Window(int(start[0]), int(length[0]))


def nonmonotonic_factor(length, branch_points: int, *, min_operative_fraction: float):
    """eta = min(1, l / l0) with l = LCIS length / branch points (the paper, Eq. 3).

    Args:
        length: Points in the LCIS, scalar or array.
        branch_points: Points on the branch, those in compliance included.
        min_operative_fraction: l0, the share of the branch that gives eta = 1.
    """
    return np.minimum(1.0, np.asarray(length) / branch_points / min_operative_fraction)


def operative_window(start: int, branch_points: int, *, min_operative_fraction: float) -> Window:
    """The l0 of the branch that a network is programmed into.

    It begins with the LCIS window and is moved back where it would run past the end.
    """
    length = min(branch_points, int(np.ceil(min_operative_fraction * branch_points)))
    return Window(min(start, branch_points - length), length)
