"""The set of devices: every device is in the CSV, and extreme sets are drawn."""

import math

import numpy as np
import pytest

from codesign.figures.usability import RANKED, draw_distribution, draw_ranking
from codesign.figures.usability_conditions import draw_conditions

SPACE = {
    "perovskite": ["MAPbI3", "MAPbBr3", "MAPbCl3", "FAPbI3", "CsPbI3"],
    "length_um": [0.6, 1, 1.2, 1.5, 1.8, 2, 2.5, 3],
    "diameter_nm": [10, 50, 100, 150, 200, 250, 300],
    "pb_min": [5, 10, 15, 20, 25, 30],
    "ag_nm": [50, 100, 200, 400, 600],
}


def _many(device_row, count, **values):
    rng = np.random.default_rng(5)
    rows = []
    for k in range(count):
        made = {name: rng.choice(levels).item() for name, levels in SPACE.items()}
        rows.append(device_row(f"d{k:03d}", float(rng.uniform(0.01, 1)), **made, **values))
    return rows


def _sets(device_row):
    none = [device_row(f"n{k}", None, status="refused" if k % 2 else "no_usability") for k in range(30)]
    unknown = dict.fromkeys(SPACE)
    return {
        "empty": [],
        "one": [device_row("a", 0.36)],
        "one at zero": [device_row("a", 1e-12)],
        "forty three": _many(device_row, 43),
        "three hundred": _many(device_row, 300, origin="virtual"),
        "all refused": none,
        "some without": _many(device_row, 24) + none,
        "conditions unknown": [device_row("a", 0.5, **unknown), device_row("b", None, **unknown)],
        "a perovskite of its own": [device_row("a", 0.5, perovskite="Cs2AgBiBr6")],
    }


CASES = [
    "empty",
    "one",
    "one at zero",
    "forty three",
    "three hundred",
    "all refused",
    "some without",
    "conditions unknown",
    "a perovskite of its own",
]


@pytest.mark.parametrize("case", CASES)
def test_every_set_of_devices_is_drawn_on_its_page(case, device_row, texts, inside):
    """From no device to three hundred: three figures, texts on the page, counts stated."""
    rows = _sets(device_row)[case]
    having = sum(row["usability"] is not None for row in rows)
    for drawing in (
        draw_distribution(rows),
        draw_conditions(rows, SPACE, confidence=0.95),
        draw_ranking(rows, confidence=0.95),
    ):
        said = texts(drawing.figure)
        assert any(text.startswith(f"{having} of {len(rows)} device") for text in said)
        assert inside(drawing.figure) == []
        columns = {tuple(number) for number in drawing.numbers}
        assert len(columns) <= 1


def test_virtual_devices_are_labelled_in_all_three(device_row, texts):
    """A synthetic figure must never pass for a measured one."""
    rows = [device_row("a", 0.5, origin="virtual")]
    for drawing in (
        draw_distribution(rows),
        draw_conditions(rows, SPACE, confidence=0.95),
        draw_ranking(rows, confidence=0.95),
    ):
        assert any("virtual laboratory" in text for text in texts(drawing.figure))


def test_the_histogram_counts_every_device_once(device_row):
    """Counts add up, ends included, and are those of the drawn steps."""
    rows = [device_row(f"d{k}", u) for k, u in enumerate([1e-9, 0.05, 0.0499, 0.5, 1.0])] + [
        device_row("n", None)
    ]
    drawing = draw_distribution(rows)
    counts = [n["value"] for n in drawing.numbers if n["panel"] == "histogram"]
    assert counts == [2, 1, *[0] * 8, 1, *[0] * 8, 1]
    [steps] = [patch for patch in drawing.figure.axes[0].patches if patch.get_gid() == "histogram"]
    assert list(steps.get_data().values) == counts
    share = [(n["device"], n["value"]) for n in drawing.numbers if n["panel"] == "share"]
    assert share == [("d0", 0.2), ("d2", 0.4), ("d1", 0.6), ("d3", 0.8), ("d4", 1.0)]


def test_a_device_stands_at_its_true_value_and_off_grid_is_hollow(device_row):
    """0.7 µm is no level of the grid; rounding it to one would hide that."""
    rows = [device_row("on", 0.5), device_row("off", 0.4, length_um=0.7)]
    drawing = draw_conditions(rows, SPACE, confidence=0.95)
    said = {n["device"]: n for n in drawing.numbers if n["variable"] == "length_um"}
    assert (said["off"]["x"], said["off"]["on_grid"]) == (0.7, False)
    assert (said["on"]["x"], said["on"]["on_grid"]) == (1.0, True)
    axes = next(a for a in drawing.figure.axes if "length" in a.get_title(loc="left"))
    faces = {float(line.get_xdata()[0]): line.get_mfc() for line in axes.lines if line.get_marker() == "s"}
    assert faces[0.7] == "white" and faces[1.0] != "white"
    assert [float(t) for t in axes.get_xticks()] == [float(level) for level in SPACE["length_um"]]


def test_perovskites_are_spread_by_the_device_name_alone(device_row):
    """Another device in the table must not move a point."""
    alone = draw_conditions([device_row("a", 0.5)], SPACE, confidence=0.95).numbers
    both = draw_conditions([device_row("b", 0.4), device_row("a", 0.5)], SPACE, confidence=0.95).numbers

    def place(numbers):
        return next(n["x"] for n in numbers if n["device"] == "a" and n["variable"] == "perovskite")

    assert place(alone) == place(both)
    assert abs(place(alone) - SPACE["perovskite"].index("MAPbBr3")) < 0.5


def test_the_ranking_is_by_usability_and_shows_both_factors(device_row, texts):
    """Best on top; the product of the factors is the usability."""
    rows = [device_row("low", 0.1), device_row("high", 0.9), device_row("none", None)]
    rows[0] |= {"eta": 0.5, "sigma_upper": -math.log(0.2)}
    drawing = draw_ranking(rows, confidence=0.95)
    assert [(n["rank"], n["device"], n["shown"]) for n in drawing.numbers] == [
        (1, "high", "ranked"),
        (2, "low", "ranked"),
        (None, "none", "listed"),
    ]
    for number in drawing.numbers[:2]:
        assert number["eta"] * number["exp_minus_sigma_upper"] == pytest.approx(number["usability"])
    said = texts(drawing.figure)
    assert "Without usability (1)" in said
    assert any("3 needed" in text for text in said)


def test_a_long_ranking_says_what_it_leaves_out(device_row, texts):
    """Top and bottom are shown, the rest counted; the page stays a page."""
    most, top, bottom = RANKED
    drawing = draw_ranking(_many(device_row, 300), confidence=0.95)
    ranks = [n["rank"] for n in drawing.numbers]
    assert ranks == [*range(1, top + 1), *range(300 - bottom + 1, 301)]
    assert f"… {300 - top - bottom} devices between …" in texts(drawing.figure)
    assert drawing.figure.get_size_inches()[1] * 25.4 <= 297
    full = draw_ranking(_many(device_row, most), confidence=0.95)
    assert [n["rank"] for n in full.numbers] == list(range(1, most + 1))


def test_rows_in_another_order_give_the_same_numbers(device_row):
    """The figure is of a set of devices."""
    rows = _many(device_row, 12)
    for draw in (draw_distribution, lambda r: draw_ranking(r, confidence=0.95)):
        assert draw(rows).numbers == draw(rows[::-1]).numbers


def test_devices_of_one_level_and_one_usability_stand_side_by_side(device_row):
    """Two equal devices are two marks; the better one keeps the level's own place."""
    rows = [device_row("first", 0.5), device_row("second", 0.49), device_row("far", 0.1)]
    drawing = draw_conditions(rows, SPACE, confidence=0.95)
    for variable in ("length_um", "ag_nm", "perovskite"):
        place = {n["device"]: n["x"] for n in drawing.numbers if n["variable"] == variable}
        assert place["first"] == place["far"] != place["second"]


def test_fidelity_stands_beside_usability_in_the_ranking(device_row):
    """One hollow mark a device, at the value that the table has."""
    rows = [device_row("a", usability=0.8), device_row("b", usability=0.2), device_row("c", usability=None)]
    drawing = draw_ranking(rows, confidence=0.95)
    marks = [line for line in drawing.figure.axes[0].lines if line.get_gid() == "fidelity"]
    ranked = [number for number in drawing.numbers if number["shown"] == "ranked"]
    assert [float(mark.get_xdata()[0]) for mark in marks] == [number["fidelity"] for number in ranked]
    assert all(number["fidelity_low"] <= number["fidelity"] for number in ranked)
