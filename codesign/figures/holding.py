"""How a caller's network held on a device: every programming, beside the score without a device."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from codesign.evaluation.predict import Read
from codesign.figures.methods import head
from codesign.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    Drawing,
    axes_mm,
    fit_ylabel,
    house_style,
    new_figure,
    wrapped,
)
from codesign.nonideality.profile import DeviceProfile

WIDTH_MM, HEIGHT_MM = 120.0, 84.0
LOOKS = {
    "none": ("as programmed", BLACK),
    "scale": ("calibrated: scale", GREEN),
    "offset": ("calibrated: offset", BLUE),
    "statistics": ("calibrated: statistics", ORANGE),
}
"""Words and colour of a calibration."""
NOISES = {
    "resampled": "ratios of the device's own cycles",
    "lognormal": "log-normal law fitted to the device",
    "none": "no errors of single cells",
}
SPREAD = 0.18
"""Half the width over which programmings of a column are laid side by side."""


class Held(Protocol):
    """What is drawn of a network that was held on a device."""

    rows: Sequence[Mapping]
    profile: DeviceProfile
    better: str
    experiment: str
    place: Sequence[Read]
    examples: int


def draw_holding(held: Held) -> Drawing:
    """A column of points a calibration; the score without a device, and that of one answer for all, as lines.

    Scores that were read off the levels' curve of an experiment stand beside, with their interval.

    Args:
        held: `codesign.interface.holding.hold` gives it.
    """
    rows, profile = held.rows, held.profile
    first = rows[0]
    kinds = list(dict.fromkeys(row["calibration"] for row in rows))
    count = len({row["programming"] for row in rows})
    readings = f"usability U {profile.usability:.2f}"
    if profile.fidelity is not None:
        readings = f"fidelity F {profile.fidelity:.2f}, {readings}"
    with house_style():
        figure = new_figure(WIDTH_MM, HEIGHT_MM)
        lines = (
            f"device {profile.profile}: {readings}",
            f"{count} programmings, each with errors of its own ({NOISES[first['noise']]}); "
            f"{held.examples} examples scored; bar: mean",
        )
        title = f"{first['network']}: {first['metric']} on a device"
        head(figure, HEIGHT_MM, title, lines, profile.origin, on="devices")
        axes = axes_mm(figure, 16, 15, WIDTH_MM - 20, 51)
        axes.axhline(first["ideal"], color=GREY, linestyle="--", label="without a device")
        if first["constant"] is not None:
            axes.axhline(first["constant"], color=GREY, linestyle=":", label="one answer for all")
        labels = []
        for k, kind in enumerate(kinds):
            values = np.array([row["value"] for row in rows if row["calibration"] == kind])
            words, colour = LOOKS[kind]
            labels.append(words)
            across = k + (np.linspace(-SPREAD, SPREAD, values.size) if values.size > 1 else np.zeros(1))
            axes.plot(across, values, "o", color=colour, alpha=0.8)
            axes.hlines(values.mean(), k - 0.3, k + 0.3, color=colour, linewidth=1.4)
        for read in held.place:
            said = read.prediction
            below, above = [[said.score - said.low], [said.high - said.score]]
            axes.errorbar([len(labels)], [said.score], [below, above], fmt="D", color=PURPLE, linewidth=0.9)
            labels.append(f"{held.experiment}, {read.method}: {read.metric} read off at F")
        axes.set_xlim(-0.6, len(labels) - 0.4)
        axes.set_xticks(range(len(labels)), [wrapped(label, 24, lines=3) for label in labels])
        axes.grid(True, axis="y")
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=2)
        worse = " (lower is better)" if held.better == "lower" else ""
        fit_ylabel(axes, f"{first['metric']}{worse}")
        return Drawing(figure, rows)
