"""Anchors: which stand for an object, codes and back, and the chain fed with its own targets."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codesign.tasks.driving.anchors import (
    ANCHORS,
    LARGEST_LOG_RATIO,
    anchor_boxes,
    coded,
    decoded,
    direction_of,
    targets_of,
)
from codesign.tasks.driving.precision import CLASSES
from codesign.tasks.driving.scanner import scenes_of
from codesign.tasks.driving.scenes import Area, Scenes
from codesign.tasks.driving.scores import PrecisionScorer, metric_names

PUBLISHED = Area(69.12, 39.68, 0.16, 2)
FIRST = anchor_boxes(PUBLISHED)[:6]


def batch_of(scenes, area):
    return replace(Scenes.of(scenes), area=area).chosen(torch.arange(len(scenes)))


def test_the_published_area_has_the_published_anchors():
    """321,408 of them: 216 x 248 places, three classes, two yaws; undersides and sizes as published."""
    boxes = anchor_boxes(PUBLISHED)
    assert boxes.shape == (321_408, 7)
    first = boxes[:6]
    assert first[:, 6].tolist() == pytest.approx([0, math.pi / 2] * 3)
    assert first[::2, 3:6].tolist() == [
        pytest.approx(size) for size in ([3.9, 1.6, 1.56], [0.8, 0.6, 1.73], [1.76, 0.6, 1.73])
    ]
    assert (first[::2, 2] - first[::2, 5] / 2).tolist() == pytest.approx([-1.78, -0.6, -0.6])
    np.testing.assert_allclose(boxes[-1, :2], [69.12 - 0.16, 39.68 - 0.16], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"forward_m": 69.0}, "forward_m 69.0 gives 431.25 pillars", id="no-whole-number"),
        pytest.param({"sideways_m": 39.52}, "gives 494 pillars of 0.16 m; .* multiple of 8", id="not-by-8"),
        pytest.param({"stride": 3}, "stride must be 1 or 2, got 3", id="stride"),
    ],
)
def test_areas_that_the_network_cannot_divide_are_refused(changes, words):
    """Three blocks halve the plan, one after the other."""
    with pytest.raises(ValueError, match=words):
        replace(PUBLISHED, **changes)


def slow_labels(batch):
    """Labels and objects of the anchors of one scene, by the published rule over whole arrays."""
    anchors = anchor_boxes(batch.area).double().numpy()
    labels, stands_for = np.zeros(len(anchors), dtype=int), {}
    classes = np.arange(len(anchors)) % 6 // 2
    for number, name in enumerate(CLASSES):
        mine = np.flatnonzero(classes == number)
        objects = np.flatnonzero((batch.kinds.numpy() == number) & (batch.counts.numpy() > 0))
        if not len(objects):
            continue
        shared = np.zeros((len(objects), len(mine)))
        for row, k in enumerate(objects):
            sizes = {}
            for which, boxes in (
                ("object", batch.boxes.double().numpy()[k : k + 1]),
                ("anchor", anchors[mine]),
            ):
                turned = np.round(boxes[:, 6] / (np.pi / 2)).astype(int) % 2 == 1
                x, y = np.where(turned, boxes[:, 4], boxes[:, 3]), np.where(turned, boxes[:, 3], boxes[:, 4])
                sizes[which] = (
                    boxes[:, 0] - x / 2,
                    boxes[:, 0] + x / 2,
                    boxes[:, 1] - y / 2,
                    boxes[:, 1] + y / 2,
                )
            a, b = sizes["object"], sizes["anchor"]
            x = np.clip(np.minimum(a[1], b[1]) - np.maximum(a[0], b[0]), 0, None)
            y = np.clip(np.minimum(a[3], b[3]) - np.maximum(a[2], b[2]), 0, None)
            whole = (a[1] - a[0]) * (a[3] - a[2]) + (b[1] - b[0]) * (b[3] - b[2])
            shared[row] = x * y / (whole - x * y)
        best = shared.max(axis=0)
        labels[mine[best >= ANCHORS[name].unmatched]] = -1
        for at in np.flatnonzero(best >= ANCHORS[name].matched):
            stands_for[mine[at]] = objects[shared[:, at].argmax()]
        for row, k in enumerate(objects):
            if shared[row].max() > 0:
                for at in np.flatnonzero(shared[row] >= shared[row].max() - 1e-6):
                    stands_for[mine[at]] = k
    for anchor in stands_for:
        labels[anchor] = classes[anchor] + 1
    return labels, stands_for


@pytest.mark.parametrize("stride", [1, 2])
def test_targets_are_those_of_the_rule(area, stride):
    """Every anchor of four scenes: by windows around objects, and by loops over all anchors."""
    area = replace(area, stride=stride)
    scenes = scenes_of(5, "anchors", 4)
    targets = targets_of(batch_of(scenes, area))
    for number, scene in enumerate(scenes):
        batch = batch_of([scene], area)
        labels, stands_for = slow_labels(batch)
        # in single precision an overlap may fall on the other side of a threshold
        differing = np.flatnonzero(targets.labels[number].numpy() != labels)
        assert len(differing) <= 2
        mine = targets.scenes == number
        anchors = targets.anchors[mine]
        boxes = decoded(targets.codes[mine], anchor_boxes(area)[anchors], targets.directions[mine])
        for anchor, box in zip(anchors.tolist(), boxes, strict=True):
            if anchor in stands_for:
                torch.testing.assert_close(box[:6], batch.boxes[stands_for[anchor]][:6], atol=1e-4, rtol=1e-4)


BOX = st.tuples(
    st.floats(0, 60), st.floats(-30, 30), st.floats(-3, 1), *(st.floats(0.3, 6),) * 3, st.floats(-9, 9)
)


@given(BOX, st.integers(0, 5))
def test_codes_stand_for_their_boxes(box, number):
    """Coded and decoded, a box is itself; its yaw up to whole turns."""
    anchor = FIRST[number : number + 1].double()
    given_box = torch.tensor([box], dtype=torch.double)
    found = decoded(coded(given_box, anchor), anchor, direction_of(given_box[:, 6]))
    torch.testing.assert_close(found[:, :6], given_box[:, :6])
    turn = float(found[0, 6] - given_box[0, 6]) / math.pi
    # at the edge between the directions a rounding error makes half a turn of it
    edge = abs((float(given_box[0, 6]) - math.pi / 4) / math.pi % 1 - 0.5) > 0.499999
    # anchors are in single precision
    assert abs(turn - round(turn)) < 1e-6 and (round(turn) % 2 == 0 or edge)


@pytest.mark.parametrize(
    ("yaw", "direction"),
    [
        (0.0, 1),
        (0.26 * math.pi, 0),
        (math.pi, 0),
        (1.24 * math.pi, 0),
        (1.26 * math.pi, 1),
        (-math.pi / 2, 1),
    ],
)
def test_directions_change_at_an_eighth_of_a_turn(yaw, direction):
    """Not where cars are turned most often, along the road and across."""
    assert int(direction_of(torch.tensor(yaw))) == direction


def test_sizes_from_noisy_codes_are_finite():
    """exp of a hundred is none."""
    anchors = anchor_boxes(PUBLISHED)[:1]
    found = decoded(torch.full((1, 7), 100.0), anchors, torch.tensor([1]))
    assert torch.isfinite(found).all()
    assert float(found[0, 3]) == pytest.approx(3.9 * math.exp(LARGEST_LOG_RATIO))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_chain_fed_with_its_own_targets_finds_everything(area, telling, stride):
    """Assignment, code, decoding, suppression, camera and scores: 1 everywhere, on generated scenes.

    A scene that has objects in the area alone, so that all of them can be found.
    """
    batch = batch_of(scenes_of(7, "oracle", 12), replace(area, stride=stride))
    inside = (batch.boxes[:, 0] < area.forward_m) & (batch.boxes[:, 1].abs() < area.sideways_m)
    batch = replace(batch, occlusion=torch.where(inside & (batch.counts > 0), batch.occlusion, 3))
    scorer = PrecisionScorer()
    scorer.update(telling(targets_of(batch)), batch)
    assert scorer.compute() == dict.fromkeys(metric_names(), 1.0)


def test_objects_without_a_point_are_not_learnt(area):
    """Nothing tells where they are."""
    batch = batch_of(scenes_of(7, "oracle", 2), area)
    assert len(targets_of(batch).scenes)
    assert not len(targets_of(replace(batch, counts=torch.zeros_like(batch.counts))).scenes)
