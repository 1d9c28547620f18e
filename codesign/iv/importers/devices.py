"""Several devices in one file: told, refused, or one of them chosen by the sidecar."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from codesign.iv.importers.headers import read_header, split_unit
from codesign.iv.importers.index_columns import is_index
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import listing
from codesign.iv.importers.table import Table

FEWEST_ROWS = 4
"""Rows a value of a device column has on average; with fewer it is an index."""
PLACES = ({"row", "col"}, {"row", "column"}, {"x", "y"}, {"die x", "die y"})
"""Columns that together name a cell of an array."""


def chosen_rows(table: Table, sidecar: Mapping) -> Table:
    """The rows that `only` of the sidecar names; the table where it names none.

    Raises:
        ImportRefused: A column is missing, or no row has the value.
    """
    if "only" not in sidecar:
        return table
    keep = np.ones(len(table.rows), dtype=bool)
    for name, value in sidecar["only"].items():
        k = table.find(name, key="only")
        cells = _words(table, k)
        found = np.array([cell == _word(value) for cell in cells], dtype=bool)
        if not found.any():
            there = list(dict.fromkeys(cells))
            raise ImportRefused(
                f"no row has {name} = {value}",
                where=f"sidecar, only, column {table.name(k)}",
                remedy=f"choose one of: {listing(there)}",
            )
        keep &= found
    if not keep.any():
        raise ImportRefused(
            "no row has all these values together", where="sidecar, only", remedy="correct the values"
        )
    said = ", ".join(f"{name} = {value}" for name, value in sidecar["only"].items())
    chosen = table.rows_where(keep)
    note = f"rows of {said} alone, as the sidecar says: {int(keep.sum())} of {keep.size}"
    return replace(chosen, notes=(*table.notes, note))


def check_one_device(table: Table, sidecar: Mapping) -> None:
    """Refuse a file whose columns say that it holds several devices.

    Looked at are columns called device, sample, chip, die, cell, pad, word line, bit line and the like, and
    pairs of row and column numbers; not those that the sidecar maps or chooses by, nor an index of points.

    Raises:
        ImportRefused: Such a column holds several values.
    """
    mapped = {*sidecar.get("only", {})}
    for wanted in sidecar.get("columns", {}).values():
        mapped.update(wanted if isinstance(wanted, list) else [wanted])
    _check_setpoints(table, mapped)
    for group in _groups(table):
        if any(table.header[k] in mapped or k + 1 in mapped for k in group):
            continue
        if len(group) == 1 and is_index(table, group[0], sidecar):
            continue
        cells = list(zip(*(_words(table, k) for k in group), strict=True))
        devices = list(dict.fromkeys(cell for cell in cells if any(cell)))
        if len(devices) < 2 or len(cells) < FEWEST_ROWS * len(devices):
            continue
        names = [table.name(k) for k in group]
        chosen = ", ".join(f"{name}: {value}" for name, value in zip(names, devices[0], strict=True))
        raise ImportRefused(
            f"{len(devices)} devices in one file: {listing(' '.join(device) for device in devices)}",
            where=f"column {' and '.join(names)}",
            remedy="save each device as a file of its own, or copy the file once a device and choose its "
            f"rows in each sidecar, only: {{{chosen}}}; where the column counts cycles, "
            f"columns: {{cycle: {names[0]}}}",
        )


def _check_setpoints(table: Table, mapped: Collection) -> None:
    """Refuse a loop around the sweeps that no one says counts cycles: of a gate, a temperature, a device.

    Raises:
        ImportRefused: A setpoint that is no voltage, time, cycle or index takes several values.
    """
    for k in range(table.setpoints):
        if table.header[k] in mapped or split_unit(table.header[k])[0] in mapped or k + 1 in mapped:
            continue
        values = dict.fromkeys(_words(table, k))
        if read_header(table.header[k]).quantity in ("voltage", "cycle", "time") or len(values) < 2:
            continue
        if is_index(table, k, {}):
            continue
        raise ImportRefused(
            f"the sweeps were taken at {len(values)} values of it: {listing(values)}",
            where=f"column {table.name(k)}",
            remedy=f"choose one in the sidecar, only: {{{table.header[k]}: {next(iter(values))}}}; where the "
            f"column counts cycles, columns: {{cycle: {table.header[k]}}}",
        )


def _groups(table: Table) -> list[list[int]]:
    """Columns that name devices, those of one array together."""
    lines = [k for k, text in enumerate(table.header) if text and read_header(text).quantity == "device"]
    found = [lines] if lines else []
    names = {text.strip().lower(): k for k, text in enumerate(table.header)}
    found += [[names[name] for name in sorted(pair)] for pair in PLACES if pair <= names.keys()]
    return found


def _words(table: Table, k: int) -> list[str]:
    cells = table.columns[k]
    return [_word(cell) for cell in (cells.tolist() if isinstance(cells, np.ndarray) else cells)]


def _word(cell) -> str:
    """A cell as text; 3, 3.0 and '3' are one."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()
