"""Columns side by side or one below the other to cycles, in volts and amperes."""

from collections import Counter
from itertools import pairwise

import numpy as np

from codesign.iv.importers.columns import check_voltage
from codesign.iv.importers.cycles import split_cycles
from codesign.iv.importers.headers import Column
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import Samples, lengths, listing
from codesign.iv.importers.table import Table
from codesign.iv.programme import step_of


def cycle_numbers(table: Table, columns: list[Column], used: list[int]) -> list[int]:
    """Numbers in the headers; a column without one takes the next free number after its left neighbour."""
    stated = [columns[k].cycle for k in used]
    named = [number for number in stated if number is not None]
    beyond = [number for number in named if number > np.iinfo(np.int32).max]
    if beyond:
        raise ImportRefused(
            f"{beyond[0]} is no cycle number",
            where=f"column {next(table.name(k) for k in used if columns[k].cycle == beyond[0])}",
            remedy="number the cycles 1, 2, 3, ...",
        )
    twice = sorted(number for number, count in Counter(named).items() if count > 1)
    unnamed = [table.header[k] for k in used if columns[k].cycle is None and table.header[k]]
    if twice or len(set(unnamed)) < len(unnamed):
        names = Counter(unnamed)
        again = f"cycle {twice[0]}" if twice else f"column {next(n for n in unnamed if names[n] > 1)}"
        raise ImportRefused(
            f"duplicate cycle: {again} occurs more than once",
            where=f"columns {listing(k + 1 for k in used if not twice or columns[k].cycle == twice[0])}",
            remedy="give every current column a number of its own: current_cycle1, current_cycle2, ...",
        )
    if len(unnamed) > 1:
        raise ImportRefused(
            f"{len(unnamed)} current columns without cycle numbers",
            where=f"columns {listing(unnamed)}",
            remedy="say in the sidecar which one to use, columns: {current: NAME}, or number them "
            "current_cycle1, current_cycle2, ...",
        )
    taken, last, result = set(named), 0, []
    for number in stated:
        if number is None:
            number = last + 1
            while number in taken:
                number += 1
            taken.add(number)
        result.append(number)
        last = number
    return result


def wide_cycles(table, columns, voltage, current, rows, polarity) -> Samples:
    """One voltage column, one current column a cycle."""
    ((source, volts),) = voltage.items()
    used = sorted(current)
    cycles = np.array(cycle_numbers(table, columns, used), dtype=np.int32)
    amperes = np.array([current[k] for k in used])  # (cycles, points)
    order = np.argsort(cycles)
    cycles, amperes = cycles[order], amperes[order]
    keep = np.isfinite(volts) | np.isfinite(amperes).any(axis=0)
    volts, amperes = volts[keep], amperes[:, keep]
    check_voltage(volts, column=_name(table, source), rows=rows[keep], polarity=polarity)
    notes: tuple[str, ...] = ()
    if cycles.size == 1 and np.diff([*split_cycles(volts), volts.size]).tolist()[1:] not in ([], [1]):
        notes = (
            "one cycle, as the header numbers it, though the voltage returns to its start: points_per_cycle "
            "in the sidecar splits it",
        )
    return Samples(
        np.repeat(cycles, volts.size),
        np.tile(np.arange(volts.size), cycles.size),
        np.tile(volts, cycles.size),
        amperes.ravel(),
        notes,
    )


def paired_cycles(table, columns, voltage, current, rows, polarity) -> Samples:
    """A voltage and a current column a cycle, side by side."""
    if len(voltage) != len(current):
        raise ImportRefused(
            f"{len(voltage)} voltage columns for {len(current)} current columns",
            where=f"columns {listing(table.name(k) for k in voltage)}",
            remedy="say in the sidecar which to use, columns: {voltage: NAME, current: NAME}",
        )
    parts = []
    for number, source, meter in _numbered_pairs(table, columns, sorted(voltage), sorted(current)):
        keep = np.isfinite(voltage[source]) | np.isfinite(current[meter])
        if keep.any() and np.ptp(voltage[source][keep]) == 0:
            raise ImportRefused(
                f"the voltage stays at {voltage[source][keep][0]:g} V, so this pair is no sweep",
                where=f"column {table.name(source)}",
                remedy="say in the sidecar which to use, columns: {voltage: NAME, current: NAME}",
            )
        check_voltage(voltage[source][keep], column=table.name(source), rows=rows[keep], polarity=polarity)
        n = int(keep.sum())
        parts.append((np.full(n, number), np.arange(n), voltage[source][keep], current[meter][keep]))
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    said = f"{len(parts)} pairs of voltage and current columns taken as cycles"
    lengths = sorted(points.size for _, points, *_ in parts)
    differ = (
        [f"cycles differ in length, {lengths[0]} to {lengths[-1]} points"]
        if lengths[0] < lengths[-1] - 1
        else []
    )
    return Samples(*joined, notes=(said, *differ))


def _numbered_pairs(table, columns, sources, meters) -> list[tuple[int, int, int]]:
    """Cycle number, voltage and current column of each pair; numbers of the headers where all have one."""
    stated = [columns[k].cycle for k in meters]
    if None in stated:
        return [(n, *pair) for n, pair in enumerate(zip(sources, meters, strict=True), start=1)]
    numbers = cycle_numbers(table, columns, meters)
    for source, number in zip(sources, numbers, strict=True):
        if columns[source].cycle not in (None, number):
            raise ImportRefused(
                f"the current beside it has the number {number}",
                where=f"column {table.name(source)}",
                remedy="put the voltages and currents into one order: V1, I1, V2, I2, ...",
            )
    return sorted(zip(numbers, sources, meters, strict=True))


def long_cycles(table, cycle_columns, voltage, current, rows, sidecar) -> Samples:
    """One voltage and one current column; a cycle column or several cycles end to end."""
    ((source, volts),), (amperes,) = voltage.items(), current.values()
    keep = np.isfinite(volts) | np.isfinite(amperes) if source >= 0 else np.isfinite(amperes)
    volts, amperes = volts[keep], amperes[keep]
    check_voltage(volts, column=_name(table, source), rows=rows[keep], polarity=sidecar.get("polarity", ""))
    notes: tuple[str, ...] = ()
    if cycle_columns:
        labels = table.numbers(cycle_columns[0])[keep]
        wrong = np.flatnonzero(~np.isfinite(labels) | (labels != np.round(labels)))
        if wrong.size:
            raise ImportRefused(
                f"{wrong.size} cycle number(s) are missing or no integer",
                where=f"column {table.name(cycle_columns[0])}, row {rows[keep][wrong[0]]}",
                remedy="number every row",
            )
        beyond = np.flatnonzero(np.abs(labels) > np.iinfo(np.int32).max)
        if beyond.size:
            raise ImportRefused(
                f"{labels[beyond[0]]:.12g} is no cycle number",
                where=f"column {table.name(cycle_columns[0])}, row {rows[keep][beyond[0]]}",
                remedy="number the cycles 1, 2, 3, ...",
            )
        _check_once(labels, volts, rows[keep], column=table.name(cycle_columns[0]))
        end, differ = lengths(labels)
        order = np.argsort(labels, kind="stable")
        cycle, volts, amperes = labels[order].astype(np.int32), volts[order], amperes[order]
        points = np.arange(cycle.size) - np.searchsorted(cycle, cycle)
        return Samples(cycle, points, volts, amperes, (*([end] if end else []), *differ), end=end)
    if "points_per_cycle" in sidecar:
        starts = np.arange(0, volts.size, sidecar["points_per_cycle"])
        notes = (
            f"split into {starts.size} cycles of {sidecar['points_per_cycle']} points as the sidecar says",
        )
    else:
        parts = np.searchsorted(np.flatnonzero(keep), table.parts)
        starts = _starts(volts, [*parts, volts.size], sidecar.get("polarity", ""))
        if starts.size > 1:
            notes = (f"split into {starts.size} cycles where the voltage returns to its start",)
    cycle = np.searchsorted(starts, np.arange(volts.size), side="right")
    end, differ = lengths(cycle)
    if end:
        notes += (end,)
    if "points_per_cycle" not in sidecar:
        notes += tuple(f"{said}: is the split right?" for said in differ)
    return Samples(cycle, np.arange(volts.size) - starts[cycle - 1], volts, amperes, notes, end=end)


def _starts(volts: np.ndarray, bounds: list[int], polarity: str) -> np.ndarray:
    """First sample of each cycle: of each part by itself where each reaches the charging side.

    Args:
        volts: Shape (n,), finite.
        bounds: First sample of each part, then n; only n where the file has no parts.
        polarity: As the sidecar states it.
    """
    turned = -volts if polarity == "negative" else volts
    parts = [(a, b) for a, b in pairwise(bounds) if b > a]
    if not all(turned[a:b].max() > 0 for a, b in parts):
        parts = []  # SET and RESET titled apart are halves of cycles
    found = []
    for first, end in parts or [(0, volts.size)]:
        starts = split_cycles(volts[first:end])
        if (
            starts.size > 1 and end - first - starts[-1] == 1
        ):  # the last return to the start value ends a cycle
            starts = starts[:-1]
        found.append(starts + first)
    return np.concatenate(found)


def _check_once(labels: np.ndarray, volts: np.ndarray, rows: np.ndarray, *, column: str) -> None:
    """Refuse cycle numbers that begin again: of several devices they would be joined end to end.

    Rows ordered by voltage, the cycles in turn, are one device, and so is a cycle in two pieces whose
    second goes on where the first ended.

    Raises:
        ImportRefused: A number stands in two places, and the voltage does not go on.
    """
    first = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1])
    last = np.append(first[1:], labels.size) - 1
    if np.unique(labels[first]).size == first.size or np.median(last - first) < 3:
        return
    near, before = 1.5 * step_of(volts), {}
    for k, label in enumerate(labels[first].tolist()):
        at = before.get(label)
        if at is not None:
            begins, ended, now = volts[first[at]], volts[last[at]], volts[first[k]]
            if abs(now - begins) <= near or abs(now - ended) > near:
                raise ImportRefused(
                    f"cycle {label:g} begins again: several devices in one file, or one measured again",
                    where=f"column {column}, row {rows[first[k]]}",
                    remedy="save each device as a file of its own, or choose its rows in the sidecar, "
                    "only: {COLUMN: VALUE}; where it is one device, number its cycles through",
                )
        before[label] = k


def _name(table: Table, k: int) -> str:
    return table.name(k) if k >= 0 else "voltage_v of the sidecar"
