"""A long record to cycles, by its voltage."""

import numpy as np

from codesign.iv.programme import read_back_noise


def split_cycles(voltage_v: np.ndarray) -> np.ndarray:
    """First sample of each cycle in a record that holds several cycles end to end.

    A new cycle starts where the voltage is back at its first value and leaves it in
    the direction in which the record began. The passage through 0 V from +Vmax
    to -Vmax is thus no start. A start value that stands twice at a seam ends one
    cycle and starts the next. "Back" means within 0.6 of the median step plus four
    standard deviations of the read-back noise, and "leaves" means six more of them, so that
    noise about the start value is no return. Where the cycles found repeat one programme, they
    are cut to the programme's exact length.

    Args:
        voltage_v: Shape (n_samples,), finite.

    Returns:
        Indices, the first of them 0; only 0 where the voltage never returns, or
        where "cycles" would have fewer than four points (a noisy, not a swept source).
    """
    offset = voltage_v - voltage_v[0]
    steps = np.abs(np.diff(voltage_v))
    reach = np.abs(offset).max()
    if reach == 0:
        return np.array([0])
    step, noise = float(np.median(steps[steps > 0])), read_back_noise(voltage_v)
    near = min(0.6 * step + 4 * noise, 0.25 * reach)
    runs = _stays(np.abs(offset), near=near, away=min(near + 6 * noise, 0.5 * reach))
    side = [np.sign(offset[last + 1]) if last + 1 < offset.size else 0.0 for _, last in runs]
    starts = [0]
    held = _leading(np.abs(offset[: runs[0][1] + 1]), tolerance=1e-6 * reach)
    for (first, last), direction in zip(runs[1:], side[1:], strict=True):
        if direction == side[0]:
            closest = _closest(np.abs(offset[first : last + 1]), tolerance=1e-6 * reach)
            starts.append(first + max(0, closest - held + 1))
    lengths = np.diff([*starts, voltage_v.size])
    if np.median(lengths) < 4:
        return np.array([0])
    return _periodic(voltage_v, np.array(starts), tolerance_v=0.25 * step + 2 * noise)


def _stays(distance: np.ndarray, *, near: float, away: float) -> list[tuple[int, int]]:
    """First and last samples of each stay at the start value: from within `near` to beyond `away`."""
    inside, outside = np.flatnonzero(distance <= near), np.flatnonzero(distance > away)
    runs, first = [], 0
    while True:
        k = np.searchsorted(outside, first)
        if k == outside.size:
            return [*runs, (int(first), distance.size - 1)]
        runs.append((int(first), int(outside[k]) - 1))
        k = np.searchsorted(inside, outside[k])
        if k == inside.size:
            return runs
        first = inside[k]


def _leading(distance: np.ndarray, *, tolerance: float) -> int:
    """Samples at the start of a record that hold its first value."""
    moved = np.flatnonzero(distance > tolerance)
    return int(moved[0]) if moved.size else distance.size


def _closest(distance: np.ndarray, *, tolerance: float) -> int:
    """Index of the last of the samples nearest to the start value."""
    return int(np.flatnonzero(distance <= distance.min() + tolerance)[-1])


def _periodic(voltage_v: np.ndarray, starts: np.ndarray, *, tolerance_v: float) -> np.ndarray:
    """Starts at the exact period where the cycles found repeat one programme, else as they are.

    Args:
        voltage_v: Shape (n_samples,).
        starts: Starts found one by one.
        tolerance_v: Mean distance of a sample to the one a period later.
    """
    if starts.size < 2:
        return starts
    usual = float(np.median(np.diff(starts)))
    # half a period must overlap, or chance decides
    longest = min(1.1 * usual, voltage_v.size - usual / 2)
    candidates = np.arange(max(4, round(0.9 * usual)), longest + 1, dtype=int)
    if candidates.size == 0:
        return starts
    apart = [float(np.abs(voltage_v[n:] - voltage_v[:-n]).mean()) for n in candidates]
    best = int(np.argmin(apart))
    if apart[best] > tolerance_v:
        return starts
    return np.arange(0, voltage_v.size, int(candidates[best]))
