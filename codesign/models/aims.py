"""What networks are chosen for: the panel as a whole, or each of its levels by itself.

With `search.for: panel` a method has one network, whose noise is best on average over the panel. With
`search.for: level` it has one for each level of the panel, and whatever is programmed, a level or a device,
takes the network of the panel level nearest to it by fidelity. What is known of a device decides, never a
score on it. Trials are the same in both cases; only the choice among them differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

FOR = ("panel", "level")
PANEL = "panel"
"""Name of the aim that is the whole panel."""


class AimError(ValueError):
    """There is no network for what is asked; the message says why."""


@dataclass(frozen=True)
class Aim:
    """What one network of a method is chosen for."""

    name: str
    """`panel`, or the level as in the names of files: 0.6."""
    level: float | None = None
    """Of the panel; None for all of them."""
    profile: str | None = None
    """The panel's device that stands for the level."""
    usability: float | None = None
    """Of that device."""
    fidelity: float | None = None
    """Of that device; None where it was not computed."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """The aim that an object of `chosen.json` or `spec.json` tells of; the rest of it is passed over."""
        return cls(**{name: said[name] for name in cls.__dataclass_fields__})


def aim_names(levels: Sequence[float], *, search_for: str) -> list[str]:
    """Names of a method's networks, known before there is a panel.

    Args:
        levels: Of the panel, as the configuration has them.
        search_for: panel | level.

    >>> aim_names([0.8, 0.4], search_for="level")
    ['0.8', '0.4']
    """
    if search_for not in FOR:
        raise AimError(f"search.for must be {' or '.join(FOR)}, got {search_for!r}")
    return [PANEL] if search_for == "panel" else [level_name(level) for level in levels]


def level_name(level: float) -> str:
    """How a level is called in the names of files."""
    return f"{level:.12g}"


def aim_for(aims: Sequence[Aim], *, usability: float, fidelity: float | None) -> Aim:
    """The aim whose network something with this usability and fidelity is given.

    The nearest by fidelity; by usability where the fidelity of one of them is not known. Of two that are
    equally near, the one for the better device.

    Args:
        aims: Those of one method; one that is the whole panel stands alone.
        usability: Of what is programmed.
        fidelity: Of what is programmed; None where it was not computed.

    Raises:
        AimError: No aim.

    >>> aims = [Aim("0.8", 0.8, "a", 0.79, 0.95), Aim("0.2", 0.2, "b", 0.2, 0.8)]
    >>> aim_for(aims, usability=0.2, fidelity=0.9).name
    '0.8'
    """
    if not aims:
        raise AimError("no network to choose from")
    if len(aims) == 1:
        return aims[0]
    by_fidelity = fidelity is not None and all(aim.fidelity is not None for aim in aims)
    here = fidelity if by_fidelity else usability

    def distance(aim: Aim) -> tuple[float, float]:
        there = aim.fidelity if by_fidelity else aim.usability
        return round(abs(there - here), 9), -there

    return min(aims, key=distance)


def aim_at(aims: Sequence[Aim], level: float) -> Aim:
    """The aim whose level is nearest to `level`; of two, that of the higher one.

    Raises:
        AimError: No aim.
    """
    if not aims:
        raise AimError("no network to choose from")
    if len(aims) == 1:
        return aims[0]
    return min(aims, key=lambda aim: (round(abs(aim.level - level), 9), -aim.level))


def share_out(aims: Sequence[Aim], profiles: Sequence[Any]) -> dict[Aim, list]:
    """Profiles by the aim whose network they are given, in the order of aims, those without one left out.

    Args:
        aims: Those of one method.
        profiles: Of `codesign.nonideality.profile.DeviceProfile`.
    """
    taken = [(aim_for(aims, usability=p.usability, fidelity=p.fidelity), p) for p in profiles]
    found = {aim: [profile for mine, profile in taken if mine == aim] for aim in aims}
    return {aim: mine for aim, mine in found.items() if mine}
