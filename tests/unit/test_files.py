"""Files that hold the same, and files that are there whole or not at all."""

import os

import pytest

from codesign.files import hold_same, replacing


@pytest.mark.parametrize("links", [True, False], ids=["second-name", "copy"])
def test_two_files_hold_the_same(tmp_path, monkeypatch, links):
    """Where the file system has no second names, as a copy; what stood there before is replaced."""

    def refused(*_):
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    source, path = tmp_path / "a.bin", tmp_path / "new/b.bin"
    source.write_bytes(b"weights")
    for before in (None, b"older"):
        if before:
            path.unlink()
            path.write_bytes(before)
        hold_same(source, path)
        assert path.read_bytes() == b"weights" and path.samefile(source) == links
        assert [each.name for each in path.parent.iterdir()] == ["b.bin"]


def test_a_file_that_is_made_again_leaves_the_other_as_it_was(tmp_path):
    """Writers put a new file in the place of the old one: a second name keeps what it held."""
    source, path = tmp_path / "a.bin", tmp_path / "b.bin"
    source.write_bytes(b"first")
    hold_same(source, path)
    with replacing(source) as temporary:
        temporary.write_bytes(b"second")
    assert (source.read_bytes(), path.read_bytes()) == (b"second", b"first")


def test_without_a_source_nothing_is_left(tmp_path):
    """Neither the file nor a part of it."""
    with pytest.raises(FileNotFoundError):
        hold_same(tmp_path / "missing.bin", tmp_path / "b.bin")
    assert list(tmp_path.iterdir()) == []
