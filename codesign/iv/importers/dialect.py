"""How the lines of a text are parted into cells: delimiter, decimal sign, quotes, names between blanks."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from codesign.iv.importers.headers import COMMENTS, SIGN

POINT = re.compile(r"[+\-\u2212]?(\d{1,3}(,\d{3})+\.\d+|\d+\.?\d*|\.\d+)([eEdD][+\-\u2212]?\d+)?")
COMMA = re.compile(r"[+\-\u2212]?(\d{1,3}(\.\d{3})+,\d+|\d+(,\d*)?|,\d+)([eEdD][+\-\u2212]?\d+)?")
CERTAIN_POINT = re.compile(r"[+\-\u2212]?(0\.\d+|\d+\.(\d{1,2}|\d{4,}))")
CERTAIN_COMMA = re.compile(r"[+\-\u2212]?(0,\d+|\d+,(\d{1,2}|\d{4,}))([eEdD][+\-\u2212]?\d+)?")
"""Decimals that can be no thousands; exponents with a point also stand beside decimal commas."""
DIALECTS = (("\t", False), (";", False), (",", False), (" ", False), ("\t", True), (";", True), (" ", True),
            (",", True))  # fmt: skip
"""Delimiter and whether the comma is the decimal sign (`"0,5","1,2"` for both).

At equal score the first counts."""
SURE = "\t;,"
"""Delimiters that stand nowhere else; blanks also part words."""
WORD = re.compile(r"[^\s(\[]\S*(?:\s+[(\[][^()\[\]]*[)\]])?|\S+")
"""A name between blanks; a unit in brackets behind a blank belongs to it."""
OPENED = re.compile(r'(?:^|[,;\t])\s*"')
QUOTED = re.compile(r'(^|[,;\t])\s*"(?:[^"]|"")*"')
DATA = re.compile(r"\s*[+\-\u2212]?[\d.]+(?:[eEdD][+\-\u2212]?\d+)?\s*[,;\t]")
"""Beginning of a line of numbers."""
LINES_OF_A_NAME = 3
"""A quoted name goes over so many lines at most."""


def whole(lines: Sequence[str]) -> list[str]:
    """A quoted name over up to three lines put on the first of them; row numbers stay.

    A quote counts where a cell begins with it: one in it, `4" wafer`, is an inch sign. A line of numbers is
    never joined to another.
    """
    lines = list(lines)
    for k, line in enumerate(lines):
        if '"' not in line or not _is_open(line):
            continue
        for n in range(k + 1, min(k + LINES_OF_A_NAME, len(lines))):
            line = f"{line} {lines[n]}"
            if DATA.match(lines[n]):
                break
            if not _is_open(line):
                lines[k : n + 1] = [line, *[""] * (n - k)]
                break
    return lines


def _is_open(line: str) -> bool:
    """Whether a quote that begins a cell is not closed."""
    return OPENED.search(QUOTED.sub(r"\1", line)) is not None


def split(line: str, delimiter: str, width: int = 0) -> list[str]:
    """The cells of a line.

    Args:
        line: Without its line break.
        delimiter: One sign; a blank stands for any number of blanks and tabs.
        width: Numbers in a row, where blanks part them and it is known: names are parted so that there are
            as many.
    """
    if delimiter == " ":
        words = line.split()
        return _names(line, width) if any(word[0].isalpha() for word in words) else words
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        except csv.Error:  # an open quote before a very long rest: taken as it stands
            pass
    return [cell.strip() for cell in line.split(delimiter)] if line.strip() else []


def _names(line: str, width: int) -> list[str]:
    """Names above numbers that blanks part: the first way to part them that gives `width`, else the first.

    Two blanks part names, and words, to which units in brackets belong, and commas. A comment sign is part of
    the first name (`# voltage current`) or, as of a column of numbers, a name of its own (`# V I`).
    """
    text = line.strip()
    sign = found[0] if (found := SIGN.match(text)) else ""
    ways = [*_parted(text[len(sign) :].strip(), sign), *(_parted(text, "") if sign else ())]
    fitting = [names for names in ways if len(names) == width]
    several = [names for names in (ways[3:] if sign else ways) if len(names) > 1]
    return [*fitting, *several, text.split()][0]


def _parted(text: str, sign: str) -> Iterator[list[str]]:
    """Names parted by two blanks, by blanks, and by commas; the sign goes before the first."""
    for parts in (re.split(r"\s{2,}|\t", text), WORD.findall(text), re.split(r"[,;]", text)):
        names = [name for name in (part.strip(" ,;") for part in parts) if name]
        yield [f"{sign} {names[0]}", *names[1:]] if sign and names else names


def width_of(lines: Sequence[str], decimal_comma: bool) -> int:
    """The commonest number of values of lines that hold nothing but numbers between blanks; 0 without any.

    A lone number is a setting, unless no line has several.
    """
    number = COMMA if decimal_comma else POINT
    counts = Counter(
        len(words) for line in lines if all(map(number.fullmatch, words := line.split())) and words
    )
    several = Counter({width: lines for width, lines in counts.items() if width > 1}) or counts
    return several.most_common(1)[0][0] if several else 0


def dialect_of(lines: Sequence[str]) -> tuple[str, bool]:
    """Delimiter, and whether the comma is the decimal sign.

    The most cells stand side by side as numbers under it; lines of nothing else first. Comments do not count,
    nor do for blanks settings above a table that another delimiter parts as well.
    """
    filled = [line for line in lines if line.strip()]
    sample = [line for line in filled if not line.lstrip().startswith(COMMENTS)]
    scores = {dialect: _score(sample, dialect) for dialect in DIALECTS}
    best = max(DIALECTS, key=lambda dialect: scores[dialect])
    if not any(scores[best]):
        # one column of numbers, or text among all of them: the header tells the delimiter
        best = max(SURE, key=lambda sign: sum(line.count(sign) for line in filled)), False
    elif best[0] == " ":
        signs = SURE.replace(",", "") if best[1] else SURE
        better = [(sign, best[1]) for sign in signs if _is_as_good(sample, (sign, best[1]))]
        best = max(better, key=lambda dialect: scores[dialect], default=best)
    rows = [[cell for cell in split(line, best[0]) if _is_number(cell)] for line in sample]
    cells = [cell for row in rows if len(row) > 1 for cell in row]  # a lone number is a setting
    with_comma = best[0] != "," and any(CERTAIN_COMMA.fullmatch(cell) for cell in cells)
    with_point = any(CERTAIN_POINT.fullmatch(cell) for cell in cells)
    return (best[0], with_comma) if with_comma != with_point else best


def _score(lines: Sequence[str], dialect: tuple[str, bool]) -> tuple[int, int]:
    """Numbers in lines of several numbers and nothing else, and numbers in lines of several."""
    pure = side_by_side = 0
    for count, cells in _counts(lines, dialect):
        if count > 1:
            side_by_side += count
            pure += count if count == cells else 0
    return pure, side_by_side


def _counts(lines: Sequence[str], dialect: tuple[str, bool]) -> Iterator[tuple[int, int]]:
    """Numbers and filled cells of each line; none of one cell."""
    delimiter, number = dialect[0], COMMA if dialect[1] else POINT
    for line in lines:
        # to look for a delimiter is much faster than to take a line apart
        if not (len(line.split(None, 1)) > 1 if delimiter == " " else delimiter in line):
            yield 0, 0
            continue
        cells = [cell for cell in split(line, delimiter) if cell]
        yield sum(1 for cell in cells if number.fullmatch(cell)), len(cells)


def _is_as_good(lines: Sequence[str], dialect: tuple[str, bool]) -> bool:
    """Whether a delimiter parts a table as well as blanks do.

    The table begins below the last line of words above the first line of which it makes numbers.
    """
    first = next((k for k, (count, _) in enumerate(_counts(lines, dialect)) if count > 1), None)
    if first is None:
        return False
    words = [k for k in range(first) if re.search(r"[^\W\d_]{2}|\b[^\W\d_]\b", lines[k])]
    table = lines[words[-1] + 1 if words else 0 :]
    return _score(table, dialect) >= _score(table, (" ", dialect[1]))


def _is_number(cell: str) -> bool:
    return bool(POINT.fullmatch(cell) or COMMA.fullmatch(cell))
