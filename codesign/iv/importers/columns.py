"""Column headers to quantities in SI units, cells to numbers, a long record to cycles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codesign.iv.importers.refusal import ImportRefused

NOT_A_NUMBER = 9.9e37
"""Source-measure units write 9.91e37 where they have no value; anything as large is missing."""

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "k": 1e3}
QUANTITIES = {
    **dict.fromkeys(("V", "Volt", "Volts", "volt", "volts"), "voltage"),
    **dict.fromkeys(("A", "Amp", "Amps", "amp", "amps", "Ampere", "Amperes"), "current"),
    **dict.fromkeys(("s", "sec"), "time"),
    "S": "conductance",
    **dict.fromkeys(("Ohm", "ohm", "Ω", "Ω"), "resistance"),
}
NAMES = {
    "voltage": r"v|u|av|volts?|voltage|bias|(?:v|volt|voltage)[ _-]?(?:source|applied|dut|set|meas|measured)"
    r"|(?:source|applied|bias|measured)[ _]?(?:v|voltage)|smu\d?[ _]?v",
    "current": r"i|ai|id|ids|curr|current|(?:i|current)[ _-]?(?:meas|measured|dut)|measured[ _]?current|smu\d?[ _]?i",
    "time": r"t|time|x_value|timestamp",
    "cycle": r"cycles?|sweep|loop|repeat|(?:cycle|sweep|loop)[ _]?(?:no\.?|nr\.?|number|index)",
    "pulse": r"pulses?|(?:pulse[ _]?(?:no\.?|nr\.?|number|index))",
    "conductance": r"g|conductance",
    "resistance": r"r|resistance",
}
CYCLE_COLUMN = re.compile(
    r"(?:(?:current|curr|i|id)[ _-]*)?(?:cycle|sweep|loop|run)?[ _-]*(\d+)", re.IGNORECASE
)
EMPTY = ("", "nan", "na", "n/a", "-", "--", "null", "none")


@dataclass(frozen=True)
class Column:
    """What a header says."""

    quantity: str
    """voltage, current, time, cycle, pulse, conductance, resistance, or '' where unknown."""
    scale: float
    """Factor to SI units."""
    unit: str
    """The unit as written; '' where none is."""
    cycle: int | None
    """Cycle number in the header, where there is one."""


def read_header(text: str) -> Column:
    """Quantity, unit and cycle number of one column header.

    Understands `Voltage (V)`, `I [mA]`, `U/V`, `current_uA`, `current_cycle12`, `Current(uA)`.
    A name that says one quantity and a unit of another is unknown.
    """
    name, unit = split_unit(text.strip().lstrip("#%").strip())
    measured, scale = unit_of(unit) or ("", 1.0)
    numbered = CYCLE_COLUMN.fullmatch(name)
    if numbered and measured in ("", "current"):
        return Column("current", scale, unit, int(numbered.group(1)))
    for quantity, pattern in NAMES.items():
        if re.fullmatch(pattern, name, re.IGNORECASE):
            return Column(quantity if measured in ("", quantity) else "", scale, unit, None)
    return Column(measured if measured in ("voltage", "current") else "", scale, unit, None)


def split_unit(text: str) -> tuple[str, str]:
    """Name and unit of a header; the unit is '' where none is recognised as one."""
    bracketed = re.fullmatch(r"(.*?)\s*[\[(]\s*([^\])]*?)\s*[\])]\s*", text)
    if bracketed:
        return bracketed.group(1).strip(), bracketed.group(2)
    found = re.fullmatch(r"(.*?)\s*[/,_]\s*([^\s/,_]+)", text)
    if found and unit_of(found.group(2)):
        name = found.group(1).strip()
        # without brackets a unit counts only after a name that is known itself: `vgs_min_V` is no voltage sweep
        if CYCLE_COLUMN.fullmatch(name) or any(re.fullmatch(p, name, re.IGNORECASE) for p in NAMES.values()):
            return name, found.group(2)
    return text, ""


def unit_of(unit: str) -> tuple[str, float] | None:
    """Quantity a unit measures and the factor to SI; None where it is no known unit."""
    for symbol, quantity in QUANTITIES.items():
        if unit.endswith(symbol) and unit[: -len(symbol)] in PREFIXES:
            return quantity, PREFIXES[unit[: -len(symbol)]]
    return None


def numbers(cells: Sequence, *, column: str, rows: Sequence[int], decimal_comma: bool = False) -> np.ndarray:
    """Cells of one column as floats; empty cells and 9.91e37 are NaN.

    Args:
        cells: Strings, numbers or None, or an array of numbers; shape (n,).
        column: Name for errors.
        rows: Row of each cell as a person counts them, for errors; shape (n,).
        decimal_comma: Whether 1,5 means 1.5.

    Raises:
        ImportRefused: A cell holds text, or an infinite value; names column and row.
    """
    if isinstance(cells, np.ndarray):
        values = cells.astype(float)
    else:
        values = np.empty(len(cells))
        for k, cell in enumerate(cells):
            values[k] = cell if type(cell) is float else _number(cell, column, rows[k], decimal_comma)
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise ImportRefused(
            f"{values[infinite[0]]} is not finite ({infinite.size} such cells)",
            where=f"column {column}, row {rows[infinite[0]]}",
            remedy="empty the cell where the instrument overflowed",
        )
    return np.where(np.abs(values) >= NOT_A_NUMBER, np.nan, values)


def _number(cell, column: str, row: int, decimal_comma: bool) -> float:
    if cell is None:
        return np.nan
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in EMPTY:
            return np.nan
        if decimal_comma:
            text = text.replace(",", ".")
        cell = text
    try:
        if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
            raise ValueError
        return float(cell)
    except (TypeError, ValueError):
        raise ImportRefused(
            f"{str(cell)[:40]!r} is not a number",
            where=f"column {column}, row {row}",
            remedy="correct the cell, or empty it where nothing was measured",
        ) from None


def check_voltage(voltage_v: np.ndarray, *, column: str, rows: Sequence[int] | None = None) -> None:
    """Refuse a voltage column that no sweep has.

    Raises:
        ImportRefused: A value is missing, or none is positive.
    """
    missing = np.flatnonzero(~np.isfinite(voltage_v))
    if missing.size:
        at = f"row {rows[missing[0]]}" if rows is not None else f"point {missing[0]}"
        raise ImportRefused(
            f"{missing.size} voltage(s) are missing",
            where=f"column {column}, {at}",
            remedy="give every row a voltage or delete the row",
        )
    if not np.any(voltage_v > 0):
        raise ImportRefused(
            "the voltage is never positive",
            where=f"column {column}",
            remedy="the charging branch is 0 to +Vmax: check the sign (voltage_scale: -1 in the sidecar) or the column",
        )


def split_cycles(voltage_v: np.ndarray) -> np.ndarray:
    """First sample of each cycle in a record that holds several cycles end to end.

    A new cycle starts where the voltage is back at its first value (within 0.6
    of the median step, so that a passage between two steps is seen) and leaves it
    in the direction in which the record began. The passage through 0 V from +Vmax
    to -Vmax is thus no start. A start value that stands twice at a seam ends one
    cycle and starts the next.

    Args:
        voltage_v: Shape (n_samples,), finite.

    Returns:
        Indices, the first of them 0; only 0 where the voltage never returns, or
        where "cycles" would have fewer than four points (a noisy, not a swept source).
    """
    steps = np.abs(np.diff(voltage_v))
    moving = steps[steps > 0]
    if moving.size == 0:
        return np.array([0])
    away = np.abs(voltage_v - voltage_v[0]) > 0.6 * np.median(moving)
    leaves = np.flatnonzero(~away[:-1] & away[1:])  # last sample near the start value
    if leaves.size == 0:
        return np.array([0])
    enters = np.flatnonzero(away[:-1] & ~away[1:]) + 1  # first sample near it again
    direction = np.sign(voltage_v[leaves + 1] - voltage_v[0])
    starts = [0]
    held = leaves[0] + 1  # samples the record stays at its first value
    for leave, side in zip(leaves[1:], direction[1:], strict=True):
        if side == direction[0]:
            entered = enters[np.searchsorted(enters, leave, side="right") - 1]
            starts.append(max(int(entered), int(leave - held + 1)))
    lengths = np.diff([*starts, voltage_v.size])
    return np.array(starts) if np.median(lengths) >= 4 else np.array([0])
