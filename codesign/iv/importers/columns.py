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
    "voltage": r"v|u|vd|vds|av|volts?|voltage|bias"
    r"|(?:v|volt|voltage)[ _-]?(?:source|applied|dut|set|meas|measured)"
    r"|(?:source|applied|bias|measured)[ _]?(?:v|voltage)|smu\d?[ _]?v",
    "current": r"i|ai|id|ids|curr|current|(?:i|current)[ _-]?(?:meas|measured|dut)"
    r"|measured[ _]?current|smu\d?[ _]?i",
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
        # without brackets a unit counts only after a known name: `vgs_min_V` is no voltage sweep
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
            remedy="the charging branch is 0 to +Vmax: check the column, or its sign "
            "(voltage_scale: -1 in the sidecar)",
        )


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
    step, noise = float(np.median(steps[steps > 0])), _read_back_noise(voltage_v)
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


def _read_back_noise(voltage_v: np.ndarray) -> float:
    """Standard deviation of the noise on a voltage that moves in equal steps.

    Second differences vanish but for the turning points and the noise, six
    variances of it each; their 30 % quantile leaves the turning points out.
    """
    if voltage_v.size < 3:
        return 0.0
    bent = np.abs(np.diff(voltage_v, n=2))
    noise = float(np.quantile(bent, 0.3)) / (0.3853 * np.sqrt(6))  # 0.3853: 30 % quantile of |N(0, 1)|
    return noise if noise > 1e-9 * np.abs(voltage_v).max() else 0.0


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
