"""Training scenes changed at random: boxes keep their points, objects put in overlap nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.tasks.driving.augment import FEWEST_POINTS, augmented, pool_of
from codesign.tasks.driving.boxes import bev_overlaps, inside, near_pairs
from codesign.tasks.driving.scanner import scenes_of
from codesign.tasks.driving.scenes import Scenes


@pytest.fixture(scope="module")
def scenes():
    """Six scenes and the pool of their objects."""
    made = replace(Scenes.of(scenes_of(21, "augment", 6)), fixed=False)
    return replace(made, pool=pool_of(made))


def changed(scenes, seed=1, **options):
    settings = {"flip": True, "turn_deg": 45.0, "scaling": 0.05, "pasted": 0} | options
    batch = replace(scenes, area=None).chosen(torch.arange(6))
    return batch, augmented(batch, **settings, generator=torch.Generator().manual_seed(seed))


def counted(batch):
    points, boxes = batch.points.double().numpy(), batch.boxes.double().numpy()
    return [
        int(inside(points[(batch.owners == scene).numpy()], box + np.r_[0, 0, 0, [1e-3] * 3, 0]).sum())
        for scene, box in zip(batch.scenes.tolist(), boxes, strict=True)
    ]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="all"),
        pytest.param({"turn_deg": 0.0, "scaling": 0.0}, id="mirrored"),
        pytest.param({"flip": False, "scaling": 0.0}, id="turned"),
        pytest.param({"flip": False, "turn_deg": 0.0}, id="scaled"),
    ],
)
def test_boxes_keep_their_points(scenes, options):
    """Scenes and boxes move together; a point on a surface may fall either way."""
    before, after = changed(scenes, **options)
    assert not torch.equal(before.points, after.points)
    lost = np.abs(np.array(counted(before)) - counted(after))
    assert lost.max() <= 1 and lost.sum() <= 3
    assert torch.equal(before.points[:, 3], after.points[:, 3]) and after.pillars is None


def test_scenes_are_changed_each_by_itself_and_within_bounds(scenes):
    """Sizes by at most 5 %, the same share in a scene; some are mirrored and some not."""
    before, after = changed(scenes)
    ratio = after.boxes[:, 3] / before.boxes[:, 3]
    for scene in range(6):
        mine = ratio[before.scenes == scene]
        assert (mine - mine[0]).abs().max() < 1e-5 and 0.95 <= float(mine[0]) <= 1.05
    assert len(ratio.round(decimals=4).unique()) == 6


def test_nothing_asked_for_changes_nothing(scenes):
    """To the bit."""
    before, after = changed(scenes, flip=False, turn_deg=0.0, scaling=0.0)
    assert torch.equal(before.points, after.points) and torch.equal(before.boxes, after.boxes)


def test_changes_come_from_the_generator(scenes):
    """Equal seeds, equal scenes."""
    one, two, other = changed(scenes)[1], changed(scenes)[1], changed(scenes, seed=2)[1]
    assert torch.equal(one.points, two.points) and not torch.equal(one.points, other.points)


def test_the_pool_has_the_objects_with_enough_points(scenes):
    """Each with the points in its box, of the three classes alone."""
    pool = scenes.pool
    enough = ((scenes.counts >= FEWEST_POINTS) & (scenes.kinds < 3)).sum()
    assert 0 < len(pool.kinds) <= enough
    for k in range(len(pool.kinds)):
        points = pool.points[pool.starts[k] : pool.starts[k + 1]].double().numpy()
        assert len(points) >= FEWEST_POINTS and inside(points, pool.boxes[k].double().numpy() + 1e-6).all()


def test_objects_put_in_overlap_nothing_and_bring_their_points(scenes):
    """Up to six of each class; what was in their place is gone."""
    before, after = changed(scenes, flip=False, turn_deg=0.0, scaling=0.0, pasted=6)
    new = len(after.kinds) - len(before.kinds)
    assert new > 10
    for scene in range(6):
        counts = torch.bincount(after.kinds[after.scenes == scene], minlength=3)[:3]
        there = torch.bincount(before.kinds[before.scenes == scene], minlength=3)[:3]
        assert (counts <= torch.maximum(there, torch.tensor(6))).all()
    boxes, owners = after.boxes.double().numpy(), after.scenes.numpy()
    order = np.argsort(owners, kind="stable")
    one, two = near_pairs(boxes[order], boxes[order], owners[order], owners[order])
    apart = one != two
    assert (bev_overlaps(boxes[order][one[apart]], boxes[order][two[apart]]) == 0).all()
    # of an object put in there are its own points and no others
    found = np.array(counted(after))[len(before.kinds) :]
    assert np.abs(found - after.counts[len(before.kinds) :].numpy()).max() <= 1
    assert all(len(getattr(after, name)) == len(after.kinds) for name in ("upright", "truncation", "scenes"))
    assert len(after.owners) == len(after.points)


def test_without_a_pool_nothing_can_be_put_in(scenes):
    """The batch says what is missing."""
    with pytest.raises(ValueError, match="this batch has none"):
        changed(replace(scenes, pool=None), pasted=3)
