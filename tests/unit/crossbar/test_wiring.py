"""The wiring file: what it says, and what it may not say."""

import copy
from pathlib import Path

import pytest
import yaml

from codesign.crossbar.wiring import read_wiring, wiring_of
from codesign.settings import SettingsError

WIRING = Path(__file__).parents[3] / "profiles/bench/wiring.yaml"


@pytest.fixture
def stored() -> dict:
    """The wiring of profiles/bench."""
    return yaml.safe_load(WIRING.read_text(encoding="utf-8"))


def level(word: int, line: int) -> int:
    return word >> line & 1


def address(word: int, lines) -> int:
    return sum(level(word, line) << k for k, line in enumerate(lines))


def test_the_bench_profile_is_wired_completely():
    """Ten rows and ten columns, and no digital line left out of the mask."""
    wiring = read_wiring(WIRING)
    assert wiring.shape == (10, 10)
    assert wiring.digital_mask == 2**14 - 1


def test_the_safe_state_is_what_pull_ups_make_of_it():
    """Lines that nobody drives are pulled up: with the profile's levels that is the safe state itself."""
    wiring = read_wiring(WIRING)
    assert wiring.off == wiring.digital_mask


@pytest.mark.parametrize(("row", "columns"), [(0, [0]), (7, [3, 9]), (None, [4]), (9, [])])
def test_a_word_addresses_what_it_is_asked_for(row, columns):
    """Read back from the word line by line, as a decoder on the board would."""
    wiring = read_wiring(WIRING)
    word = wiring.word(row=row, columns=columns, grounded=False)
    found = address(word, wiring.rows.address_lines)
    assert found == (wiring.rows.idle_address if row is None else row)
    assert level(word, wiring.rows.enable_line) == 0
    for bank in wiring.columns:
        mine = [column for column in columns if column in bank.lines]
        expected = bank.lines.index(mine[0]) if mine else bank.idle_address
        assert address(word, bank.address_lines) == expected
        assert level(word, bank.enable_line) == 0
    assert level(word, wiring.ground_line) == 0
    assert level(wiring.word(row=row, columns=columns, grounded=True), wiring.ground_line) == 1


def test_a_channel_map_in_any_order(stored):
    """Position in the map is the address."""
    stored["rows"]["lines"] = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    wiring = wiring_of(stored)
    assert address(wiring.word(row=2, columns=[], grounded=False), wiring.rows.address_lines) == 7


@pytest.mark.parametrize("columns", [[0, 1], [5, 10]], ids=["of one bank", "not wired"])
def test_columns_that_cannot_be_selected_together(columns):
    """A bank has one stage."""
    with pytest.raises(ValueError, match="columns"):
        read_wiring(WIRING).word(row=0, columns=columns, grounded=False)


def test_an_inverting_stage():
    """-1 V at the input of an inverting stage with 47 kOhm is 21.3 uA into the column."""
    bank = read_wiring(WIRING).columns[0]
    assert bank.amperes(-1.0) == pytest.approx(1 / 47e3)


def test_the_digest_is_of_the_wiring_and_not_of_the_file(tmp_path, stored):
    """A comment changes nothing; a resistor does."""
    rewritten = tmp_path / "wiring.yaml"
    rewritten.write_text(yaml.safe_dump(stored), encoding="utf-8")
    assert read_wiring(rewritten).digest == read_wiring(WIRING).digest
    other = copy.deepcopy(stored)
    other["columns"][1]["transimpedance_ohm"] = 46800
    assert wiring_of(other).digest != read_wiring(WIRING).digest


def set_in(stored: dict, place: str, value) -> None:
    *parents, key = place.split(".")
    for parent in parents:
        stored = stored[int(parent) if parent.isdigit() else parent]
    stored[key] = value


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        pytest.param("rows.enable_lines", 3, "did you mean enable_line", id="misspelt key"),
        pytest.param("rows.enable_level", "hi", "allowed: low, high", id="no such level"),
        pytest.param("columns.0.input", 3, "allowed: 1, 2", id="no such input"),
        pytest.param("columns.0.gain", 0, "gain", id="no gain"),
        pytest.param("settling_s", "fast", "must be of type number", id="text for a number"),
        pytest.param("instrument.serial", 210321123456, "12 digits on the label", id="serial without quotes"),
        pytest.param("instrument.timeout_s", 0, "longest wait", id="no timeout"),
        pytest.param("instrument.timeout_s", None, "longest wait", id="wait for ever"),
        pytest.param(
            "sense_ground.line", 4, "DIO4 is used by rows and by sense_ground", id="line used twice"
        ),
        pytest.param("sense_ground.line", 16, "must be at most 15", id="no such line"),
        pytest.param("columns.1.input", 1, "share an analog input", id="input used twice"),
        pytest.param("analog_outputs.bias", 1, "cannot share W1", id="output used twice"),
        pytest.param("columns.1.lines", [5, 6, 7, 8, 4], "every column from 0", id="column wired twice"),
        pytest.param("rows.lines", [0, 1, 2, 4], "every row from 0", id="row left out"),
        pytest.param("rows.idle_address", 9, "free address", id="idle address in use"),
        pytest.param("columns.0.address_lines", [5, 6], "reach 4 lines", id="too few address lines"),
        pytest.param("drive_resistance_ohm", 390, "a shorted cell would pass", id="short beyond the limit"),
        pytest.param("limits.pulse_voltage_v", 6, "must be at most 5", id="beyond the outputs"),
    ],
)
def test_a_wiring_that_cannot_be_is_refused(tmp_path, stored, place, value, said):
    """The message names the place and what is wrong with it."""
    set_in(stored, place, value)
    path = tmp_path / "wiring.yaml"
    path.write_text(yaml.safe_dump(stored), encoding="utf-8")
    with pytest.raises(SettingsError, match=said) as refused:
        read_wiring(path)
    assert "wiring.yaml" in str(refused.value)


def test_no_file(tmp_path):
    """The message says where to start."""
    with pytest.raises(SettingsError, match=r"profiles/bench/wiring\.yaml"):
        read_wiring(tmp_path / "none.yaml")
