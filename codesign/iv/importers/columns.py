"""Column headers to quantities in SI units, cells to numbers, a long record to cycles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.programme import read_back_noise
from codesign.iv.signs import wrong_side

NOT_A_NUMBER = 9.9e37
"""Source-measure units write 9.91e37 where they have no value; anything as large is missing."""

PREFIX_WORDS = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "kilo": "k"}
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
    r"|(?:source|applied|bias|measured)[ _]?(?:v|voltage)|smu\d?[ _]?v|spannung",
    "current": r"i|ai|id|ids|curr|current|(?:i|current)[ _-]?(?:meas|measured|dut)"
    r"|measured[ _]?current|smu\d?[ _]?i|strom",
    "time": r"t|time|x_value|timestamp|zeit",
    "cycle": r"cycles?|sweep|loop|repeat|run|zyklus"
    r"|(?:cycle|sweep|loop|repeat|run)[ _]?(?:no\.?|nr\.?|number|index)",
    "pulse": r"pulses?|(?:pulse[ _]?(?:no\.?|nr\.?|number|index))",
    "conductance": r"g|conductance",
    "resistance": r"r|resistance",
}
RUN = re.compile(r"run(?:[ _]?(?:no\.?|nr\.?|number|index))?", re.IGNORECASE)
"""A name of a cycle column that often means the whole file instead."""
CYCLE_COLUMN = re.compile(
    r"(?:(?:current|curr|i|id|strom)[ _-]*)?(?:cycle|sweep|loop|run|zyklus)?[ _-]*(\d+)", re.IGNORECASE
)
VOLTAGE_COLUMN = re.compile(
    r"(?:voltage|volt|v|vd|u|spannung)[ _-]*(?:cycle|sweep|loop|run|zyklus)?[ _-]*(\d+)", re.IGNORECASE
)
LOGARITHM = re.compile(r"(?:log(?:_?10)?|lg|ln)(?:[\s_|(]|i\b|abs|$)", re.IGNORECASE)
REMARK = re.compile(
    r"|u|v|i|id|vd|(?:meas(?:ured)?|set|source|applied|drain|dut|bias|dc|raw|forward|backward|up|down|trigger)"
    r"|(?:ch|channel|smu|cycle|sweep|run|ai|ao)[ _-]*\d*|\d+",
    re.IGNORECASE,
)
"""What brackets behind a name may hold besides its unit."""
FORTRAN = re.compile(r"^([+-]?[\d.]+)[dD]([+-]?\d+)$")
"""A number whose exponent is marked by D."""
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
    foreign_unit: bool = False
    """Whether the brackets hold neither a known unit nor a remark, so that the scale is unknown."""


def read_header(text: str) -> Column:
    """Quantity, unit and cycle number of one column header.

    Understands `Voltage (V)`, `I [mA]`, `U/V`, `current_uA`, `current_cycle12`, `Current(uA)`,
    `Voltage in mV`. A name that says one quantity and a unit of another is unknown, as is a logarithm.
    """
    name, unit = split_unit(text.strip().lstrip("#%").strip())
    measured, scale = unit_of(unit) or ("", 1.0)
    foreign = not measured and not REMARK.fullmatch(unit)
    if LOGARITHM.match(name):
        return Column("", 1.0, unit, None)
    numbered = CYCLE_COLUMN.fullmatch(name)
    if numbered and measured in ("", "current"):
        return Column("current", scale, unit, int(numbered.group(1)), foreign)
    if numbered and re.match(r"c(?!ycle)|i|strom", name, re.IGNORECASE):
        return Column("", 1.0, unit, None)  # named a current, in the unit of something else
    numbered_voltage = VOLTAGE_COLUMN.fullmatch(name)
    if numbered_voltage:
        known = measured in ("", "voltage")
        return Column("voltage" if known else "", scale, unit, int(numbered_voltage.group(1)), foreign)
    for quantity, pattern in NAMES.items():
        if re.fullmatch(pattern, name, re.IGNORECASE):
            return Column(quantity if measured in ("", quantity) else "", scale, unit, None, foreign)
    return Column(measured if measured in ("voltage", "current") else "", scale, unit, None)


def split_unit(text: str) -> tuple[str, str]:
    """Name and unit of a header; the unit is '' where none is recognised as one."""
    bracketed = re.fullmatch(r"(.*?)\s*[\[({<]\s*([^\])}>]*?)\s*[\])}>]\s*", text, re.DOTALL)
    if bracketed:
        return bracketed.group(1).strip(), bracketed.group(2)
    found = re.fullmatch(r"(.*?)(?:\s*[/,_]\s*|\s+(?:in|-)\s+|\s+)([^\s/,_]+)", text)
    if found and unit_of(found.group(2)):
        name = found.group(1).strip()
        # without brackets a unit counts only after a known name: `vgs_min_V` is no voltage sweep
        numbered = CYCLE_COLUMN.fullmatch(name) or VOLTAGE_COLUMN.fullmatch(name)
        if numbered or any(re.fullmatch(p, name, re.IGNORECASE) for p in NAMES.values()):
            return name, found.group(2)
    return text, ""


def unit_of(unit: str) -> tuple[str, float] | None:
    """Quantity a unit measures and the factor to SI; None where it is no known unit.

    `mv` and `ua` are meant as mV and uA; `MA` may be mega or milli and is no known unit.
    """
    for word, letter in PREFIX_WORDS.items():
        if unit.lower().startswith(word):
            unit = letter + unit[len(word) :].lstrip(" -")
    if re.fullmatch(r"[munpkµμ]?[va]", unit):
        unit = unit[:-1] + unit[-1].upper()
    for symbol, quantity in QUANTITIES.items():
        if unit.endswith(symbol) and unit[: -len(symbol)] in PREFIXES:
            return quantity, PREFIXES[unit[: -len(symbol)]]
    return None


def numbers(cells: Sequence, *, column: str, rows: Sequence[int], decimal_comma: bool = False) -> np.ndarray:
    """Cells of one column as floats; empty cells and 9.91e37 are NaN.

    `1.0D-6` is 1e-6. In text that holds both signs, as 1.234,5 does, the last is the decimal sign.

    Args:
        cells: Strings, numbers or None, or an array of numbers; shape (n,).
        column: Name for errors.
        rows: Row of each cell as a person counts them, for errors; shape (n,).
        decimal_comma: Whether 1,5 means 1.5.

    Raises:
        ImportRefused: A cell holds text, an infinite value, or a sign that may part thousands
            or decimals; names column and row.
    """
    if isinstance(cells, np.ndarray):
        values = cells.astype(float)
    else:
        values = np.empty(len(cells))
        cells = [cell if type(cell) is not str or cell.isascii() else _plain(cell) for cell in cells]
        sign, thousands = _signs(cells, column=column, rows=rows, decimal_comma=decimal_comma)
        whole = None if thousands else _all_floats(cells, sign)
        if whole is not None:
            values[:] = whole
        else:
            for k, cell in enumerate(cells):
                values[k] = cell if type(cell) is float else _number(cell, column, rows[k], sign, thousands)
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise ImportRefused(
            f"{values[infinite[0]]} is not finite ({infinite.size} such cells)",
            where=f"column {column}, row {rows[infinite[0]]}",
            remedy="empty the cell where the instrument overflowed",
        )
    return np.where(np.abs(values) >= NOT_A_NUMBER, np.nan, values)


def _all_floats(cells: Sequence, sign: str) -> list[float] | None:
    """Cells as floats where all are plain text numbers, a quarter of the time `_number` takes; else None."""
    try:
        text = "\n".join(cells)
        return None if "_" in text else [float(cell) for cell in text.replace(sign, ".").split("\n")]
    except (TypeError, ValueError):
        return None


def _plain(text: str) -> str:
    """The minus of typesetters as a hyphen; blanks that do not break a number of thousands left out."""
    text = text.replace("\u2212", "-")
    return re.sub(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))", "", text)


def _signs(cells: Sequence, *, column: str, rows: Sequence[int], decimal_comma: bool) -> tuple[str, str]:
    """Decimal sign of a column and the sign between its thousands, '' where there is none.

    The file's decimal sign holds unless the column shows another. The other sign parts
    thousands where a cell can be read in no other way (1.234,5 or 1.234.567) or the column
    has decimals with the file's own sign; it is the decimal sign where it cannot part
    thousands (0.5 or 1.2E-6).

    Raises:
        ImportRefused: 1.234 may be either, or the column has both.
    """
    own, other = (",", ".") if decimal_comma else (".", ",")
    texts = [(k, cell.strip()) for k, cell in enumerate(cells) if isinstance(cell, str)]
    doubtful = [(k, text) for k, text in texts if other in text]
    if not doubtful:
        return own, ""
    grouped = re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:[{other}]\d{{3}})+(?:[{own}]\d*)?")
    decimal = re.compile(rf"[+-]?(?:\d+[{other}]\d*|[{other}]\d+)(?:[eEdD][+-]?\d+)?")
    fits = [bool(grouped.fullmatch(text)) for _, text in doubtful]
    own_sign = any(own in text for _, text in texts)
    if all(fits) and own_sign:
        return own, other
    if all(fits) and any(text.count(other) > 1 for _, text in doubtful):
        return own, other
    numeric = [fit or bool(decimal.fullmatch(text)) for fit, (_, text) in zip(fits, doubtful, strict=True)]
    shown = [text for fit, (_, text) in zip(fits, doubtful, strict=True) if not fit]
    # points in a file of decimal commas are taken as decimals only where an exponent excludes thousands
    certain = not decimal_comma or any(mark in text for text in shown for mark in "eEdD")
    if all(numeric) and shown and not own_sign and certain:
        return other, ""
    if not all(numeric):
        return own, ""  # text among numbers; the cell itself is refused
    k, text = doubtful[fits.index(False) if shown and own_sign else 0]
    raise ImportRefused(
        f"{text[:40]!r} can be read in two ways: {other!r} may be a decimal sign or part thousands",
        where=f"column {column}, row {rows[k]}",
        remedy="export without signs between thousands and with one decimal sign in the whole file",
    )


def _number(cell, column: str, row: int, sign: str, thousands: str) -> float:
    stored = cell
    if cell is None:
        return np.nan
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in EMPTY:
            return np.nan
        cell = text.replace(thousands, "") if thousands else text
        cell = cell.replace(sign, ".") if sign != "." else cell
        cell = FORTRAN.sub(r"\1e\2", cell)
    try:
        if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
            raise ValueError
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        raise ImportRefused(
            f"{str(stored)[:40].strip()!r} is not a number",
            where=f"column {column}, row {row}",
            remedy="correct the cell, or empty it where nothing was measured",
        ) from None


def check_voltage(
    voltage_v: np.ndarray, *, column: str, rows: Sequence[int] | None = None, polarity: str = ""
) -> None:
    """Refuse a voltage column that no sweep has.

    Args:
        voltage_v: Volts, shape (n,).
        column: Name for errors.
        rows: Row of each value as a person counts them, for errors; shape (n,).
        polarity: Side that charges the device, as the sidecar states it.

    Raises:
        ImportRefused: A value is missing, or none is on the charging side.
    """
    missing = np.flatnonzero(~np.isfinite(voltage_v))
    if missing.size:
        at = f"row {rows[missing[0]]}" if rows is not None else f"point {missing[0]}"
        raise ImportRefused(
            f"{missing.size} voltage(s) are missing",
            where=f"column {column}, {at}",
            remedy="give every row a voltage or delete the row",
        )
    if wrong := wrong_side(voltage_v, polarity):
        raise ImportRefused(wrong[0], where=f"column {column}", remedy=wrong[1])


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
    step, noise = float(np.median(steps[steps > 0])), read_back_noise(voltage_v)
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
