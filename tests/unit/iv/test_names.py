"""Names of instrument files and the ids made of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.iv.names import device_id, is_conditions_workbook, is_raw_file, sidecar_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("I-V_data_0.7um.xlsx", "i-v-data-0.7um"),
        ("a  b__C.csv", "a-b-c"),
        ("180+210C.tdms", "180+210c"),
        ("_x_.csv", "x"),
        ("x..csv", "x"),
        ("../x.csv", "x"),
        ("Größe.csv", "gr-e"),
    ],
)
def test_a_device_id_is_the_slug_of_the_file_name(name, expected):
    """Ids stand in file names and wildcards: they hold no folder and no capital."""
    assert device_id(name) == expected


def test_names_without_a_latin_sign_get_ids_of_their_own():
    """Leaving such a file out would hide a measurement; one common id would merge two."""
    first, second = device_id("測定.csv"), device_id("試料.csv")
    assert first != second
    assert first.startswith("device-")


@given(st.text(min_size=1, max_size=60).filter(lambda text: "\x00" not in text))
def test_every_name_gives_an_id_that_is_a_file_name(name):
    """An id is never empty, never hidden, never a path, and its own id."""
    found = device_id(f"{name}.csv")
    assert found
    assert "/" not in found
    assert not found.startswith(".")
    assert device_id(f"{found}.csv") == found


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.xlsx", True),
        ("A.XLSX", True),
        ("a.lvm", True),
        ("a.tdms", True),
        ("~$a.xlsx", False),
        (".a.csv", False),
        ("a.meta.yaml", False),
        ("a.parquet", False),
        ("fabrication_conditions.xlsx", False),
        ("conditions.csv", True),
    ],
)
def test_instrument_files_are_told_from_others(name, raw):
    """Lock files, hidden files and conditions workbooks are no measurements."""
    assert is_raw_file(name) is raw


def test_a_conditions_workbook_is_known_by_its_name():
    """It is looked up, not imported."""
    assert is_conditions_workbook("Fabrication_Conditions_2.xlsx")
    assert not is_conditions_workbook("~$conditions.xlsx")


def test_a_sidecar_lies_beside_its_file():
    """The suffix of the instrument file is not part of its name."""
    assert sidecar_of(Path("raw/a.b.csv")) == Path("raw/a.b.meta.yaml")
