"""Conditions that no laboratory has, and compounds that are nearly a known one."""

import pytest

from codesign.iv.check import check_file
from codesign.iv.measurement import LONGEST_REASON, Metadata, tidy
from codesign.iv.plausible import (
    COMPOUNDS,
    implausible_conditions,
    likely_compound,
    without_implausible,
)


@pytest.mark.parametrize(
    ("said", "name", "words"),
    [
        ({"diameter_nm": 2e-7}, "diameter_nm", "written in SI units it means 200 nm"),
        ({"length_um": 1.5e-6}, "length_um", "written in SI units it means 1.5 um"),
        ({"ag_nm": 1e299}, "ag_nm", "0.3 to 100000 nm are plausible"),
        ({"pb_min": 1e7}, "pb_min", "0 to 10000 min are plausible"),
        ({"length_um": 1500.0}, "length_um", "0.01 to 1000 um are plausible"),
    ],
)
def test_a_condition_outside_any_laboratory_is_left_out_with_what_it_probably_means(said, name, words):
    """The others stay; a note says what was not used."""
    metadata = Metadata("a", perovskite="MAPbI3", **said)
    [(found, text)] = implausible_conditions(metadata).items()
    assert found == name and words in text
    kept = without_implausible(metadata)
    assert getattr(kept, name) is None and kept.perovskite == "MAPbI3" and words in kept.notes[0]
    assert without_implausible(kept) is kept


def test_conditions_of_the_paper_are_plausible():
    """Its smallest and largest ones."""
    for length, diameter, minutes, silver in ((0.6, 10, 5, 50), (3, 300, 30, 600), (0.7, 5, 0, 50)):
        metadata = Metadata("a", length_um=length, diameter_nm=diameter, pb_min=minutes, ag_nm=silver)
        assert without_implausible(metadata) is metadata


@pytest.mark.parametrize(
    "written", ["mapbi3", "MAPbI3 ", "MA PbI3", "MAPbI₃", "MAPBI_3", "MAI", "CH3NH3PbI3", "MAPI"]
)
def test_a_nearly_right_compound_is_told(tmp_path, written):
    """By the check, with what to write; a right one and one of its own are left alone."""
    assert likely_compound(written) == "MAPbI3"
    (tmp_path / "a.csv").write_text(
        "voltage,current_cycle1,current_cycle2\n0,0,0\n1,1e-6,1e-6\n2,3e-6,2e-6\n"
    )
    (tmp_path / "a.meta.yaml").write_text(f"{{perovskite: '{written}', diameter_nm: 2.0e-7}}\n")
    found = {finding.where: finding for finding in check_file(tmp_path / "a.csv")}
    assert "probably MAPbI3" in found["perovskite"].what and found["perovskite"].remedy == "write MAPbI3"
    assert "200 nm" in found["diameter_nm"].what and found["diameter_nm"].level == "warning"


@pytest.mark.parametrize("written", [*COMPOUNDS, "Cs2AgBiBr6", None, ""])
def test_other_compounds_are_taken_as_they_are(written):
    """A laboratory may make what nobody else makes."""
    assert likely_compound(written) == ""


def test_reasons_and_notes_are_short_and_printable():
    """What they quote of a file can be anything; the end, which is the remedy, stays."""
    metadata = Metadata("a", status="refused", reason="x" * 99999 + "; cure\x1b", notes=("a\x07\n b",))
    assert len(metadata.reason) < LONGEST_REASON + 10 and metadata.reason.endswith("; cure\ufffd")
    assert metadata.notes == ("a\ufffd b",)
    assert tidy("plain; remedy") == "plain; remedy"
