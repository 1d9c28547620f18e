"""Where data sets lie, and which copy of CIFAR-10 that makes it."""

import pytest

from codesign.tasks.data import CIFAR10, CIFAR10_JPEG
from codesign.tasks.mirror import mirror_of, only_lossy, placed


def test_the_configuration_comes_before_the_environment(monkeypatch):
    """Neither: no mirror; an empty variable is none."""
    monkeypatch.setenv("CODESIGN_MIRROR", "there")
    assert mirror_of({"datasets": {"mirror": "here"}}) == "here"
    assert mirror_of({"datasets": {"mirror": None}}) == "there"
    monkeypatch.setenv("CODESIGN_MIRROR", "")
    assert mirror_of({"datasets": {"mirror": None}}) is None


@pytest.mark.parametrize(
    ("files", "lossy"),
    [
        pytest.param((), False, id="none"),
        pytest.param((CIFAR10_JPEG,), True, id="lossy-alone"),
        pytest.param((CIFAR10, CIFAR10_JPEG), False, id="both"),
    ],
)
def test_the_lossy_copy_counts_where_the_published_is_not(tmp_path, files, lossy):
    """By name; the content is checked when it is read."""
    for file in files:
        (tmp_path / file.folder).mkdir(exist_ok=True)
        (tmp_path / file.folder / file.name).touch()
    assert only_lossy(tmp_path) is lossy
    assert not only_lossy(None)


def test_places_are_added_and_the_kind_of_copy_is_no_argument(monkeypatch):
    """What `Experiment.data` takes."""
    monkeypatch.delenv("CODESIGN_MIRROR", raising=False)
    found = placed({"seed": 1, "validation_fraction": 0.1, "lossy": True}, {"datasets": {"mirror": "m"}})
    assert found == {"seed": 1, "validation_fraction": 0.1, "mirror": "m", "cache": "results/datasets"}
