"""Named columns to cycles of a sweep, in volts and amperes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from codesign.iv.importers.columns import (
    RUN,
    Column,
    check_voltage,
    read_header,
    split_cycles,
    split_unit,
    unit_of,
)
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table

SHOWN = 8
LAST_CYCLE, LEFT_OUT = "the last cycle has ", " is left out: "
"""Begin and middle of notes on a file that may be cut short."""
"""Columns or cycles listed in a message before it says how many more there are."""


@dataclass(frozen=True)
class Samples:
    """Rows of a measurement, ordered by (cycle, point); every array shape (n_samples,)."""

    cycle: np.ndarray
    point: np.ndarray
    voltage_v: np.ndarray
    current_a: np.ndarray
    notes: tuple[str, ...] = ()
    branch_points: int | None = None
    """Pulse series: points of potentiation."""
    end: str = ""
    """How many points the last cycle lacks, '' where it is as long as the others."""


def listing(values) -> str:
    """The first few values and how many more there are."""
    values = list(values)
    shown = ", ".join(map(str, values[:SHOWN]))
    return shown if len(values) <= SHOWN else f"{shown} and {len(values) - SHOWN} more"


def check_unit(column: Column, name: str, *, scaled: bool) -> None:
    """Refuse a unit that is not known: taken for V or A it would make wrong numbers.

    Raises:
        ImportRefused: The brackets of the header hold no known unit and the sidecar gives no scale.
    """
    if column.foreign_unit and not scaled:
        key = {"voltage": "voltage_scale", "current": "current_scale"}.get(
            column.quantity, "pulse.normalised"
        )
        raise ImportRefused(
            f"{column.unit!r} is no unit this import knows",
            where=f"column {name}",
            remedy=f"write V, mV, A, mA, uA, nA, pA, S or uS into the header, or {key} into the sidecar",
        )


def tells_of_a_cut(note: str) -> bool:
    """Whether a note says that the file may be cut short."""
    return note.startswith(LAST_CYCLE) or (note.startswith("row ") and LEFT_OUT in note)


def _lengths(labels: np.ndarray) -> tuple[str, tuple[str, ...]]:
    """What to say of the length of a long record's last cycle and of all; nothing where they are equal.

    Args:
        labels: Cycle of each row in the order of the file, shape (n_rows,).
    """
    numbers, counts = np.unique(labels, return_counts=True)
    if numbers.size < 2:
        return "", ()
    is_last = numbers == labels[-1]
    tail, usual = int(counts[is_last][0]), int(np.median(counts[~is_last]))
    end = f"{LAST_CYCLE}{tail} of {usual} points" if tail < usual - 1 else ""
    most, least = counts.max(), counts[~is_last].min()
    differ = (f"cycles differ in length, {least} to {most} points",) if most - least > 1 else ()
    return end, differ


def missing_values(cycle: np.ndarray, current_a: np.ndarray) -> list[str]:
    """What to say of currents that were not recorded; empty where all were."""
    numbers_, at = np.unique(cycle, return_inverse=True)
    samples = np.bincount(at)
    lost = np.bincount(at, weights=np.isnan(current_a)).astype(int)
    said = []
    if np.any(lost == samples):
        said.append(f"cycles without any value: {listing(numbers_[lost == samples])}")
    partly = (lost > 0) & (lost < samples)
    if np.any(partly):
        said.append(f"cycles with missing values: {listing(numbers_[partly])} ({lost[partly].sum()} points)")
    return said


def read_sweeps(table: Table, sidecar: Mapping) -> Samples:
    """One voltage and a current column a cycle, pairs of columns, or one long record.

    Where the file ends without a line break within a cycle that is shorter than the others, its last row is
    left out: the number at its end may be cut.

    Args:
        table: The file.
        sidecar: Checked sidecar; `columns`, `voltage_scale`, `current_scale`, `voltage_v` and
            `points_per_cycle` are used.

    Raises:
        ImportRefused: A column is missing or cannot be told, a cycle number occurs twice, text
            stands among numbers, or the voltage is no sweep.
    """
    samples = _sweeps(table, sidecar)
    if table.open_end and samples.end and len(table.rows) > 1:
        return _sweeps(table.without_last_row("the file ends with it in the middle of a cycle"), sidecar)
    return samples


def _sweeps(table: Table, sidecar: Mapping) -> Samples:
    """`read_sweeps` of every row there is."""
    columns = _columns(table, sidecar)
    at = {quantity: [k for k, c in enumerate(columns) if c.quantity == quantity] for quantity in
          ("voltage", "current", "cycle")}  # fmt: skip
    if not at["voltage"] and "voltage_v" not in sidecar:
        hint = ""
        if any(c.quantity == "time" for c in columns) and at["current"]:
            hint = ", or voltage_v: the constant voltage of a current-against-time record"
        raise ImportRefused(
            "no voltage column",
            where=f"header {listing(table.name(k) for k in range(len(columns)))}",
            remedy="name one column voltage, or write into the sidecar "
            "columns: {voltage: NAME, current: NAME}" + hint,
        )
    notes = list(table.notes)
    blank = _unnamed_cycles(table, columns, at, sidecar)
    if blank:
        columns = [
            replace(columns[at["current"][0]], quantity="current", cycle=None) if k in blank else c
            for k, c in enumerate(columns)
        ]
        at["current"] = sorted([*at["current"], *blank])
        notes.append(f"{len(blank)} column(s) without a header taken as cycles: ")
    if not at["current"]:
        raise ImportRefused(
            "no current column",
            where=f"header {listing(table.name(k) for k in range(len(columns)))}",
            remedy="name the current columns current_cycle1, current_cycle2, ..., or write into the sidecar "
            "columns: {current: NAME}",
        )
    if not len(table.rows):
        raise ImportRefused("there are no rows below the header", remedy="export the measurement again")
    _check_units(table, columns, [*at["voltage"], *at["current"]], sidecar)
    _check_rates(table, [*at["voltage"], *at["current"]])
    ignored = [table.name(k) for k, c in enumerate(columns) if not c.quantity and table.has_data(k)]
    long = len(at["voltage"]) <= 1 and len(at["current"]) == 1
    long = long and (columns[at["current"][0]].cycle is None or at["cycle"] or "points_per_cycle" in sidecar)
    if not long:
        ignored += [table.name(k) for k in at["cycle"]]
        if "points_per_cycle" in sidecar:
            notes.append("points_per_cycle is not used: the file has a column a cycle")
    if ignored:
        notes.append(f"columns not used: {listing(ignored)}")
    notes += _conversions(table, columns, [*at["voltage"], *at["current"]])
    current = {k: table.numbers(k) * columns[k].scale for k in at["current"]}
    if not at["voltage"]:
        voltage = {-1: np.full(len(table.rows), float(sidecar["voltage_v"]))}
        notes.append(f"constant voltage {sidecar['voltage_v']:g} V from the sidecar")
    else:
        voltage = {k: table.numbers(k) * columns[k].scale for k in at["voltage"]}
    rows, polarity = np.asarray(table.rows), sidecar.get("polarity", "")
    if len(voltage) > 1:
        samples = _pairs(table, columns, voltage, current, rows, polarity)
    elif long:
        samples = _long(table, at["cycle"], voltage, current, rows, sidecar)
    else:
        samples = _wide(table, columns, voltage, current, rows, polarity)
    if blank:
        numbered = dict(zip(at["current"], _cycle_numbers(table, columns, at["current"]), strict=True))
        notes = [f"{n}{listing(numbered[k] for k in blank)}" if n.endswith("cycles: ") else n for n in notes]
    if not np.isfinite(samples.current_a).any():
        raise ImportRefused(
            "no current was recorded: every value is missing",
            where=f"column(s) {listing(table.name(k) for k in current)}",
            remedy="export the measurement again, or name the right column",
        )
    notes += [*samples.notes, *missing_values(samples.cycle, samples.current_a)]
    return replace(samples, notes=tuple(notes))


def _columns(table: Table, sidecar: Mapping) -> list[Column]:
    """What each column is: the sidecar where it maps columns, else the header."""
    found = _without_run([read_header(text) for text in table.header], table)
    mapping = sidecar.get("columns", {})
    for quantity, wanted in mapping.items():
        names = wanted if isinstance(wanted, list) else [wanted]
        chosen = [table.find(name, key=f"columns.{quantity}") for name in names]
        if len(set(chosen)) < len(chosen):
            raise ImportRefused(
                "a column is named twice", where=f"sidecar, columns.{quantity}", remedy="name each once"
            )
        listed = len(chosen) > 1 and any(found[k].cycle is None for k in chosen)
        for k, column in enumerate(found):
            if k in chosen:
                measured = unit_of(column.unit)
                if measured and measured[0] != quantity and f"{quantity}_scale" not in sidecar:
                    raise ImportRefused(
                        f"the sidecar takes the column for a {quantity}, its unit is {column.unit}",
                        where=f"column {table.name(k)}",
                        remedy=f"write {quantity}_scale into the sidecar: stored value times this is "
                        f"{'V' if quantity == 'voltage' else 'A'}",
                    )
                scale = measured[1] if measured else 1.0
                number = column.cycle if quantity == "current" else None
                number = chosen.index(k) + 1 if listed else number
                foreign = column.foreign_unit and column.quantity == quantity
                found[k] = Column(
                    quantity, scale, column.unit if scale != 1 or foreign else "", number, foreign
                )
            elif column.quantity == quantity:
                found[k] = Column("", 1.0, column.unit, None)
    for quantity in ("voltage", "current"):
        scale = sidecar.get(f"{quantity}_scale")
        if scale is not None:
            found = [Column(quantity, scale, "", c.cycle) if c.quantity == quantity else c for c in found]
    return found


def _without_run(columns: list[Column], table: Table) -> list[Column]:
    """`run` as a cycle column only where no other column is one and it tells cycles apart."""
    runs = [k for k, text in enumerate(table.header) if RUN.fullmatch(split_unit(text.strip())[0])]
    others = any(c.quantity == "cycle" for k, c in enumerate(columns) if k not in runs)
    for k in runs:
        cells = {str(cell).strip() for cell in table.columns[k]}
        if others or len(cells) < 2:
            columns[k] = replace(columns[k], quantity="")
    return columns


def _unnamed_cycles(table: Table, columns: list[Column], at: Mapping, sidecar: Mapping) -> list[int]:
    """Columns with data but no header that stand for cycles, as the laboratory's workbooks have them.

    They stand right of the voltage among numbered currents; left of it they are an index.

    Raises:
        ImportRefused: It cannot be told what such a column is, or in which unit.
    """
    if "columns" in sidecar or len(at["voltage"]) != 1 or not at["current"]:
        return []
    blank = [
        k for k, name in enumerate(table.header)
        if not name and k > at["voltage"][0] and table.has_data(k)
    ]  # fmt: skip
    if not blank:
        return []
    where = f"column(s) {listing(k + 1 for k in blank)}"
    if any(columns[k].cycle is None for k in at["current"]):
        raise ImportRefused(
            "there are values without a header: a further cycle, or another quantity",
            where=where,
            remedy="name the column; cycles are current_cycle1, current_cycle2, ...",
        )
    if len({columns[k].scale for k in at["current"]}) > 1:
        raise ImportRefused(
            "there are values without a header, and the other currents have several units",
            where=where,
            remedy="name the column, with its unit",
        )
    return blank


def _check_units(table: Table, columns: list[Column], used: list[int], sidecar: Mapping) -> None:
    """Refuse units that are not known, and currents of which only some have a unit.

    Raises:
        ImportRefused: See above; names the column.
    """
    for k in used:
        check_unit(columns[k], table.name(k), scaled=f"{columns[k].quantity}_scale" in sidecar)
    for quantity in ("voltage", "current"):
        these = [k for k in used if columns[k].quantity == quantity]
        bare = [k for k in these if columns[k].scale == 1 and not unit_of(columns[k].unit)]
        if bare and len(bare) < len(these) and any(columns[k].scale != 1 for k in these):
            stated = next(columns[k].unit for k in these if columns[k].scale != 1)
            raise ImportRefused(
                f"some {quantity} columns are in {stated}, others have no unit",
                where=f"column(s) {listing(table.name(k) for k in bare)}",
                remedy="write the unit into every header",
            )


def _check_rates(table: Table, used: list[int]) -> None:
    """Refuse to put samples side by side that were taken at different rates.

    Raises:
        ImportRefused: The channels used differ in their time step.
    """
    steps = {table.steps_s[k] for k in used if k < len(table.steps_s)} - {None}
    if len(steps) > 1 and max(steps) > 1.001 * min(steps):
        raise ImportRefused(
            "voltage and current were sampled at different steps "
            f"({listing(f'{step:g} s' for step in sorted(steps))})",
            where=f"column(s) {listing(table.name(k) for k in used)}",
            remedy="record both at one rate",
        )


def _conversions(table: Table, columns: list[Column], used: list[int]) -> list[str]:
    """One note a unit that was converted."""
    converted: dict[tuple, list[str]] = {}
    for k in used:
        column = columns[k]
        if column.scale != 1:
            converted.setdefault((column.quantity, column.unit, column.scale), []).append(table.name(k))
    to = {"voltage": "V", "current": "A"}
    return [
        f"{quantity} converted from {unit} to {to[quantity]} (factor {scale:g}): {listing(names)}"
        if unit
        else f"{quantity} multiplied by {scale:g} as the sidecar says"
        for (quantity, unit, scale), names in converted.items()
    ]


def _cycle_numbers(table: Table, columns: list[Column], used: list[int]) -> list[int]:
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
    twice = sorted({number for number in named if named.count(number) > 1})
    unnamed = [table.header[k] for k in used if columns[k].cycle is None and table.header[k]]
    if twice or len(set(unnamed)) < len(unnamed):
        again = f"cycle {twice[0]}" if twice else f"column {next(n for n in unnamed if unnamed.count(n) > 1)}"
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


def _wide(table, columns, voltage, current, rows, polarity) -> Samples:
    """One voltage column, one current column a cycle."""
    ((source, volts),) = voltage.items()
    used = sorted(current)
    cycles = np.array(_cycle_numbers(table, columns, used), dtype=np.int32)
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


def _pairs(table, columns, voltage, current, rows, polarity) -> Samples:
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
        check_voltage(voltage[source][keep], column=table.name(source), rows=rows[keep], polarity=polarity)
        if np.ptp(voltage[source][keep]) == 0:
            raise ImportRefused(
                f"the voltage stays at {voltage[source][keep][0]:g} V, so this pair is no sweep",
                where=f"column {table.name(source)}",
                remedy="say in the sidecar which to use, columns: {voltage: NAME, current: NAME}",
            )
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
    numbers = _cycle_numbers(table, columns, meters)
    for source, number in zip(sources, numbers, strict=True):
        if columns[source].cycle not in (None, number):
            raise ImportRefused(
                f"the current beside it has the number {number}",
                where=f"column {table.name(source)}",
                remedy="put the voltages and currents into one order: V1, I1, V2, I2, ...",
            )
    return sorted(zip(numbers, sources, meters, strict=True))


def _long(table, cycle_columns, voltage, current, rows, sidecar) -> Samples:
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
        end, differ = _lengths(labels)
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
        starts = split_cycles(volts)
        if (
            starts.size > 1 and volts.size - starts[-1] == 1
        ):  # the last return to the start value ends a cycle
            starts = starts[:-1]
        if starts.size > 1:
            notes = (f"split into {starts.size} cycles where the voltage returns to its start",)
    cycle = np.searchsorted(starts, np.arange(volts.size), side="right")
    end, differ = _lengths(cycle)
    if end:
        notes += (end,)
    if "points_per_cycle" not in sidecar:
        notes += tuple(f"{said}: is the split right?" for said in differ)
    return Samples(cycle, np.arange(volts.size) - starts[cycle - 1], volts, amperes, notes, end=end)


def _name(table: Table, k: int) -> str:
    return table.name(k) if k >= 0 else "voltage_v of the sidecar"
