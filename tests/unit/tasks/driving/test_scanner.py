"""The synthetic scanner: rays against geometry, labels against points, draws against draws."""

import math

import numpy as np
import pytest

from codesign.tasks.driving.boxes import bev_overlaps, inside, near_pairs
from codesign.tasks.driving.camera import in_view
from codesign.tasks.driving.precision import KINDS
from codesign.tasks.driving.scanner import (
    ABOVE_GROUND_M,
    BEAMS,
    CAMERA,
    HIGHEST_DEG,
    LOWEST_DEG,
    _cast,
    _directions,
    _reach,
    _Standing,
    scene_of,
    scenes_of,
)


@pytest.fixture(scope="module")
def scenes():
    """Thirty scenes."""
    return scenes_of(11, "scanner", 30)


def test_a_scene_is_drawn_from_its_seed_part_and_number_alone():
    """The third is the third, whether three or five are asked for; other parts and seeds are others."""
    three, five = scenes_of(1, "train", 3), scenes_of(1, "train", 5)
    for one, two in zip(three, five, strict=False):
        assert np.array_equal(one.points, two.points) and np.array_equal(one.boxes, two.boxes)
    for other in (scenes_of(1, "test", 1), scenes_of(2, "train", 1)):
        assert not np.array_equal(other[0].boxes, three[0].boxes)
    assert not np.array_equal(three[0].boxes, three[1].boxes)


def test_every_point_is_in_the_image(scenes):
    """As the frames of KITTI are cut."""
    for scene in scenes:
        assert scene.points.dtype == np.float32 and in_view(scene.points.astype(float), CAMERA).all()
        assert (scene.points[:, 3] >= 0).all() and (scene.points[:, 3] <= 1).all()


def test_counts_are_those_of_the_points(scenes):
    """Before the camera alone: points in boxes are cut to the image too."""
    for scene in scenes:
        assert scene.counts.tolist() == [inside(scene.points, box).sum() for box in scene.boxes]


def test_objects_stand_apart_and_on_the_ground(scenes):
    """No two overlap from above; undersides follow a plane through the point below the lidar."""
    for scene in scenes:
        numbers = np.zeros(len(scene.boxes), dtype=int)
        one, two = near_pairs(scene.boxes, scene.boxes, numbers, numbers)
        apart = one != two
        assert (bev_overlaps(scene.boxes[one[apart]], scene.boxes[two[apart]]) == 0).all()
        bottoms = scene.boxes[:, 2] - scene.boxes[:, 5] / 2 + ABOVE_GROUND_M
        if len(bottoms) > 3:
            fitted, *_ = np.linalg.lstsq(scene.boxes[:, :2], bottoms, rcond=None)
            np.testing.assert_allclose(scene.boxes[:, :2] @ fitted, bottoms, atol=1e-9)


def test_all_kinds_and_difficulties_occur(scenes):
    """Cars most often, every state of occlusion, objects near and far."""
    kinds = np.concatenate([scene.kinds for scene in scenes])
    counts = np.bincount(kinds, minlength=len(KINDS))
    assert counts[0] > counts[1] > 20 and counts[2] > 20 and counts[3] > 0 and not counts[4:].any()
    assert set(np.concatenate([scene.occlusion for scene in scenes])) == {0, 1, 2, 3}
    heights = np.concatenate([scene.heights_px for scene in scenes])
    assert (heights < 40).any() and (heights > 80).any()


def test_beams_are_those_of_the_head():
    """48 of them, evenly from 2 degrees up to 24.8 down; columns 0.3 degrees apart to 41 either side."""
    elevation, azimuth = _directions()
    assert len(elevation) == BEAMS == 48
    np.testing.assert_allclose(np.degrees(elevation[[0, -1]]), [HIGHEST_DEG, LOWEST_DEG])
    np.testing.assert_allclose(np.degrees(np.diff(azimuth)), 0.3)
    np.testing.assert_allclose(np.degrees(azimuth[[0, -1]]), [-41, 41], atol=0.21)


def test_rays_meet_level_ground_at_its_distance():
    """Height over the sine of the angle below the horizon; nothing above it."""
    depth, owner, alone = _cast([], np.zeros(2))
    elevation, _ = _directions()
    down = elevation < 0
    expected = ABOVE_GROUND_M / np.sin(-elevation[down])
    np.testing.assert_allclose(depth[down], np.broadcast_to(expected[:, None], depth[down].shape))
    assert np.isinf(depth[~down]).all() and (owner[~down] == -2).all() and (owner[down] == -1).all()
    assert not len(alone)


def test_rays_meet_a_box_where_marching_along_them_does():
    """Random boxes and directions; steps of a millimetre from the lidar on."""
    rng = np.random.default_rng(4)
    met = 0
    for _ in range(40):
        box = np.array(
            [*rng.uniform(4, 9, 2), rng.uniform(-1, 1), *rng.uniform(0.5, 4, 3), rng.uniform(0, 6)]
        )
        towards = box[:3] + rng.normal(0, 1, 3)
        direction = towards / np.linalg.norm(towards)
        reach = float(_reach(box, *(np.array([[value]]) for value in direction))[0, 0])
        steps = np.arange(0, 20, 1e-3)
        hits = np.flatnonzero(inside(steps[:, None] * direction, box))
        if len(hits):
            met += 1
            assert reach == pytest.approx(steps[hits[0]], abs=2e-3)
        elif reach < np.inf:  # a corner cut by less than a step
            assert inside(
                (np.array([reach + 1e-9]))[:, None] * direction, box + np.r_[0, 0, 0, [1e-6] * 3, 0]
            )
    assert met > 15


def standing(x, y=0.0, size=2.0, yaw=0.0):
    box = np.array([x, y, 0.0, size, size, 2.0, yaw])
    return _Standing("car", box, box[None])


@pytest.mark.parametrize("yaw", [0.0, 0.5, math.pi / 2])
def test_windows_lose_no_ray(yaw):
    """The beams and columns looked at for a box are all that meet it."""
    elevation, azimuth = _directions()
    flat = np.cos(elevation)[:, None]
    for x, y in ((8.0, 0.0), (12.0, 9.0), (5.0, -4.0)):
        thing = standing(x, y, yaw=yaw)
        _, owner, alone = _cast([thing], np.zeros(2))
        everywhere = _reach(
            thing.box, flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)[:, None]
        )
        assert alone[0] == (everywhere < np.inf).sum() > 0
        assert (owner == 0).sum() == alone[0]  # it stands above the ground


def test_what_stands_behind_is_hidden():
    """A box right behind one as large is met by no ray, though alone it would be."""
    depth, owner, alone = _cast([standing(20.0), standing(10.0)], np.zeros(2))
    assert (owner == 0).sum() == 0 < alone[0] and (owner == 1).sum() == alone[1]
    assert depth[owner == 1].min() == pytest.approx(9.0, rel=1e-3)


def test_points_of_a_car_lie_on_its_surface_to_the_range_noise():
    """Nearly all within four standard deviations of a box that holds them."""
    rng = np.random.default_rng(8)
    near = total = 0
    for _ in range(10):
        scene = scene_of(rng)
        for kind, box in zip(scene.kinds, scene.boxes, strict=True):
            if KINDS[kind] == "car":
                grown = box + np.r_[0, 0, 0, [0.16] * 3, 0]
                total += inside(scene.points, grown).sum()
                near += inside(scene.points, box).sum()
    assert total > 500 and near > 0.7 * total  # the rest is noise outward, and ground below
