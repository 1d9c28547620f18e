"""The loop closed on the virtual laboratory: best usability so far against devices made."""

from collections.abc import Mapping, Sequence

from codesign.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    axes_mm,
    badge,
    house_style,
    new_figure,
    text_mm,
    whole_ticks,
)

NAMES = {"bayesian": "Bayesian optimisation", "random": "random search"}
LOOKS = {"bayesian": (BLUE, "-"), "random": (ORANGE, (0, (4, 1.5)))}
OTHERS = ((GREEN, (0, (1, 1))), (PURPLE, (0, (3, 1, 1, 1))), (SKY, (0, (5, 1))), (VERMILION, (0, (2, 1))))
"""Looks of further strategies, in the order of their names."""
GOALS = (0.95, 0.99)
COLUMNS = ("strategy", "evaluation", "n", "mean", "standard_error", "q10", "q90", "reached_95", "reached_99")
"""Columns used, as `codesign.fabrication.campaign.summarise` names them."""


def draw_campaign(summary: Sequence[Mapping], *, model_from: int | None = None) -> Drawing:
    """Best so far relative to the optimum, and the share of searches near it.

    Args:
        summary: Rows of `codesign.fabrication.campaign.summarise`, one a strategy and
            evaluation; nothing is averaged here.
        model_from: The first device that the surrogate chooses; those before fill the space. None: not
            marked.

    Raises:
        ValueError: There is no row.
    """
    if not summary:
        raise ValueError("the campaign's summary has no row; run the campaign with at least one evaluation")
    strategies = sorted({row["strategy"] for row in summary}, key=lambda name: (name not in LOOKS, name))
    further = [name for name in strategies if name not in LOOKS]
    numbers = [
        {name: row[name] for name in COLUMNS}
        for row in sorted(summary, key=lambda row: (strategies.index(row["strategy"]), row["evaluation"]))
    ]
    repeats = {row["n"] for row in numbers}
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 84)
        text_mm(figure, 4, 80.5, "Search in the virtual laboratory", fontsize=9, fontweight="bold", va="top")
        said = " to ".join(f"{n:g}" for n in sorted({min(repeats), max(repeats)}))
        line = f"n = {said} repeats, each on a hidden landscape of its own, the same ones for every strategy"
        text_mm(figure, 4, 75, line, color=GREY, va="top")
        badge(figure, "virtual")
        best, share = axes_mm(figure, 15, 21, 72, 44), axes_mm(figure, 105, 21, 72, 44)
        for name in strategies:
            rows = [row for row in numbers if row["strategy"] == name]
            colour, line = LOOKS.get(name) or OTHERS[further.index(name) % len(OTHERS)]
            made = [row["evaluation"] for row in rows]
            low, high = [row["q10"] for row in rows], [row["q90"] for row in rows]
            best.fill_between(made, low, high, color=colour, alpha=0.13, lw=0, gid=name)
            best.errorbar(
                made,
                [row["mean"] for row in rows],
                yerr=[row["standard_error"] for row in rows],
                color=colour,
                ls=line,
                marker="o",
                ms=1.8,
                mew=0,
                elinewidth=0.5,
                label=NAMES.get(name, name),
                gid=name,
            )
            for goal, marker, face in (("95", "o", colour), ("99", "^", "white")):
                share.plot(
                    made,
                    [row[f"reached_{goal}"] for row in rows],
                    color=colour,
                    ls=line,
                    marker=marker,
                    ms=2.4,
                    mfc=face,
                    mew=0.5,
                    lw=0.7,
                    gid=f"{name} {goal}",
                )
        last = max(row["evaluation"] for row in numbers)
        for goal in GOALS:
            best.axhline(goal, color=GREY, lw=0.5, ls=(0, (4, 2)), gid="goal")
            best.text(
                1.01,
                goal,
                f"{goal * 100:g} %",
                transform=best.get_yaxis_transform(),
                color=GREY,
                va="center",
                fontsize=5.5,
            )
        lowest = min(min(row["q10"], row["mean"] - row["standard_error"]) for row in numbers)
        best.set(ylim=(max(0.0, lowest - 0.05), 1.02), ylabel="best hidden usability so far / optimum")
        best.set_title("a  best so far: mean ± standard error, band 10–90 %")
        share.set(ylim=(-0.03, 1.03), ylabel="share of repeats")
        share.set_title("b  repeats at 95 % and at 99 % of the optimum")
        for goal, marker, face in (("95 %", "o", GREY), ("99 %", "^", "white")):
            share.plot([], [], marker, color=GREY, mfc=face, ms=2.4, mew=0.5, label=f"{goal} of the optimum")
        if model_from is not None and "bayesian" in strategies and 1 < model_from <= last:
            for axes in (best, share):
                axes.axvline(model_from - 0.5, color=GREY, lw=0.5, ls=(0, (1, 1.5)), zorder=1, gid="model")
            best.text(
                model_from - 0.3, 0.02, "chosen by the model from here", transform=best.get_xaxis_transform(),
                color=GREY, fontsize=5.5, va="bottom",
            )  # fmt: skip
        for axes in (best, share):
            axes.set(xlim=(0.5, last + 0.5), xlabel="devices made")
            whole_ticks(axes.xaxis)
            axes.grid(True)
            axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=3, columnspacing=1.2)
        return Drawing(figure, numbers)
