"""The figure that only the two moons have: how the decisions of a programmed network dissolve."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import head
from codesign.figures.style import TWO_COLUMNS_MM, Drawing, axes_mm, house_style, new_figure

PANEL_MM = 46
COLUMNS = ("method", "level", "usability", "programming", "x", "y", "target", "probability")


def decisions(rows: Sequence[Mapping], *, experiment: str, origin: str) -> Drawing:
    """Test points coloured by the probability given to class 1, wrong decisions crossed.

    Args:
        rows: As the task's scorer keeps them; the first programming of each method and level is drawn.
        experiment: Its name.
        origin: measured | virtual.
    """
    first = min(row["programming"] for row in rows)
    numbers = [{name: row[name] for name in COLUMNS} for row in rows if row["programming"] == first]
    methods = list(dict.fromkeys(row["method"] for row in numbers))
    levels = sorted({row["level"] for row in numbers}, reverse=True)
    height = 20 + (PANEL_MM + 8) * len(methods)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        points = len(numbers) // (len(methods) * len(levels))
        lines = (
            f"n = {points} test points, one programming a panel, the same draws for all methods",
            "colour: probability given to the upper moon (blue 0, red 1); black cross: decided wrongly",
        )
        head(figure, height, f"{experiment}: decisions of one programming", lines, origin, on="levels")
        for k, method in enumerate(methods):
            for column, level in enumerate(levels):
                bottom = 8 + (PANEL_MM + 8) * (len(methods) - 1 - k)
                axes = axes_mm(figure, 12 + (PANEL_MM + 10) * column, bottom, PANEL_MM, PANEL_MM - 4)
                mine = [row for row in numbers if (row["method"], row["level"]) == (method, level)]
                _panel(axes, mine, f"{method_of(method).title}, U = {level:g}")
                if column == 0:
                    axes.set_ylabel("y, normalised")
                if k == len(methods) - 1:
                    axes.set_xlabel("x, normalised")
        return Drawing(figure, numbers)


def _panel(axes, rows: Sequence[Mapping], title: str) -> None:
    wrong = [row for row in rows if (row["probability"] > 0.5) != (row["target"] == 1)]
    axes.scatter(
        [row["x"] for row in rows],
        [row["y"] for row in rows],
        c=[row["probability"] for row in rows],
        cmap="coolwarm",
        vmin=0,
        vmax=1,
        s=3,
        lw=0,
    )
    axes.plot([row["x"] for row in wrong], [row["y"] for row in wrong], "x", color="black", ms=2.5, mew=0.5)
    axes.set_title(f"{title}: {1 - len(wrong) / len(rows):.3f} right")
    axes.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6))
