"""How a crossbar is wired to the instrument: channel map, multiplexers, gains, limits.

A multiplexer here is an address decoder with one changeover switch a line: the line at the address is
*selected*, every other line is tied to the bias output, and with the enable off all of them are open.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from codesign.crossbar.driver import Limits
from codesign.settings import SettingsError, check_settings, read_schema
from codesign.shipped import shipped
from codesign.yaml_text import YamlError, read_yaml

DIGITAL_LINES = 16
"""DIO0 to DIO15 of the Analog Discovery 2."""
OUTPUT_RANGE_V = 5.0
"""Largest |voltage| of its analog outputs [V]."""


@dataclass(frozen=True)
class Multiplexer:
    """Selects one of its lines, or none.

    Raises:
        ValueError: An address does not fit the address lines or is used twice, or a digital line is.
    """

    address_lines: tuple[int, ...]
    """Digital lines of the address, least significant first."""
    enable_line: int
    enable_level: str
    """low | high: the level that switches it on."""
    idle_address: int
    """The address at which no line is selected."""
    lines: tuple[int, ...]
    """Row or column at address 0, 1, 2 ..."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address_lines", tuple(self.address_lines))
        object.__setattr__(self, "lines", tuple(self.lines))
        largest = 2 ** len(self.address_lines) - 1
        if len(self.lines) - 1 > largest:
            raise ValueError(
                f"{len(self.address_lines)} address lines reach {largest + 1} lines, not all of {self.lines}"
            )
        if not len(self.lines) <= self.idle_address <= largest:
            raise ValueError(
                f"idle_address {self.idle_address} must be a free address: {len(self.lines)} to {largest} are"
            )
        if self.enable_level not in ("low", "high"):
            raise ValueError(f"enable_level is low or high, got {self.enable_level!r}")

    @property
    def digital_lines(self) -> tuple[int, ...]:
        """Every digital line it uses."""
        return (*self.address_lines, self.enable_line)

    def on(self, line: int | None) -> int:
        """Bits that switch it on with `line` selected (None: no line, all on bias)."""
        address = self.idle_address if line is None else self.lines.index(line)
        bits = sum(1 << pin for k, pin in enumerate(self.address_lines) if address >> k & 1)
        return bits | (self.enable_level == "high") << self.enable_line

    @property
    def off(self) -> int:
        """Bits that switch it off: every line open, whatever the address."""
        address = sum(1 << pin for k, pin in enumerate(self.address_lines) if self.idle_address >> k & 1)
        return address | (self.enable_level == "low") << self.enable_line


@dataclass(frozen=True)
class Bank(Multiplexer):
    """The columns that share one analog input."""

    input: int
    """Analog input, 1 or 2."""
    transimpedance_ohm: float
    gain: float
    """Volts at the input over volts across the transimpedance; negative for an inverting stage."""

    def amperes(self, volts: float) -> float:
        """Current into the column from the voltage at the analog input."""
        return volts / (self.gain * self.transimpedance_ohm)


@dataclass(frozen=True)
class Instrument:
    """Which Analog Discovery 2, and how its inputs sample."""

    serial: str | None
    """None: the only one there is."""
    supply_v: float | None
    """V+ and -(V-) that power the board [V]; None where it has a supply of its own."""
    input_range_v: float
    """Peak to peak [V]."""
    sample_rate_hz: float
    samples: int
    """Averaged into one reading."""
    timeout_s: float
    """Longest wait for one answer, beyond what sampling or a pulse takes by itself [s]."""


@dataclass(frozen=True)
class Wiring:
    """Everything the driver has to know about the board.

    Raises:
        ValueError: Two things share a line, a row or column is missing, or a shorted cell could pass more
            than the current limit.
    """

    instrument: Instrument
    drive_output: int
    """1 or 2: the analog output that feeds the selected row."""
    bias_output: int
    """1 or 2: the one that feeds every other line."""
    drive_resistance_ohm: float
    """Between drive output and row: series resistor and switches."""
    rows: Multiplexer
    columns: tuple[Bank, ...]
    ground_line: int
    """Digital line that ties the selected columns to ground instead of the transimpedance stages."""
    ground_level: str
    settling_s: float
    limits: Limits

    def __post_init__(self) -> None:
        problems = []
        used: dict[int, str] = {}
        users = [("rows", self.rows.digital_lines), ("sense_ground", (self.ground_line,))]
        users += [(f"columns of input {bank.input}", bank.digital_lines) for bank in self.columns]
        for user, lines in users:
            for line in lines:
                if not 0 <= line < DIGITAL_LINES:
                    problems.append(f"{user}: there is no DIO{line}; DIO0 to DIO{DIGITAL_LINES - 1} are")
                if line in used:
                    problems.append(f"DIO{line} is used by {used[line]} and by {user}")
                used[line] = user
        if self.drive_output == self.bias_output:
            problems.append(f"drive and bias cannot share W{self.drive_output}")
        if len({bank.input for bank in self.columns}) < len(self.columns):
            problems.append("two column multiplexers share an analog input")
        for name, lines in (("row", self.rows.lines), ("column", self._columns())):
            if sorted(lines) != list(range(len(lines))):
                problems.append(f"every {name} from 0 on must be wired once, got {sorted(lines)}")
        if not (isfinite(self.drive_resistance_ohm) and self.drive_resistance_ohm > 0):
            problems.append(f"drive_resistance_ohm must be positive, got {self.drive_resistance_ohm!r}")
        else:
            largest = max(self.limits.pulse_voltage_v, self.limits.read_voltage_v)
            short_a = largest / self.drive_resistance_ohm
            if short_a > self.limits.current_a:
                problems.append(
                    f"a shorted cell would pass {largest:g} V / {self.drive_resistance_ohm:g} Ohm = "
                    f"{short_a:.2g} A, beyond limits.current_a = {self.limits.current_a:g} A: "
                    "fit a larger series resistor or lower the voltage limits"
                )
            if largest > OUTPUT_RANGE_V:
                problems.append(
                    f"the analog outputs reach {OUTPUT_RANGE_V:g} V, the limits say {largest:g} V"
                )
        if problems:
            raise ValueError("; ".join(problems))

    def _columns(self) -> list[int]:
        return [line for bank in self.columns for line in bank.lines]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the array."""
        return len(self.rows.lines), len(self._columns())

    @property
    def digital_mask(self) -> int:
        """Every digital line the board uses, as bits."""
        lines = [*self.rows.digital_lines, self.ground_line]
        lines += [line for bank in self.columns for line in bank.digital_lines]
        return sum(1 << line for line in lines)

    @property
    def off(self) -> int:
        """Digital word of the safe state: every multiplexer off, transimpedance stages grounded."""
        return self.rows.off | sum(bank.off for bank in self.columns) | self._ground(True)

    def word(self, *, row: int | None, columns: Sequence[int], grounded: bool) -> int:
        """Digital word with all multiplexers on.

        Args:
            row: The row on the drive output; None leaves all on bias.
            columns: Columns selected, at most one of each bank; the others are on bias.
            grounded: Selected columns go to ground (pulses) instead of the transimpedance stages (reads).

        Raises:
            ValueError: Two columns of one bank, or a column that is not wired.
        """
        word = self.rows.on(row) | self._ground(grounded)
        rest = set(columns)
        for bank in self.columns:
            mine = rest & set(bank.lines)
            if len(mine) > 1:
                raise ValueError(f"columns {sorted(mine)} share analog input {bank.input}: one at a time")
            word |= bank.on(next(iter(mine), None))
            rest -= mine
        if rest:
            raise ValueError(f"columns {sorted(rest)} are not wired; the array has {self.shape[1]}")
        return word

    def _ground(self, grounded: bool) -> int:
        return (grounded == (self.ground_level == "high")) << self.ground_line

    @property
    def digest(self) -> str:
        """SHA-256 of what is wired, not of how the file is written."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def read_wiring(path: Path | str) -> Wiring:
    """Read and check a wiring file.

    Raises:
        SettingsError: A key is missing, misspelt or out of range, or the wiring contradicts itself.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingsError(f"no wiring file {path}; profiles/bench/wiring.yaml is one to start from")
    try:
        stored = read_yaml(path)
    except YamlError as error:
        raise SettingsError(str(error)) from error
    check_settings(stored, read_schema(shipped("schemas/wiring.schema.yaml")), name=str(path))
    try:
        return wiring_of(stored)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def wiring_of(stored: Mapping) -> Wiring:
    """The wiring a checked mapping describes.

    Raises:
        ValueError: It contradicts itself.
    """
    return Wiring(
        instrument=Instrument(**stored["instrument"]),
        drive_output=stored["analog_outputs"]["drive"],
        bias_output=stored["analog_outputs"]["bias"],
        drive_resistance_ohm=stored["drive_resistance_ohm"],
        rows=Multiplexer(**stored["rows"]),
        columns=tuple(Bank(**bank) for bank in stored["columns"]),
        ground_line=stored["sense_ground"]["line"],
        ground_level=stored["sense_ground"]["level"],
        settling_s=stored["settling_s"],
        limits=Limits(**stored["limits"]),
    )
