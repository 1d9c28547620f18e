"""Text exports: delimiter, decimal comma, preamble and header are found, not asked for."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codesign.iv.importers.columns import EMPTY
from codesign.iv.importers.dialect import dialect_of, split, whole, width_of
from codesign.iv.importers.limits import MOST_CELLS, check_cells
from codesign.iv.importers.qcodes import setpoints_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.rows import from_rows
from codesign.iv.importers.table import Table

SUFFIXES = (".asc", ".csv", ".dat", ".mpt", ".tsv", ".txt")
SAMPLE_LINES, SAMPLE_SIGNS = 300, 60_000
FEWEST_ALIKE = 50
"""Cells of equally many decimals from which on one with fewer, at the end of a file, is a cut one."""
FEWEST_EXPONENTS = 3
"""Cells with an exponent from which on one with fewer digits in it, or none, is a cut one."""

SMALLEST_TENS = 3
"""No voltage or current is as small as 1E-30."""


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """Take a text file apart.

    A last row that the end of the file cuts visibly is left out, with a note.

    Args:
        path: The file; UTF-8, UTF-16 with or without its mark, or Latin-1.
        known: Column names that the sidecar uses.

    Raises:
        ImportRefused: The file is empty, no text, holds no row of numbers, or more cells than the limit.
    """
    text = decoded(path.read_bytes())
    sample = whole(_sample(text))
    delimiter, decimal_comma = dialect_of(sample)
    check_text(text, delimiter)
    lines = whole(text.splitlines())
    cells = _Cells(lines, delimiter, width_of(sample, decimal_comma) if delimiter == " " else 0)
    table = from_rows(cells, decimal_comma=decimal_comma, known=known, lines=lines)
    table = checked_end(table, text, len(lines))
    table = replace(table, setpoints=setpoints_of(lines, columns=len(table.columns)))
    if delimiter == " ":
        _check_blanks(table)
    return table


def _sample(text: str) -> list[str]:
    """Filled lines of the beginning, and of the middle where settings may be over."""
    start = "\n".join(text.split("\n", 4 * SAMPLE_LINES)[: 4 * SAMPLE_LINES]).splitlines()
    middle = text[len(text) // 2 : len(text) // 2 + SAMPLE_SIGNS].splitlines()[1:-1]
    each = [[line for line in lines if line.strip()][:SAMPLE_LINES] for lines in (start, middle)]
    return each[0] + (each[1] if len(each[0]) == SAMPLE_LINES else [])


class _Cells(Sequence):
    """Lines taken apart when they are asked for: a list of all rows takes twice the memory of their cells."""

    def __init__(self, lines: list[str], delimiter: str, width: int) -> None:
        self.lines, self.delimiter, self.width = lines, delimiter, width

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, at):
        if isinstance(at, slice):
            return [split(line, self.delimiter, self.width) for line in self.lines[at]]
        return split(self.lines[at], self.delimiter, self.width)


def check_text(text: str, delimiter: str) -> None:
    """Refuse a text of more cells than a table may have, before it is taken apart.

    Raises:
        ImportRefused: Its lines and delimiters make more than `MOST_CELLS`.
    """
    lines = max(text.count("\n"), text.count("\r"))
    check_cells(lines, 1)
    cells = text.count(delimiter) + lines
    if delimiter != " " and cells > MOST_CELLS:
        raise ImportRefused(
            f"{lines} lines hold {cells} cells, more than {MOST_CELLS}",
            remedy="export fewer cycles into each file",
        )


def checked_end(table: Table, text: str, lines: int) -> Table:
    """The table without a last row that the end of the text cuts; see `_without_a_cut_row`."""
    if ends_openly(text) and len(table.rows) > 1 and table.rows[-1] == lines:
        return _without_a_cut_row(table)
    return table


def ends_openly(text: str) -> bool:
    """Whether no line break ends the last line: the file is cut short, or the instrument writes none."""
    return not text.endswith(("\n", "\r"))


def _without_a_cut_row(table: Table) -> Table:
    """The table without its last row where the file's end cuts it; else the table, marked as ending openly.

    Cut is a row that lacks values all others have, one whose last value is no number among numbers, and one
    whose last value has fewer decimals, or digits of the exponent, than all of many above it. Where they are
    too few to tell, a note says so.
    """
    for k in reversed(range(len(table.columns))):
        *above, last = table.columns[k][-SAMPLE_LINES - 1 :]
        if last in (None, ""):
            if all(cell not in (None, "") for cell in table.columns[k][:-1]):
                return table.without_last_row("the file ends within it")
            continue
        if last.strip().lower() in EMPTY:
            break
        shapes = {_decimals(cell) for cell in above if cell not in (None, "")}
        here = _decimals(last)
        if None in shapes or not shapes:
            break
        is_zero = not any(sign in "123456789" for sign in last)  # programs write a zero short
        if _is_whole(last):
            return table
        if here is None or _is_cut(here, shapes, 0 if is_zero and not here[0] else len(above)):
            return table.without_last_row("the file ends within it")
        if here < min(shapes):
            said = f"row {table.rows[-1]} ends the file without a line break: its last number may be cut"
            return replace(table, open_end=True, notes=(*table.notes, said))
        break
    return replace(table, open_end=True)


def _is_cut(here: tuple[int, int], shapes: set[tuple[int, int]], count: int) -> bool:
    """Whether the last number is shorter than `count` others always are; see `_decimals`."""
    exponents = {exponent for _, exponent in shapes}
    if count >= FEWEST_EXPONENTS and min(exponents) > here[1]:
        return True
    (usual, *others) = shapes
    return not others and count >= FEWEST_ALIKE and usual[0] > 1 and here < usual


def _is_whole(last: str) -> bool:
    """Whether no digit can be missing behind a number's exponent: 5.00E-9 would be one below 1E-90."""
    exponent = re.search(r"[eEdD][-\u2212](\d)$", last)
    return exponent is not None and int(exponent[1]) >= SMALLEST_TENS


def _decimals(cell: str | None) -> tuple[int, int] | None:
    """Digits behind the decimal sign and in the exponent; None where the cell is no number."""
    found = re.fullmatch(r"[+\-\u2212]?[\d.,]*?(?:[.,](\d*))?(?:[eEdD][+\-\u2212]?(\d+))?", cell or "")
    return None if not found or not cell else tuple(len(part or "") for part in found.groups())


def _check_blanks(table: Table) -> None:
    """Refuse gaps between blanks: nothing tells to which column the values after a gap belong.

    Raises:
        ImportRefused: A row has fewer values than another, or than the header has names.
    """
    counts = [sum(cell is not None for cell in row) for row in zip(*table.columns, strict=True)]
    if not counts or min(counts) == len(table.columns):
        return
    at = counts.index(min(counts))
    raise ImportRefused(
        f"the row has {counts[at]} values for {len(table.columns)} columns, and blanks do not tell which "
        "is missing",
        where=f"row {table.rows[at]}",
        remedy="export with ';' or tabs between columns; write units in brackets: Voltage (mV)",
    )


def decoded(raw: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 with or without its mark, or Latin-1.

    Raises:
        ImportRefused: The file is empty or no text.
    """
    if not raw.strip():
        raise ImportRefused("the file is empty", remedy="export the measurement again")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    if coding := _wide_signs(raw[:4096]):
        return raw.decode(coding, errors="replace")
    if b"\0" in raw[:4096]:
        raise ImportRefused(
            "not a measurement: the file is not text", remedy="export it as text, or give it its own suffix"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _wide_signs(start: bytes) -> str:
    """The UTF-16 that a text without its mark is in: every second byte is zero; '' where it is none."""
    even, odd = start[0::2], start[1::2]
    for high, low, coding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if len(high) > 8 and high.count(0) > 0.9 * len(high) and low.count(0) == 0:
            return coding
    return ""
