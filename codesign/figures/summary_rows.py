"""What figures of the evaluation's summary share: which rows, how many, and what stands beside them."""

from collections.abc import Mapping, Sequence

from codesign.figures.methods import counted
from codesign.figures.style import GREY, wrapped
from codesign.tasks.about import Metric

LEGEND = 6
"""Most methods in one row of a legend; more of them take two."""


def of_metric(summary: Sequence[Mapping], stands_for: str, metric: Metric) -> list[Mapping]:
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


def limits(rows: Sequence[Mapping], chance: float | None) -> tuple[float, float]:
    """The same limits for panels to be compared."""
    ends = [] if chance is None else [chance]
    ends += [row["mean"] + sign * (row["std"] or 0.0) for row in rows for sign in (-1, 1)]
    margin = 0.05 * (max(ends) - min(ends)) or 0.05
    return min(ends) - margin, max(ends) + margin
