"""Pulse series: conductance against pulse number, potentiation then depression."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from codesign.iv.importers.columns import Column, read_header, split_unit, unit_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.sweeps import Samples, check_unit, listing
from codesign.iv.importers.table import Table


def is_pulse_series(table: Table, sidecar: Mapping) -> bool:
    """The sidecar says so, or the columns are pulse and conductance and no voltage."""
    if "kind" in sidecar:
        return sidecar["kind"] == "pulse"
    found = {read_header(text).quantity for text in table.header}
    return "pulse" in sidecar or ({"pulse", "conductance"} <= found and "voltage" not in found)


def read_pulses(table: Table, sidecar: Mapping) -> Samples:
    """Conductances as currents at the read voltage, one cycle of potentiation and depression a repetition.

    Either `pulse` (optional) and `conductance` (or current) columns, where the pulse number or a
    `cycle` column starting again begins the next repetition, or `pulse.columns: [up, down]` of the sidecar.

    Args:
        table: The file.
        sidecar: Checked sidecar; `pulse` and `columns` are used.

    Raises:
        ImportRefused: No read voltage, no conductance column, a conductance that is not
            positive (after `pulse.normalised` is mapped to siemens), or repetitions that differ in length.
    """
    settings = sidecar.get("pulse", {})
    if "read_voltage_v" not in settings:
        raise ImportRefused(
            "a pulse series needs the voltage its conductance was read at",
            where="sidecar, pulse.read_voltage_v",
            remedy="write into the sidecar pulse: {read_voltage_v: 0.1}",
        )
    if not len(table.rows):
        raise ImportRefused("there are no rows below the header", remedy="export the measurement again")
    notes = list(table.notes)
    if "columns" in settings:
        cycles, branch_points = _up_and_down(table, settings, notes)
    else:
        cycles, branch_points = _by_number(table, sidecar, notes)
    if "normalised" in settings:
        low, high = settings["normalised"]
        notes.append(
            f"normalised {low:g} ... {high:g} mapped to {settings['g_min_s']:g} ... {settings['g_max_s']:g} S"
        )
    conductance = np.array(cycles)  # (cycles, pulses), siemens
    volts = float(settings["read_voltage_v"])
    count, points = conductance.shape
    notes.append(
        f"conductance stored as current at {volts:g} V; {branch_points} of {points} pulses potentiate"
    )
    return Samples(
        np.repeat(np.arange(1, count + 1), points),
        np.tile(np.arange(points), count),
        np.full(count * points, volts),
        conductance.ravel() * volts,
        tuple(notes),
        branch_points,
    )


def _column(table: Table, k: int, *, scaled: bool = True) -> Column:
    """What column `k` holds, told by its unit where its name (`up (uS)`) does not.

    Raises:
        ImportRefused: Its unit is that of neither a conductance nor a current.
    """
    column = read_header(table.header[k])
    measured = unit_of(split_unit(table.header[k])[1])
    if measured and measured[0] in ("conductance", "current"):
        return replace(column, quantity=measured[0], scale=measured[1])
    check_unit(
        replace(column, foreign_unit=column.foreign_unit or bool(measured)), table.name(k), scaled=scaled
    )
    return column


def _siemens(table: Table, k: int, settings: Mapping, current_scale: float | None = None) -> np.ndarray:
    """Column `k` as conductance, checked positive; NaN where not recorded."""
    column = _column(table, k, scaled="normalised" in settings or current_scale is not None)
    values = table.numbers(k)
    if "normalised" in settings:
        missing = [key for key in ("g_min_s", "g_max_s") if key not in settings]
        if missing:
            raise ImportRefused(
                f"normalised conductances need {' and '.join(missing)}",
                where="sidecar, pulse",
                remedy="add them",
            )
        low, high = settings["normalised"]
        if not low < high:
            raise ImportRefused(
                f"{low:g} is not below {high:g}",
                where="sidecar, pulse.normalised",
                remedy="write [lowest, highest]",
            )
        values = settings["g_min_s"] + (values - low) / (high - low) * (
            settings["g_max_s"] - settings["g_min_s"]
        )
    elif column.quantity == "conductance":
        values = values * column.scale
    elif column.quantity == "current":
        values = values * (current_scale or column.scale) / settings["read_voltage_v"]
    low = np.flatnonzero(values <= 0)
    if low.size:
        raise ImportRefused(
            f"conductance {values[low[0]]:.4g} S is not positive ({low.size} such values)",
            where=f"column {table.name(k)}, row {table.rows[low[0]]}",
            remedy="state in the sidecar which stored values stand for which conductance: pulse: "
            "{normalised: [lowest, highest], g_min_s: ..., g_max_s: ...}, with a g_min_s high enough for the "
            "lowest value",
        )
    return values


def _up_and_down(table: Table, settings: Mapping, notes: list[str]) -> tuple[list[np.ndarray], int]:
    """A column of potentiation and one of depression a repetition, in the order the sidecar names."""
    roles = settings["columns"]
    named = {text.strip().lower(): k for k, text in enumerate(table.header)}
    if len(set(roles)) == len(roles) and set(roles) <= named.keys():
        at = [named[role] for role in roles]
    elif len(roles) == len(table.header):
        at = list(range(len(roles)))
    else:
        raise ImportRefused(
            f"{len(table.header)} columns in the file, {len(roles)} named",
            where="sidecar, pulse.columns",
            remedy="name every column up or down, in the order of the file",
        )
    values = [_siemens(table, k, settings) for k in at]
    notes += _conversions(table, at, settings)
    up = [v for v, role in zip(values, roles, strict=True) if role == "up"]
    down = [v for v, role in zip(values, roles, strict=True) if role == "down"]
    if not up or (down and len(down) != len(up)):
        raise ImportRefused(
            f"{len(up)} columns up, {len(down)} down",
            where="sidecar, pulse.columns",
            remedy="every repetition has one up column, and one down column or none",
        )
    repetitions = [np.concatenate(pair) for pair in zip(up, down, strict=True)] if down else up
    return repetitions, len(table.rows)


def _conversions(table: Table, used: Sequence[int], settings: Mapping) -> list[str]:
    """One note a unit that was converted."""
    said = []
    for column in (_column(table, k) for k in used if "normalised" not in settings):
        if column.scale != 1:
            to = "S" if column.quantity == "conductance" else "A"
            said.append(f"{column.quantity} converted from {column.unit} to {to} (factor {column.scale:g})")
    return list(dict.fromkeys(said))


def _by_number(table: Table, sidecar: Mapping, notes: list[str]) -> tuple[list[np.ndarray], int]:
    """A conductance column against pulse number; repetitions end to end."""
    settings = sidecar.get("pulse", {})
    found = {read_header(text).quantity: k for k, text in reversed(list(enumerate(table.header)))}
    for quantity, wanted in sidecar.get("columns", {}).items():
        found[quantity] = table.find(wanted, key=f"columns.{quantity}")
    found.setdefault("conductance", found.get("current"))
    if found["conductance"] is None:
        raise ImportRefused(
            "no conductance column",
            where=f"header {listing(table.name(k) for k in range(len(table.header)))}",
            remedy="name one column conductance, or write pulse: {columns: [up, down]} into the sidecar",
        )
    values = _siemens(table, found["conductance"], settings, sidecar.get("current_scale"))
    column = _column(table, found["conductance"])
    if "current_scale" in sidecar and column.quantity == "current":
        notes.append(f"current multiplied by {sidecar['current_scale']:g} as the sidecar says")
    else:
        notes += _conversions(table, [found["conductance"]], settings)
    order, starts = np.arange(values.size), [0]
    counter = next((found[q] for q in ("cycle", "pulse") if q in found), None)
    if counter is not None:
        numbers = table.numbers(counter)
        starts += list(
            np.flatnonzero(np.diff(numbers) < 0 if "cycle" not in found else np.diff(numbers) != 0) + 1
        )
    cycles = np.split(values[order], starts[1:])
    if len({cycle.size for cycle in cycles}) > 1:
        raise ImportRefused(
            f"the {len(cycles)} repetitions differ in length ({listing(cycle.size for cycle in cycles)})",
            where=f"column {table.name(counter)}",
            remedy="complete or remove the incomplete repetition",
        )
    if "potentiation_points" in settings:
        points = settings["potentiation_points"]
        if points > cycles[0].size:
            raise ImportRefused(
                f"{points} potentiation points, but a repetition has {cycles[0].size}",
                where="sidecar, pulse.potentiation_points",
                remedy="give the number of potentiating pulses of one repetition",
            )
        return cycles, points
    if not np.isfinite(values).all():
        raise ImportRefused(
            "conductances are missing, so the end of potentiation cannot be told",
            where=f"column {table.name(found['conductance'])}",
            remedy="write pulse: {potentiation_points: N} into the sidecar",
        )
    notes.append(
        "potentiation taken to end at the largest mean conductance (pulse.potentiation_points sets it)"
    )
    return cycles, int(np.argmax(np.mean(cycles, axis=0))) + 1
