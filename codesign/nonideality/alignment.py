"""The charging branch of every cycle, its points put together by voltage and direction.

A point of a branch is a voltage on the way up (or back), not a row of the file: sweeps may start
anywhere, be cut short, or go higher cycle by cycle. The charging branch is the way from 0 V to
the largest voltage, wherever in the cycle it stands; where the end of a cycle is in the middle of it,
it goes on in the next. Several readings at one voltage are averaged.
"""

from typing import NamedTuple

import numpy as np

from codesign.iv.programme import (
    Rise,
    rises_of,
    rounding_of,
    step_of,
    steps_of_readings,
    turning_of,
)

NEXT_STEP = 1.5
"""The next cycle goes on where this one ends if its first voltage is at most so many steps away."""


class Aligned(NamedTuple):
    """Sweeps whose points of one number have one voltage and one direction."""

    voltage: np.ndarray
    """Volts, shape (n_cycles, branch points), NaN where a cycle has no such point."""
    current: np.ndarray
    """Amperes, same shape, NaN where not recorded."""
    quadrant_v: np.ndarray
    """Volts of everything with positive voltage, in the order of the sweep, NaN elsewhere;
    shape (n_cycles, n_steps)."""
    quadrant_a: np.ndarray
    """Amperes there, same shape."""
    notes: tuple[str, ...]
    """What a reader should know."""


def align(voltage: np.ndarray, current: np.ndarray, *, way_back: bool) -> Aligned | None:
    """The charging branch of sweeps; None where no voltage rises above zero.

    Args:
        voltage: Volts, shape (n_cycles, n_points), NaN where a cycle has no such row.
        current: Amperes, same shape.
        way_back: Whether the way from the largest voltage back to 0 V belongs to it.
    """
    filled = np.isfinite(voltage)
    longest = voltage[int(np.argmax(filled.sum(axis=1)))]
    longest = longest[np.isfinite(longest)]
    spacing = step_of(longest)
    if spacing == 0:  # a record at one voltage has no way up
        return Aligned(voltage, current, voltage, current, ()) if way_back and (longest > 0).all() else None
    near = turning_of(longest)
    if longest.size < voltage.shape[1] or not _one_programme(voltage, longest, near):
        return _aligned_by_voltage(voltage, current, way_back=way_back)
    # one programme: what holds for its mean holds for every cycle
    mean = np.where(filled, voltage, 0.0).sum(axis=0) / filled.sum(axis=0)
    step = steps_of_readings(mean)
    notes = _about_readings(mean, step)
    if notes:
        voltage, current = _means(voltage, step), _means(current, step)
        mean = np.bincount(step, weights=mean) / np.bincount(step)
        spacing, near = step_of(mean), turning_of(mean)
    steps = mean.size
    twice = np.concatenate([mean, mean]) if _goes_on(mean, mean, spacing) else mean
    rise, others = _largest(twice, rises_of(twice, back_v=near), steps, spacing)
    if rise is None:
        return None
    last = rise.top
    if way_back:
        last = rise.end if rise.top >= steps else min(rise.end, steps - 1)
    later, column = np.divmod(np.arange(rise.start, last + 1), steps)
    notes += _about_rises(others, int(later.max()))
    quadrant = mean > rounding_of(mean)
    return Aligned(
        _gathered(voltage, later, column),
        _gathered(current, later, column),
        np.where(quadrant, voltage, np.nan),
        np.where(quadrant, current, np.nan),
        notes,
    )


def _one_programme(voltage: np.ndarray, programme: np.ndarray, near: float) -> bool:
    """Whether every cycle follows the programme, row by row."""
    with np.errstate(invalid="ignore"):
        return not bool((np.abs(voltage - programme) > near).any())


def _goes_on(voltage_v: np.ndarray, following_v: np.ndarray, spacing: float) -> bool:
    """Whether the following cycle begins, above 0 V, where this one ends."""
    last, first = float(voltage_v[-1]), float(following_v[0])
    zero = rounding_of(voltage_v)
    return max(last, first) > zero and abs(first - last) <= NEXT_STEP * spacing + zero


def _largest(voltage_v: np.ndarray, rises: list[Rise], steps: int, spacing: float) -> tuple[Rise | None, int]:
    """The first of the longest ways up that begin in this cycle, and how many more there are as long."""
    own = [rise for rise in rises if rise.start < steps]
    if not own:
        return None, 0
    span = np.array([voltage_v[rise.top] - voltage_v[rise.start] for rise in own])
    long = np.flatnonzero(span >= span.max() - 0.5 * spacing)
    whole = [k for k in long if own[k].top < steps]
    return own[long[0]], max(0, len(whole) - 1)


def _about_rises(others: int, later: int) -> tuple[str, ...]:
    said = ()
    if others:
        said += (f"a cycle has {others + 1} ways up to its largest voltage; the first is used",)
    if later:
        said += ("the way up goes on in the next cycle; it counts with the cycle in which it begins",)
    return said


def _gathered(values: np.ndarray, later: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Columns of each cycle, or of the one after it where `later` is 1; NaN after the last cycle."""
    if not later.any():
        return values[:, column]
    padded = np.vstack([values, np.full((1, values.shape[1]), np.nan)])
    return padded[np.arange(values.shape[0])[:, None] + later, column]


def _means(values: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Mean of the finite values of each step, NaN where there is none; shape (n_cycles, n_steps)."""
    first = np.flatnonzero(np.diff(step, prepend=-1))
    finite = np.isfinite(values)
    count = np.add.reduceat(finite.astype(int), first, axis=1)
    total = np.add.reduceat(np.where(finite, values, 0.0), first, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _about_readings(voltage_v: np.ndarray, step: np.ndarray) -> tuple[str, ...]:
    """What to say of readings that are averaged; nothing where every reading is a step."""
    readings = np.bincount(step)
    if readings.max() == 1:
        return ()
    usual = int(np.median(readings[voltage_v[np.searchsorted(step, np.arange(readings.size))] > 0]))
    if usual > 1:
        return (f"{usual} readings a step of the same voltage are averaged",)
    return (f"repeated readings at {(readings > 1).sum()} voltages are averaged",)


def _aligned_by_voltage(voltage: np.ndarray, current: np.ndarray, *, way_back: bool) -> Aligned | None:
    """`align` of cycles whose rows differ in voltage, one by one."""
    cycles, notes = [], []
    for volts, amperes in zip(voltage, current, strict=True):
        present = np.isfinite(volts)
        volts, amperes = volts[present], amperes[present]
        step = steps_of_readings(volts)
        notes += _about_readings(volts, step)
        cycles.append((_means(volts[None], step)[0], _means(amperes[None], step)[0]))
    ways_up, ways_back = [], []
    for (volts, amperes), following in zip(cycles, [*cycles[1:], None], strict=True):
        steps, spacing = volts.size, step_of(volts)
        if following is not None and steps and following[0].size and _goes_on(volts, following[0], spacing):
            volts, amperes = np.concatenate([volts, following[0]]), np.concatenate([amperes, following[1]])
        rise, others = _largest(volts, rises_of(volts), steps, spacing)
        if rise is None:
            rise = Rise(0, -1, -1)
        notes += _about_rises(others, int(rise.top >= steps))
        up, back = slice(rise.start, rise.top + 1), slice(rise.top + 1, rise.end + 1)
        ways_up.append((volts[up], amperes[up]))
        ways_back.append((volts[back][::-1], amperes[back][::-1]))
    if not any(volts.size for volts, _ in ways_up):
        return None
    branch_v, branch_a = _side_by_side(ways_up)
    if way_back:
        back_v, back_a = _side_by_side(ways_back)
        branch_v, branch_a = np.hstack([branch_v, back_v[:, ::-1]]), np.hstack([branch_a, back_a[:, ::-1]])
    quadrant_v, quadrant_a = (np.full((len(cycles), max(v.size for v, _ in cycles)), np.nan) for _ in "va")
    for k, (volts, amperes) in enumerate(cycles):
        positive = volts > rounding_of(volts)
        quadrant_v[k, : volts.size] = np.where(positive, volts, np.nan)
        quadrant_a[k, : volts.size] = np.where(positive, amperes, np.nan)
    said = "the rows of the cycles differ in voltage: points are put together by voltage and direction"
    return Aligned(branch_v, branch_a, quadrant_v, quadrant_a, (said, *dict.fromkeys(notes)))


def _side_by_side(ways: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Ways in one direction as rows, points of one voltage in one column.

    The longest way gives the voltages; those of others beyond its ends are added. A reading belongs to
    the nearest; two of one cycle at one voltage are averaged.

    Args:
        ways: Volts, ascending but for noise, and amperes of each cycle.

    Returns:
        Volts and amperes, both (n_cycles, n_voltages), NaN where a cycle has none.
    """
    programme = np.empty(0)
    for volts, _ in sorted(ways, key=lambda way: -way[0].size):
        if volts.size == 0:
            continue
        if programme.size == 0:
            programme = np.sort(volts)
            continue
        # half a step, as steps are at either end
        low, high = (0.5 * step_of(end if end.size > 1 else volts) for end in (programme[:4], programme[-4:]))
        below, above = volts[volts < programme[0] - low], volts[volts > programme[-1] + high]
        if below.size or above.size:
            programme = np.sort(np.concatenate([below, programme, above]))
    middle = (programme[1:] + programme[:-1]) / 2
    volts, amperes = (np.full((len(ways), programme.size), np.nan) for _ in "va")
    for k, (v, i) in enumerate(ways):
        place = np.searchsorted(middle, v)
        recorded = np.isfinite(i)
        count = np.bincount(place[recorded], minlength=programme.size)
        seen = count > 0
        for target, values in ((volts, v), (amperes, i)):
            total = np.bincount(place[recorded], weights=values[recorded], minlength=programme.size)
            target[k, seen] = total[seen] / count[seen]
        absent = np.setdiff1d(place[~recorded], np.flatnonzero(seen))
        volts[k, absent] = programme[absent]
    return volts, amperes
