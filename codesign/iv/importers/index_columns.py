"""Columns that count the points of a sweep, whatever their name says."""

from collections.abc import Mapping

import numpy as np

from codesign.iv.importers.headers import read_header
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.table import Table

FEWEST_POINTS = 4
"""Points of a sweep that an index counts, at least."""


def is_index(table: Table, k: int, sidecar: Mapping) -> bool:
    """Whether a column counts points: it rises by 1 from row to row, and begins again at its start if at all.

    Cycles or devices in turn, 1, 2, 3, 1, 2, 3, do so, too; there the voltage stays while the column rises.
    """
    numbers = _numbers(table, k)
    if numbers is None or numbers.size < FEWEST_POINTS or not np.isfinite(numbers).all():
        return False
    steps = np.diff(numbers)
    again = np.flatnonzero(steps != 1) + 1
    if again.size == 0:
        return True
    if (numbers[again] != numbers[0]).any():
        return False
    starts = np.array([0, *again, numbers.size])
    if np.median(np.diff(starts)) < FEWEST_POINTS:
        return False
    voltage = voltage_of(table, sidecar)
    if voltage is None:
        return False
    spans = [np.ptp(part[np.isfinite(part)]) if np.isfinite(part).any() else 0.0
             for part in np.split(voltage, again)]  # fmt: skip
    whole = np.ptp(voltage[np.isfinite(voltage)]) if np.isfinite(voltage).any() else 0.0
    return bool(whole > 0 and np.median(spans) > 0.5 * whole)


def voltage_of(table: Table, sidecar: Mapping) -> np.ndarray | None:
    """The voltage column: of the sidecar, of the format, or by its name; None where not one."""
    mapping = {**table.mapping, **sidecar.get("columns", {})}
    if "voltage" in mapping:
        try:
            at = table.find_all(mapping["voltage"], key="columns.voltage")
        except ImportRefused:
            return None  # refused where the columns are taken
    else:
        at = [k for k, text in enumerate(table.header) if text and read_header(text).quantity == "voltage"]
    return _numbers(table, at[0]) if len(at) == 1 else None


def _numbers(table: Table, k: int) -> np.ndarray | None:
    try:
        return np.asarray(table.numbers(k), dtype=float)
    except ImportRefused:
        return None  # text: no index
