"""Where the source, not the device, sets the current.

In compliance the recorded G = Icc / V falls as V rises and is the same in every cycle. Points
there would make a device look non-monotonic and free of noise, whatever it does.
"""

from typing import NamedTuple

import numpy as np

FLAT_WIDTH = 0.02
"""Samples within this relative distance of their cycle's largest current are its top."""
FLAT_SAMPLES = 6
"""Samples that make a top flat: an ohmic peak at steps of V/60 holds at most four within 2 %."""
NOISY_WIDTHS = (0.06, 0.12, 0.18)
"""The same where the limited current is noisy: from its lowest to its largest value, about six standard
deviations."""
QUIET = 0.0025
"""Scatter up to which the largest of many limited currents stands for their level; measured: 7e-4."""
NOISY_SAMPLES = 10
CONTRAST = 4.0
"""Samples in a top, as a multiple of those in the band below it, as wide, and one.

A limit piles samples up above an edge. A straight line has as many in both bands, a parabola 2.4 times
as many.
"""
NOISY_CONTRAST = 2.0
"""The same where the limited current is noisy: its band is wide and reaches down the way up."""
RESTLESS = 0.4
"""Least ratio of a noisy top's mean square of successive differences to twice its variance: 1 for
independent noise, 0 for a smooth curve (von Neumann, 1941)."""
NOISE_WIDTHS = 3.0
"""Standard deviations below the level from which a sample counts as limited."""
PLAUSIBLE = 0.1
"""A stated level may differ from the plateau found by this share."""


class Plateau(NamedTuple):
    """A current that the source does not exceed."""

    level_a: float
    """Amperes."""
    noise: float
    """Relative standard deviation of the limited current; 0 where it is small beside 2 %."""


class Compliance(NamedTuple):
    """The current level at which a file was limited."""

    level_a: float | None
    """Amperes; None where nothing limits."""
    source: str
    """`metadata`, `detected` or `none`."""
    note: str
    """What a reader should know; may be empty."""
    noise: float = 0.0
    """Relative standard deviation of the limited current, 0 where it is small."""

    def share(self, fraction: float) -> float:
        """Share of the level from which a sample is limited: `fraction`, or less where the limit is noisy."""
        return min(fraction, 1 - NOISE_WIDTHS * self.noise)


def detect_plateau(current_a: np.ndarray, voltage_v: np.ndarray | None = None) -> Plateau | None:
    """The current at which the source clips, or None where no plateau is seen.

    A cycle is flat if at least six of its samples lie within 2 % of its largest current. In at least one
    of them they pile up: they are four times as many as in the band of 2 % below. Flat cycles that
    are the file's highest, within 2 %, give the level as the median of their largest currents; a lower
    plateau in other cycles is a property of the device.

    Where no cycle has one, or its samples scatter by more than 0.25 %, noisy plateaus are looked for: at
    least ten samples that pile up within 6, 12 or 18 % and jump about as noise does, at one level in at
    least two cycles (or in the only one). Level and scatter are those of all their samples.

    Args:
        current_a: Currents of the whole positive quadrant in the order of the sweep, shape
            (n_cycles, n_points), NaN where there is none.
        voltage_v: Voltages there, same shape. Where given, a plateau is one only if its samples differ in
            voltage by more than twice as much as in current, so that no conductor has it.

    >>> ramp = np.linspace(0, 3e-5, 31)[None]
    >>> print(detect_plateau(ramp))
    None
    >>> round(detect_plateau(np.minimum(ramp, 2e-5)).level_a, 7)
    2e-05
    """
    finite = np.where(np.isfinite(current_a), current_a, -np.inf)
    if finite.size == 0:
        return None
    peak = finite.max(axis=1)
    top = _top(finite, peak, FLAT_WIDTH)
    flat = (peak > 0) & (top.sum(axis=1) >= FLAT_SAMPLES)
    piled = _piled_up(finite, peak, top, FLAT_WIDTH, contrast=CONTRAST)
    if (flat & piled & _wide(voltage_v, top, FLAT_WIDTH)).any():
        highest = peak[flat].max()
        level = float(np.median(peak[flat & (peak >= (1 - FLAT_WIDTH) * highest)]))
        if peak.max() > (1 + PLAUSIBLE) * level:  # what other cycles exceed is no limit of the source
            return None
        noisy = None
        if np.median(_scatter(finite[flat], top[flat])) > QUIET * level:
            noisy = _noisy_plateau(finite, peak, voltage_v, NOISY_WIDTHS[0])
        return noisy if noisy and noisy.noise > QUIET else Plateau(level, 0.0)
    for width in NOISY_WIDTHS:
        plateau = _noisy_plateau(finite, peak, voltage_v, width)
        if plateau is not None:
            return plateau
    return None


def _top(finite: np.ndarray, peak: np.ndarray, width: float) -> np.ndarray:
    """Samples within `width` of their cycle's largest current."""
    return finite >= (1 - width) * peak[:, None]


def _piled_up(
    finite: np.ndarray, peak: np.ndarray, top: np.ndarray, width: float, *, contrast: float
) -> np.ndarray:
    """Cycles with many samples in the top and few in the band below; shape (n_cycles,)."""
    above = top.sum(axis=1)
    below = _top(finite, peak, 2 * width).sum(axis=1) - above
    return above >= contrast * (below + 1)


def _scatter(finite: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Standard deviation of each cycle's top; shape (n_cycles,)."""
    count = top.sum(axis=1)
    mean = np.where(top, finite, 0.0).sum(axis=1) / count
    return np.sqrt((np.where(top, finite - mean[:, None], 0.0) ** 2).sum(axis=1) / count)


def _wide(voltage_v: np.ndarray | None, top: np.ndarray, width: float) -> np.ndarray:
    """Cycles whose top is wider in voltage than twice its width in current; shape (n_cycles,)."""
    if voltage_v is None:
        return np.ones(top.shape[0], dtype=bool)
    highest = np.where(top, voltage_v, -np.inf).max(axis=1)
    lowest = np.where(top, voltage_v, np.inf).min(axis=1)
    return lowest < (1 - 2 * width) * highest


def _noisy_plateau(
    finite: np.ndarray, peak: np.ndarray, voltage_v: np.ndarray | None, width: float
) -> Plateau | None:
    top = _top(finite, peak, width)
    flat = (peak > 0) & (top.sum(axis=1) >= NOISY_SAMPLES)
    flat &= _piled_up(finite, peak, top, width, contrast=NOISY_CONTRAST) & _wide(voltage_v, top, width)
    levels: dict[int, float] = {}  # of each cycle with a plateau
    noises = []
    for k in np.flatnonzero(flat):
        values = finite[k, top[k]]
        if np.mean(np.diff(values) ** 2) >= RESTLESS * 2 * values.var():
            values = _both_sides(finite[k], values)
            levels[k] = np.median(values)
            noises.append(values.std() / levels[k])
    if not levels:
        return None
    near = (1 - max(FLAT_WIDTH, 1.5 * float(np.median(noises)))) * max(levels.values())
    limited = [k for k, level in levels.items() if level >= near]
    values = _both_sides(finite[limited].ravel(), finite[limited][top[limited]])
    level = float(np.median(values))
    noise = float(values.std() / level)
    if len(limited) < min(2, finite.shape[0]) or peak.max() > (1 + max(PLAUSIBLE, 4 * noise)) * level:
        return None
    return Plateau(level, noise)


def _both_sides(current_a: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Samples down to as far below their median as the largest lies above it."""
    for _ in range(4):
        middle = np.median(values)
        values = current_a[current_a >= 2 * middle - values.max()]
    return values


def compliance_level(
    current_a: np.ndarray, stated_a: float | None, *, voltage_v: np.ndarray | None = None
) -> Compliance:
    """The level to mask at: as stated where the data agree, else as found in the data.

    Args:
        current_a: Currents of the positive quadrant in the order of the sweep, shape (n_cycles, n_points).
        stated_a: Compliance in the metadata, or None.
        voltage_v: Voltages there, same shape; see `detect_plateau`.
    """
    plateau = detect_plateau(current_a, voltage_v)
    if stated_a is None:
        if plateau is None:
            return Compliance(None, "none", "")
        return Compliance(plateau.level_a, "detected", _about_noise(plateau.noise), plateau.noise)
    if plateau is None:
        largest = np.nanmax(current_a, initial=0.0, where=np.isfinite(current_a))
        noise = _scatter_about(stated_a, np.where(np.isfinite(current_a), current_a, -np.inf))
        if largest <= (1 + max(PLAUSIBLE, 4 * noise)) * stated_a:
            return Compliance(stated_a, "metadata", _about_noise(noise), noise)
        return Compliance(
            None,
            "none",
            f"stated compliance {stated_a:.4g} A ignored: currents reach {largest:.4g} A without a plateau",
        )
    if abs(plateau.level_a / stated_a - 1) <= PLAUSIBLE:
        # the instrument clips near, not at, the number in the notebook
        level = min(stated_a, plateau.level_a)
        return Compliance(level, "metadata", _about_noise(plateau.noise), plateau.noise)
    conflict = f"stated compliance {stated_a:.4g} A ignored: the data are limited at {plateau.level_a:.4g} A"
    note = "; ".join(said for said in (conflict, _about_noise(plateau.noise)) if said)
    return Compliance(plateau.level_a, "detected", note, plateau.noise)


def _scatter_about(level_a: float, finite: np.ndarray) -> float:
    """Relative scatter of currents about a stated level; 0 where they do not jump about it as noise does."""
    above = finite[finite > level_a] / level_a - 1
    if above.size < FLAT_SAMPLES or above.max() > NOISY_WIDTHS[-1]:
        return 0.0
    noise = float(np.sqrt(np.mean(above**2)))  # the upper half tells: below it is the way up
    restless = []
    for cycle in finite:
        near = cycle[np.abs(cycle / level_a - 1) <= NOISE_WIDTHS * noise]
        if near.size >= FLAT_SAMPLES and near.var() > 0:
            restless.append(np.mean(np.diff(near) ** 2) / (2 * near.var()))
    return noise if noise > QUIET and restless and np.median(restless) >= RESTLESS else 0.0


def _about_noise(noise: float) -> str:
    if NOISE_WIDTHS * noise <= FLAT_WIDTH:
        return ""
    return f"the limited current scatters by {noise:.1%}: masked from three times that below it"
