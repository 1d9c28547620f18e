"""What stands between a program and the devices: limits before every output, 0 V after every failure.

`Guarded` wraps any driver. Its limits, below those of the devices, are checked before an
output call reaches the driver; whatever goes wrong in a call or in the `with` block, Ctrl-C, a
termination signal and a lost instrument included, ends in the safe state. After a failure the
guard is tripped and passes nothing on until it is opened again: rows are then at 0 V, and
a reading would mean nothing. `DryRun` prints what would be done, and touches nothing.
"""

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Self

import numpy as np

from codesign.crossbar.driver import (
    SIMULATED,
    CrossbarDriver,
    CrossbarError,
    InstrumentLostError,
    LimitError,
    Limits,
)

SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals that end a program without Python's noticing; inside a guard they are an exit like another."""


def checked_voltages(voltages: np.ndarray, *, rows: int, limits: Limits) -> np.ndarray:
    """A copy of the row voltages, shape (rows,) [V].

    Raises:
        ValueError: Another shape.
        LimitError: A voltage beyond limits.read_voltage_v, or not finite.
    """
    volts = np.array(voltages, dtype=float)
    if volts.shape != (rows,):
        raise ValueError(f"voltages must have shape ({rows},), got {volts.shape}")
    beyond = np.flatnonzero(~(np.abs(volts) <= limits.read_voltage_v))
    if beyond.size:
        raise LimitError(
            f"{volts[beyond[0]]:g} V on row {beyond[0]}: the limit of a read is {limits.read_voltage_v:g} V; "
            "nothing was output"
        )
    return volts


def checked_columns(asked: Sequence[int] | None, *, columns: int) -> list[int]:
    """Columns to read; None is all of them.

    Raises:
        ValueError: A column that does not exist.
    """
    found = list(range(columns)) if asked is None else [int(c) for c in asked]
    wrong = [c for c in found if not 0 <= c < columns]
    if wrong:
        raise ValueError(f"columns go from 0 to {columns - 1}, got {wrong[0]}")
    return found


def checked_pulse(
    row: int, column: int, volts: float, seconds: float, *, rows: int, columns: int, limits: Limits
) -> None:
    """Whether a pulse is one that may be output.

    Raises:
        ValueError: A cell that does not exist.
        LimitError: volts or seconds beyond the limits, or not finite.
    """
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"no cell at row {row}, column {column} of {rows} x {columns}")
    if not abs(volts) <= limits.pulse_voltage_v:
        raise LimitError(
            f"a pulse of {volts:g} V: the limit is {limits.pulse_voltage_v:g} V; nothing was output"
        )
    if not 0 < seconds <= limits.pulse_seconds:
        raise LimitError(
            f"a pulse of {seconds:g} s: it must last more than 0 s and at most {limits.pulse_seconds:g} s; "
            "nothing was output"
        )


def _heeded(*names: str) -> list[signal.Signals]:
    """Signals of this system that are not ignored (as SIGHUP is under nohup) nor handled outside Python."""
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [number for number in known if signal.getsignal(number) not in (signal.SIG_IGN, None)]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back, Ctrl-C among them, until what is inside is done; then let them have their effect."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread receive signals
        return
    came: list[int] = []
    numbers = _heeded("SIGINT", *SIGNALS)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


class Guarded(CrossbarDriver):
    """Any driver, with limits in front and the safe state behind."""

    def __init__(
        self, driver: CrossbarDriver, limits: Limits, *, largest_conductance_s: float | None = None
    ) -> None:
        """Wrap `driver`, which is opened and closed with the guard.

        Args:
            driver: What is guarded; not open.
            limits: None beyond the driver's own.
            largest_conductance_s: What no cell exceeds [S]. Where given, the current is bounded
                before anything is output: of a read, sum |V| times it; of a pulse, the
                pulsed cell's and half as much in every other cell of its column.

        Raises:
            LimitError: A limit beyond the driver's own.
        """
        for field in fields(limits):
            own, asked = getattr(driver.limits, field.name), getattr(limits, field.name)
            if asked > own:
                raise LimitError(f"{field.name} {asked:g} is beyond the driver's own limit of {own:g}")
        if largest_conductance_s is not None and not 0 < largest_conductance_s < math.inf:
            raise ValueError(
                f"largest_conductance_s must be a finite positive number, got {largest_conductance_s!r}"
            )
        self.driver, self.limits = driver, limits
        self.largest_conductance_s = largest_conductance_s
        self.rows, self.columns = driver.rows, driver.columns
        self._tripped: str | None = "it was never opened"
        self._handlers: dict[int, object] = {}

    @property
    def evidence(self) -> str:
        """simulated | measured: what the driver is, which an instrument only says once open."""
        return self.driver.evidence

    @property
    def identity(self) -> dict[str, str]:
        """What the driver says of itself."""
        return self.driver.identity

    @property
    def tripped(self) -> str | None:
        """Why nothing is passed on; None while all is well."""
        return self._tripped

    def open(self) -> None:
        """Open the driver; signals that end the program now end in the safe state."""
        with self._failing_safe():
            self.driver.open()
        self._tripped = None

    def close(self) -> None:
        """Close the driver. Does not raise."""
        self._tripped = "it was closed"
        self.driver.close()

    def set_voltages(self, rows: np.ndarray) -> None:
        """See `CrossbarDriver`."""
        with self._guarding():
            volts = checked_voltages(rows, rows=self.rows, limits=self.limits)
            self._bound(float(np.abs(volts).sum()), "these row voltages")
            self.driver.set_voltages(volts)

    def read_currents(self, columns: Sequence[int] | None = None) -> np.ndarray:
        """See `CrossbarDriver`."""
        with self._guarding():
            asked = None if columns is None else checked_columns(columns, columns=self.columns)
            currents = self.driver.read_currents(asked)
            beyond = np.flatnonzero(~(np.abs(currents) <= self.limits.current_a))
            if beyond.size:
                column = beyond[0] if asked is None else asked[beyond[0]]
                raise LimitError(
                    f"column {column} carries {currents[beyond[0]]:.3g} A, the limit is "
                    f"{self.limits.current_a:g} A; outputs are at 0 V"
                )
            return currents

    def pulse(self, row: int, column: int, volts: float, seconds: float) -> None:
        """See `CrossbarDriver`."""
        with self._guarding():
            checked_pulse(
                row, column, volts, seconds, rows=self.rows, columns=self.columns, limits=self.limits
            )
            self._bound(abs(volts) * (1 + (self.rows - 1) / 2), f"a pulse of {volts:g} V")
            self.driver.pulse(row, column, volts, seconds)

    def safe_state(self) -> None:
        """The driver's safe state, which no signal cuts short."""
        with _undisturbed():
            self.driver.safe_state()

    def __enter__(self) -> Self:
        self._catch_signals()
        try:
            return super().__enter__()
        except BaseException:
            self._release_signals()
            raise

    def __exit__(self, *exception) -> None:
        try:
            super().__exit__(*exception)
        finally:
            self._release_signals()

    def _bound(self, volts: float, what: str) -> None:
        """Refuse what could exceed the current limit in one column."""
        if self.largest_conductance_s is None:
            return
        current = volts * self.largest_conductance_s
        if current > self.limits.current_a:
            raise LimitError(
                f"{what} could draw {current:.3g} A through cells of {self.largest_conductance_s:g} S; the "
                f"limit is {self.limits.current_a:g} A; nothing was output"
            )

    @contextmanager
    def _guarding(self) -> Iterator[None]:
        if self._tripped is not None:
            raise CrossbarError(
                f"the crossbar is in the safe state because {self._tripped}; open it again to go on"
            )
        with self._failing_safe():
            yield

    @contextmanager
    def _failing_safe(self) -> Iterator[None]:
        """Whatever is raised inside, the outputs go to 0 V before it goes on."""
        try:
            yield
        except BaseException as error:
            self._tripped = f"of {type(error).__name__}: {error}"
            try:
                self.safe_state()
            except Exception as second:
                # the first error is what went wrong; that 0 V is not certain must not get lost
                error.add_note(f"the safe state could not be reached: {second}. Switch the instrument off")
            if isinstance(error, OSError):
                raise InstrumentLostError(f"the connection to the instrument is lost: {error}") from error
            raise

    def _catch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets only the main thread receive signals

        def leave(number: int, _) -> None:
            raise SystemExit(128 + number)

        for number in _heeded(*SIGNALS):
            self._handlers[number] = signal.signal(number, leave)

    def _release_signals(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


class DryRun(CrossbarDriver):
    """Prints every action that `driver` would be asked for; the driver itself is never called.

    Limits are checked as they would be. Readings come from `twin`, a driver that is simulated and
    follows every action; without one they are 0 A, as of an array of open cells.
    """

    evidence = SIMULATED

    def __init__(
        self,
        driver: CrossbarDriver,
        *,
        write: Callable[[str], object] = print,
        twin: CrossbarDriver | None = None,
    ) -> None:
        """Take size, limits and name from `driver`.

        Raises:
            ValueError: The twin is not simulated, or of another size.
        """
        if twin is not None and twin.evidence != SIMULATED:
            raise ValueError(f"the twin of a dry run must be simulated, got a {twin.evidence} one")
        if twin is not None and (twin.rows, twin.columns) != (driver.rows, driver.columns):
            raise ValueError(
                f"the twin has {twin.rows} x {twin.columns} cells, the driver "
                f"{driver.rows} x {driver.columns}"
            )
        self.rows, self.columns, self.limits = driver.rows, driver.columns, driver.limits
        self.identity = {"instrument": f"dry run of {type(driver).__name__}"}
        self._write, self._twin = write, twin

    def open(self) -> None:
        """Print it."""
        self._write("open the instrument, every output at 0 V")
        if self._twin is not None:
            self._twin.open()

    def close(self) -> None:
        """Print it."""
        self._write("close the instrument")
        if self._twin is not None:
            self._twin.close()

    def set_voltages(self, rows: np.ndarray) -> None:
        """Print the voltages."""
        volts = checked_voltages(rows, rows=self.rows, limits=self.limits)
        self._write(f"set rows to {' '.join(f'{v:+.4f}' for v in volts)} V")
        if self._twin is not None:
            self._twin.set_voltages(volts)

    def read_currents(self, columns: Sequence[int] | None = None) -> np.ndarray:
        """Print which columns."""
        asked = checked_columns(columns, columns=self.columns)
        self._write(f"read columns {' '.join(map(str, asked))}")
        return np.zeros(len(asked)) if self._twin is None else self._twin.read_currents(asked)

    def pulse(self, row: int, column: int, volts: float, seconds: float) -> None:
        """Print the pulse."""
        checked_pulse(row, column, volts, seconds, rows=self.rows, columns=self.columns, limits=self.limits)
        self._write(f"pulse row {row}, column {column} with {volts:+.4f} V for {seconds:.3g} s")
        if self._twin is not None:
            self._twin.pulse(row, column, volts, seconds)

    def safe_state(self) -> None:
        """Print it."""
        self._write("safe state: every output at 0 V, every multiplexer off")
        if self._twin is not None:
            self._twin.safe_state()
