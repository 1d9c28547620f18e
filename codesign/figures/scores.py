"""Trained networks on usability levels: scores, gains over ERM, calibrated, and by starting scale."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.figures.baselines import BaselineScore, baseline_lines, baseline_numbers, said_of
from codesign.figures.methods import head, in_order, look_of_method, percent
from codesign.figures.style import TWO_COLUMNS_MM, Drawing, axes_mm, fit_ylabel, house_style, new_figure
from codesign.figures.summary_rows import (
    beside,
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

CALIBRATIONS = {
    "none": "as programmed",
    "scale": "mean factor divided out",
    "offset": "gain and offset a channel",
    "statistics": "normalisation taken again",
}
"""Kinds of calibration, as a panel's title says them."""
DODGE = 0.0075
"""Between methods drawn beside each other, in usability."""
RIVALS = 2
"""Rivals drawn among differences to ERM, the best ones; all of them are in the table and beside it."""


def said_of_choice(calibration: str) -> str:
    """What the noise of training was chosen with, where that is more than programming."""
    return "" if calibration == "none" else f"; noise chosen with {CALIBRATIONS[calibration]}"


def draw_scores(
    summary: Sequence[Mapping],
    *,
    metric: Metric,
    confidence: float,
    origin: str,
    data: str,
    chosen_with: str = "none",
    baselines: Sequence[BaselineScore] = (),
) -> Drawing:
    """Score against usability level of every method, and its paired difference to ERM.

    Args:
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` of one
            experiment; those on levels with this metric and without calibration are drawn, and nothing is
            averaged here.
        metric: Which metric; its chance level is drawn where it has one.
        confidence: Of the intervals on differences.
        origin: measured | virtual: the devices that levels follow.
        data: Where the test examples come from, as the figure says it.
        chosen_with: Calibration that the noise of training was chosen with.
        baselines: What needs no network, in this metric; a line each.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = [row for row in of_metric(summary, "level", metric) if row["calibration"] == "none"]
    experiment, network = one_experiment(rows, f"level with metric {metric.name!r}")
    methods = in_order(row["method"] for row in rows)
    rows = sorted(rows, key=lambda row: (methods.index(row["method"]), row["usability"]))
    names = (
        *("experiment", "network", "method", "metric", "level", "usability", "fidelity", "aim"),
        *("trainings", "n", "mean", "std", "training_share", "low", "high"),
        *("n_paired", "difference", "difference_low", "difference_high"),
    )
    numbers = [{name: row[name] for name in names} | {"chance": metric.chance} for row in rows]
    shown = {"experiment": experiment, "network": "none", "metric": metric.name}
    numbers += baseline_numbers((*names, "chance"), baselines, **shown)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 81)
        levels = len({row["profile"] for row in rows})
        lines = (
            f"test data: {short(data)}; n = {sample(rows)} a level and method",
            f"{levels} synthetic levels along the devices' own trend; {networks_said(rows)}"
            f"{said_of_choice(chosen_with)}; same start, "
            f"batches and noise draws{said_of(baselines)}",
        )
        head(
            figure,
            81,
            f"{experiment} ({network}): {metric.title} against usability",
            lines,
            origin,
            on="levels",
        )
        score, gain = axes_mm(figure, 14, 15, 72, 44), axes_mm(figure, 104, 15, 73, 44)
        for name in methods:
            mine = [row for row in rows if row["method"] == name]
            _score_line(score, name, mine)
        chance_line(score, metric, at=0.99)
        score.set_xlim(0, 1.04)
        baseline_lines(score, baselines)
        score.set_title("a  mean, band: ± 1 std")
        gain.axhline(0, color=look_of_method("erm").colour, lw=0.8, ls=look_of_method("erm").line, zorder=1)
        compared = [
            name
            for name in methods
            if name != "erm" and any(r["difference"] is not None for r in rows if r["method"] == name)
        ]
        drawn = leading(compared, rows, metric=metric)
        for k, name in enumerate(drawn):
            shift = DODGE * (k - (len(drawn) - 1) / 2)
            _difference_line(gain, name, [row for row in rows if row["method"] == name], shift)
        _name_lines(gain, drawn, rows)
        if not compared:
            gain.text(0.5, 0.5, "nothing to compare with ERM", transform=gain.transAxes, ha="center")
        rivals = f"; best {RIVALS} rivals" if len(drawn) < len(compared) else ""
        gain.set_title(f"b  draw by draw, {percent(confidence)} interval{rivals}")
        for axes in (score, gain):
            axes.set(xlim=(0, 1.04), xlabel="usability level U")
            axes.grid(True)
        fit_ylabel(score, f"{metric.title} on test data{worse(metric)}")
        fit_ylabel(gain, f"difference in {metric.title} to ERM{worse(metric)}", from_mm=88)
        score.legend(
            loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=beside(methods), columnspacing=1.6
        )
        return Drawing(figure, numbers)


def draw_calibrated(
    summary: Sequence[Mapping],
    *,
    metric: Metric,
    origin: str,
    data: str,
    chosen_with: str = "none",
    baselines: Sequence[BaselineScore] = (),
) -> Drawing:
    """Score against usability level of every method, as programmed and after each calibration.

    Args:
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` of one experiment; those on
            levels with this metric are drawn, a panel a calibration that has rows.
        metric: Which metric; its chance level is drawn where it has one.
        origin: measured | virtual: the devices that levels follow.
        data: Where the test examples come from, as the figure says it.
        chosen_with: Calibration that the noise of training was chosen with.
        baselines: What needs no network, in this metric; a line each.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = of_metric(summary, "level", metric)
    experiment, network = one_experiment(rows, f"level with metric {metric.name!r}")
    methods = in_order(row["method"] for row in rows)
    kinds = [kind for kind in CALIBRATIONS if any(row["calibration"] == kind for row in rows)]
    names = (
        *(
            "experiment",
            "network",
            "calibration",
            "method",
            "metric",
            "level",
            "usability",
            "trainings",
            "n",
            "mean",
            "std",
        ),
        *("n_paired", "difference", "difference_low", "difference_high"),
    )
    drawn = sorted(
        (row for row in rows if row["calibration"] in kinds),
        key=lambda row: (kinds.index(row["calibration"]), methods.index(row["method"]), row["usability"]),
    )
    height = 23 + 58 * -(-len(kinds) // 2)
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"test data: {short(data)}; n = {sample(drawn)} a level and method, the same in every panel",
            (
                "calibrated after each programming with training examples; band: ± 1 standard deviation"
                if len(kinds) > 1
                else "no calibration that this network can have"
            )
            + said_of_choice(chosen_with)
            + said_of(baselines),
        )
        title = f"{experiment} ({network}): {metric.title} as programmed and after calibration"
        head(figure, height, title, lines, origin, on="levels")
        for k, kind in enumerate(kinds):
            row, column = divmod(k, 2)
            bottom = height - 66 - 58 * row
            axes = axes_mm(figure, 14 + 90 * column, bottom, 73, 44, ylim=limits(drawn, metric.chance))
            for name in methods:
                found = [each for each in drawn if (each["calibration"], each["method"]) == (kind, name)]
                _score_line(axes, name, found)
            chance_line(axes, metric, at=0.99)
            axes.set_title(f"{'abcd'[k]}  {CALIBRATIONS[kind]}")
            axes.set(xlim=(0, 1.04), xlabel="usability level U")
            baseline_lines(axes, baselines)
            axes.grid(True)
            fit_ylabel(axes, f"{metric.title} on test data{worse(metric)}", from_mm=1 + 87 * column)
            if k == (len(kinds) - 1) // 2 * 2:
                axes.legend(
                    loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=beside(methods), columnspacing=1.6
                )
        numbers = [{name: row[name] for name in names} | {"chance": metric.chance} for row in drawn]
        shown = {"experiment": experiment, "network": "none", "metric": metric.name}
        return Drawing(figure, numbers + baseline_numbers((*names, "chance"), baselines, **shown))


def draw_starts(summary: Sequence[Mapping], *, metric: Metric, origin: str, data: str) -> Drawing:
    """Score against usability level of every method, a panel a starting scale.

    Args:
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` with an `initial_scale`, of
            one experiment on levels.
        metric: Which metric; its chance level is drawn where it has one.
        origin: measured | virtual: the devices that levels follow.
        data: Where the test examples come from, as the figure says it.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = of_metric(summary, "level", metric)
    experiment, network = one_experiment(rows, f"level with metric {metric.name!r}")
    methods = in_order(row["method"] for row in rows)
    scales = sorted({row["initial_scale"] for row in rows}, reverse=True)
    rows = sorted(
        rows, key=lambda r: (-r["initial_scale"], methods.index(r["method"]), r["stands_for"], r["usability"])
    )
    names = (
        *("experiment", "network", "initial_scale", "method", "metric", "level", "usability", "fidelity"),
        *("aim", "trainings", "n", "mean", "std", "n_paired", "difference", "difference_low"),
        "difference_high",
    )
    width = (TWO_COLUMNS_MM - 18) / len(scales) - 4
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 81)
        lines = (
            f"test data: {short(data)}; n = {sample(rows)} a level and method",
            f"the noise of each method as it was chosen; {networks_said(rows)}; band: ± 1 standard deviation",
        )
        title = f"{experiment} ({network}): {metric.title} by starting scale"
        head(figure, 81, title, lines, origin, on="levels")
        for k, scale in enumerate(scales):
            axes = axes_mm(figure, 14 + (width + 4) * k, 15, width, 44, ylim=limits(rows, metric.chance))
            for name in methods:
                mine = [r for r in rows if (r["method"], r["initial_scale"]) == (name, scale)]
                _score_line(axes, name, mine)
            chance_line(axes, metric, at=0.99)
            axes.set_title(f"{'abcdefgh'[k % 8]}  start × {scale:g}")
            axes.set(xlim=(0, 1.04), xlabel="usability level U")
            axes.grid(True)
            if k:
                axes.set_yticklabels([])
            else:
                fit_ylabel(axes, f"{metric.title} on test data{worse(metric)}")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower left", ncols=beside(methods), columnspacing=1.6)
        return Drawing(figure, [{name: row[name] for name in names} for row in rows])


def _score_line(axes, name: str, rows: Sequence[Mapping]) -> None:
    look = look_of_method(name)
    # the spread of rivals would hide what the figure is about; it is in the table
    spread = [row for row in rows if row["std"] is not None] if look.prominent else []
    axes.fill_between(
        [row["usability"] for row in spread],
        [row["mean"] - row["std"] for row in spread],
        [row["mean"] + row["std"] for row in spread],
        color=look.colour,
        alpha=0.16,
        lw=0,
        zorder=look.order - 1,
        gid=f"std {name}",
    )
    axes.plot(
        [row["usability"] for row in rows],
        [row["mean"] for row in rows],
        **look.drawn,
        label=method_of(name).title,
        gid=name,
    )


def leading(methods: Sequence[str], rows: Sequence[Mapping], *, metric: Metric) -> list[str]:
    """The methods that a figure is about, and the `RIVALS` others that gain most over ERM, in order.

    Args:
        methods: Those with differences to ERM.
        rows: Of the summary; the mean difference over levels decides.
        metric: Says which differences are gains.
    """
    sign = 1.0 if metric.better == "higher" else -1.0

    def gained(name: str) -> float:
        found = [row["difference"] for row in rows if row["method"] == name and row["difference"] is not None]
        return sign * sum(found) / max(len(found), 1)

    rivals = [name for name in methods if not look_of_method(name).prominent]
    best = sorted(rivals, key=lambda name: (-gained(name), name))[:RIVALS]
    return [name for name in methods if name not in rivals or name in best]


def _name_lines(axes, methods: Sequence[str], rows: Sequence[Mapping]) -> None:
    """Each line's name, joined to it where the lines are furthest from nothing."""
    found = {
        (row["method"], row["profile"]): row
        for row in rows
        if row["method"] in methods and row["difference"] is not None
    }
    if not found:
        return
    level = max(found, key=lambda key: abs(found[key]["difference"]))[1]
    lines = [(found[name, level], name) for name in methods if (name, level) in found]
    lines.sort(key=lambda line: -line[0]["difference"])
    right = lines[0][0]["usability"] < 0.55
    for k, (row, name) in enumerate(lines):
        axes.annotate(
            method_of(name).title,
            xy=(row["usability"], row["difference"]),
            xytext=(0.42 if right else 0.04, 0.93 - 0.085 * k),
            textcoords="axes fraction",
            color=look_of_method(name).colour,
            fontsize=6,
            va="center",
            arrowprops={"arrowstyle": "-", "color": look_of_method(name).colour, "lw": 0.4, "alpha": 0.6,
                        "shrinkB": 3},
            zorder=1.5,
        )  # fmt: skip


def _difference_line(axes, name: str, rows: Sequence[Mapping], shift: float) -> None:
    look = look_of_method(name)
    rows = [row for row in rows if row["difference"] is not None]
    at = [row["usability"] + shift for row in rows]
    axes.plot(
        at,
        [row["difference"] for row in rows],
        **look.drawn,
        gid=name,
    )
    known = [(x, row) for x, row in zip(at, rows, strict=True) if row["difference_low"] is not None]
    axes.vlines(
        [x for x, _ in known],
        [row["difference_low"] for _, row in known],
        [row["difference_high"] for _, row in known],
        color=look.colour,
        lw=0.9 if look.prominent else 0.7,
        alpha=look.alpha,
        zorder=look.order,
        gid=f"interval {name}",
    )
