"""Bringing cells to target conductances, and finding out whether they are still there.

Write-verify: read all cells, pulse those that are off, and again, until every cell is
within tolerance or has used up its pulses. A cell is read through its own column with its row alone at
the read voltage. What a pulse does is learnt from the next reading only: a cell that
jumps over its target gets shorter pulses until it stays on one side again, and one that full pulses bring
no nearer is tried from the other side, because the curves of real devices fall in places. A cell that
has used half of its pulses is left alone at twice the tolerance, and at four times after three quarters,
so that it does not end anywhere; it is reported as not ok.
"""

import math
from dataclasses import dataclass

import numpy as np

from codesign.crossbar.driver import CrossbarDriver, CrossbarError


class DriftError(CrossbarError):
    """Cells are not where they were left; the message says which."""


@dataclass(frozen=True)
class WriteSettings:
    """How cells are programmed."""

    tolerance: float
    """Largest |reached - target| of a cell that is right, as a share of `range_s`."""
    range_s: float
    """G_max - G_min of the cells [S]."""
    budget: int
    """Most pulses one cell gets in one programming."""
    read_voltage_v: float
    """Of a row while its cells are read [V]."""
    set_voltage_v: float
    """Of pulses that should raise a conductance, > 0 [V]."""
    reset_voltage_v: float
    """Of pulses that should lower it, < 0 [V]."""
    pulse_seconds: float
    """Of the first pulses; also the longest [s]."""
    shortest_seconds: float
    """Pulses are halved no further than this [s]."""
    reads: int
    """Readings that are averaged."""
    patience: int
    """Full pulses in a row that bring a cell no nearer, after which it is tried from the other side.

    About half as many as the operative window has points: flat stretches look like no progress."""

    def __post_init__(self) -> None:
        for name in (
            "tolerance",
            "range_s",
            "read_voltage_v",
            "set_voltage_v",
            "pulse_seconds",
            "shortest_seconds",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a finite positive number, got {value!r}")
        if not (math.isfinite(self.reset_voltage_v) and self.reset_voltage_v < 0):
            raise ValueError(f"reset_voltage_v must be finite and negative, got {self.reset_voltage_v!r}")
        if self.shortest_seconds > self.pulse_seconds:
            raise ValueError(
                f"shortest_seconds {self.shortest_seconds:g} is longer than "
                f"pulse_seconds {self.pulse_seconds:g}"
            )
        for name, least in (("budget", 0), ("reads", 1), ("patience", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}")

    @property
    def tolerance_s(self) -> float:
        """Largest |reached - target| [S]."""
        return self.tolerance * self.range_s


@dataclass(frozen=True)
class CellReport:
    """How one cell ended."""

    row: int
    column: int
    target_s: float
    reached_s: float
    """Of the last reading."""
    pulses: int
    ok: bool
    """Within tolerance in the last reading."""


@dataclass(frozen=True)
class Report:
    """How a programming ended, cell by cell, row after row."""

    cells: tuple[CellReport, ...]
    shape: tuple[int, int]
    rounds: int
    """Readings of the whole array."""

    @property
    def ok(self) -> bool:
        """Every cell is within tolerance."""
        return all(cell.ok for cell in self.cells)

    @property
    def failed(self) -> tuple[CellReport, ...]:
        """Cells that are not."""
        return tuple(cell for cell in self.cells if not cell.ok)

    @property
    def pulses(self) -> int:
        """Of all cells together."""
        return sum(cell.pulses for cell in self.cells)

    @property
    def reached(self) -> np.ndarray:
        """Conductances of the last reading, (rows, columns) [S]; NaN where nothing was asked for."""
        found = np.full(self.shape, np.nan)
        for cell in self.cells:
            found[cell.row, cell.column] = cell.reached_s
        return found


@dataclass(frozen=True)
class DriftReport:
    """Where cells are, beside where they were left."""

    expected_s: np.ndarray
    """(rows, columns); NaN: not looked at."""
    found_s: np.ndarray
    tolerance_s: float

    @property
    def moved(self) -> np.ndarray:
        """Cells further off than the tolerance, bool, (rows, columns)."""
        return np.abs(self.found_s - self.expected_s) > self.tolerance_s

    @property
    def ok(self) -> bool:
        """No cell has moved."""
        return not self.moved.any()

    @property
    def worst_s(self) -> float:
        """Largest |found - expected| [S]."""
        return float(np.nanmax(np.abs(self.found_s - self.expected_s)))


def read_conductances(
    driver: CrossbarDriver, wanted: np.ndarray, *, read_voltage_v: float, reads: int = 1
) -> np.ndarray:
    """Conductances of cells as the columns show them, (rows, columns) [S].

    One row after the other is at the read voltage, the rest at 0 V. Wires, drivers and sneak
    paths are in the reading, as they will be in a multiplication.

    Args:
        driver: Open.
        wanted: Cells to read, bool, (rows, columns); the others are NaN.
        read_voltage_v: Of the row read [V].
        reads: Readings averaged.
    """
    found = np.full(wanted.shape, np.nan)
    for row in np.flatnonzero(wanted.any(axis=1)):
        columns = np.flatnonzero(wanted[row])
        volts = np.zeros(driver.rows)
        volts[row] = read_voltage_v
        driver.set_voltages(volts)
        readings = [driver.read_currents(columns.tolist()) for _ in range(reads)]
        found[row, columns] = np.mean(readings, axis=0) / read_voltage_v
    driver.set_voltages(np.zeros(driver.rows))
    return found


def write_verify(driver: CrossbarDriver, targets: np.ndarray, *, settings: WriteSettings) -> Report:
    """Program an array.

    Args:
        driver: Open.
        targets: Conductances, (rows, columns), > 0 or NaN for a cell that is left alone [S].
        settings: Pulses, tolerance and budget.

    Returns:
        What was reached: ok only where the last reading is within tolerance.

    Raises:
        ValueError: Another shape, or a target that is not positive.
        CrossbarError: Whatever the driver raises.
    """
    targets = _checked(driver, targets)
    wanted = ~np.isnan(targets)
    state = _Search(targets, settings)
    rounds = 0
    while True:
        reached = read_conductances(
            driver, wanted, read_voltage_v=settings.read_voltage_v, reads=settings.reads
        )
        rounds += 1
        pulses = state.next_pulses(reached)
        if not pulses:
            break
        for row, column, volts, seconds in pulses:
            driver.pulse(row, column, volts, seconds)
    close = np.abs(reached - targets) <= settings.tolerance_s
    cells = [
        CellReport(
            row=int(r),
            column=int(c),
            target_s=float(targets[r, c]),
            reached_s=float(reached[r, c]),
            pulses=int(state.pulses[r, c]),
            ok=bool(close[r, c]),
        )
        for r, c in np.argwhere(wanted)
    ]
    return Report(cells=tuple(cells), shape=targets.shape, rounds=rounds)


class _Search:
    """What the readings so far say about the next pulse of every cell."""

    def __init__(self, targets: np.ndarray, settings: WriteSettings) -> None:
        self.targets, self.settings = targets, settings
        self.pulses = np.zeros(targets.shape, dtype=int)
        self._seconds = np.full(targets.shape, settings.pulse_seconds)
        self._side = np.ones(targets.shape, dtype=int)
        """1: positive pulses where the conductance is too low; -1: where it is too high."""
        self._best = np.full(targets.shape, np.inf)
        self._vain = np.zeros(targets.shape, dtype=int)
        self._short = np.zeros(targets.shape, dtype=int)
        self._error = np.full(targets.shape, np.nan)

    def next_pulses(self, reached: np.ndarray) -> list[tuple[int, int, float, float]]:
        """(row, column, volts, seconds) of the cells that are off and have pulses left."""
        s = self.settings
        error = self.targets - reached
        size = np.abs(error)
        pulsed = self.pulses > 0
        with np.errstate(invalid="ignore"):
            jumped = np.sign(error) * np.sign(self._error) < 0
            nearer = size < self._best
        self._best[nearer] = size[nearer]
        # over the target: half as long. Twice in a row not over it: twice as long again
        full = self._seconds >= s.pulse_seconds
        self._short = np.where(jumped | ~pulsed, 0, self._short + 1)
        longer = (self._short >= 2) & ~full
        self._seconds[jumped] = np.maximum(self._seconds[jumped] / 2, s.shortest_seconds)
        self._seconds[longer] = np.minimum(self._seconds[longer] * 2, s.pulse_seconds)
        self._short[longer] = 0
        # full pulses that bring it no nearer: from the other side
        self._vain = np.where(nearer | jumped | ~pulsed | ~full, 0, self._vain + 1)
        turn = self._vain >= s.patience
        self._side[turn] *= -1
        self._vain[turn] = 0
        self._best[turn | jumped] = np.inf
        self._error = error
        with np.errstate(invalid="ignore"):
            due = (size > self._enough()) & (self.pulses < s.budget)
        found = []
        for r, c in np.argwhere(due):
            raising = error[r, c] * self._side[r, c] > 0
            volts = s.set_voltage_v if raising else s.reset_voltage_v
            found.append((int(r), int(c), volts, float(self._seconds[r, c])))
        self.pulses[due] += 1
        return found

    def _enough(self) -> np.ndarray:
        """Error at which a cell is left alone: tolerance, and more of it as the budget runs out [S]."""
        used = self.pulses / max(self.settings.budget, 1)
        return self.settings.tolerance_s * np.select([used < 0.5, used < 0.75], [1, 2], 4)


def check_drift(driver: CrossbarDriver, expected: np.ndarray, *, settings: WriteSettings) -> DriftReport:
    """Whether cells are still where a programming left them.

    Args:
        driver: Open.
        expected: Conductances, (rows, columns), e.g. `Report.reached`; NaN: not looked at [S].
        settings: Those of the programming; twice its tolerance counts as moved, because a cell at
            the edge of it is still right.
    """
    expected = _checked(driver, expected, positive=False)
    found = read_conductances(
        driver, ~np.isnan(expected), read_voltage_v=settings.read_voltage_v, reads=settings.reads
    )
    return DriftReport(expected_s=expected, found_s=found, tolerance_s=2 * settings.tolerance_s)


def require_no_drift(report: DriftReport) -> None:
    """Refuse an array whose cells have moved.

    Raises:
        DriftError: With the cells and how far.
    """
    if report.ok:
        return
    moved = np.argwhere(report.moved)
    row, column = moved[0]
    raise DriftError(
        f"{len(moved)} of {np.isfinite(report.expected_s).sum()} cells have moved by more than "
        f"{report.tolerance_s:.3g} S since they were programmed, the worst by {report.worst_s:.3g} S, e.g. "
        f"row {row}, column {column} from {report.expected_s[row, column]:.3g} to "
        f"{report.found_s[row, column]:.3g} S; program the array again"
    )


def _checked(driver: CrossbarDriver, conductances: np.ndarray, *, positive: bool = True) -> np.ndarray:
    g = np.array(conductances, dtype=float)
    if g.shape != (driver.rows, driver.columns):
        raise ValueError(f"conductances must have shape ({driver.rows}, {driver.columns}), got {g.shape}")
    if np.isnan(g).all():
        raise ValueError("conductances are NaN everywhere: nothing to do")
    known = g[~np.isnan(g)]
    if not np.all(np.isfinite(known) & ((known > 0) | (not positive))):
        raise ValueError("conductances must be positive, or NaN for cells that are left alone")
    return g
