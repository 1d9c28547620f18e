"""Column headers to quantities in SI units; columns to a measurement's cycles."""

import re
from dataclasses import dataclass

import numpy as np

from codesign.iv.importers.refusal import ImportRefused

NOT_A_NUMBER = 9.9e37
"""Source-measure units write 9.91e37 where they have no value; anything as large is missing."""

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "k": 1e3}
QUANTITIES = {"V": "voltage", "A": "current", "s": "time", "S": "conductance", "Ohm": "resistance", "Ω": "resistance"}
NAMES = {
    "voltage": r"v|u|volt|voltage|bias|v(?:olt(?:age)?)?[ _]?(?:source|applied|dut)|av|smu\d?[ _]?v",
    "current": r"i|id|ids|ai|curr|current|i[ _]?(?:meas|dut)|smu\d?[ _]?i",
    "time": r"t|time|x_value|timestamp",
    "cycle": r"cycle|sweep|loop|repeat|cycle[ _]?(?:no|nr|number|index)",
    "pulse": r"pulse|pulse[ _]?(?:no|nr|number|index)",
    "conductance": r"g|conductance",
    "resistance": r"r|resistance",
}
CYCLE_COLUMN = re.compile(r"^(?:current|curr|i|id)[ _-]*(?:cycle|sweep|loop|run)?[ _-]*(\d+)$", re.IGNORECASE)


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

    Understands `Voltage (V)`, `I [mA]`, `U/V`, `current_cycle12`, `Current(uA)`.
    """
    text = text.strip().strip("#").strip()
    name, unit = _split_unit(text)
    quantity, scale = "", 1.0
    if unit:
        known = _unit(unit)
        if known:
            quantity, scale = known
    numbered = CYCLE_COLUMN.match(name)
    if numbered:
        return Column("current", scale if quantity in ("", "current") else 1.0, unit, int(numbered.group(1)))
    for candidate, pattern in NAMES.items():
        if re.fullmatch(pattern, name.strip(), re.IGNORECASE):
            if quantity not in ("", candidate):
                scale = 1.0
            return Column(candidate, scale, unit, None)
    return Column(quantity, scale, unit, None)


def _split_unit(text: str) -> tuple[str, str]:
    for pattern in (r"^(.*?)\s*[\[(]\s*([^\])]*)\s*[\])]\s*(.*)$", r"^(.*?)\s*/\s*(\S+)$", r"^(.*?),\s*(\S+)$"):
        found = re.match(pattern, text)
        if found:
            rest = found.group(3) if found.re.groups > 2 else ""
            return (found.group(1) + rest).strip(), found.group(2).strip()
    return text, ""


def _unit(unit: str) -> tuple[str, float] | None:
    for symbol, quantity in QUANTITIES.items():
        if unit.endswith(symbol) and unit[: -len(symbol)] in PREFIXES:
            return quantity, PREFIXES[unit[: -len(symbol)]]
    return None


def numbers(cells, *, column: str, first_row: int, decimal_comma: bool = False) -> np.ndarray:
    """Cells of one column as floats; empty cells and 9.91e37 are NaN.

    Args:
        cells: Strings, numbers or None.
        column: Name for errors.
        first_row: Row of the first cell as a person counts them, for errors.
        decimal_comma: Whether 1,5 means 1.5.

    Raises:
        ImportRefused: A cell holds text, or an infinite value.
    """
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        values[row] = _number(cell, f"column {column}, row {first_row + row}", decimal_comma)
    return values


def _number(cell, where: str, decimal_comma: bool) -> float:
    if cell is None or isinstance(cell, bool):
        return np.nan
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in ("", "nan", "na", "n/a", "--", "null"):
            return np.nan
        if decimal_comma:
            text = text.replace(",", ".")
        try:
            cell = float(text)
        except ValueError:
            raise ImportRefused(
                f"{cell.strip()[:40]!r} is not a number",
                where=where,
                remedy="correct the cell, or empty it where nothing was measured",
            ) from None
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ImportRefused(
            f"{cell!r} is not a number", where=where, remedy="format the column as numbers"
        ) from None
    if np.isinf(value):
        raise ImportRefused(
            f"{value} is not finite", where=where, remedy="empty the cell where the instrument overflowed"
        )
    return np.nan if abs(value) >= NOT_A_NUMBER else value


def check_voltage(voltage_v: np.ndarray, *, column: str) -> None:
    """Refuse a voltage column that no sweep has.

    Raises:
        ImportRefused: A value is missing, or none is positive.
    """
    missing = np.flatnonzero(~np.isfinite(voltage_v))
    if missing.size:
        raise ImportRefused(
            f"{missing.size} values are missing, the first at point {missing[0]}",
            where=f"column {column}",
            remedy="give every row a voltage or delete the row",
        )
    if not np.any(voltage_v > 0):
        raise ImportRefused(
            "the voltage is never positive",
            where=f"column {column}",
            remedy="the charging branch is 0 to +Vmax: check the sign or the column",
        )


def split_cycles(voltage_v: np.ndarray) -> np.ndarray:
    """First sample of each cycle in a record that holds several cycles end to end.

    A source repeats its programme, so the cycle length is the smallest shift
    under which the voltages repeat within half a step. The last cycle may be
    incomplete, but half of it must be there to be seen as a repetition.

    Args:
        voltage_v: Shape (n_samples,), finite.

    Returns:
        Indices, the first of them 0; only 0 where nothing repeats.
    """
    n = voltage_v.size
    steps = np.abs(np.diff(voltage_v))
    moving = steps[steps > 0]
    if moving.size == 0:
        return np.array([0])
    tolerance = 0.5 * np.median(moving)
    shifts = np.arange(4, 2 * n // 3 + 1)
    shifts = shifts[np.abs(voltage_v[shifts] - voltage_v[0]) <= tolerance]
    for shift in shifts:
        if np.all(np.abs(voltage_v[shift:] - voltage_v[:-shift]) <= tolerance):
            return np.arange(0, n, shift)
    return np.array([0])
