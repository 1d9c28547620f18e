"""What a crossbar answers to, whatever stands behind it: an instrument or its simulated twin.

Rows are driven, columns are sensed at virtual ground. A driver is opened by a
`with` block; its exit, on an error or Ctrl-C too, ends in the safe state: every
output at 0 V, every multiplexer off.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from math import isfinite
from typing import Self

import numpy as np

SIMULATED = "simulated"
MEASURED = "measured"


class CrossbarError(RuntimeError):
    """The crossbar cannot go on; the message says why and what to do."""


class InstrumentAbsentError(CrossbarError):
    """No instrument, or not the one asked for, answers."""


class InstrumentLostError(CrossbarError):
    """The instrument answered before and does not any more."""


class InstrumentTimeoutError(CrossbarError):
    """The instrument did not get ready in the time it has."""


class OverRangeError(CrossbarError):
    """An input stands at the end of its range, so that its reading means nothing."""


class LimitError(CrossbarError, ValueError):
    """A value beyond a limit was asked for; it is refused, never clipped, and nothing was output."""


@dataclass(frozen=True)
class Limits:
    """Hard limits of what is put on the devices; below what destroys them.

    Raises:
        ValueError: A limit is not a finite positive number.
    """

    read_voltage_v: float
    """Largest |voltage| of a row while currents are read [V]."""
    pulse_voltage_v: float
    """Largest |voltage| of a programming pulse [V]."""
    pulse_seconds: float
    """Longest programming pulse [s]."""
    current_a: float
    """Largest |current| of one column [A]."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or value <= 0:
                raise ValueError(f"{field.name} must be a finite positive number, got {value!r}")


class CrossbarDriver(AbstractContextManager, ABC):
    """One array of memristors behind rows that are driven and columns that are sensed."""

    evidence: str
    """`simulated` or `measured`: written into every file and figure."""
    rows: int
    columns: int
    limits: Limits
    identity: dict[str, str]
    """What answered: instrument, serial, firmware, wiring digest ... known once open."""

    @abstractmethod
    def open(self) -> None:
        """Connect, and bring every output to 0 V.

        Raises:
            InstrumentAbsentError: Nothing to connect to.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the instrument. Does not raise."""

    @abstractmethod
    def set_voltages(self, rows: np.ndarray) -> None:
        """Voltages of the rows for the reads that follow, shape (rows,) [V].

        Raises:
            LimitError: A voltage beyond limits.read_voltage_v, or not finite.
        """

    @abstractmethod
    def read_currents(self, columns: Sequence[int] | None = None) -> np.ndarray:
        """Currents into the columns (None: all) at the voltages set, shape (len(columns),) [A].

        Raises:
            OverRangeError: A reading stands at the end of the input's range.
            LimitError: A current beyond limits.current_a; outputs are at 0 V by then.
            InstrumentLostError, InstrumentTimeoutError: No answer, or not in time.
        """

    @abstractmethod
    def pulse(self, row: int, column: int, volts: float, seconds: float) -> None:
        """One programming pulse across one cell; every other line is held at half of it or left open.

        Raises:
            LimitError: volts or seconds beyond the limits.
        """

    @abstractmethod
    def safe_state(self) -> None:
        """Every output at 0 V, every multiplexer off. Tries each step even where another fails."""

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.safe_state()
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        try:
            self.safe_state()
        finally:
            self.close()
