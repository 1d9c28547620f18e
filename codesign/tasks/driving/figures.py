"""The figure that only driving has: one scene from above and as points, with what is there and detected."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import first_programming, head
from codesign.figures.style import (
    BLUE,
    GREEN,
    GREY,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    axes_mm,
    house_style,
    new_figure,
)
from codesign.tasks.driving.boxes import bev_overlaps, corners
from codesign.tasks.driving.precision import CLASSES, LEAST_OVERLAP

COLOURS = dict(zip(CLASSES, (BLUE, VERMILION, GREEN), strict=True))
BOX = ("x", "y", "z", "length", "width", "height", "yaw")
COLUMNS = ("scene", "what", "kind", "score", *BOX)
LEAST_SCORE = 0.3
"""Of the detections drawn and counted."""
PLAN_MM, VIEW_MM, GAP_MM = 52, 22, 8
EYE_M, LOOKING_DOWN_DEG = (-8.0, 0.0, 4.0), 8.0
"""Where the points are looked at from, in the lidar's axes."""
EDGES = [(k, (k + 1) % 4) for k in range(4)] + [(4 + k, 4 + (k + 1) % 4) for k in range(4)]
EDGES += [(k, k + 4) for k in range(4)]
"""Pairs of a box's corners, bottom and top."""


def scene(rows: Sequence[Mapping], *, experiment: str, origin: str) -> Drawing:
    """One scene: for each method and level from above, and below that as points seen from behind the lidar.

    Args:
        rows: As the task's scorer keeps them; the first programming of each method and level is drawn.
        experiment: Its name.
        origin: measured | virtual.
    """
    rows, methods, levels = first_programming(rows)
    panels = {
        (method, level): [row for row in rows if (row["method"], row["level"]) == (method, level)]
        for method in methods
        for level in levels
    }
    shown = panels[methods[0], levels[0]]
    points = [row for row in shown if row["what"] == "point"]
    objects = [row for row in shown if row["what"] == "object"]
    numbers = [_number(row) for row in (*points, *objects)]
    cloud = np.array([[row[name] for name in BOX[:3]] for row in points]).reshape(-1, 3)
    height = 30 + (PLAN_MM + VIEW_MM + GAP_MM) * len(methods)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"scene: {shown[0]['scene']}; the same for all, one programming a panel",
            f"dashed: what is there; solid: detections with a score of {LEAST_SCORE} and more",
        )
        head(figure, height, f"{experiment}: one scene", lines, origin, on="levels")
        for k, method in enumerate(methods):
            bottom = 12 + (PLAN_MM + VIEW_MM + GAP_MM) * (len(methods) - 1 - k)
            for column, level in enumerate(levels):
                left = 7 + (PLAN_MM + 6) * column
                found = [row for row in panels[method, level] if row["what"] == "detection"]
                found = [row for row in found if row["score"] >= LEAST_SCORE]
                plan = axes_mm(figure, left, bottom + VIEW_MM + 1, PLAN_MM, PLAN_MM, xticks=[], yticks=[])
                view = axes_mm(figure, left, bottom, PLAN_MM, VIEW_MM, xticks=[], yticks=[])
                _from_above(plan, cloud, objects, found)
                _as_points(view, cloud, objects, found)
                right, there = _right(objects, found)
                plan.set_title(f"{method_of(method).title}, U = {level:g}")
                said = f"{right} of {there} found, {len(found) - right} more"
                plan.text(0.02, 0.02, said, transform=plan.transAxes, fontsize=6)
                numbers += [_number(row, method, level, row["usability"]) for row in found]
        legend = axes_mm(figure, 6, 2, TWO_COLUMNS_MM - 12, 6)
        legend.axis("off")
        for name in CLASSES:
            legend.plot([], [], "-", color=COLOURS[name], label=name)
        legend.plot([], [], "-", color=GREY, label="other")
        legend.legend(ncols=len(CLASSES) + 1, loc="center")
        return Drawing(figure, numbers)


def _number(
    row: Mapping, method: str = "", level: float | None = None, usability: float | None = None
) -> dict:
    """A row of the numbers drawn; points and objects are of no method."""
    shared = {"method": method, "level": level, "usability": usability}
    values = {name: row[name] for name in COLUMNS}
    return shared | {name: None if value != value else value for name, value in values.items()}


def _right(objects: Sequence[Mapping], found: Sequence[Mapping]) -> tuple[int, int]:
    """Objects that a detection of their class overlaps enough from above, and how many could be."""
    right = there = 0
    for thing in objects:
        if thing["kind"] in CLASSES:
            there += 1
            mine = _boxes([row for row in found if row["kind"] == thing["kind"]])
            shared = bev_overlaps(mine, np.tile(_boxes([thing]), (len(mine), 1)))
            right += bool((shared > LEAST_OVERLAP[thing["kind"]]).any())
    return right, there


def _boxes(rows: Sequence[Mapping]) -> NDArray:
    return np.array([[row[name] for name in BOX] for row in rows], dtype=float).reshape(-1, len(BOX))


def _from_above(axes: Axes, cloud: NDArray, objects: Sequence[Mapping], found: Sequence[Mapping]) -> None:
    """Forward is up, left is left; the farthest object is whole."""
    reach = max([40.0, *(row["x"] + math.hypot(row["length"], row["width"]) / 2 for row in objects)])
    axes.plot(-cloud[:, 1], cloud[:, 0], ",", color=GREY, alpha=0.6, rasterized=True)
    for rows, line in ((objects, "--"), (found, "-")):
        for row, corner in zip(rows, corners(_boxes(rows)), strict=True):
            ring = np.vstack([corner, corner[:1]])
            colour = COLOURS.get(row["kind"], GREY)
            axes.plot(-ring[:, 1], ring[:, 0], line, color=colour, lw=0.7)
            nose = np.array([[row["x"], row["y"]], corner[:2].mean(axis=0)])
            if line == "-":
                axes.plot(-nose[:, 1], nose[:, 0], line, color=colour, lw=0.7)
    axes.set(xlim=(-reach / 2, reach / 2), ylim=(0, reach), aspect="equal")


def _as_points(axes: Axes, cloud: NDArray, objects: Sequence[Mapping], found: Sequence[Mapping]) -> None:
    """Points and boxes as seen from behind and above the lidar."""
    places = _seen(cloud)
    axes.scatter(
        *places.T, s=0.15, c=np.hypot(cloud[:, 0], cloud[:, 1]), cmap="cividis", lw=0, rasterized=True
    )
    for rows, line in ((objects, "--"), (found, "-")):
        for row, box in zip(rows, _boxes(rows), strict=True):
            ring = corners(box[None])[0]
            bottom, top = box[2] - box[5] / 2, box[2] + box[5] / 2
            solid = np.vstack([np.column_stack([ring, np.full(4, z)]) for z in (bottom, top)])
            ends = _seen(solid)
            segments = [ends[list(pair)] for pair in EDGES]
            colour = COLOURS.get(row["kind"], GREY)
            axes.add_collection(LineCollection(segments, colors=colour, linestyles=line, linewidths=0.5))
    axes.set(xlim=(-0.7, 0.7), ylim=(-0.42, 0.42 * VIEW_MM / PLAN_MM * 0.7))


def _seen(points: NDArray) -> NDArray:
    """Where points are on a picture plane at distance 1, (n, 2); what is behind it lies on its edge."""
    x, y, z = (points - np.array(EYE_M)).T
    cos, sin = math.cos(math.radians(LOOKING_DOWN_DEG)), math.sin(math.radians(LOOKING_DOWN_DEG))
    depth = np.maximum(cos * x - sin * z, 0.1)
    return np.column_stack([-y / depth, (cos * z + sin * x) / depth])
