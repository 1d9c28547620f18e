"""What searching the noise gained over the same noise at a fixed strength."""

from collections.abc import Mapping, Sequence

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import head, look_of_method, percent
from codesign.figures.style import (
    BLACK,
    TWO_COLUMNS_MM,
    Drawing,
    axes_mm,
    fit_ylabel,
    house_style,
    new_figure,
)
from codesign.figures.summary_rows import of_metric, one_experiment, sample, short
from codesign.tasks.about import Metric


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
    levels = of_metric(plain, "level", metric)
    experiment, network = one_experiment(levels, f"level with metric {metric.name!r}")
    devices = [row for row in of_metric(plain, "device", metric) if row["noise"] == "resampled"]
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
            (below, devices, "fidelity", f"b  {_counted(devices)}"),
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


def _counted(devices: Sequence[Mapping]) -> str:
    """How many devices both methods of a pair were evaluated on."""
    count = len({row["profile"] for row in devices})
    return f"{count} device{'s' * (count != 1)}" if count else "no device: evaluation.device_methods"


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
