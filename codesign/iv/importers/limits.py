"""How much an instrument file may hold: a small file can be made that fills any memory."""

import re
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from codesign.iv.importers.refusal import ImportRefused

LARGEST_BYTES = 1 << 28
"""Of an instrument file, and of everything a workbook holds when unpacked."""
MOST_CELLS = 10_000_000
"""Rows times columns of a table, empty cells included; a thousand cycles of a thousand points are a tenth."""
LARGEST_V, LARGEST_A = 100.0, 1.0
"""Above these a memristor's voltage or current is more likely stored in another unit."""

_CELL = re.compile(rb"<(?:[\w.-]+:)?c\b")
_ROW = re.compile(rb"<(?:[\w.-]+:)?row\b")
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)(\d+)["']""")
_SPREADSHEET_PARTS = ("content.xml", "xl/workbook.bin")
"""What other spreadsheet formats hold in place of xl/workbook.xml."""


def implausible(voltage_v: np.ndarray, current_a: np.ndarray) -> dict[str, str]:
    """What to say of a quantity whose values are so large that their unit is probably wrong."""
    said = {}
    for quantity, unit, values, limit in (
        ("voltage", "V", voltage_v, LARGEST_V),
        ("current", "A", current_a, LARGEST_A),
    ):
        largest = float(np.nanmax(np.abs(values)))
        if largest > limit:
            said[quantity] = f"the largest {quantity} is {largest:g} {unit}: is its unit right?"
    return said


def check_size(path: Path) -> None:
    """Refuse a file that is larger than any measurement.

    Raises:
        ImportRefused: It has more than `LARGEST_BYTES`.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ImportRefused(
            f"{size} bytes are more than a measurement has (at most {LARGEST_BYTES})",
            remedy="export fewer cycles into each file",
        )


def check_cells(rows: int, columns: int) -> None:
    """Refuse a table that is mostly made of empty cells, or beyond what a computer holds.

    Raises:
        ImportRefused: It has more than `MOST_CELLS`.
    """
    if rows * columns > MOST_CELLS:
        raise ImportRefused(
            f"{rows} rows and {columns} columns are {rows * columns} cells, more than {MOST_CELLS}",
            remedy="export fewer cycles into each file, and delete what stands far off the data",
        )


def check_workbook(path: Path) -> None:
    """Refuse a workbook that would fill the memory when it is opened.

    Nothing in the archive is believed: every part is unpacked, one at a time and never beyond the limit,
    whatever size its header states.

    Raises:
        ImportRefused: Not a complete workbook, or larger than the limits.
    """
    left = LARGEST_BYTES
    try:
        with zipfile.ZipFile(path) as book:
            names = set(book.namelist())
            if "xl/workbook.xml" not in names or names & set(_SPREADSHEET_PARTS):
                raise ImportRefused("not a .xlsx workbook", remedy="save it as .xlsx")
            for part in book.infolist():
                content = _unpacked(book, part, most=left)
                left -= len(content)
                if part.filename.lower().startswith("xl/worksheets/") or _CELL.search(content):
                    check_cells(*_extent(content))
    except ImportRefused:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError) as error:
        raise ImportRefused(
            f"not a complete .xlsx workbook ({error})", remedy="copy the file again from the instrument"
        ) from error


def _unpacked(book: zipfile.ZipFile, part: zipfile.ZipInfo, *, most: int) -> bytes:
    """Content of one part, by what is stored rather than by the size its header states."""
    stream = book.fp
    stream.seek(part.header_offset)
    name_length, extra_length = struct.unpack("<HH", stream.read(30)[26:])
    stream.seek(name_length + extra_length, 1)
    stored = stream.read(part.compress_size)
    if part.compress_type == zipfile.ZIP_STORED:
        content = stored
    elif part.compress_type == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored, most + 1)
    else:
        raise ValueError(f"{part.filename}: compression {part.compress_type} is none that .xlsx has")
    if len(content) > most:
        raise ImportRefused(
            f"unpacked it is larger than {LARGEST_BYTES} bytes",
            where=f"part {part.filename[:80]}",
            remedy="export fewer cycles into each file",
        )
    return content


def _extent(sheet: bytes) -> tuple[int, int]:
    """Rows and columns from A1 to the last cell, whether cells state their place or only follow."""
    rows, columns = len(_ROW.findall(sheet)), 0
    for row in _ROW.split(sheet):
        columns = max(columns, len(_CELL.findall(row)))
    for letters, digits in set(_PLACE.findall(sheet)):
        rows = max(rows, int(digits[:12]))
        if letters:
            column = 0
            for letter in letters[:8].upper():
                column = 26 * column + letter - 64
            columns = max(columns, column)
    return rows, columns
