"""Boxes that stand upright and are turned about the vertical: corners, overlaps, what to keep of many.

A box is a row of seven numbers: centre x, y, z and length, width, height in metres, then yaw in radians, from
the x axis towards y. Length lies along the yaw, z points up.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNS = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) / 2
"""Of the four corners in a box's own axes, counter-clockwise, in lengths and widths."""
SIZE = 7
"""Numbers of a box."""
ROUNDING_M2 = 1e-12
"""Shared areas up to this are none: boxes apart from each other come to as much by rounding."""


def corners(boxes: ArrayLike) -> NDArray:
    """Corners from above, counter-clockwise, shape (n, 4, 2)."""
    boxes = _checked(boxes)
    cos, sin = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
    x, y = (SIGNS * boxes[:, None, 3:5]).transpose(2, 0, 1)
    turned = np.stack([cos[:, None] * x - sin[:, None] * y, sin[:, None] * x + cos[:, None] * y], axis=-1)
    return boxes[:, None, :2] + turned


def shared_areas(first: ArrayLike, second: ArrayLike) -> NDArray:
    """Area from above that boxes have in common, pair by pair, in square metres, shape (n,).

    In the axes of the second box, half as long as a and half as wide as b, Green's theorem gives the area as
    a sum over the edges of the first: the integral over dy of x cut off at ±a, along that part of an edge
    where |y| < b. Nothing is sorted, and no case is special: the sum is continuous in every number.

    Args:
        first: Boxes, shape (n, 7).
        second: As many.
    """
    first, second = _checked(first), _checked(second)
    if not len(first):
        return np.zeros(0)
    relative = first.copy()
    cos, sin = np.cos(second[:, 6]), np.sin(second[:, 6])
    dx, dy = (first[:, :2] - second[:, :2]).T
    relative[:, 0], relative[:, 1] = cos * dx + sin * dy, cos * dy - sin * dx
    relative[:, 6] = first[:, 6] - second[:, 6]
    start = corners(relative)
    step = np.roll(start, -1, axis=1) - start
    a, b = second[:, 3, None] / 2, second[:, 4, None] / 2
    # the part of each edge with |y| <= b, as shares of the edge
    begin, rise = start[..., 1], step[..., 1]
    low, high = _crossings(begin, rise, b)
    dy = np.clip(begin + rise, -b, b) - np.clip(begin, -b, b)
    x0 = start[..., 0] + low * step[..., 0]
    run = (high - low) * step[..., 0]
    # the mean along it of x cut off at ±a, over the three parts between which it bends
    one, two = _crossings(x0, run, a)
    x = [np.clip(x0 + share * run, -a, a) for share in (0.0, one, two, 1.0)]
    mean = one * (x[0] + x[1]) + (two - one) * (x[1] + x[2]) + (1 - two) * (x[2] + x[3])
    area = (mean / 2 * dy).sum(axis=1)
    return np.where(area > ROUNDING_M2, area, 0.0)


def _crossings(start: NDArray, step: NDArray, bound: NDArray) -> tuple[NDArray, NDArray]:
    """Shares of the way from start to start + step at which |value| <= bound begins and ends, in [0, 1]."""
    safe = np.where(step == 0, 1.0, step)
    ends = np.stack([(-bound - start) / safe, (bound - start) / safe])
    ends.sort(axis=0)
    low, high = np.clip(ends, 0.0, 1.0)
    still = step == 0
    return np.where(still, 0.0, low), np.where(still, 1.0, high)


def bev_overlaps(first: ArrayLike, second: ArrayLike) -> NDArray:
    """Intersection over union from above, pair by pair, shape (n,), 0 ... 1."""
    first, second = _checked(first), _checked(second)
    shared = shared_areas(first, second)
    return shared / (first[:, 3] * first[:, 4] + second[:, 3] * second[:, 4] - shared)


def overlaps(first: ArrayLike, second: ArrayLike) -> tuple[NDArray, NDArray]:
    """Intersection over union from above and in space, pair by pair, each of shape (n,), 0 ... 1."""
    first, second = _checked(first), _checked(second)
    shared = shared_areas(first, second)
    areas = first[:, 3] * first[:, 4], second[:, 3] * second[:, 4]
    top = np.minimum(first[:, 2] + first[:, 5] / 2, second[:, 2] + second[:, 5] / 2)
    bottom = np.maximum(first[:, 2] - first[:, 5] / 2, second[:, 2] - second[:, 5] / 2)
    volume = shared * np.maximum(top - bottom, 0.0)
    whole = areas[0] * first[:, 5] + areas[1] * second[:, 5] - volume
    return shared / (areas[0] + areas[1] - shared), volume / whole


def near_pairs(
    first: NDArray, second: NDArray, first_scene: NDArray, second_scene: NDArray
) -> tuple[NDArray, NDArray]:
    """Numbers of all pairs of one scene whose circumscribed circles meet: no others overlap.

    Args:
        first: Boxes, shape (n, 7).
        second: Boxes, shape (m, 7).
        first_scene: Scene of each, ascending, shape (n,).
        second_scene: The same, shape (m,).

    Returns:
        Two arrays of equal length, by the first and then by the second.
    """
    begin = np.searchsorted(second_scene, first_scene, side="left")
    count = np.searchsorted(second_scene, first_scene, side="right") - begin
    one = np.repeat(np.arange(len(first)), count)
    two = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    reach = _radii(first)[one] + _radii(second)[two]
    difference = first[one, :2] - second[two, :2]
    near = (difference**2).sum(axis=1) < reach**2
    return one[near], two[near]


def suppressed(
    boxes: ArrayLike, scores: ArrayLike, scenes: ArrayLike, *, overlap: float, most: int
) -> NDArray:
    """Numbers of the boxes kept by non-maximum suppression: the best, the best that does not overlap it ...

    Scenes are treated side by side: in each round every scene keeps its best box that is left and drops what
    overlaps it.

    Args:
        boxes: Shape (n, 7), of any class.
        scores: Shape (n,); of equals the first is better.
        scenes: Scene of each box, shape (n,).
        overlap: Intersection over union from above; what has more with a box that is kept is dropped.
        most: Kept in a scene.

    Returns:
        By scene, in each from the highest score down.
    """
    boxes, scores, scenes = _checked(boxes), np.asarray(scores), np.asarray(scenes)
    left = np.lexsort((-scores, scenes))
    kept = []
    for _ in range(most):
        if not len(left):
            break
        scene = scenes[left]
        best = np.flatnonzero(np.r_[True, scene[1:] != scene[:-1]])
        kept.append(left[best])
        of = np.repeat(np.arange(len(best)), np.diff(np.r_[best, len(left)]))
        leader = left[best][of]
        reach = _radii(boxes[left]) + _radii(boxes[leader])
        near = ((boxes[left, :2] - boxes[leader, :2]) ** 2).sum(axis=1) < reach**2
        stays = np.ones(len(left), dtype=bool)
        stays[best] = False
        near &= stays
        stays[near] = bev_overlaps(boxes[left[near]], boxes[leader[near]]) <= overlap
        left = left[stays]
    if not kept:
        return np.zeros(0, dtype=int)
    found = np.concatenate(kept)
    return found[np.argsort(scenes[found], kind="stable")]


def inside(points: ArrayLike, box: ArrayLike) -> NDArray:
    """Whether each point (a row that begins with x, y, z) is in the box or on its surface, shape (n,)."""
    points = np.asarray(points)
    x, y, z, length, width, height, yaw = np.asarray(box, dtype=float)
    dx, dy = points[:, 0] - x, points[:, 1] - y
    cos, sin = math.cos(yaw), math.sin(yaw)
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    return (
        (np.abs(along) <= length / 2)
        & (np.abs(across) <= width / 2)
        & (np.abs(points[:, 2] - z) <= height / 2)
    )


def _radii(boxes: NDArray) -> NDArray:
    return np.hypot(boxes[:, 3], boxes[:, 4]) / 2


def _checked(boxes: ArrayLike) -> NDArray:
    found = np.asarray(boxes, dtype=float)
    if found.ndim != 2 or found.shape[1] != SIZE:
        raise ValueError(f"boxes must have shape (n, {SIZE}), got {found.shape}")
    return found
