"""Device profiles: all that programming a network needs to know of a device.

A profile is the operative window of one device (l0 of the branch, from the
start of the LCIS window), its mean conductance there, and the spread. A
target level t in [0, 1] is a position on that window.

Where the source limited the current, the recorded conductance Icc / V falls
by construction: V is what the source was set to, while the voltage across the
cell has collapsed to Icc / G. The cell itself keeps the state in which it
reached the limit, because the limit stops what would have raised it further
(that is how a compliance current sets the on-state of a memristor). So a
masked point, or one where nothing was recorded, holds the conductance of the
last usable point before it; before the first usable point of the window, that
point's. Levels beyond the onset of compliance therefore saturate.

Synthetic profiles split a usability between its two factors as the devices of
a table do on the whole: -ln U = -ln eta + sigma, of which the share -ln eta is
fitted to all devices. `Trend` holds it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from codesign.iv.measurement import Measurement
from codesign.nonideality.device import Extraction, pooled_log_ratio
from codesign.nonideality.lcis import operative_window
from codesign.schemas.profile import PROFILE
from codesign.tables import read_table, write_table

SYNTHETIC_POINTS = 100
"""Branch points of a synthetic profile: those of the reference code's curves."""


class ProfileError(ValueError):
    """No profile can be made or read; the message names it and says why."""


@dataclass(frozen=True, eq=False)
class DeviceProfile:
    """One device, or a synthetic stand-in, as a network sees it."""

    profile: str
    """Device id, or `synthetic-0.30`."""
    kind: str
    """`device` or `synthetic`."""
    origin: str
    """`measured` or `virtual`: the devices it rests on."""
    level: float | None
    """Usability level it stands for in a panel."""
    usability: float
    usability_low: float | None
    usability_high: float | None
    eta: float
    """Non-monotonic factor, 0 < eta <= 1."""
    sigma: float
    """Standard deviation of ln G: the upper bound that usability uses."""
    branch_points: int
    window_start: int
    """First branch point of the operative window."""
    window_length: int
    lcis_start: int
    lcis_length: int
    g_min_s: float | None
    """Least mean conductance of the operative window [S]; None for a synthetic profile."""
    g_max_s: float | None
    curve: np.ndarray
    """(G - g_min) / (g_max - g_min) over the operative window, in [0, 1], shape (window_length,).
    All 0 where g_max = g_min: such a cell stores nothing."""
    reached: np.ndarray
    """Points of the operative window inside the LCIS window, bool, shape (window_length,)."""
    log_ratio: np.ndarray = field(default_factory=lambda: np.empty(0))
    """ln(G / mean) of every usable sample, shape (n_samples,); empty where not kept."""

    def __post_init__(self) -> None:
        for name, dtype in (("curve", float), ("reached", bool), ("log_ratio", float)):
            array = np.array(getattr(self, name), dtype=dtype)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        problems = [
            f"{name} {getattr(self, name)!r} is not one of {', '.join(allowed)}"
            for name, allowed in (("kind", ("device", "synthetic")), ("origin", ("measured", "virtual")))
            if getattr(self, name) not in allowed
        ]
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            problems.append(f"sigma {self.sigma} is not a finite number >= 0")
        for name in ("eta", "usability"):
            if not 0 <= getattr(self, name) <= 1:
                problems.append(f"{name} {getattr(self, name)} is outside 0 ... 1")
        if self.window_length < 1 or self.window_start < 0:
            problems.append(f"no window: start {self.window_start}, length {self.window_length}")
        elif self.window_start + self.window_length > self.branch_points:
            problems.append(f"the window runs past the {self.branch_points} points of the branch")
        for name in ("curve", "reached"):
            if getattr(self, name).shape != (self.window_length,):
                problems.append(f"{name} has shape {getattr(self, name).shape}, not ({self.window_length},)")
        if not np.all((self.curve >= 0) & (self.curve <= 1)):
            problems.append("curve holds values outside 0 ... 1")
        if not np.all(np.isfinite(self.log_ratio)):
            problems.append("log_ratio holds values that are not finite")
        if problems:
            raise ProfileError(f"profile {self.profile}: {'; '.join(problems)}")

    @property
    def off_ratio(self) -> float:
        """g_min / (g_max - g_min): what a cell at level 0 still conducts, in units of the range.

        0 for a synthetic profile, which has no conductance in siemens, and for a
        device without a range.
        """
        if self.g_min_s is None or self.g_max_s is None or not self.g_max_s > self.g_min_s:
            return 0.0
        return self.g_min_s / (self.g_max_s - self.g_min_s)


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
    window = operative_window(row["lcis_start"], points, min_operative_fraction=min_operative_fraction)
    stretch = slice(window.start, window.start + window.length)
    recorded = np.array([np.nan if g is None else g for g in row["conductance_s"][stretch]], dtype=float)
    held = held_conductance(recorded, np.array(row["usable"][stretch], dtype=bool))
    g_min, g_max = float(held.min()), float(held.max())
    place = window.start + np.arange(window.length)
    reached = (place >= row["lcis_start"]) & (place < row["lcis_start"] + row["lcis_length"])
    if g_max > g_min:
        curve = (held - g_min) / (g_max - g_min)
    else:
        # one conductance for every level: nothing is stored, so nothing is reached
        curve, reached = np.zeros(window.length), np.zeros(window.length, dtype=bool)
    return DeviceProfile(
        profile=row["device"],
        kind="device",
        origin=row["origin"],
        level=level,
        usability=row["usability"],
        usability_low=row["usability_low"],
        usability_high=row["usability_high"],
        eta=row["eta"],
        sigma=row["sigma_upper"],
        branch_points=points,
        window_start=window.start,
        window_length=window.length,
        lcis_start=row["lcis_start"],
        lcis_length=row["lcis_length"],
        g_min_s=g_min,
        g_max_s=g_max,
        curve=curve,
        reached=reached,
    )


def held_conductance(conductance_s: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Conductance that a cell driven to each point ends at: usable points, held where there is none.

    Args:
        conductance_s: Mean conductance of the window, shape (n,); any value where not usable.
        usable: Shape (n,).

    Raises:
        ProfileError: No usable point with a finite conductance.
    """
    known = usable & np.isfinite(conductance_s)
    if not known.any():
        raise ProfileError("no usable point in the operative window")
    # index of the last known point at or before each point; before the first, the first
    last = np.maximum.accumulate(np.where(known, np.arange(known.size), -1))
    last[last < 0] = np.flatnonzero(known)[0]
    return conductance_s[last]


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


def choose_panel(rows: Iterable[Mapping], levels: Sequence[float]) -> list[tuple[float, Mapping]]:
    """Devices nearest to the usability levels asked for.

    The closest pair of level and device is taken first, then the closest of
    those left, so each device stands for one level; ties go to the device first
    by name, then to the higher level. A device that is chosen for nothing changes nothing.

    Args:
        rows: Rows of `codesign.schemas.device.DEVICE`; those without a usability are passed over.
        levels: Usability levels, each once.

    Returns:
        (level, row), highest level first; fewer than levels where devices run out.

    Raises:
        ProfileError: A level occurs twice or lies outside (0, 1], or no device has a usability.
    """
    _check_levels(levels)
    usable = {row["device"]: row for row in rows if row["status"] == "ok"}
    if not usable:
        raise ProfileError("no device has a usability: nothing to choose a panel from")
    pairs = sorted(
        (abs(row["usability"] - level), name, -level) for name, row in usable.items() for level in levels
    )
    chosen: dict[float, str] = {}
    for _, name, negative in pairs:
        if -negative not in chosen and name not in chosen.values():
            chosen[-negative] = name
    return [(level, usable[chosen[level]]) for level in sorted(chosen, reverse=True)]


def nearest_level(profiles: Iterable[DeviceProfile], level: float) -> DeviceProfile:
    """The profile of a panel that stands for the level nearest to `level`; ties go to the better device.

    Raises:
        ProfileError: None stands for a level.
    """
    known = [profile for profile in profiles if profile.level is not None]
    if not known:
        raise ProfileError("no profile stands for a usability level: nothing to choose from")
    return min(known, key=lambda profile: (round(abs(profile.level - level), 9), -profile.level))


@dataclass(frozen=True)
class Trend:
    """How the devices of a table lose usability."""

    eta_share: float
    """Share of -ln U that is -ln eta: sum of -ln eta over sum of -ln U."""
    beyond: float
    """Mean normalised conductance at window points beyond the LCIS window, each device counting once."""
    devices: int
    """Devices fitted to."""
    origin: str
    """`measured` or `virtual`."""

    def __post_init__(self) -> None:
        for name in ("eta_share", "beyond"):
            if not 0 <= getattr(self, name) <= 1:
                raise ProfileError(f"{name} {getattr(self, name)} is outside 0 ... 1")

    def rounded(self) -> "Trend":
        """To whole percent, so that levels stay the same where a new device hardly changes the trend."""
        return replace(self, eta_share=round(self.eta_share, 2), beyond=round(self.beyond, 2))


def trend(rows: Iterable[Mapping], *, min_operative_fraction: float, lowest: float = 0.0) -> Trend:
    """Fit the trend that synthetic profiles follow.

    Args:
        rows: Rows of `codesign.schemas.device.DEVICE`; those without a usability are passed over.
        min_operative_fraction: l0, as in the extraction that made the rows.
        lowest: Devices below this usability are left out.

    Raises:
        ProfileError: No device with lowest <= U < 1, or measured and virtual devices meet.
    """
    used = [row for row in rows if row["status"] == "ok" and lowest <= row["usability"] < 1]
    origins = sorted({row["origin"] for row in used})
    if len(origins) != 1:
        what = "measured and virtual devices never share a trend" if origins else "no device to fit it to"
        raise ProfileError(f"no trend: {what}")
    lost_eta = -sum(math.log(row["eta"]) for row in used)
    lost = -sum(math.log(row["usability"]) for row in used)
    profiles = [profile_of(row, min_operative_fraction=min_operative_fraction) for row in used]
    beyond = [float(p.curve[~p.reached].mean()) for p in profiles if p.reached.any() and not p.reached.all()]
    return Trend(
        eta_share=max(0.0, min(1.0, lost_eta / lost)),
        beyond=float(np.mean(beyond)) if beyond else 1.0,
        devices=len(used),
        origin=origins[0],
    )


def synthetic_profiles(
    levels: Sequence[float], along: Trend, *, min_operative_fraction: float
) -> list[DeviceProfile]:
    """A profile for each usability level; level 1 is the ideal device.

    eta = U^share is rounded to whole points and sigma takes up the difference, so
    that eta exp(-sigma) is the level exactly. The curve rises linearly to 1 over
    the LCIS window and stands at the trend's `beyond` after it.

    Args:
        levels: Usability levels in (0, 1], each once.
        along: The split.
        min_operative_fraction: l0.
    """
    _check_levels(levels)
    points = SYNTHETIC_POINTS
    window = operative_window(0, points, min_operative_fraction=min_operative_fraction).length
    made = []
    for level in sorted(levels, reverse=True):
        length = max(1, min(window, round(level**along.eta_share * window)))
        while length < window and length / window < level:
            length += 1
        eta = length / window
        reached = np.arange(window) < length
        rise = np.minimum(np.arange(window) / max(length - 1, 1), 1.0)
        made.append(
            DeviceProfile(
                profile=f"synthetic-{level:.2f}" if round(level, 2) == level else f"synthetic-{level!r}",
                kind="synthetic",
                origin=along.origin,
                level=float(level),
                usability=float(level),
                usability_low=None,
                usability_high=None,
                eta=eta,
                sigma=max(0.0, math.log(eta / level)),
                branch_points=points,
                window_start=0,
                window_length=window,
                lcis_start=0,
                lcis_length=length,
                g_min_s=None,
                g_max_s=None,
                curve=np.where(reached, rise, along.beyond),
                reached=reached,
            )
        )
    return made


def _check_levels(levels: Sequence[float]) -> None:
    wrong = [level for level in levels if not 0 < level <= 1]
    if wrong or len(set(levels)) != len(levels) or not levels:
        raise ProfileError(f"levels must lie in (0, 1] and occur once, got {list(levels)}")


def to_rows(profiles: Iterable[DeviceProfile]) -> list[dict]:
    """Rows of `codesign.schemas.profile.PROFILE`."""
    rows = []
    for profile in profiles:
        row = {f.name: getattr(profile, f.name) for f in fields(profile)}
        rows.append(row | {name: row[name].tolist() for name in ("curve", "reached", "log_ratio")})
    return rows


def from_rows(rows: Iterable[Mapping]) -> list[DeviceProfile]:
    """Profiles from rows of `codesign.schemas.profile.PROFILE`.

    Raises:
        ProfileError: A row holds what no profile has.
    """
    return [DeviceProfile(**{name: row[name] for name in PROFILE.names}) for row in rows]


def write_profiles(
    profiles: Iterable[DeviceProfile], path: Path | str, *, metadata: Mapping | None = None
) -> None:
    """Write profiles; replaced only when the new file is complete."""
    write_table(to_rows(profiles), path, schema=PROFILE, metadata=metadata)


def read_profiles(path: Path | str) -> list[DeviceProfile]:
    """Read profiles in the order written.

    Raises:
        TableError: Not a profile table.
        ProfileError: A row holds what no profile has.
    """
    return from_rows(read_table(path, schema=PROFILE).to_pylist())
