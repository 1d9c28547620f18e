"""How a training method looks: colour, marker and line, the same in every figure."""

from collections.abc import Iterable
from dataclasses import dataclass

from codesign.bayesmulti.methods import METHODS, method_of
from codesign.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, badge, text_mm

PROMINENT = ("erm", "bayesmulti")
"""Methods that a figure is about; the others are rivals and drawn lighter."""


@dataclass(frozen=True)
class Look:
    """What a method is drawn with."""

    colour: str
    marker: str
    line: str | tuple
    prominent: bool

    @property
    def width(self) -> float:
        """Of a line, in points."""
        return 1.2 if self.prominent else 0.7

    @property
    def size(self) -> float:
        """Of a marker, in points."""
        return 3.2 if self.prominent else 2.4

    @property
    def alpha(self) -> float:
        """Of lines and markers."""
        return 1.0 if self.prominent else 0.75

    @property
    def order(self) -> float:
        """Of drawing: rivals behind."""
        return 3.0 if self.prominent else 2.0


LOOKS = {
    "erm": Look(BLACK, "s", (0, (4, 1.5)), True),
    "dropout": Look(GREEN, "^", (0, (3, 1, 1, 1)), False),
    "gaussian": Look(ORANGE, "v", (0, (1, 1)), False),
    "lognormal": Look(PURPLE, "D", (0, (5, 1)), False),
    "bayesmulti-fixed": Look(SKY, "P", (0, (2, 1)), False),
    "bayesmulti": Look(BLUE, "o", "-", True),
}


def look_of_method(method: str) -> Look:
    """The look of a method.

    Raises:
        NoiseError: There is no such method.
    """
    return LOOKS[method_of(method).name]


def in_order(methods: Iterable[str]) -> list[str]:
    """Each method once, in the order of `METHODS`."""
    found = {method_of(method).name for method in methods}
    return [name for name in METHODS if name in found]


def head(figure, height_mm: float, title: str, lines: Iterable[str], origin: str) -> None:
    """Title, lines under it and the origin's badge."""
    text_mm(figure, 4, height_mm - 3.5, title, fontsize=9, fontweight="bold", va="top")
    for k, line in enumerate(lines):
        text_mm(figure, 4, height_mm - 9 - 3.4 * k, line, color=GREY, va="top")
    badge(figure, origin)


def counted(values: Iterable[int]) -> str:
    """'10', or '8 to 10' where counts differ."""
    found = sorted(set(values))
    return " to ".join(str(n) for n in sorted({found[0], found[-1]})) if found else "0"


def percent(share: float) -> str:
    """'95 %'."""
    return f"{share * 100:g} %"
