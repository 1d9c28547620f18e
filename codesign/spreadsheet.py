"""Tables as workbooks of a spreadsheet, columns explained; the same table gives the same bytes."""

import datetime
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from codesign.files import replacing

MADE = datetime.datetime(1980, 1, 1)
"""Date inside every workbook: that of its writing would make each one another file."""
NARROWEST, WIDEST = 8, 42
"""Signs of a column's width."""
HEAD = {"bold": True, "bottom": 1}
"""Look of a header."""
LONGEST = 32_767
"""Signs that a cell can hold."""


def write_workbook(tables: Mapping[str, pa.Table], path: Path | str) -> None:
    """Write tables as sheets of one `.xlsx`: numbers as numbers, headers that stay, filters; no lists.

    The last sheet, `columns`, says unit and meaning of each column, from the fields' metadata. A field with
    `decimals` among them is shown with so many.

    Args:
        tables: By name of the sheet, at most 31 signs; rows in the order to show. Nulls and numbers that
            are not finite are empty cells.
        path: Target file; replaced only when the new one is complete.
    """
    from xlsxwriter import Workbook

    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with replacing(path) as temporary, Workbook(str(temporary), options) as book:
        book.set_properties({"created": MADE})
        head = book.add_format(HEAD)
        explained: dict[str, tuple[str, str]] = {}
        for name, table in tables.items():
            explained |= _sheet(book, name, table, head)
        meaning = book.add_worksheet("columns")
        meaning.freeze_panes(1, 0)
        meaning.set_column(0, 1, 24)
        meaning.set_column(2, 2, 90)
        meaning.write_row(0, 0, ("column", "unit", "meaning"), head)
        for row, (name, said) in enumerate(explained.items(), start=1):
            meaning.write_row(row, 0, (name, *said))


def _sheet(book, name: str, table: pa.Table, head) -> dict[str, tuple[str, str]]:
    """Write one sheet; gives unit and meaning of its columns."""
    fields = [field for field in table.schema if not pa.types.is_list(field.type)]
    page = book.add_worksheet(name)
    page.freeze_panes(1, 1)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    explained = {}
    for k, field in enumerate(fields):
        said = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        explained[field.name] = said.get("unit", ""), said.get("meaning", "")
        decimals = said.get("decimals")
        shown = book.add_format({"num_format": f"0.{'0' * int(decimals)}"}) if decimals else None
        cells = [_cell(value) for value in table[field.name].to_pylist()]
        page.write_string(0, k, field.name, head)
        for row, cell in enumerate(cells, start=1):
            if isinstance(cell, str):
                page.write_string(row, k, cell)
            elif cell is not None:
                page.write(row, k, cell, shown)
        longest = max((len(_shown(cell)) for cell in cells if cell is not None), default=0)
        page.set_column(k, k, min(max(NARROWEST, len(field.name) + 2, longest + 1), WIDEST))
    page.autofilter(0, 0, max(table.num_rows, 1), max(len(fields) - 1, 0))
    return explained


def _shown(cell: object) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _cell(value: object) -> str | float | int | bool | None:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, str):
        return value[:LONGEST] or None
    return value
