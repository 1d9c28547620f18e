"""One device: every cycle, and the conductance curve that its usability rests on."""

import math
from collections.abc import Mapping

import numpy as np

from codesign.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    SKY,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    axes_mm,
    badge,
    engineering,
    house_style,
    log_ticks,
    new_figure,
    text_mm,
    wrapped,
)
from codesign.iv.measurement import Measurement
from codesign.labels import conditions_label
from codesign.nonideality.lcis import operative_window
from codesign.variables import PAPER, Variables

HEIGHT_MM = 92.0
COLUMNS = [
    "panel",
    "series",
    "cycle",
    "point",
    "voltage_v",
    "current_abs_a",
    "conductance_s",
    "conductance_low_s",
    "conductance_high_s",
    "usable",
    "in_lcis",
    "in_operative",
    "value",
]
"""Columns of the CSV; a row fills those that its series has."""
FACTS = [
    "usability",
    "usability_low",
    "usability_high",
    "fidelity",
    "fidelity_low",
    "fidelity_high",
    "usability_reference",
    "eta",
    "lcis_fraction",
    "sigma",
    "sigma_upper",
    "cycles",
    "cycles_used",
    "cycles_nan",
    "cycles_open",
    "cycles_shorted",
    "cycles_flipped",
    "compliance_level_a",
    "masked_fraction",
]
"""Numbers written beside the panels."""
LONGEST = 76
"""Signs of a title in full size."""


def draw_device(
    measurement: Measurement | None,
    row: Mapping,
    *,
    min_operative_fraction: float,
    confidence: float,
    variables: Variables = PAPER,
) -> Drawing:
    """Two panels: |I| of all cycles against V, and the conductance curve of the branch.

    Args:
        measurement: The sweeps; None where the file could not be read.
        row: The device's row of `codesign.schemas.device.DEVICE`, list columns included, with a key for
            each variable.
        min_operative_fraction: l0, the share of the branch that the operative window spans.
        confidence: Of the usability interval and the bound on sigma, as the row was made.
        variables: What the laboratory varies: the device is called by it.

    Returns:
        The figure and its numbers. A device without usability shows what there is and
        says why; one without any rows is a page with the reason.
    """
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, HEIGHT_MM)
        called = conditions_label(row, variables)
        size = 9 * min(1.0, LONGEST / len(called))
        text_mm(figure, 4, HEIGHT_MM - 3.5, called, fontsize=size, fontweight="bold", va="top")
        text_mm(
            figure, 4, HEIGHT_MM - 8.5, wrapped(row["device"], 165, lines=2), fontsize=5, color=GREY, va="top"
        )
        badge(figure, row["origin"])
        numbers = [_number("text", name, value=row[name]) for name in FACTS if row[name] is not None]
        if measurement is None or measurement.cycle.size == 0:
            _page_with_reason(figure, row)
            return Drawing(figure, numbers)
        numbers += _sweeps(axes_mm(figure, 15, 17, 58, 58), measurement, row)
        curve = axes_mm(figure, 88, 17, 50, 58)
        if row["voltage_v"]:
            numbers += _curve(curve, row, min_operative_fraction)
        else:
            curve.set_axis_off()
            curve.text(0.5, 0.5, "no charging branch to show", ha="center", color=GREY)
        _facts(figure, row, confidence)
        return Drawing(figure, numbers)


def _number(panel: str, series: str, **values) -> dict:
    return dict.fromkeys(COLUMNS) | {"panel": panel, "series": series} | values


def _page_with_reason(figure, row: Mapping) -> None:
    what = {"refused": "The file was refused"}.get(row["status"], "There are no sweeps to show")
    text_mm(figure, 90, 58, what, fontsize=11, fontweight="bold", color=VERMILION, ha="center")
    reason = row["reason"] or "the measurement has no rows"
    text_mm(
        figure, 90, 52, wrapped(reason, 100, lines=12), fontsize=7.5, ha="center", va="top", linespacing=1.4
    )
    if row["source_file"]:
        source = wrapped(f"file: {row['source_file']}", 120, lines=2)
        text_mm(figure, 90, 8, source, fontsize=5.5, color=GREY, ha="center")


def _dropped(row: Mapping) -> dict[int, str]:
    """Rule by dropped cycle, from the row's 'n: rule; ...'."""
    pairs = (part.split(": ", 1) for part in (row["cycles_dropped"] or "").split("; ") if part)
    return {int(cycle): rule for cycle, rule in pairs}


def _sweeps(axes, measurement: Measurement, row: Mapping) -> list[dict]:
    from matplotlib import colormaps

    cycles, voltage, current = measurement.grid()
    pulse = row["kind"] == "pulse"
    size = np.where(current == 0, np.nan, np.abs(current))  # a log axis has no zero
    dropped = _dropped(row)
    used = [k for k, cycle in enumerate(cycles) if int(cycle) not in dropped]
    shades = colormaps["viridis"](np.linspace(0.0, 0.9, max(len(used), 2)))
    numbers = []
    point = np.arange(size.shape[1])
    lost: dict[str, int] = {}
    for order, k in enumerate([*used, *(k for k in range(cycles.size) if k not in set(used))]):
        rule = dropped.get(int(cycles[k]))
        series = "used" if rule is None else f"dropped: {rule}"
        if rule is None:
            look = {"color": shades[order], "lw": 0.5, "alpha": 0.8, "gid": "used"}
        else:
            first = f"dropped cycle ({len(dropped)})" if not lost else None
            look = {"color": VERMILION, "lw": 0.7, "ls": (0, (2, 1)), "label": first, "gid": "dropped"}
            lost[rule] = lost.get(rule, 0) + 1
        axes.plot(point if pulse else voltage[k], size[k], zorder=2 if rule is None else 3, **look)
        seen = np.flatnonzero(np.isfinite(size[k]))
        numbers += [
            _number(
                "sweeps",
                series,
                cycle=int(cycles[k]),
                point=p,
                voltage_v=v,
                current_abs_a=i,
            )
            for p, v, i in zip(seen.tolist(), voltage[k, seen].tolist(), size[k, seen].tolist(), strict=True)
        ]
    axes.set_yscale("log")
    level = row["compliance_level_a"]
    if level is not None:
        axes.axhline(
            level, color=BLACK, lw=0.6, ls=(0, (4, 2)), label=f"compliance {engineering(level, 'A')}"
        )
        numbers.append(_number("sweeps", "compliance", current_abs_a=level))
    if not np.isfinite(size).any():
        axes.set(xlim=(point[0], point[-1]) if pulse else (voltage.min(), voltage.max()), ylim=(1e-12, 1e-3))
        axes.text(0.5, 0.5, "no current recorded", transform=axes.transAxes, ha="center", color=GREY)
    axes.set(xlabel="point" if pulse else "voltage V (V)", ylabel="current |I| (A)")
    axes.set_title("a  pulses" if pulse else f"a  sweeps, {cycles.size} cycle{'s' * (cycles.size != 1)}")
    axes.locator_params(axis="x", nbins=7)
    log_ticks(axes.yaxis)
    axes.grid(True, which="major")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.135), ncols=2, columnspacing=1.2)
    if len(used) > 1:
        _cycle_key(axes, int(cycles[used[0]]), int(cycles[used[-1]]), shades)
    return numbers


def _cycle_key(axes, first: int, last: int, shades: np.ndarray) -> None:
    """A strip above the panel: which colour is which cycle."""
    strip = axes.inset_axes((0.66, 1.035, 0.22, 0.018))
    strip.imshow(shades[None], aspect="auto", interpolation="nearest")
    strip.set_axis_off()
    strip.text(-0.04, 0.4, f"cycle {first}", transform=strip.transAxes, ha="right", va="center", fontsize=5.5)
    strip.text(1.04, 0.4, str(last), transform=strip.transAxes, ha="left", va="center", fontsize=5.5)


def _curve(axes, row: Mapping, min_operative_fraction: float) -> list[dict]:
    voltage = np.array(row["voltage_v"], dtype=float)
    mean, low, high = (
        np.array([math.nan if value is None else value for value in row[name]], dtype=float)
        for name in ("conductance_s", "conductance_low_s", "conductance_high_s")
    )
    usable = np.array(row["usable"], dtype=bool)
    point = np.arange(voltage.size)
    by_voltage = row["kind"] == "sweep" and bool(np.all(np.diff(voltage) > 0))
    x = voltage if by_voltage else point.astype(float)
    in_lcis, in_operative = np.zeros(usable.size, dtype=bool), np.zeros(usable.size, dtype=bool)
    if row["lcis_length"]:
        in_lcis[row["lcis_start"] : row["lcis_start"] + row["lcis_length"]] = True
        window = operative_window(
            row["lcis_start"], usable.size, min_operative_fraction=min_operative_fraction
        )
        in_operative[window.start : window.start + window.length] = True
    shaded = "not usable" if row["compliance_level_a"] is None else "in compliance: not usable"
    for k, (start, stop) in enumerate(_stretches(~usable, x)):
        label = shaded if k == 0 else None
        axes.axvspan(start, stop, color=PALE, lw=0, zorder=0, label=label)
    axes.plot(x, mean, color=BLUE, lw=0.6, zorder=2, gid="mean")
    axes.plot(
        x,
        np.where(usable, mean, np.nan),
        color=BLUE,
        marker="o",
        ms=1.6,
        lw=0.9,
        zorder=3,
        label="mean over cycles",
    )
    axes.fill_between(x, low, high, color=SKY, alpha=0.4, lw=0, zorder=1, label="5–95 % of cycles")
    axes.set_yscale("log")
    top = axes.get_xaxis_transform()
    for members, height, colour, name in (
        (in_lcis, 0.985, GREEN, "LCIS window"),
        (in_operative, 0.955, ORANGE, "operative window"),
    ):
        for k, (start, stop) in enumerate(_stretches(members, x)):
            axes.plot(
                [start, stop],
                [height, height],
                transform=top,
                color=colour,
                lw=2.2,
                solid_capstyle="butt",
                label=name if k == 0 else None,
            )
    if not np.isfinite(mean).any():
        axes.set_ylim(1e-12, 1e-3)
        axes.text(0.5, 0.5, "no positive current", transform=axes.transAxes, ha="center", color=GREY)
    else:
        bottom, ceiling = axes.get_ylim()
        axes.set_ylim(bottom, ceiling * (ceiling / bottom) ** 0.1)  # room for the windows
    across = {"sweep": "voltage V (V)" if by_voltage else "branch point", "pulse": "pulse number"}[
        row["kind"]
    ]
    axes.set(xlabel=across, ylabel="conductance G (S)")
    axes.set_title("b  charging branch")
    axes.locator_params(axis="x", nbins=7)
    log_ticks(axes.yaxis)
    axes.grid(True, which="major")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(-0.17, -0.135),
        ncols=3,
        columnspacing=0.9,
        handlelength=1.2,
        labelspacing=0.3,
    )
    filled = [[value if math.isfinite(value) else None for value in v.tolist()] for v in (mean, low, high)]
    return [
        _number(
            "curve",
            "mean",
            point=k,
            voltage_v=float(voltage[k]),
            conductance_s=filled[0][k],
            conductance_low_s=filled[1][k],
            conductance_high_s=filled[2][k],
            usable=bool(usable[k]),
            in_lcis=bool(in_lcis[k]),
            in_operative=bool(in_operative[k]),
        )
        for k in point.tolist()
    ]


def _stretches(members: np.ndarray, x: np.ndarray) -> list[tuple[float, float]]:
    """Start and end of each run of members on the axis, half a step wider on both sides."""
    edge = np.diff(np.concatenate([[0], members.astype(int), [0]]))
    starts, stops = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1
    step = (x[-1] - x[0]) / max(x.size - 1, 1) or 1.0
    return [(x[a] - step / 2, x[b] + step / 2) for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]


def _facts(figure, row: Mapping, confidence: float) -> None:
    """What was found, in a column to the right of the panels."""
    x, y = 143.0, HEIGHT_MM - 14.0

    def say(text: str, *, size: float = 6.5, gap: float = 1.2, **options) -> None:
        nonlocal y
        text_mm(figure, x, y, text, va="top", fontsize=size, linespacing=1.25, **options)
        y -= (text.count("\n") + 1) * size * 0.3528 * 1.3 + gap

    if row["usability"] is not None:
        say(f"U = {row['usability']:.3f}", size=11, gap=0.3, fontweight="bold")
        say(
            f"{confidence:.0%} interval {row['usability_low']:.3f} … {row['usability_high']:.3f}".replace(
                "%", " %"
            )
        )
        say(f"F = {row['fidelity']:.3f}", size=11, gap=0.3, fontweight="bold")
        say(f"interval {row['fidelity_low']:.3f} … {row['fidelity_high']:.3f}")
        say(f"η = {row['eta']:.3f}", size=8, gap=0.2)
        say(f"LCIS is {row['lcis_fraction']:.0%} of the branch".replace("%", " %"), size=6)
        say(f"σ = {row['sigma']:.3f}", size=8, gap=0.2)
        say(f"upper bound {row['sigma_upper']:.3f} enters U", size=6)
    else:
        say(
            {"refused": "refused"}.get(row["status"], "no usability"),
            size=10,
            color=VERMILION,
            fontweight="bold",
        )
        say(wrapped(row["reason"] or "no reason given", 28, lines=12), color=VERMILION)
    if row["cycles"] is not None:
        say(f"{row['cycles_used']} of {row['cycles']} cycles used", gap=0.2)
        lost = ", ".join(f"{row[f'cycles_{rule}']} {rule}" for rule in LOSSES if row[f"cycles_{rule}"])
        say(wrapped(f"dropped: {lost}" if lost else "none dropped", 32), size=6)
    if row["compliance_level_a"] is not None:
        source = {"metadata": "as stated", "detected": "from the data"}.get(row["compliance_source"], "")
        say(f"compliance {engineering(row['compliance_level_a'], 'A')}", gap=0.2)
        say(source, size=6)
    elif row["kind"] == "sweep":
        say("no compliance seen")
    if row["masked_fraction"] is not None and row["compliance_level_a"] is not None:
        say(f"{row['masked_fraction']:.0%} of branch samples limited".replace("%", " %"), size=6)
    if row["usability_reference"] is not None:
        say(f"reference code's choices: U = {row['usability_reference']:.3f}", size=5.5, color=GREY)
    if row["contact"]:
        say(f"contact: {row['contact']}", size=5.5, color=GREY)
    if row["measured_at"]:
        say(f"measured {row['measured_at']}", size=5.5, color=GREY)


LOSSES = ("nan", "open", "shorted", "flipped")
"""Rules that drop a cycle, in the order they are named."""
