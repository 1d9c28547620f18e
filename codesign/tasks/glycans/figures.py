"""The figure that only glycans have: kingdoms in what a programmed network computes before its last layer."""

from collections.abc import Mapping, Sequence

import numpy as np

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import first_programming, head
from codesign.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    TWO_COLUMNS_MM,
    VERMILION,
    YELLOW,
    Drawing,
    axes_mm,
    house_style,
    new_figure,
)
from codesign.tasks.glycans.atlas import neighbours_agree, places
from codesign.tasks.glycans.table import KINGDOMS

PANEL_MM = 62
COLOURS = (ORANGE, BLUE, GREEN, PURPLE, VERMILION, SKY, YELLOW, GREY, "black")
"""Of `KINGDOMS`, in their order."""


def map(rows: Sequence[Mapping], *, experiment: str, origin: str) -> Drawing:
    """Test glycans at their places on a map of the second linear layer's output, coloured by kingdom.

    Args:
        rows: As the task's scorer keeps them; the first programming of each method and level is drawn.
        experiment: Its name.
        origin: measured | virtual.
    """
    rows, methods, levels = first_programming(rows)
    kingdoms = sorted({row["kingdom"] for row in rows})
    names = [name for name in rows[0] if name.startswith("output_")]
    height = 26 + (PANEL_MM + 8) * len(methods)
    numbers = []
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        points = len(rows) // (len(methods) * len(levels))
        lines = (
            f"t-SNE of the second linear layer's output (n = {points} test glycans, one programming a panel)",
            "5-NN: share of glycans whose kingdom most of their five nearest others have, before t-SNE",
        )
        head(figure, height, f"{experiment}: map of programmed networks", lines, origin, on="levels")
        for k, method in enumerate(methods):
            for column, level in enumerate(levels):
                mine = [row for row in rows if (row["method"], row["level"]) == (method, level)]
                bottom = 12 + (PANEL_MM + 8) * (len(methods) - 1 - k)
                left = 6 + (PANEL_MM + 22) * column
                axes = axes_mm(figure, left, bottom, PANEL_MM + 16, PANEL_MM - 4, xticks=[], yticks=[])
                found = _panel(axes, mine, names, kingdoms)
                title = f"{method_of(method).title}, U = {level:g}: 5-NN {found[0]['neighbours']:.3f}"
                lost = len(mine) - sum(row["x"] is not None for row in found)
                axes.set_title(title + (f" ({lost} without a number)" if lost else ""))
                shared = {"method": method, "level": level, "usability": mine[0]["usability"]}
                numbers += [shared | row for row in found]
        axes = axes_mm(figure, 6, 2, TWO_COLUMNS_MM - 12, 6)
        axes.axis("off")
        for kingdom in kingdoms:
            axes.plot([], [], "o", color=COLOURS[kingdom], ms=3, mew=0, label=KINGDOMS[kingdom])
        axes.legend(ncols=len(kingdoms), loc="center", handletextpad=0.2, columnspacing=1.2)
        return Drawing(figure, numbers)


def _panel(axes, rows: Sequence[Mapping], names: Sequence[str], kingdoms: Sequence[int]) -> list[dict]:
    """One method at one level; the numbers drawn."""
    points = np.array([[row[name] for name in names] for row in rows], dtype=float)
    kinds = np.array([row["kingdom"] for row in rows])
    agreeing = neighbours_agree(points, kinds)
    fine = np.isfinite(points).all(axis=1)
    place = np.full((len(rows), 2), np.nan)
    if fine.sum() > 2:
        place[fine] = places(points[fine])
    for kingdom in kingdoms:
        x, y = place[kinds == kingdom].T
        axes.plot(x, y, "o", color=COLOURS[kingdom], ms=1.6, mew=0, alpha=0.8)
    return [
        {
            "kingdom": KINGDOMS[kind],
            "x": float(x) if there else None,
            "y": float(y) if there else None,
            "neighbours": agreeing,
        }
        for kind, (x, y), there in zip(kinds, place, fine, strict=True)
    ]
