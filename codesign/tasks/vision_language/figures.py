"""Dialogues: pictures, questions, and what programmed networks write."""

import base64
import io
from collections.abc import Mapping, Sequence
from statistics import mean

from PIL import Image

from codesign.bayesmulti.methods import method_of
from codesign.figures.methods import first_programming, head, look_of_method
from codesign.figures.style import (
    BLUE,
    GREY,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    axes_mm,
    fit_text,
    house_style,
    new_figure,
    text_mm,
    wrapped,
)

COLUMNS = (
    *("method", "level", "usability", "programming", "number", "question", "answer", "written"),
    *("hit", "words", "source"),
)
PICTURE_MM, GAP_MM, LINE_MM = 15, 3, 6
LEFT_MM = 48
"""Where the answers begin."""
SHORT, LONG = 26, 27
"""Letters of a question on one line, and on each of two smaller ones."""
LETTERS = 0.8
"""Of an answer, in a millimetre."""


def dialogues(rows: Sequence[Mapping], *, experiment: str, origin: str) -> Drawing:
    """A picture a block, a question a line, a method and level a column.

    Args:
        rows: As the task's scorer keeps them; the first programming of each method and level is drawn.
        experiment: Its name.
        origin: measured | virtual.
    """
    rows, methods, levels = first_programming(rows)
    columns = [(method, level) for method in methods for level in levels]
    pictures = {row["number"]: row["picture"] for row in rows}
    questions: dict[int, dict[str, None]] = {}
    for row in rows:
        questions.setdefault(row["number"], {})[row["question"]] = None
    block = max(PICTURE_MM, LINE_MM * max(map(len, questions.values()))) + GAP_MM
    height = 42 + block * len(pictures)
    wide = (TWO_COLUMNS_MM - LEFT_MM - 3) / len(columns)
    found = {(row["method"], row["level"], row["number"], row["question"]): row for row in rows}
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"test data: {rows[0]['source']}; n = {len(pictures)} pictures, "
            "one programming a column, the same draws for all methods",
            "answers are written token by token; blue: the right one occurs as a whole word; "
            "below: how many, mean words",
        )
        head(figure, height, f"{experiment}: dialogues", lines, origin, on="levels")
        top = height - 27
        for k, (method, level) in enumerate(columns):
            x = LEFT_MM + wide * k
            _text(figure, x, top + 3, method_of(method).title, wide, look_of_method(method).colour)
            _text(figure, x, top, f"U = {level:g}", wide, "black")
        for number, picture in pictures.items():
            bottom = top - 3 - block * (list(pictures).index(number) + 1) + GAP_MM
            axes = axes_mm(figure, 4, bottom + block - GAP_MM - PICTURE_MM, PICTURE_MM, PICTURE_MM)
            axes.imshow(Image.open(io.BytesIO(base64.b64decode(picture)), formats=["PNG"]))
            axes.set(xticks=[], yticks=[])
            for line, question in enumerate(questions[number]):
                y = bottom + block - GAP_MM - LINE_MM * (line + 0.7)
                asked = found[(*columns[0], number, question)]
                _question(figure, question, asked["answer"], y)
                for k, column in enumerate(columns):
                    row = found[(*column, number, question)]
                    colour = BLUE if row["hit"] else VERMILION
                    said = wrapped(_plain(row["written"]), round(wide * LETTERS), lines=2)
                    place = {"va": "center", "fontsize": 5, "parse_math": False}
                    text_mm(figure, LEFT_MM + wide * k, y + 2, said, color=colour, **place)
        for k, column in enumerate(columns):
            mine = [row for row in rows if (row["method"], row["level"]) == column]
            said = f"{sum(row['hit'] for row in mine)} of {len(mine)}"
            length = f"{mean(row['words'] for row in mine):.1f} words"
            _text(figure, LEFT_MM + wide * k, 6, said, wide, "black")
            _text(figure, LEFT_MM + wide * k, 3.5, length, wide, "black")
        return Drawing(figure, [{name: row[name] for name in COLUMNS} for row in rows])


def _question(figure, question: str, answer: str, y: float) -> None:
    """What is asked, on two smaller lines where it is long, and the right answer under it."""
    x, wide = PICTURE_MM + 6, LEFT_MM - PICTURE_MM - 8
    if len(question) <= SHORT:
        _text(figure, x, y + 2.2, question, wide, "black")
        _text(figure, x, y, answer, wide, GREY)
        return
    said = wrapped(question, LONG, lines=2)
    text_mm(figure, x, y + 2.6, said, fontsize=4.6, va="center", parse_math=False)
    _text(figure, x, y - 1.4, answer, wide, GREY)


def _plain(text: str) -> str:
    """A text on one line, in letters that the font has."""
    said = " ".join(text.split()).encode("ascii", "replace").decode("ascii")
    return "".join(letter if letter.isprintable() else "?" for letter in said) or "(nothing)"


def _text(figure, x: float, y: float, text: str, width: float, colour: str) -> None:
    fit_text(text_mm(figure, x, y, text, color=colour, fontsize=6, parse_math=False), width)
