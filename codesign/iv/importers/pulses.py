"""Pulse series: conductance against pulse number, potentiation and depression."""

from pathlib import Path

import numpy as np

from codesign.iv.importers.columns import numbers, read_header
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.text import read_text


def series_from_text(path: Path, sidecar: dict):
    """Read a pulse series.

    A column of conductances a repetition (potentiation), or, with `pulse.columns:
    [up, down]`, potentiation in the first and depression in the second column of
    one repetition. Conductance is stored as current at the read voltage.

    Returns:
        cycle, point, voltage [V], current [A], each (n_samples,); points of
        potentiation; notes.

    Raises:
        ImportRefused: The sidecar gives no read voltage, or a conductance is not positive.
    """
    settings = sidecar.get("pulse")
    if settings is None:
        raise ImportRefused(
            "a pulse series needs its read voltage", where=path.name, remedy="write pulse: {read_voltage_v: ...} into the sidecar"
        )
    text = read_text(path)
    width = max(len(row) for row in text.rows)
    header = text.header or [""] * width
    kinds = [read_header(name).quantity if name else "" for name in header]
    chosen = [k for k in range(width) if kinds[k] not in ("pulse", "time", "cycle")]
    columns = [
        numbers(
            [row[k] if k < len(row) else "" for row in text.rows],
            column=header[k] or str(k + 1), first_row=text.first_row, decimal_comma=text.decimal_comma,
        )
        * (read_header(header[k]).scale if header[k] else 1.0)
        for k in chosen
    ]  # fmt: skip
    notes: list[str] = []
    roles = settings.get("columns", ["up"] * len(columns))
    if len(roles) != len(columns):
        raise ImportRefused(
            f"{len(columns)} columns of values, {len(roles)} named", where="pulse.columns", remedy="name each column up or down"
        )
    if "normalised" in settings:
        columns = [_scaled(column, settings) for column in columns]
        notes.append(f"normalised values {settings['normalised']} stand for {settings.get('g_min_s')} ... {settings.get('g_max_s')} S")
    for k, column in zip(chosen, columns, strict=True):
        low = np.flatnonzero(column <= 0)
        if low.size:
            raise ImportRefused(
                f"conductance {column[low[0]]:.4g} S is not positive",
                where=f"column {header[k] or k + 1}, row {text.first_row + low[0]}",
                remedy="state in pulse.normalised, g_min_s and g_max_s which values stand for which conductance",
            )
    up = [column for column, role in zip(columns, roles, strict=True) if role == "up"]
    down = [column for column, role in zip(columns, roles, strict=True) if role == "down"]
    cycles = [np.concatenate([u, down[k]]) if k < len(down) else u for k, u in enumerate(up)]
    length = cycles[0].size
    conductance = np.array(cycles)
    read_voltage = float(settings["read_voltage_v"])
    cycle = np.repeat(np.arange(1, len(cycles) + 1), length)
    point = np.tile(np.arange(length), len(cycles))
    voltage = np.full(cycle.size, read_voltage)
    return cycle, point, voltage, conductance.ravel() * read_voltage, up[0].size, notes


def _scaled(values: np.ndarray, settings: dict) -> np.ndarray:
    if not {"g_min_s", "g_max_s"} <= settings.keys():
        raise ImportRefused("normalised values need g_min_s and g_max_s", where="pulse", remedy="add both to the sidecar")
    low, high = settings["normalised"]
    if high == low:
        raise ImportRefused("normalised gives one value twice", where="pulse.normalised", remedy="give two values")
    return settings["g_min_s"] + (values - low) / (high - low) * (settings["g_max_s"] - settings["g_min_s"])
