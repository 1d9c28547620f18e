"""The networks of one method on disk."""

import hashlib
import json

import pytest

from codesign.models.aims import PANEL, Aim
from codesign.models.family import FamilyError, aim_called, read_family, said_at, said_of, weights_name

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


@pytest.fixture
def written(spec):
    """The same with weights, as a training leaves them."""
    weights = {weights_name(said["name"]): said["name"].encode() for said in SAID}
    for name, content in weights.items():
        (spec.parent / name).write_bytes(content)
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in weights.items()}
    made = {"experiment": "e", "method": "erm", "repeat": 1, "networks": SAID, "checksums": checksums}
    spec.write_text(json.dumps(made), encoding="utf-8")
    return spec


def test_networks_that_are_asked_for_are_given(written):
    """Experiment, method and repeat are theirs, and every file is the one that was written."""
    assert read_family(written, experiment="e", method="erm", repeat=1) == read_family(written)


@pytest.mark.parametrize(
    ("key", "value"), [("experiment", "moons"), ("method", "bayesmulti"), ("repeat", 2), ("method", "")]
)
def test_networks_of_others_are_refused(written, key, value):
    """A folder that was copied or renamed."""
    with pytest.raises(FamilyError, match=rf"networks of {key} .*, not '?{value}'?; delete .* run again"):
        read_family(written, **{key: value})


def test_weights_that_were_exchanged_are_refused(written):
    """By content, whatever they are called; a missing file too, and a record without checksums."""
    one, two = (written.parent / weights_name(said["name"]) for said in SAID)
    one.write_bytes(two.read_bytes())
    with pytest.raises(FamilyError, match=r"weights-0\.8.*not the network that spec\.json tells of"):
        read_family(written, experiment="e")
    one.unlink()
    with pytest.raises(FamilyError, match=r"weights-0\.8.*is not there"):
        read_family(written, experiment="e")
    made = json.loads(written.read_text())
    written.write_text(json.dumps({**made, "checksums": {}}))
    with pytest.raises(FamilyError, match="delete"):
        read_family(written, experiment="e")
