"""The card for the bench: what to make next, and why, on one A4 page."""

from collections.abc import Mapping, Sequence

import numpy as np

from codesign.fabrication.encoding import not_encodable
from codesign.fabrication.reading import SYMBOLS, said_of_best, said_of_gain, said_of_not_finite
from codesign.figures.proposals_table import LEFT, PAPERS, draw_table, number, percent, rule
from codesign.figures.style import (
    A4_MM,
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    VERMILION,
    Drawing,
    axes_mm,
    badge,
    house_style,
    new_figure,
    text_mm,
    whole_ticks,
    wrapped,
)
from codesign.labels import axis_label, condition_label, value_label
from codesign.variables import PAPER, Variable, Variables

PANELS_MM = 177.5
"""Of all panels of predictions together."""
WIDE_MM = 25.0
"""Width of a panel from which its label stands in one line."""
CROWDED = 6
"""More variables than that have smaller letters."""


def draw_proposals(rows: Sequence[Mapping], card: Mapping, variables: Variables = PAPER) -> Drawing:
    """The card of one set of proposals.

    Args:
        rows: Rows of `codesign.schemas.proposals.proposals_schema`.
        card: What `codesign.fabrication.propose` says about them; its docstring lists the keys.
            Parts that are empty, as they are before there is a model, are left out and said to be.
        variables: What the laboratory varies.

    Raises:
        ValueError: A row's origin is not the card's.
    """
    rows = sorted(rows, key=lambda row: row["rank"])
    if any(row["origin"] != card["origin"] for row in rows):
        raise ValueError(f"the card is of {card['origin']} devices, a proposal is not; propose again")
    with house_style():
        figure = new_figure(*A4_MM)
        badge(figure, card["origin"], right_mm=LEFT, top_mm=10)
        y = _head(figure, card, variables)
        y, numbers = draw_table(figure, y, rows, card, variables)
        numbers += _why(figure, y - 4, rows, card, variables)
        left = LEFT + 10
        if card["history"]:
            numbers += _history(axes_mm(figure, left, 25, 72, 44), card)
            left = LEFT + 106
        numbers += _calibration(axes_mm(figure, left, 25, 44, 44), card)
        _foot(figure, card)
        return Drawing(figure, numbers)


def _without_usability(counts: Mapping) -> str:
    failed = f" ({counts['failed']} of them failed and steer the search away)" if counts["failed"] else ""
    return f"without usability{failed}"


def _gain(card: Mapping) -> str:
    """What the acquisition expects, in words."""
    return (
        "expected improvement"
        if card["goal"] == "maximise"
        else f"expected approach to {SYMBOLS[card['reading']]} = {card['target']:g}"
    )


def _head(figure, card: Mapping, variables: Variables) -> float:
    """Title, goal and the stopping statement; gives the height where the table may begin."""
    top = A4_MM[1] - 10
    text_mm(figure, LEFT, top, "Next devices to make", fontsize=15, fontweight="bold", va="top")
    goal = {
        "maximise": f"largest {card['reading']}",
        "target": f"{card['reading']} near {card['target']:g}",
    }[card["goal"]]
    counts = card["counts"]
    lost = [
        f"{counts[name]} {said}"
        for name, said in (
            ("no_usability", _without_usability(counts)),
            ("refused", "refused"),
            ("not_encodable", not_encodable(variables)),
        )
        if counts[name]
    ]
    lost += [said] if (said := said_of_not_finite(card)) else []
    line = f"Goal: {goal}.  {counts['used']} device{'s' * (counts['used'] != 1)} with usability"
    line += f", {counts['off_grid']} off the grid" if counts["off_grid"] else ""
    line += f".  Not used: {', '.join(lost)}." if lost else "."
    if notes := card.get("notes", ()):
        more = f"; and {len(notes) - 1} more on the page of proposals" if notes[1:] else ""
        line += f"  {notes[0]}{more}."
    line = wrapped(line, 140)
    text_mm(figure, LEFT, top - 8, line, fontsize=7.5, color=GREY, va="top", linespacing=1.2)
    top -= 3.2 * line.count("\n")
    said = [said_of_best(card), card["stopping"]["statement"], said_of_gain(card)]
    statement = "\n".join(wrapped(part, 116) for part in said if part)
    text_mm(
        figure,
        LEFT + 1.2,
        top - 14.5,
        statement,
        fontsize=8,
        va="top",
        linespacing=1.3,
        bbox={"boxstyle": "square,pad=0.4", "facecolor": "#F4F4F4", "edgecolor": "none"},
    )
    return top - 25 - 4 * (statement.count("\n") + 1)


def _why(figure, y: float, rows: Sequence[Mapping], card: Mapping, variables: Variables) -> list[dict]:
    """Slices of the acquisition, relevances and the prediction along each variable."""
    text_mm(figure, LEFT, y, "Why", fontsize=9, fontweight="bold", va="top")
    if not card["slices"] and not card["partial_dependence"]:
        text_mm(
            figure,
            LEFT + 12,
            y - 0.6,
            wrapped(f"No model yet ({card['surrogate']}).", 110),
            fontsize=7.5,
            va="top",
        )
        return []
    numbers = []
    # the two rows of panels share the height that the table leaves
    free = y - 6 - 84
    tall = min(46.0, max(18.0, (free - 28) / 2))
    top = y - 9 - tall
    for place, part in zip((LEFT + 10, LEFT + 71), card["slices"], strict=False):
        numbers += _slice(axes_mm(figure, place, top, 38, tall), part, card, variables)
    if not card["slices"]:
        said = "no map of the expected improvement:\nit takes two variables that are numbers"
        text_mm(figure, LEFT + 10, top + tall / 2, said, fontsize=6.5, color=GREY, va="center")
    numbers += _relevance(axes_mm(figure, LEFT + 146, top, 38, tall), card, variables)
    step = PANELS_MM / max(PAPERS, len(variables))
    bottom = top - 20 - tall
    at = card["slices"][0]["at"] if card["slices"] else rows[0] if rows else {}
    for k, part in enumerate(card["partial_dependence"]):
        width = step - 5.5
        axes = axes_mm(figure, LEFT + 10 + k * step, bottom, width, tall)
        variable = variables[part["variable"]]
        numbers += _dependence(axes, part, card, variable, at=at, first=k == 0, width_mm=width)
    return numbers


def _slice(axes, part: Mapping, card: Mapping, variables: Variables) -> list[dict]:
    x_name, y_name = part["x_variable"], part["y_variable"]
    value = np.array(part["expected_improvement"], dtype=float)  # (y levels, x levels)
    image = axes.imshow(
        value, origin="lower", aspect="auto", cmap="cividis", vmin=0.0, vmax=max(float(value.max()), 1e-12)
    )
    axes.set_xticks(range(len(part["x"])), [f"{v:g}" for v in part["x"]])
    axes.set_yticks(range(len(part["y"])), [f"{v:g}" for v in part["y"]])
    axes.tick_params(length=0, labelsize=5.5)
    axes.set(xlabel=axis_label(variables[x_name]), ylabel=axis_label(variables[y_name]))
    for spine in axes.spines.values():
        spine.set_visible(False)
    at = part["at"]
    if at[x_name] in part["x"] and at[y_name] in part["y"]:
        axes.plot(
            part["x"].index(at[x_name]),
            part["y"].index(at[y_name]),
            "*",
            color="white",
            mec=BLACK,
            ms=7,
            mew=0.5,
        )
    bar = axes.inset_axes((1.03, 0.0, 0.035, 1.0))
    colours = axes.figure.colorbar(image, cax=bar)
    colours.outline.set_visible(False)
    bar.tick_params(labelsize=5, length=1.5, pad=1)
    first = variables.categories[:1]
    fixed = ", ".join(
        condition_label(each, at[each.name], long=True, first=each.name in first)
        for each in variables
        if each.name not in (x_name, y_name)
    )
    fixed = fixed if variables.are_the_papers else wrapped(fixed, 46, lines=1)
    axes.set_title(f"{_gain(card)}\n", fontsize=6.5)
    axes.text(0, 1.02, f"{fixed};  ★ rank 1", transform=axes.transAxes, fontsize=5.5, va="bottom", color=GREY)
    return [
        number(
            "slice", variable=x_name, level=a, other_variable=y_name, other_level=b, value=float(value[j, i])
        )
        for j, b in enumerate(part["y"])
        for i, a in enumerate(part["x"])
    ]


def _relevance(axes, card: Mapping, variables: Variables) -> list[dict]:
    parts = card["relevance"]
    place = np.arange(len(parts))
    axes.barh(place, [part["value"] for part in parts], color=BLUE, height=0.6)
    axes.set_yticks(place, [wrapped(variables[part["variable"]].words.short, 22, lines=2) for part in parts])
    if len(variables) > CROWDED:
        axes.tick_params(axis="y", labelsize=4.5)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of 1 / length scale²")
    axes.set_title("relevance to the model", fontsize=6.5)
    axes.grid(True, axis="x")
    return [number("relevance", variable=part["variable"], value=part["value"]) for part in parts]


def _dependence(
    axes, part: Mapping, card: Mapping, variable: Variable, *, at: Mapping, first: bool, width_mm: float
) -> list[dict]:
    name, values = part["variable"], part["values"]
    mean, std = np.array(part["mean"], dtype=float), np.array(part["std"], dtype=float)
    if variable.is_category:
        x = np.arange(len(values), dtype=float)
        axes.errorbar(x, mean, yerr=std, fmt="o", color=BLUE, ecolor=SKY, ms=3, lw=1.0)
        axes.set_xticks(
            x,
            [value_label(variable, value) for value in values],
            rotation=35,
            ha="right",
            rotation_mode="anchor",
        )
        axes.set_xlim(-0.5, len(values) - 0.5)
    else:
        x = np.array(values, dtype=float)
        axes.fill_between(x, mean - std, mean + std, color=SKY, alpha=0.4, lw=0)
        axes.plot(x, mean, "o-", color=BLUE, ms=2.2)
        keep = _sparse(x)
        axes.set_xticks(x[keep], [f"{value:g}" for value in x[keep]])
        axes.set_xticks(x, minor=True)
        label = axis_label(variable)
        axes.set_xlabel(wrapped(label, int(width_mm), lines=3) if width_mm < WIDE_MM else label)
    axes.tick_params(labelsize=5.5)
    if at.get(name) in values:
        k = values.index(at[name])
        axes.plot(x[k], mean[k], "*", color=VERMILION, ms=6, mew=0, zorder=5)
    every = card["partial_dependence"]
    low = min(m - s for p in every for m, s in zip(p["mean"], p["std"], strict=True))
    high = max(m + s for p in every for m, s in zip(p["mean"], p["std"], strict=True))
    axes.set_ylim(min(0.0, low - 0.03), max(1.0, high + 0.03))
    axes.grid(True)
    if first:
        axes.set_ylabel(f"predicted {SYMBOLS[card['reading']]} ± std")
        axes.set_title("prediction along each variable, the others as in rank 1", fontsize=6.5)
    else:
        axes.tick_params(axis="y", labelleft=False)
    return [
        number("dependence", variable=name, level=value, value=float(m), std=float(s))
        for value, m, s in zip(values, mean, std, strict=True)
    ]


def _sparse(x: np.ndarray) -> list[int]:
    """Ticks that leave each other room: both ends, and what stands well apart from its neighbours."""
    span = x[-1] - x[0]
    keep = [0]
    for k in range(1, x.size):
        room = (x[k] - x[keep[-1]] > 0.13 * span) and (k == x.size - 1 or x[-1] - x[k] > 0.13 * span)
        if room or k == x.size - 1:
            keep.append(k)
    return keep


def _history(axes, card: Mapping) -> list[dict]:
    parts = card["history"]
    axes.set_title("so far, in the order measured", fontsize=6.5)
    axes.set(xlabel="device", ylabel=f"{card['reading']} {SYMBOLS[card['reading']]}", ylim=(-0.02, 1.02))
    axes.grid(True)
    order = np.arange(1, len(parts) + 1)
    axes.plot(order, [part["value"] for part in parts], "o", color=BLUE, ms=2.8, mew=0, label="device")
    axes.step(
        order,
        [part["best"] for part in parts],
        where="post",
        color=GREEN,
        label="best so far" if card["goal"] == "maximise" else "nearest so far",
    )
    if card["goal"] == "target":
        axes.axhline(card["target"], color=ORANGE, lw=0.7, ls=(0, (4, 2)), label=f"target {card['target']:g}")
    axes.set_xlim(0.5, len(parts) + 0.5)
    whole_ticks(axes.xaxis)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=3, columnspacing=1.2)
    return [
        number("history", item=part["device"], level=int(k), value=part["value"])
        for k, part in zip(order, parts, strict=True)
    ] + [
        number("history_best", item=part["device"], level=int(k), value=part["best"])
        for k, part in zip(order, parts, strict=True)
    ]


def _calibration(axes, card: Mapping) -> list[dict]:
    parts, coverage = card["loo"]["rows"], card["loo"]["coverage"]
    axes.set_title("each device predicted from the others", fontsize=6.5)
    condition = card["loo_condition"]["coverage"]
    symbol = SYMBOLS[card["reading"]]
    axes.set(xlabel=f"measured {symbol} ± std", ylabel=f"predicted {symbol} ± std", aspect="equal")
    axes.grid(True)
    low = min([0.0, *(part["mean"] - part["std"] for part in parts)])
    high = max([1.0, *(part["mean"] + part["std"] for part in parts)])
    limits = (low - 0.03, high + 0.03)
    axes.set(xlim=limits, ylim=limits)
    axes.plot(limits, limits, color=GREY, lw=0.6)
    if not parts:
        axes.text(0.5, 0.55, "no model yet", transform=axes.transAxes, ha="center", color=GREY)
        return []
    for part in parts:
        axes.errorbar(
            part["observed"],
            part["mean"],
            xerr=part["observed_std"],
            yerr=part["std"],
            fmt="o",
            color=BLUE,
            ecolor=SKY,
            elinewidth=0.5,
            ms=2.2,
            mew=0,
        )
    levels = [level for level, _ in sorted(coverage.items(), key=_as_number)]
    columns = (
        ("left out", [*(f"in {level} % interval" for level in levels), "error (RMSE)", "log score"]),
        ("device", _left_out(card["loo"], levels)),
        ("condition", _left_out(card["loo_condition"], levels)),
    )
    for place, (head, cells), align in zip(
        (1.04, 1.62, 1.84), columns, ("left", "right", "right"), strict=True
    ):
        lines = "\n".join([head, *cells])
        axes.text(
            place, 0.98, lines, transform=axes.transAxes, va="top", ha=align, fontsize=5.5, linespacing=1.5
        )
    axes.text(
        1.04,
        0.52,
        f"n = {card['loo']['n']}; values ± {card['loo']['spread']:.3f}",
        transform=axes.transAxes,
        va="top",
        fontsize=5.5,
    )
    return (
        [
            number(
                "calibration",
                item=part["device"],
                variable="observed",
                level=part["observed"],
                other_variable="observed_std",
                other_level=part["observed_std"],
                value=part["mean"],
                std=part["std"],
            )
            for part in parts
        ]
        + [
            number("coverage", item=level, value=share)
            for level, share in sorted(coverage.items(), key=_as_number)
        ]
        + [
            number("coverage_condition", item=level, value=share)
            for level, share in sorted(condition.items(), key=_as_number)
        ]
    )


def _left_out(found: Mapping, levels: Sequence[str]) -> list[str]:
    """Coverage, error and logarithmic score of predictions without what is predicted."""
    shares = [percent(found["coverage"][level]) for level in levels]
    return [*shares, f"{found['rmse']:.3f}", f"{found['log_score']:+.2f}"]


def _as_number(item: tuple[str, float]) -> float:
    return float(item[0])


def _foot(figure, card: Mapping) -> None:
    origin = {"virtual": "virtual laboratory (synthetic devices)", "measured": "measured devices"}[
        card["origin"]
    ]
    line = (
        f"fitted to: {origin}   surrogate: {card['surrogate']}   seed: {card['seed']}   "
        f"digest of the usability table: {card['table_sha256']}"
    )
    rule(figure, 11, light=True)
    text_mm(figure, LEFT, 9.5, wrapped(line, 150), fontsize=5.8, color=GREY, va="top")
