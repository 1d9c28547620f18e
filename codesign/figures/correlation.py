"""Whether usability and fidelity predict how networks do on a device."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.evaluation.reading_titles import PROMINENT, TITLES
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import (
    BLUE,
    GREY,
    PALE,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    axes_mm,
    fit_ylabel,
    house_style,
    new_figure,
)
from codesign.figures.summary_rows import sample, worse
from codesign.tasks.about import Metric

COLUMNS = 3
"""Experiments beside each other in the correlation figure."""


def draw_correlation(
    correlations: Sequence[Mapping],
    points: Sequence[Mapping],
    *,
    experiments: Mapping[str, Metric],
    confidence: float,
    origin: str,
) -> Drawing:
    """Score on each device against F and U, and the rank correlation of every reading.

    Args:
        correlations: As `codesign.evaluation.readings.predictions` gives them, of any metrics.
        points: The points behind them.
        experiments: Experiments in the order to draw them, and the metric that is drawn of each.
        confidence: Of the intervals of rho.
        origin: measured | virtual.

    Raises:
        ValueError: A correlation or point of an experiment that is not drawn.
    """
    strange = sorted({row["experiment"] for row in (*correlations, *points)} - set(experiments))
    if strange:
        raise ValueError(f"correlations of experiments that are not drawn: {', '.join(strange)}")
    blocks = -(-len(experiments) // COLUMNS)
    block_mm, top_mm = 104, 12
    height = top_mm + block_mm * blocks
    numbers: list[dict] = []
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        first = correlations[0]["method"] if correlations else "erm"
        behind = [row for row in points if row["method"] == first]
        lines = (
            f"scatter: {method_of(first).title}, {sample(behind)} a device, non-parametric noise: no reading "
            "of σ enters the score; bars: ± 1 standard deviation",
            f"ρ: Spearman rank correlation over devices, {percent(confidence)} bootstrap interval (devices "
            "resampled); F and U on the network of each method",
        )
        head(
            figure,
            height,
            "Do fidelity and usability predict the score on a device?",
            lines,
            origin,
            on="devices",
        )
        for k, (experiment, metric) in enumerate(experiments.items()):
            row, column = divmod(k, COLUMNS)
            left, bottom = 31 + 52 * column, block_mm * (blocks - 1 - row)
            scatter = axes_mm(figure, left, bottom + 52, 40, 38)
            forest = axes_mm(figure, left, bottom + 9, 40, 30)
            found, behind = (
                [row for row in rows if (row["experiment"], row["metric"]) == (experiment, metric.name)]
                for rows in (correlations, points)
            )
            own = [row for row in found if row["method"] == first]
            behind = [row for row in behind if row["method"] == first]
            numbers += _predicted(scatter, experiment, metric, behind, own)
            before_mm = left - 52 + 40 if column else 0
            fit_ylabel(scatter, f"{metric.title} on test data{worse(metric)}", from_mm=before_mm + 1)
            numbers += _forest(forest, experiment, metric, found, named=column == 0)
        return Drawing(figure, numbers)


def _correlation_number(panel: str, experiment: str, **values) -> dict:
    names = (
        "panel",
        "experiment",
        "method",
        "device",
        "reading",
        "metric",
        "n",
        "at",
        "value",
        "std",
        "low",
        "high",
    )
    return dict.fromkeys(names) | {"panel": panel, "experiment": experiment} | values


def _predicted(
    axes, experiment: str, metric: Metric, points: Sequence[Mapping], found: Sequence[Mapping]
) -> list[dict]:
    """Scatter of one experiment."""
    axes.set_title(experiment, y=1.19)
    axes.set(xlim=(-0.03, 1.03), xlabel="fidelity F, usability U")
    axes.grid(True)
    if not found:
        said = f"n = {len(points)} devices:\nno rank correlation"
        axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", va="center", color=GREY)
        axes.set_yticks([])
        return []
    numbers, above = [], 1.03
    for reading in reversed(PROMINENT):  # the first on top
        known = [row for row in points if row[reading] is not None]
        spread = [row for row in known if row["std"] is not None]
        look = _READ[reading]
        axes.vlines(
            [row[reading] for row in spread],
            [row["score"] - row["std"] for row in spread],
            [row["score"] + row["std"] for row in spread],
            color=look["color"],
            lw=0.5,
            alpha=0.4,
        )
        axes.plot(
            [row[reading] for row in known],
            [row["score"] for row in known],
            look["marker"],
            color=look["color"],
            mfc=look["face"],
            ms=2.0 if len(known) > 100 else 2.8,
            mew=0.5,
            alpha=0.85,
            gid=f"{reading} {experiment}",
        )
        for line in found:
            if line["reading"] == reading:
                said = f"{look['symbol']}: ρ = {line['rho']:.2f} [{line['low']:.2f}, {line['high']:.2f}]"
                said += f", n = {line['n']} devices" if reading == PROMINENT[-1] else ""
                axes.text(
                    0, above, said, transform=axes.transAxes, fontsize=6, va="bottom", color=look["color"]
                )
                above += 0.085
        numbers += [
            _correlation_number(
                "scatter",
                experiment,
                method=row["method"],
                device=row["device"],
                reading=reading,
                metric=metric.name,
                at=row[reading],
                value=row["score"],
                std=row["std"],
            )
            for row in known
        ]
    return numbers


_READ = {
    "fidelity": {"symbol": "F", "marker": "D", "color": VERMILION, "face": VERMILION},
    "usability": {"symbol": "U", "marker": "o", "color": BLUE, "face": "white"},
}
"""How readings that are compared look."""


def _forest(axes, experiment: str, metric: Metric, found: Sequence[Mapping], *, named: bool) -> list[dict]:
    """Rank correlation of each reading, of one experiment; fidelity and usability on top, a line a method.

    Where lower scores are better, a reading that predicts well has a negative one, and the axis says so.
    """
    order = list(TITLES)
    good = "" if metric.better == "higher" else " (negative is good)"
    axes.set(ylim=(len(order) - 0.5, -0.5), xlim=(-1.05, 1.05), xlabel=f"rank correlation ρ{good}")
    names = [TITLES[name].replace("σ_U", "σ$_U$") for name in order] if named else []
    axes.set_yticks(range(len(order)), names, parse_math=True)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.axvline(0, color=GREY, lw=0.6)
    axes.axhspan(-0.5, len(PROMINENT) - 0.5, color=PALE, alpha=0.5, lw=0, zorder=0)
    methods = in_order(line["method"] for line in found)
    numbers = []
    for y, name in enumerate(order):
        lines = sorted(
            (line for line in found if line["reading"] == name),
            key=lambda line: methods.index(line["method"]),
        )
        if not lines:
            axes.text(0.05, y, "no order" if found else "", color=GREY, fontsize=5.5, va="center")
        for k, line in enumerate(lines):
            at = y + 0.7 * ((k + 0.5) / len(lines) - 0.5)
            colour = _READ[name]["color"] if name in _READ else GREY
            several = len(lines) > 1
            axes.plot(
                [line["low"], line["high"]], [at, at], color=colour, lw=0.6 if several else 1.0, alpha=0.7
            )
            marker = look_of_method(line["method"]).marker if several else "o"
            axes.plot(
                line["rho"],
                at,
                marker,
                color=colour,
                ms=2.0 if several else 3.2,
                mew=0,
                gid=f"{name} {line['method']}",
            )
            numbers.append(
                _correlation_number(
                    "forest",
                    experiment,
                    method=line["method"],
                    reading=name,
                    metric=line["metric"],
                    n=line["n"],
                    value=line["rho"],
                    low=line["low"],
                    high=line["high"],
                )
            )
    return numbers
