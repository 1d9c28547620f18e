"""Where the settings of a file end and its names, units and numbers begin."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from codesign.iv.importers.columns import EMPTY
from codesign.iv.importers.headers import COMMENTS, MAIN, REMARK, SIGN, bare, read_header, split_unit
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.units import SILENT, unit_of

BARE_NUMBER = re.compile(r"[-+\u2212\d.,]+(?:[eEdD][-+\u2212]?\d+)?")
HEADER_ROWS = 1000
"""Rows searched for a header; instruments write less in front of it."""
UNIT_WORD = re.compile(r"\b(?:units?|einheit(?:en)?)\b", re.IGNORECASE)
SETTING = re.compile(r"[A-Za-z]\w*(?:\.\w+)+")
"""First cell of a row of settings, `Output.List.Data, V1, I1`, that may list names of columns."""
FILLING = {
    "of", "for", "the", "in", "is", "are", "was", "were", "and", "as", "column", "columns", "data", "all",
    "values", "measured", "recorded", "stored", "saved", "given", "expressed",
}  # fmt: skip
"""Words of a setting that states units of the columns; with others it states those of something else."""
FACTOR_WORD = re.compile(
    r"\b(?:(?P<voltage>voltages?|volt|spannung)|(?P<current>currents?|curr|strom))\b[^\d\n]*?"
    r"(?:\b(?:scaled?|scaling|factor|multiplier|multiplied|divided|times|faktor|gain)\b|\bx(?=\s*\d)|[×*])\D*?"
    r"(?P<value>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)",
    re.IGNORECASE,
)
FACTOR_ORDER = re.compile(
    r"\b(?:multiply|multiplied|multiplies|scale|divide)\b[^\d\n]*?"
    r"\b(?:(?P<voltage>voltages?|volt|spannung)|(?P<current>currents?|curr|strom))\b[^\d\n]*?"
    r"(?P<value>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)",
    re.IGNORECASE,
)
ABOUT_SOMETHING_ELSE = re.compile(
    r"\b(?:range|compliance|limit|sensitivity|resolution|rate|step|threshold|trigger|file|path|bereich)s?\b",
    re.IGNORECASE,
)
"""Settings whose unit is that of the instrument, not of the columns."""
ARBITRARY = re.compile(r"a\.\s?u\.?|arb\b.*|counts?|norm\b.*|%|ma|na", re.IGNORECASE)
"""What stands in a row of units instead of one."""
BRACKETS = "[]()<>"
DOUBT = (" in a remark", " in a setting")


@dataclass(frozen=True)
class Head:
    """What stands above the numbers of a file; rows count from 0."""

    names_at: int | None
    """Row of the names, None where there is none."""
    header: list[str]
    """Names with their units, one a column; empty where there is no row of names."""
    below: int
    """First row that may hold numbers."""
    settings: list[int]
    """Rows above the names, and remarks below them."""
    units_at: int | None = None
    stated: Mapping[str, str] = field(default_factory=dict)
    """Units of voltage and current that the settings state."""
    notes: tuple[str, ...] = ()


def find_head(
    texts: list[list[str]], *, known: Sequence[str], decimal_comma: bool, first_row: int, lines: Sequence[str]
) -> Head:
    """Names, their units wherever they stand, and settings.

    The names are in the row that names the most quantities and has numbers below it. A row of units may
    stand below or above them, or a setting may say the units; a row of remarks may stand below them.

    Args:
        texts: Cells of the first rows.
        known: Column names a sidecar uses, which make a header, too.
        decimal_comma: Whether 1,5 means 1.5.
        first_row: Number of the first row as a person counts.
        lines: The rows as written; empty where they are no text.

    Raises:
        ImportRefused: No row holds a number.
    """
    at = _names_row(texts, frozenset(known), decimal_comma)
    if at is None:
        first = next((k for k, row in enumerate(texts) if all_numbers(row, decimal_comma)), None)
        if first is None:
            raise ImportRefused(
                "not a measurement: no header names a voltage or current and no row is all numbers",
                remedy="say in the sidecar which columns to use, columns: {voltage: NAME, current: NAME}; "
                "where it is no measurement, remove it from the folder of instrument files",
            )
        above = next((k for k in range(first - 1, -1, -1) if any(texts[k])), None)
        counted = above is not None and texts[above][0].startswith(COMMENTS) and _counts(texts[above], False)
        if above is None or counted or len(texts[above]) != len(texts[first]):
            return Head(None, [], first, [k for k in range(first) if any(texts[k])])
        at = above
    header = [bare(text) for text in _joined(texts[at], texts, at + 1, decimal_comma)]
    settings = [k for k in range(at) if any(texts[k])]
    below, units_at, remarks = _between(texts, at, decimal_comma)
    if units_at is None and settings and _holds_units(texts[settings[-1]], header):
        units_at = settings.pop()
    rows_of_units = [k for k in remarks if is_units(texts[k], len(header), all_of_them=True)]
    for k in [] if units_at is None else [units_at, *rows_of_units]:
        header = _with_units(header, texts[k])
    said = [as_written(texts, lines, k) for k in settings]
    below_names = [" , ".join(texts[k]) for k in remarks]
    stated = stated_units([*said, *below_names], remarks=below_names, above=said)
    header, notes = with_stated_units(header, stated)
    notes += [f"row {first_row + k} is taken for a remark: {' '.join(texts[k]).strip()[:60]}" for k in remarks
              if not texts[k][0].startswith(COMMENTS)]  # fmt: skip
    return Head(at, header, below, [*settings, *remarks], units_at, stated, tuple(notes))


def as_written(texts: list[list[str]], lines: Sequence[str], k: int) -> str:
    """Row `k` as one text; its filled cells where it comes from no text."""
    return lines[k].strip() if lines else " ".join(filter(None, texts[k]))


def quantities_of(row: Sequence) -> set[str]:
    """Quantities that the cells of a row name, '' for other words; numbers and empty cells name none."""
    names = [cell.strip() for cell in row if isinstance(cell, str)]
    return {
        read_header(name).quantity
        for name in names
        if name.lower() not in EMPTY and not BARE_NUMBER.fullmatch(name)
    }


def _names_row(texts: list[list[str]], known: Set[str], decimal_comma: bool) -> int | None:
    scores = [_named(row, known) for row in texts]
    best = max(scores, default=(0, 0))
    if best == (0, 0):
        return None
    candidates = [k for k, score in enumerate(scores) if score == best]
    for k in candidates:  # settings that list names stand above other settings
        after = next((row for row in texts[k + 1 :] if any(row) and not is_units(row, len(texts[k]))), [])
        if len(after) >= len(texts[k]) and all_numbers(after, decimal_comma):
            return k
    for k in candidates:
        below = [row for row in texts[k + 1 :] if any(row)][:2]
        if any(_counts(row, decimal_comma) for row in below):
            return k
    return candidates[0]


def _named(row: list[str], known: Set[str]) -> tuple[int, int]:
    """Cells that name a main quantity or a column the sidecar uses, and any; bare numbers are data."""
    main = other = 0
    if row and SETTING.fullmatch(row[0]) and not read_header(row[0]).quantity:
        return 0, 0
    for text in row:
        if not text or BARE_NUMBER.fullmatch(text):
            continue
        quantity = read_header(text).quantity
        is_known = bare(text) in known or split_unit(bare(text))[0] in known
        main += quantity in MAIN or is_known
        other += bool(quantity)
    if not main and row and row[0].startswith(COMMENTS) and _counts(row, False):
        return 0, 0  # `# sample 12` is a setting
    return main, other


def _counts(row: list[str], decimal_comma: bool) -> int:
    """Cells that are numbers."""
    total = 0
    for text in row:
        try:
            float(text.replace(",", ".") if decimal_comma else text)
        except ValueError:
            if not (BARE_NUMBER.fullmatch(text) and any(sign.isdigit() for sign in text)):
                continue
        total += 1
    return total


def all_numbers(row: list[str], decimal_comma: bool) -> bool:
    """Whether every filled cell is a number, and one is."""
    return any(row) and _counts(row, decimal_comma) == sum(1 for text in row if text)


def _between(texts: list[list[str]], at: int, decimal_comma: bool) -> tuple[int, int | None, list[int]]:
    """First row of numbers, the row of units and rows of remarks between names and numbers."""
    first = next((k for k in range(at + 1, len(texts)) if _counts(texts[k], decimal_comma)), None)
    # `# 240`, a count, is a comment, not the first row
    while first is not None and texts[first][0].startswith(COMMENTS):
        first = next((k for k in range(first + 1, len(texts)) if _counts(texts[k], decimal_comma)), None)
    width = len(texts[at])
    inside = [k for k in range(at + 1, len(texts) if first is None else first) if any(texts[k])]
    units = [k for k in inside if is_units(texts[k], width)]
    if first is None:
        return (units[0] + 1 if units else at + 1), (units[0] if units else None), []
    remarks = []
    for k in inside:
        if k in units:
            continue
        if all(text.lower() in EMPTY for text in texts[k]):
            return k, (units[0] if units and units[0] < k else None), remarks  # nothing was recorded there
        remarks.append(k)
    if len(units) > 1:
        remarks += units[1:]
    return first, (units[0] if units else None), sorted(remarks)


def is_units(row: list[str], width: int, *, all_of_them: bool = False) -> bool:
    """Whether cells are units, as many as there are names at most, and none is a number.

    Half of them are known units, or stand in brackets; with `all_of_them`, and in comments, all.
    """
    cells = [bare(text) for text in row]
    filled = [text for text in cells if text]
    while cells and not cells[-1]:
        cells.pop()
    if not filled or len(cells) > width or any(_counts([text], False) for text in filled if text != "1"):
        return False
    if all_of_them or row[0].startswith(COMMENTS):
        inside = [text.strip(BRACKETS) for text in filled]
        return any(map(unit_of, inside)) and all(unit_of(text) or text.lower() in SILENT for text in inside)
    known = [text for text in filled if text[0] in "[(" or (unit_of(text) and text not in ("a", "v", "s"))]
    every = all(unit_of(text) or text.lower() in SILENT for text in filled) and any(map(unit_of, filled))
    return every or 2 * len(known) >= len(filled)


def _holds_units(row: list[str], header: list[str]) -> bool:
    """Whether each cell of a row above the names is a unit or stands for one, `V,a.u.`."""
    cells = [bare(text).strip(BRACKETS) for text in row]
    return is_units(row, len(header), all_of_them=True) or (
        len(cells) == len(header)
        and any(map(unit_of, cells))
        and all(unit_of(text) or text.lower() in SILENT or ARBITRARY.fullmatch(text) for text in cells)
    )


def _with_units(header: list[str], cells: list[str]) -> list[str]:
    """Names with the units of a row of their own; two that differ leave the unit unknown."""
    units = [bare(text).strip(BRACKETS).strip() for text in cells] + [""] * len(header)
    joined = []
    for name, unit in zip(header, units, strict=False):
        own = split_unit(name)[1]
        silent = unit_of(unit) is None and unit.lower() in SILENT
        if silent or not name or (unit_of(own) and unit_of(own) == unit_of(unit)):
            joined.append(name)
        elif not own:
            joined.append(f"{name} ({unit})")
        else:
            said = unit if REMARK.fullmatch(own) else f"{own} or {unit}"
            joined.append(f"{split_unit(name)[0]} ({said})")
    return joined


def with_stated_units(header: list[str], stated: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Names with the units that settings state, and notes; a contradiction leaves it unknown."""
    result, used = [], {}
    for name in header:
        column = read_header(name)
        said = stated.get(column.quantity, "")
        if said and not column.foreign_unit:
            if not unit_of(column.unit):
                used[column.quantity] = said
                name = f"{split_unit(name)[0]} ({said})"
            elif not _agree(column.unit, said):
                name = f"{split_unit(name)[0]} ({column.unit} or {said})"
        result.append(name)
    return result, [f"{quantity} in {unit}, as the settings say" for quantity, unit in used.items()]


def _agree(unit: str, said: str) -> bool:
    """Whether all that settings say is this unit."""
    every = said.split(" and ")
    for doubt in DOUBT:
        every = [each.removesuffix(doubt) for each in every]
    return all(unit_of(each) == unit_of(unit) for each in every)


def stated_units(
    settings: Sequence[str], *, remarks: Sequence[str] = (), above: Sequence[str] = ()
) -> dict[str, str]:
    """Units of voltage and current that settings state: `Units: V, nA`, `Current: nA`, `Current in nA`.

    Two units of one quantity, or a factor other than 1, are joined to a text that is no unit: nobody can tell
    what the numbers are in. Such doubt is also a unit other than V and A that stands in one of `remarks`
    between names and numbers, or of the settings `above` the names, without a number beside it.

    >>> stated_units(["Units: V, nA", "NPLC: 1"])
    {'voltage': 'V', 'current': 'nA'}
    >>> stated_units(["Current scale factor: 1e-6"])
    {'current': 'factor 1e-6'}
    """
    found: dict[str, dict[str, None]] = {}
    for line in map(_spaced, settings):
        words = [word for word in re.split(r"[\s,;:=()\[\]\"']+", bare(line)) if word]
        units = []
        if UNIT_WORD.search(line):
            units = [word for word in words if unit_of(word)]
            others = {word.lower() for word in words if word not in units and not UNIT_WORD.fullmatch(word)}
            units = units if all(read_header(w).quantity in MAIN for w in others - FILLING) else []
        else:
            units = [unit for piece in re.split(r"[,;\t]", bare(line)) if (unit := _unit_in(piece))]
        for unit in units:
            found.setdefault(unit_of(unit)[0], {})[unit] = None
        factor = FACTOR_WORD.search(line) or FACTOR_ORDER.search(line)
        if factor and float(factor["value"]) != 1:
            quantity = "current" if factor["current"] else "voltage"
            found.setdefault(quantity, {})[f"factor {factor['value']}"] = None
    others = [line for line in map(_spaced, above) if not ABOUT_SOMETHING_ELSE.search(line)]
    for lines, doubt in ((map(_spaced, remarks), DOUBT[0]), (others, DOUBT[1])):
        for word in (word for line in lines for word in _prefixed(line, alone=doubt == DOUBT[1])):
            quantity = unit_of(word)[0]
            if word not in found.get(quantity, {}):
                found.setdefault(quantity, {})[f"{word}{doubt}"] = None
    return {
        quantity: next(iter(units)) if len(set(map(unit_of, units))) == 1 else " and ".join(units)
        for quantity, units in found.items()
        if quantity in ("voltage", "current")
    }


def _spaced(line: str) -> str:
    """A setting with a space for `_`, and for the point in `Current.Unit`."""
    return re.sub(r"(?<=[A-Za-z])\.(?=[A-Za-z])", " ", line.replace("_", " "))


def _prefixed(line: str, *, alone: bool) -> list[str]:
    """Units of voltage and current other than V and A without a number before them.

    With `alone` neither a number may follow, `Step (mV): 10`, nor may it be part of another, `mV/s`.
    """
    found = []
    for match in re.finditer(r"(?P<number>\d\s*)?\b(?P<word>[A-Za-zµμΩ]+)\b", line):
        quantity, scale = unit_of(match["word"]) or ("", 1.0)
        if quantity not in ("voltage", "current") or scale == 1 or match["number"]:
            continue
        if match["word"][-1] not in "VA" and len(match["word"]) <= 3:
            continue  # no `na`
        before, behind = line[: match.start()], line[match.end() :]
        if alone and (
            re.match(r"[^\w.+-]*[-+.]?\d|\s*[/*^]\s*[A-Za-z]|\s+s-1", behind)
            or re.search(r"\b[munpk]?[VAs]\s*/\s*$", before)
        ):
            continue
        found.append(match["word"])
    return found


def _unit_in(piece: str) -> str:
    """The unit in `Current: nA` or `Current in nA`; '' where there is no name and unit of one quantity."""
    words = [word for word in re.split(r"[\s:=()\[\]\"'/]+", piece) if word and word.lower() not in FILLING]
    if len(words) != 2 or not unit_of(words[1]):
        return ""
    return words[1] if unit_of(words[1])[0] == read_header(words[0]).quantity else ""


def _joined(header: list[str], texts: list[list[str]], below: int, decimal_comma: bool) -> list[str]:
    """`Time, s` written into a comma-separated header is one column, not two."""
    header = [SIGN.sub("", header[0]).strip(), *header[1:]]
    data = next((row for row in texts[below:] if _counts(row, decimal_comma)), [])
    at = next(
        (k for k in range(1, len(header)) if unit_of(header[k]) and read_header(header[k - 1]).quantity), None
    )
    if at is not None and len(header) == len(data) + 1:
        header = [*header[: at - 1], f"{header[at - 1]} ({header[at]})", *header[at + 1 :]]
    return header
