"""Trained networks on devices: scores against usability, and whether usability predicts them."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.evaluation.reading_titles import PROMINENT, TITLES
from codesign.figures.baselines import BaselineScore, baseline_lines, baseline_numbers, said_of
from codesign.figures.methods import counted, head, in_order, look_of_method, percent
from codesign.figures.style import (
    BLACK,
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
    wrapped,
)
from codesign.tasks.about import Metric

NOISES = {
    "resampled": "non-parametric: ratios of the device's own cycles",
    "lognormal": "log-normal: exp(σ z), σ the device's upper bound",
}
"""Kinds of programming noise, as a panel's title says them."""
CALIBRATIONS = {
    "none": "as programmed",
    "scale": "mean factor divided out",
    "offset": "gain and offset a channel",
    "statistics": "normalisation taken again",
}
"""Kinds of calibration, as a panel's title says them."""
DODGE = 0.0075
"""Between methods drawn beside each other, in usability."""
COLUMNS = 3
"""Experiments beside each other in the correlation figure."""
RIVALS = 2
"""Rivals drawn among differences to ERM, the best ones; all of them are in the table and beside it."""
LEGEND = 6
"""Most methods in one row of a legend; more of them take two."""


def draw_scores(
    summary: Sequence[Mapping],
    *,
    metric: Metric,
    confidence: float,
    origin: str,
    data: str,
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
        baselines: What needs no network, in this metric; a line each.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = [row for row in _of(summary, "level", metric) if row["calibration"] == "none"]
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
            f"{levels} synthetic levels along the devices' own trend; {networks_said(rows)}; same start, "
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
    baselines: Sequence[BaselineScore] = (),
) -> Drawing:
    """Score against usability level of every method, as programmed and after each calibration.

    Args:
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` of one experiment; those on
            levels with this metric are drawn, a panel a calibration that has rows.
        metric: Which metric; its chance level is drawn where it has one.
        origin: measured | virtual: the devices that levels follow.
        data: Where the test examples come from, as the figure says it.
        baselines: What needs no network, in this metric; a line each.

    Raises:
        ValueError: No such row, or rows of several experiments.
    """
    rows = _of(summary, "level", metric)
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
    rows = _of(summary, "level", metric)
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


def draw_gained(
    comparison: Sequence[Mapping], *, metric: Metric, confidence: float, origin: str, data: str
) -> Drawing:
    """What searching for noise gained over the same noise at a fixed strength, on levels and on devices.

    Args:
        comparison: Rows of `codesign.schemas.evaluation_summary.COMPARISON` of one experiment; those with
            this metric and without calibration are drawn, on devices those of ratios of their own cycles.
        metric: Which metric.
        confidence: Of the intervals.
        origin: measured | virtual: the devices.
        data: Where the test examples come from, as the figure says it.

    Raises:
        ValueError: No such row on a level, or rows of several experiments.
    """
    plain = [row for row in comparison if row["calibration"] == "none"]
    levels = _of(plain, "level", metric)
    experiment, network = one_experiment(levels, f"level with metric {metric.name!r}")
    devices = [row for row in _of(plain, "device", metric) if row["noise"] == "resampled"]
    devices = [row for row in devices if row["fidelity"] is not None]
    pairs = list(dict.fromkeys((row["method"], row["compared_with"]) for row in levels))
    names = (
        *("stands_for", "experiment", "network", "method", "compared_with", "metric", "profile", "level"),
        *("usability", "fidelity", "aim", "trainings", "n_paired", "difference", "difference_low"),
        "difference_high",
    )
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 81)
        each = [row | {"n": row["n_paired"] // row["trainings"]} for row in levels]
        lines = (
            f"test data: {short(data)}; n = {sample(each)} a point, paired",
            f"vertical bars: {percent(confidence)} interval; above 0 the searched noise is "
            f"{'better' if metric.better == 'higher' else 'worse'}",
        )
        title = f"{experiment} ({network}): what searching gained over fixed noise"
        head(figure, 81, title, lines, origin, on="devices")
        above, below = axes_mm(figure, 14, 15, 72, 44), axes_mm(figure, 104, 15, 73, 44)
        for axes, rows, place, words in (
            (above, levels, "usability", "a  usability levels"),
            (below, devices, "fidelity", f"b  {len({row['profile'] for row in devices})} devices"),
        ):
            axes.axhline(0, color=BLACK, lw=0.8, ls=(0, (4, 2)), zorder=1)
            for method, other in pairs:
                mine = [row for row in rows if (row["method"], row["compared_with"]) == (method, other)]
                _gain_line(axes, method, other, mine, place, joined=place == "usability")
            axes.set_title(words)
            axes.grid(True)
            axes.set(xlim=(0, 1.04), xlabel="usability level U" if place == "usability" else "fidelity F")
        fit_ylabel(above, f"difference in {metric.title}")
        fit_ylabel(below, f"difference in {metric.title}", from_mm=88)
        above.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=3, columnspacing=1.6)
        return Drawing(figure, [{name: row[name] for name in names} for row in (*levels, *devices)])


def _gain_line(axes, method: str, other: str, rows: Sequence[Mapping], place: str, *, joined: bool) -> None:
    """Differences of two methods with their intervals."""
    look = look_of_method(method)
    rows = sorted(rows, key=lambda row: row[place])
    known = [row for row in rows if row["difference_low"] is not None]
    axes.plot(
        [row[place] for row in rows],
        [row["difference"] for row in rows],
        color=look.colour,
        marker=look.marker,
        ls=look.line if joined else "",
        lw=look.width,
        ms=look.size,
        mew=0,
        label=f"{method_of(method).title} − {method_of(other).title}",
        gid=f"{method} {other}",
    )
    axes.vlines(
        [row[place] for row in known],
        [row["difference_low"] for row in known],
        [row["difference_high"] for row in known],
        color=look.colour,
        lw=0.9,
        gid=f"interval {method} {other}",
    )


def _of(summary: Sequence[Mapping], stands_for: str, metric: Metric) -> list[Mapping]:
    """Rows of one metric, on levels or on devices."""
    return [row for row in summary if (row["stands_for"], row["metric"]) == (stands_for, metric.name)]


def sample(rows: Sequence[Mapping]) -> str:
    """'3 trainings × 10 programmings': what a mean of summary rows is over."""
    trainings = counted(row["trainings"] for row in rows)
    said = f"{trainings} training{'s' * (trainings != '1')}"
    return f"{said} × {counted(row['n'] for row in rows)} programmings"


def networks_said(rows: Sequence[Mapping]) -> str:
    """How many networks a method has, and what decides between them."""
    if {row["aim"] for row in rows} <= {None, "panel"}:
        return "one network a method"
    return "a network for each level of the panel, taken by fidelity"


def beside(methods: Sequence[str]) -> int:
    """Methods in a row of a legend: all of them, or half where they are many."""
    return len(methods) if len(methods) <= LEGEND else -(-len(methods) // 2)


def short(data: str) -> str:
    """Cut, so that the n behind it stays on the page."""
    return wrapped(data, 62, lines=1)


def one_experiment(rows: Sequence[Mapping], wanted: str) -> tuple[str, str]:
    """Experiment and network of summary rows; a ValueError where there is none or several."""
    if not rows:
        raise ValueError(f"the summary has no row on a {wanted}; evaluate first")
    found = sorted({(row["experiment"], row["network"]) for row in rows})
    if len(found) > 1:
        raise ValueError(f"one figure shows one experiment, got {found}")
    return found[0]


def chance_line(axes, metric: Metric, *, at: float) -> None:
    """The score of a network that has learnt nothing."""
    if metric.chance is None:
        return
    axes.axhline(metric.chance, color=GREY, lw=0.6, ls=(0, (1, 1.5)), zorder=1, gid="chance")
    said = f"chance {metric.chance:.3g}"
    axes.text(at, metric.chance, said, color=GREY, fontsize=5.5, ha="right", va="bottom")


def worse(metric: Metric) -> str:
    """What an axis adds where larger is worse."""
    return "" if metric.better == "higher" else " (lower is better)"


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
        color=look.colour,
        marker=look.marker,
        ls=look.line,
        lw=look.width,
        ms=look.size,
        mew=0,
        alpha=look.alpha,
        zorder=look.order,
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
        color=look.colour,
        marker=look.marker,
        ls=look.line,
        lw=look.width,
        ms=look.size,
        mew=0,
        alpha=look.alpha,
        zorder=look.order,
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
    rows = [row for row in _of(summary, "device", metric) if row["calibration"] == "none"]
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


def limits(rows: Sequence[Mapping], chance: float | None) -> tuple[float, float]:
    """The same limits for panels to be compared."""
    ends = [] if chance is None else [chance]
    ends += [row["mean"] + sign * (row["std"] or 0.0) for row in rows for sign in (-1, 1)]
    margin = 0.05 * (max(ends) - min(ends)) or 0.05
    return min(ends) - margin, max(ends) + margin


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
            "resampled); F and U on the network of every method",
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
