"""Pulse series: conductance against pulse number, potentiation then depression."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from codesign.iv.importers.headers import READ_CURRENT, Column, read_header, split_unit
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.repetitions import repetitions_of
from codesign.iv.importers.samples import Samples, listing
from codesign.iv.importers.sweeps import check_unit
from codesign.iv.importers.table import Table
from codesign.iv.importers.units import unit_of

MEASURED = ("conductance", "resistance", "current")
"""What a pulse series may hold, the first found is taken."""
AS_PULSES = "kind: pulse with pulse: {read_voltage_v: 0.1}"

MAP_THEM = (
    "state in the sidecar which stored values stand for which conductance: "
    "pulse: {normalised: [lowest, highest], g_min_s: ..., g_max_s: ...}, with a g_min_s high enough for the "
    "lowest value"
)
REMEDIES = {
    "current": "where it was read at a negative voltage, write pulse: {read_voltage_v: -0.1} into the "
    "sidecar; where it is counted the other way, current_scale: -1",
    "resistance": "correct the cell, or empty it where nothing was measured",
}
"""What to do about a conductance that is not positive, by what the column holds."""


def is_pulse_series(table: Table, sidecar: Mapping) -> bool:
    """The sidecar says so, or the columns are pulses and what was read after them, and no voltage.

    Raises:
        ImportRefused: Voltage and current stand beside pulse numbers or amplitudes, and nothing tells whether
            the current flowed at this voltage or was read at a small one after the pulse.
    """
    if "kind" in sidecar:
        return sidecar["kind"] == "pulse"
    if "pulse" in sidecar:
        return True
    named = {read_header(text).quantity: text for text in reversed(table.header)}
    mapped = sidecar.get("columns", {})
    amplitude = "amplitude" in named and "amplitude" not in mapped
    read = any(READ_CURRENT.fullmatch(split_unit(text)[0]) for text in table.header)
    pulsed = "pulse" in named and "voltage" not in mapped
    measured = named.keys() & set(MEASURED)
    if (pulsed or amplitude) and measured and "voltage" not in named:
        if amplitude and not pulsed and measured == {"current"} and not read and "read_voltage" not in named:
            raise _either(table, named["amplitude"])
        return True
    both = {"current", "voltage"} <= named.keys() and {"voltage", "current"} - mapped.keys()
    if both and (pulsed or amplitude or read):
        raise _either(table, named["pulse"] if pulsed else named["voltage"])
    return False


def _either(table: Table, column: str) -> ImportRefused:
    return ImportRefused(
        "the current may have flowed at this voltage, or have been read at a small one after a pulse",
        where=f"column {column}",
        remedy="write kind: sweep into the sidecar, with columns: {voltage: NAME, current: NAME}, or "
        f"{AS_PULSES}, the voltage the current was read at",
    )


def read_pulses(table: Table, sidecar: Mapping) -> Samples:
    """Conductances as currents at the read voltage, one cycle of potentiation and depression a repetition.

    Either a column of conductances, resistances or currents, with pulse numbers, phases or cycles beside it
    (`repetitions.repetitions_of`), or `pulse.columns: [up, down]` of the sidecar. A negative read voltage has
    negative currents; what is stored is the conductance at its magnitude.

    Args:
        table: The file.
        sidecar: Checked sidecar; `pulse` and `columns` are used.

    Raises:
        ImportRefused: No read voltage, no conductance column, a conductance that is not
            positive (after `pulse.normalised` is mapped to siemens), or repetitions that differ in length.
    """
    notes = list(table.notes)
    settings = _with_read_voltage(table, sidecar.get("pulse", {}), notes)
    if "read_voltage_v" not in settings:
        raise ImportRefused(
            "a pulse series needs the voltage its conductance was read at",
            where="sidecar, pulse.read_voltage_v",
            remedy=f"write into the sidecar {AS_PULSES}",
        )
    if not len(table.rows):
        raise ImportRefused("there are no rows below the header", remedy="export the measurement again")
    if "columns" in settings:
        cycles, branch_points = _up_and_down(table, settings, notes)
    else:
        cycles, branch_points = _one_column(table, sidecar, settings, notes)
    if "normalised" in settings:
        low, high = settings["normalised"]
        notes.append(
            f"normalised {low:g} ... {high:g} mapped to {settings['g_min_s']:g} ... {settings['g_max_s']:g} S"
        )
    conductance = np.array(cycles)  # (cycles, pulses), siemens
    volts = abs(float(settings["read_voltage_v"]))
    count, points = conductance.shape
    notes.append(
        f"conductance stored as current at {volts:g} V; {branch_points} of {points} pulses potentiate"
    )
    if "series_resistance_ohm" in sidecar:
        conductance = _without_series(conductance, float(sidecar["series_resistance_ohm"]), notes)
    if settings["read_voltage_v"] < 0:
        notes.append(f"read at {settings['read_voltage_v']:g} V: stored as at {volts:g} V")
    return Samples(
        np.repeat(np.arange(1, count + 1), points),
        np.tile(np.arange(points), count),
        np.full(count * points, volts),
        conductance.ravel() * volts,
        tuple(notes),
        branch_points,
    )


def _with_read_voltage(table: Table, settings: Mapping, notes: list[str]) -> Mapping:
    """The settings, with the read voltage of a column that holds one value, where they lack it.

    Raises:
        ImportRefused: The column holds several, as one that is measured does.
    """
    at = [k for k, text in enumerate(table.header) if read_header(text).quantity == "read_voltage"]
    if "read_voltage_v" in settings or len(at) != 1:
        return settings
    column = read_header(table.header[at[0]])
    check_unit(column, table.name(at[0]), scaled=False)
    values = np.unique(table.numbers(at[0]) * column.scale)
    values = values[np.isfinite(values)]
    if not values.size:
        return settings
    if values.size > 1 or values[0] == 0:
        middle = float(np.median(values)) or 0.1
        several = f"{values.size} voltages, {values[0]:.6g} to {values[-1]:.6g} V"
        raise ImportRefused(
            f"the read voltage is {several if values.size > 1 else '0 V'}",
            where=f"column {table.name(at[0])}",
            remedy="write the voltage that was applied into the sidecar, "
            f"pulse: {{read_voltage_v: {middle:.3g}}}",
        )
    notes.append(f"read voltage {values[0]:g} V, as column {table.name(at[0])} says")
    return {**settings, "read_voltage_v": float(values[0])}


def _without_series(conductance_s: np.ndarray, series_ohm: float, notes: list[str]) -> np.ndarray:
    """Conductances of the device alone: 1 / (1 / G - R).

    Raises:
        ImportRefused: The resistance is as large as a measured one.
    """
    left = 1 - conductance_s * series_ohm
    if np.nanmin(left) <= 0:
        raise ImportRefused(
            f"{series_ohm:g} Ohm is more than the smallest resistance measured, "
            f"{1 / np.nanmax(conductance_s):.4g} Ohm",
            where="sidecar, series_resistance_ohm",
            remedy="state the resistance of leads and contacts alone",
        )
    notes.append(f"series resistance of {series_ohm:g} Ohm taken off")
    return conductance_s / left


def _column(table: Table, k: int, *, scaled: bool = True) -> Column:
    """What column `k` holds, told by its unit where its name (`up (uS)`) does not.

    Raises:
        ImportRefused: Its unit is that of neither a conductance nor a current.
    """
    column = read_header(table.header[k])
    measured = unit_of(split_unit(table.header[k])[1])
    if measured and measured[0] in MEASURED and not column.foreign_unit:
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
    elif column.quantity == "resistance":
        with np.errstate(divide="ignore"):
            values = np.where(values == 0, 0.0, 1 / (values * column.scale))
    elif column.quantity == "current":
        values = values * (current_scale or column.scale) / settings["read_voltage_v"]
    low = np.flatnonzero(values <= 0)
    if low.size:
        raise ImportRefused(
            f"conductance {values[low[0]]:.4g} S is not positive ({low.size} such values)",
            where=f"column {table.name(k)}, row {table.rows[low[0]]}",
            remedy=REMEDIES.get(column.quantity, MAP_THEM) if "normalised" not in settings else MAP_THEM,
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
    said, to = [], {"conductance": "S", "resistance": "Ohm", "current": "A"}
    for column in (_column(table, k) for k in used if "normalised" not in settings):
        if column.scale != 1:
            said.append(
                f"{column.quantity} converted from {column.unit} to {to.get(column.quantity, 'A')} "
                f"(factor {column.scale:g})"
            )
        if column.quantity == "resistance":
            said.append("conductances are 1 / resistance")
    return list(dict.fromkeys(said))


def _one_column(
    table: Table, sidecar: Mapping, settings: Mapping, notes: list[str]
) -> tuple[list[np.ndarray], int]:
    """Conductances of one column, repetitions end to end."""
    found = {read_header(text).quantity: k for k, text in reversed(list(enumerate(table.header)))}
    for quantity, wanted in {**table.mapping, **sidecar.get("columns", {})}.items():
        if isinstance(wanted, list):
            raise ImportRefused(
                "a pulse series has one column of each kind",
                where=f"sidecar, columns.{quantity}",
                remedy="name one, or write pulse: {columns: [up, down]}",
            )
        found[quantity] = table.find(wanted, key=f"columns.{quantity}")
    stated = sidecar.get("columns", {})
    at = next((found[quantity] for quantity in MEASURED if quantity in stated), None)
    at = at if at is not None else next((found[quantity] for quantity in MEASURED if quantity in found), None)
    if at is None:
        raise ImportRefused(
            "no conductance column",
            where=f"header {listing(table.name(k) for k in range(len(table.header)))}",
            remedy="name one column conductance, resistance or current, or write into the sidecar "
            "columns: {conductance: NAME} or pulse: {columns: [up, down]}",
        )
    values = _siemens(table, at, settings, sidecar.get("current_scale"))
    column = _column(table, at)
    if "current_scale" in sidecar and column.quantity == "current":
        notes.append(f"current multiplied by {sidecar['current_scale']:g} as the sidecar says")
    else:
        notes += _conversions(table, [at], settings)
    used = {at, *(found[key] for key in ("pulse", "cycle", "phase", "time", "read_voltage") if key in found)}
    repetitions = repetitions_of(
        values, table, found, settings, notes, name=table.name(at), used=used, stated="phase" in stated
    )
    left = [table.name(k) for k in range(len(table.header)) if k not in used and table.has_data(k)]
    notes += [f"columns not used: {listing(left)}"] if left else []
    return repetitions
