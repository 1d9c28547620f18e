"""Text exports of Keysight EasyEXPERT (B1500A, B1505A): settings, then DataName and DataValue lines."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import ANNOUNCED
from codesign.iv.importers.table import Table
from codesign.iv.importers.text import check_text, checked_end, decoded
from codesign.iv.importers.titles import are_counted, is_title

SUFFIXES = (".csv", ".txt")
KEYS = re.compile(
    r"(?:SetupTitle|PrimitiveTest|ApplicationTest|ClassicTest|QuickTest|TestParameter|MetaData|AnalysisSetup"
    r"|Dimension\d|DataName)\s*([,;\t])"
)
HEAD = 10_000
"""Signs of a file that its first setting stands in."""
TARGET, REMARKS = "TestRecord.TestTarget", "TestRecord.Remarks"


def recognises(lines: Sequence[str]) -> bool:
    """Whether the first filled line is one of EasyEXPERT's settings."""
    return any(KEYS.match(line) for line in [line for line in lines if line.strip()][:1])


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """All blocks of one test one below the other; each appended run is a part.

    The settings name voltages and currents of each channel; the swept channel (VAR1) is taken. EasyEXPERT
    writes volts and amperes without units. The values of VAR2 are setpoints of a loop around the sweep.

    Raises:
        ImportRefused: There is no data, blocks hold different columns or set their channels otherwise, they
            were measured at several targets, or VAR2 takes several values that no column holds.
    """
    text = decoded(path.read_bytes())
    sign = next(match[1] for line in text[:HEAD].splitlines() if (match := KEYS.match(line)))
    check_text(text, sign)
    lines = text.splitlines()
    names: list[str] = []
    cells, rows, parts, settings, announced, own = [], [], [], [], [], []
    blocks: list[list[str]] = []
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
            blocks.append(own)
            own = []
        elif key:
            if key.startswith("Dimension") and values:
                announced.append((key, len(parts), int(values[0]) if values[0].isdigit() else 0))
            settings.append(line.strip())
            own.append(line.strip())
    if not names or not cells:
        raise ImportRefused(
            "there is no DataName with DataValue lines below it",
            remedy="export the test record with its data",
        )
    channels = _channels(blocks[0], sign)
    _check_targets(blocks, sign)
    _check_channels(channels, blocks, sign)
    _check_widths(cells, rows, names)
    columns = [[row[k] if k < len(row) else None for row in cells] for k in range(len(names))]
    table = Table(
        header=[_header(name, channels) for name in names],
        columns=columns,
        rows=rows,
        notes=tuple(_announced(announced, [*parts, len(cells)])),
        extra={"preamble": settings[:20]},
        parts=tuple(parts) if len(parts) > 1 else (),
        mapping=_swept(names, channels),
        setpoints=_around(names, channels, announced),
    )
    if len(parts) > 1:
        table = replace(table, notes=(*table.notes, f"{len(parts)} appended runs read end to end"))
    return checked_end(table, text, len(lines))


def _check_targets(blocks: Sequence[Sequence[str]], sign: str) -> None:
    """Refuse blocks of several devices: by their target, or without any by remarks that are names.

    Raises:
        ImportRefused: They say several, or some say one and others an empty one.
    """
    for key in (TARGET, REMARKS):
        said = [each for block in blocks for each in _metadata(block, key, sign)]
        if key == REMARKS:
            said = [each for each in said if is_title(each) and not are_counted([each])]
        if len(found := list(dict.fromkeys(said))) > 1:
            shown = ", ".join(each or "(not stated)" for each in found)
            raise ImportRefused(
                f"{len(found)} devices in one file: {shown}",
                where=f"setting {key}",
                remedy="export the records of each device into a file of its own; where they are of one, "
                "give all the same target",
            )
        if any(said):
            return


def _metadata(block: Sequence[str], key: str, sign: str) -> list[str]:
    """What a block says under a key of its metadata."""
    found = []
    for line in block:
        words = [word.strip().strip('"') for word in line.split(sign)]
        if words[:2] == ["MetaData", key]:
            found.append(" ".join(words[2:]))
    return found


def _check_channels(channels: Mapping[str, list[str]], blocks: Sequence[Sequence[str]], sign: str) -> None:
    """Refuse blocks that sweep another channel, or name channels otherwise, than the first.

    Raises:
        ImportRefused: Their settings differ; nothing is said where a block has none.
    """
    for number, block in enumerate(blocks[1:], start=2):
        own = _channels(block, sign)
        for key in ("Func", "VName", "IName"):
            if own.get(key, []) != channels.get(key, []) and own:
                raise ImportRefused(
                    f"block {number} says {', '.join(own.get(key, [])) or 'nothing'}, the first "
                    f"{', '.join(channels.get(key, [])) or 'nothing'}",
                    where=f"setting Channel.{key}",
                    remedy="export each test into a file of its own",
                )


def _around(
    names: Sequence[str], channels: Mapping[str, list[str]], announced: Sequence[tuple[str, int, int]]
) -> tuple[int, ...]:
    """The column of VAR2, where it takes several values.

    Raises:
        ImportRefused: There is no such column.
    """
    curves = max((count for key, _, count in announced if key == "Dimension2"), default=1)
    stepped = [k for k, function in enumerate(channels.get("Func", [])) if function == "VAR2"]
    if curves < 2 or not stepped:
        return ()
    listed = [
        channels[key][k] for k in stepped for key in ("VName", "IName") if k < len(channels.get(key, []))
    ]
    if found := [names.index(name) for name in listed if name in names][:1]:
        return tuple(found)
    raise ImportRefused(
        f"curves at {curves} values of VAR2 ({', '.join(listed)}), which is no column",
        where="setting Dimension2",
        remedy="export it with the values of VAR2 listed, or each curve into a file of its own",
    )


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


def _announced(announced: list[tuple[str, int, int]], bounds: list[int]) -> list[str]:
    """What to say of blocks that hold fewer values than their Dimension lines announce."""
    said = []
    for block in range(len(bounds) - 1):
        wanted, held = 1, bounds[block + 1] - bounds[block]
        for _, at, count in announced:
            wanted *= count if at == block and count else 1
        if wanted > max(held, 1):
            said.append(f"{ANNOUNCED}{wanted} values in block {block + 1}, it holds {held}")
    return said
