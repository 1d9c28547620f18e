"""All devices: the distribution of usability, and the ranking."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from codesign.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    Looks,
    axes_mm,
    badge,
    house_style,
    new_figure,
    origin_of,
    text_mm,
    whole_ticks,
    wrapped,
)
from codesign.labels import Called, by_usability, called
from codesign.nonideality.usability import spread_factor
from codesign.variables import PAPER, Variables

BINS = 20
"""Bins of the histogram between 0 and 1."""
RANKED = (45, 30, 15)
"""Most devices ranked in full; beyond, so many from the top and so many from the bottom."""
LISTED = 12
"""Most devices without usability listed under the ranking."""
ONE_LINE, TWO_LINES, LONGEST = 62, 82, 500
"""Signs of a device's label in the ranking: in one line, in each of two in small letters, and, of the paper's
labels, in one line as ever."""
PEROVSKITE_LOOKS = Looks.of(PAPER, {})
"""How devices look where perovskites are what is varied first."""


def draw_distribution(rows: Sequence[Mapping], *, looks: Looks = PEROVSKITE_LOOKS) -> Drawing:
    """Histogram with a mark a device, and the share of devices up to each usability.

    Args:
        rows: Device rows of one origin; those without usability are counted in words.
        looks: Colours and markers.
    """
    having = by_usability(rows)[::-1]  # worst first, as the share grows
    values = np.array([row["usability"] for row in having])
    edges = np.linspace(0.0, 1.0, BINS + 1)
    counts, _ = np.histogram(values, bins=edges)
    numbers = [
        _distribution_number("histogram", usability=left, usability_to=right, value=int(count))
        for left, right, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
    ]
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, 72)
        head(figure, 72, "Usability of the devices", rows)
        left, right = axes_mm(figure, 14, 12, 72, 42), axes_mm(figure, 104, 12, 72, 42)
        left.set_title("a  devices in each 0.05 of usability")
        left.stairs(counts, edges, fill=True, color=BLUE, alpha=0.75, gid="histogram")
        left.set_ylabel("devices")
        whole_ticks(left.yaxis)
        right.set_title("b  share of devices up to U, and up to F (dashed)")
        right.set_ylabel("share of devices")
        right.set(ylim=(0, 1.03))
        for axes in (left, right):
            axes.set(xlim=(-0.01, 1.01), xlabel="usability U" if axes is left else "usability U, fidelity F")
            axes.grid(True)
        if having:
            height = max(int(counts.max()), 1)
            left.set_ylim(-0.07 * height, 1.06 * height)
            left.vlines(values, -0.06 * height, -0.015 * height, color=BLACK, lw=0.4)
            share = np.arange(1, values.size + 1) / values.size
            right.step([0, *values, 1], [0, *share, 1], where="post", color=BLUE)
            for row, reached in zip(having, share.tolist(), strict=True):
                colour, marker = looks(row)
                size = 2.8 if len(having) <= 100 else 1.6
                right.plot(row["usability"], reached, marker, color=colour, ms=size, mew=0)
                numbers.append(
                    _distribution_number(
                        "share", device=row["device"], usability=row["usability"], value=reached
                    )
                )
            kept = np.sort([row["fidelity"] for row in having])
            right.step(
                [0, *kept, 1],
                [0, *share, 1],
                where="post",
                color=GREY,
                lw=0.7,
                ls=(0, (3, 1.5)),
                gid="fidelity",
            )
            numbers += [
                _distribution_number("fidelity", fidelity=f, value=reached)
                for f, reached in zip(kept.tolist(), share.tolist(), strict=True)
            ]
            _key(right, having, looks, loc="lower right")
        else:
            left.set_ylim(0, 1)
            for axes in (left, right):
                axes.text(
                    0.5, 0.5, "no device has a usability", transform=axes.transAxes, ha="center", color=GREY
                )
        return Drawing(figure, numbers)


def draw_ranking(
    rows: Sequence[Mapping],
    *,
    confidence: float,
    variables: Variables = PAPER,
    looks: Looks = PEROVSKITE_LOOKS,
) -> Drawing:
    """Devices by usability, best on top, with fidelity beside it, the two factors, and those without below.

    Args:
        rows: Device rows of one origin, with a key for each variable.
        confidence: Of the intervals, as the rows were made.
        variables: What the laboratory varies: devices are called by it.
        looks: Colours and markers.
    """
    order = by_usability(rows)
    without = sorted((row for row in rows if row["usability"] is None), key=lambda row: row["device"])
    known = called(rows, variables)
    longest = LONGEST if variables.are_the_papers else ONE_LINE
    most, top, bottom = RANKED
    shown = order
    left_out = 0
    if len(shown) > most:
        left_out = len(shown) - top - bottom
        shown = shown[:top] + shown[-bottom:]
    lines = len(shown) + (1 if left_out else 0)
    listed = without[:LISTED]
    step = 4.0
    notes_mm = (8 + 6.2 * len(listed) + (4 if len(without) > LISTED else 0)) if without else 0
    panel_mm = max(lines, 1) * step + 3
    height = 23 + panel_mm + 14 + notes_mm
    numbers: list[dict] = []
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        title = "Devices by usability" + (
            f": first {top} and last {bottom} of {len(order)}" if left_out else ""
        )
        head(figure, height, title, rows)
        floor = notes_mm + 14
        main = axes_mm(figure, 80, floor, 56, panel_mm)
        factors = axes_mm(figure, 150, floor, 27, panel_mm)
        for axes in (main, factors):
            axes.set(ylim=(max(lines, 1) - 0.25, -0.75), xlim=(-0.02, 1.02), yticks=[])
            axes.spines["left"].set_visible(False)
            axes.grid(True, axis="x")
        main.set_title("a  usability (filled), fidelity (hollow)", y=1.0, pad=3)
        main.set_xlabel(
            f"U and F, each with {percent(confidence)} interval;\n"
            "U takes the upper bound of σ, and so lies low in its own"
        )
        factors.set_title("b  its two factors", y=1.0, pad=12)
        factors.set(xlabel="U is their product", xticks=[0, 0.5, 1])
        if not order:
            main.text(0.5, 0, "no device has a usability", ha="center", va="center", color=GREY)
        for place, row in enumerate(shown):
            y = place + (1 if left_out and place >= top else 0)
            numbers.append(_ranked(main, factors, y, row, known[row["device"]], looks, longest))
        if left_out:
            main.text(0.5, top, f"… {left_out} devices between …", ha="center", va="center", color=GREY)
        if order:
            _key(
                main, order, looks, loc="lower left", bbox_to_anchor=(-1.36, 1.0), ncols=6, columnspacing=0.8,
                handletextpad=0.3, borderaxespad=0.1, fontsize=5.8,
            )  # fmt: skip
            factors.legend(
                *_first_of_each(factors),
                loc="lower left",
                bbox_to_anchor=(-0.02, 1.0),
                ncols=2,
                columnspacing=0.8,
                handlelength=0.8,
                handletextpad=0.3,
                borderaxespad=0.1,
            )
        numbers += _without_usability(figure, listed, len(without), known, notes_mm)
        numbers += [_ranking_number(row, known[row["device"]], "not listed") for row in without[LISTED:]]
        return Drawing(figure, numbers)


def percent(share: float) -> str:
    """A share in words."""
    return f"{share * 100:g} %"


def _counts(rows: Sequence[Mapping]) -> str:
    """How many devices there are, and how many have no usability for which status."""
    status = Counter(row["status"] for row in rows if row["usability"] is None)
    having = len(rows) - status.total()
    said = {"no_usability": "measured but without usability", "refused": "refused at import"}
    lost = "; ".join(f"{count} {said.get(name, name)}" for name, count in sorted(status.items()))
    return f"{having} of {len(rows)} device{'s' * (len(rows) != 1)} with usability" + (
        f"; {lost}" if lost else ""
    )


def head(figure, height_mm: float, title: str, rows: Sequence[Mapping]) -> None:
    """Title, counts and origin at the top of a figure."""
    text_mm(figure, 4, height_mm - 3.5, title, fontsize=9, fontweight="bold", va="top")
    text_mm(figure, 4, height_mm - 9, _counts(rows), fontsize=6.5, color=GREY, va="top")
    badge(figure, origin_of(rows))


def _distribution_number(panel: str, **values) -> dict:
    return (
        dict.fromkeys(("panel", "device", "usability", "usability_to", "fidelity", "value"))
        | {"panel": panel}
        | values
    )


def _key(axes, rows: Sequence[Mapping], looks: Looks, **options) -> None:
    for value, label in looks.key(rows).items():
        colour, marker = looks.look(value)
        axes.plot([], [], marker, color=colour, ms=2.8, mew=0, label=label)
    if looks.variable:
        axes.legend(labelspacing=0.25, handlelength=0.8, **options)


def _ranking_number(row: Mapping, known: Called, shown: str) -> dict:
    sigma = row["sigma_upper"]
    return {
        "rank": known.rank,
        "device": row["device"],
        "label": known.label,
        "usability": row["usability"],
        "usability_low": row["usability_low"],
        "usability_high": row["usability_high"],
        "fidelity": row["fidelity"],
        "fidelity_low": row["fidelity_low"],
        "fidelity_high": row["fidelity_high"],
        "eta": row["eta"],
        "exp_minus_sigma_upper": None if sigma is None else spread_factor(sigma),
        "shown": shown,
        "status": row["status"],
        "reason": row["reason"],
    }


def _ranked(main, factors, y: float, row: Mapping, known: Called, looks: Looks, longest: int) -> dict:
    number = _ranking_number(row, known, "ranked")
    rank, label = known.rank, known.label
    colour, marker = looks(row)
    if rank % 2 == 0:
        for axes in (main, factors):
            axes.axhspan(y - 0.5, y + 0.5, color=PALE, alpha=0.35, lw=0, zorder=0)
    said, size = (label, 5.8) if len(label) <= longest else (wrapped(label, TWO_LINES, lines=2), 4.4)
    main.text(-0.135, y, said, ha="right", va="center", fontsize=size)
    main.text(-0.035, y, str(rank), ha="right", va="center", fontsize=5.8, color=GREY)
    # side by side in height: intervals of the two readings may meet
    above, below = y - 0.14, y + 0.14
    main.plot(
        [number["fidelity_low"], number["fidelity_high"]], [below, below], color=GREY, lw=0.6, alpha=0.7
    )
    main.plot(number["fidelity"], below, marker, mfc="white", mec=GREY, mew=0.6, ms=2.6, gid="fidelity")
    main.plot(
        [number["usability_low"], number["usability_high"]], [above, above], color=colour, lw=1.0, alpha=0.6
    )
    main.plot(number["usability"], above, marker, color=colour, ms=3.2, mew=0, gid="usability")
    both = f"{number['usability']:.2f}  {number['fidelity']:.2f}"
    main.text(1.03, y, both, ha="left", va="center", fontsize=5.2)
    eta, narrow = number["eta"], number["exp_minus_sigma_upper"]
    factors.plot([eta, narrow], [y, y], color=PALE, lw=1.2, zorder=1)
    factors.plot(eta, y, "s", color=GREEN, ms=2.6, mew=0, zorder=2, label="η")
    factors.plot(narrow, y, "d", color=ORANGE, ms=3.0, mew=0, zorder=3, label="exp(−σ)")
    return number


def _first_of_each(axes) -> tuple[list, list]:
    """Legend entries without repeats."""
    found: dict[str, object] = {}
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        found.setdefault(label, handle)
    return list(found.values()), list(found)


def _without_usability(figure, listed, total: int, known: Mapping[str, Called], top_mm: float) -> list[dict]:
    """Devices without usability, with their reasons, under the panels."""
    if not total:
        return []
    y = top_mm - 4
    text_mm(
        figure, 4, y, f"Without usability ({total})", fontsize=7, fontweight="bold", color=VERMILION, va="top"
    )
    numbers = []
    for row in listed:
        y -= 6.2
        text_mm(figure, 4, y + 1.8, wrapped(known[row["device"]].label, 66, lines=1), fontsize=5.8, va="top")
        reason = f"{'refused: ' if row['status'] == 'refused' else ''}{row['reason'] or 'no reason given'}"
        text_mm(figure, 76, y + 1.8, wrapped(reason, 114, lines=2), fontsize=5.2, va="top", color=GREY)
        numbers.append(_ranking_number(row, known[row["device"]], "listed"))
    if total > len(listed):
        more = f"and {total - len(listed)} more; all are in the table beside this figure"
        text_mm(figure, 4, y - 3.2, more, fontsize=5.8, va="top", color=GREY)
    return numbers
