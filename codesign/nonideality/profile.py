"""Device profiles: all that programming a network needs to know of a device.

A profile is the operative window of one device (l0 of the branch, from the
start of the LCIS window), its mean conductance there, and the spread. A
target level t in [0, 1] is a position on that window. Profiles of devices are made
in `codesign.nonideality.profiling`, synthetic ones in `codesign.nonideality.levels`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from codesign.schemas.profile import PROFILE
from codesign.tables import read_table, write_table


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
    """Level of usability, or of fidelity, it stands for in a panel."""
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
    fidelity: float | None = None
    """F, 0 ... 1; None where it was not computed."""
    fidelity_low: float | None = None
    fidelity_high: float | None = None

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
        for name in ("fidelity", "fidelity_low", "fidelity_high"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                problems.append(f"{name} {value} is outside 0 ... 1")
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


def nearest_level(profiles: Iterable[DeviceProfile], level: float) -> DeviceProfile:
    """The profile of a panel that stands for the level nearest to `level`; ties go to the better device.

    Raises:
        ProfileError: None stands for a level.
    """
    known = [profile for profile in profiles if profile.level is not None]
    if not known:
        raise ProfileError("no profile stands for a usability level: nothing to choose from")
    return min(known, key=lambda profile: (round(abs(profile.level - level), 9), -profile.level))


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
