"""Figures and pages of a laboratory with variables of its own."""

import json

import numpy as np
import pyarrow as pa
import pytest

from codesign.fabrication.propose import propose
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.figures.proposals import draw_proposals
from codesign.figures.style import BLUE, ORANGE, OTHER, PALETTE, PEROVSKITES, Looks
from codesign.figures.usability import draw_distribution, draw_ranking
from codesign.figures.usability_conditions import draw_conditions
from codesign.labels import axis_label, conditions_label, is_formula, short_labels, value_label
from codesign.pages.proposals import proposals_page
from codesign.pages.usability import usability_page
from codesign.schemas.device import DEVICE
from codesign.variables import PAPER, Variable, Variables

OXIDE = Variable("oxide", "oxide", kind="category")
NM = Variable("thickness_nm", "thickness", "nm", scale="log")
ANNEAL = Variable("anneal_c", "anneal", "°C")
METAL = Variable("metal", "top metal", kind="category")
FOUR = Variables((OXIDE, NM, ANNEAL, METAL))
LEVELS = {
    "oxide": ["HfO2", "TaOx"], "thickness_nm": [3, 5, 8], "anneal_c": [25, 400], "metal": ["TiN", "Ti/Pt"],
}  # fmt: skip
MANY = Variables((*FOUR, *(Variable(f"step_{k}", f"process step number {k}", "min") for k in range(6))))
MANY_LEVELS = LEVELS | {f"step_{k}": [1, 2] for k in range(6)}
ALONE = Variables((NM,))


def rows_of(device_row, variables, levels, count=6):
    """Device rows over the grid, with the keys that figures read."""
    rows = []
    for k in range(count):
        own = {each.name: levels[each.name][k % len(levels[each.name])] for each in variables}
        made = device_row(f"d{k}", 0.2 + 0.1 * k, conditions=json.dumps(own), usability_std=0.02)
        rows.append(made | dict.fromkeys(PAPER.names) | {"fidelity_std": 0.02, "cause": None})
    return variables.filled(rows)


def proposals_of(rows, variables, levels):
    table = pa.Table.from_pylist([{name: row[name] for name in DEVICE.names} for row in rows], schema=DEVICE)
    space = Space(levels, (), variables)
    search = Search(
        encoding="onehot", surrogate="marginal", goal="maximise", target=0.5, batch=3, space_filling=2,
        start=space.grid()[0],
    )  # fmt: skip
    return propose(table, space, search, seed=1)


@pytest.mark.parametrize(
    ("variables", "levels"),
    [(FOUR, LEVELS), (MANY, MANY_LEVELS), (ALONE, {"thickness_nm": [3, 5, 8, 9]})],
    ids=["four", "ten", "one"],
)
def test_the_card_has_a_column_and_a_panel_a_variable(device_row, texts, inside, variables, levels):
    """From one to ten of them, on one page; where there are no two numbers, no map, and it says so."""
    rows = rows_of(device_row, variables, levels, 3 if variables is ALONE else 6)
    found = proposals_of(rows, variables, levels)
    drawing = draw_proposals(found.rows, found.card, variables)
    said = "\n".join(texts(drawing.figure))
    assert inside(drawing.figure) == []
    shown = {row["variable"] for row in drawing.numbers if row["panel"] == "dependence"}
    assert shown == set(variables.names)
    assert {row["variable"] for row in drawing.numbers if row["panel"] == "proposals"} >= shown
    assert "perovskite" not in said and "Pb" not in said
    assert ("no map of the expected improvement" in said) == (len(variables.numbers) < 2)
    if variables is FOUR:
        for part in ("HfO₂", "Ti/Pt", "thickness (nm)", "top\nmetal", "anneal\n(°C)"):
            assert part in said or part.replace("\n", " ") in said, part


def test_a_note_on_a_condition_is_on_card_and_page(device_row, texts):
    """Device, variable and value."""
    found = proposals_of(rows_of(device_row, FOUR, LEVELS), FOUR, LEVELS)
    note = "d9: anneal_c 'hot' is no number, and counts as unknown"
    card = found.card | {"notes": [note, "another"]}
    said = " ".join("\n".join(texts(draw_proposals(found.rows, card, FOUR).figure)).split())
    assert f"{note}; and 1 more on the page of proposals." in said
    page = proposals_page(found.rows, card, FOUR).replace("&#x27;", "'")
    assert note in page and "another." in page
    for title in ("oxide", "thickness / nm", "anneal / °C", "top metal"):
        assert f">{title}</th>" in page
    assert "HfO<sub>2</sub>" in page and "perovskite" not in page.partition("<body>")[2]


@pytest.mark.parametrize(
    ("variables", "levels"),
    [(FOUR, LEVELS), (MANY, MANY_LEVELS), (ALONE, {"thickness_nm": [3, 5, 8]})],
    ids=["four", "ten", "one"],
)
def test_the_set_of_devices_has_a_panel_a_variable(device_row, covered, texts, variables, levels):
    """As many as there are, and the key in the place behind the last."""
    rows = rows_of(device_row, variables, levels)
    rows += variables.filled([device_row("x", None, conditions="") | dict.fromkeys(PAPER.names)])
    drawing = draw_conditions(rows, levels, confidence=0.95, variables=variables)
    assert covered(drawing.figure) == []
    assert {row["variable"] for row in drawing.numbers} == set(variables.names)
    titles = [text for text in texts(drawing.figure) if text.endswith(axis_label(variables[-1]))]
    assert titles and len(drawing.figure.axes) == len(variables) + 1
    looks = Looks.of(variables, levels)
    ranking = draw_ranking(rows, confidence=0.95, variables=variables, looks=looks)
    assert covered(ranking.figure) == []
    label = next(row["label"] for row in ranking.numbers if row["device"] == "d0")
    assert label.startswith("HfO₂, thickness 3 nm, anneal 25 °C" if len(variables) > 1 else "thickness 3 nm")
    assert covered(draw_distribution(rows, looks=looks).figure) == []


def test_the_page_of_devices_has_a_column_a_variable(device_row):
    """A number that is not known is a dash, a category unknown."""
    rows = rows_of(device_row, FOUR, LEVELS)
    blank = dict.fromkeys(DEVICE.names) | {"cycles_used": 6, "cycles": 6, "source_sha256": ""}
    bare = blank | device_row("bare", 0.9, conditions="") | dict.fromkeys(PAPER.names)
    page = usability_page([*rows, *FOUR.filled([bare])], confidence=0.95, variables=FOUR)
    for title in ("oxide", "thickness / nm", "anneal / °C", "top metal"):
        assert f">{title}</th>" in page
    [cells] = [row for row in page.partition('id="devices"')[2].split("</tr>") if ">bare<" in row]
    assert cells.count("unknown") == 2 and cells.count("–") == 2
    assert "perovskite" not in page.partition("<body>")[2]


def test_colours_follow_the_first_category():
    """Levels in the order of the palette, others grey; perovskites as ever; without a category one look."""
    looks = Looks.of(FOUR, LEVELS)
    assert looks({"oxide": "HfO2"}) == (BLUE, "o") and looks({"oxide": "TaOx"}) == (ORANGE, "s")
    assert looks({"oxide": None}) == OTHER and looks({"oxide": "ZnO"}) == OTHER
    assert list(looks.key([{"oxide": "ZnO"}, {"oxide": "TaOx"}, {"oxide": None}])) == ["TaOx", "", "ZnO"]
    many = Looks.of(Variables((OXIDE,)), {"oxide": [f"o{k}" for k in range(9)]})
    assert [many.look(f"o{k}") for k in range(9)] == [*PALETTE, OTHER, OTHER]
    assert len(set(PALETTE)) == len(PALETTE) and OTHER not in PALETTE
    assert Looks.of(PAPER, {}).known == PEROVSKITES
    alone = Looks.of(ALONE, {"thickness_nm": [1]})
    assert alone({"thickness_nm": 1}) == PALETTE[0] and alone.key([{"thickness_nm": 1}]) == {}


def test_devices_are_called_by_what_is_varied():
    """The first category alone, others with their label; formulas alone have numbers below the line."""
    row = {"oxide": "HfO2", "thickness_nm": 5.0, "anneal_c": None, "metal": "Ti/Pt"}
    assert conditions_label(row, FOUR) == "HfO₂, thickness 5 nm, anneal ? °C, top metal Ti/Pt"
    assert conditions_label(dict.fromkeys(row), FOUR) == "conditions unknown"
    assert conditions_label(row | {"oxide": None}, FOUR).startswith("unknown, thickness 5 nm")
    more = {"device": "a", "contact": "", "v_max_v": 3.0}
    labels = short_labels([row | more, row | more | {"device": "b", "v_max_v": 2.0}], FOUR)
    assert labels["b"].endswith("Ti/Pt, 2 V")
    assert [is_formula(METAL, text) for text in ("Al2O3", "Ti/Pt", "recipe2", "W", "wafer 3")] == [
        True, True, False, True, False,
    ]  # fmt: skip
    assert value_label(METAL, "recipe2") == "recipe2" and value_label(METAL, "Al2O3") == "Al₂O₃"


def test_the_papers_words_are_what_they_were():
    """Labels, heads and columns of the five."""
    assert [axis_label(each) for each in PAPER] == [
        "perovskite",
        "nanowire length (µm)",
        "nanowire diameter (nm)",
        "Pb electrodeposition (min)",
        "Ag thickness (nm)",
    ]
    row = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200.0, "pb_min": 15.0, "ag_nm": 200.0}
    assert conditions_label(row, long=True) == "MAPbI₃, 1.5 µm long, 200 nm wide, 15 min Pb, 200 nm Ag"
    assert [each.words.short for each in PAPER] == ["perovskite", "length", "diameter", "Pb time", "Ag"]
    renamed = Variable("ag_nm", "silver", "nm")
    assert renamed.words.short == "silver" and np.all(renamed.words.behind is None)
