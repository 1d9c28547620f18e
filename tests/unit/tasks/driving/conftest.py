"""Frames of KITTI where this machine has them, and a small area."""

import os
import tarfile
from pathlib import Path

import pytest
import torch

from codesign.tasks.contract import DataSettings
from codesign.tasks.driving.network import Output
from codesign.tasks.driving.task import area_of

REPOSITORY = Path(__file__).resolve().parents[4]
MIRROR = Path(os.environ.get("CODESIGN_MIRROR", REPOSITORY.parent / "shared" / "data"))
SMALL = {"area": "near", "stride": 2}


@pytest.fixture(scope="session")
def frames(tmp_path_factory):
    """A mirror with frames of KITTI in it: those of this machine's mirror, or its archive of fifteen."""
    if (MIRROR / "kitti" / "training" / "velodyne").is_dir():
        return MIRROR
    archive = MIRROR / "kitti" / "kitti_mini15.tar.xz"
    if not archive.is_file():
        pytest.skip("KITTI is not on this machine")
    folder = tmp_path_factory.mktemp("mirror")
    with tarfile.open(archive) as stored:
        stored.extractall(folder / "kitti", filter="data")
    return folder


@pytest.fixture
def area():
    """The area of the generated scenes."""
    return area_of(SMALL)


@pytest.fixture
def settings():
    """Makes settings of generated scenes."""

    def make(source="synthetic", *, seed=3, mirror=None, cache=None, **options):
        sizes = {"train_size": 4, "test_size": 3} if source == "synthetic" else {}
        return DataSettings(source, 0.25, seed, SMALL | sizes | options, mirror=mirror, cache=cache)

    return make


@pytest.fixture
def telling():
    """Makes the output that says of each anchor what its targets are."""

    def make(targets):
        shape = targets.labels.shape
        scores, codes = torch.full((*shape, 3), -9.0), torch.zeros(*shape, 7)
        directions = torch.zeros(*shape, 2)
        scores[targets.scenes, targets.anchors, targets.classes] = 9.0
        codes[targets.scenes, targets.anchors] = targets.codes
        directions[targets.scenes, targets.anchors, targets.directions] = 5.0
        return Output(scores, codes, directions)

    return make
