"""Workbooks of laboratories (.xlsx, .xlsm, .xls, .ods): the sheets of sweeps, and sheets typed by hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from codesign.iv.importers.head import HEADER_ROWS
from codesign.iv.importers.headers import read_header
from codesign.iv.importers.limits import check_cells
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.rows import from_rows, holds_measurement
from codesign.iv.importers.samples import NOT_READ
from codesign.iv.importers.table import Table
from codesign.iv.importers.titles import SETTING_OF_A_DEVICE, devices_named
from codesign.iv.importers.workbook_limits import check_workbook

SUFFIXES = (".ods", ".xls", ".xlsm", ".xlsx")
RUN_SHEET = re.compile(
    r"(?:(?P<first>data)|(?:append|run|cycle|sweep|loop|repeat|zyklus|messung)[ _-]*(?P<number>\d+))",
    re.IGNORECASE,
)
"""Sheets that hold runs of one test: `Data`, `Append1`, ... of a Keithley 4200, `Run1`, `Cycle 2`."""


def read_sheets(path: Path) -> dict[str, list[list]]:
    """Every sheet's rows of cells, empty rows included so that row numbers hold.

    Raises:
        ImportRefused: Not a complete workbook, or one that would fill the memory.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    check_workbook(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = {}
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            check_cells(sheet.total_height, sheet.total_width)
            sheets[name] = sheet.to_python(skip_empty_area=False)
        return sheets
    except (CalamineError, OSError) as error:
        raise ImportRefused(
            f"not a complete {path.suffix.lower()} workbook ({error})",
            remedy="copy the file again from the instrument",
        ) from error


def read(path: Path, *, known: Sequence[str] = (), sheets: str | Sequence[str] | None = None) -> Table:
    """The first sheet that names a voltage and a current, else the first filled one, as a table.

    Sheets of further runs with the same names are parts of the table. Other sheets are kept as typed under
    `extra.sheets`.

    Args:
        path: The workbook.
        known: Column names that the sidecar uses.
        sheets: Sheets that are cycles of one device, in this order, or `all` that name a voltage and a
            current; None: told by the sheets' names.

    Raises:
        ImportRefused: Not a complete workbook, or an empty one; stated sheets that are not there or differ
            in names or units.
    """
    filled = {name: rows for name, rows in read_sheets(path).items() if any(map(_filled, rows))}
    if not filled:
        raise ImportRefused("the workbook is empty", remedy="export the measurement again")
    sweeps = [name for name, rows in filled.items() if holds_measurement(rows, known=known)]
    stated = _stated(sheets, sweeps, list(filled)) if sheets is not None else []
    first = (stated or sweeps or list(filled))[0]
    tables = {name: from_rows(filled[name], known=known) for name in stated or _runs(sweeps) or [first]}
    _check_settings({name: filled[name] for name in tables})
    table, joined = _joined(tables)
    if odd := [name for name in stated if name not in joined]:
        currents = [read_header(text).quantity for text in tables[joined[0]].header].count("current")
        raise ImportRefused(
            f"sheet {odd[0]} has other columns or units than {joined[0]}"
            if currents == 1
            else f"sheets are joined where each has one column of currents; {joined[0]} has {currents}",
            where=f"sheet {odd[0]}",
            remedy=f"list the sheets that are alike: sheets: [{', '.join(joined)}]"
            if currents == 1
            else "put all cycles side by side into one sheet, or one cycle into each",
        )
    left = [name for name in sweeps if name not in joined]
    notes = []
    if left:
        notes.append(f"sheet {', '.join(joined)} is read{NOT_READ}{', '.join(left)}")
    typed = {
        name: facts
        for name in filled
        if name not in joined and name != first and (facts := _typed(filled[name]))
    }
    extra = {**table.extra, **({"sheets": typed} if typed else {})}
    return replace(table, notes=(*notes, *table.notes), extra=extra)


def _stated(sheets: str | Sequence[str], sweeps: Sequence[str], filled: Sequence[str]) -> list[str]:
    """The sheets that the sidecar states."""
    if sheets == "all":
        return list(sweeps)
    if missing := [name for name in sheets if name not in filled]:
        raise ImportRefused(
            f"there is no filled sheet {missing[0]!r}",
            where="sheets",
            remedy=f"the sheets are {', '.join(map(repr, filled))}",
        )
    return list(sheets)


def _runs(sweeps: Sequence[str]) -> list[str]:
    """Sheets of the runs of one test, in their order; none where the first sheet of sweeps is no run."""
    runs = {name: match for name in sweeps if (match := RUN_SHEET.fullmatch(name.strip()))}
    if not sweeps or sweeps[0] not in runs:
        return []
    return sorted(runs, key=lambda name: int(runs[name]["number"] or 0))


def _joined(tables: Mapping[str, Table]) -> tuple[Table, list[str]]:
    """Tables of one header, and of one voltage and current, end to end; the first alone where they differ."""
    first, *others = tables
    table = tables[first]
    found = [read_header(text).quantity for text in table.header]
    if not others or found.count("current") != 1:
        return table, [first]
    alike = [
        name for name in others if tables[name].header == table.header and tables[name].stated == table.stated
    ]
    every = [table, *(tables[name] for name in alike)]
    lengths = np.cumsum([0, *(len(each.rows) for each in every)])
    parts = tuple(int(at) for at in lengths[:-1])
    notes = (*table.notes, f"{len(every)} sheets read as runs of one device: {', '.join([first, *alike])}")
    columns = [[cell for each in every for cell in each.columns[k]] for k in range(len(table.header))]
    rows = [row for each in every for row in each.rows]
    joined = replace(table, columns=columns, rows=rows, notes=notes, parts=parts if alike else ())
    return (joined, [first, *alike]) if alike else (table, [first])


def _check_settings(sheets: Mapping[str, list[list]]) -> None:
    """Refuse sheets of runs whose settings name different devices.

    Raises:
        ImportRefused: They do.
    """
    rows = [row for each in sheets.values() for row in each[:HEADER_ROWS]]
    settings = [
        " : ".join(filter(None, (str(cell).strip() for cell in row))) for row in rows if _is_setting(row)
    ]
    if devices := devices_named(settings, SETTING_OF_A_DEVICE):
        raise ImportRefused(
            f"the sheets are of several devices: {', '.join(devices[:8])}",
            where=f"sheets {', '.join(sheets)}",
            remedy="save each device as a file of its own",
        )


def _is_setting(row: Sequence) -> bool:
    """Whether a row begins with text, and holds one value more at most."""
    filled = [cell for cell in row if str(cell).strip()]
    return 0 < len(filled) <= 2 and isinstance(filled[0], str)


def _filled(row: Sequence) -> bool:
    return any(str(cell).strip() for cell in row)


def _typed(rows: list[list]) -> dict[str, str]:
    """A small hand-typed sheet, one header row and one row of values, as typed."""
    header, *values = [row for row in rows if _filled(row)]
    first = values[0] if values else []
    return {str(h).strip(): str(v).strip() for h, v in zip(header, first, strict=False) if str(h).strip()}
