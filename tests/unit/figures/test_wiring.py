"""The drawing of the wiring."""

from pathlib import Path

import pytest
import yaml
from PIL import Image

from codesign.crossbar.wiring import read_wiring, wiring_of
from codesign.figures.wiring import draw_wiring, main

REPOSITORY = Path(__file__).parents[3]
WIRING = REPOSITORY / "profiles/bench/wiring.yaml"


def words(figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_the_drawing_in_the_docs_is_of_the_bench_profile():
    """A changed wiring needs a new drawing: `python -m codesign.figures.wiring`."""
    with Image.open(REPOSITORY / "docs/figures/bench-wiring.png") as drawn:
        assert drawn.info["Wiring"] == read_wiring(WIRING).digest


def test_every_pin_and_value_is_drawn():
    """What is in the file can be read off the drawing."""
    stored = yaml.safe_load(WIRING.read_text(encoding="utf-8"))
    stored["sense_ground"] = {"line": 14, "level": "low"}
    stored["columns"][0]["transimpedance_ohm"] = 22e3
    stored["analog_outputs"] = {"drive": 2, "bias": 1}
    said = words(draw_wiring(wiring_of(stored)))
    for part in (
        *(
            "drive W2",
            "bias W1",
            "470 Ω",
            "DIO0, 1, 2, 3",
            "DIO4",
            "DIO5, 6, 7",
            "DIO8",
            "DIO9, 10, 11",
            "DIO12",
        ),
        *("DIO14", "low = columns on ground", "22 kΩ", "47 kΩ", "input 1+", "input 2+", "V+ 5 V"),
    ):
        assert part in said


@pytest.mark.parametrize("rows", [[3, 1, 2, 0]], ids=["shuffled"])
def test_a_smaller_array_with_one_input(rows):
    """Channel map, one bank and a supply of the board's own."""
    stored = yaml.safe_load(WIRING.read_text(encoding="utf-8"))
    stored["rows"]["lines"] = rows
    del stored["columns"][1]
    stored["instrument"]["supply_v"] = None
    said = words(draw_wiring(wiring_of(stored)))
    assert "4 × 5 memristors" in said
    assert "supply of its own" in said
    assert "input 2+" not in said


def test_the_same_file_gives_the_same_bytes(tmp_path):
    """So that a drawing only changes when the wiring does."""
    for name in ("one.png", "two.png"):
        main([str(WIRING), str(tmp_path / name)])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
