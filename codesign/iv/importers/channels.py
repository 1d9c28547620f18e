"""Several channels of one instrument, which are no cycles: told, and refused."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from codesign.iv.importers.headers import terminal_of
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import listing
from codesign.iv.importers.table import Table

STILL = 0.01
"""A voltage that moves by less than this share of another is that of a grounded terminal."""
OPPOSITE = 0.1
"""Two currents are one, counted both ways, where their sum stays below this share of the largest."""
MOST = 20
"""Currents compared with each other."""


def check_channels(table: Table, voltage: Mapping, current: Mapping, sidecar: Mapping) -> None:
    """Refuse to take the channels of one instrument for cycles, unless the sidecar says which to use.

    Args:
        table: The file.
        voltage: Volts by column, shape (n_rows,) each.
        current: Amperes by column, shape (n_rows,) each.
        sidecar: Checked sidecar; `columns` is used.

    Raises:
        ImportRefused: Columns are named after several terminals, a voltage hardly moves beside another, or of
            currents beside one voltage one is the negative of another.
    """
    if len(current) < 2 or {"voltage", "current"} & sidecar.get("columns", {}).keys():
        return
    spans = {k: _span(volts) for k, volts in voltage.items()}
    if min(spans.values()) == 0:
        return  # refused as no sweep
    names = list(dict.fromkeys(filter(None, (terminal_of(table.header[k]) for k in (*voltage, *current)))))
    if len(voltage) == len(current) and len(names) > 1:
        raise _refusal(table, voltage, current, f"the columns are of several terminals, {', '.join(names)}")
    widest = max(spans, key=spans.__getitem__)
    still = [k for k, span in spans.items() if span < STILL * spans[widest]]
    if still:
        raise _refusal(
            table,
            voltage,
            current,
            f"{table.name(still[0])} moves by {spans[still[0]]:.3g} V and {table.name(widest)} by "
            f"{spans[widest]:.3g} V",
        )
    for one, other in combinations(sorted(current)[:MOST] if len(voltage) == 1 else (), 2):
        if _are_opposite(current[one], current[other]):
            raise _refusal(
                table, voltage, current, f"{table.name(other)} is {table.name(one)}, counted the other way"
            )


def _refusal(table: Table, voltage: Mapping, current: Mapping, said: str) -> ImportRefused:
    pair = table.name(min(voltage)), table.name(min(current))
    return ImportRefused(
        f"{said}: channels of one instrument, or cycles",
        where=f"columns {listing(table.name(k) for k in sorted({*voltage, *current} - {-1}))}",
        remedy=f"say in the sidecar which to use, columns: {{voltage: {pair[0]}, current: {pair[1]}}}; lists "
        "of them are cycles",
    )


def _span(values: np.ndarray) -> float:
    held = values[np.isfinite(values)]
    return float(np.ptp(held)) if held.size else 0.0


def _are_opposite(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two currents cancel each other at the points where both were recorded."""
    held = np.isfinite(one) & np.isfinite(other)
    largest = np.abs(one[held]).max(initial=0.0)
    return bool(largest > 0 and np.abs(one[held] + other[held]).max() < OPPOSITE * largest)
