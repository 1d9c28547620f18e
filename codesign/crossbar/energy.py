"""Energy of multiplications on a crossbar: the array by Yao et al.'s method, and what stands around it.

**The array alone.** A cell of conductance G under a read pulse of V volts and t seconds takes
V² G t. One pulse on every row of a full array does one multiplication and one addition in every cell
at once: two operations a cell. Energy efficiency is operations over energy, in GOPS/W
(10⁹ operations a joule). This is the definition of Yao et al. (Nature 577, 641, 2020): 128 x 16 cells
under a 50 ns pulse are 4096 operations, 81.92 GOPS; at 7.44 mW that is their 11,014 GOPS/W. The
paper's 27,548 GOPS/W counts the array and leaves converters and everything digital out.

**With what stands around it.** Rows need a converter from digits to volts, columns an amplifier or a
sample-and-hold and a converter back, and digits have to be held and added. Every constant of that
is a row of `CONSTANTS`: `published` (with its source) or `assumed` (a design choice, with its reason).
Not counted: programming, moving digits between tiles, biases and nonlinearities, the host.

Two ways of putting an 8-bit number on a row are priced:

* `amplitude`: one pulse whose height is the number, as the bench does it; an 8-bit converter a row,
  an amplifier that settles within the pulse a column.
* `serial`: eight pulses of one bit each, the share `SERIAL_ONES` of them high; a one-bit driver a row,
  sample-and-hold a column, eight conversions and shift-and-adds for one product, as in ISAAC.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

OPERATIONS_PER_CELL = 2
"""One multiplication and one addition."""
BITS = 8
"""Of an input and of a conversion; every published constant below is of 8 bits."""
SERIAL_ONES = 0.5
"""Share of input bits that are 1: random digits."""
LARGE = 128
"""Rows and columns of ISAAC's arrays, and rows of Yao et al.'s."""
CODINGS = ("amplitude", "serial")
COMPONENTS = ("array", "dac", "sense", "adc", "digital")
"""What energy is spent in, in the order of the signal."""


@dataclass(frozen=True)
class Constant:
    """One number that was not computed here."""

    name: str
    value: float
    unit: str
    kind: str
    """`published` or `assumed`."""
    source: str
    """Where it stands, or why it was chosen."""

    def __post_init__(self) -> None:
        if self.kind not in ("published", "assumed"):
            raise ValueError(f"{self.name}: kind must be published or assumed, got {self.kind!r}")
        if not (math.isfinite(self.value) and self.value > 0):
            raise ValueError(f"{self.name} must be a finite positive number, got {self.value!r}")


_ISAAC = "Shafiee et al., ISAAC, ISCA 2016, Table I (32 nm, 128 × 128 arrays, 100 ns a read): "
_CONSTANTS = (
    Constant(
        "adc_j",
        3.1e-3 / 1.2e9,
        "J a conversion",
        "published",
        "8 bits at 3.1 mW and 1.2 GS/s, measured: Kull et al., IEEE J. Solid-State Circuits 48, 3049 (2013), "
        "32 nm; ISAAC counts 2 mW for the same converter",
    ),
    Constant(
        "dac_j",
        3.1e-3 / 1.2e9,
        "J a row and pulse",
        "assumed",
        "amplitude coding: an 8-bit successive-approximation ADC holds an 8-bit capacitive DAC, so the "
        "conversion of Kull et al. bounds it from above",
    ),
    Constant(
        "driver_w",
        4e-3 / (8 * 128),
        "W a row",
        "published",
        _ISAAC + "8 × 128 one-bit DACs, 4 mW together; serial coding",
    ),
    Constant(
        "sample_w",
        10e-6 / (8 * 128),
        "W a column",
        "published",
        _ISAAC + "8 × 128 sample-and-holds, 10 µW together; serial coding",
    ),
    Constant(
        "amplifier_w",
        4 * 1.0 * 0.5e-12 * math.log(2 ** (BITS + 1)) / (0.5 * 50e-9) / 15,
        "W a column",
        "assumed",
        "amplitude coding: a transimpedance stage that settles to half a step of 8 bits (6.2 time "
        "constants) within 50 ns into 0.5 pF "
        "at a feedback factor of 1/2 needs 125 µS, 8 µA at 15/V, in four branches at 1 V",
    ),
    Constant(
        "shift_add_j",
        0.2e-3 / 4 / (2 * 1.2e9),
        "J a conversion",
        "published",
        _ISAAC + "4 shift-and-add units at 0.2 mW behind 8 converters at 1.2 GS/s",
    ),
    Constant(
        "input_register_j",
        1.24e-3 * 100e-9 / (8 * 128),
        "J a row and pulse",
        "published",
        _ISAAC + "input registers, 1.24 mW for 8 × 128 rows",
    ),
    Constant(
        "output_register_j",
        0.23e-3 * 100e-9 / (8 * 128),
        "J a column and pulse",
        "published",
        _ISAAC + "output registers, 0.23 mW for 8 × 128 columns",
    ),
)
CONSTANTS: Mapping[str, Constant] = {constant.name: constant for constant in _CONSTANTS}
"""Everything around the array."""

_V100 = "NVIDIA Tesla V100 (SXM2) data sheet and WP-08608-001: "
REFERENCES: Mapping[str, Constant] = {
    constant.name: constant
    for constant in (
        Constant("paper", 27548.0, "GOPS/W", "published", "arXiv 2412.02779, 10 × 10 array alone"),
        Constant(
            "yao",
            11014.0,
            "GOPS/W",
            "published",
            "Yao et al., Nature 577, 641 (2020), macro of a 128 × 16 array",
        ),
        Constant(
            "v100",
            100.0,
            "GOPS/W",
            "published",
            "what both papers compare with: " + _V100 + "31.4 TFLOP/s, 300 W: 105",
        ),
        Constant(
            "v100_tensor", 125e3 / 300, "GOPS/W", "published", _V100 + "tensor cores, 125 TFLOP/s, 300 W"
        ),
    )
}
"""Efficiencies of others."""


@dataclass(frozen=True)
class ReadPulse:
    """What is on a row while currents are read.

    Raises:
        ValueError: A value is not a finite positive number.
    """

    voltage_v: float
    """Largest voltage of a row [V]."""
    seconds: float
    """How long it stands [s]."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not math.isfinite(value) or value <= 0:
                raise ValueError(f"{each.name} must be a finite positive number, got {value!r}")


def array_energy_j(conductances_s: np.ndarray, mean_square_v2: np.ndarray, seconds: float) -> float:
    """Energy that one read pulse leaves in the cells of an array: sum of V² G t.

    Args:
        conductances_s: Shape (rows, columns) [S], none negative.
        mean_square_v2: Mean of each row's squared voltage, shape (rows,) [V²].
        seconds: Length of the pulse [s].

    Raises:
        ValueError: Shapes do not fit, or a value is negative or not finite.
    """
    g, squares = np.asarray(conductances_s, dtype=float), np.asarray(mean_square_v2, dtype=float)
    if g.ndim != 2 or squares.shape != g.shape[:1]:
        raise ValueError(f"need (rows, columns) and (rows,), got {g.shape} and {squares.shape}")
    if not (np.isfinite(g).all() and (g >= 0).all() and np.isfinite(squares).all() and (squares >= 0).all()):
        raise ValueError("conductances and squared voltages must be finite and not negative")
    return float(squares @ g.sum(axis=1)) * seconds  # (rows,) @ (rows,)


def efficiency_gops_per_w(energy_per_cell_j: float) -> float:
    """10⁹ operations a joule, two operations a cell."""
    return OPERATIONS_PER_CELL / energy_per_cell_j / 1e9


@dataclass(frozen=True)
class Design:
    """Arrays that work together on one multiplication, and how inputs get onto their rows."""

    name: str
    tiles: tuple[tuple[int, int], ...]
    """Rows driven and columns sensed of each tile; cells outside are not there."""
    coding: str
    """`amplitude` or `serial`."""
    mean_square_v2: float | None = None
    """Mean squared row voltage of the inputs; None for the full read voltage on every row,
    which is what Yao et al. count. Amplitude coding only."""
    conductance_s: float | None = None
    """Mean conductance of a cell [S]; None for the programmed one."""

    def __post_init__(self) -> None:
        if self.coding not in CODINGS:
            raise ValueError(f"coding must be one of {', '.join(CODINGS)}, got {self.coding!r}")
        if not self.tiles or any(rows < 1 or columns < 1 for rows, columns in self.tiles):
            raise ValueError(f"{self.name}: every tile needs a row and a column, got {self.tiles}")

    @property
    def cells(self) -> int:
        """Cells that multiply."""
        return sum(rows * columns for rows, columns in self.tiles)


@dataclass(frozen=True)
class Budget:
    """Energy of one 8-bit multiply-accumulate in each component."""

    design: Design
    energy_j: Mapping[str, float] = field(default_factory=dict)
    """Component to energy a cell and multiplication [J]; every one of `COMPONENTS`."""

    @property
    def array_gops_per_w(self) -> float:
        """Counting the array alone."""
        return efficiency_gops_per_w(self.energy_j["array"])

    @property
    def gops_per_w(self) -> float:
        """Counting everything."""
        return efficiency_gops_per_w(sum(self.energy_j.values()))


def budget(
    design: Design,
    *,
    conductance_s: float,
    pulse: ReadPulse,
    constants: Mapping[str, Constant] = CONSTANTS,
) -> Budget:
    """What one multiplication costs on a design, a cell.

    Args:
        design: Arrays and coding.
        conductance_s: Mean conductance of a cell [S], where the design has none of its own.
        pulse: Read pulse; with serial coding each of the eight is one.
        constants: Everything around the array.

    Raises:
        ValueError: The conductance is not positive.
    """
    if not (math.isfinite(conductance_s) and conductance_s > 0):
        raise ValueError(f"conductance_s must be a finite positive number, got {conductance_s!r}")
    if design.conductance_s is not None:
        conductance_s = design.conductance_s
    at = {name: constant.value for name, constant in constants.items()}
    rows, columns = (sum(tile[axis] for tile in design.tiles) for axis in (0, 1))
    pulses = 1 if design.coding == "amplitude" else BITS
    square = pulse.voltage_v**2 if design.mean_square_v2 is None else design.mean_square_v2
    conversions = columns * pulses
    digital = at["input_register_j"] * rows * pulses + at["output_register_j"] * columns * pulses
    if design.coding == "amplitude":
        array = square * conductance_s * pulse.seconds * design.cells
        dac = at["dac_j"] * rows
        sense = at["amplifier_w"] * pulse.seconds * columns
    else:
        array = SERIAL_ONES * square * conductance_s * pulse.seconds * design.cells * pulses
        dac = at["driver_w"] * pulse.seconds * rows * pulses
        sense = at["sample_w"] * pulse.seconds * columns * pulses
        digital += at["shift_add_j"] * conversions
    total = {"array": array, "dac": dac, "sense": sense, "adc": at["adc_j"] * conversions, "digital": digital}
    return Budget(design, {name: total[name] / design.cells for name in COMPONENTS})


def implied_energy_j(gops_per_w: float) -> float:
    """Energy a cell and multiplication that an efficiency stands for."""
    return OPERATIONS_PER_CELL / (gops_per_w * 1e9)


def implied_conductance_s(gops_per_w: float, pulse: ReadPulse) -> float:
    """Mean conductance at which the array alone has this efficiency under this pulse."""
    return implied_energy_j(gops_per_w) / (pulse.voltage_v**2 * pulse.seconds)


def designs_of(
    tiles: Sequence[tuple[int, int]],
    mean_square_v2: float,
    *,
    array: tuple[int, int],
    pulse: ReadPulse,
    network: str,
) -> list[Design]:
    """What is priced: the array in full, the paper's, a network with its own inputs, and a large array.

    Args:
        tiles: Rows and columns that the network uses of each loading of the array.
        mean_square_v2: Mean squared row voltage of its inputs [V²].
        array: Rows and columns of the array.
        pulse: Read pulse; the paper's array has the conductance that gives its efficiency under it.
        network: What the network is, as the table says it.
    """
    rows, columns = array
    paper_s = implied_conductance_s(REFERENCES["paper"].value, pulse)
    return [
        Design(f"{rows} × {columns} array, full", (array,), "amplitude"),
        Design("the paper's 10 × 10 array", ((10, 10),), "amplitude", conductance_s=paper_s),
        Design(f"{network}, its inputs", tuple(tiles), "amplitude", mean_square_v2),
        Design(f"{rows} × {columns} array, full", (array,), "serial"),
        Design(f"{LARGE} × {LARGE} array, full", ((LARGE, LARGE),), "serial"),
    ]


def energy_of(
    designs: Iterable[Design], *, conductance_s: float, pulse: ReadPulse, evidence: str
) -> list[dict]:
    """Rows of `codesign.schemas.energy.ENERGY`, one a design and component.

    Args:
        designs: What is priced.
        conductance_s: Mean programmed conductance [S].
        pulse: Read pulse.
        evidence: `simulated` or `measured`: where the conductance comes from.
    """
    budgets = [budget(design, conductance_s=conductance_s, pulse=pulse) for design in designs]
    return [
        {
            "evidence": evidence,
            "design": each.design.name,
            "coding": each.design.coding,
            "cells": each.design.cells,
            "conductance_s": each.design.conductance_s or conductance_s,
            "read_voltage_v": pulse.voltage_v,
            "pulse_s": pulse.seconds,
            "component": component,
            "energy_j": each.energy_j[component],
            "array_gops_per_w": each.array_gops_per_w,
            "gops_per_w": each.gops_per_w,
        }
        for each in budgets
        for component in COMPONENTS
    ]


def said_of(rows: Sequence[Mapping]) -> str:
    """The table of `energy_of` in words, with what the paper's number would take under this pulse."""
    pulse = ReadPulse(rows[0]["read_voltage_v"], rows[0]["pulse_s"])
    paper = REFERENCES["paper"].value
    lines = [f"{rows[0]['evidence']}: mean conductance {rows[0]['conductance_s'] * 1e6:.4g} µS"]
    for row in rows:
        if row["component"] == "array":
            lines.append(
                f"{row['design']} ({row['coding']}): array alone {row['array_gops_per_w']:,.0f} GOPS/W "
                f"({row['array_gops_per_w'] / paper:.3g} of the paper's, "
                f"{row['array_gops_per_w'] / REFERENCES['v100'].value:,.0f} V100), everything "
                f"{row['gops_per_w']:,.0f} ({row['gops_per_w'] / REFERENCES['v100'].value:.3g} V100)"
            )
    lines.append(
        f"the paper's {paper:,.0f} GOPS/W: {implied_energy_j(paper) * 1e15:.1f} fJ a cell, under this "
        f"pulse a mean conductance of {implied_conductance_s(paper, pulse) * 1e6:.3g} µS"
    )
    return "\n".join(lines)


def constant_rows(constants: Sequence[Constant] | None = None) -> list[dict]:
    """Every constant and reference with its source, as a table."""
    chosen = [*CONSTANTS.values(), *REFERENCES.values()] if constants is None else constants
    return [{each.name: getattr(constant, each.name) for each in fields(Constant)} for constant in chosen]
