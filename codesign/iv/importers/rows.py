"""Rows of cells to a table: head, data, repeated heads, titled sections."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from codesign.iv.importers.columns import EMPTY
from codesign.iv.importers.head import (
    BARE_NUMBER,
    HEADER_ROWS,
    Head,
    as_written,
    find_head,
    is_units,
    quantities_of,
    stated_units,
)
from codesign.iv.importers.headers import COMMENTS, bare, read_header
from codesign.iv.importers.limits import check_cells
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table, without_empty_copies
from codesign.iv.importers.titles import SETTING_OF_A_DEVICE, check_titles, devices_named, is_title
from codesign.iv.importers.unit_columns import with_unit_columns

TITLE_ROWS = 60
"""Rows of titles and settings between two sections, at most."""


def from_rows(
    cells: Sequence[Sequence],
    *,
    first_row: int = 1,
    decimal_comma: bool = False,
    known: Sequence[str] = (),
    lines: Sequence[str] = (),
) -> Table:
    """Find settings, names, units and data in rows of cells.

    Rows before the names are kept under `extra.preamble`. Empty rows, comments and repeated headers are left
    out; a title before a repeated header begins a part.

    Args:
        cells: Rows of strings, numbers or None; may differ in length.
        first_row: Number of the first row as a person counts.
        decimal_comma: Whether 1,5 means 1.5.
        known: Column names a sidecar uses, which make a header, too.
        lines: The rows as written, for the preamble; empty where a row is no text.

    Raises:
        ImportRefused: No row holds a number, a row has more values than the header has names,
            another header follows, or titles may be those of several devices.
    """
    texts = [_texts(row) for row in cells[:HEADER_ROWS]]
    head = find_head(texts, known=known, decimal_comma=decimal_comma, first_row=first_row, lines=lines)
    header = head.header
    if lines and head.names_at is not None and len(header) == 1:
        # a header parted by other signs than the numbers below it
        width = max((len(row) for row in cells[head.below : HEADER_ROWS]), default=1)
        names = [part.strip() for part in re.split(r"\s{2,}|[\t,;]", header[0]) if part.strip()]
        header = names if len(names) == width else header
    preamble = [as_written(texts, lines, k) for k in head.settings if any(texts[k])]
    _check_groups([texts[k] for k in head.settings], header)
    columns: list[list] = [[] for _ in header]
    rows, parts, titles, repeated = [], [0], [], 0
    footer: list[str] = []
    for number, row, title in _data(cells, texts, head, first_row, footer):
        if title is None:
            repeated += 1
            continue
        if title:
            titles.append(title)
            parts.append(len(rows))
        if head.names_at is not None and len(row) > len(header) and any(map(_filled, row[len(header) :])):
            raise ImportRefused(
                f"the row has {len(row)} values, the header {len(header)} names",
                where=f"row {number}",
                remedy="name every column; if the comma is the decimal sign, export with ';' or tabs "
                "between columns",
            )
        check_cells(len(rows) + 1, max(len(row), len(columns)))
        if len(row) > len(columns):
            columns += [[None] * len(rows) for _ in range(len(row) - len(columns))]
        for column, cell in zip_longest(columns, row):
            column.append(cell)
        rows.append(number)
    notes = [*head.notes, *([f"{repeated} repeated header rows left out"] if repeated else []), *footer]
    if titles:
        above = titles[:1] if titles[0] in preamble else preamble[-1:]
        check_titles([*above, *titles], where=f"row {rows[parts[1]]}")
        notes.append(f"{len(parts)} sections below each other, the later titled {', '.join(titles[:4])}"
                     f"{' ...' if len(titles) > 4 else ''}")  # fmt: skip
    header = [*header, *[""] * (len(columns) - len(header))]
    filled_columns = [
        k for k in range(len(columns)) if header[k] or any(c not in (None, "") for c in columns[k])
    ]
    table = Table(
        header=[header[k] for k in filled_columns],
        columns=[columns[k] for k in filled_columns],
        rows=rows,
        decimal_comma=decimal_comma,
        notes=tuple(notes),
        extra={"preamble": preamble[:20]} if preamble else {},
        parts=tuple(parts) if titles else (),
        stated=head.stated,
    )
    return with_unit_columns(without_empty_copies(table))


def holds_measurement(cells: Sequence[Sequence], *, known: Sequence[str] = ()) -> bool:
    """Whether one of the first rows names voltage and current, pulse and conductance, or a `known` column."""
    for row in cells[:HEADER_ROWS]:
        found = quantities_of(row)
        names = {cell.strip() for cell in row if isinstance(cell, str)}
        if {"voltage", "current"} <= found or {"pulse", "conductance"} <= found or names & set(known):
            return True
    return False


def _data(
    cells: Sequence[Sequence], texts: list[list[str]], head: Head, first_row: int, footer: list[str]
) -> Iterator[tuple[int, Sequence, str | None]]:
    """Number and cells of each row of data, with the title of the part it begins, '' in all others.

    A repeated header gives one entry with None for its title. `footer` gets what is said of words below the
    last number.

    Raises:
        ImportRefused: Another header follows.
    """
    names = texts[head.names_at] if head.names_at is not None else None
    units = texts[head.units_at] if head.units_at is not None else None
    above = [" ".join(row).strip() for row in texts[: head.below] if row and row[0].startswith(COMMENTS)]
    comments = [comment for comment in above if is_title(comment)][-1:]
    settings = [" : ".join(filter(None, texts[each])) for each in head.settings]
    k, title = head.below, ""
    while k < len(cells):
        row, number = cells[k], first_row + k
        k += 1
        first = next((cell for cell in row if cell is not None and _filled(cell)), None)
        if first is None:
            continue
        if isinstance(first, str):
            if first.startswith(COMMENTS):
                comment = " ".join(_texts(row)).strip()
                if comment not in comments and is_title(comment):
                    check_titles([*comments[-1:], comment], where=f"row {number}")
                    comments.append(comment)
                continue
            if first.strip()[:1] not in "+-.0123456789\u2212" and names is not None:
                same = _texts(row)
                if same == names:
                    yield number, row, None
                    continue
                if same == units:
                    continue
                if begins := _next_section(cells, k - 1, names, units):
                    _check_stated(cells[k - 1 : begins - 1], head, row=number)
                    settings += [" : ".join(filter(None, _texts(each))) for each in cells[k - 1 : begins - 1]]
                    if devices := devices_named(settings, SETTING_OF_A_DEVICE):
                        check_titles(devices, where=f"row {number}")
                    title, k = first.strip() if len(row) == 1 else " ".join(same).strip(), begins
                    continue
                if is_units(same, len(names), all_of_them=True):
                    raise ImportRefused(
                        "a row of units stands among the numbers, and is not that of the names",
                        where=f"row {number}",
                        remedy="save what follows as a file of its own, or delete the row",
                    )
                if first.strip()[:1].isalpha() and {"voltage", "current"} <= quantities_of(row):
                    raise ImportRefused(
                        "another header with other names or units begins here",
                        where=f"row {number}",
                        remedy="save what follows as a file of its own, or give both parts the same header",
                    )
            if k - 1 > head.below and first.strip()[:1].isalpha() and _is_footer(cells, k - 1):
                said = " ".join(filter(None, _texts(row)))
                footer.append(f"below the numbers, from row {number} on, stands: {said[:60]}")
                return
        yield number, row, title
        title = ""


def _check_groups(settings: Sequence[list[str]], header: Sequence[str]) -> None:
    """Refuse a row above the names that titles groups of columns, `Device 1,,Device 2`, as several devices.

    Raises:
        ImportRefused: It names devices, or titles that do not count sweeps.
    """
    for row in settings:
        titles = [text for text in row if text]
        if len(titles) < 2 or len(set(titles)) < 2:
            continue
        if titles[0].startswith(COMMENTS) and all(BARE_NUMBER.fullmatch(bare(text)) for text in titles):
            continue  # counts of QCoDeS
        at = [k for k, text in enumerate(row) if text]
        starts = [k for k, text in enumerate(header) if read_header(text).quantity == "voltage"]
        named = [text for text in titles if is_title(text)]
        if at == starts or devices_named(named):
            check_titles(titles if at == starts else named, where="the row above the names")


def _check_stated(settings: Sequence[Sequence], head: Head, *, row: int) -> None:
    """Refuse settings of a later section that state other units than those above the first.

    Raises:
        ImportRefused: They do.
    """
    stated = stated_units([" , ".join(_texts(each)) for each in settings])
    for quantity, unit in stated.items():
        if unit != head.stated.get(quantity):
            raise ImportRefused(
                f"the settings of this section say {quantity} in {unit}, those above the first "
                f"{head.stated.get(quantity, 'say no unit')}",
                where=f"row {row}",
                remedy="save what follows as a file of its own",
            )


def _next_section(cells: Sequence[Sequence], at: int, names: list[str], units: list[str] | None) -> int:
    """Row behind the next header, where only titles and settings stand before it; else 0."""
    for k in range(at, min(at + TITLE_ROWS, len(cells))):
        row = cells[k]
        if _texts(row) == names:
            after = k + 1
            return (
                after + 1
                if units is not None and after < len(cells) and _texts(cells[after]) == units
                else after
            )
        filled = [cell for cell in row if cell is not None and _filled(cell)]
        if filled and (not isinstance(filled[0], str) or BARE_NUMBER.fullmatch(filled[0].strip())):
            return 0
    return 0


def _is_footer(cells: Sequence[Sequence], at: int) -> bool:
    """Whether rows to the end are words: `End of measurement`; OVLD in each column is a row of data."""
    if len(cells) - at > TITLE_ROWS:
        return False
    for row in cells[at:]:
        filled = [text for text in _texts(row) if text]
        if not filled:
            continue
        words = _filled(row[0]) and filled[0][0].isalpha() and not any(map(_is_value, filled))
        if not words or (len(set(filled)) == 1 < len(filled)):
            return False
    return True


def _is_value(text: str) -> bool:
    return bool(BARE_NUMBER.fullmatch(text)) or text.lower() in EMPTY


def _texts(row: Sequence) -> list[str]:
    return [("" if cell is None else str(cell)).strip() for cell in row]


def _filled(cell) -> bool:
    return cell is not None and cell != "" and (not isinstance(cell, str) or not cell.isspace())
