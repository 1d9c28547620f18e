"""Exports of BlockLab, an invented program: sweeps between [SWEEP n] and [END n], their units above."""

import re
from collections.abc import Sequence
from pathlib import Path

from codesign.iv.importers.limits import check_cells
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table
from codesign.iv.importers.text import decoded

SUFFIXES = (".blk", ".txt")
AGAIN = "copy it again from the instrument"
MARK = re.compile(r"\[(SWEEP|END) (\d+)\]")


def recognises(lines: Sequence[str]) -> bool:
    """Whether the first line is BlockLab's; other text files go to the general reader."""
    return bool(lines) and lines[0].startswith("BlockLab")


def read(path: Path, *, known: Sequence[str] = ()) -> Table:
    """The sweeps below each other, their numbers in a column of cycles."""
    lines = [line.strip() for line in decoded(path.read_bytes()).splitlines()]
    units = next((line.split()[1:] for line in lines if line.startswith("UNITS ")), [])
    announced = next((line.split()[1] for line in lines if line.startswith("SWEEPS ")), "")
    if len(units) != 2:
        raise ImportRefused("there is no line UNITS with two units", remedy="export it with its settings")
    cells, rows, ended, inside = [], [], [], None
    for number, line in enumerate(lines, start=1):
        if mark := MARK.fullmatch(line):
            if (mark[1] == "END") != (mark[2] == inside):
                raise ImportRefused(
                    f"{line} does not fit what is above it", where=f"row {number}", remedy=AGAIN
                )
            ended += [inside] if inside else []
            inside = mark[2] if mark[1] == "SWEEP" else None
        elif inside and line:
            values = line.split(";")
            if len(values) != 2:
                raise ImportRefused(f"{len(values)} values, not two", where=f"row {number}", remedy=AGAIN)
            cells.append([inside, *values])
            rows.append(number)
    if inside or str(len(ended)) != announced:
        said = f"the file is cut short: {announced or 'no'} sweeps are announced, {len(ended)} complete"
        raise ImportRefused(said, where=f"row {len(lines)}", remedy=AGAIN)
    check_cells(len(cells), 3)
    return Table(
        header=["cycle", f"voltage ({units[0]})", f"current ({units[1]})"],
        columns=[list(column) for column in zip(*cells, strict=True)],
        rows=rows,
    )
