"""The networks of one method on disk."""

import json

import pytest

from codesign.models.aims import PANEL, Aim
from codesign.models.family import aim_called, read_family, said_at, said_of, weights_name

SAID = [
    {
        "name": f"{level}",
        "level": level,
        "profile": "d",
        "usability": level,
        "fidelity": None,
        "best_epoch": k,
    }
    for k, level in enumerate((0.8, 0.4), 1)
]


@pytest.fixture
def spec(tmp_path):
    """A file of two networks."""
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"networks": SAID}), encoding="utf-8")
    return path


def test_weights_lie_beside_what_is_said_of_them(spec):
    """A file an aim, in the order of the file; a network chosen for the panel has one too."""
    assert {aim.name: path for aim, path in read_family(spec).items()} == {
        "0.8": spec.parent / "weights-0.8.safetensors", "0.4": spec.parent / "weights-0.4.safetensors",
    }  # fmt: skip
    assert list(read_family(spec)) == [Aim.of(said) for said in SAID]
    assert weights_name(PANEL) == "weights-panel.safetensors"


@pytest.mark.parametrize(("level", "expected"), [(0.8, 1), (0.7, 1), (0.5, 2), (0.01, 2)])
def test_what_is_said_at_a_level_is_that_of_the_nearest(spec, level, expected):
    """All of it, as the file has it."""
    assert said_of(spec) == SAID
    assert said_at(spec, level)["best_epoch"] == expected


def test_a_level_without_a_device_has_the_network_of_the_nearest_one():
    """The panel may have fewer devices than the configuration has levels."""
    aims = [Aim.of(said) for said in SAID]
    assert [aim_called(name, aims).name for name in ("0.8", "0.7", "0.4", "0.1")] == [
        "0.8",
        "0.8",
        "0.4",
        "0.4",
    ]
    assert aim_called(PANEL, [Aim(PANEL)]) == Aim(PANEL)
