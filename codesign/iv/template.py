"""A list of devices to fill in, `devices.csv` or `devices.xlsx`: a row an instrument file of a folder."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from codesign.files import replacing, trouble_with
from codesign.iv.importers import ImportRefused
from codesign.iv.importers.device_list import COLUMNS, FILE, read_device_list
from codesign.iv.importers.filename import conditions_in
from codesign.iv.importers.text import decoded
from codesign.iv.names import DEVICE_LISTS, device_id, device_lists_of, is_raw_file
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.device import DEVICE
from codesign.schemas.fields import field
from codesign.spreadsheet import write_workbook

BESIDES = ("compliance_a", "measured_at")
"""Columns of a new list besides conditions; further ones of `COLUMNS` may be added by hand."""


def write_template(
    folder: Path, conditions: Sequence[str] = CONDITION_COLUMNS, *, workbook: bool = False
) -> tuple[Path, list[str]]:
    """Write a row into the folder's list for each instrument file without one; what is there stays.

    Conditions that the file name tells are filled in.

    Args:
        folder: Of instrument files.
        conditions: Columns of conditions that a new list gets.
        workbook: Whether a new list is a workbook, whose numbers and dates no spreadsheet takes for others,
            whatever its language.

    Returns:
        The list, and the files it got rows for.

    Raises:
        ImportRefused: The list that is there cannot be read, or is a workbook, to which nothing is added, or
            is text, and a workbook is asked for.
    """
    lists = device_lists_of(folder / "any")
    if workbook and lists and lists[0].suffix == ".csv":
        raise ImportRefused(
            "there is a list as text, and a folder has one list",
            where=lists[0].name,
            remedy=f"save it as {DEVICE_LISTS[1]} in a spreadsheet and remove {lists[0].name}",
        )
    known = set(read_device_list(lists[0]).rows) if lists else set()
    files = sorted(
        path.name for path in folder.iterdir() if is_raw_file(path.name) and not trouble_with(path)
    )
    missing = list(
        {device_id(name): name for name in reversed(files) if device_id(name) not in known}.values()
    )[::-1]
    path = lists[0] if lists else folder / DEVICE_LISTS[workbook]
    if not missing:
        return path, []
    if path.suffix != ".csv" and not lists:
        _write_workbook(path, missing, conditions)
        return path, missing
    if path.suffix != ".csv":
        names = ", ".join(missing[:5]) + (", ..." if missing[5:] else "")
        raise ImportRefused(
            f"{len(missing)} instrument files have no row: {names}",
            where=path.name,
            remedy=f"add them by hand, or save the workbook as {DEVICE_LISTS[0]} and remove it",
        )
    before = decoded(path.read_bytes()) if lists else ""
    header, delimiter = (
        (read_device_list(path).header, read_device_list(path).delimiter)
        if lists
        else ((FILE, *conditions, *BESIDES), ",")
    )
    with replacing(path) as temporary:
        temporary.write_text(before + _rows(missing, before, header, delimiter), encoding="utf-8", newline="")
    return path, missing


def _write_workbook(path: Path, files: list[str], conditions: Sequence[str]) -> None:
    """A sheet with a row a file, numbers as numbers, and one that says what its columns mean."""
    fields = [field(FILE, pa.string(), "", "instrument file, with or without suffix")]
    for name in (*conditions, *BESIDES):
        known = DEVICE.field(name) if name in DEVICE.names else field(name, pa.string(), "", "")
        fields.append(known)
    rows = [{FILE: name} | conditions_in(name) for name in files]
    told = [{each.name: row.get(each.name) for each in fields} for row in rows]
    write_workbook({"devices": pa.Table.from_pylist(told, pa.schema(fields))}, path)


def _rows(files: list[str], before: str, header: tuple[str, ...], delimiter: str) -> str:
    """Rows of files, under a header that is written where there is none."""
    ending = "\r\n" if "\r\n" in before else "\n"
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    if not before:
        writer.writerow(header)
    elif not before.endswith(("\n", "\r")):
        text.write(ending)
    for name in files:
        said = {FILE: name, **conditions_in(name)}
        cells = [said.get(column, "") if column in COLUMNS else "" for column in header]
        shown = [f"{cell:g}" if isinstance(cell, float) else cell for cell in cells]
        writer.writerow(
            [
                cell.replace(".", ",") if cell != name and delimiter != "," and _number(cell) else cell
                for cell in shown
            ]
        )
    return text.getvalue()


def _number(cell: str) -> bool:
    return cell.replace(".", "", 1).isdigit()
