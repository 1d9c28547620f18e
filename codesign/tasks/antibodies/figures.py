"""Scores by how near an antibody is to those that were seen."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import head, in_order, look_of_method
from codesign.figures.style import GREY, TWO_COLUMNS_MM, Drawing, axes_mm, house_style, new_figure

METRICS = {"auc": "area under ROC", "accuracy": "accuracy", "mcc": "Matthews correlation"}
LIMITS = {"auc": (0, 1.02), "accuracy": (0, 1.02), "mcc": (-0.4, 1.02)}
COLUMNS = ("method", "level", "usability", "programming", "band", "pairs", "positive")
WIDTH_MM, HEIGHT_MM, GAP_MM = 45, 30, 12
SPREAD = 0.5
"""Width over which the methods' points of one band are set apart, in bands."""


def bands(rows: Sequence[Mapping], *, experiment: str, origin: str) -> Drawing:
    """Each metric by band of similarity, a usability level a row of panels.

    Args:
        rows: As the task's scorer keeps them, every programming of each method and level.
        experiment: Its name.
        origin: measured | virtual.
    """
    columns = (*COLUMNS, *METRICS, *(f"nearest_{metric}" for metric in METRICS))
    numbers = [{name: row[name] for name in columns} for row in rows]
    methods = in_order(row["method"] for row in numbers)
    levels = sorted({row["level"] for row in numbers}, reverse=True)
    names = {row["band"]: row["pairs"] for row in numbers}  # in the order of the details
    height = 27 + (HEIGHT_MM + GAP_MM) * len(levels)
    programmings = len({row["programming"] for row in numbers})
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"a point: one programming of {programmings}, the same draws for all methods",
            "band: of a tested antibody's similarity to the nearest seen one; below it, the number of pairs",
        )
        head(
            figure, height, f"{experiment}: scores by nearness to seen antibodies", lines, origin, on="levels"
        )
        for k, level in enumerate(levels):
            bottom = 15 + (HEIGHT_MM + GAP_MM) * (len(levels) - 1 - k)
            for column, metric in enumerate(METRICS):
                axes = axes_mm(figure, 13 + (WIDTH_MM + 14) * column, bottom, WIDTH_MM, HEIGHT_MM)
                here = [row for row in numbers if row["level"] == level]
                _panel(axes, here, methods, names, metric, title=f"U = {level:g}" if column == 0 else "")
        figure.axes[-len(METRICS)].legend(loc="upper left", bbox_to_anchor=(0, -0.32), ncols=len(methods) + 1)
        return Drawing(figure, numbers)


def _panel(
    axes,
    rows: Sequence[Mapping],
    methods: Sequence[str],
    names: Mapping[str, int],
    metric: str,
    *,
    title: str,
) -> None:
    place = {name: number for number, name in enumerate(names)}
    for name, number in place.items():
        nearest = next(row[f"nearest_{metric}"] for row in rows if row["band"] == name)
        label = "nearest seen antibody's answer on that antigen" if number == 0 else None
        axes.plot([number - 0.42, number + 0.42], [nearest, nearest], color=GREY, lw=1.0, label=label)
    for k, method in enumerate(methods):
        look = look_of_method(method)
        shift = SPREAD * ((k + 0.5) / len(methods) - 0.5)
        mine = [row for row in rows if row["method"] == method]
        x, y = [place[row["band"]] + shift for row in mine], [row[metric] for row in mine]
        size = look.size * 0.8
        axes.plot(
            x, y, look.marker, color=look.colour, ms=size, mew=0, alpha=0.7, label=method_of(method).title
        )
    labels = [f"{_short(name)}\n{pairs:,}" for name, pairs in names.items()]
    axes.set_xticks(list(place.values()), labels, fontsize=5)
    axes.set(xlim=(-0.6, len(place) - 0.4), ylim=LIMITS[metric])
    axes.set_ylabel(METRICS[metric])
    axes.set_title(title)
    axes.grid(axis="y")


def _short(name: str) -> str:
    """A band's name as an axis has room for it."""
    if name.startswith("below "):
        return f"<{name.removeprefix('below ')}"
    if name.endswith(" and above"):
        return f"≥{name.removesuffix(' and above')}"
    return name.replace(" to ", "–") if name[0].isdigit() else name.replace(" ", "\n", 1)
