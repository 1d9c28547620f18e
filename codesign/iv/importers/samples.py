"""What the readers of tables give, and what is said of it."""

from dataclasses import dataclass

import numpy as np

SHOWN = 8
"""Columns or cycles listed in a message before it says how many more there are."""
LAST_CYCLE, LEFT_OUT, ANNOUNCED = "the last cycle has ", " is left out: ", "the file announces "
MAY_BE_CUT = "its last number may be cut"
"""Parts of notes on a file that may be cut short."""
FLAT = "does not rise in what is taken for potentiation"
"""Middle of the note on a potentiation that is none."""
NOT_READ = "; sheets that hold sweeps, too, are not: "
"""Middle of the note on sheets left out."""


@dataclass(frozen=True)
class Samples:
    """Rows of a measurement, ordered by (cycle, point); every array shape (n_samples,)."""

    cycle: np.ndarray
    point: np.ndarray
    voltage_v: np.ndarray
    current_a: np.ndarray
    notes: tuple[str, ...] = ()
    branch_points: int | None = None
    """Pulse series: points of potentiation."""
    end: str = ""
    """How many points the last cycle lacks, '' where it is as long as the others."""


def listing(values) -> str:
    """The first few values and how many more there are."""
    values = list(values)
    shown = ", ".join(map(str, values[:SHOWN]))
    return shown if len(values) <= SHOWN else f"{shown} and {len(values) - SHOWN} more"


def tells_of_a_cut(note: str) -> bool:
    """Whether a note says that the file may be cut short."""
    return note.startswith((LAST_CYCLE, ANNOUNCED)) or (
        note.startswith("row ") and (LEFT_OUT in note or note.endswith(MAY_BE_CUT))
    )


def lengths(labels: np.ndarray) -> tuple[str, tuple[str, ...]]:
    """What to say of the length of a long record's last cycle and of all; nothing where they are equal.

    Args:
        labels: Cycle of each row in the order of the file, shape (n_rows,).
    """
    numbers, counts = np.unique(labels, return_counts=True)
    if numbers.size < 2:
        return "", ()
    is_last = numbers == labels[-1]
    tail, usual = int(counts[is_last][0]), int(np.median(counts[~is_last]))
    end = f"{LAST_CYCLE}{tail} of {usual} points" if tail < usual - 1 else ""
    most, least = counts.max(), counts[~is_last].min()
    differ = (f"cycles differ in length, {least} to {most} points",) if most - least > 1 else ()
    return end, differ


def missing_values(cycle: np.ndarray, current_a: np.ndarray) -> list[str]:
    """What to say of currents that were not recorded; empty where all were."""
    numbers_, at = np.unique(cycle, return_inverse=True)
    samples = np.bincount(at)
    lost = np.bincount(at, weights=np.isnan(current_a)).astype(int)
    said = []
    if np.any(lost == samples):
        said.append(f"cycles without any value: {listing(numbers_[lost == samples])}")
    partly = (lost > 0) & (lost < samples)
    if np.any(partly):
        said.append(f"cycles with missing values: {listing(numbers_[partly])} ({lost[partly].sum()} points)")
    return said
