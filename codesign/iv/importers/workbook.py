"""Laboratory workbooks (.xlsx): cyclic sweeps, and the workbook of conditions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from python_calamine import CalamineError, CalamineWorkbook

from codesign.iv.importers.columns import numbers, read_header
from codesign.iv.importers.refusal import ImportRefused

CONDITION_HEADERS = {
    "length_um": "AAO length (um)",
    "diameter_nm": "AAO diameter (nm)",
    "barrier_thinning_v": "BT voltage (V)",
    "annealing": "annealing",
    "third_etch_s": "Third etch (s)",
    "pb_min": "PbEd time (min)",
    "growth_min": "CVD time (min)",
    "growth_c": "CVD temperature (C)",
    "perovskite": "perovskite type",
    "pmma": "PMMA",
    "ag_nm": "Ag thickness (nm)",
    "v_max_v": "max voltage (V)",
    "contact": "contact type",
    "wait_min": "wait between cycles (min)",
}
COMPLIANCE_HEADER = "compliance current"


def read_sheets(path: Path) -> dict[str, list[list]]:
    """Every sheet's rows of cells.

    Raises:
        ImportRefused: Not a complete workbook.
    """
    try:
        book = CalamineWorkbook.from_path(str(path))
        return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (CalamineError, OSError) as error:
        raise ImportRefused(
            f"not a complete .xlsx workbook ({error})", remedy="copy the file again from the instrument"
        ) from error


def read_sweeps(path: Path) -> tuple[list[str], list[list], dict]:
    """Header and rows of the sheet that holds the sweeps, and what other sheets say.

    Raises:
        ImportRefused: The workbook is empty.
    """
    sheets = read_sheets(path)
    filled = {name: rows for name, rows in sheets.items() if rows}
    if not filled:
        raise ImportRefused("the workbook is empty", remedy="export the measurement again")
    first, *others = filled
    header = [str(cell).strip() for cell in filled[first][0]]
    typed = {name: _typed(filled[name]) for name in others}
    return header, filled[first][1:], {name: facts for name, facts in typed.items() if facts}


def _typed(rows: list[list]) -> dict:
    """A small hand-typed sheet, one header row and one row of values, verbatim."""
    if len(rows) < 2:
        return {}
    return {str(h).strip(): str(v).strip() for h, v in zip(rows[0], rows[1], strict=False) if str(h).strip()}


def wide_cycles(
    header: Sequence[str], rows: Sequence[Sequence], *, decimal_comma: bool = False, first_row: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """One voltage column and one current column a cycle.

    Columns with data but without a header are cycles too; they get the lowest
    free numbers above the columns before them.

    Returns:
        Cycle numbers (n_cycles,), voltage [V] (n_points,), current [A]
        (n_cycles, n_points), notes.

    Raises:
        ImportRefused: No voltage or no current column, a cycle number twice, text in numbers.
    """
    width = max([len(header), *(len(row) for row in rows)])
    header = [*header, *[""] * (width - len(header))]
    columns = [read_header(text) for text in header]
    cells = [[row[k] if k < len(row) else None for row in rows] for k in range(width)]
    voltages = [k for k, column in enumerate(columns) if column.quantity == "voltage"]
    if len(voltages) != 1:
        raise ImportRefused(
            "no voltage column" if not voltages else f"{len(voltages)} voltage columns",
            where=f"header {', '.join(text or '(blank)' for text in header[:6])}",
            remedy="name one column voltage, or name it in the sidecar under columns.voltage",
        )
    if not rows:
        raise ImportRefused("there are no rows below the header", remedy="export the measurement again")
    notes: list[str] = []
    source = voltages[0]
    read = lambda k: numbers(  # noqa: E731 - one call, used twice below
        cells[k], column=header[k] or f"{k + 1} (no header)", first_row=first_row, decimal_comma=decimal_comma
    )
    voltage = read(source) * columns[source].scale
    currents, unnamed = [], []
    for k, column in enumerate(columns):
        if k == source:
            continue
        if column.quantity == "current":
            currents.append((k, column))
        elif not header[k] and any(cell not in ("", None) for cell in cells[k]):
            currents.append((k, column))
            unnamed.append(k)
    if not currents:
        raise ImportRefused(
            "no current column",
            where=f"header {', '.join(text or '(blank)' for text in header[:6])}",
            remedy="name the current columns current_cycle1, current_cycle2, ...",
        )
    cycles = _cycle_numbers(currents, header)
    current = np.array([read(k) * column.scale for k, column in currents])
    if unnamed:
        notes.append(f"{len(unnamed)} column(s) without a header taken as cycles")
    for text, scale in {(c.unit, c.scale) for c in (columns[source], *(c for _, c in currents)) if c.scale != 1}:
        notes.append(f"{text} converted to SI units (factor {scale:g})")
    order = np.argsort(cycles, kind="stable")
    cycles, current = cycles[order], current[order]
    keep = np.isfinite(voltage) | np.isfinite(current).any(axis=0)
    voltage, current = voltage[keep], current[:, keep]
    empty = [int(n) for n, row in zip(cycles, current, strict=True) if not np.isfinite(row).any()]
    partly = [int(n) for n, row in zip(cycles, current, strict=True) if np.isnan(row).any() and n not in empty]
    if empty:
        notes.append(f"cycles without any value: {_listing(empty)}")
    if partly:
        notes.append(f"cycles with missing values: {_listing(partly)}")
    return cycles, voltage, current, notes


def _listing(numbers_: list[int]) -> str:
    shown = ", ".join(map(str, numbers_[:8]))
    return shown if len(numbers_) <= 8 else f"{shown} and {len(numbers_) - 8} more"


def _cycle_numbers(currents, header) -> np.ndarray:
    stated = [column.cycle for _, column in currents]
    named = [number for number in stated if number is not None]
    twice = sorted({number for number in named if named.count(number) > 1})
    if twice:
        raise ImportRefused(
            f"cycle {twice[0]} occurs {named.count(twice[0])} times",
            where=f"columns {', '.join(header[k] for k, c in currents if c.cycle == twice[0])}",
            remedy="give every current column a number of its own",
        )
    free = max(named, default=0)
    result = []
    for number in stated:
        if number is None:
            free += 1
            number = free
        result.append(number)
    return np.array(result, dtype=np.int32)


def match_conditions(found: dict, workbooks: Sequence[Path]) -> tuple[dict, str]:
    """The row of a conditions workbook that belongs to a file, by its conditions.

    Rows are not in file-name order. Where several rows agree in everything but
    the compliance current, the n-th of them goes to the n-th repeat.

    Args:
        found: What the file name says (`filename.conditions_in`).
        workbooks: Conditions workbooks, read in the order given.

    Returns:
        `{"compliance_a": ..., "row": ..., ...}`, empty where nothing matches, and a note.
    """
    rows = [row for path in workbooks for row in _condition_rows(path)]
    matching = [row for row in rows if _agrees(found, row)]
    if not matching:
        return {}, "no row of the conditions workbook matches the file name: compliance as found in the data"
    if len(matching) == 1:
        return matching[0], ""
    repeat = found.get("repeat", 1)
    if repeat > len(matching):
        return {}, f"{len(matching)} rows of the conditions workbook match, none for repeat {repeat}"
    chosen = matching[repeat - 1]
    return chosen, f"{len(matching)} rows of the conditions workbook match; repeat {repeat} takes {chosen['row']}"


def _condition_rows(path: Path) -> list[dict]:
    sheets = read_sheets(path)
    rows = next(iter(sheets.values()))
    header = [str(cell).strip() for cell in rows[0]] if rows else []
    missing = [text for text in (*CONDITION_HEADERS.values(), COMPLIANCE_HEADER) if text not in header]
    if missing:
        raise ImportRefused(
            f"conditions workbook {path.name} lacks the column(s) {', '.join(missing)}",
            remedy="name its columns as docs/measurements.md lists them",
        )
    result = []
    for row in rows[1:]:
        cell = dict(zip(header, row, strict=False))
        facts = {key: cell[text] for key, text in CONDITION_HEADERS.items()}
        compliance = cell[COMPLIANCE_HEADER]
        facts["compliance_a"] = float(compliance) if isinstance(compliance, int | float) else None
        facts["row"] = str(row[0]).strip()
        result.append(facts)
    return result


def _agrees(found: dict, row: dict) -> bool:
    same = [_close(found.get(key), row[key]) for key in ("length_um", "diameter_nm", "barrier_thinning_v", "pb_min", "ag_nm", "v_max_v", "wait_min")]
    same.append(found.get("perovskite") == row["perovskite"])
    same.append(found.get("contact") == str(row["contact"]).strip())
    same.append(_close(found.get("growth_h", 0) * 60, row["growth_min"]))
    same.append(str(found.get("growth_c")) == _plain(row["growth_c"]))
    same.append(bool(found.get("pmma")) == (str(row["pmma"]).strip().lower() == "yes"))
    same.append(bool(found.get("annealing")) == (str(row["annealing"]).strip().lower() == "yes"))
    etch = row["third_etch_s"]
    same.append(found.get("third_etch_s") == (float(etch) if isinstance(etch, int | float) else None))
    return all(same)


def _close(left, right) -> bool:
    if left is None or not isinstance(right, int | float):
        return False
    return abs(left - right) < 1e-6


def _plain(value) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value).strip()
