"""What is promised of each network, and where a promise is empty."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import (
    BLACK,
    GREEN,
    GREY,
    PALE,
    TWO_COLUMNS_MM,
    Drawing,
    axes_mm,
    house_style,
    log_ticks,
    new_figure,
    text_mm,
    whole_ticks,
    wrapped,
)

COLUMNS = {
    "published": "published\nr weights",
    "discrete": "exact\nk weights",
    "smoothing": "log-weight\nradius",
    "reached": "radius reaches\n{}",
}
"""Certificates of smoothed networks: the head of their column; the last is about the mildest level."""
HATCHED = {"facecolor": "#F4F4F4", "edgecolor": "#C4C4C4", "hatch": "//////", "lw": 0}
"""Where nothing is promised."""
SHADES = LinearSegmentedColormap.from_list("certified", ["#EAF6F2", GREEN])
"""From nothing certified to everything."""
ROW_MM = 7.0
COLUMN_MM = 15.5
LEFT_MM = 33.0


def draw_certificates(
    summary: Sequence[Mapping],
    examples: Sequence[Mapping],
    *,
    chance: float,
    origin: str,
    data: str,
) -> Drawing:
    """A table of every certificate with its vacuous cells hatched, and how far each promise reaches.

    Args:
        summary: Rows of `codesign.schemas.certificate_summary.CERTIFICATE_SUMMARY` of one experiment.
        examples: Rows of `codesign.schemas.certificates.CERTIFICATES` behind it.
        chance: Score of a network that has learnt nothing.
        origin: measured | virtual: the devices that levels follow.
        data: Where the test examples come from, as the figure says it.

    Raises:
        ValueError: No rows, or rows of several experiments.
    """
    found = sorted({(row["experiment"], row["network"]) for row in summary})
    if len(found) != 1:
        raise ValueError(f"one figure shows one experiment, got {found or 'none'}")
    experiment, network = found[0]
    methods = in_order(row["method"] for row in summary)
    levels = _levels(summary)
    rows_mm = ROW_MM * len(methods)
    first, second = max(rows_mm + 18, 65.0), max(rows_mm + 25, 68.0)
    height = 22 + first + second
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        smoothed = next(row for row in summary if row["certificate"] == "smoothing")
        programmed = [row for row in summary if row["certificate"] == "accuracy"]
        programmings = max((row["draws"] for row in programmed), default=0)
        lines = (
            f"test data: {wrapped(data, 62, lines=1)}; n = {smoothed['n']} examples, {smoothed['draws']} "
            f"draws of smoothing noise, {programmings} programmings a level{_smoothed_of(smoothed)}",
            f"bounds hold at {percent(smoothed['confidence'])} for all examples of a cell together; "
            "certificates of smoothed networks say nothing about the plain network on a device",
        )
        head(figure, height, f"{experiment} ({network}): what is certified", lines, origin, on="levels")
        numbers = _programmed_table(figure, second + first - 8, summary, methods, levels)
        numbers += _devices(axes_mm(figure, 14, second + 15, 50, first - 25), summary, methods, chance)
        figure.axes[-1].legend(
            loc="upper left", bbox_to_anchor=(-0.02, -0.19), ncols=len(methods), columnspacing=1.6
        )
        numbers += _smoothed_table(figure, second - 16, summary, methods)
        tall = second - 31
        numbers += _changes(axes_mm(figure, 107, 13, 29, tall), summary, examples, methods)
        numbers += _radii(axes_mm(figure, 147, 13, 30, tall), summary, examples, methods)
        return Drawing(figure, numbers)


def _smoothed_of(row: Mapping) -> str:
    """Which network is smoothed, where a method has several."""
    return "" if row["aim"] in (None, "panel") else f"; smoothed: level {row['aim']}"


def _levels(summary: Sequence[Mapping]) -> list[str]:
    """Profiles from the best device down."""
    found = {row["profile"]: row["usability"] for row in summary if row["certificate"] == "accuracy"}
    return sorted(found, key=lambda name: (-found[name], name))


def _number(panel: str, row: Mapping, **values) -> dict:
    shared = ("experiment", "method", "certificate", "scope", "profile", "usability", "vacuous", "n", "draws")
    names = ("panel", *shared, "confidence", "at_least", "share", "value", "ceiling", "estimate")
    return (
        dict.fromkeys(names)
        | {"panel": panel, "confidence": row["confidence"]}
        | {name: row[name] for name in shared if name in row}
        | values
    )


def _programmed_table(
    figure, top: float, summary: Sequence[Mapping], methods: Sequence[str], levels: Sequence[str]
) -> list[dict]:
    """Certified accuracy of the plain network, a cell a method and level."""
    left = 69 + LEFT_MM
    narrow = (TWO_COLUMNS_MM - 3 - left) / max(len(levels), 1)
    usability = {row["profile"]: row["usability"] for row in summary if row["profile"] is not None}
    columns = {name: (narrow, f"{usability[name]:.2g}") for name in levels}
    text_mm(
        figure, left, top + 4.6, "b  its certified accuracy at usability U", fontsize=7,
        fontweight="bold", va="bottom",
    )  # fmt: skip
    below = "hatched: not above chance"
    found = [row for row in summary if row["certificate"] == "accuracy"]
    return _cells(figure, left, top, columns, [(row["profile"], row) for row in found], methods, below)


def _smoothed_table(figure, top: float, summary: Sequence[Mapping], methods: Sequence[str]) -> list[dict]:
    """What is promised of the smoothed network, which is another one than the plain one on a device."""
    mildest = _mildest(summary)
    usability = {row["profile"]: row["usability"] for row in summary if row["profile"] is not None}
    said = f"U = {usability[mildest]:.2g}" if mildest else "a level"
    columns = {name: (COLUMN_MM, text.format(said)) for name, text in COLUMNS.items()}
    heading = "Appendix: the smoothed network, which decides by majority over noise on its weights"
    text_mm(figure, 4, top + 12, heading, fontsize=8, fontweight="bold", va="bottom")
    text_mm(figure, LEFT_MM, top + 6.6, "c  its certificates", fontsize=7, fontweight="bold", va="bottom")
    below = (
        "hatched: vacuous for every example (less than one weight,\na radius of 0 or short of the level); "
        "green: the share of\n"
        "examples certified, written under the largest value"
    )
    placed = [(place, row) for row in summary if (place := _place(row, mildest)) is not None]
    return _cells(figure, LEFT_MM, top, columns, placed, methods, below)


def _cells(
    figure,
    left: float,
    top: float,
    columns: Mapping[str, tuple[float, str]],
    placed: Sequence[tuple[str, Mapping]],
    methods: Sequence[str],
    below: str,
) -> list[dict]:
    """A table, a row a method: hatched where nothing is promised, greener for more.

    Args:
        left: Of the first column [mm].
        top: Of the first row [mm].
        columns: Width [mm] and head by name.
        placed: Rows of the summary with the name of their column.
        methods: In the order of rows.
        below: What the colours mean.
    """
    width = sum(wide for wide, _ in columns.values())
    axes = axes_mm(figure, left, top - ROW_MM * len(methods), width, ROW_MM * len(methods))
    axes.set(xlim=(0, width), ylim=(len(methods), 0))
    axes.axis("off")
    places, x = {}, 0.0
    for name, (wide, said) in columns.items():
        places[name] = (x, wide)
        text_mm(figure, left + x + wide / 2, top + 0.5, said, ha="center", va="bottom", fontsize=6)
        x += wide
    numbers = []
    for y, method in enumerate(methods):
        axes.text(-1.5, y + 0.5, method_of(method).title, ha="right", va="center", clip_on=False)
        for place, row in placed:
            if row["method"] != method:
                continue
            x, wide = places[place]
            _cell(axes, row, x, y, wide)
            numbers.append(
                _number(
                    "table",
                    row,
                    value=row["largest"],
                    share=row["share"],
                    ceiling=row["ceiling"],
                    estimate=row["estimate"],
                )
            )
    text_mm(figure, left, top - ROW_MM * len(methods) - 1.2, below, fontsize=5.5, color=GREY, va="top")
    return numbers


def _mildest(summary: Sequence[Mapping]) -> str | None:
    """The highest usability level at which programming changes any weight."""
    moving = [row for row in summary if row["certificate"] == "accuracy" and row["distance"]]
    return max(moving, key=lambda row: row["usability"])["profile"] if moving else None


def _place(row: Mapping, mildest: str | None) -> str | None:
    """The column of a row of the summary in the table of smoothed networks; None where it has none."""
    if row["scope"] != "all" or row["certificate"] in ("accuracy", "programming"):
        return None
    if row["profile"] is None:
        return row["certificate"]
    return "reached" if row["profile"] == mildest else None


def _cell(axes, row: Mapping, x: float, y: int, wide: float) -> None:
    size = {"xy": (x + 0.3, y + 0.05), "width": wide - 0.6, "height": 0.9}
    mean = row["certificate"] == "accuracy"
    certified = row["median"] if mean else row["share"]
    if row["vacuous"]:
        axes.add_patch(Rectangle(**size, **HATCHED, gid="vacuous"))
    else:
        axes.add_patch(Rectangle(**size, lw=0, facecolor=SHADES(certified), gid="certified"))
    said = f"{certified:.2f}" if mean else _said(row)
    box = {"boxstyle": "round,pad=0.12", "facecolor": "#F4F4F4", "edgecolor": "none"}
    axes.text(
        x + wide / 2,
        y + 0.5,
        said,
        ha="center",
        va="center",
        fontsize=5.8,
        color=GREY if row["vacuous"] else "white" if certified > 0.75 else BLACK,
        bbox=box if row["vacuous"] else None,
        linespacing=1.0,
    )


def _said(row: Mapping) -> str:
    """The largest value of any example, and the share of examples that have one."""
    largest = row["largest"]
    if row["profile"] is not None:
        return percent(round(row["share"], 3))
    if largest is None:
        return "undefined"
    if row["certificate"] == "published":
        value = f"r ≤ {largest:,.0f}" if abs(largest) >= 10 else f"r ≤ {largest:.2f}"
        value = value.replace("-", "−")
    elif row["certificate"] == "discrete":
        value = "undecided" if largest < 0 else f"k ≤ {largest:.0f}"
    else:
        value = f"≤ {largest:.2f}"
    return value if row["vacuous"] else f"{value}\n{percent(round(row['share'], 3))}"


def _changes(
    axes, summary: Sequence[Mapping], examples: Sequence[Mapping], methods: Sequence[str]
) -> list[dict]:
    """Share of examples against the number of weights that may change arbitrarily."""
    numbers = []
    mine = [row for row in examples if row["certificate"] == "discrete" and row["scope"] == "all"]
    last = max([2, *(int(row["value"]) + 1 for row in mine)])
    for name in methods:
        rows = [row for row in mine if row["method"] == name]
        look = look_of_method(name)
        ceiling = rows[0]["ceiling"]
        steps = range(last + 1)
        share = [float(np.mean([row["value"] >= k for row in rows])) for k in steps]
        axes.plot(
            steps,
            share,
            **look.drawn,
            drawstyle="steps-mid",
            gid=name,
        )
        numbers += [
            _number("changes", rows[0], at_least=k, share=s, ceiling=ceiling, n=len(rows), vacuous=k < 1)
            for k, s in zip(steps, share, strict=True)
        ]
    axes.axvspan(-0.5, 0.5, **HATCHED, zorder=0)
    axes.set(xlim=(-0.5, last + 0.5), ylim=(-0.04, 1.04))
    whole_ticks(axes.xaxis)
    axes.set_xlabel("weights that may change")
    axes.set_ylabel("share of examples certified")
    axes.set_title("d  exact bound")
    _device_note(axes, summary)
    return numbers


def _device_note(axes, summary: Sequence[Mapping]) -> None:
    changed = [row["changed"] for row in summary if row["certificate"] == "accuracy" and row["changed"]]
    if changed:
        said = f"a programming\nchanges\n{max(changed):,.0f}\nweights →"
        axes.text(0.98, 0.97, said, transform=axes.transAxes, ha="right", va="top", fontsize=5.5, color=GREY)


def _radii(
    axes, summary: Sequence[Mapping], examples: Sequence[Mapping], methods: Sequence[str]
) -> list[dict]:
    """Share of examples against the length of ln(delta), and how far levels move the weights."""
    numbers = []
    mine = [row for row in examples if row["certificate"] == "smoothing" and row["scope"] == "all"]
    for name in methods:
        rows = sorted((row for row in mine if row["method"] == name), key=lambda row: row["value"])
        look = look_of_method(name)
        certified = [row["value"] for row in rows if row["value"] > 0]
        share = [(len(certified) - k) / len(rows) for k in range(len(certified))]
        if certified:
            axes.plot(
                [1e-9, *certified, certified[-1]],
                [share[0], *share, 0.0],
                drawstyle="steps-pre",
                color=look.colour,
                ls=look.line,
                lw=look.width,
                alpha=look.alpha,
                zorder=look.order,
                gid=name,
            )
        numbers += [
            _number("radii", row, at_least=at, share=s, ceiling=row["ceiling"], n=len(rows))
            for row, at, s in zip([r for r in rows if r["value"] > 0], certified, share, strict=True)
        ]
    distances: dict[str, tuple[float, float]] = {}
    for row in summary:
        if row["certificate"] == "accuracy" and row["distance"] and np.isfinite(row["distance"]):
            usability, near = distances.get(row["profile"], (row["usability"], np.inf))
            distances[row["profile"]] = usability, min(near, row["distance"])
            numbers.append(_number("distances", row, at_least=row["distance"]))
    reach = [row["value"] for row in mine if row["value"] > 0]
    far = [near for _, near in distances.values()]
    low = min([0.05, *(value / 1.5 for value in reach)])
    axes.set(xscale="log", xlim=(low, 2.5 * max([1.0, *reach, *far])), ylim=(-0.04, 1.04))
    log_ticks(axes.xaxis)
    shown = sorted(distances.values(), reverse=True)
    for k, (usability, near) in enumerate(shown):
        axes.axvline(near, color=GREY, lw=0.5, zorder=1, gid="distance")
        if k in (0, len(shown) - 1):
            at = {"ha": "left", "va": "bottom", "fontsize": 5.5, "color": GREY, "rotation": 90}
            axes.text(1.06 * near, 0.03, f"U = {usability:.2g}", transform=axes.get_xaxis_transform(), **at)
    axes.grid(True, axis="y")
    axes.set_xlabel("‖ln δ‖₂ of the weights' factors")
    axes.set_title("e  log-weight bound")
    return numbers


def _devices(axes, summary: Sequence[Mapping], methods: Sequence[str], chance: float) -> list[dict]:
    """Certified mean accuracy, and share of examples decided correctly in most programmings."""
    numbers = []
    for name in methods:
        look = look_of_method(name)
        drawn = {"color": look.colour, "zorder": look.order, "alpha": look.alpha}
        for certificate, scope, column in (("accuracy", "mean", "median"), ("programming", "all", "share")):
            rows = sorted(
                (
                    row
                    for row in summary
                    if (row["method"], row["certificate"], row["scope"]) == (name, certificate, scope)
                ),
                key=lambda row: row["usability"],
            )
            mean = certificate == "accuracy"
            axes.plot(
                [row["usability"] for row in rows],
                [row[column] for row in rows],
                **drawn,
                marker=look.marker if mean else "",
                ls=look.line if mean else (0, (0.6, 1.2)),
                lw=look.width if mean else 0.7,
                ms=look.size,
                mew=0,
                label=method_of(name).title if mean else None,
                gid=f"{certificate} {name}",
            )
            numbers += [
                _number(
                    "devices",
                    row,
                    share=row["share"],
                    value=row["median"],
                    ceiling=row["ceiling"],
                    estimate=row["estimate"],
                )
                for row in rows
            ]
    axes.axhspan(-0.04, chance, **HATCHED, zorder=0)
    axes.axhline(chance, color=GREY, lw=0.6, ls=(0, (1, 1.5)), zorder=1, gid="chance")
    axes.set(xlim=(0, 1.04), ylim=(-0.04, 1.04), xlabel="usability level U")
    axes.set_ylabel("certified mean accuracy")
    axes.grid(True, color=PALE)
    axes.set_title("a  programmed network")
    said = "lines: mean accuracy\ndots: share of examples that are\nmore likely right than wrong"
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axes.text(0.03, 0.97, said, transform=axes.transAxes, va="top", fontsize=5.5, color=GREY, bbox=box)
    return numbers
