"""Signs of a sweep: the side that charges the device, and a current that runs against its voltage."""

import numpy as np

TURN_CURRENT = (
    "the current is counted the other way, as where it is measured at ground: write current_scale: -1 "
    "into the sidecar (-1.0e-3 where the file has mA)"
)
"""What to do where current and voltage have opposite signs."""


def wrong_side(voltage_v: np.ndarray, polarity: str) -> tuple[str, str] | None:
    """What is wrong with a voltage that never reaches the charging side, and the remedy; None where it does.

    Args:
        voltage_v: Volts, NaN where there is none, any shape.
        polarity: As in `codesign.iv.measurement.Metadata`.
    """
    if polarity == "negative":
        if np.any(voltage_v < 0):
            return None
        return (
            "the voltage is never negative, but polarity: negative is stated",
            "remove polarity from the sidecar, or check the column and its sign",
        )
    if np.any(voltage_v > 0):
        return None
    return (
        "the voltage is never positive",
        "the charging branch is 0 to +Vmax: check the column. Where the device is charged by negative "
        "voltages, write polarity: negative into the sidecar; it turns both signs, as voltage_scale: -1 and "
        "current_scale: -1 together do",
    )


def share_against(voltage_v: np.ndarray, current_a: np.ndarray, polarity: str) -> float:
    """Share of the samples on the charging side whose current runs against the voltage; 0 without samples.

    Args:
        voltage_v: Volts, shape (n_samples,).
        current_a: Amperes, NaN where not recorded, same shape.
        polarity: As in `codesign.iv.measurement.Metadata`.

    >>> share_against(np.array([1.0, 2.0, -1.0]), np.array([-1e-6, -2e-6, 1e-6]), "")
    1.0
    """
    side = (voltage_v < 0) if polarity == "negative" else (voltage_v > 0)
    current = current_a[side & np.isfinite(current_a)]
    against = current > 0 if polarity == "negative" else current < 0
    return float(against.mean()) if current.size else 0.0
