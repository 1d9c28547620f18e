"""What needs no network, as lines across an accuracy figure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codesign.figures.style import GREY
from codesign.schemas.baselines import BASELINES
from codesign.tables import read_table

LABEL_MM = 2.3
"""Height of a label, and the least distance between two."""


@dataclass(frozen=True)
class BaselineScore:
    """One answer without a network, in the metric of a figure."""

    title: str
    value: float


def scores_drawn(path: Path | None, metric: str, titles: Mapping[str, str]) -> tuple[BaselineScore, ...]:
    """The scores that a figure of one metric draws.

    Args:
        path: Table of `codesign.schemas.baselines.BASELINES`; None where the task has none.
        metric: Name of the metric.
        titles: Baseline to its title; the order of the scores.
    """
    rows = [] if path is None else read_table(path, schema=BASELINES).to_pylist()
    found = {row["baseline"]: row["value"] for row in rows if row["metric"] == metric}
    return tuple(BaselineScore(title, found[name]) for name, title in titles.items() if name in found)


def baseline_lines(axes, baselines: Sequence[BaselineScore]) -> None:
    """A line across the axes for each baseline, its title and value at the left end.

    Called when the limits stand; they are widened where a baseline lies outside. Labels of close lines are
    moved apart, each with a short stroke to its line.
    """
    if not baselines:
        return
    low, high = axes.get_ylim()
    values = [each.value for each in baselines]
    margin = 0.03 * (high - low)
    low, high = min(low, min(values) - margin), max(high, max(values) + margin)
    axes.set_ylim(low, high)
    height_mm = axes.get_position().height * axes.figure.get_size_inches()[1] * 25.4
    step = LABEL_MM / height_mm * (high - low)
    ordered = sorted(baselines, key=lambda each: each.value)
    places = _apart([each.value for each in ordered], step, low + step / 2, high - step / 2)
    left, right = axes.get_xlim()
    span = right - left
    for each, place in zip(ordered, places, strict=True):
        axes.axhline(each.value, color=GREY, lw=0.5, ls=(0, (7, 3)), zorder=1.2, gid=f"baseline {each.title}")
        axes.plot(
            [left, left + 0.02 * span],
            [each.value, place],
            color=GREY,
            lw=0.4,
            zorder=1.2,
            scalex=False,
            scaley=False,
        )
        axes.text(
            left + 0.025 * span,
            place,
            f"{each.title} {each.value:.3f}",
            fontsize=5,
            color=GREY,
            va="center",
            zorder=4,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.3},
        )


def _apart(values: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Places in the order of `values`, as near to them as at least `step` between them and the limits allow.

    Example:
        >>> _apart([0.0, 0.5, 0.5], 0.1, 0.0, 1.0)
        [0.0, 0.45, 0.55]
    """

    def within(centre: float, count: int) -> tuple[float, int]:
        half = step * (count - 1) / 2
        return min(max(centre, low + half), high - half), count

    groups: list[tuple[float, int]] = []  # labels that touch: their centre, how many
    for value in values:
        groups.append(within(value, 1))
        while len(groups) > 1 and _gap(*groups[-2:], step) < -1e-12:
            (second, more), (first, some) = groups.pop(), groups.pop()
            groups.append(within((first * some + second * more) / (some + more), some + more))
    return [centre + step * (k - (count - 1) / 2) for centre, count in groups for k in range(count)]


def _gap(below: tuple[float, int], above: tuple[float, int], step: float) -> float:
    """Room between two groups of labels, each `step` high."""
    return above[0] - below[0] - step * (below[1] + above[1]) / 2


def said_of(baselines: Sequence[BaselineScore]) -> str:
    """What the head of a figure adds where there are such lines."""
    return "; long dashes: without a network" if baselines else ""


def baseline_numbers(
    columns: Iterable[str], baselines: Sequence[BaselineScore], **shared: object
) -> list[dict]:
    """Rows of a figure's CSV, one a baseline: its title stands for the method.

    Args:
        columns: Of the other rows.
        baselines: Those drawn.
        shared: Values of columns that all of them have.
    """
    blank = dict.fromkeys(columns)
    return [
        blank
        | {key: value for key, value in shared.items() if key in blank}
        | {"method": f"without a network: {each.title}", "mean": each.value}
        for each in baselines
    ]
