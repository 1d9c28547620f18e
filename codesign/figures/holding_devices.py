"""How a caller's network held on several devices: every programming of each, the best device on top."""

from collections.abc import Sequence

import numpy as np

from codesign.figures.holding import LOOKS, NOISES, Held
from codesign.figures.methods import counted, head
from codesign.figures.style import (
    GREY,
    PURPLE,
    TWO_COLUMNS_MM,
    Drawing,
    axes_mm,
    fit_text,
    house_style,
    new_figure,
    text_mm,
)
from codesign.labels import told_apart

WIDEST = 44
"""Signs of a device's name, which are made smaller to fit."""
NAMES_MM, READINGS_MM = 66.0, 12.0
"""Left of the scores: names of the devices, and a column a reading."""
ABOVE_MM, BELOW_MM = 25.0, 18.0
LINE_MM, CALIBRATION_MM = 4.6, 2.6
"""Height of a device's line, and of each further calibration in it."""


def draw_holding_devices(devices: Sequence[Held]) -> Drawing:
    """A line a device, a row of points in it a calibration; the scores without a device as lines.

    Scores that were read off the levels' curve of an experiment stand in the line, with their interval.

    Args:
        devices: One at least, in the order to show; of one network and one origin.
    """
    rows = [row for held in devices for row in held.rows]
    first = rows[0]
    kinds = list(dict.fromkeys(row["calibration"] for row in rows))
    tall = LINE_MM + CALIBRATION_MM * (len(kinds) - 1)
    height_mm = ABOVE_MM + BELOW_MM + tall * len(devices)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height_mm)
        noises = "; ".join(dict.fromkeys(NOISES[row["noise"]] for row in rows))
        count = len({row["programming"] for row in rows})
        lines = (
            "devices from the highest fidelity F to the lowest; U: usability",
            f"{count} programmings of each, each with errors of its own ({noises}); "
            f"{counted(held.examples for held in devices)} examples scored; bar: mean",
        )
        said = f"{len(devices)} device{'s' * (len(devices) != 1)}"
        title = f"{first['network']}: {first['metric']} on {said}"
        head(figure, height_mm, title, lines, devices[0].profile.origin, on="devices")
        left = NAMES_MM + 2 * READINGS_MM
        axes = axes_mm(figure, left, BELOW_MM, TWO_COLUMNS_MM - left - 5, tall * len(devices))
        axes.axvline(first["ideal"], color=GREY, linestyle="--", label="without a device")
        if first["constant"] is not None:
            axes.axvline(first["constant"], color=GREY, linestyle=":", label="one answer for all")
        names = told_apart([held.profile.profile for held in devices], WIDEST)
        for place, (name, held) in enumerate(zip(names, devices, strict=True)):
            _line(axes, held, kinds, place)
            _words(figure, name, held, height_mm - ABOVE_MM - tall * (place + 0.5))
        for k, reading in enumerate(("F", "U")):
            right = NAMES_MM + READINGS_MM * (k + 1) - 3
            text_mm(figure, right, height_mm - ABOVE_MM + 1, reading, ha="right", fontweight="bold")
        axes.set_ylim(len(devices) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(True, axis="x")
        for between in range(1, len(devices)):
            axes.axhline(between - 0.5, color=GREY, linewidth=0.25)
        worse = " (lower is better)" if devices[0].better == "lower" else ""
        axes.set_xlabel(f"{first['metric']}{worse}")
        handles, labels = axes.get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True))
        figure.legend(
            once.values(),
            once.keys(),
            loc="lower left",
            bbox_to_anchor=(left / TWO_COLUMNS_MM, 1.5 / height_mm),
            ncols=3,
            borderaxespad=0.0,
        )
        return Drawing(figure, rows)


def _line(axes, held: Held, kinds: Sequence[str], place: int) -> None:
    """One device's programmings, and what was read off for it."""
    parts = len(kinds) + bool(held.place)
    step = 0.8 / parts
    for k, kind in enumerate(kinds):
        values = np.array([row["value"] for row in held.rows if row["calibration"] == kind])
        words, colour = LOOKS[kind]
        y = place - 0.4 + step * (k + 0.5)
        axes.plot(values, np.full(values.size, y), "o", color=colour, ms=2.2, mew=0, alpha=0.6, label=words)
        axes.vlines(values.mean(), y - 0.4 * step, y + 0.4 * step, color=colour, linewidth=1.4)
    for read in held.place:
        said = read.prediction
        beside = [[said.score - said.low], [said.high - said.score]]
        axes.errorbar(
            [said.score],
            [place + 0.4 - 0.5 * step],
            xerr=beside,
            fmt="D",
            ms=2.2,
            color=PURPLE,
            linewidth=0.7,
            label=f"{held.experiment}, {read.method}: {read.metric} read off at F",
        )


def _words(figure, name: str, held: Held, y_mm: float) -> None:
    """What a device is called, and its readings."""
    fit_text(text_mm(figure, 4, y_mm, name, va="center"), NAMES_MM - 6)
    for k, reading in enumerate(("fidelity", "usability")):
        value = getattr(held.profile, reading)
        shown = "–" if value is None else f"{value:.2f}"
        text_mm(figure, NAMES_MM + READINGS_MM * (k + 1) - 3, y_mm, shown, ha="right", va="center")
