"""Cells to numbers, and voltages that no sweep has."""

import re
from collections.abc import Sequence

import numpy as np

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.signs import wrong_side

NOT_A_NUMBER = 9.9e37
"""Source-measure units write 9.91e37 where they have no value; anything as large is missing."""

FORTRAN = re.compile(r"^([+-]?[\d.]+)[dD]([+-]?\d+)$")
"""A number whose exponent is marked by D."""
EMPTY = ("", "nan", "na", "n/a", "-", "--", "null", "none")


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
        if voltage_v.size and np.ptp(voltage_v) == 0:
            raise ImportRefused(
                f"the voltage stays at {voltage_v[0]:g} V, so this is no sweep",
                where=f"column {column}",
                remedy="say in the sidecar which column to use, columns: {voltage: NAME, current: NAME}"
                + (f"; {wrong[1]}" if voltage_v[0] else ""),
            )
        raise ImportRefused(wrong[0], where=f"column {column}", remedy=wrong[1])
