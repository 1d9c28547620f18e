"""Trained networks on the devices themselves: a score on each, beside its usability."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.figures.baselines import BaselineScore, baseline_lines, baseline_numbers, said_of
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import TWO_COLUMNS_MM, Drawing, axes_mm, fit_ylabel, house_style, new_figure
from codesign.figures.summary_rows import (
    chance_line,
    limits,
    networks_said,
    of_metric,
    one_experiment,
    sample,
    short,
    worse,
)
from codesign.tasks.about import Metric

NOISES = {
    "resampled": "non-parametric: ratios of the device's own cycles",
    "lognormal": "log-normal: exp(σ z), σ the device's upper bound",
}
"""Kinds of programming noise, as a panel's title says them."""


def draw_device_scores(
    summary: Sequence[Mapping],
    devices: Sequence[Mapping],
    *,
    metric: Metric,
    confidence: float,
    origin: str,
    data: str,
    baselines: Sequence[BaselineScore] = (),
) -> Drawing:
    """Score on each device against its usability, ERM beside BayesMulti, one panel a kind of noise.

    Args:
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` of one
            experiment; those on devices with this metric and without calibration are drawn. Without ERM
            and BayesMulti among them, every method.
        devices: Rows of `codesign.schemas.device.DEVICE`: the intervals of usability.
        metric: Which metric; its chance level is drawn where it has one.
        confidence: Of the intervals of usability.
        origin: measured | virtual.
        data: Where the test examples come from, as the figure says it.
        baselines: What needs no network, in this metric; a line each.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = [row for row in of_metric(summary, "device", metric) if row["calibration"] == "none"]
    experiment, network = one_experiment(rows, f"device with metric {metric.name!r}")
    found = in_order(row["method"] for row in rows)
    prominent = [name for name in found if look_of_method(name).prominent]
    methods = prominent if len(prominent) > 1 else found  # all of them would hide each other
    intervals = {row["device"]: (row["usability_low"], row["usability_high"]) for row in devices}
    names = ("experiment", "network", "noise", "method", "profile", "usability", "fidelity", "aim")
    names = (*names, "trainings", "n", "mean", "std", "training_share")
    numbers = []
    for noise in NOISES:
        for name in methods:
            mine = [row for row in rows if row["noise"] == noise and row["method"] == name]
            for row in sorted(mine, key=lambda row: (row["usability"], row["profile"])):
                low, high = intervals.get(row["profile"], (None, None))
                numbers.append(
                    {key: row[key] for key in names}
                    | {
                        "usability_low": low,
                        "usability_high": high,
                        "metric": metric.name,
                        "chance": metric.chance,
                    }
                )
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 81)
        n, count = sample(rows), len({row["profile"] for row in numbers})
        lines = (
            f"test data: {short(data)}; n = {count} device{'s' * (count != 1)}, {n} each"
            f"; {networks_said(rows)}",
            f"vertical bars: ± 1 standard deviation; horizontal: {percent(confidence)} "
            f"interval of the device's usability{said_of(baselines)}",
        )
        head(
            figure,
            81,
            f"{experiment} ({network}): {metric.title} on each device",
            lines,
            origin,
            on="devices",
        )
        present = [noise for noise in NOISES if any(row["noise"] == noise for row in numbers)]
        width = 73 if len(present) > 1 else 163
        for left, letter, noise in zip((14, 104), "ab", present, strict=False):
            axes = axes_mm(figure, left, 15, width, 44, ylim=limits(numbers, metric.chance))
            axes.set_title(f"{letter}  {NOISES[noise]}" if len(present) > 1 else NOISES[noise])
            axes.set(
                xlim=(-0.01, 1.01),
                xlabel="usability U of the device",
            )
            axes.grid(True)
            chance_line(axes, metric, at=1.0)
            for name in methods:
                mine = [row for row in numbers if row["noise"] == noise and row["method"] == name]
                _device_points(axes, name, mine, crowded=count > 100)
            baseline_lines(axes, baselines)
            fit_ylabel(axes, f"{metric.title} on test data{worse(metric)}", from_mm=left - 13)
            if left == 14:
                axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=6, columnspacing=1.6)
        shown = {"experiment": experiment, "network": "none", "metric": metric.name}
        return Drawing(figure, numbers + baseline_numbers(numbers[0], baselines, **shown))


def _device_points(axes, name: str, rows: Sequence[Mapping], *, crowded: bool) -> None:
    look = look_of_method(name)
    fade = 0.2 if crowded else 0.45
    at = [row["usability"] for row in rows]
    # hollow squares over filled dots: a pair on one device stays readable where they meet
    filled = name != "erm"
    known = [row for row in rows if row["usability_low"] is not None]
    axes.hlines(
        [row["mean"] for row in known],
        [row["usability_low"] for row in known],
        [row["usability_high"] for row in known],
        color=look.colour,
        lw=0.4,
        alpha=fade,
        zorder=1.5,
    )
    spread = [row for row in rows if row["std"] is not None]
    axes.vlines(
        [row["usability"] for row in spread],
        [row["mean"] - row["std"] for row in spread],
        [row["mean"] + row["std"] for row in spread],
        color=look.colour,
        lw=0.7,
        alpha=fade,
        zorder=1.5,
        gid=f"std {name}",
    )
    axes.plot(
        at,
        [row["mean"] for row in rows],
        look.marker,
        mfc=look.colour if filled else "white",
        mec=look.colour,
        mew=0 if filled else 0.7,
        ms=2.0 if crowded else 3.2,
        alpha=0.6 if crowded else 0.9,
        zorder=2 if filled else 2.5,
        label=method_of(name).title,
        gid=name,
    )
