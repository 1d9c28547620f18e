"""Where the source, not the device, sets the current.

In compliance the recorded G = Icc / V falls as V rises and is the same in every cycle. Points
there would make a device look non-monotonic and free of noise, whatever it does.
"""

from typing import NamedTuple

import numpy as np

FLAT_WIDTH = 0.02
"""Samples within this relative distance of their cycle's largest current are its top."""
FLAT_SAMPLES = 6
"""Samples that make a top flat: an ohmic peak at steps of V/60 holds at most four within 2 %."""
PLAUSIBLE = 0.1
"""A stated level may differ from the plateau found by this share."""


class Compliance(NamedTuple):
    """The current level at which a file was limited."""

    level_a: float | None
    """Amperes; None where nothing limits."""
    source: str
    """`metadata`, `detected` or `none`."""
    note: str
    """What a reader should know; may be empty."""


def detect_plateau(current_a: np.ndarray) -> float | None:
    """The current at which the source clips, or None where no plateau is seen.

    A cycle has a plateau if at least six of its samples lie within 2 % of its
    largest current. Cycles whose plateau is the file's highest, within 2 %,
    give the level as their median; a lower plateau in other cycles is a
    property of the device.

    Args:
        current_a: Currents of the whole positive quadrant, shape (n_cycles,
            n_points), NaN where there is none.

    >>> ramp = np.linspace(0, 3e-5, 31)[None]
    >>> print(detect_plateau(ramp))
    None
    >>> round(detect_plateau(np.minimum(ramp, 2e-5)), 7)
    2e-05
    """
    finite = np.where(np.isfinite(current_a), current_a, -np.inf)
    if finite.size == 0:
        return None
    peak = finite.max(axis=1)
    flat = (peak > 0) & ((finite >= (1 - FLAT_WIDTH) * peak[:, None]).sum(axis=1) >= FLAT_SAMPLES)
    if not flat.any():
        return None
    top = peak[flat].max()
    level = float(np.median(peak[flat & (peak >= (1 - FLAT_WIDTH) * top)]))
    # a plateau that other cycles exceed is no limit of the source
    return level if peak.max() <= (1 + PLAUSIBLE) * level else None


def compliance_level(current_a: np.ndarray, stated_a: float | None) -> Compliance:
    """The level to mask at: as stated where the data agree, else as found in the data.

    Args:
        current_a: Currents of the positive quadrant, shape (n_cycles, n_points).
        stated_a: Compliance in the metadata, or None.
    """
    plateau = detect_plateau(current_a)
    if stated_a is None:
        return Compliance(plateau, "none" if plateau is None else "detected", "")
    if plateau is None:
        largest = np.nanmax(current_a, initial=0.0, where=np.isfinite(current_a))
        if largest <= (1 + PLAUSIBLE) * stated_a:
            return Compliance(stated_a, "metadata", "")
        return Compliance(
            None,
            "none",
            f"stated compliance {stated_a:.4g} A ignored: currents reach {largest:.4g} A without a plateau",
        )
    if abs(plateau / stated_a - 1) <= PLAUSIBLE:
        # the instrument clips near, not at, the number in the notebook
        return Compliance(min(stated_a, plateau), "metadata", "")
    return Compliance(
        plateau,
        "detected",
        f"stated compliance {stated_a:.4g} A ignored: the data are limited at {plateau:.4g} A",
    )
