"""A file taken apart: named columns of cells, whatever format they came from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from codesign.iv.importers.columns import EMPTY, numbers, read_header, split_unit, unit_of
from codesign.iv.importers.limits import check_cells
from codesign.iv.importers.refusal import ImportRefused

BARE_NUMBER = re.compile(r"[-+\u2212\d.,]+(?:[eEdD][-+\u2212]?\d+)?")
COMMENTS = ("#", "%", "//")
"""Rows that begin so are no data."""
HEADER_ROWS = 200
"""Rows searched for a header; instruments write less in front of it."""


@dataclass(frozen=True)
class Table:
    """Columns as the file holds them."""

    header: list[str]
    """One text a column; '' where there is none."""
    columns: list[Sequence]
    """Cells, every column shape (n_rows,)."""
    rows: Sequence[int]
    """Row of each cell as a person counts them, shape (n_rows,)."""
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)
    """What else the file says."""
    aliases: tuple[str, ...] = ()
    """Full names of the columns (`group/channel`), where the format has them."""
    steps_s: tuple[float | None, ...] = ()
    """Time from sample to sample of each column, where the format has it [s]."""
    open_end: bool = False
    """Whether the file ends with the last row and no line break: its last number may be cut."""

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self.columns} | {len(self.rows)}
        if len(self.header) != len(self.columns) or len(lengths) > 1:
            raise ValueError(
                f"a table has a header a column and a cell a row; got {len(self.header)} headers, "
                f"{len(self.columns)} columns, {len(self.rows)} rows and columns of {sorted(lengths)} cells"
            )

    def numbers(self, k: int) -> np.ndarray:
        """Column `k` as floats; see `columns.numbers`."""
        return numbers(self.columns[k], column=self.name(k), rows=self.rows, decimal_comma=self.decimal_comma)

    def name(self, k: int) -> str:
        """Name of column `k` for a person."""
        return self.header[k] or f"{k + 1} (no header)"

    def has_data(self, k: int) -> bool:
        """Whether any cell of column `k` is filled."""
        cells = self.columns[k]
        if isinstance(cells, np.ndarray):
            return bool(np.isfinite(cells).any())
        return any(cell is not None and str(cell).strip() for cell in cells)

    def without_last_row(self, why: str) -> "Table":
        """The table without its last row, with a note that says so."""
        return replace(
            self,
            columns=[column[:-1] for column in self.columns],
            rows=self.rows[:-1],
            notes=(*self.notes, f"row {self.rows[-1]} is left out: {why}, without a line break"),
            open_end=False,
        )

    def find(self, wanted: str | int, *, key: str) -> int:
        """Index of the column a sidecar names, by header, by name without unit, or by number from 1.

        Raises:
            ImportRefused: There is no such column, or several.
        """
        if isinstance(wanted, int):
            at = [wanted - 1] if 1 <= wanted <= len(self.header) else []
        else:
            names = [self.header, self.aliases, [split_unit(text)[0] for text in self.header]]
            at = next((f for n in names if (f := [k for k, t in enumerate(n) if t == wanted.strip()])), [])
        if len(at) != 1:
            names = self.aliases or [self.name(k) for k in range(len(self.header))]
            raise ImportRefused(
                f"{wanted!r} is {'no column' if not at else 'the name of several columns'} of the file",
                where=f"sidecar, {key}",
                remedy=f"name one of: {', '.join(names)}",
            )
        return at[0]


def from_rows(
    cells: Sequence[Sequence],
    *,
    first_row: int = 1,
    decimal_comma: bool = False,
    known: Sequence[str] = (),
    lines: Sequence[str] = (),
) -> Table:
    """Find preamble, header and data in rows of cells.

    The header is the row that names the most quantities and has numbers below
    it (a row of units may stand between); rows before it are kept under
    `extra.preamble`. Empty rows, comments and repeated headers are left out.

    Args:
        cells: Rows of strings, numbers or None; may differ in length.
        first_row: Number of the first row as a person counts.
        decimal_comma: Whether 1,5 means 1.5.
        known: Column names a sidecar uses, which make a header, too.
        lines: The rows as written, for the preamble; empty where a row is no text.

    Raises:
        ImportRefused: No row holds a number, a row has more values than the header has names, or
            another header follows.
    """
    texts = [[("" if cell is None else str(cell)).strip() for cell in row] for row in cells[:HEADER_ROWS]]
    at = _header_row(texts, known, decimal_comma)
    if at is None:
        first = next((k for k, row in enumerate(texts) if _all_numbers(row, decimal_comma)), None)
        if first is None:
            raise ImportRefused(
                "not a measurement: no header names a voltage or current and no row is all numbers",
                remedy="move it out of the folder of instrument files, or export the measurement again",
            )
        above = next((k for k in range(first - 1, -1, -1) if any(texts[k])), None)
        if above is not None and len(texts[above]) == len(texts[first]):
            at, header = above, _joined(texts[above], texts, first, decimal_comma)
        else:
            header = []
        below = first
    else:
        header, below = _joined(texts[at], texts, at + 1, decimal_comma), at + 1
        if below < len(texts) and _is_units(texts[below]):
            units = [text.strip("[]()") for text in texts[below]] + [""] * len(header)
            header = [
                f"{name} ({unit})" if unit.lower() not in EMPTY and name else name
                for name, unit in zip(header, units, strict=False)
            ]
            below += 1
    if lines and at is not None and len(header) == 1:
        # a header parted by other signs than the numbers below it
        width = max((len(row) for row in cells[below:HEADER_ROWS]), default=1)
        parts = [part.strip() for part in re.split(r"\s{2,}|[\t,;]", header[0]) if part.strip()]
        header = parts if len(parts) == width else header
    before = range(below if at is None else at)
    preamble = [
        lines[k].strip() if lines else " ".join(filter(None, texts[k])) for k in before if any(texts[k])
    ]
    kept, rows, repeated = [], [], 0
    for number, row in enumerate(cells[below:], start=first_row + below):
        filled = [cell for cell in row if cell is not None and str(cell).strip()]
        if not filled or (isinstance(filled[0], str) and filled[0].startswith(COMMENTS)):
            continue
        if at is not None and [("" if c is None else str(c)).strip() for c in row] == texts[at]:
            repeated += 1
            continue
        if isinstance(filled[0], str) and filled[0].strip()[:1].isalpha() and _is_header(row):
            raise ImportRefused(
                "another header with other names or units begins here",
                where=f"row {number}",
                remedy="save what follows as a file of its own, or give both parts the same header",
            )
        if at is not None and any(str(cell or "").strip() for cell in row[len(header) :]):
            raise ImportRefused(
                f"the row has {len(row)} values, the header {len(header)} names",
                where=f"row {number}",
                remedy="name every column; if the comma is the decimal sign, export with ';' or tabs "
                "between columns",
            )
        kept.append(row)
        rows.append(number)
    width = max([len(header), *(len(row) for row in kept)])
    check_cells(len(kept), width)
    columns = [[row[k] if k < len(row) else None for row in kept] for k in range(width)]
    header = [*header, *[""] * (width - len(header))]
    filled_columns = [k for k in range(width) if header[k] or any(c not in (None, "") for c in columns[k])]
    return Table(
        header=[header[k] for k in filled_columns],
        columns=[columns[k] for k in filled_columns],
        rows=rows,
        decimal_comma=decimal_comma,
        notes=(f"{repeated} repeated header rows left out",) if repeated else (),
        extra={"preamble": preamble[:20]} if preamble else {},
    )


def _header_row(texts: list[list[str]], known: Sequence[str], decimal_comma: bool) -> int | None:
    scores = [_named(row, known) for row in texts]
    best = max(scores, default=0)
    if best == 0:
        return None
    candidates = [k for k, score in enumerate(scores) if score == best]
    for k in candidates:
        below = [row for row in texts[k + 1 :] if any(row)][:2]
        if any(_counts(row, decimal_comma) for row in below):
            return k
    return candidates[0]


def _named(row: list[str], known: Sequence[str]) -> int:
    """Cells that name a quantity or a column the sidecar uses; bare numbers are data."""
    return sum(
        1
        for text in row
        if text
        and not BARE_NUMBER.fullmatch(text)
        and (read_header(text).quantity or text in known or split_unit(text)[0] in known)
    )


def _counts(row: list[str], decimal_comma: bool) -> int:
    """Cells that are numbers."""
    total = 0
    for text in row:
        try:
            float(text.replace(",", ".") if decimal_comma else text)
        except ValueError:
            if not (BARE_NUMBER.fullmatch(text) and any(sign.isdigit() for sign in text)):
                continue
        total += 1
    return total


def _all_numbers(row: list[str], decimal_comma: bool) -> bool:
    return any(row) and _counts(row, decimal_comma) == sum(1 for text in row if text)


def _is_units(row: list[str]) -> bool:
    """Some cell is a unit and none is a number."""
    filled = [text.strip("[]()") for text in row if text]
    return any(unit_of(text) for text in filled) and not any(_counts([text], False) for text in filled)


def _is_header(row: Sequence) -> bool:
    """Whether a row names a voltage and a current."""
    found = {read_header(cell).quantity for cell in row if isinstance(cell, str)}
    return {"voltage", "current"} <= found


def holds_measurement(cells: Sequence[Sequence], *, known: Sequence[str] = ()) -> bool:
    """Whether one of the first rows names voltage and current, pulse and conductance, or a `known` column."""
    for row in cells[:HEADER_ROWS]:
        names = [cell.strip() for cell in row if isinstance(cell, str) and cell.strip()]
        found = {read_header(name).quantity for name in names if not BARE_NUMBER.fullmatch(name)}
        if {"voltage", "current"} <= found or {"pulse", "conductance"} <= found or set(names) & set(known):
            return True
    return False


def _joined(header: list[str], texts: list[list[str]], below: int, decimal_comma: bool) -> list[str]:
    """`Time, s` written into a comma-separated header is one column, not two."""
    header = [header[0].lstrip("#% "), *header[1:]]
    data = next((row for row in texts[below:] if _counts(row, decimal_comma)), [])
    at = next(
        (k for k in range(1, len(header)) if unit_of(header[k]) and read_header(header[k - 1]).quantity), None
    )
    if at is not None and len(header) == len(data) + 1:
        header = [*header[: at - 1], f"{header[at - 1]} ({header[at]})", *header[at + 1 :]]
    return header
