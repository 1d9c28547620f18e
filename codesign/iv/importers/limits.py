"""How much an instrument file may hold: a small file can be made that fills any memory."""

from pathlib import Path

import numpy as np

from codesign.iv.importers.refusal import ImportRefused

LARGEST_BYTES = 1 << 28
"""Of an instrument file, and of everything a workbook holds when unpacked."""
MOST_CELLS = 10_000_000
"""Rows times columns of a table, empty cells included; a thousand cycles of a thousand points are a tenth."""
LARGEST_V, LARGEST_A = 100.0, 1.0
"""Above these a memristor's voltage or current is more likely stored in another unit."""
SMALLEST_A = 1e-13
"""Below this no ammeter of a source-measure unit tells a current from its own noise."""


def implausible(voltage_v: np.ndarray, current_a: np.ndarray) -> dict[str, str]:
    """What to say of a quantity whose values are so large, or small, that their unit is probably wrong."""
    said = {}
    for quantity, unit, values, limit in (
        ("voltage", "V", voltage_v, LARGEST_V),
        ("current", "A", current_a, LARGEST_A),
    ):
        largest = float(np.nanmax(np.abs(values)))
        if largest > limit:
            said[quantity] = f"the largest {quantity} is {largest:g} {unit}: is its unit right?"
        elif quantity == "current" and 0 < largest < SMALLEST_A:
            said[quantity] = (
                f"the largest {quantity} is {largest:g} {unit}, less than any meter resolves: "
                "is its unit right?"
            )
    return said


def check_size(path: Path) -> None:
    """Refuse a file that is larger than any measurement.

    Raises:
        ImportRefused: It has more than `LARGEST_BYTES`.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ImportRefused(
            f"{size} bytes are more than a measurement has (at most {LARGEST_BYTES})",
            remedy="export fewer cycles into each file",
        )


def check_cells(rows: int, columns: int) -> None:
    """Refuse a table that is mostly made of empty cells, or beyond what a computer holds.

    Raises:
        ImportRefused: It has more than `MOST_CELLS`.
    """
    if rows * columns > MOST_CELLS:
        raise ImportRefused(
            f"{rows} rows and {columns} columns are {rows * columns} cells, more than {MOST_CELLS}",
            remedy="export fewer cycles into each file, and delete what stands far off the data",
        )
