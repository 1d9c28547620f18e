"""The list of devices, `devices.csv` or `devices.xlsx`: one row a file, what its sidecar would say."""

import datetime
import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from codesign.files import remedy_for, trouble_with
from codesign.iv.formats import raw_suffixes
from codesign.iv.importers.filename import PRECURSORS
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.measurement import condition_problems
from codesign.iv.names import device_id, device_lists_of

FILE = "file"
"""Column of file names, with or without suffix."""
NUMBERS = (
    "length_um", "diameter_nm", "pb_min", "ag_nm", "compliance_a", "voltage_scale", "current_scale",
    "voltage_v", "series_resistance_ohm", "points_per_cycle",
)  # fmt: skip
TEXTS = ("perovskite", "polarity", "contact", "measured_at", "instrument", "mapping", "kind", "sheets")
COLUMNS = (FILE, *NUMBERS, *TEXTS)
"""Columns that mean something to the import; any other is kept as typed, and its cells are conditions."""
DELIMITERS = (";", "\t", ",")
DECIMAL = (";", "\t")
"""Of them those that leave the comma to numbers."""
NEAR = 0.75
"""Likeness from which the name of a column is taken for a misspelt one."""
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
"""What a point may part the thousands of, where numbers have decimal commas."""
GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?= |$)")
SEPARATOR = re.compile(r"sep=(.)", re.IGNORECASE)
"""First line by which a file tells Excel what parts its cells."""
LARGEST_BYTES = 50_000_000
ONE_CELL = (
    "all columns stand in the first cell of the row: a spreadsheet with decimal commas has not parted them; "
    "part the cells with semicolons, or fill in a workbook (check FOLDER --template --workbook)"
)


@dataclass(frozen=True)
class Row:
    """What the list says about one file."""

    number: int
    """From 1, the header included."""
    facts: Mapping[str, object]
    """By key of a sidecar."""
    other: Mapping[str, str] = field(default_factory=dict)
    """Cells of columns that mean nothing here, as typed."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Those of them that can be a condition, by its name; numbers with a decimal point."""
    fault: str = ""
    """Why the row cannot be used; '' where it can."""


@dataclass(frozen=True)
class DeviceList:
    """A list of devices as read."""

    header: tuple[str, ...]
    rows: Mapping[str, Row]
    """By device id."""
    delimiter: str = ","
    """Of a text file; '' of a workbook."""

    @property
    def decimal_comma(self) -> bool:
        """Whether `1,5` is one and a half."""
        return self.delimiter in DECIMAL

    def misspelt(self, variables: Sequence[str] = ()) -> dict[str, str]:
        """Columns that mean nothing here but are called almost like one that does, by name.

        Args:
            variables: Names of conditions that mean something besides `COLUMNS`.
        """
        known = [*COLUMNS, *variables]
        there = {*self.header, *({condition_name(name) for name in self.header} & set(variables))}
        found = {
            name: difflib.get_close_matches(name.lower().replace(" ", "_"), known, n=1, cutoff=NEAR)
            for name in self.header
            if name and name not in COLUMNS and condition_name(name) not in variables
        }
        return {name: near[0] for name, near in found.items() if near and near[0] not in there}


def condition_name(column: str) -> str:
    """The name of the condition that a column is: `Anneal C` is `anneal_c`."""
    return column.lower().replace(" ", "_").replace("-", "_")


def row_of(instrument_file: Path) -> tuple[Row | None, str]:
    """What the list beside an instrument file says of it, and the list's name.

    Returns:
        The row, None where there is no list or no row of this file; the name of the list, '' without one.

    Raises:
        ImportRefused: The list cannot be read, or two lie there, or the row cannot be used.
    """
    lists = device_lists_of(instrument_file)
    if not lists:
        return None, ""
    if len(lists) > 1:
        raise ImportRefused(
            f"{' and '.join(path.name for path in lists)} are both lists of devices",
            where=lists[0].name,
            remedy="keep one of them",
        )
    row = read_device_list(lists[0]).rows.get(device_id(instrument_file.name))
    if row is not None and row.fault:
        raise ImportRefused(
            row.fault,
            where=f"{lists[0].name}, row {row.number}",
            remedy="correct the row in the list of devices",
        )
    return row, lists[0].name


def row_digest(instrument_file: Path) -> str:
    """Changes where what the list says of a file does, and with no other row; '' where it says nothing."""
    try:
        row, _ = row_of(instrument_file)
    except ImportRefused as refusal:
        said = str(refusal)
    else:
        if row is None:
            return ""
        said = repr((sorted(row.facts.items()), sorted(row.other.items())))
    return hashlib.sha256(said.encode(errors="surrogateescape")).hexdigest()


def read_device_list(path: Path) -> DeviceList:
    """A list of devices: a header with `file` and columns of `COLUMNS`, and a row a file.

    A text file may part its cells with commas, semicolons or tabs, as its header or a first line `sep=;`
    says; with the latter two `1,5` is 1.5, and `01.05.2024` the first of May. With commas a row of more
    cells than the header cannot be used: a decimal comma looks like that.

    Raises:
        ImportRefused: It cannot be read, has no column `file`, or a column stands twice.
    """
    if trouble := trouble_with(path):
        raise ImportRefused(trouble, where=path.name, remedy=remedy_for(trouble))
    stat = path.stat()
    if stat.st_size > LARGEST_BYTES:
        raise ImportRefused(
            f"{stat.st_size} bytes are no list of devices",
            where=path.name,
            remedy="keep one row a file in it",
        )
    return _read(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache
def _read(path: Path, *_stat: int) -> DeviceList:
    """The list; it is read once for all files that one process imports."""
    try:
        cells, delimiter = _sheet(path) if path.suffix.lower() == ".xlsx" else _text(path)
    except ImportRefused as refusal:
        raise ImportRefused(
            refusal.what, where=path.name, remedy=refusal.remedy or "save the list of devices again"
        ) from refusal
    filled = [(number, row) for number, row in enumerate(cells, start=1) if any(_said(cell) for cell in row)]
    header = tuple(_said(cell) for cell in filled[0][1]) if filled else ()
    header = tuple(condition_name(name) if condition_name(name) in COLUMNS else name for name in header)
    names = [condition_name(name) for name in header]
    twice = sorted({name for name in header if name and names.count(condition_name(name)) > 1})
    if FILE not in header or twice:
        raise ImportRefused(
            f"column {twice[0]} stands twice" if twice else f"the list of devices has no column {FILE}",
            where=f"{path.name}, row {filled[0][0] if filled else 1}",
            remedy=ONE_CELL
            if header and re.match(rf"{FILE}[{''.join(DELIMITERS)}]", header[0].lower())
            else f"give it one header row with {', '.join(COLUMNS[:6])} ... (docs/measurements.md), or "
            "give the file another name if it is a measurement",
        )
    rows: dict[str, Row] = {}
    for number, row in filled[1:]:
        named = {name: cell for name, cell in zip(header, row, strict=False) if name and _said(cell)}
        if FILE not in named:
            continue
        device = _device(_said(named.pop(FILE)))
        if delimiter == "," and len(row) > len(header):
            rows[device] = Row(
                number,
                {},
                fault=f"{len(row)} cells, the header has {len(header)}: a comma in a number or text parts "
                "it; write 1.5, put text in quotes, or part cells with semicolons",
            )
        elif device in rows:
            fault = f"rows {rows[device].number} and {number} are of one file"
            rows[device] = Row(rows[device].number, {}, fault=fault)
        else:
            rows[device] = _row(number, named, decimal_comma=delimiter in DECIMAL)
    return DeviceList(header, rows, delimiter)


def _device(name: str) -> str:
    """Device id of a file that is named with or without its suffix, or with its folder."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return device_id(name if Path(name).suffix.lower() in raw_suffixes() else f"{name}.csv")


def _row(number: int, named: Mapping[str, object], *, decimal_comma: bool) -> Row:
    facts: dict[str, object] = {}
    for name in COLUMNS:
        if name not in named:
            continue
        cell = named[name]
        if name in TEXTS:
            facts[name] = _said(cell)
            if name == "measured_at" and decimal_comma:
                facts[name] = GERMAN_DATE.sub(_iso, facts[name], count=1)
            continue
        text = _without_unit(_said(cell), name)
        try:
            if decimal_comma and THOUSANDS.fullmatch(text):
                raise ValueError
            facts[name] = float(text.replace(",", ".") if decimal_comma else text)
        except ValueError:
            return Row(number, {}, fault=f"{name}: {_no_number(text[:80], decimal_comma=decimal_comma)}")
    if "perovskite" in facts:  # a precursor stands for its compound, as in file names
        facts["perovskite"] = PRECURSORS.get(str(facts["perovskite"]).lower(), facts["perovskite"])
    other = {name: _said(cell) for name, cell in named.items() if name not in COLUMNS}
    return Row(number, facts, other, _conditions(other, decimal_comma=decimal_comma))


def _no_number(text: str, *, decimal_comma: bool) -> str:
    """What is wrong with a cell that should hold a number."""
    if decimal_comma and THOUSANDS.fullmatch(text):
        whole, decimal = text.replace(".", ""), text.replace(".", ",", 1)
        meant = f" or {decimal}" if text.count(".") == 1 else ""
        return f"{text!r} may be {whole}{meant}; write numbers without a sign for thousands"
    if not decimal_comma and DECIMAL_COMMA.fullmatch(text):
        return f"{text!r} is no number here; write {text.replace(',', '.')}"
    return f"{text!r} is no number"


def _iso(date: re.Match) -> str:
    day, month, year = date.groups()
    return f"{year}-{month:0>2}-{day:0>2}"


def _conditions(other: Mapping[str, str], *, decimal_comma: bool) -> dict[str, str]:
    """Cells that can be conditions; long remarks and columns with other signs in their names cannot, nor
    can what may be thousands or a fraction.
    """
    found = {}
    for column, text in other.items():
        if decimal_comma and THOUSANDS.fullmatch(text):
            continue
        value = text.replace(",", ".") if decimal_comma and DECIMAL_COMMA.fullmatch(text) else text
        if not condition_problems({condition_name(column): value}):
            found[condition_name(column)] = value
    return found


def _without_unit(text: str, name: str) -> str:
    """A number behind which the column's own unit stands: `200 nm` in `diameter_nm`."""
    unit = name.rsplit("_", 1)[-1]
    plain = text.lower().replace("µ", "u").replace("μ", "u")
    return text[: -len(unit)].strip() if plain.endswith(unit) else text


def _said(cell: object) -> str:
    """A cell as text; whole numbers without a point, dates as ISO 8601."""
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell)) if abs(cell) < 1e15 else repr(cell)
    return str(cell).strip() if cell is not None else ""


def _sheet(path: Path) -> tuple[list[list], str]:
    from codesign.iv.importers.workbook import read_sheets

    return next((rows for rows in read_sheets(path).values() if rows), []), ""


def _text(path: Path) -> tuple[list[list], str]:
    import csv

    from codesign.iv.importers.text import decoded

    lines = decoded(path.read_bytes()).splitlines()
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    if (told := SEPARATOR.fullmatch(header.strip("\ufeff "))) and told[1] in DELIMITERS:
        delimiter = told[1]
        lines[lines.index(header)] = ""  # rows keep their numbers
    try:
        return list(csv.reader(lines, delimiter=delimiter, strict=True)), delimiter
    except csv.Error as error:
        raise ImportRefused(f"not a table: {error}", remedy="save the list of devices again") from error
