"""What waits to be imported, and what was made from what."""

import json

import pytest

from codesign.iv.imports import Source, read_records, waiting, write_record


def _sources(**made_from):
    return [Source(device, (f"data/raw/{device}.csv",), made) for device, made in made_from.items()]


@pytest.fixture
def laboratory(tmp_path):
    """Two devices that have been imported."""
    iv, records = tmp_path / "iv", tmp_path / "records"
    iv.mkdir()
    for device in "ab":
        (iv / f"{device}.parquet").write_bytes(b"whole")
    write_record({"a": "1", "b": "1"}, records / "first.json")
    return iv, records


def _waiting(laboratory, **made_from):
    iv, records = laboratory
    return [source.device for source in waiting(_sources(**made_from), iv=iv, records=records)]


def test_only_what_is_new_changed_or_gone_waits(laboratory):
    """Whatever else lies in the folders."""
    assert _waiting(laboratory, a="1", b="1") == []
    assert _waiting(laboratory, a="1", b="2", c="1") == ["b", "c"]
    (laboratory[0] / "a.parquet").unlink()
    assert _waiting(laboratory, a="1", b="1") == ["a"]


def test_the_latest_import_counts(laboratory):
    """A file that is put back as it was has to be imported again."""
    write_record({"a": "2"}, laboratory[1] / "second.json")
    assert read_records(laboratory[1]) == {"a": "2", "b": "1"}
    assert _waiting(laboratory, a="1", b="1") == ["a"]


@pytest.mark.parametrize(
    "broken",
    ["", "[]", "{}", '{"at": 1}', '{"at": "x", "made_from": {}}', '{"at": 1, "made_from": 3}', "[" * 99999],
)
def test_a_broken_record_is_none(laboratory, broken):
    """What it would have said is imported again; nothing stops."""
    (laboratory[1] / "first.json").write_text(broken)
    assert _waiting(laboratory, a="1", b="1") == ["a", "b"]


def test_a_record_is_whole_and_sorted(tmp_path):
    """Two runs that make the same differ in the time alone."""
    write_record({"b": "1", "a": "2"}, tmp_path / "x" / "r.json")
    stored = json.loads((tmp_path / "x" / "r.json").read_text())
    assert list(stored["made_from"]) == ["a", "b"] and stored["at"] > 0
