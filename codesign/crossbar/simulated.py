"""The simulated twin of the bench: cells that behave as measured, in the circuit that carries them.

What is read is what a bench would read: the voltages that drivers and wires leave to
each cell drive currents through every path there is; cells and amplifier add noise, and the
converter rounds to its steps. A pulse puts half of its voltage on every other cell of its row and
column, through the same wires.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codesign.crossbar.cells import Cells
from codesign.crossbar.driver import (
    SIMULATED,
    CrossbarDriver,
    CrossbarError,
    LimitError,
    Limits,
    OverRangeError,
)
from codesign.crossbar.safety import checked_columns, checked_pulse, checked_voltages
from codesign.memsim.circuit import NodalSolver

DRIFT_STEP = 1e-3
"""Relative change of conductance by drift alone from which the circuit is solved anew.

Currents follow every conductance at once. Only the part of a voltage that wires and drivers take is
older, and that part changes by this share at most.
"""


@dataclass(frozen=True)
class CircuitSettings:
    """The circuit between the cells and the numbers read."""

    wire_resistance_ohm: float
    """Of a wire segment between neighbouring cells."""
    driver_resistance_ohm: float
    """Of the source of a row, multiplexer included."""
    sense_resistance_ohm: float
    """Between a column's end and virtual ground, multiplexer included."""
    adc_bits: int
    """Resolution of the converter, sign included."""
    adc_range_a: float
    """Largest |current| it can tell [A]."""
    current_noise_a: float
    """Standard deviation of the amplifier's noise in one reading [A]."""
    read_seconds: float
    """Time one reading takes [s]; cells drift meanwhile."""

    def __post_init__(self) -> None:
        for name in (
            "wire_resistance_ohm",
            "driver_resistance_ohm",
            "sense_resistance_ohm",
            "current_noise_a",
            "read_seconds",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and >= 0, got {value!r}")
        if not (isinstance(self.adc_bits, int) and 2 <= self.adc_bits <= 32):
            raise ValueError(f"adc_bits must be a whole number from 2 to 32, got {self.adc_bits!r}")
        if not (math.isfinite(self.adc_range_a) and self.adc_range_a > 0):
            raise ValueError(f"adc_range_a must be a finite positive number, got {self.adc_range_a!r}")

    @property
    def adc_step_a(self) -> float:
        """Current that one step of the converter stands for [A]."""
        return 2 * self.adc_range_a / 2**self.adc_bits


class SimulatedCrossbar(CrossbarDriver):
    """Cells and circuit behind the interface of the bench."""

    evidence = SIMULATED

    def __init__(
        self,
        cells: Cells,
        *,
        circuit: CircuitSettings,
        limits: Limits,
        generator: np.random.Generator,
    ) -> None:
        """Put `cells` into `circuit`.

        Args:
            cells: Their state stays when the driver is closed, as it does on a bench.
            circuit: Resistances, noise and converter.
            limits: Hard limits.
            generator: Draws the amplifier's noise.
        """
        self.cells, self.circuit, self.limits = cells, circuit, limits
        self.rows, self.columns = cells.shape
        self.identity = {"instrument": "simulated crossbar", "device": cells.profile.profile}
        self._generator = generator
        self._opened = False
        self._volts = np.zeros(self.rows)
        self._solver: NodalSolver | None = None
        self._solved_at = -1
        self._across: np.ndarray | None = None
        """Voltages across the cells at `_volts`; None: not solved for yet."""

    def open(self) -> None:
        """Rows at 0 V."""
        self._opened = True
        self.safe_state()

    def close(self) -> None:
        """The array keeps what it holds."""
        self._opened = False

    def set_voltages(self, rows: np.ndarray) -> None:
        """See `CrossbarDriver`."""
        self._needs_open()
        self._at(checked_voltages(rows, rows=self.rows, limits=self.limits))

    def read_currents(self, columns: Sequence[int] | None = None) -> np.ndarray:
        """See `CrossbarDriver`."""
        self._needs_open()
        asked = checked_columns(columns, columns=self.columns)
        solver, conductances = self._circuit_now()
        if self._across is None:
            self._across = solver.cell_voltages(self._volts)
        true = (self._across * conductances).sum(axis=0)
        self.cells.elapse(self.circuit.read_seconds)
        if np.abs(true).max() > self.limits.current_a:
            self.safe_state()
            column = int(np.abs(true).argmax())
            raise LimitError(
                f"column {column} carries {true[column]:.3g} A, more than {self.limits.current_a:g} A; "
                "outputs are at 0 V. Lower the read voltage or the conductances"
            )
        seen = true + self.cells.read_noise(self._volts, conductances)
        seen = seen + self.circuit.current_noise_a * self._generator.standard_normal(seen.shape)
        seen = seen[asked]
        code = np.rint(seen / self.circuit.adc_step_a)
        top = 2 ** (self.circuit.adc_bits - 1) - 1
        beyond = np.flatnonzero(np.abs(code) > top)
        if beyond.size:
            column = asked[beyond[0]]
            raise OverRangeError(
                f"column {column} stands at the end of the converter's range of "
                f"{self.circuit.adc_range_a:g} A; lower the read voltage or take a larger range"
            )
        return code * self.circuit.adc_step_a

    def pulse(self, row: int, column: int, volts: float, seconds: float) -> None:
        """See `CrossbarDriver`; the other lines stand at half of the voltage."""
        self._needs_open()
        checked_pulse(row, column, volts, seconds, rows=self.rows, columns=self.columns, limits=self.limits)
        rows, columns = np.full(self.rows, volts / 2), np.full(self.columns, volts / 2)
        rows[row], columns[column] = volts, 0.0
        solver, conductances = self._circuit_now()
        across = solver.cell_voltages(rows, columns)
        current = float(across[:, column] @ conductances[:, column])
        if abs(current) > self.limits.current_a:
            self.safe_state()
            raise LimitError(
                f"a pulse of {volts:g} V at row {row}, column {column} would draw {current:.3g} A, more "
                f"than {self.limits.current_a:g} A; nothing was output"
            )
        self._at(np.zeros(self.rows))
        self.cells.pulse(across, seconds)

    def elapse(self, seconds: float) -> None:
        """Let time pass at 0 V; cells drift."""
        self.cells.elapse(seconds)

    def safe_state(self) -> None:
        """Every row at 0 V."""
        self._at(np.zeros(self.rows))

    def _at(self, volts: np.ndarray) -> None:
        self._volts, self._across = volts, None

    def _needs_open(self) -> None:
        if not self._opened:
            raise CrossbarError("the simulated crossbar is not open; use it inside a `with` block")

    def _circuit_now(self) -> tuple[NodalSolver, np.ndarray]:
        """The circuit, and the conductances of its cells as they stand, (rows, columns) [S]."""
        g = self.cells.conductances()
        same = self._solver is not None and self._solved_at == self.cells.changes
        if not (same and np.all(np.abs(g - self._solver.conductances) <= DRIFT_STEP * g)):
            self._solver = NodalSolver(
                g,
                wire_resistance_ohm=self.circuit.wire_resistance_ohm,
                driver_resistance_ohm=self.circuit.driver_resistance_ohm,
                sense_resistance_ohm=self.circuit.sense_resistance_ohm,
            )
            self._solved_at, self._across = self.cells.changes, None
        return self._solver, g
