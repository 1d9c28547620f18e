"""Usability levels: the panel of devices nearest to them, and synthetic profiles that stand at them.

Synthetic profiles split a usability between its two factors as the devices of
a table do on the whole: -ln U = -ln eta + sigma, of which the share -ln eta is
fitted to all devices. `Trend` holds it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from codesign.nonideality.lcis import operative_window
from codesign.nonideality.profile import DeviceProfile, ProfileError
from codesign.nonideality.profiling import profile_of
from codesign.nonideality.usability import eta_share_of, sigma_of, split

SYNTHETIC_POINTS = 100
"""Branch points of a synthetic profile: those of the reference code's curves."""


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

    >>> rows = [{"device": name, "status": "ok", "usability": u} for name, u in (("a", 0.5), ("b", 0.9))]
    >>> [(level, row["device"]) for level, row in choose_panel(rows, [0.4, 0.8])]
    [(0.8, 'b'), (0.4, 'a')]
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
        length = max(1, min(window, round(split(level, eta_share=along.eta_share)[0] * window)))
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
                sigma=max(0.0, sigma_of(level, eta)),
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
