"""Levels of usability or fidelity: the panel of devices nearest to them, and synthetic profiles at them.

Synthetic profiles split a usability between its two factors as the devices of
a table do on the whole: -ln U = -ln eta + sigma, of which the share -ln eta is
fitted to all devices. `Trend` holds it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from codesign.nonideality.curve import curve_segments
from codesign.nonideality.fidelity import Columns, fidelity, lognormal_factors
from codesign.nonideality.lcis import operative_window
from codesign.nonideality.profile import DeviceProfile, ProfileError
from codesign.nonideality.profiling import profile_of
from codesign.nonideality.usability import eta_share_of, sigma_of, split

SYNTHETIC_POINTS = 100
"""Branch points of a synthetic profile: those of the reference code's curves."""
BY = ("usability", "fidelity")
"""What levels may be levels of."""
LEAST = 1e-6
"""Least usability among which a fidelity is looked for."""
HALVINGS = 30
LARGEST_SIGMA = 10.0
"""Among which the spread of a device in a search is looked for."""
EQUIVALENT_DRAWS = 400
"""Columns that decide it."""
NEAR = 0.02
"""A level of fidelity is met to within this: whole points of the curve make it jump."""


def choose_panel(
    rows: Iterable[Mapping], levels: Sequence[float], *, by: str = "usability"
) -> list[tuple[float, Mapping]]:
    """Devices nearest to the levels asked for.

    The closest pair of level and device is taken first, then the closest of
    those left, so each device stands for one level; ties go to the device first
    by name, then to the higher level. A device that is chosen for nothing changes nothing.

    Args:
        rows: Rows of `codesign.schemas.device.DEVICE`; those without a usability are passed over.
        levels: Levels of usability or fidelity, each once.
        by: `usability` | `fidelity`: what levels are levels of.

    Returns:
        (level, row), highest level first; fewer than levels where devices run out.

    Raises:
        ProfileError: A level occurs twice or lies outside (0, 1], or no device has a usability.

    >>> rows = [{"device": name, "status": "ok", "usability": u} for name, u in (("a", 0.5), ("b", 0.9))]
    >>> [(level, row["device"]) for level, row in choose_panel(rows, [0.4, 0.8])]
    [(0.8, 'b'), (0.4, 'a')]
    """
    _check_levels(levels, by)
    usable = {row["device"]: row for row in rows if row["status"] == "ok"}
    if not usable:
        raise ProfileError("no device has a usability: nothing to choose a panel from")
    pairs = sorted((abs(row[by] - level), name, -level) for name, row in usable.items() for level in levels)
    chosen: dict[float, str] = {}
    for _, name, negative in pairs:
        if -negative not in chosen and name not in chosen.values():
            chosen[-negative] = name
    return [(level, usable[chosen[level]]) for level in sorted(chosen, reverse=True)]


def panel_profiles(
    rows: Iterable[Mapping],
    levels: Sequence[float],
    along: "Trend",
    *,
    by: str,
    min_operative_fraction: float,
    columns: Columns,
) -> list[DeviceProfile]:
    """Profiles of the panel: the ideal device for level 1, for others the devices nearest to them.

    The ideal device is what a network is before it is programmed. With it in the panel, noise is searched
    for good devices too, better than any that was made. A device keeps its curve, and its spread is
    `equivalent_sigma`: in a search it is programmed by a law, and must be as hard there as it is.

    Args:
        rows: Rows of `codesign.schemas.device.DEVICE`; those without a usability are passed over.
        levels: Levels in (0, 1], each once.
        along: The trend of the same rows.
        by: `usability` | `fidelity`: what levels are levels of.
        min_operative_fraction: l0.
        columns: What the ideal device's fidelity is computed on.

    Returns:
        Highest level first.

    Raises:
        ProfileError: As `choose_panel`.
    """
    _check_levels(levels, by)
    below = [level for level in levels if level < 1]
    found = []
    if len(below) < len(levels):
        found = synthetic_profiles(
            [1.0], along, min_operative_fraction=min_operative_fraction, columns=columns
        )
    if below:
        for level, row in choose_panel(rows, below, by=by):
            profile = profile_of(row, min_operative_fraction=min_operative_fraction, level=level)
            found.append(replace(profile, sigma=equivalent_sigma(profile, columns)))
    return found


def equivalent_sigma(profile: DeviceProfile, columns: Columns) -> float:
    """The sigma of log-normal factors with which a device's curve has the device's fidelity.

    The spread of ln G counts a cycle that conducts too little as much as one that conducts too much, which
    networks do not: programmed with it, a device of U = 0.06 and F = 0.75 is chance, where networks on its
    own cycles are not. With this one, the log-normal law is as hard on networks as the cycles are.

    Args:
        profile: Of a device.
        columns: What fidelities are computed on; the first `EQUIVALENT_DRAWS` of them are used.

    Returns:
        To four decimals, so that it does not hang on the last bits; its own sigma where the profile has no
        fidelity, 0 where the curve alone costs as much as is lost.
    """
    if profile.fidelity is None:
        return profile.sigma
    few = Columns(columns.level[:EQUIVALENT_DRAWS], columns.place[:EQUIVALENT_DRAWS])
    segments = curve_segments(profile.curve, profile.reached, "relative")
    low, high = 0.0, LARGEST_SIGMA
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = fidelity(segments, lognormal_factors(middle, few), few) > profile.fidelity
        low, high = (middle, high) if above else (low, middle)
    return round(low, 4)


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
    profiles = [profile_of(row, min_operative_fraction=min_operative_fraction) for row in used]
    beyond = [float(p.curve[~p.reached].mean()) for p in profiles if p.reached.any() and not p.reached.all()]
    return Trend(
        eta_share=eta_share_of((row["usability"], row["eta"]) for row in used),
        beyond=float(np.mean(beyond)) if beyond else 1.0,
        devices=len(used),
        origin=origins[0],
    )


def synthetic_profiles(
    levels: Sequence[float],
    along: Trend,
    *,
    min_operative_fraction: float,
    columns: Columns | None = None,
    by: str = "usability",
) -> list[DeviceProfile]:
    """A profile for each level; level 1 is the ideal device.

    eta = U^share is rounded to whole points and sigma takes up the difference, so
    that eta exp(-sigma) is the usability exactly. The curve rises linearly to 1 over
    the LCIS window and stands at the trend's `beyond` after it. A level of fidelity
    is the usability whose profile has it, to within `NEAR`.

    Args:
        levels: Levels in (0, 1], each once.
        along: The split.
        min_operative_fraction: l0.
        columns: What fidelity is computed on, the same for every level; None leaves it out.
        by: `usability` | `fidelity`: what levels are levels of; fidelity needs columns.

    Raises:
        ProfileError: A level occurs twice or lies outside (0, 1], or no usability along the trend has
            a fidelity as low as one asked for.
    """
    _check_levels(levels, by)
    made = []
    for level in sorted(levels, reverse=True):
        name = f"{level:.2f}" if round(level, 2) == level else f"{level!r}"
        if by == "usability":
            profile = _synthetic(level, along, min_operative_fraction, columns)
        else:
            profile = _of_fidelity(level, along, min_operative_fraction, columns)
            name = f"fidelity-{name}"
        made.append(replace(profile, profile=f"synthetic-{name}", level=float(level)))
    return made


def _synthetic(
    usability: float, along: Trend, min_operative_fraction: float, columns: Columns | None
) -> DeviceProfile:
    """The profile of a usability on the trend."""
    points = SYNTHETIC_POINTS
    window = operative_window(0, points, min_operative_fraction=min_operative_fraction).length
    length = max(1, min(window, round(split(usability, eta_share=along.eta_share)[0] * window)))
    while length < window and length / window < usability:
        length += 1
    eta = length / window
    reached = np.arange(window) < length
    rise = np.minimum(np.arange(window) / max(length - 1, 1), 1.0)
    curve = np.where(reached, rise, along.beyond)
    sigma = max(0.0, sigma_of(usability, eta))
    kept = None
    if columns is not None:
        segments = curve_segments(curve, reached, "relative")
        kept = fidelity(segments, lognormal_factors(sigma, columns), columns)
    return DeviceProfile(
        profile="synthetic",
        kind="synthetic",
        origin=along.origin,
        level=None,
        usability=float(usability),
        usability_low=None,
        usability_high=None,
        fidelity=kept,
        eta=eta,
        sigma=sigma,
        branch_points=points,
        window_start=0,
        window_length=window,
        lcis_start=0,
        lcis_length=length,
        g_min_s=None,
        g_max_s=None,
        curve=curve,
        reached=reached,
    )


def _of_fidelity(
    level: float, along: Trend, min_operative_fraction: float, columns: Columns | None
) -> DeviceProfile:
    """The profile on the trend whose fidelity is nearest to a level, by halving the range of ln U."""
    if columns is None:
        raise ValueError("levels of fidelity need columns to compute it on")
    best = _synthetic(1.0, along, min_operative_fraction, columns)
    low, high = math.log(LEAST), 0.0
    for _ in range(HALVINGS):
        if abs(best.fidelity - level) < NEAR / 10:
            break
        middle = (low + high) / 2
        tried = _synthetic(math.exp(middle), along, min_operative_fraction, columns)
        if abs(tried.fidelity - level) < abs(best.fidelity - level):
            best = tried
        low, high = (low, middle) if tried.fidelity > level else (middle, high)
    if abs(best.fidelity - level) > NEAR:
        raise ProfileError(
            f"no synthetic profile has the fidelity {level:g}: along the trend the nearest is "
            f"{best.fidelity:.3f}, of usability {best.usability:.3g}"
        )
    return best


def _check_levels(levels: Sequence[float], by: str) -> None:
    if by not in BY:
        raise ValueError(f"by must be one of {', '.join(BY)}, got {by!r}")
    wrong = [level for level in levels if not 0 < level <= 1]
    if wrong or len(set(levels)) != len(levels) or not levels:
        raise ProfileError(f"levels must lie in (0, 1] and occur once, got {list(levels)}")
