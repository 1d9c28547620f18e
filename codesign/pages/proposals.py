"""The next devices to make, as a table for the bench."""

from collections.abc import Mapping, Sequence

from codesign.fabrication.encoding import not_encodable
from codesign.fabrication.reading import chances_differ, said_of_best, said_of_gain, said_of_not_finite
from codesign.pages.conditions import condition_cells, condition_columns
from codesign.pages.html import Column, badge, escaped, page, table, with_id
from codesign.variables import PAPER, Variables

IMPROVEMENT = {
    "maximise": ("expected gain", "chance to beat best predicted", "chance to beat best measured"),
    "target": (
        "expected approach",
        "chance to come nearer than predicted",
        "chance to come nearer than measured",
    ),
}
"""What expected improvement and its probabilities are called, by goal."""


def proposals_page(rows: Sequence[Mapping], card: Mapping, variables: Variables = PAPER) -> str:
    """The page.

    Args:
        rows: Rows of `proposals_schema`, in the order to make them.
        card: Of `propose`.
        variables: What the laboratory varies.
    """
    counts = card["counts"]
    left_out = [
        f"{counts[name]} {said}"
        for name, said in (
            ("no_usability", f"without a usability ({counts['failed']} of them failed)"),
            ("refused", "refused"),
            ("not_encodable", not_encodable(variables)),
        )
        if counts[name]
    ]
    left_out += [said] if (said := said_of_not_finite(card)) else []
    basis = f"Fitted to {counts['used']} devices" + (f"; {', '.join(left_out)} left out" if left_out else "")
    reading, works = card["reading"], chances_differ(rows)
    goal = f"highest {reading}" if card["goal"] == "maximise" else f"{reading} {card['target']:g}"
    foot = (
        f"{basis}. Sought: {goal}. {card['surrogate']}; seed {card['seed']}; "
        f"digest of the usability table {card['table_sha256']}."
    )
    front = [
        f"<p>{badge(card['origin'])}</p>",
        *(f"<p>{escaped(said)}</p>" for said in (said_of_best(card),) if said),
        f'<p class="statement">{escaped(card["stopping"]["statement"])}</p>',
        *(f'<p class="small">{escaped(said)}</p>' for said in (said_of_gain(card),) if said),
        table(
            _columns(card["goal"], reading, variables, works=works),
            [_cells(row, card["called"], variables, works=works) for row in rows],
            name="proposals",
        ),
        *(f'<p class="warning">{escaped(said)}.</p>' for said in card.get("notes", ())),
        f'<p class="small">{escaped(foot)}</p>',
    ]
    return page("The next devices to make", front=front)


def _columns(goal: str, reading: str, variables: Variables, *, works: bool) -> list[Column]:
    numbers = (
        f"predicted {reading}",
        *IMPROVEMENT[goal],
        *(["chance of usability"] if works else []),
    )
    return [
        Column("make", "number"),
        *condition_columns(variables),
        *(Column(title, "number") for title in numbers),
        Column(f"nearest made (its {reading})"),
    ]


def _cells(row: Mapping, called: Mapping, variables: Variables, *, works: bool) -> list:
    nearest, device = "none", row["nearest_device"]
    if device:
        name = f"rank {called[device]['rank']}: {called[device]['label']}" if device in called else device
        nearest = with_id(f"{name} ({_number(row['nearest_value'], '.3f')})", device)
    shown = ["probability_of_improvement", "probability_to_beat_measured"]
    chances = [row[name] for name in (*shown, *(["probability_of_usability"] if works else []))]
    return [
        row["rank"],
        *condition_cells(row, variables),
        f"{_number(row['predicted_mean'], '.3f')} ± {_number(row['predicted_std'], '.3f')}",
        _number(row["expected_improvement"], ".4f"),
        *("–" if chance is None else f"{chance:.0%}" for chance in chances),
        nearest,
    ]


def _number(value: float | None, spec: str) -> str:
    return "–" if value is None else format(value, spec)
