"""Text exports (.csv, .tsv, .txt): delimiter, decimal comma, preamble and header are found, not asked for."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table, from_rows

POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?")
DIALECTS = (("\t", False), (";", False), (",", False), (" ", False), ("\t", True), (";", True), (" ", True),
            (",", True))  # fmt: skip
"""Delimiter and whether the comma is the decimal sign (`"0,5","1,2"` for both).

At equal score the first counts."""
SAMPLE_LINES = 300


def read_text(path: Path, *, known: Sequence[str] = ()) -> Table:
    """Take a text file apart.

    Args:
        path: The file; UTF-8, UTF-16 with its mark, or Latin-1.
        known: Column names that the sidecar uses.

    Raises:
        ImportRefused: The file is empty, no text, or holds no row of numbers.
    """
    lines = decoded(path.read_bytes()).splitlines()
    delimiter, decimal_comma = _dialect(lines)
    cells = [_split(line, delimiter) for line in lines]
    return from_rows(cells, decimal_comma=decimal_comma, known=known, lines=lines)


def decoded(raw: bytes) -> str:
    """Text of a file: UTF-8, UTF-16 with its mark, or Latin-1.

    Raises:
        ImportRefused: The file is empty or no text.
    """
    if not raw.strip():
        raise ImportRefused("the file is empty", remedy="export the measurement again")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    if b"\0" in raw[:4096]:
        raise ImportRefused(
            "not a measurement: the file is not text", remedy="export it as text, or give it its own suffix"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        words = line.split()
        if not any(word[0].isalpha() for word in words):
            return words
        # names may hold blanks: two of them part names, a unit in brackets belongs to the name before it
        names = [name for name in re.split(r"\s{2,}|\t", line.strip()) if name]
        return names if len(names) > 1 else re.findall(r"[^\s(\[]\S*(?:\s+[(\[][^)\]]*[)\]])?|\S+", line)
    if '"' in line:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    return [cell.strip() for cell in line.split(delimiter)] if line.strip() else []


def _dialect(lines: list[str]) -> tuple[str, bool]:
    """The dialect under which the most cells stand side by side as numbers; lines of nothing else first."""
    sample = [line for line in lines if line.strip()][:SAMPLE_LINES]

    def score(dialect: tuple[str, bool]) -> tuple[int, int]:
        number, pure, side_by_side = COMMA if dialect[1] else POINT, 0, 0
        for line in sample:
            cells = [cell for cell in _split(line, dialect[0]) if cell]
            count = sum(1 for cell in cells if number.fullmatch(cell))
            if count > 1:
                side_by_side += count
                pure += count if count == len(cells) else 0
        return pure, side_by_side

    scores = {dialect: score(dialect) for dialect in DIALECTS}
    best = max(DIALECTS, key=lambda dialect: scores[dialect])
    if any(scores[best]):
        return best
    # one column of numbers, or text among all of them: the header tells the delimiter
    return max("\t;,", key=lambda sign: sum(line.count(sign) for line in sample)), False
