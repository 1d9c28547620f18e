"""How far a programmed network sees: triplets found by the words between aspect and opinion."""

from collections.abc import Mapping, Sequence
from statistics import mean

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import head, in_order, look_of_method
from codesign.figures.style import TWO_COLUMNS_MM, Drawing, axes_mm, house_style, new_figure

COLUMNS = ("method", "level", "usability", "programming", "between", "triplets", "recall")
WIDTH_MM, HEIGHT_MM, GAP_MM = 48, 42, 10
SPREAD = 0.3
"""Width over which the methods' points at one place are set apart, in places."""


def reach(rows: Sequence[Mapping], *, experiment: str, origin: str) -> Drawing:
    """Recall by words between aspect and opinion, a usability level a panel.

    Args:
        rows: As the task's scorer keeps them, every programming of each method and level.
        experiment: Its name.
        origin: measured | virtual.
    """
    numbers = [{name: row[name] for name in COLUMNS} for row in rows]
    methods = in_order(row["method"] for row in numbers)
    levels = sorted({row["level"] for row in numbers}, reverse=True)
    counts = {row["between"]: row["triplets"] for row in numbers}  # in the order of the details
    programmings = len({row["programming"] for row in numbers})
    height = HEIGHT_MM + 38
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"a point: one programming of {programmings}, same draws for all methods; lines join means",
            "below: words between aspect and opinion, and how many test triplets have so many",
        )
        head(figure, height, f"{experiment}: triplets found by their reach", lines, origin, on="levels")
        for column, level in enumerate(levels):
            axes = axes_mm(figure, 13 + (WIDTH_MM + GAP_MM) * column, 16, WIDTH_MM, HEIGHT_MM)
            here = [row for row in numbers if row["level"] == level]
            _panel(axes, here, methods, counts)
            axes.set_title(f"U = {level:g}")
            if column == 0:
                axes.set_ylabel("recall of exact triplets")
        figure.axes[0].legend(loc="upper left", bbox_to_anchor=(0, -0.17), ncols=len(methods))
        return Drawing(figure, numbers)


def _panel(axes, rows: Sequence[Mapping], methods: Sequence[str], counts: Mapping[str, int]) -> None:
    place = {between: number for number, between in enumerate(counts)}
    for k, method in enumerate(methods):
        look = look_of_method(method)
        shift = SPREAD * ((k + 0.5) / len(methods) - 0.5)
        mine = [row for row in rows if row["method"] == method]
        axes.plot(
            [place[row["between"]] + shift for row in mine],
            [row["recall"] for row in mine],
            look.marker, color=look.colour, ms=look.size * 0.8, mew=0, alpha=0.7,
            label=method_of(method).title,
        )  # fmt: skip
        means = [mean(row["recall"] for row in mine if row["between"] == between) for between in place]
        axes.plot([number + shift for number in place.values()], means, color=look.colour, lw=0.8)
    axes.set_xticks(list(place.values()), [f"{between}\n{n:,}" for between, n in counts.items()], fontsize=5)
    axes.set(xlim=(-0.5, len(place) - 0.5), ylim=(0, 1.02))
    axes.grid(axis="y")
