"""From a device's row and its sweeps to its profile.

Where the source limited the current, the recorded conductance Icc / V falls
by construction: V is what the source was set to, while the voltage across the
cell has collapsed to Icc / G. The cell itself keeps the state in which it
reached the limit, because the limit stops what would have raised it further
(that is how a compliance current sets the on-state of a memristor). So a
masked point, or one where nothing was recorded, holds the conductance of the
last usable point before it; before the first usable point of the window, that
point's. Levels beyond the onset of compliance therefore saturate.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from codesign.iv.measurement import Measurement
from codesign.nonideality.branch import Extraction, pooled_log_ratio
from codesign.nonideality.lcis import Window, operative_window
from codesign.nonideality.profile import DeviceProfile, ProfileError


def profile_of(row: Mapping, *, min_operative_fraction: float, level: float | None = None) -> DeviceProfile:
    """The profile of one device.

    Args:
        row: A row of `codesign.schemas.device.DEVICE` with status `ok`.
        min_operative_fraction: l0, as in the extraction that made the row.
        level: Usability level the device stands for, if any.

    Raises:
        ProfileError: The device has no usability; the message repeats its reason.
    """
    if row["status"] != "ok":
        raise ProfileError(f"device {row['device']} has no profile: {row['reason'] or row['status']}")
    points = row["branch_points"]
    lcis = Window(row["lcis_start"], row["lcis_length"])
    window = operative_window(lcis.start, points, min_operative_fraction=min_operative_fraction)
    recorded = np.array([np.nan if g is None else g for g in row["conductance_s"]], dtype=float)
    held = held_conductance(
        *(part[window.stretch] for part in (recorded, np.array(row["usable"], dtype=bool)))
    )
    curve, reached = normalised_curve(held, window, lcis)
    return DeviceProfile(
        profile=row["device"],
        kind="device",
        origin=row["origin"],
        level=level,
        usability=row["usability"],
        usability_low=row["usability_low"],
        usability_high=row["usability_high"],
        fidelity=row["fidelity"],
        fidelity_low=row["fidelity_low"],
        fidelity_high=row["fidelity_high"],
        eta=row["eta"],
        sigma=row["sigma_upper"],
        branch_points=points,
        window_start=window.start,
        window_length=window.length,
        lcis_start=row["lcis_start"],
        lcis_length=row["lcis_length"],
        g_min_s=float(held.min()),
        g_max_s=float(held.max()),
        curve=curve,
        reached=reached,
    )


def normalised_curve(held_s: np.ndarray, window: Window, lcis: Window) -> tuple[np.ndarray, np.ndarray]:
    """The operative window's conductance from 0 to 1, and which of its points lie inside the LCIS window.

    Where every level has one conductance nothing is stored, so nothing is reached.

    Args:
        held_s: `held_conductance` of the operative window, shape (window.length,).
        window: Operative window on the branch.
        lcis: LCIS window on the branch.

    Returns:
        `curve` and `reached` of a `DeviceProfile`, both of shape (window.length,).
    """
    lowest, highest = held_s.min(), held_s.max()
    if not highest > lowest:
        return np.zeros(window.length), np.zeros(window.length, dtype=bool)
    place = window.start + np.arange(window.length)
    reached = (place >= lcis.start) & (place < lcis.start + lcis.length)
    return (held_s - lowest) / (highest - lowest), reached


def held_conductance(conductance_s: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Conductance that a cell driven to each point ends at: usable points, held where there is none.

    Args:
        conductance_s: Mean conductance of the window, shape (n,); any value where not usable.
        usable: Shape (n,).

    Raises:
        ProfileError: No usable point with a finite conductance.

    >>> held_conductance(np.array([9.0, 1.0, 2.0, 7.0]), np.array([False, True, True, False]))
    array([1., 1., 2., 2.])
    """
    known = usable & np.isfinite(conductance_s)
    if not known.any():
        raise ProfileError("no usable point in the operative window")
    return conductance_s[held_points(known, np.zeros(1, dtype=int), np.arange(known.size)[None])[0]]


def held_points(usable: np.ndarray, begin: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Point of the branch whose conductance a cell driven to another one keeps.

    The last usable one at or before it; before the first usable one of the window, that one.

    Args:
        usable: Shape (n_points,); every window has a usable point.
        begin: First points of windows, shape (windows,).
        place: Points asked for, none before `begin`, shape (windows, n).

    Returns:
        Shape (windows, n).
    """
    point = np.arange(usable.size)
    last = np.maximum.accumulate(np.where(usable, point, -1))
    following = np.minimum.accumulate(np.where(usable, point, usable.size)[::-1])[::-1]
    held = last[place]
    return np.where(held < begin[:, None], following[begin][:, None], held)


def with_ratios(profile: DeviceProfile, measurement: Measurement, extraction: Extraction) -> DeviceProfile:
    """The profile with the device's own ratios G / mean, for non-parametric noise.

    Raises:
        ProfileError: The measurement is of another device, or no sample counts.
    """
    if measurement.metadata.device != profile.profile:
        raise ProfileError(f"profile {profile.profile} and measurement of {measurement.metadata.device}")
    log_ratio = pooled_log_ratio(measurement, extraction)
    if log_ratio.size == 0:
        raise ProfileError(f"device {profile.profile}: no usable sample to take ratios from")
    return replace(profile, log_ratio=log_ratio)
