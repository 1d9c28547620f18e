"""Text exports: CSV and TSV, wide and long, and the Keithley 6487 format.

Delimiter, decimal comma, preamble and header are found, not asked for.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.iv.importers.columns import check_voltage, numbers, read_header, split_cycles
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.workbook import wide_cycles

NUMBER = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$|^nan$|^$", re.IGNORECASE)
SAMPLE_LINES = 60


@dataclass(frozen=True)
class Text:
    """A text file taken apart."""

    preamble: list[str]
    header: list[str]
    rows: list[list[str]]
    first_row: int
    """Line of the first row, from 1."""
    decimal_comma: bool


def read_text(path: Path) -> Text:
    """Find delimiter, decimal sign, preamble, header and rows.

    Raises:
        ImportRefused: The file is empty, no text, or holds no table of numbers.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise ImportRefused("the file is empty", remedy="export the measurement again")
    if b"\0" in raw[:4096]:
        raise ImportRefused("not a text file", remedy="export it as text, or give it its own suffix")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = text.splitlines()
    delimiter = _delimiter(lines)
    cells = [[cell.strip() for cell in _split(line, delimiter)] for line in lines]
    width = max(_numeric_width(row) for row in cells[: SAMPLE_LINES * 10])
    if width < 1:
        raise ImportRefused(
            "no line of numbers was found", remedy="this is no measurement; move it out of data/raw"
        )
    first = next(i for i, row in enumerate(cells) if _numeric_width(row) >= min(width, 2))
    header_at = first - 1
    while header_at >= 0 and not lines[header_at].strip():
        header_at -= 1
    header = cells[header_at] if header_at >= 0 and any(re.search("[A-Za-z]", c) for c in cells[header_at]) else []
    rows = [row for row in cells[first:] if any(row)]
    return Text(
        preamble=[line for line in lines[: max(header_at, 0)] if line.strip()],
        header=header,
        rows=rows,
        first_row=first + 1,
        decimal_comma=delimiter != "," and any("," in cell for row in rows[:SAMPLE_LINES] for cell in row),
    )


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    import csv

    return next(csv.reader([line], delimiter=delimiter), [])


def _numeric_width(row: list[str]) -> int:
    """Cells of a row of numbers; 0 where a cell is text or all are empty."""
    filled = sum(1 for cell in row if cell)
    return filled if filled and all(NUMBER.match(cell) for cell in row) else 0


def _delimiter(lines: list[str]) -> str:
    """The sign that splits most lines into the most columns of numbers."""
    sample = [line for line in lines if line.strip()][: SAMPLE_LINES * 2]

    def score(delimiter: str) -> tuple[int, int]:
        widths = [_numeric_width([cell.strip() for cell in _split(line, delimiter)]) for line in sample]
        wide = [width for width in widths if width > 1]
        return len(wide), max(wide, default=0)

    # a decimal comma makes ',' look like a delimiter: others come first at equal score
    best = max(["\t", ";", ",", " "], key=lambda d: (score(d)[0], d != ",", score(d)[1]))
    return best if score(best)[0] else ","


def sweeps_from_text(path: Path, sidecar: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str], dict]:
    """Read sweeps from a text file.

    Returns:
        cycle, point, voltage [V], current [A], each (n_samples,); notes; extra facts.

    Raises:
        ImportRefused: A column is missing, text stands among numbers, or the voltage is no sweep.
    """
    text = read_text(path)
    notes: list[str] = []
    extra = {"preamble": text.preamble[:20]} if text.preamble else {}
    header = text.header or [f"column {k + 1}" for k in range(len(text.rows[0]))]
    header = [_mapped(name, sidecar) for name in header]
    columns = [read_header(name) for name in header]
    have = [column.quantity for column in columns]
    if "voltage" not in have and "voltage_v" in sidecar:
        return *_constant_voltage(text, header, sidecar), notes, extra
    if have.count("current") == 1 and have.count("voltage") == 1:
        cycle, point, voltage, current, more = _long(text, header, columns, sidecar)
    else:
        cycles, volts, grid, more = wide_cycles(
            header, text.rows, decimal_comma=text.decimal_comma, first_row=text.first_row
        )
        check_voltage(volts, column="voltage")
        cycle, point = np.repeat(cycles, volts.size), np.tile(np.arange(volts.size), cycles.size)
        voltage, current = np.tile(volts, cycles.size), grid.ravel()
    return cycle, point, voltage, current, notes + more, extra


def _mapped(name: str, sidecar: dict) -> str:
    for quantity, wanted in sidecar.get("columns", {}).items():
        if name.strip() == wanted:
            return quantity
    return name


def _column(text: Text, k: int, name: str) -> np.ndarray:
    cells = [row[k] if k < len(row) else "" for row in text.rows]
    return numbers(cells, column=name, first_row=text.first_row, decimal_comma=text.decimal_comma)


def _constant_voltage(text: Text, header: list[str], sidecar: dict):
    """Current against time at one read voltage: every column after the first is a cycle."""
    names = header[1:] if len(header) > 1 else header
    current = np.array([_column(text, k + len(header) - len(names), name) for k, name in enumerate(names)])
    cycle = np.repeat(np.arange(1, len(names) + 1), current.shape[1])
    point = np.tile(np.arange(current.shape[1]), len(names))
    voltage = np.full(current.size, float(sidecar["voltage_v"]))
    return cycle, point, voltage, current.ravel() * sidecar.get("current_scale", 1.0)


def _long(text: Text, header, columns, sidecar):
    """Columns voltage and current, with a cycle column or several cycles end to end."""
    at = {column.quantity: k for k, column in enumerate(columns) if column.quantity}
    notes = [
        f"{columns[at[q]].unit} converted to SI units (factor {columns[at[q]].scale:g})"
        for q in ("voltage", "current")
        if columns[at[q]].scale != 1
    ]
    voltage, current = (
        _column(text, at[q], header[at[q]]) * columns[at[q]].scale * sidecar.get(f"{q}_scale", 1.0)
        for q in ("voltage", "current")
    )
    check_voltage(voltage, column=header[at["voltage"]])
    if "cycle" in at:
        labels = _column(text, at["cycle"], header[at["cycle"]])
        if not np.all(np.isfinite(labels)) or np.any(labels != np.round(labels)):
            raise ImportRefused("a cycle number is missing or no integer", where="column cycle", remedy="number every row")
        cycle = labels.astype(np.int32)
        order = np.argsort(cycle, kind="stable")
        cycle, voltage, current = cycle[order], voltage[order], current[order]
        first = np.searchsorted(cycle, cycle)
        return cycle, np.arange(cycle.size) - first, voltage, current, notes
    cycle, point, note = cycles_end_to_end(voltage, sidecar)
    return cycle, point, voltage, current, notes + note


def cycles_end_to_end(voltage: np.ndarray, sidecar: dict) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Cycle and point numbers of a record without a cycle column, and a note where it was split."""
    if "points_per_cycle" in sidecar:
        starts = np.arange(0, voltage.size, sidecar["points_per_cycle"])
    else:
        starts = split_cycles(voltage)
    cycle = np.searchsorted(starts, np.arange(voltage.size), side="right")
    point = np.arange(voltage.size) - starts[cycle - 1]
    note = [f"split into {starts.size} cycles at the returns of the voltage programme"] if starts.size > 1 else []
    return cycle.astype(np.int32), point.astype(np.int32), note
