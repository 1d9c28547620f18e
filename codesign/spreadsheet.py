"""Tables as workbooks of a spreadsheet, columns explained; the same table gives the same bytes."""

import datetime
from pathlib import Path

import pyarrow as pa

from codesign.files import replacing

MADE = datetime.datetime(1980, 1, 1)
"""Date inside every workbook: that of its writing would make each one another file."""
NARROWEST, WIDEST = 8, 42
"""Signs of a column's width."""
LONGEST = 32_767
"""Signs that a cell can hold."""


def write_workbook(table: pa.Table, path: Path | str, *, sheet: str) -> None:
    """Write a table as `.xlsx`: numbers as numbers, a header that stays, filters; lists are left out.

    The second sheet, `columns`, says unit and meaning of each column, from the fields' metadata.

    Args:
        table: Rows in the order to show; nulls and numbers that are not finite are empty cells.
        path: Target file; replaced only when the new one is complete.
        sheet: Name of the first sheet, at most 31 signs.
    """
    from xlsxwriter import Workbook

    fields = [field for field in table.schema if not pa.types.is_list(field.type)]
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": False}
    with replacing(path) as temporary, Workbook(str(temporary), options) as book:
        book.set_properties({"created": MADE})
        bold = book.add_format({"bold": True, "bottom": 1})
        page = book.add_worksheet(sheet)
        page.freeze_panes(1, 1)
        for k, field in enumerate(fields):
            cells = [_cell(value) for value in table[field.name].to_pylist()]
            page.write_string(0, k, field.name, bold)
            for row, cell in enumerate(cells, start=1):
                if isinstance(cell, str):
                    page.write_string(row, k, cell)
                elif cell is not None:
                    page.write(row, k, cell)
            longest = max(
                (
                    len(f"{cell:.6g}" if isinstance(cell, float) else str(cell))
                    for cell in cells
                    if cell is not None
                ),
                default=0,
            )
            page.set_column(k, k, min(max(NARROWEST, len(field.name) + 2, longest + 1), WIDEST))
        page.autofilter(0, 0, max(table.num_rows, 1), max(len(fields) - 1, 0))
        meaning = book.add_worksheet("columns")
        meaning.freeze_panes(1, 0)
        meaning.set_column(0, 1, 24)
        meaning.set_column(2, 2, 90)
        meaning.write_row(0, 0, ("column", "unit", "meaning"), bold)
        for row, field in enumerate(fields, start=1):
            said = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
            meaning.write_row(row, 0, (field.name, said.get("unit", ""), said.get("meaning", "")))


def _cell(value: object) -> str | float | int | bool | None:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, str):
        return value[:LONGEST] or None
    return value
