"""One look for every figure: colours, fonts, sizes in millimetres, origin badge, reproducible files.

A figure module takes table rows and gives a `Drawing`: the figure and the numbers
drawn in it. It plots and does not compute. Figures are made without pyplot, so
nothing global is changed and nothing is left open.
"""

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from codesign.figures.embedding import lean_fonts
from codesign.files import replacing
from codesign.labels import value_label
from codesign.provenance.records import stamp
from codesign.tables import write_csv
from codesign.variables import Variable, Variables

TWO_COLUMNS_MM = 180.0
A4_MM = (210.0, 297.0)
DPI = 200
FILES = ("pdf", "png", "svg", "csv")
"""What `write_drawing` writes of a drawing."""
SMALLEST = 5.0
"""Of letters that are made smaller to fit, in points."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
"""Okabe and Ito's palette, told apart by colour-blind readers (jfly.uni-koeln.de/color)."""
GREY, PALE = "#666666", "#E3E3E3"

PEROVSKITES = {
    "MAPbI3": (BLUE, "o"),
    "MAPbBr3": (ORANGE, "s"),
    "MAPbCl3": (GREEN, "D"),
    "FAPbI3": (VERMILION, "^"),
    "CsPbI3": (PURPLE, "v"),
}
"""Colour and marker of each perovskite, the same in every figure."""
OTHER = (GREY, "X")
"""Colour and marker of a perovskite that is not in `PEROVSKITES`, or not known."""

PALETTE = (
    (BLUE, "o"), (ORANGE, "s"), (GREEN, "D"), (VERMILION, "^"), (PURPLE, "v"), (SKY, "P"), (YELLOW, "h"),
)  # fmt: skip
"""Colours and markers of a laboratory's own first category, in the order of its levels."""

ORIGINS = {
    "virtual": ("virtual laboratory: synthetic devices", VERMILION),
    "measured": ("measured", GREEN),
    "levels": ("simulated, levels from measured devices", BLUE),
    "devices": ("simulated on measured devices", BLUE),
    "simulated": ("simulated crossbar: no instrument", VERMILION),
}

RC = {
    "font.family": ["DejaVu Sans"],
    "font.size": 6.5,
    "axes.labelsize": 6.5,
    "axes.titlesize": 7.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.02,
    "axes.titlepad": 0.0,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 6.0,
    "ytick.labelsize": 6.0,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.minor.width": 0.35,
    "ytick.minor.width": 0.35,
    "xtick.major.size": 2.2,
    "ytick.major.size": 2.2,
    "xtick.minor.size": 1.3,
    "ytick.minor.size": 1.3,
    "grid.linewidth": 0.35,
    "grid.color": PALE,
    "lines.linewidth": 0.9,
    "lines.markersize": 3.2,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0.2,
    "mathtext.default": "regular",
    "text.parse_math": False,  # names and reasons come from files, whose dollar signs are no formula
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    # Letters as outlines: labels are fitted to the millimetre, and another machine's font would overrun them.
    "svg.fonttype": "path",
    "svg.hashsalt": "codesign",  # names of parts are not drawn by chance
    "savefig.facecolor": "white",
}


@dataclass(frozen=True)
class Drawing:
    """A figure and the numbers drawn in it."""

    figure: Figure
    numbers: Sequence[Mapping]
    """Rows of the CSV beside the figure; every row has the same columns."""


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's defaults with this project's settings, whatever the user has set."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """An empty figure of this size."""
    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def axes_mm(figure: Figure, left: float, bottom: float, width: float, height: float, **options) -> Axes:
    """Axes placed in millimetres from the lower left corner of the figure."""
    across, up = (size * 25.4 for size in figure.get_size_inches())
    return figure.add_axes((left / across, bottom / up, width / across, height / up), **options)


def text_mm(figure: Figure, x: float, y: float, text: str, **options):
    """Text placed in millimetres from the lower left corner of the figure."""
    across, up = (size * 25.4 for size in figure.get_size_inches())
    return figure.text(x / across, y / up, text, **options)


def fit_text(text: Text, width_mm: float) -> None:
    """A line of text made smaller, and if need be cut, until it is at most `width_mm` wide."""
    most = width_mm / 25.4 * text.figure.dpi
    renderer = text.figure.canvas.get_renderer()
    while text.get_window_extent(renderer).width > most:
        if text.get_fontsize() > SMALLEST:
            text.set_fontsize(max(SMALLEST, text.get_fontsize() - 0.25))
        else:
            text.set_text(text.get_text().removesuffix(" …")[:-2].rstrip() + " …")


def fit_ylabel(axes: Axes, text: str, *, from_mm: float = 1.0) -> None:
    """Label the y axis within the height of the axes: on two lines, or three, and smaller, where it is long.

    Called when data and limits stand: where numbers and label need more room than there is, the axes begin
    further right.

    Args:
        axes: With what is drawn in them.
        text: Of the label; what does not fit on three small lines is cut.
        from_mm: Where the room left of the axes begins, from the left edge of the figure.
    """
    figure, renderer = axes.figure, axes.figure.canvas.get_renderer()
    label = axes.set_ylabel(text)
    usual = label.get_fontsize()
    choices = [(1, usual), *((2, usual - step) for step in (0, 0.5, 1)), (3, usual - 1), (3, SMALLEST)]
    for lines, size in choices:
        label.set_text(_balanced(text, lines))
        label.set_fontsize(size)
        if label.get_window_extent(renderer).height <= axes.bbox.height:
            break
    shortest = len(text)
    while label.get_window_extent(renderer).height > axes.bbox.height:
        shortest -= 2
        label.set_text(_balanced(text[:shortest] + " …", lines))
    outside = from_mm / 25.4 * figure.dpi - axes.yaxis.get_tightbbox(renderer).x0
    if outside > 0:
        box, shift = axes.get_position(), outside / figure.bbox.width
        axes.set_position((box.x0 + shift, box.y0, box.width - shift, box.height))


def _balanced(text: str, lines: int) -> str:
    """Text on so many lines, as equal as its words allow."""
    width = -(-len(text) // lines)
    while len(wrapped(text, width).split("\n")) > lines:
        width += 1
    return wrapped(text, width)


def badge(figure: Figure, origin: str, *, right_mm: float = 3.0, top_mm: float = 3.5) -> Text:
    """Say in the upper right corner where the devices, or the crossbar, come from.

    Args:
        figure: Gets the label.
        origin: One of `ORIGINS`, or '' where there is no device to speak of.
        right_mm: Distance from the right edge.
        top_mm: Distance from the upper edge.

    Raises:
        ValueError: Another origin.
    """
    if origin not in (*ORIGINS, ""):
        raise ValueError(f"origin {origin!r} is not one of {', '.join(ORIGINS)}")
    text, colour = ORIGINS.get(origin, ("no devices", GREY))
    across, up = (size * 25.4 for size in figure.get_size_inches())
    return text_mm(
        figure,
        across - right_mm - 1,
        up - top_mm,
        text,
        ha="right",
        va="top",
        color="white",
        fontsize=6.5,
        fontweight="bold",
        bbox={"boxstyle": "round,pad=0.3", "facecolor": colour, "edgecolor": "none"},
        gid="origin",
    )


def simulated(origin: str, on: str) -> str:
    """Which of `ORIGINS` scores are of that were simulated.

    `measured` alone is kept for what an instrument measured: sweeps, and an array on the bench.

    Args:
        origin: Of the devices: measured, virtual or ''.
        on: levels | devices: what networks were programmed on.
    """
    return on if origin == "measured" else origin


def data_said(data: Mapping[str, str | None]) -> str:
    """Where test examples come from, as figures say it.

    Args:
        data: `data` of a table's metadata: dataset, obtained, variant; what is empty is left out.
    """
    return ", ".join(data[key] for key in ("dataset", "obtained", "variant") if data.get(key))


def origin_of(rows: Sequence[Mapping]) -> str:
    """The one origin of these rows; '' where there are none.

    Raises:
        ValueError: Measured and virtual devices meet.
    """
    origins = sorted({row["origin"] for row in rows})
    if len(origins) > 1:
        raise ValueError(f"one figure never shows devices of several origins: {', '.join(origins)}")
    return origins[0] if origins else ""


def save(figure: Figure, pdf: Path | str, png: Path | str, svg: Path | str | None = None) -> None:
    """Write the figure in each format; the same figure gives the same bytes, with no date in them.

    Where a job is drawing, the files carry along where they come from: `codesign provenance FILE`.

    Args:
        figure: What is drawn.
        pdf: For print; its text can be searched and copied.
        png: For the screen, `DPI` dots an inch.
        svg: For editing, letters as outlines; None where none is wanted.
    """
    pdf_says = {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}
    png_says = {"Software": None}
    svg_says = {"Date": None, "Creator": None}
    if made := stamp():
        said = json.dumps(made, sort_keys=True)
        pdf_says["Keywords"] = svg_says["Keywords"] = png_says["codesign"] = said
    with house_style(), lean_fonts(), ExitStack() as files:
        for path, options in (
            (pdf, {"format": "pdf", "metadata": pdf_says}),
            (png, {"format": "png", "metadata": png_says, "dpi": DPI}),
            (svg, {"format": "svg", "metadata": svg_says}),
        ):
            if path is not None:
                figure.savefig(files.enter_context(replacing(path)), **options)


def write_drawing(
    drawing: Drawing, *, pdf: Path | str, png: Path | str, svg: Path | str, csv: Path | str
) -> None:
    """The figure as PDF, PNG and SVG, and beside it the numbers drawn."""
    save(drawing.figure, pdf, png, svg)
    write_csv(drawing.numbers, csv)


@dataclass(frozen=True)
class Looks:
    """Colour and marker of devices, by the first category that a laboratory varies."""

    variable: Variable | None
    """None where there is no category: all devices look alike."""
    known: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, variables: Variables, space: Mapping[str, Sequence]) -> "Looks":
        """Perovskites as in `PEROVSKITES`; levels of another category in the order of `PALETTE`."""
        if not variables.categories:
            return cls(None, {})
        first = variables[variables.categories[0]]
        if first.name == "perovskite":
            return cls(first, PEROVSKITES)
        return cls(first, dict(zip(space[first.name], PALETTE, strict=False)))

    def value(self, row: Mapping) -> str:
        """Value of the category that a row has; '' where there is none, or it is not known."""
        return (row[self.variable.name] or "") if self.variable else ""

    def look(self, value: str) -> tuple[str, str]:
        """Of a value; grey of one that is no level."""
        return self.known.get(value, OTHER) if self.variable else PALETTE[0]

    def __call__(self, row: Mapping) -> tuple[str, str]:
        """Of the device of a row."""
        return self.look(self.value(row))

    def key(self, rows: Sequence[Mapping]) -> dict[str, str]:
        """Values that these rows have, known ones first in their own order, and what a key calls them."""
        if not self.variable:
            return {}
        found = {self.value(row) for row in rows}
        known = [value for value in self.known if value in found]
        return {value: value_label(self.variable, value) for value in known + sorted(found - set(known))}


def power_of_ten(value: float, _position: int | None = None) -> str:
    """A tick of a log axis: '10⁻⁶', or '2×10⁻⁶' between decades."""
    exponent = math.floor(math.log10(value) + 1e-9)
    mantissa = value / 10.0**exponent
    above = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{above}" if abs(mantissa - 1) < 1e-6 else f"{mantissa:.4g}×10{above}"


def log_ticks(axis: Axis) -> None:
    """Ticks of a log axis whose limits stand: decades, or between them where it spans few."""
    low, high = sorted(axis.get_view_interval())
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / 8))

    def inside(values) -> list[float]:
        return [float(value) for value in values if low <= value <= high]

    choices = [inside(10.0**k for k in range(first, last + 1, step))]
    for digits in ((1, 2, 5), range(1, 10)):
        choices.append(inside(d * 10.0**k for k in range(first, last + 1) for d in digits))
    choices.append(inside(MaxNLocator(nbins=4).tick_values(low, high)))
    major = next((ticks for ticks in choices if 3 <= len(ticks) <= 9), choices[-1])
    minor = inside(d * 10.0**k for k in range(first, last + 1) for d in range(1, 10))
    axis.set_major_locator(FixedLocator(major))
    axis.set_minor_locator(FixedLocator(minor if last - first <= 10 else []))
    axis.set_major_formatter(FuncFormatter(power_of_ten))
    axis.set_minor_formatter(NullFormatter())


def whole_ticks(axis: Axis) -> None:
    """Ticks at whole numbers only, on an axis that counts."""
    axis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def engineering(value: float, unit: str) -> str:
    """A value with an SI prefix and three digits, e.g. '27 µA'."""
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f")):
        if abs(value) >= factor * 0.9995:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def wrapped(text: str, width: int, *, lines: int | None = None) -> str:
    """Text broken at `width` characters; after `lines` lines the rest is cut and an ellipsis says so."""
    found = textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=True) or [""]
    if lines is not None and len(found) > lines:
        found = [*found[: lines - 1], found[lines - 1][: width - 2] + " …"]
    return "\n".join(found)
