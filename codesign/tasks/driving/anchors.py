"""Anchors: boxes of typical sizes on a grid, which of them stands for which object, and codes between.

Source:
    Lang et al. (2019), arXiv 1812.05784, Sect. 2.3 and 3; Yan et al. (2018), Sensors 18, 3337, for the code.
"""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.tasks.driving.precision import CLASSES
from codesign.tasks.driving.scenes import Area, Batch

TURNS = 2
"""Yaws of an anchor: 0 and a quarter turn."""
PER_PLACE = TURNS * len(CLASSES)
"""Anchors on each place of the grid: by class, in each by yaw."""
DIRECTION_OFFSET = math.pi / 4
"""Yaw at which the first of the two directions begins."""
LARGEST_LOG_RATIO = 4.0
"""Codes of sizes are cut off there: exp of what a noisy network gives may overflow."""


class Kind(NamedTuple):
    """Anchors of one class."""

    length: float
    width: float
    height: float
    bottom: float
    """z of the underside, in the lidar's axes."""
    matched: float
    """Overlap from which an anchor stands for an object."""
    unmatched: float
    """Overlap below which it stands for background; between the two it does not count."""


ANCHORS = {
    "car": Kind(3.9, 1.6, 1.56, -1.78, 0.6, 0.45),
    "pedestrian": Kind(0.8, 0.6, 1.73, -0.6, 0.5, 0.35),
    "cyclist": Kind(1.76, 0.6, 1.73, -0.6, 0.5, 0.35),
}
BACKGROUND, NO_COUNT = 0, -1


class Targets(NamedTuple):
    """What a network should say of each anchor."""

    labels: Tensor
    """int8 (scenes, anchors): 1 + class, `BACKGROUND`, or `NO_COUNT`."""
    scenes: Tensor
    """int64 (positive anchors,): their scene, ascending."""
    anchors: Tensor
    """int64 (positive anchors,): their number."""
    classes: Tensor
    """int64 (positive anchors,)."""
    codes: Tensor
    """(positive anchors, 7): the object as seen from the anchor."""
    directions: Tensor
    """int64 (positive anchors,): which half turn the object's yaw is in."""


@cache
def anchor_boxes(area: Area) -> Tensor:
    """All anchors, (rows * columns * 6, 7), float32: by row, column, class and yaw."""
    x = (torch.arange(area.columns // area.stride) + 0.5) * area.apart_m
    y = (torch.arange(area.rows // area.stride) + 0.5) * area.apart_m - area.sideways_m
    own = torch.tensor(
        [
            [each.bottom + each.height / 2, each.length, each.width, each.height, turn * math.pi / 2]
            for each in ANCHORS.values()
            for turn in range(TURNS)
        ]
    )
    shape = (len(y), len(x), PER_PLACE)
    boxes = torch.cat(
        [
            x[None, :, None, None].expand(*shape, 1),
            y[:, None, None, None].expand(*shape, 1),
            own[None, None].expand(*shape, 5),
        ],
        dim=-1,
    )
    return boxes.reshape(-1, 7)


def targets_of(batch: Batch) -> Targets:
    """What a network should say of a batch: objects of the classes with at least one point in them.

    Overlaps are those of boxes whose yaw is rounded to a quarter turn, looked at near each object alone.
    Each object's best anchors stand for it however small their overlap.
    """
    area = batch.area
    device = batch.boxes.device
    learnt = ((batch.kinds < len(CLASSES)) & (batch.counts > 0)).nonzero()[:, 0]
    boxes, kinds, scenes = (each.index_select(0, learnt) for each in (batch.boxes, batch.kinds, batch.scenes))
    rows, columns = area.rows // area.stride, area.columns // area.stride
    anchors = rows * columns * PER_PLACE
    best = torch.zeros(len(batch) * anchors, device=device)
    object_of = torch.full_like(best, -1, dtype=torch.long)
    thresholds = torch.tensor([(each.matched, each.unmatched) for each in ANCHORS.values()], device=device)
    if len(boxes):
        shared, numbers = _near_overlaps(boxes, kinds, area)
        numbers = torch.where(numbers < 0, 0, numbers + scenes[:, None] * anchors)
        best.scatter_reduce_(0, numbers.flatten(), shared.flatten(), "amax")
        objects = torch.arange(len(boxes), device=device)[:, None].expand_as(numbers)
        matched = (shared >= thresholds[kinds, 0, None]) & (shared == best[numbers])
        object_of[numbers[matched]] = objects[matched]
        largest = shared.amax(dim=1, keepdim=True)
        forced = (shared == largest) & (largest > 0)
        object_of[numbers[forced]] = objects[forced]
    positive = (object_of >= 0).nonzero()[:, 0]
    stands_for = object_of.index_select(0, positive)
    of_anchor = torch.arange(PER_PLACE, device=device) // TURNS
    unmatched = thresholds[of_anchor, 1].repeat(len(batch) * rows * columns)
    labels = torch.where(best >= unmatched, NO_COUNT, BACKGROUND).to(torch.int8)
    classes = kinds.index_select(0, stands_for)
    labels[positive] = (classes + 1).to(torch.int8)
    number = positive % anchors
    chosen = boxes.index_select(0, stands_for)
    return Targets(
        labels.view(len(batch), anchors),
        positive // anchors,
        number,
        classes,
        coded(chosen, anchor_boxes(area).to(device).index_select(0, number)),
        direction_of(chosen[:, 6]),
    )


def _near_overlaps(boxes: Tensor, kinds: Tensor, area: Area) -> tuple[Tensor, Tensor]:
    """Overlap with the anchors of its class around each object, and their numbers, -1 outside the area.

    Returns:
        Both (objects, anchors around).
    """
    device = boxes.device
    sizes = torch.tensor([(each.length, each.width) for each in ANCHORS.values()], device=device)[kinds]
    turned = torch.round(boxes[:, 6] / (math.pi / 2)).long() % 2 == 1
    own = torch.where(turned[:, None], boxes[:, [4, 3]], boxes[:, [3, 4]])  # (objects, x and y)
    anchors = torch.stack([sizes, sizes.flip(1)], dim=1)  # (objects, turns, x and y)
    reach = int(((own[:, None] + anchors) / 2 / area.apart_m).amax()) + 1
    steps = torch.arange(-reach, reach + 1, device=device)
    shared, places, inside = [], [], []
    for axis, (low, count) in enumerate(
        ((0.0, area.columns // area.stride), (-area.sideways_m, area.rows // area.stride))
    ):
        place = torch.floor((boxes[:, axis] - low) / area.apart_m).long()[:, None] + steps
        centre = (place + 0.5) * area.apart_m + low  # (objects, around)
        apart = (centre - boxes[:, axis, None]).abs()[:, None]  # (objects, 1, around)
        one, two = own[:, axis, None, None] / 2, anchors[:, :, axis, None] / 2
        shared.append(torch.minimum(torch.minimum(one + two - apart, 2 * one), 2 * two).clamp(min=0))
        places.append(place)
        inside.append((place >= 0) & (place < count))
    both = shared[1][..., :, None] * shared[0][..., None, :]  # (objects, turns, rows, columns)
    whole = (own.prod(dim=1) + sizes.prod(dim=1))[:, None, None, None] - both
    fits = inside[1][:, None, :, None] & inside[0][:, None, None, :]
    place = places[1][:, :, None] * (area.columns // area.stride) + places[0][:, None, :]
    turn = torch.arange(TURNS, device=device)[None, :, None, None]
    number = (place[:, None] * len(CLASSES) + kinds[:, None, None, None]) * TURNS + turn
    found = torch.where(fits, both / whole, 0.0)
    return found.flatten(1), torch.where(fits, number, -1).flatten(1)


def coded(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Boxes as seen from anchors, both (n, 7): offsets in diagonals and heights, log ratios, turn."""
    diagonal = torch.hypot(anchors[:, 3], anchors[:, 4])[:, None]
    return torch.cat(
        [
            (boxes[:, :2] - anchors[:, :2]) / diagonal,
            (boxes[:, 2:3] - anchors[:, 2:3]) / anchors[:, 5:6],
            torch.log(boxes[:, 3:6] / anchors[:, 3:6]),
            boxes[:, 6:7] - anchors[:, 6:7],
        ],
        dim=1,
    )


def decoded(codes: Tensor, anchors: Tensor, directions: Tensor) -> Tensor:
    """The boxes that codes stand for: the inverse of `coded`, yaw up to whole turns.

    Args:
        codes: (n, 7).
        anchors: (n, 7).
        directions: 0 or 1, (n,): of each box, as `direction_of` counts.
    """
    diagonal = torch.hypot(anchors[:, 3], anchors[:, 4])[:, None]
    ratios = codes[:, 3:6].clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    yaw = torch.remainder(codes[:, 6] + anchors[:, 6] - DIRECTION_OFFSET, math.pi)
    return torch.cat(
        [
            codes[:, :2] * diagonal + anchors[:, :2],
            codes[:, 2:3] * anchors[:, 5:6] + anchors[:, 2:3],
            torch.exp(ratios) * anchors[:, 3:6],
            (yaw + DIRECTION_OFFSET + math.pi * directions)[:, None],
        ],
        dim=1,
    )


def direction_of(yaw: Tensor) -> Tensor:
    """Which half turn from `DIRECTION_OFFSET` on a yaw lies in: 0 or 1."""
    turned = torch.remainder(yaw - DIRECTION_OFFSET, 2 * math.pi)
    return torch.floor(turned / math.pi).long().clamp(0, 1)
