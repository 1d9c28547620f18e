"""Trained networks against fidelity: levels and devices on one curve, to look a device up in."""

import math
from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.evaluation.lookup import DEVICE_NOISE, ReadOffError, agreement
from codesign.figures.baselines import BaselineScore, baseline_lines, baseline_numbers, said_of
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import (
    GREY,
    TWO_COLUMNS_MM,
    Drawing,
    axes_mm,
    fit_ylabel,
    house_style,
    new_figure,
)
from codesign.figures.summary_rows import chance_line, limits, one_experiment, sample, short, worse
from codesign.tasks.about import Metric

PANELS = 2
"""Most methods drawn, each with a panel of its own."""


def draw_fidelity_scores(
    summary: Sequence[Mapping],
    devices: Sequence[Mapping],
    *,
    metric: Metric,
    confidence: float,
    origin: str,
    data: str,
    baselines: Sequence[BaselineScore] = (),
) -> Drawing:
    """Score against fidelity, levels as a curve and devices as points on it, a panel a method.

    Args:
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` of one experiment; those of
            this metric are drawn, of devices under resampled noise alone. ERM and BayesMulti where both are
            there, else the first two methods.
        devices: Rows of `codesign.schemas.device.DEVICE`: the intervals of fidelity.
        metric: Which metric; its chance level is drawn where it has one.
        confidence: Of the intervals of fidelity.
        origin: measured | virtual.
        data: Where the test examples come from, as the figure says it.
        baselines: What needs no network, in this metric; a line each.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = [
        row
        for row in summary
        if row["metric"] == metric.name
        and row["calibration"] == "none"
        and (row["stands_for"] == "level" or row["noise"] == DEVICE_NOISE)
    ]
    experiment, network = one_experiment(rows, f"level or device with metric {metric.name!r}")
    found = in_order(row["method"] for row in rows)
    prominent = [name for name in found if look_of_method(name).prominent]
    methods = (prominent if len(prominent) > 1 else found)[:PANELS]
    intervals = {row["device"]: (row["fidelity_low"], row["fidelity_high"]) for row in devices}
    numbers = []
    for name in found:
        mine = [row for row in rows if row["method"] == name]
        numbers += [_number(row, intervals) for row in sorted(mine, key=_place) if name in methods]
        numbers += _agreement(mine, name, experiment, network)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 84)
        n = sample(rows)
        lines = (
            f"test data: {short(data)}; n = {n} a level or device; devices: ratios of their "
            "own cycles, levels: log-normal",
            f"vertical bars: ± 1 standard deviation; horizontal: {percent(confidence)} "
            f"interval of the device's fidelity{said_of(baselines)}",
        )
        head(
            figure,
            84,
            f"{experiment} ({network}): {metric.title} against fidelity",
            lines,
            origin,
            on="devices",
        )
        drawn = [row for row in numbers if row["series"] != "agreement" and row["fidelity"] is not None]
        for left, letter, name in zip((14, 104), "ab", methods, strict=False):
            axes = axes_mm(figure, left, 15, 73 if len(methods) > 1 else 163, 44)
            if drawn:
                axes.set_ylim(*limits(drawn, metric.chance))
            title = method_of(name).title
            axes.set_title(f"{letter}  {title}" if len(methods) > 1 else title, y=1.1)
            axes.set(xlim=(-0.01, 1.01), xlabel="fidelity F")
            axes.grid(True)
            chance_line(axes, metric, at=1.0)
            _series(axes, name, [row for row in drawn if row["method"] == name])
            baseline_lines(axes, baselines)
            said = _said(next(r for r in numbers if (r["method"], r["series"]) == (name, "agreement")))
            axes.text(0, 1.02, said, transform=axes.transAxes, fontsize=6, va="bottom", color=GREY)
            fit_ylabel(axes, f"{metric.title} on test data{worse(metric)}", from_mm=left - 13)
            if left == 14 and axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=2, columnspacing=1.6)
        shown = {"series": "baseline", "experiment": experiment, "network": "none"}
        return Drawing(figure, numbers + baseline_numbers(numbers[0], baselines, **shown))


def _place(row: Mapping) -> tuple:
    """Levels first, by fidelity."""
    return row["stands_for"] != "level", row["fidelity"] is None, row["fidelity"] or 0.0, row["profile"]


def _number(row: Mapping, intervals: Mapping) -> dict:
    low, high = intervals.get(row["profile"], (None, None))
    names = ("experiment", "network", "method", "profile", "usability", "fidelity", "aim")
    names = (*names, "trainings", "n", "mean", "std")
    return (
        {"series": row["stands_for"]}
        | {name: row[name] for name in names}
        | {
            "fidelity_low": low,
            "fidelity_high": high,
            "explained": None,
            "rms": None,
        }
    )


def _agreement(rows: Sequence[Mapping], method: str, experiment: str, network: str) -> list[dict]:
    """How well one curve tells the scores of a method: a line of the CSV, not of the figure."""
    levels, devices = ([r for r in rows if r["stands_for"] == kind] for kind in ("level", "device"))
    blank = dict.fromkeys(_number(rows[0], {}))
    said = {"series": "agreement", "experiment": experiment, "network": network, "method": method}
    try:
        found = agreement(levels, devices)
    except ReadOffError:
        return [blank | said | {"n": 0}]
    share, rms = (None if math.isnan(value) else value for value in (found.explained, found.rms))
    return [blank | said | {"n": found.levels + found.devices, "explained": share, "rms": rms}]


def _said(row: Mapping) -> str:
    if row["explained"] is None:
        return "no curve: fewer than two levels, or one score for all"
    said = f"one curve: {row['explained']:.3f} of the variance"
    if row["rms"] is not None:
        said += f"; off the levels: {row['rms']:.3f} rms"
    return said


def _series(axes, name: str, rows: Sequence[Mapping]) -> None:
    look = look_of_method(name)
    devices = [row for row in rows if row["series"] == "device"]
    levels = [row for row in rows if row["series"] == "level"]
    crowded = len(devices) > 100
    known = [row for row in devices if row["fidelity_low"] is not None]
    axes.hlines(
        [row["mean"] for row in known],
        [row["fidelity_low"] for row in known],
        [row["fidelity_high"] for row in known],
        color=look.colour,
        lw=0.4,
        alpha=0.15 if crowded else 0.35,
        zorder=1.5,
    )
    spread = [row for row in devices if row["std"] is not None]
    axes.vlines(
        [row["fidelity"] for row in spread],
        [row["mean"] - row["std"] for row in spread],
        [row["mean"] + row["std"] for row in spread],
        color=look.colour,
        lw=0.7,
        alpha=0.2 if crowded else 0.45,
        zorder=1.5,
    )
    axes.plot(
        [row["fidelity"] for row in devices],
        [row["mean"] for row in devices],
        "o",
        mfc="white",
        mec=look.colour,
        mew=0.7,
        ms=2.0 if crowded else 3.2,
        zorder=2,
        label="device",
        gid=f"device {name}",
    )
    axes.plot(
        [row["fidelity"] for row in levels],
        [row["mean"] for row in levels],
        color=look.colour,
        marker="s",
        ms=2.6,
        mew=0,
        lw=1.0,
        zorder=2.5,
        label="synthetic level",
        gid=f"level {name}",
    )
