"""Networks on a crossbar: accuracy beside software, errors of multiplications, programmed conductances."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.ticker import MaxNLocator

from codesign.bayesmulti.methods import METHODS
from codesign.crossbar.summary import cells_of, drops
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import (
    GREY,
    PALE,
    TWO_COLUMNS_MM,
    Drawing,
    axes_mm,
    house_style,
    new_figure,
    text_mm,
)

PAPER_DROP = {"erm": 0.45, "bayesmulti": 0.15}
"""Loss of accuracy on the authors' array, arXiv 2412.02779."""
JITTER = 0.13
"""Half width of the cloud of runs, in methods."""
UNREACHED = "#D55E00"


def draw_crossbar_accuracy(
    rows: Sequence[Mapping],
    summary: Sequence[Mapping],
    *,
    chance: float,
    confidence: float,
    source: str,
    device: str,
) -> Drawing:
    """Accuracy of each run in software and on the array, and what the array costs.

    Args:
        rows: Rows of `codesign.tables.CROSSBAR`.
        summary: `codesign.crossbar.summary.summarise_runs` of them.
        chance: Accuracy of a network that has learnt nothing.
        confidence: Of the intervals.
        source: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: There is no row.
    """
    if not rows:
        raise ValueError("the record has no network; run the crossbar first")
    lines = drops(rows)
    methods = in_order(line["method"] for line in lines)
    known = {(row["method"], row["quantity"]): row for row in summary}
    numbers = [{"panel": "runs"} | line | {"chance": chance} for line in lines]
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 84)
        runs = len({line["run"] for line in lines})
        under = (
            f"two moons, one hidden layer; n = {runs} run{'s' * (runs != 1)} a method, each a training and a "
            f"programming of its own, on {rows[0]['examples']} test points",
            f"cells: {device}; black bars: mean and {percent(confidence)} interval over runs",
        )
        head(figure, 84, "Accuracy in software and on the array", under, source)
        pairs, cost = axes_mm(figure, 14, 13, 88, 49), axes_mm(figure, 121, 13, 55, 49)
        places = []
        for k, method in enumerate(methods):
            mine = [line for line in lines if line["method"] == method]
            look = look_of_method(method)
            left, right = 3 * k, 3 * k + 1.2
            places += [(left, "software"), (right, "array")]
            for line in mine:
                pairs.plot(
                    [left, right],
                    [line["software"], line["array"]],
                    color=look.colour,
                    lw=0.5,
                    alpha=0.45,
                    marker=look.marker,
                    ms=2.6,
                    mew=0,
                    gid=f"run {method}",
                )
            for at, quantity in ((left - 0.22, "software"), (right + 0.22, "array")):
                _mean(pairs, at, known[method, quantity])
            pairs.text(
                (left + right) / 2, 1.03, METHODS[method].title, transform=_across(pairs), ha="center",
                color=look.colour, fontweight="bold",
            )  # fmt: skip
            _cloud(cost, k, [line["drop"] for line in mine], look)
            _mean(cost, k + 0.27, known[method, "drop"])
            mean = known[method, "drop"]["mean"]
            cost.text(k + 0.34, mean, f"{100 * mean:.1f} %", va="center", fontsize=6)
            if method in PAPER_DROP:
                reported = PAPER_DROP[method]
                cost.plot([k - 0.33, k + 0.33], [reported] * 2, color=look.colour, lw=0.9, ls=(0, (2, 1.2)), gid="paper")
                cost.text(k - 0.33, reported + 0.008, "paper", color=look.colour, fontsize=5.5, va="bottom")
                numbers.append(
                    dict.fromkeys(numbers[0]) | {"panel": "paper", "method": method, "drop": reported}
                )
        pairs.axhline(chance, color=GREY, lw=0.6, ls=(0, (1, 1.5)), zorder=1, gid="chance")
        pairs.text(places[-1][0] + 0.58, chance, f"chance {chance:.3g}", color=GREY, fontsize=5.5, ha="right", va="bottom")
        values = [line[name] for line in lines for name in ("software", "array")]
        pairs.set(xlim=(-0.6, places[-1][0] + 0.6), ylim=(min(*values, chance) - 0.03, 1.01))
        pairs.set_xticks([at for at, _ in places], [name for _, name in places])
        pairs.set_ylabel("accuracy on test points")
        text_mm(figure, 14, 67.5, "a  each run", fontsize=7, fontweight="bold")
        pairs.grid(True, axis="y", color=PALE)
        cost.axhline(0, color=GREY, lw=0.6)
        cost.set(xlim=(-0.5, len(methods) - 0.3))
        cost.set_xticks(range(len(methods)), [METHODS[method].title for method in methods])
        cost.set_ylabel("accuracy lost: software - array")
        cost.grid(True, axis="y", color=PALE)
        text_mm(figure, 121, 67.5, "b  what the array costs", fontsize=7, fontweight="bold")
        return Drawing(figure, numbers)


def _across(axes):
    """x in data, y in axes."""
    return axes.get_xaxis_transform()


def _cloud(axes, at: float, values: Sequence[float], look) -> None:
    """Runs side by side, in the order of runs."""
    across = at + (np.linspace(-JITTER, JITTER, len(values)) if len(values) > 1 else [0.0])
    axes.plot(across, values, look.marker, color=look.colour, ms=2.8, mew=0, alpha=0.7, gid="runs")


def _mean(axes, at: float, row: Mapping) -> None:
    axes.plot([at], [row["mean"]], "_", color="black", ms=7, mew=1.2, zorder=4, gid="mean")
    if row["low"] is not None:
        axes.vlines(at, row["low"], row["high"], color="black", lw=0.9, zorder=4)


def draw_crossbar_errors(histogram: Sequence[Mapping], *, source: str, device: str) -> Drawing:
    """Errors of single multiplications, array - software, one panel a layer.

    Args:
        histogram: `codesign.crossbar.summary.error_histogram`.
        source: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: There is no line.
    """
    if not histogram:
        raise ValueError("no error is counted; run the crossbar first")
    methods = in_order(line["method"] for line in histogram)
    layers = sorted({line["layer"] for line in histogram})
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 80)
        under = (
            "every multiplication of a vector with a column pair, all runs and test points; the array gets the input "
            "that it has itself computed",
            f"cells: {device}; unit: root mean square of that method's products of the layer in software",
        )
        head(figure, 80, "Error of a multiplication: array - software", under, source)
        width = (TWO_COLUMNS_MM - 14 - 4 - 16 * (len(layers) - 1)) / len(layers)
        for k, layer in enumerate(layers):
            axes = axes_mm(figure, 14 + k * (width + 16), 13, width, 44)
            for method in methods:
                mine = [line for line in histogram if (line["layer"], line["method"]) == (layer, method)]
                look = look_of_method(method)
                edges = [line["low"] for line in mine] + [mine[-1]["high"]]
                share = [line["count"] / line["n"] for line in mine]
                label = f"{METHODS[method].title}: mean {mine[0]['mean']:+.3f}, std {mine[0]['std']:.3f}, n = {mine[0]['n']:,}"
                axes.stairs(share, edges, color=look.colour, lw=1.0, label=label, gid=method)
                axes.stairs(share, edges, color=look.colour, fill=True, alpha=0.14)
            axes.axvline(0, color=GREY, lw=0.5, ls=(0, (1, 1.5)))
            axes.set(ylim=(0, None), xlabel="error / rms product")
            axes.set_ylabel("share of multiplications")
            axes.set_title(f"{'abcdefgh'[k]}  layer {layer}", y=1.13)
            axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 0.995), fontsize=5.6)
            axes.grid(True, color=PALE)
        return Drawing(figure, list(histogram))


def draw_conductance_map(
    rows: Sequence[Mapping], *, run: int, tolerance: float, source: str, device: str
) -> Drawing:
    """Programmed against target conductance: every cell, and the array as one run loaded it.

    Args:
        rows: Rows of `codesign.tables.CROSSBAR`.
        run: The run whose loadings are mapped.
        tolerance: Of write-verify, relative to the target.
        source: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: There is no such run.
    """
    chosen = [row for row in rows if row["run"] == run]
    if not chosen:
        raise ValueError(f"the record has no run {run}")
    methods = in_order(row["method"] for row in rows)
    cells = [cell for row in rows for cell in cells_of(row)]
    mapped = {row["method"]: cells_of(row) for row in chosen}
    loads = sorted({(cell["layer"], cell["tile"]) for found in mapped.values() for cell in found})
    ends = [cell[name] * 1e6 for cell in cells for name in ("target_s", "reached_s")]
    wrong = 100 * np.array([cell["reached_s"] / cell["target_s"] - 1 for found in mapped.values() for cell in found])
    with house_style():
        block = 39
        height = 24 + block * len(methods) + 6
        figure = new_figure(TWO_COLUMNS_MM, height)
        reached = np.mean([cell["ok"] for cell in cells])
        under = (
            f"a: {len(cells):,} cells of {len(rows)} networks, {percent(round(float(reached), 4))} within "
            f"{percent(tolerance)} of their target (band), "
            f"{np.mean([cell['pulses'] for cell in cells]):.1f} pulses a cell on average",
            f"b: run {run}, one {_grid(cells)} array loaded {len(loads)} times a network; cells: {device}",
        )
        head(figure, height, "Programmed against target conductance", under, source)
        scatter = axes_mm(figure, 14, 14, 56, 56)
        low, high = min(ends), max(ends)
        margin = 0.04 * (high - low) or 0.1
        line = np.array([max(low - margin, 0), high + margin])
        scatter.fill_between(line, line * (1 - tolerance), line * (1 + tolerance), color=PALE, lw=0, gid="tolerance")
        scatter.plot(line, line, color=GREY, lw=0.6, gid="identity")
        for method in methods:
            look = look_of_method(method)
            mine = [cell for cell in cells if cell["method"] == method]
            scatter.plot(
                [1e6 * cell["target_s"] for cell in mine],
                [1e6 * cell["reached_s"] for cell in mine],
                look.marker,
                mfc="none" if method == "erm" else look.colour,
                mec=look.colour,
                mew=0.4 if method == "erm" else 0,
                ms=2.0,
                alpha=0.5,
                label=METHODS[method].title,
                gid=method,
            )
        scatter.set(xlim=line, ylim=line, xlabel="target [µS]", ylabel="programmed [µS]")
        scatter.set_title("a  every cell")
        scatter.legend(loc="upper left")
        norm = Normalize(low, high)
        span = max(float(np.abs(wrong).max()), 1.0)
        apart = TwoSlopeNorm(0, -span, span)
        numbers = []
        images = {}
        for k, method in enumerate(methods):
            bottom = 6 + block * (len(methods) - 1 - k) + 6
            for j, (name, values) in enumerate((("target", norm), ("programmed", norm), ("error", apart))):
                images[j] = _loads(figure, 84 + 32 * j, bottom, mapped[method], loads, name, values, first=k == 0)
            text_mm(
                figure, 80, bottom + 14, METHODS[method].title, rotation=90, va="center", ha="right",
                color=look_of_method(method).colour, fontweight="bold",
            )  # fmt: skip
            numbers += mapped[method]
        for j, (left, width, label) in enumerate(((84, 28, ""), (116, 28, "µS"), (148, 28, "error, % of target"))):
            if j == 0:
                continue
            bar = axes_mm(figure, left - (32 if j == 1 else 0), 6.5, width + (32 if j == 1 else 0), 1.8)
            figure.colorbar(images[j], cax=bar, orientation="horizontal")
            bar.xaxis.set_major_locator(MaxNLocator(5))
            bar.set_xlabel(label, labelpad=1)
        numbers += [cell for cell in cells if cell["run"] != run]
        return Drawing(figure, numbers)


def _grid(cells: Sequence[Mapping]) -> str:
    return f"{1 + max(c['row'] for c in cells)} × {1 + max(c['column'] for c in cells)}"


def _loads(figure, left, bottom, cells, loads, name, norm, *, first):
    """One method's loadings of the array beside each other, each as it lay on it."""
    rows, columns = 1 + max(c["row"] for c in cells), 1 + max(c["column"] for c in cells)
    gap = 1
    shown = np.full((rows, len(loads) * (columns + gap) - gap), np.nan)
    for cell in cells:
        at = loads.index((cell["layer"], cell["tile"])) * (columns + gap) + cell["column"]
        if name == "error":
            shown[cell["row"], at] = 100 * (cell["reached_s"] / cell["target_s"] - 1)
        else:
            shown[cell["row"], at] = 1e6 * cell["target_s" if name == "target" else "reached_s"]
    axes = axes_mm(figure, left, bottom, 28, 28)
    image = axes.imshow(shown, norm=norm, cmap="RdBu_r" if name == "error" else "viridis", aspect="auto", interpolation="none", gid=name)
    axes.set_xticks(
        [k * (columns + gap) + columns / 2 - 0.5 for k in range(len(loads))],
        [f"{layer}.{tile + 1}" for layer, tile in loads],
    )
    axes.set_yticks([0, rows - 1], ["1", str(rows)])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    if first:
        axes.set_title(f"b  {name}" if name == "target" else name)
    return image
