"""Workbooks that would fill the memory when they are opened: refused by what is stored in them."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from codesign.iv.importers.limits import LARGEST_BYTES, check_cells
from codesign.iv.importers.refusal import ImportRefused

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""First bytes of an .xls workbook."""
_CELL = re.compile(rb"<(?:[\w.-]+:)?c\b")
_ROW = re.compile(rb"<(?:[\w.-]+:)?row\b")
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)(\d+)["']""")
_ODS_TAG = re.compile(rb"<(?:[\w.-]+:)?(table-row|table-cell|covered-table-cell|table)\b([^>]*)>")
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["'](\d+)""")


def check_workbook(path: Path) -> None:
    """Refuse a workbook that would fill the memory when it is opened, or is none of its suffix.

    Raises:
        ImportRefused: Not a complete workbook, or larger than the limits.
    """
    kind = path.suffix.lower()
    with path.open("rb") as file:
        start = file.read(8)
    if kind == ".xls":
        if start != OLE:
            raise ImportRefused(
                "not a .xls workbook",
                remedy="rename it to .xlsx or, where it is text, to .txt; or save it as .xlsx",
            )
        return
    try:
        _check_archive(path, kind)
    except ImportRefused:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError) as error:
        raise ImportRefused(
            f"not a complete {kind} workbook ({error})", remedy="copy the file again from the instrument"
        ) from error


def _check_archive(path: Path, kind: str) -> None:
    """Refuse an archive of XML that is no workbook or larger than the limits.

    Nothing in the archive is believed: every part is unpacked, one at a time and never beyond the limit,
    whatever size its header states.

    Raises:
        ImportRefused: Not a complete workbook, or larger than the limits.
    """
    left = LARGEST_BYTES
    with zipfile.ZipFile(path) as book:
        names = set(book.namelist())
        own, foreign = (
            ("content.xml", "xl/workbook.xml") if kind == ".ods" else ("xl/workbook.xml", "content.xml")
        )
        if own not in names or names & {foreign, "xl/workbook.bin"}:
            raise ImportRefused(f"not a {kind} workbook", remedy="save it as .xlsx")
        for part in book.infolist():
            content = _unpacked(book, part, most=left)
            left -= len(content)
            if kind == ".ods":
                for rows, columns in _extents_of_ods(content) if part.filename == "content.xml" else ():
                    check_cells(rows, columns)
            elif part.filename.lower().startswith("xl/worksheets/") or _CELL.search(content):
                check_cells(*_extent(content))


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
        raise ValueError(f"{part.filename}: compression {part.compress_type} is none that workbooks have")
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


def _extents_of_ods(content: bytes) -> Iterator[tuple[int, int]]:
    """Rows and columns of each sheet up to the last filled cell, repetitions counted.

    Raises:
        ValueError: The text is in no encoding that spreadsheets write.
    """
    if b"\0" in content[:4096]:
        raise ValueError("content.xml is not UTF-8")
    rows = columns = at = repeat = place = 0
    for name, attributes in _ODS_TAG.findall(content):
        times = int((_REPEATED.search(attributes) or [0, b"1"])[1][:12])
        if name == b"table":
            yield rows, columns
            rows = columns = at = repeat = 0
        elif name == b"table-row":
            at, repeat, place = at + repeat, times, 0
        else:
            place += times
            if b"value-type" in attributes or not attributes.endswith(b"/"):
                rows, columns = at + repeat, max(columns, place)
    yield rows, columns
