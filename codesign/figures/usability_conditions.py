"""Usability against each fabrication variable, a panel a variable."""

import string
from collections.abc import Mapping, Sequence

import numpy as np

from codesign.figures.style import (
    BLACK,
    GREY,
    TWO_COLUMNS_MM,
    Drawing,
    Looks,
    axes_mm,
    house_style,
    log_ticks,
    new_figure,
)
from codesign.figures.usability import head, percent
from codesign.labels import axis_label, value_label
from codesign.variables import PAPER, Variable, Variables

COLUMNS = 3
"""Panels of conditions side by side."""
SLOTS = (0, 1, -1, 2, -2, 3, -3)
SLOT_WIDTH = 0.022
"""Between devices drawn side by side, as a share of the panel's width."""
CLEAR_OF = 0.045
"""Devices of one level that differ by less in usability are drawn side by side."""


def draw_conditions(
    rows: Sequence[Mapping],
    space: Mapping[str, Sequence],
    *,
    confidence: float,
    variables: Variables = PAPER,
) -> Drawing:
    """Usability against each fabrication variable, with its interval.

    Args:
        rows: Device rows of one origin, with a key for each variable.
        space: Levels of each variable; ticks stand there, devices at or beside their true value.
        confidence: Of the intervals, as the rows were made.
        variables: What the laboratory varies: a panel each.
    """
    looks, places = Looks.of(variables, space), _places(len(variables) + 1)
    height = 12 + 53 * -(-(len(variables) + 1) // COLUMNS)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        head(figure, height, "Usability against how a device was made", rows)
        numbers: list[dict] = []
        for each, (x, y), letter in zip(variables, places, string.ascii_lowercase, strict=False):
            axes = axes_mm(figure, x, y, 43, 36)
            axes.set_title(f"{letter}  {axis_label(each)}")
            axes.set(ylim=(-0.13, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])
            axes.set_ylabel("usability U")
            axes.axhline(-0.035, color=GREY, lw=0.4)
            axes.grid(True)
            numbers += _against(axes, each, rows, list(space[each.name]), looks)
        _conditions_key(figure, places[-1], rows, confidence, looks)
        return Drawing(figure, numbers)


def _places(count: int) -> list[tuple[float, float]]:
    """Lower left corners of panels in mm, row by row from the top; the last is the key's."""
    rows = -(-count // COLUMNS)
    return [(14 + 60 * (k % COLUMNS), 11 + 53 * (rows - 1 - k // COLUMNS)) for k in range(count)]


def _dodged(known: Sequence[Mapping], place: Mapping[str, float], axes) -> dict[str, float]:
    """Places where devices of one level and about one usability stand side by side, not on each other.

    Slots alternate about the level's own place (0, +1, -1, +2, ...); a device takes the first
    slot that no device within `CLEAR_OF` in usability has. Where slots run out it keeps the last.
    """
    to_axes, to_data = axes.transData + axes.transAxes.inverted(), axes.transAxes + axes.transData.inverted()
    taken: dict[tuple[float, int], list[float]] = {}
    dodged = {}
    for row in sorted(known, key=lambda row: (-(row["usability"] or 0.0), row["device"])):
        x, u = place[row["device"]], -1.0 if row["usability"] is None else row["usability"]
        for slot in SLOTS:
            others = taken.setdefault((x, slot), [])
            if all(abs(u - other) >= CLEAR_OF for other in others):
                break
        others.append(u)
        left, height = to_axes.transform((x, 0.0))
        aside = float(to_data.transform((left + slot * SLOT_WIDTH, height))[0])
        dodged[row["device"]] = aside if slot else x
    return dodged


def _log_is_better(levels: Sequence[float]) -> bool:
    """Whether these levels stand more evenly on a log axis."""
    if len(levels) < 3 or min(levels) <= 0 or max(levels) < 10 * min(levels):
        return False
    steps = [np.diff(scale(np.sort(levels))) for scale in (np.asarray, np.log)]
    plain, log = (float(s.std() / s.mean()) for s in steps)
    return log < plain


def _against(axes, variable: Variable, rows: Sequence[Mapping], levels: list, looks: Looks) -> list[dict]:
    """One panel of `draw_conditions`."""
    name = variable.name
    known = [row for row in rows if row[name] is not None]
    if variable.is_category:
        names = [*levels, *sorted({row[name] for row in known} - set(levels))]
        said = [value_label(variable, value) for value in names]
        axes.set_xticks(range(len(names)), said, rotation=20, ha="right")
        axes.tick_params(axis="x", pad=1)
        axes.set_xlim(-0.5, len(names) - 0.5)
        place = {row["device"]: names.index(row[name]) for row in known}
    else:
        place = {row["device"]: float(row[name]) for row in known}
        _numeric_axis(axes, [float(level) for level in levels], list(place.values()))
    crowded = len(known) > 100
    place = _dodged(known, place, axes)
    numbers = []
    for row in known:
        x, u = place[row["device"]], row["usability"]
        colour, marker = looks(row)
        on_grid = any(row[name] == level for level in levels)
        if u is None:
            axes.plot(x, -0.085, "x", color=colour, ms=2.4, mew=0.6)
        else:
            low, high = row["usability_low"], row["usability_high"]
            axes.plot([x, x], [low, high], color=colour, lw=0.5, alpha=0.25 if crowded else 0.5, zorder=1)
            face = colour if on_grid else "white"
            axes.plot(
                x, u, marker, mfc=face, mec=colour, mew=0.6, ms=2 if crowded else 2.8, alpha=0.85, zorder=2
            )
        numbers.append(
            {
                "variable": name,
                "device": row["device"],
                "level": row[name],
                "x": x,
                "on_grid": on_grid,
                "usability": u,
                "usability_low": row["usability_low"],
                "usability_high": row["usability_high"],
                "status": row["status"],
            }
        )
    if len(known) < len(rows):
        missing = f"not known for {len(rows) - len(known)} of {len(rows)} devices"
        axes.text(0.99, 0.98, missing, transform=axes.transAxes, ha="right", va="top", fontsize=5, color=GREY)
    return numbers


def _numeric_axis(axes, levels: list[float], values: list[float]) -> None:
    """Ticks at the grid's levels, limits around levels and devices; log where that spaces them better."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    low, high = min([*levels, *values]), max([*levels, *values])
    if _log_is_better(levels) and low > 0:
        axes.set_xscale("log")
        margin = (high / low) ** 0.06 if high > low else 1.2
        axes.set_xlim(low / margin, high * margin)
        log_ticks(axes.xaxis)
    else:
        margin = 0.06 * (high - low) or 1.0
        axes.set_xlim(low - margin, high + margin)
    axes.set_xticks(levels, [f"{level:g}" for level in levels])
    off = sorted(set(values) - set(levels))
    axes.xaxis.set_minor_locator(FixedLocator(off) if off else NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    if len(levels) > 6:
        axes.tick_params(axis="x", labelsize=5.2)


def _conditions_key(
    figure, place: tuple[float, float], rows: Sequence[Mapping], confidence: float, looks: Looks
) -> None:
    """The key, in the place of a last panel."""
    axes = axes_mm(figure, place[0] - 5, place[1], 48, 36)
    axes.set_axis_off()
    for value, label in looks.key(rows).items():
        colour, marker = looks.look(value)
        count = sum(looks.value(row) == value for row in rows)
        axes.plot([], [], marker, color=colour, ms=2.8, mew=0, label=f"{label} (n = {count})")
    axes.plot(
        [], [], "o", mfc="white", mec=BLACK, mew=0.6, ms=2.8, label="level off the grid, at its true value"
    )
    axes.plot([], [], color=BLACK, lw=0.5, alpha=0.5, label=f"{percent(confidence)} bootstrap interval")
    if any(row["usability"] is None for row in rows):
        axes.plot([], [], "x", color=BLACK, ms=2.4, mew=0.6, label="no usability (below the line)")
    axes.legend(loc="upper left", labelspacing=0.5)
