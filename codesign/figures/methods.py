"""How a training method looks: colour, marker and line, the same in every figure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codesign.bayesmulti.methods import method_of
from codesign.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    badge,
    fit_text,
    simulated,
    text_mm,
)

COLOURS = {
    "black": BLACK,
    "orange": ORANGE,
    "sky": SKY,
    "green": GREEN,
    "yellow": YELLOW,
    "blue": BLUE,
    "vermilion": VERMILION,
    "purple": PURPLE,
}
"""Words for colours in a method's file; any other is left to Matplotlib."""


BADGE_PAD_MM = 3.0
"""Between a title and the words of the badge, its coloured border among it."""


@dataclass(frozen=True)
class Look:
    """What a method is drawn with."""

    colour: str
    marker: str
    line: str | tuple
    prominent: bool
    """Whether figures are about it; other methods are drawn lighter."""

    @property
    def width(self) -> float:
        """Of a line, in points."""
        return 1.3 if self.prominent else 0.9

    @property
    def size(self) -> float:
        """Of a marker, in points."""
        return 3.4 if self.prominent else 2.6

    @property
    def alpha(self) -> float:
        """Of lines and markers."""
        return 1.0 if self.prominent else 0.9

    @property
    def order(self) -> float:
        """Of drawing: rivals behind."""
        return 3.0 if self.prominent else 2.0

    @property
    def drawn(self) -> dict[str, Any]:
        """What `Axes.plot` draws its line with: all but label and gid."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "ls": self.line,
            "lw": self.width,
            "ms": self.size,
            "mew": 0,
            "alpha": self.alpha,
            "zorder": self.order,
        }


def look_of_method(method: str) -> Look:
    """The look of a method, as its file says it.

    Raises:
        NoiseError: There is no such method.
    """
    found = method_of(method)
    return Look(COLOURS.get(found.colour, found.colour), found.marker, found.line, found.prominent)


def in_order(methods: Iterable[str]) -> list[str]:
    """Each method once: what others are compared with, then rivals, then the project's own."""
    return sorted(set(methods), key=lambda name: method_of(name).order)


def first_programming(rows: Sequence[Mapping]) -> tuple[list[Mapping], list[str], list[float]]:
    """The first programming of the rows that a task's scorer keeps, its methods in order, its levels falling.

    Args:
        rows: With method, level and programming, as `codesign.evaluation.job.detail_rows` gives them.
    """
    first = min(row["programming"] for row in rows)
    found = [row for row in rows if row["programming"] == first]
    methods = in_order(row["method"] for row in found)
    return found, methods, sorted({row["level"] for row in found}, reverse=True)


def head(figure, height_mm: float, title: str, lines: Iterable[str], origin: str, *, on: str = "") -> None:
    """Title, lines under it and the origin's badge; what is too long for its place is made smaller.

    Args:
        figure: Gets them.
        height_mm: Its height.
        title: Above.
        lines: Under it.
        origin: Of the devices, or of the array.
        on: levels | devices: what networks were simulated on; '' where nothing was.
    """
    width_mm = figure.get_size_inches()[0] * 25.4
    said = badge(figure, simulated(origin, on) if on else origin)
    left_mm = said.get_window_extent(figure.canvas.get_renderer()).x0 / figure.dpi * 25.4 - BADGE_PAD_MM
    heading = text_mm(figure, 4, height_mm - 3.5, title, fontsize=9, fontweight="bold", va="top")
    fit_text(heading, left_mm - 4)
    for k, line in enumerate(lines):
        written = text_mm(figure, 4, height_mm - 9 - 3.4 * k, line, color=GREY, va="top")
        fit_text(written, width_mm - 6)


def counted(values: Iterable[int]) -> str:
    """'10', or '8 to 10' where counts differ."""
    found = sorted(set(values))
    return " to ".join(str(n) for n in sorted({found[0], found[-1]})) if found else "0"


def percent(share: float) -> str:
    """'95 %'."""
    return f"{share * 100:g} %"
