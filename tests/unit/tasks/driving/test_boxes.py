"""Overlaps of turned boxes, against values worked out by hand and against shapely."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.tasks.driving.boxes import (
    bev_overlaps,
    corners,
    inside,
    near_pairs,
    overlaps,
    shared_areas,
    suppressed,
)


def flat(x, y, length, width, yaw=0.0):
    return [x, y, 0.0, length, width, 1.0, yaw]


ALONG = 0.2 * math.cos(1), 0.2 * math.sin(1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(flat(1, 2, 3.9, 1.6, 0.3), flat(1, 2, 3.9, 1.6, 0.3), 1, id="itself"),
        pytest.param(flat(1, 2, 3.9, 1.6, 0.3), flat(1, 2, 3.9, 1.6, 0.3 + math.pi), 1, id="turned-round"),
        pytest.param(flat(0, 0, 4, 2), flat(2, 0, 4, 2), 1 / 3, id="shifted"),
        pytest.param(flat(0, 0, 4, 2), flat(0, 0, 4, 2, math.pi / 2), 1 / 3, id="crossed"),
        pytest.param(flat(0, 0, 1, 1), flat(0, 0, 1, 1, math.pi / 4), 0.5**0.5, id="squares"),
        pytest.param(flat(0.5, 0.2, 2, 1), flat(0, 0, 4, 2), 0.25, id="contained"),
        pytest.param(flat(0, 0, 3.9, 1.6), flat(0, 0, 3.9, 1.6, math.pi / 2), 1.6 / 6.2, id="car-crossed"),
        pytest.param(flat(0, 0, 3.9, 1.6, 1), flat(*ALONG, 3.9, 1.6, 1), 3.7 / 4.1, id="turned-and-shifted"),
        pytest.param(flat(0, 0, 4, 2), flat(4, 0, 4, 2), 0, id="touching"),
        pytest.param(flat(0, 0, 4, 2), flat(9, 0, 4, 2), 0, id="apart"),
    ],
)
def test_overlaps_are_those_worked_out_by_hand(first, second, expected):
    """Intersection over union from above, both ways round."""
    assert bev_overlaps([first], [second])[0] == pytest.approx(expected, abs=1e-12)
    assert bev_overlaps([second], [first])[0] == pytest.approx(expected, abs=1e-12)


def drawn(rng, n):
    return np.c_[rng.uniform(-3, 3, (n, 3)), rng.uniform(0.3, 6, (n, 3)), rng.uniform(-7, 7, n)]


def test_areas_are_those_of_shapely():
    """Twenty thousand pairs, a quarter of them with edges on one line or half turns apart."""
    shapely = pytest.importorskip("shapely", reason="shapely is not installed (envs/requirements-dev.txt)")
    rng = np.random.default_rng(3)
    first, second = drawn(rng, 20_000), drawn(rng, 20_000)
    first[:2000] = second[:2000]
    first[1000:2000, 6] += math.pi
    first[2000:5000, 6] = second[2000:5000, 6] + rng.integers(0, 4, 3000) * math.pi / 2
    polygons = shapely.polygons(corners(first)), shapely.polygons(corners(second))
    expected = shapely.area(shapely.intersection(*polygons))
    assert np.abs(shared_areas(first, second) - expected).max() < 1e-12


def test_areas_are_those_that_points_count():
    """An independent way that needs no library: the share of a grid of points inside both boxes."""
    rng = np.random.default_rng(5)
    first, second = drawn(rng, 20), drawn(rng, 20)
    side = 1200
    for one, two in zip(first, second, strict=True):
        one[2] = two[2] = 0
        axis = (np.arange(side) + 0.5) / side - 0.5
        u, v = np.meshgrid(axis * one[3], axis * one[4])
        cos, sin = math.cos(one[6]), math.sin(one[6])
        x, y = one[0] + cos * u - sin * v, one[1] + sin * u + cos * v
        points = np.stack([x.ravel(), y.ravel(), np.zeros(side**2)], axis=1)
        counted = inside(points, two).mean() * one[3] * one[4]
        # a straight edge crosses at most 2 * side of the grid's cells, eight edges in all
        assert shared_areas([one], [two])[0] == pytest.approx(counted, abs=16 * one[3] * one[4] / side)


BOX = st.tuples(
    *(st.floats(-3, 3),) * 3, *(st.floats(0.1, 6),) * 3, st.floats(-2 * math.pi, 2 * math.pi)
).map(list)


@given(BOX, BOX, st.floats(-50, 50), st.floats(-3, 3))
def test_overlap_is_symmetric_and_moves_with_both_boxes(first, second, shift, turn):
    """It lies between 0 and 1, and depends on how the boxes lie to each other alone."""
    flat_one, solid = overlaps([first], [second])
    assert 0 <= flat_one[0] <= 1 + 1e-12 and 0 <= solid[0] <= 1 + 1e-12
    assert solid[0] <= min(first[5], second[5]) / max(first[5], second[5]) + 1e-12
    np.testing.assert_allclose(overlaps([second], [first]), (flat_one, solid), atol=1e-11)

    def moved(box):
        cos, sin = math.cos(turn), math.sin(turn)
        x, y = cos * box[0] - sin * box[1], sin * box[0] + cos * box[1]
        return [x + shift, y - shift, box[2] + shift, *box[3:6], box[6] + turn]

    np.testing.assert_allclose(overlaps([moved(first)], [moved(second)]), (flat_one, solid), atol=1e-9)


def test_boxes_one_above_the_other_overlap_from_above_alone():
    """Half a height apart, a third of both volumes is shared; a whole height apart, none."""
    box = np.array([[0, 0, 0, 4, 2, 1.5, 0.4]])
    for rise, expected in ((0.0, 1.0), (0.75, 1 / 3), (1.5, 0.0)):
        flat_one, solid = overlaps(box, box + np.eye(7)[2] * rise)
        assert flat_one[0] == pytest.approx(1) and solid[0] == pytest.approx(expected)


def test_only_pairs_of_one_scene_are_near():
    """Equal boxes in two scenes meet their own copies only."""
    boxes = np.array([flat(0, 0, 4, 2), flat(1, 0, 4, 2), flat(0, 0, 4, 2)])
    one, two = near_pairs(boxes, boxes, np.array([0, 0, 2]), np.array([0, 0, 2]))
    assert list(zip(one.tolist(), two.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]


def slow_suppression(boxes, scores, overlap, most):
    """The textbook loop over one scene."""
    kept = []
    for k in sorted(range(len(boxes)), key=lambda k: -scores[k]):
        if all(bev_overlaps([boxes[k]], [boxes[other]])[0] <= overlap for other in kept):
            kept.append(k)
    return kept[:most]


@pytest.mark.parametrize("overlap", [0.01, 0.5])
def test_suppression_of_many_scenes_is_that_of_each(overlap):
    """Round by round side by side, and one scene after the other."""
    rng = np.random.default_rng(11)
    n = 240
    boxes = np.c_[rng.uniform(0, 15, (n, 2)), np.zeros(n), rng.uniform(0.5, 4, (n, 3)), rng.uniform(0, 6, n)]
    scores, scenes = rng.uniform(size=n), rng.integers(0, 4, n)
    expected = []
    for scene in range(4):
        mine = np.flatnonzero(scenes == scene)
        expected += mine[slow_suppression(boxes[mine], scores[mine], overlap, 12)].tolist()
    assert suppressed(boxes, scores, scenes, overlap=overlap, most=12).tolist() == expected


def test_nothing_is_kept_of_nothing():
    """Networks that detect nothing are common at low usability."""
    assert not len(suppressed(np.zeros((0, 7)), [], [], overlap=0.01, most=5))
    assert not len(shared_areas(np.zeros((0, 7)), np.zeros((0, 7))))


def test_points_on_the_surface_are_inside():
    """A box turned by a quarter: its length lies along y."""
    points = [[0, 2, 0], [0, 2.001, 0], [1, 0, 0], [1.001, 0, 0], [0, 0, 0.75], [0, 0, 0.751]]
    box = [0, 0, 0, 4.0000001, 2.0000001, 1.5, math.pi / 2]
    assert inside(points, box).tolist() == [True, False, True, False, True, False]


def test_other_shapes_are_refused():
    """Six numbers are no box."""
    with pytest.raises(ValueError, match=r"shape \(n, 7\), got \(2, 6\)"):
        corners(np.zeros((2, 6)))
