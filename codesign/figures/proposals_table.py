"""The table of the card: what to make, one line a device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codesign.fabrication.reading import SYMBOLS, chances_differ
from codesign.figures.style import A4_MM, BLACK, GREY, PALE, text_mm, wrapped
from codesign.labels import value_label
from codesign.variables import Variable, Variables

COLUMNS = ("panel", "item", "variable", "level", "other_variable", "other_level", "value", "std")
"""Columns of the CSV; a row fills those that its panel has."""
LEFT, RIGHT = 12.0, A4_MM[0] - 12.0
"""Margins of the page in mm."""
SHOWN = 10
"""Most proposals on the page."""
PLACES = (3, 9, 31, 44, 58, 71, 88, 105, 120, 142)
PLACES_WITH_CHANCE = (3, 9, 30, 42, 54, 65, 79, 94, 109, 124, 142)
"""Of the columns of the table, in mm from the left margin; with a column of chances that a device works."""
PAPERS = 5
"""Variables that `PLACES` have columns for, after the rank."""
ROOM_MM = 71.0
"""Of all columns of variables together, where a laboratory has others than the paper's."""


def number(panel: str, **values) -> dict:
    """A row of the CSV of the card."""
    return dict.fromkeys(COLUMNS) | {"panel": panel} | values


def percent(share: float) -> str:
    """A share in words."""
    return f"{share * 100:.0f} %"


def _places(variables: Variables, *, works: bool) -> list[float]:
    """Left ends of the columns of the table in mm; middles of those between the first two and the last."""
    places = PLACES_WITH_CHANCE if works else PLACES
    if not variables.are_the_papers:
        own = [places[1] + (k + 0.5) * ROOM_MM / len(variables) for k in range(len(variables))]
        places = [places[0], *own, *places[1 + PAPERS :]]
    return [LEFT + offset for offset in places]


def draw_table(
    figure, y: float, rows: Sequence[Mapping], card: Mapping, variables: Variables
) -> tuple[float, list[dict]]:
    """The proposals, one line each; gives the height below them."""
    symbol = SYMBOLS[card["reading"]]
    works = chances_differ(rows)
    places = _places(variables, works=works)
    letters = Letters.of(variables)
    heads = [
        "",
        *(_head_of(each, letters) for each in variables),
        f"predicted {symbol}\n± std",
        f"expected\ngain in {symbol}" if card["goal"] == "maximise" else "expected\napproach",
        "chance to beat\nbest measured" if card["goal"] == "maximise" else "chance to\ncome nearest",
        *(["chance of\nusability"] if works else []),
        f"nearest device made:\nits {symbol}, rank and conditions",
    ]
    first = "left" if variables.are_the_papers else "center"
    alignments = ["center", first, *["center"] * (len(heads) - 3), "left"]
    y -= 2.3 * max(0, *(head.count("\n") - 1 for head in heads))
    own = range(1, len(variables) + 1)
    for k, (x, head, align) in enumerate(zip(places, heads, alignments, strict=True)):
        size = letters.head if k in own else 6.5
        text_mm(figure, x, y, head, fontsize=size, color=GREY, ha=align, va="bottom", linespacing=1.15)
    y -= 1.5
    rule(figure, y)
    shown = rows[:SHOWN]
    step = 9.5 if len(shown) <= 6 else 7.0
    if not rows:
        text_mm(
            figure,
            LEFT + 3,
            y - 5,
            "Every condition of the grid is made, failed, being made or excluded.",
            fontsize=9,
            va="center",
        )
        return y - 10, []
    numbers = []
    for row in rows:
        rank = str(row["rank"])
        numbers += [
            number("proposals", item=rank, variable=name, level=row[name]) for name in variables.names
        ]
        columns = {"predicted_mean": row["predicted_std"]}
        columns |= dict.fromkeys(("expected_improvement", "probability_to_beat_measured"))
        columns |= {"probability_of_usability": None} if works else {}
        for name, std in columns.items():
            numbers.append(number("proposals", item=rank, variable=name, value=row[name], std=std))
        near, value = row["nearest_device"], row["nearest_value"]
        numbers.append(number("proposals", item=rank, variable="nearest_device", level=near, value=value))
    for row in shown:
        middle = y - step / 2
        predicted = (
            "no model yet"
            if row["predicted_mean"] is None
            else f"{row['predicted_mean']:.2f} ± {row['predicted_std']:.2f}"
        )
        gain = "–" if row["expected_improvement"] is None else f"{row['expected_improvement']:.3f}"
        chance = row["probability_to_beat_measured"]
        beats = "–" if chance is None else percent(chance)
        conditions = [wrapped(value_label(each, row[each.name]), letters.cell_signs) for each in variables]
        cells = [str(row["rank"]), *conditions, predicted, gain, beats]
        cells += [percent(row["probability_of_usability"])] if works else []
        sizes = [10, *[letters.cell] * len(variables), 8.5 if row["predicted_mean"] is not None else 6.5]
        sizes += [8.5] * 3
        for x, cell, align, size in zip(places, cells, alignments, sizes, strict=False):
            weight = "bold" if x == places[0] else "normal"
            text_mm(figure, x, middle, cell, fontsize=size, ha=align, va="center", fontweight=weight)
        if row["nearest_device"] is not None:
            text_mm(
                figure,
                places[-1] - 2,
                middle,
                f"{row['nearest_value']:.2f}",
                fontsize=8.5,
                ha="right",
                va="center",
            )
            lines = None if variables.are_the_papers else 3
            near = wrapped(_called(row["nearest_device"], card), 38, lines=lines)
            text_mm(figure, places[-1], middle, near, fontsize=6, va="center", linespacing=1.2)
        y -= step
        rule(figure, y, light=True)
    if len(rows) > len(shown):
        more = f"and {len(rows) - len(shown)} more in the table of proposals"
        text_mm(figure, LEFT + 3, y - 1, more, fontsize=6.5, color=GREY, va="top")
        y -= 4
    return y, numbers


@dataclass(frozen=True)
class Letters:
    """Sizes of letters in the columns of variables, in points, and how many signs stand side by side."""

    cell: float
    cell_signs: int
    head: float
    head_signs: int

    @classmethod
    def of(cls, variables: Variables) -> "Letters":
        """Smaller the more variables there are."""
        if variables.are_the_papers:
            return cls(10, 99, 6.5, 99)
        count = len(variables)
        cell, head = (10, 6.5) if count <= 4 else (8, 6.5) if count <= 6 else (6, 4.5)
        wide = ROOM_MM / count
        return cls(cell, max(4, int(wide / (0.22 * cell))), head, max(5, int(wide / (0.2 * head))))


def _head_of(variable: Variable, letters: Letters) -> str:
    """Title of a column, its unit below it."""
    short = wrapped(variable.words.short, letters.head_signs, lines=4)
    return f"{short}\n({variable.unit})" if variable.unit else short


def _called(device: str, card: Mapping) -> str:
    """A device as the ranking of devices calls it, with its rank."""
    called = card["called"].get(device)
    return device if called is None else f"{called['rank']}: {called['label']}"


def rule(figure, y: float, *, light: bool = False) -> None:
    from matplotlib.lines import Line2D

    width, height = A4_MM
    figure.add_artist(
        Line2D([LEFT / width, RIGHT / width], [y / height] * 2, color=PALE if light else BLACK, lw=0.5)
    )
