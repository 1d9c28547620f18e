"""Named columns to the samples of a sweep: what each column is, in which unit, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from codesign.iv.importers.channels import check_channels
from codesign.iv.importers.headers import CHANNEL, RUN, Column, read_header, split_unit
from codesign.iv.importers.index_columns import is_index
from codesign.iv.importers.layouts import cycle_numbers, long_cycles, paired_cycles, wide_cycles
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import Samples, listing, missing_values
from codesign.iv.importers.table import Table
from codesign.iv.importers.units import unit_of

UNUSED = ("", "applied", "amplitude", "read_voltage", "phase", "device", "unit")
"""Quantities of columns that a sweep does not use and a note names."""


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
    ignored = [table.name(k) for k, c in enumerate(columns) if c.quantity in UNUSED and table.has_data(k)]
    one_record = len(at["voltage"]) <= 1 and len(at["current"]) == 1
    one_record = one_record and (
        columns[at["current"][0]].cycle is None or at["cycle"] or "points_per_cycle" in sidecar
    )
    if not one_record:
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
    if table.parts and not one_record:
        raise ImportRefused(
            f"{len(table.parts)} sections below each other hold several cycles side by side",
            where=f"row {rows[table.parts[1]]}",
            remedy="save each section as a file of its own, or put all cycles side by side",
        )
    check_channels(table, voltage, current, sidecar)
    if len(voltage) > 1:
        samples = paired_cycles(table, columns, voltage, current, rows, polarity)
    elif one_record:
        samples = long_cycles(table, at["cycle"], voltage, current, rows, sidecar)
    else:
        samples = wide_cycles(table, columns, voltage, current, rows, polarity)
    if blank:
        numbered = dict(zip(at["current"], cycle_numbers(table, columns, at["current"]), strict=True))
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
    found = _without_run(
        _without_indices([read_header(text) for text in table.header], table, sidecar), table
    )
    if not any(c.quantity == "voltage" for c in found):
        found = [replace(c, quantity="voltage") if c.quantity == "applied" else c for c in found]
    mapping = {**table.mapping, **sidecar.get("columns", {})}
    for quantity, wanted in mapping.items():
        chosen = table.find_all(wanted, key=f"columns.{quantity}")
        if len(set(chosen)) < len(chosen):
            raise ImportRefused(
                "a column is named twice", where=f"sidecar, columns.{quantity}", remedy="name each once"
            )
        listed = len(chosen) > 1 and any(found[k].cycle is None for k in chosen)
        order = {k: n for n, k in enumerate(chosen, start=1)}
        of_format = quantity in table.mapping and quantity not in sidecar.get("columns", {})
        for k, column in enumerate(found):
            if k in order:
                if quantity in table.stated and not column.unit:
                    column = replace(
                        read_header(f"{quantity} ({table.stated[quantity]})"), cycle=column.cycle
                    )
                measured = unit_of(column.unit)
                if measured and measured[0] != quantity and f"{quantity}_scale" not in sidecar:
                    raise ImportRefused(
                        f"the sidecar takes the column for a {quantity}, its unit is {column.unit}",
                        where=f"column {table.name(k)}",
                        remedy=f"write {quantity}_scale into the sidecar: stored value times this is "
                        f"{'V' if quantity == 'voltage' else 'A'}"
                        if quantity in ("voltage", "current")
                        else f"name a column without a unit in columns.{quantity}",
                    )
                scale = measured[1] if measured else 1.0
                channel = len(chosen) == 1 and CHANNEL.fullmatch(split_unit(table.header[k])[0])
                counts = quantity == "current" and not of_format and not channel
                number = column.cycle if counts else None
                number = order[k] if listed else number
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
    return _without_channels(found, table)


def _without_channels(columns: list[Column], table: Table) -> list[Column]:
    """`V1` and `I1` alone are channel 1 of the instrument, not cycle 1."""
    used = [k for k, column in enumerate(columns) if column.quantity in ("voltage", "current")]
    names = [split_unit(table.header[k])[0] for k in used]
    if len(used) != 2 or {columns[k].quantity for k in used} != {"voltage", "current"}:
        return columns
    if not all(map(CHANNEL.fullmatch, names)) or names[0][1:] != names[1][1:]:
        return columns
    return [replace(c, cycle=None) if k in used else c for k, c in enumerate(columns)]


def _without_indices(columns: list[Column], table: Table, sidecar: Mapping) -> list[Column]:
    """`Scan Number` that changes from row to row counts points, and is no cycle column."""
    return [
        replace(c, quantity="") if c.quantity == "cycle" and is_index(table, k, sidecar) else c
        for k, c in enumerate(columns)
    ]


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
