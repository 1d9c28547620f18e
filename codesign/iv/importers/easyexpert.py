"""Text exports of Keysight EasyEXPERT (B1500A, B1505A): settings, then DataName and DataValue lines."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import ANNOUNCED
from codesign.iv.importers.table import Table
from codesign.iv.importers.text import check_text, checked_end, decoded

SUFFIXES = (".csv", ".txt")
KEYS = re.compile(
    r"(?:SetupTitle|PrimitiveTest|ApplicationTest|ClassicTest|QuickTest|TestParameter|MetaData|AnalysisSetup"
    r"|Dimension\d|DataName)\s*([,;\t])"
)
HEAD = 10_000
"""Signs of a file that its first setting stands in."""
TARGET = "TestRecord.TestTarget"


def recognises(lines: Sequence[str]) -> bool:
    """Whether the first filled line is one of EasyEXPERT's settings."""
    return any(KEYS.match(line) for line in [line for line in lines if line.strip()][:1])


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """All blocks of one test one below the other; each appended run is a part.

    The settings name voltages and currents of each channel; the swept channel (VAR1) is taken. EasyEXPERT
    writes volts and amperes without units.

    Raises:
        ImportRefused: There is no data, blocks hold different columns, or they were measured at several
            targets.
    """
    text = decoded(path.read_bytes())
    sign = next(match[1] for line in text[:HEAD].splitlines() if (match := KEYS.match(line)))
    check_text(text, sign)
    lines = text.splitlines()
    names: list[str] = []
    cells, rows, parts, settings, announced, targets = [], [], [], [], [], {}
    for number, line in enumerate(lines, start=1):
        key, *values = (word.strip().strip('"') for word in line.split(sign))
        if key == "DataValue":
            cells.append(values)
            rows.append(number)
        elif key == "DataName":
            if names and values != names:
                raise ImportRefused(
                    f"another block holds other columns: {', '.join(values[:8])}",
                    where=f"row {number}",
                    remedy="export each test into a file of its own",
                )
            names = values
            parts.append(len(cells))
        elif key:
            if key.startswith("Dimension") and values:
                announced.append((len(parts), int(values[0]) if values[0].isdigit() else 0))
            if key == "MetaData" and values[:1] == [TARGET]:
                targets[" ".join(values[1:])] = None
            settings.append(line.strip())
    if not names or not cells:
        raise ImportRefused(
            "there is no DataName with DataValue lines below it",
            remedy="export the test record with its data",
        )
    if len(targets) > 1:
        raise ImportRefused(
            f"{len(targets)} devices in one file: {', '.join(targets)}",
            where=f"setting {TARGET}",
            remedy="export the records of each device into a file of its own",
        )
    _check_widths(cells, rows, names)
    columns = [[row[k] if k < len(row) else None for row in cells] for k in range(len(names))]
    channels = _channels(settings, sign)
    table = Table(
        header=[_header(name, channels) for name in names],
        columns=columns,
        rows=rows,
        notes=tuple(_announced(announced, [*parts, len(cells)])),
        extra={"preamble": settings[:20]},
        parts=tuple(parts) if len(parts) > 1 else (),
        mapping=_swept(names, channels),
    )
    if len(parts) > 1:
        table = replace(table, notes=(*table.notes, f"{len(parts)} appended runs read end to end"))
    return checked_end(table, text, len(lines))


def _check_widths(cells: list[list[str]], rows: list[int], names: list[str]) -> None:
    for number, row in zip(rows, cells, strict=True):
        if len(row) > len(names) and any(row[len(names) :]):
            raise ImportRefused(
                f"the row has {len(row)} values, DataName {len(names)} names",
                where=f"row {number}",
                remedy="export the test record again",
            )


def _channels(settings: Sequence[str], sign: str) -> Mapping[str, list[str]]:
    """VName, IName and Func of the channels, as the settings of the first block list them."""
    found: dict[str, list[str]] = {}
    for line in settings:
        words = [word.strip().strip('"') for word in line.split(sign)]
        key, *listed = words[1:] if words[0] == "TestParameter" and len(words) > 1 else words
        if key.startswith("Channel."):
            found.setdefault(key.removeprefix("Channel."), listed)
    return found


def _header(name: str, channels: Mapping[str, list[str]]) -> str:
    """A name with the unit that its channel gives it."""
    for key, unit in (("VName", "V"), ("IName", "A")):
        if name and name in channels.get(key, []):
            return f"{name} ({unit})"
    return name


def _swept(names: list[str], channels: Mapping[str, list[str]]) -> dict[str, int]:
    """Columns of voltage and current of the swept channel; of the only current where it has none."""
    swept = [k for k, function in enumerate(channels.get("Func", [])) if function == "VAR1"]
    if len(swept) != 1:
        return {}
    found = {}
    for quantity, key in (("voltage", "VName"), ("current", "IName")):
        listed = channels.get(key, [])
        wanted = listed[swept[0]] if swept[0] < len(listed) else ""
        there = [name for name in listed if name and name in names]
        chosen = wanted if wanted in names else there[0] if len(there) == 1 else ""
        if chosen:
            found[quantity] = names.index(chosen) + 1
    return found


def _announced(announced: list[tuple[int, int]], bounds: list[int]) -> list[str]:
    """What to say of blocks that hold fewer values than their Dimension lines announce."""
    said = []
    for block in range(len(bounds) - 1):
        wanted, held = 1, bounds[block + 1] - bounds[block]
        for at, count in announced:
            wanted *= count if at == block and count else 1
        if wanted > max(held, 1):
            said.append(f"{ANNOUNCED}{wanted} values in block {block + 1}, it holds {held}")
    return said
