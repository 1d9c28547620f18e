"""A series resistance taken off the voltage of a sweep."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import Samples
from codesign.iv.programme import rounding_of, turning_of

OTHER_SIDE = 0.01
"""Share of the largest voltage by which one may pass 0 V: offsets of source and meter."""


def without_series(samples: Samples, sidecar: Mapping) -> Samples:
    """Samples at the device's own voltage, V - I R, R being `series_resistance_ohm` of the sidecar.

    Samples whose current was not recorded have no such voltage; they are left out, with a note.

    Raises:
        ImportRefused: The resistance takes more than the whole voltage, or the device's voltage goes back
            where the source's rises, so that the sweep is none any more.
    """
    if "series_resistance_ohm" not in sidecar:
        return samples
    series = float(sidecar["series_resistance_ohm"])
    kept = np.isfinite(samples.current_a)
    volts, amperes, cycle = samples.voltage_v[kept], samples.current_a[kept], samples.cycle[kept]
    left = volts - amperes * series
    turned = (volts * left < 0) & (np.abs(left) > OTHER_SIDE * np.abs(volts).max(initial=0.0))
    same = np.diff(cycle) == 0
    moves, moved = np.diff(volts), np.diff(left)
    least = turning_of(volts) if volts.size > 2 else 0.0
    back = same & (np.abs(moves) > rounding_of(volts)) & (moves * moved < 0) & (np.abs(moved) > least)
    for wrong, said in (
        (np.flatnonzero(turned), "takes more than the whole voltage of"),
        (np.flatnonzero(back) + 1, "turns the voltage round at"),
    ):
        if wrong.size:
            k = wrong[0]
            raise ImportRefused(
                f"{series:g} Ohm in series {said} {wrong.size} sample(s): {volts[k]:g} V and "
                f"{amperes[k]:g} A leave {left[k]:g} V",
                where=f"sidecar, series_resistance_ohm, cycle {cycle[k]}",
                remedy="state the resistance of leads and contacts alone, or leave it out",
            )
    points = np.arange(cycle.size) - np.searchsorted(cycle, cycle)
    notes = [f"series resistance of {series:g} Ohm taken off the voltage: V - I R"]
    if lost := int(kept.size - kept.sum()):
        notes.append(f"{lost} samples without a current have no voltage of their own: left out")
    return replace(
        samples, cycle=cycle, point=points, voltage_v=left, current_a=amperes, notes=(*samples.notes, *notes)
    )
