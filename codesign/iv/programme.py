"""The voltage programme of a sweep: its step, its noise, readings that belong to one step, its rises."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

ROUNDING = 1e-6
"""Voltages this close, as a share of the largest, are one; below it a voltage is zero."""
APART = 4.0
"""Moves from step to step are at least so many times those between the readings of one step."""
HELD = 0.3
"""Readings of one step lie within this share of the smallest move to another."""


class Rise(NamedTuple):
    """A way up with positive voltage, and the way back behind it; places in the voltages given."""

    start: int
    top: int
    end: int
    """Last place of the way back that has a positive voltage; `top` where there is none."""


def rounding_of(voltage_v: np.ndarray) -> float:
    """Largest difference of two voltages that are one [V]."""
    return ROUNDING * float(np.abs(voltage_v).max(initial=0.0))


def step_of(voltage_v: np.ndarray) -> float:
    """Median move from a voltage to the next other one [V]; 0 where it stays.

    Args:
        voltage_v: Shape (n,), finite.

    >>> round(step_of(np.array([0.0, 0.1, 0.1, 0.2, 0.3, 0.2])), 6)
    0.1
    """
    moves = np.abs(np.diff(voltage_v))
    moves = moves[moves > rounding_of(voltage_v)]
    return _quantile(moves, 0.5) if moves.size else 0.0


def read_back_noise(voltage_v: np.ndarray) -> float:
    """Standard deviation of the noise on a voltage that moves in equal steps [V].

    Second differences vanish but for the turning points and the noise, six
    variances of it each; their 30 % quantile leaves the turning points out.

    Args:
        voltage_v: Shape (n,), finite.
    """
    if voltage_v.size < 3:
        return 0.0
    bent = np.abs(np.diff(voltage_v, n=2))
    noise = _quantile(bent, 0.3) / (0.3853 * np.sqrt(6))  # 0.3853: 30 % quantile of |N(0, 1)|
    return noise if noise > 1e-9 * np.abs(voltage_v).max() else 0.0


def _quantile(values: np.ndarray, share: float) -> float:
    """`np.quantile` of one row in a fifth of its time."""
    ordered = np.sort(values)
    place = share * (values.size - 1)
    low = int(place)
    high = min(low + 1, values.size - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def steps_of_readings(voltage_v: np.ndarray) -> np.ndarray:
    """The step that each reading belongs to; consecutive readings at one positive voltage are one step.

    Where the voltage turns back, a stay twice as long as usual is two steps: the last
    of the one way and the first of the other. Voltages that are read back count as one where
    the moves between them are much smaller than those to other voltages.

    Args:
        voltage_v: In the order they were taken, shape (n,), finite.

    Returns:
        Ascending step numbers from 0, shape (n,).

    >>> steps_of_readings(np.array([0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0])).tolist()
    [0, 1, 1, 2, 2, 3, 3, 4, 4]
    """
    v = voltage_v
    positive = v > rounding_of(v)
    joined = _joined(v) & positive[1:] & positive[:-1]
    if not joined.any():
        return np.arange(v.size)
    first = np.flatnonzero(np.concatenate([[True], ~joined]))
    length = np.diff(np.append(first, v.size))
    usual = np.median(length[positive[first]])
    inner = (first > 0) & (first + length < v.size)
    at = first[inner]
    before, after = v[at] - v[at - 1], v[at + length[inner]] - v[at]
    turns = np.zeros(first.size, dtype=bool)
    turns[inner] = before * after < 0
    twice = turns & (length >= 1.5 * usual) & (length > 1)
    starts = np.zeros(v.size, dtype=int)
    starts[first] = 1
    starts[first[twice] + length[twice] // 2] = 1
    return np.cumsum(starts) - 1


def _joined(v: np.ndarray) -> np.ndarray:
    """Whether each reading and the next are of one step, shape (n - 1,)."""
    moves = np.abs(np.diff(v))
    same = moves <= rounding_of(v)
    sizes = np.sort(moves[~same])
    for k in np.flatnonzero(sizes[1:] >= APART * sizes[:-1]):
        smallest = sizes[k + 1]
        if smallest < HELD * np.median(sizes[k + 1 :]):
            continue
        joined = moves <= sizes[k]
        first = np.flatnonzero(np.concatenate([[True], ~joined]))
        width = np.maximum.reduceat(v, first) - np.minimum.reduceat(v, first)
        if width.max() <= HELD * smallest:
            return joined
    return same


def rises_of(voltage_v: np.ndarray, *, back_v: float | None = None) -> list[Rise]:
    """Every way up that reaches a positive voltage, in order.

    Args:
        voltage_v: One step an entry, shape (n,), finite.
        back_v: The voltage turns where it goes back by more than this; by default `turning_of` it.

    >>> rises_of(np.array([0.0, 1.0, 2.0, 1.0, 0.0, -1.0, 0.0, 1.0]))
    [Rise(start=1, top=2, end=3), Rise(start=7, top=7, end=7)]
    """
    if voltage_v.size < 2:
        return []
    zero = rounding_of(voltage_v)
    turns = _turns(voltage_v, back=turning_of(voltage_v) if back_v is None else back_v, same=zero)
    found = []
    for k, (low, top) in enumerate(pairwise(turns)):
        if not voltage_v[top] > max(voltage_v[low], zero):
            continue
        below = np.flatnonzero(voltage_v[low:top] <= zero)
        start = low + (int(below[-1]) + 1 if below.size else 0)
        last = turns[k + 2] if k + 2 < len(turns) else top
        below = np.flatnonzero(voltage_v[top : last + 1] <= zero)
        end = top + (int(below[0]) - 1 if below.size else last - top)
        found.append(Rise(start, top, end))
    return found


def turning_of(voltage_v: np.ndarray) -> float:
    """How far a voltage goes back where it turns [V]: 0.6 of a step and six deviations of its noise."""
    return 0.6 * step_of(voltage_v) + 6 * read_back_noise(voltage_v)


def _turns(voltage_v: np.ndarray, *, back: float, same: float) -> list[int]:
    """First place, every turning point and the last extreme; of equal tops the first, of bottoms the last."""
    v = voltage_v.tolist()
    turns, heading, low, high = [], 0, 0, 0
    for k, x in enumerate(v):
        if heading >= 0 and x > v[high] + same:
            high = k
        if heading <= 0 and x <= v[low] + same:
            low = k
        if heading <= 0 and x - v[low] > back:
            turns.append(low)
            heading, high = 1, k
        elif heading >= 0 and v[high] - x > back:
            turns.append(high)
            heading, low = -1, k
    return [*turns, high if heading > 0 else low]
