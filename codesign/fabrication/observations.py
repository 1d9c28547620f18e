"""What a usability table says to the search: devices with a reading, and devices that failed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from codesign.fabrication.encoding import Encoding
from codesign.fabrication.space import Space
from codesign.schemas.conditions import CONDITION_COLUMNS

COUNTED = ("used", "no_usability", "refused", "off_grid", "not_encodable", "not_finite", "failed")
"""What `read_observations` counts."""


@dataclass(frozen=True)
class Observations:
    """Devices with a reading, and conditions of those without."""

    devices: list[str]
    conditions: list[dict]
    value: np.ndarray
    """Of the reading, shape (devices,)."""
    std: np.ndarray
    failed: list[dict] = field(default_factory=list)
    """Conditions of devices that failed."""
    unread: list[dict] = field(default_factory=list)
    """Conditions of devices whose measurement gives no usability for reasons of its own."""
    unfit: list[str] = field(default_factory=list)
    """Devices whose reading or its standard deviation is not finite."""
    notes: list[str] = field(default_factory=list)
    """What devices say of a laboratory's own variables and cannot be taken: device, variable and value."""

    def __len__(self) -> int:
        return len(self.devices)


def read_observations(
    table: pa.Table, encoding: Encoding, space: Space, *, reading: str = "usability"
) -> tuple[Observations, dict]:
    """Devices that inform the search, in name order, and a count of all.

    Devices off the grid inform and are counted. A device without usability has failed where the cause is
    lost cycles; for any other cause, or none known, its measurement is at fault. Devices with a condition
    unknown or a category that cannot be encoded do not inform, and neither do those whose reading or its
    standard deviation is not a finite number: they are counted and named.
    """
    names = ["device", "status", reading, f"{reading}_std", "cause", *CONDITION_COLUMNS, "conditions"]
    rows = sorted(table.select(names).to_pylist(), key=lambda row: row["device"])
    counts = dict.fromkeys(COUNTED, 0)
    used, made, failed, unread, unfit, notes = [], [], [], [], [], []
    for row in rows:
        condition, said = space.variables.of_row(row)
        notes += said + _strange(row["device"], condition, encoding, space)
        known = all(value is not None for value in condition.values()) and encoding.knows(condition)
        if row["status"] != "ok":
            counts[row["status"]] += 1
            if known:
                (failed if row["cause"] == "lost cycles" else unread).append(condition)
        elif not known:
            counts["not_encodable"] += 1
        elif not all(_finite(row[name]) for name in (reading, f"{reading}_std")):
            unfit.append(row["device"])
            unread.append(condition)
        else:
            used.append(row)
            made.append(condition)
            on_grid = all(value in space.levels[name] for name, value in condition.items())
            counts["off_grid"] += not on_grid
    counts |= {"used": len(used), "failed": len(failed), "not_finite": len(unfit)}
    observations = Observations(
        devices=[row["device"] for row in used],
        conditions=made,
        value=np.array([row[reading] for row in used], dtype=float),
        std=np.array([row[f"{reading}_std"] for row in used], dtype=float),
        failed=failed,
        unread=unread,
        unfit=unfit,
        notes=notes,
    )
    return observations, counts


def _strange(device: str, condition: Mapping, encoding: Encoding, space: Space) -> list[str]:
    """Values of a laboratory's own categories that are no levels; compounds are counted alone."""
    return [
        f"{device}: {name} {condition[name]!r} is none of {', '.join(space.levels[name])}, and counts as "
        "unknown"
        for name in space.variables.categories
        if not space.variables.are_the_papers
        and condition[name] is not None
        and not encoding.knows_level(name, condition[name])
    ]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
