"""Laboratory workbooks (.xlsx): the sheet of sweeps, and sheets typed by hand."""

from collections.abc import Sequence
from pathlib import Path

from codesign.iv.importers.limits import check_workbook
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table, from_rows, holds_measurement

SUFFIXES = (".xlsx",)


def read_sheets(path: Path) -> dict[str, list[list]]:
    """Every sheet's rows of cells, empty rows included so that row numbers hold.

    Raises:
        ImportRefused: Not a complete workbook, or one that would fill the memory.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    check_workbook(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        return {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names
        }
    except (CalamineError, OSError) as error:
        raise ImportRefused(
            f"not a complete .xlsx workbook ({error})", remedy="copy the file again from the instrument"
        ) from error


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """The first sheet that names a voltage and a current, else the first filled one, as a table.

    Other sheets are kept as typed under `extra.sheets`.

    Args:
        path: The workbook.
        known: Column names that the sidecar uses.

    Raises:
        ImportRefused: Not a complete workbook, or an empty one.
    """
    filled = {name: rows for name, rows in read_sheets(path).items() if any(map(_filled, rows))}
    if not filled:
        raise ImportRefused("the workbook is empty", remedy="export the measurement again")
    sweeps = [name for name, rows in filled.items() if holds_measurement(rows, known=known)]
    first = (sweeps or list(filled))[0]
    others = [name for name in filled if name != first]
    notes = []
    if len(sweeps) > 1:
        notes.append(f"sheet {first} is read; sheets that hold sweeps, too, are not: {', '.join(sweeps[1:])}")
    table = from_rows(filled[first], known=known)
    typed = {name: facts for name in others if (facts := _typed(filled[name]))}
    extra = {**table.extra, **({"sheets": typed} if typed else {})}
    return Table(table.header, table.columns, table.rows, notes=(*notes, *table.notes), extra=extra)


def _filled(row: Sequence) -> bool:
    return any(str(cell).strip() for cell in row)


def _typed(rows: list[list]) -> dict[str, str]:
    """A small hand-typed sheet, one header row and one row of values, as typed."""
    header, *values = [row for row in rows if _filled(row)]
    first = values[0] if values else []
    return {str(h).strip(): str(v).strip() for h, v in zip(header, first, strict=False) if str(h).strip()}
