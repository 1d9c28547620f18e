"""Several devices in one file: told, refused, or one of them chosen by the sidecar."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from codesign.iv.importers.columns import EMPTY
from codesign.iv.importers.headers import MAIN, read_header, split_unit
from codesign.iv.importers.index_columns import is_index, voltage_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.repetitions import NAMED_PHASE, PHASES
from codesign.iv.importers.samples import listing
from codesign.iv.importers.table import Table
from codesign.iv.importers.titles import WAYS, are_counted
from codesign.iv.importers.units import unit_of
from codesign.iv.programme import step_of

DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}:\d{2}")
SAID = {"sweep", "up", *(word for word in WAYS if len(word) > 2)}
"""Words that say how a sweep was taken."""
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
    _check_labels(table, sidecar, mapped)
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
        chosen = ", ".join(
            f"{_yaml(name)}: {_yaml(value)}" for name, value in zip(names, devices[0], strict=True)
        )
        raise ImportRefused(
            f"{len(devices)} devices in one file: {listing(' '.join(device) for device in devices)}",
            where=f"column {' and '.join(names)}",
            remedy="save each device as a file of its own, or copy the file once a device and choose its "
            f"rows in each sidecar, only: {{{chosen}}}; where the column counts cycles, "
            f"columns: {{cycle: {_yaml(names[0])}}}",
        )


def _check_setpoints(table: Table, mapped: Collection) -> None:
    """Refuse a loop around the sweeps that no one says counts cycles: of a gate, a temperature, a device.

    Raises:
        ImportRefused: A setpoint that is not swept, nor a time, cycle or index, takes several values.
    """
    for k in table.setpoints:
        if table.header[k] in mapped or split_unit(table.header[k])[0] in mapped or k + 1 in mapped:
            continue
        values = dict.fromkeys(_words(table, k))
        swept = read_header(table.header[k]).quantity == "voltage" and table.mapping.get("voltage") in (
            None,
            k + 1,
        )
        if swept or read_header(table.header[k]).quantity in ("cycle", "time") or len(values) < 2:
            continue
        if is_index(table, k, {}):
            continue
        name, first = _yaml(table.header[k]), _yaml(next(iter(values)))
        counts = unit_of(split_unit(table.header[k])[1]) is None
        raise ImportRefused(
            f"the sweeps were taken at {len(values)} values of it: {listing(values)}",
            where=f"column {table.name(k)}",
            remedy=f"choose one in the sidecar, only: {{{name}: {first}}}"
            + (f"; where it counts cycles, columns: {{cycle: {name}}}" if counts else ""),
        )


def _check_labels(table: Table, sidecar: Mapping, mapped: Collection) -> None:
    """Refuse a column of words, whatever its name, that change from sweep to sweep and may name devices.

    No names are words that count sweeps, ways such as forward and SET, and dates.

    Raises:
        ImportRefused: Blocks of rows with one word each hold sweeps of their own.
    """
    for k, text in enumerate(table.header):
        quantity = read_header(text).quantity if text else ""
        if isinstance(table.columns[k], np.ndarray) or quantity in (*MAIN, "device"):
            continue
        if quantity == "phase" and text.lower().startswith(NAMED_PHASE):
            continue
        if text in mapped or split_unit(text)[0] in mapped or k + 1 in mapped:
            continue
        cells = _words(table, k)
        labels = list(dict.fromkeys(cells))
        if not 1 < len(labels) <= len(cells) / FEWEST_ROWS or not _may_name(labels):
            continue
        begins = [0, *(n for n in range(1, len(cells)) if cells[n] != cells[n - 1])]
        if np.diff([*begins, len(cells)]).min() < FEWEST_ROWS or not _are_sweeps(table, sidecar, begins):
            continue
        name, first = _yaml(table.name(k)), _yaml(next(filter(None, labels)))
        raise ImportRefused(
            f"{len(labels)} words that may name devices: {listing(labels)}",
            where=f"column {table.name(k)}",
            remedy="save each device as a file of its own, or copy the file once a device and choose its "
            f"rows in each sidecar, only: {{{name}: {first}}}; where it is one "
            f"device and the words say what was done, columns: {{phase: {name}}}",
        )


def _may_name(labels: list[str]) -> bool:
    """Whether words may name devices: they neither count sweeps nor say a way, a date or numbers alone."""
    words = [label for label in labels if label]
    if all(map(_is_number, words)) or all(map(DATE.search, words)) or are_counted(words):
        return False
    if all(word.lower() in PHASES for word in words):
        return False
    others = {tuple(w for w in re.findall(r"\w+", word.lower()) if w not in SAID) for word in labels}
    return len(others) > 1


def _is_number(text: str) -> bool:
    if text.lower() in EMPTY:
        return True
    try:
        float(text.replace(",", ".").replace("\u2212", "-"))
    except ValueError:
        return False
    return True


def _are_sweeps(table: Table, sidecar: Mapping, begins: list[int]) -> bool:
    """Whether blocks of rows begin where the first does, or each go over half the voltages.

    Rows where a limit held begin within a sweep. Without a voltage, as in a pulse series, nothing tells.
    """
    voltage = voltage_of(table, sidecar)
    if voltage is None or not np.isfinite(voltage).all():
        return True
    whole, near = np.ptp(voltage), 1.5 * step_of(voltage)
    same = np.abs(voltage[begins] - voltage[0]) <= near
    return bool(same.all() or all(np.ptp(part) > 0.5 * whole for part in np.split(voltage, begins[1:])))


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


def _yaml(text: str) -> str:
    """A name or value as it stands in a sidecar; in quotes where YAML would take it for something else."""
    plain = re.fullmatch(r"[A-Za-z][\w ().-]*|\d+", text)
    return (
        text
        if plain and text.lower() not in ("yes", "no", "on", "off", "true", "false", "null")
        else f'"{text}"'
    )
