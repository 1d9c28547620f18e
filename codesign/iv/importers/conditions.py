"""The laboratory's workbook of conditions: one row a device, matched by what the file name says."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from codesign.files import remedy_for, trouble_with
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.workbook import read_sheets

HEADERS = {
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
"""Columns a conditions workbook has, by the key the file name gives."""
COMPLIANCE = "compliance current"


def match_conditions(found: Mapping, workbooks: Sequence[Path]) -> tuple[dict, str]:
    """The row of a conditions workbook that belongs to a file, by all of its conditions.

    Rows are not in file-name order. Where several rows agree in everything but
    the compliance current, the n-th of them goes to the n-th repeat (`_2` = second).

    Args:
        found: What the file name says (`filename.conditions_in`).
        workbooks: Conditions workbooks, searched in the order given.

    Returns:
        The row (`label`, `compliance_a`, `cells` as typed, `workbook`), empty where none
        matches; and a note, '' where there is nothing to say.

    A workbook that cannot be read is only noted: it must not stop the devices it describes.
    """
    rows, unreadable = [], ""
    for path in workbooks:
        try:
            rows += read_conditions(path)
        except ImportRefused as refusal:
            unreadable = f" ({refusal})"
    said = {key: _comparable(found.get(key)) for key in HEADERS}
    matching = [row for row in rows if row["conditions"] == said]
    if not matching:
        return {}, (
            "no row of the conditions workbook matches the file name: "
            f"no compliance current from there{unreadable}"
        )
    repeat = found.get("repeat", 1)
    if repeat > len(matching):
        return {}, (
            f"{len(matching)} row(s) of the conditions workbook match, none is left for repeat {repeat}: "
            "no compliance current from there"
        )
    chosen = matching[repeat - 1]
    if len(matching) == 1:
        return chosen, ""
    return chosen, (
        f"{len(matching)} rows of the conditions workbook agree in all but the compliance current "
        f"({', '.join(row['label'] for row in matching)}); repeat {repeat} takes {chosen['label']}"
    )


def read_conditions(path: Path) -> list[dict]:
    """Rows of a conditions workbook.

    Raises:
        ImportRefused: Not a complete workbook, or a column is missing.
    """
    if trouble := trouble_with(path):
        raise ImportRefused(trouble, file=path.name, remedy=remedy_for(trouble))
    stat = path.stat()
    return _rows(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache
def _rows(path: Path, *_stat: int) -> list[dict]:
    """Rows of a workbook; it is read once for all the files that one process imports."""
    try:
        sheets = read_sheets(path)
    except ImportRefused as refusal:
        raise refusal.of_file(path.name) from refusal
    rows = next((rows for rows in sheets.values() if rows), [[]])
    header = [str(cell).strip() for cell in rows[0]]
    missing = [text for text in (*HEADERS.values(), COMPLIANCE) if text not in header]
    if missing:
        raise ImportRefused(
            f"column(s) missing from the conditions workbook: {', '.join(missing)}",
            file=path.name,
            remedy="name its columns as the guide to measurements lists them",
        )
    result = []
    for number, row in enumerate(rows[1:], start=2):
        cells = dict(zip(header, row, strict=False))
        if not any(str(cell).strip() for cell in row):
            continue
        compliance = cells[COMPLIANCE]
        stated = isinstance(compliance, float) and compliance > 0
        result.append(
            {
                "label": str(row[0]).strip() or f"row {number}",
                "workbook": path.name,
                "compliance_a": float(compliance) if stated else None,
                "conditions": {key: _comparable(cells[text]) for key, text in HEADERS.items()},
                "cells": {
                    name: cell if isinstance(cell, str | int | float) else str(cell)
                    for name, cell in cells.items()
                    if name and str(cell).strip()
                },
            }
        )
    return result


def _comparable(value) -> object:
    """One form for `180.0` and `180`, `yes` and True, 'N/A', '' and nothing."""
    if isinstance(value, bool):
        return value or None
    if isinstance(value, int | float):
        return round(float(value), 9)
    text = str(value).strip().lower() if value is not None else ""
    if text in ("", "n/a", "na", "no"):
        return None
    if text == "yes":
        return True
    try:
        return round(float(text), 9)
    except ValueError:
        return text
