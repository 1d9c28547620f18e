"""What a usability table says to the search: devices with a reading, and devices that failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from codesign.fabrication.encoding import Encoding
from codesign.fabrication.space import Space
from codesign.schemas.conditions import CONDITION_COLUMNS

LOST = ("cycles_open", "cycles_shorted", "cycles_flipped")
"""Cycles that the device lost; other reasons for no usability are the measurement's."""


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

    def __len__(self) -> int:
        return len(self.devices)


def read_observations(
    table: pa.Table, encoding: Encoding, space: Space, *, reading: str = "usability"
) -> tuple[Observations, dict]:
    """Devices that inform the search, in name order, and a count of all.

    Devices off the grid inform and are counted. A device without usability has failed, unless its cycles
    are known and none of them is open, shorted or flipped: then its measurement is at fault. Devices with
    a condition unknown or a perovskite that cannot be encoded do not inform.
    """
    names = ["device", "status", reading, f"{reading}_std", "cycles", *LOST, *CONDITION_COLUMNS]
    rows = sorted(table.select(names).to_pylist(), key=lambda row: row["device"])
    counts = {"used": 0, "no_usability": 0, "refused": 0, "off_grid": 0, "not_encodable": 0, "failed": 0}
    used, failed, unread = [], [], []
    for row in rows:
        known = all(row[name] is not None for name in CONDITION_COLUMNS) and encoding.knows(row["perovskite"])
        condition = {name: row[name] for name in CONDITION_COLUMNS}
        if row["status"] != "ok":
            counts[row["status"]] += 1
            if known:
                (failed if _failed(row) else unread).append(condition)
        elif not known:
            counts["not_encodable"] += 1
        else:
            used.append(row)
            on_grid = all(row[name] in space.levels[name] for name in CONDITION_COLUMNS)
            counts["off_grid"] += not on_grid
    counts |= {"used": len(used), "failed": len(failed)}
    observations = Observations(
        devices=[row["device"] for row in used],
        conditions=[{name: row[name] for name in CONDITION_COLUMNS} for row in used],
        value=np.array([row[reading] for row in used], dtype=float),
        std=np.array([row[f"{reading}_std"] for row in used], dtype=float),
        failed=failed,
        unread=unread,
    )
    return observations, counts


def _failed(row: Mapping) -> bool:
    if row["status"] != "no_usability":
        return False
    return row["cycles"] is None or any(row[name] for name in LOST)
