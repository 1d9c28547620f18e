"""Variables of a laboratory: names, values, and what the configuration says of the paper's."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.device import DEVICE
from codesign.variables import PAPER, PAPER_SPACE, PAPER_START, Variable, Variables
from codesign.yaml_text import read_yaml

ROOT = Path(__file__).resolve().parents[2]


def test_config_yaml_has_the_papers_variables_space_and_start():
    """The virtual laboratory falls back on them where a laboratory has its own."""
    fabrication = read_yaml(ROOT / "config.yaml")["fabrication"]
    assert Variables.of(fabrication["variables"]) == PAPER
    assert fabrication["space"] == PAPER_SPACE and fabrication["start"] == PAPER_START
    assert PAPER.names == CONDITION_COLUMNS and PAPER.are_the_papers


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_from_its_text(value):
    """A list of devices has texts, a sidecar numbers: both are one value."""
    number = Variable("x", "x")
    assert number.read(repr(value)) == (value, "") == number.read(value)


@pytest.mark.parametrize("value", ["5 nm", "1,5", "1_000", "nan", "inf", "0x10", "five", True, float("nan")])
def test_what_is_no_number_is_not_taken_for_one(value):
    """Neither a value with its unit, nor what Python alone takes for a number."""
    assert Variable("x", "x").read(value) == (None, "is no number")


def test_unknown_values_are_none():
    """Empty cells of a list, and keys that nobody wrote."""
    for kind in ("number", "category"):
        assert (
            Variable("x", "x", kind=kind).read("") == Variable("x", "x", kind=kind).read(None) == (None, "")
        )


@pytest.mark.parametrize("change", [{"name": "X"}, {"name": "a b"}, {"kind": "word"}, {"scale": "ln"}])
def test_a_variable_that_is_none_is_refused(change):
    """With its name."""
    with pytest.raises(ValueError, match=r"variable"):
        Variable(**{"name": "x", "label": "x"} | change)


def test_rows_are_filled_with_own_variables_alone():
    """The paper's are columns already."""
    row = dict.fromkeys(DEVICE.names) | {"device": "a", "ag_nm": 5.0, "conditions": '{"oxide": "HfO2"}'}
    assert PAPER.filled([row]) == [row]
    own = Variables((PAPER["ag_nm"], Variable("oxide", "oxide", kind="category")))
    assert own.filled([row]) == [row | {"oxide": "HfO2"}]
    assert own.of_row(row) == ({"ag_nm": 5.0, "oxide": "HfO2"}, [])
