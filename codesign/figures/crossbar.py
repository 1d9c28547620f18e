"""Networks on a crossbar: accuracy beside software, errors of multiplications, programmed conductances."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from codesign.bayesmulti.methods import method_of
from codesign.crossbar.summary import as_programmed, cells_of, drops
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import (
    GREY,
    PALE,
    TWO_COLUMNS_MM,
    Drawing,
    axes_mm,
    engineering,
    house_style,
    log_ticks,
    new_figure,
    text_mm,
)

PAPER_DROP = {"erm": 0.45, "bayesmulti": 0.15}
"""Loss of accuracy on the authors' array, of two moons, arXiv 2412.02779."""
ARRAY = {"none": ("array", ""), "offset": ("calibrated", "calibrated")}
"""What a calibration is called under accuracies and under losses."""
JITTER = 0.13
"""Half width of the cloud of runs, in methods."""
BLOCK_MM = 40.0
"""Height of one method's maps."""
MAP_MM = 28.5
"""Side of a map."""
MAPS_MM = (86.0, 117.0, 148.0)
"""Left edges of target, programmed and difference."""


def draw_crossbar_accuracy(
    rows: Sequence[Mapping],
    summary: Sequence[Mapping],
    *,
    dataset: str,
    chance: float,
    reported: Mapping[str, float],
    confidence: float,
    evidence: str,
    device: str,
) -> Drawing:
    """Accuracy of each run in software, on the array and after calibrations, and what the array costs.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`.
        summary: `codesign.crossbar.summary.summarise_runs` of them.
        dataset: What the networks tell apart, as the figure says it.
        chance: Accuracy of a network that has learnt nothing.
        reported: Loss by method on the authors' array, where it was measured on this task.
        confidence: Of the intervals.
        evidence: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: There is no row.
    """
    if not rows:
        raise ValueError("the record has no network; run the crossbar first")
    lines = drops(rows)
    methods = in_order(line["method"] for line in lines)
    calibrations = list(dict.fromkeys(line["calibration"] for line in lines))
    known = {(row["method"], row["calibration"], row["quantity"]): row for row in summary}
    numbers = [{"panel": "runs"} | line | {"chance": chance} for line in lines]
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 94)
        runs = len({line["run"] for line in lines})
        under = [
            f"{dataset}, {_hidden_layers(rows)}; n = {runs} run{'s' * (runs != 1)} a method, each a training "
            f"and a programming of its own, on {rows[0]['examples']} test points",
            f"cells: {device}; black bars: mean and {percent(confidence)} interval over runs",
        ]
        if len(calibrations) > 1:
            seen = max(row["calibration_examples"] for row in rows)
            under[1] += f"; calibrated with {seen} training examples: hollow"
        under += [said] if (said := _who_is_ahead(known, calibrations)) else []
        head(figure, 94, "Accuracy in software and on the array", under, evidence)
        pairs, cost = axes_mm(figure, 14, 13, 88, 50), axes_mm(figure, 121, 13, 55, 50)
        places, costs = [], []
        for k, method in enumerate(methods):
            look = look_of_method(method)
            steps = 1.2 * np.arange(1 + len(calibrations)) + (1.8 + 1.2 * len(calibrations)) * k
            places += zip(steps, ["software", *(ARRAY[name][0] for name in calibrations)], strict=True)
            for line in _by_run(lines, method, calibrations):
                pairs.plot(
                    steps[: len(line)],
                    line,
                    color=look.colour,
                    lw=0.5,
                    alpha=0.45,
                    marker=look.marker,
                    ms=2.6,
                    mew=0,
                    gid=f"run {method}",
                )
            _mean(pairs, steps[0] - 0.22, known[method, calibrations[0], "software"])
            for at, calibration in zip(steps[1:], calibrations, strict=True):
                if (method, calibration, "array") in known:
                    _mean(pairs, at + 0.22, known[method, calibration, "array"])
            pairs.text(
                steps.mean(), 1.03, method_of(method).title, transform=_across(pairs), ha="center",
                color=look.colour, fontweight="bold",
            )  # fmt: skip
            first = len(costs)
            for calibration in calibrations:
                mine = [
                    line for line in lines if (line["method"], line["calibration"]) == (method, calibration)
                ]
                if not mine:
                    continue
                at = len(costs)
                costs.append("\n".join(filter(None, (method_of(method).title, ARRAY[calibration][1]))))
                _cloud(cost, at, [line["drop"] for line in mine], look, hollow=calibration != "none")
                _mean(cost, at + 0.27, known[method, calibration, "drop"])
                mean = known[method, calibration, "drop"]["mean"]
                cost.text(
                    at + 0.36, mean, f"{mean:.3f}", va="center", fontsize=6 if len(calibrations) == 1 else 5.5
                )
            if method in reported:
                theirs = reported[method]
                cost.plot(
                    [first - 0.33, first + 0.33],
                    [theirs] * 2,
                    color=look.colour,
                    lw=0.9,
                    ls=(0, (2, 1.2)),
                    gid="paper",
                )
                cost.text(first - 0.33, theirs + 0.008, "paper", color=look.colour, fontsize=5.5, va="bottom")
                numbers.append(
                    dict.fromkeys(numbers[0]) | {"panel": "paper", "method": method, "drop": theirs}
                )
        pairs.axhline(chance, color=GREY, lw=0.6, ls=(0, (1, 1.5)), zorder=1, gid="chance")
        pairs.text(
            places[-1][0] + 0.58,
            chance,
            f"chance {chance:.3g}",
            color=GREY,
            fontsize=5.5,
            ha="right",
            va="bottom",
        )
        values = [line[name] for line in lines for name in ("software", "array")]
        pairs.set(xlim=(-0.6, places[-1][0] + 0.6), ylim=(min(*values, chance) - 0.03, 1.01))
        pairs.set_xticks([at for at, _ in places], [name for _, name in places])
        pairs.set_ylabel("accuracy on test points")
        text_mm(figure, 14, 70, "a  each run", fontsize=7, fontweight="bold")
        pairs.grid(True, axis="y", color=PALE)
        cost.axhline(0, color=GREY, lw=0.6)
        cost.set(xlim=(-0.5, len(costs) - 0.15))
        cost.set_xticks(range(len(costs)), costs)
        cost.set_ylabel("accuracy lost: software - array")
        cost.grid(True, axis="y", color=PALE)
        text_mm(figure, 121, 70, "b  what the array costs", fontsize=7, fontweight="bold")
        return Drawing(figure, numbers)


def _who_is_ahead(known: Mapping[tuple[str, str, str], Mapping], calibrations: Sequence[str]) -> str:
    """What the array says of the two methods, run by run; '' where there are not both."""
    parts = []
    for calibration in calibrations:
        row = known.get(("difference", calibration, "array"))
        if row is None or row["low"] is None:
            continue
        ahead = (
            "BayesMulti is ahead"
            if row["low"] > 0
            else "ERM stays ahead"
            if row["high"] < 0
            else "not told apart"
        )
        as_it_is = "as programmed" if calibration == "none" else ARRAY[calibration][0]
        parts.append(f"{as_it_is} {row['mean']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}: {ahead})")
    return f"accuracy on the array, BayesMulti - ERM, run by run: {'; '.join(parts)}" if parts else ""


def _by_run(lines: Sequence[Mapping], method: str, calibrations: Sequence[str]) -> list[list[float]]:
    """Of each run: accuracy in software, and on the array under the calibrations that it has."""
    found = {(line["run"], line["calibration"]): line for line in lines if line["method"] == method}
    runs = dict.fromkeys(run for run, _ in found)
    whole = []
    for run in runs:
        mine = [found[run, name] for name in calibrations if (run, name) in found]
        whole.append([mine[0]["software"], *(line["array"] for line in mine)])
    return whole


def _hidden_layers(rows: Sequence[Mapping]) -> str:
    """How many, in words; every matrix of the network lies on the array."""
    hidden = max(max(row["cell_layer"]) for row in rows) - 1
    number = {0: "no", 1: "one", 2: "two", 3: "three"}.get(hidden, str(hidden))
    return f"{number} hidden layer{'s' * (hidden > 1)}"


def _across(axes):
    """x in data, y in axes."""
    return axes.get_xaxis_transform()


def _cloud(axes, at: float, values: Sequence[float], look, *, hollow: bool) -> None:
    """Runs side by side, in the order of runs."""
    across = at + (np.linspace(-JITTER, JITTER, len(values)) if len(values) > 1 else [0.0])
    filling = {"mfc": "none", "mew": 0.5} if hollow else {"mew": 0}
    axes.plot(across, values, look.marker, color=look.colour, ms=2.8, alpha=0.7, gid="runs", **filling)


def _mean(axes, at: float, row: Mapping) -> None:
    axes.plot([at], [row["mean"]], "_", color="black", ms=7, mew=1.2, zorder=4, gid="mean")
    if row["low"] is not None:
        axes.vlines(at, row["low"], row["high"], color="black", lw=0.9, zorder=4)


def draw_crossbar_errors(histogram: Sequence[Mapping], *, evidence: str, device: str) -> Drawing:
    """Errors of single multiplications, array - software, one panel a layer.

    Args:
        histogram: `codesign.crossbar.summary.error_histogram`.
        evidence: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: There is no line.
    """
    if not histogram:
        raise ValueError("no error is counted; run the crossbar first")
    methods = in_order(line["method"] for line in histogram)
    layers = sorted({line["layer"] for line in histogram})
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 86)
        under = (
            "products of a vector and a column pair, all runs, against software's of the same input",
            f"cells: {device}; unit: root mean square of that method's products in software",
        )
        head(figure, 86, "Error of a multiplication: array - software", under, evidence)
        width = (TWO_COLUMNS_MM - 14 - 4 - 16 * (len(layers) - 1)) / len(layers)
        for k, layer in enumerate(layers):
            axes = axes_mm(figure, 14 + k * (width + 16), 13, width, 44)
            for method in methods:
                mine = [line for line in histogram if (line["layer"], line["method"]) == (layer, method)]
                look = look_of_method(method)
                edges = [line["low"] for line in mine] + [mine[-1]["high"]]
                share = [line["count"] / line["n"] for line in mine]
                whole = mine[0]
                label = f"{method_of(method).title}: mean {whole['mean']:+.3f}, std {whole['std']:.3f}, "
                label += f"n = {whole['n']:,}"
                axes.stairs(share, edges, color=look.colour, lw=1.0, label=label, gid=method)
                axes.stairs(share, edges, color=look.colour, fill=True, alpha=0.14)
            axes.axvline(0, color=GREY, lw=0.5, ls=(0, (1, 1.5)))
            least = min(1 / line["n"] for line in histogram if line["layer"] == layer)
            axes.set(yscale="log", ylim=(least / 2, 1.5), xlabel="error / rms product")
            log_ticks(axes.yaxis)
            axes.set_ylabel("share of multiplications")
            axes.set_title(f"{'abcdefgh'[k]}  layer {layer}", y=1.17)
            axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.995), fontsize=5.6)
            axes.grid(True, color=PALE)
        return Drawing(figure, list(histogram))


def draw_conductance_map(
    rows: Sequence[Mapping],
    *,
    run: int,
    array: tuple[int, int],
    tolerance_s: float,
    evidence: str,
    device: str,
) -> Drawing:
    """Programmed against target conductance: every cell, and the array as one run filled it.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`.
        run: The run whose arrays are mapped; one filling a method, the first.
        array: Rows and columns of the array.
        tolerance_s: Of write-verify [S].
        evidence: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: There is no such run.
    """
    rows = as_programmed(rows)
    chosen = {row["method"]: cells_of(row) for row in rows if row["run"] == run}
    if not chosen:
        raise ValueError(f"the record has no run {run}")
    methods = in_order(chosen)
    cells = [cell for row in rows for cell in cells_of(row)]
    ends = [cell[name] for cell in cells for name in ("target_s", "reached_s")]
    per_siemens, unit = _unit(max(ends))
    low, high = per_siemens * min(ends), per_siemens * max(ends)
    with house_style():
        height = 29 + BLOCK_MM * len(methods)
        figure = new_figure(TWO_COLUMNS_MM, height)
        reached = [cell["ok"] for cell in cells]
        pulses = [cell["pulses"] for cell in cells]
        under = (
            f"a: {len(cells):,} cells of {len(rows)} networks, {100 * sum(reached) / len(reached):.1f} % "
            f"within {engineering(tolerance_s, 'S')} of their target (band), "
            f"{sum(pulses) / len(pulses):.1f} pulses a cell",
            f"b: the {array[0]} × {array[1]} array of run {run}, white: no weight, line: between layers; "
            f"cells: {device}",
        )
        head(figure, height, "Programmed against target conductance", under, evidence)
        top = 14 + BLOCK_MM * (len(methods) - 1) + MAP_MM
        _every_cell(figure, top, cells, (low, high), tolerance_s, per_siemens, unit)
        off = max(abs(cell["reached_s"] - cell["target_s"]) for found in chosen.values() for cell in found)
        off = per_siemens * off or 1.0
        scales = {"target": Normalize(low, high), "programmed": Normalize(low, high)}
        scales["difference"] = Normalize(-off, off)
        images = {}
        for k, method in enumerate(methods):
            bottom = 14 + BLOCK_MM * (len(methods) - 1 - k)
            for j, name in enumerate(scales):
                axes = axes_mm(figure, MAPS_MM[j], bottom, MAP_MM, MAP_MM)
                images[name] = _map(axes, chosen[method], array, name, scales[name], per_siemens)
                if j:
                    axes.set_yticks([])
                if k == 0:
                    axes.set_title(f"b  {name}" if j == 0 else name)
            side = {"rotation": 90, "va": "center", "ha": "center", "fontweight": "bold"}
            colour, middle = look_of_method(method).colour, bottom + MAP_MM / 2
            text_mm(figure, MAPS_MM[0] - 5.5, middle, method_of(method).title, color=colour, **side)
        for name, left, right, label in (
            ("target", MAPS_MM[0], MAPS_MM[1] + MAP_MM, f"conductance [{unit}]"),
            ("difference", MAPS_MM[2], MAPS_MM[2] + MAP_MM, f"programmed - target [{unit}]"),
        ):
            bar = axes_mm(figure, left, 9, right - left, 1.6)
            figure.colorbar(images[name], cax=bar, orientation="horizontal")
            bar.xaxis.set_major_locator(
                MaxNLocator(5 if name == "target" else 4, symmetric=name == "difference")
            )
            bar.set_xlabel(label, labelpad=1)
        return Drawing(figure, cells)


def _unit(largest_s: float) -> tuple[float, str]:
    """Factor and unit in which conductances up to `largest_s` are read most easily."""
    for factor, unit in ((1e3, "mS"), (1e6, "µS")):
        if factor * largest_s >= 1:
            return factor, unit
    return 1e9, "nS"


def _every_cell(
    figure,
    top: float,
    cells: Sequence[Mapping],
    ends: tuple[float, float],
    tolerance_s: float,
    per_siemens: float,
    unit: str,
) -> None:
    """Programmed over target conductance, with the identity and the tolerance."""
    size, tolerance = min(60.0, top - 16), per_siemens * tolerance_s
    axes = axes_mm(figure, 14, top - size, size, size)
    margin = 0.04 * (ends[1] - ends[0]) or 0.1
    line = np.array([max(ends[0] - margin, 0), ends[1] + margin])
    axes.fill_between(line, line - tolerance, line + tolerance, color=PALE, lw=0, gid="tolerance")
    axes.plot(line, line, color=GREY, lw=0.6, gid="identity")
    for method in in_order(cell["method"] for cell in cells):
        look = look_of_method(method)
        mine = [cell for cell in cells if cell["method"] == method]
        hollow = method == "erm"
        axes.plot(
            [per_siemens * cell["target_s"] for cell in mine],
            [per_siemens * cell["reached_s"] for cell in mine],
            look.marker,
            mfc="none" if hollow else look.colour,
            mec=look.colour,
            mew=0.4 if hollow else 0,
            ms=2.0,
            alpha=0.5,
            label=method_of(method).title,
            gid=method,
        )
    axes.set(xlim=line, ylim=line, xlabel=f"target conductance [{unit}]")
    axes.set_ylabel(f"programmed conductance [{unit}]")
    axes.set_title("a  every cell of every run")
    axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.3))


def _map(
    axes, cells: Sequence[Mapping], array: tuple[int, int], name: str, norm: Normalize, per_siemens: float
):
    """The array as it was filled first, one square a cell."""
    shown, layers = np.full(array, np.nan), np.zeros(array, dtype=int)
    for cell in cells:
        if cell["load"] == 0:
            at = cell["row"], cell["column"]
            target, reached = per_siemens * cell["target_s"], per_siemens * cell["reached_s"]
            shown[at] = {"target": target, "programmed": reached, "difference": reached - target}[name]
            layers[at] = cell["layer"]
    colours = "RdBu_r" if name == "difference" else "viridis"
    image = axes.imshow(shown, norm=norm, cmap=colours, aspect="equal", interpolation="none", gid=name)
    for r, c in np.argwhere(np.diff(layers, axis=1)):
        axes.plot([c + 0.5] * 2, [r - 0.5, r + 0.5], color="black", lw=0.8)
    for r, c in np.argwhere(np.diff(layers, axis=0)):
        axes.plot([c - 0.5, c + 0.5], [r + 0.5] * 2, color="black", lw=0.8)
    axes.set_xticks([0, array[1] - 1], ["1", str(array[1])])
    axes.set_yticks([0, array[0] - 1], ["1", str(array[0])])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return image
