"""Where data sets lie, and which copy of CIFAR-10 that makes it."""

import pytest

from codesign.tasks.about import about_of
from codesign.tasks.mirror import mirror_of, only_stand_in
from codesign.tasks.objects.cifar10 import CIFAR10, CIFAR10_JPEG


def test_the_configuration_comes_before_the_environment(monkeypatch):
    """Neither: no mirror; an empty variable is none."""
    monkeypatch.setenv("CODESIGN_MIRROR", "there")
    assert mirror_of({"datasets": {"mirror": "here"}}) == "here"
    assert mirror_of({"datasets": {"mirror": None}}) == "there"
    monkeypatch.setenv("CODESIGN_MIRROR", "")
    assert mirror_of({"datasets": {"mirror": None}}) is None


@pytest.mark.parametrize(
    ("files", "stands_in"),
    [
        pytest.param((), False, id="none"),
        pytest.param((CIFAR10_JPEG,), True, id="stand-in-alone"),
        pytest.param((CIFAR10, CIFAR10_JPEG), False, id="both"),
    ],
)
def test_the_stand_in_counts_where_the_published_is_not(tmp_path, files, stands_in):
    """By name; the content is checked when it is read."""
    for file in files:
        (tmp_path / file.folder).mkdir(exist_ok=True)
        (tmp_path / file.folder / file.name).touch()
    names = {"published": "cifar10/cifar-10-binary.tar.gz", "stand_in": "cifar10/cifar10_full_jpeg.npz"}
    assert only_stand_in(tmp_path, **names) is stands_in
    assert not only_stand_in(None, **names)


def test_what_objects_declare_of_their_files_is_what_they_read():
    """The declaration is read without the reader; both name the same two files."""
    source = about_of("objects").sources["cifar10"]
    assert source.published == f"{CIFAR10.folder}/{CIFAR10.name}"
    assert source.stand_in == f"{CIFAR10_JPEG.folder}/{CIFAR10_JPEG.name}"
