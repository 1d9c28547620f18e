"""Scenes from a synthetic lidar: boxes put together to cars, people and things, on tilted ground.

They are no measurements. Every result made from them says `synthetic`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codesign.seeds import generator
from codesign.tasks.driving.boxes import bev_overlaps, corners, inside
from codesign.tasks.driving.camera import (
    Camera,
    image_boxes,
    in_view,
    upright_boxes,
)
from codesign.tasks.driving.precision import KINDS
from codesign.tasks.driving.scenes import Scene

SCANNED = 1
"""Version of the scenes in all their numbers: part of the name under which they are kept. A change of any of
them needs another."""
BEAMS, HIGHEST_DEG, LOWEST_DEG = 48, 2.0, -24.8
STEP_DEG, SIDE_DEG = 0.3, 41.0
"""Between two columns of rays, and of the outermost ones."""
ABOVE_GROUND_M = 1.73
NOISE_M = 0.02
"""Standard deviation of a range."""
FARTHEST_M = 70.0
LOST, LOST_FAR = 0.03, 0.15
"""Share of rays without an echo, near and in addition at 40 m; the second grows with the square of range."""
SLOPE = 0.01
"""Standard deviation of the ground's rise forward and sideways."""
NEAREST_M, FARTHEST_OBJECT_M = 4.0, 39.5
"""Ahead of the lidar, where things stand: inside of what the network looks at (`task.AREAS`)."""
GAP_M = 0.3
"""Free around everything that stands on the ground."""
TRIES = 12
"""Places tried for a thing before it is left out."""
VISIBLE = (0.8, 0.5, 0.2)
"""Share of an object's rays that nothing else takes, from which its occlusion is 0, 1, 2; below it is 3."""
IMAGE = (1242.0, 375.0)
PROJECTION = (
    (721.5377, 0.0, 609.5593, 44.85728),
    (0.0, 721.5377, 172.854, 0.2163791),
    (0.0, 0.0, 1.0, 0.002745884),
)
"""Of KITTI's left colour camera."""
TO_CAMERA = ((0.0, -1.0, 0.0, 0.0), (0.0, 0.0, -1.0, -0.08), (1.0, 0.0, 0.0, -0.27))
"""The camera of an ideal mounting."""
CAMERA = Camera(np.array(TO_CAMERA), np.array(PROJECTION), np.array(IMAGE))
MEAN_NUMBER = {"car": 5.0, "pedestrian": 2.4, "cyclist": 1.9, "van": 0.3}
"""Objects a scene, before those that find no place."""
SIZES = {
    "car": ((3.9, 0.35), (1.62, 0.1), (1.53, 0.12)),
    "van": ((4.9, 0.4), (1.9, 0.1), (2.1, 0.15)),
    "pedestrian": ((0.8, 0.12), (0.62, 0.08), (1.74, 0.1)),
    "cyclist": ((1.76, 0.1), (0.6, 0.06), (1.73, 0.09)),
}
"""Mean and standard deviation of length, width and height."""
THINGS = {
    "pole": (4, (0.15, 0.35), (0.15, 0.35), (2.5, 6.0)),
    "bush": (3, (1.2, 3.0), (1.0, 2.5), (0.7, 2.0)),
    "container": (0.7, (2.4, 6.0), (2.2, 2.5), (2.2, 2.6)),
    "wall": (2, (6.0, 20.0), (0.2, 0.4), (1.5, 4.0)),
}
"""Mean number and ranges of length, width and height of what is not detected."""


class _Standing(NamedTuple):
    """Something on the ground."""

    kind: str
    box: NDArray
    """(7,)."""
    parts: NDArray
    """Boxes that it is made of, (n, 7)."""


def scenes_of(seed: int, part: str, number: int) -> list[Scene]:
    """So many scenes; the k-th of a part is the same whatever their number.

    Args:
        seed: Root seed.
        part: Names the draws.
        number: How many.
    """
    return [scene_of(generator(seed, "driving", part, k)) for k in range(number)]


def scene_of(rng: np.random.Generator) -> Scene:
    """One scene: what stands there, what the rays meet, and what of it is labelled."""
    slope = rng.normal(0, SLOPE, 2)
    standing = _standing(rng, slope)
    depth, owner, alone = _cast(standing, slope)
    points = _echoes(rng, depth, owner, len(standing))
    labelled = [k for k, thing in enumerate(standing) if thing.kind in KINDS]
    boxes = np.array([standing[k].box for k in labelled]).reshape(-1, 7)
    visible = np.bincount(owner[owner >= 0], minlength=len(standing))[labelled]
    share = visible / np.maximum(alone[labelled], 1)
    occlusion = np.where(alone[labelled] > 0, (share[:, None] < VISIBLE).sum(axis=1), len(VISIBLE))
    upright = upright_boxes(boxes, CAMERA)
    rectangles, truncation = image_boxes(upright, CAMERA)
    seen = in_view(points, CAMERA)
    points = points[seen]
    shown = (truncation < 1) & (rectangles[:, 2] > rectangles[:, 0])
    counts = np.array([inside(points, box).sum() for box in boxes], dtype=int)
    kinds = np.array([KINDS.index(standing[k].kind) for k in labelled], dtype=int)
    heights = rectangles[:, 3] - rectangles[:, 1]
    columns = (kinds, boxes, upright, heights, occlusion, truncation, counts)
    return Scene(points.astype(np.float32), *(column[shown] for column in columns), CAMERA)


def _standing(rng: np.random.Generator, slope: NDArray) -> list[_Standing]:
    """What stands on the ground, none in another."""
    wanted = [name for name, mean in MEAN_NUMBER.items() for _ in range(rng.poisson(mean))]
    wanted = [wanted[k] for k in rng.permutation(len(wanted))]
    wanted += [name for name, (mean, *_) in THINGS.items() for _ in range(rng.poisson(mean))]
    placed: list[_Standing] = []
    grown = np.zeros((0, 7))
    for kind in wanted:
        sizes = _sizes(rng, kind)
        for _ in range(TRIES):
            x, y, yaw = _place(rng, kind)
            box = np.array([x, y, 0.0, *sizes, yaw])
            around = box + GAP_M * np.array([0, 0, 0, 1, 1, 0, 0])
            if np.hypot(*corners(box[None])[0].T).min() < NEAREST_M / 2:
                continue
            if len(grown) and bev_overlaps(grown, np.tile(around, (len(grown), 1))).max() > 0:
                continue
            box[2] = slope @ box[:2] - ABOVE_GROUND_M + box[5] / 2
            grown = np.vstack([grown, around])
            placed.append(_Standing(kind, box, _parts(rng, kind, box)))
            break
    return placed


def _sizes(rng: np.random.Generator, kind: str) -> list[float]:
    if kind in SIZES:
        return [rng.normal(mean, spread) for mean, spread in SIZES[kind]]
    return [rng.uniform(*bounds) for bounds in THINGS[kind][1:]]


def _place(rng: np.random.Generator, kind: str) -> tuple[float, float, float]:
    """Where something stands and how it is turned."""
    x = rng.uniform(NEAREST_M, FARTHEST_OBJECT_M)
    widest = min(19.5, 0.84 * x)
    if kind == "wall":
        side = rng.choice([-1, 1]) * rng.uniform(min(7.0, widest), max(7.5, widest))
        return x + 8.0, side, rng.normal(0, 0.05) + rng.choice([0, 0, math.pi / 2])
    y = rng.uniform(-widest, widest)
    if kind in ("car", "van", "cyclist") and rng.uniform() < 0.85:
        return x, y, rng.normal(0, 0.08) + rng.choice([0, math.pi])  # along the road
    return x, y, rng.uniform(-math.pi, math.pi)


def _parts(rng: np.random.Generator, kind: str, box: NDArray) -> NDArray:
    """What something is made of: boxes with their reflectance in place of nothing, (n, 8).

    Parts are given along, across and up from the middle of the bottom, as shares of the box's sizes: three
    places of the middle, then three sizes.
    """
    if kind in ("car", "van"):
        cabin = rng.uniform(0.45, 0.6) if kind == "car" else rng.uniform(0.65, 0.75)
        back = rng.uniform(-0.5 + cabin / 2, -0.1) if kind == "car" else -0.5 + cabin / 2 + 0.02
        hood = rng.uniform(0.44, 0.5)
        shares = [
            (-0.14, 0, 0.37, 0.72, 1, 0.4),  # body
            (0.36, 0, (0.17 + hood) / 2, 0.28, 0.97, hood - 0.17),  # front, a little lower
            (back, 0, 0.78, cabin, 0.86, 0.44),
            *((a * 0.31, b * 0.43, 0.2, 0.17, 0.12, 0.4) for a in (-1, 1) for b in (-1, 1)),
        ]
    elif kind == "pedestrian":
        step = rng.uniform(0.1, 0.3)
        shares = [
            (step, 0.15, 0.24, 0.2, 0.24, 0.48),
            (-step, -0.15, 0.24, 0.2, 0.24, 0.48),
            (0, 0, 0.65, 0.36, 0.68, 0.36),
            (0.06, 0, 0.92, 0.28, 0.32, 0.16),
            (0.24, 0.36 * rng.choice([-1, 1]), 0.6, 0.5, 0.18, 0.1),  # an arm before the body
        ]
    elif kind == "cyclist":
        shares = [
            (-0.3, 0, 0.19, 0.38, 0.1, 0.38),
            (0.3, 0, 0.19, 0.38, 0.1, 0.38),
            (0, 0, 0.38, 0.6, 0.1, 0.12),
            (0.27, 0, 0.57, 0.08, 0.95, 0.06),  # handlebar
            (-0.08, 0, 0.68, 0.3, 0.75, 0.36),
            (0.04, 0, 0.93, 0.15, 0.35, 0.14),
            (0.0, 0.2, 0.35, 0.2, 0.2, 0.34),
            (0.0, -0.2, 0.35, 0.2, 0.2, 0.34),
        ]
    elif kind == "bush":
        shares = [
            (*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.2, 0.75), *rng.uniform(0.2, 0.45, 3)) for _ in range(9)
        ]
    else:
        shares = [(0, 0, 0.5, 1, 1, 1)]
    shares = np.array(shares, dtype=float)
    offsets, sizes = shares[:, :3] * box[3:6], shares[:, 3:] * box[3:6]
    cos, sin = math.cos(box[6]), math.sin(box[6])
    x = box[0] + cos * offsets[:, 0] - sin * offsets[:, 1]
    y = box[1] + sin * offsets[:, 0] + cos * offsets[:, 1]
    z = box[2] - box[5] / 2 + offsets[:, 2]
    return np.column_stack([x, y, z, sizes, np.full(len(shares), box[6])])


def _directions() -> tuple[NDArray, NDArray]:
    """Elevations from the highest down, and azimuths, in radians."""
    azimuth = np.arange(round(2 * SIDE_DEG / STEP_DEG) + 1) * STEP_DEG - SIDE_DEG
    return np.radians(np.linspace(HIGHEST_DEG, LOWEST_DEG, BEAMS)), np.radians(azimuth)


def _cast(standing: Sequence[_Standing], slope: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """How far each ray comes.

    Returns:
        Range in metres, (beams, columns), infinite where nothing is met; number of what is met, -1 for
        ground, -2 for nothing; and how many rays would meet each thing if it stood there alone.
    """
    elevation, azimuth = _directions()
    forward, sideways = np.cos(azimuth), np.sin(azimuth)
    flat, rise = np.cos(elevation)[:, None], np.sin(elevation)[:, None]
    fall = flat * (slope[0] * forward + slope[1] * sideways) - rise
    depth = np.where(fall > 0, ABOVE_GROUND_M / np.maximum(fall, 1e-9), np.inf)
    owner = np.where(depth < np.inf, -1, -2)
    alone = np.zeros(len(standing), dtype=int)
    for number, thing in enumerate(standing):
        met = np.zeros(depth.shape, dtype=bool)
        for part in thing.parts:
            rows, columns = _window(part, elevation, azimuth)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            reach = _reach(part, flat[rows] * forward[columns], flat[rows] * sideways[columns], rise[rows])
            met[rows, columns] |= reach < np.inf
            nearer = reach < depth[rows, columns]
            depth[rows, columns] = np.where(nearer, reach, depth[rows, columns])
            owner[rows, columns] = np.where(nearer, number, owner[rows, columns])
        alone[number] = met.sum()
    return depth, owner, alone


def _window(part: NDArray, elevation: NDArray, azimuth: NDArray) -> tuple[slice, slice]:
    """Beams and columns of rays that may meet a box which does not surround the lidar."""
    corner = corners(part[None])[0]
    angles = np.arctan2(corner[:, 1], corner[:, 0])
    middle = math.atan2(part[1], part[0])
    reach = np.hypot(part[3], part[4]) / 2
    distance = np.hypot(part[0], part[1])
    near, far = max(distance - reach, 0.1), distance + reach
    top, bottom = part[2] + part[5] / 2, part[2] - part[5] / 2
    highest = math.atan2(top, near if top > 0 else far)
    lowest = math.atan2(bottom, far if bottom > 0 else near)
    apart = np.angle(np.exp(1j * (angles - middle)))
    columns = np.searchsorted(azimuth, [middle + apart.min() - 1e-9, middle + apart.max() + 1e-9])
    rows = np.searchsorted(-elevation, [-highest - 1e-9, -lowest + 1e-9])
    return slice(*rows.tolist()), slice(*columns.tolist())


def _reach(part: NDArray, x: NDArray, y: NDArray, z: NDArray) -> NDArray:
    """Distance to a box along rays of these directions, infinite where they miss it."""
    cos, sin = math.cos(part[6]), math.sin(part[6])
    first, last = np.full(x.shape, 1e-6), np.full(x.shape, np.inf)
    for direction, middle, half in (
        (cos * x + sin * y, cos * part[0] + sin * part[1], part[3] / 2),
        (cos * y - sin * x, cos * part[1] - sin * part[0], part[4] / 2),
        (np.broadcast_to(z, x.shape), part[2], part[5] / 2),
    ):
        safe = np.where(np.abs(direction) < 1e-12, 1e-12, direction)
        one, two = (middle - half) / safe, (middle + half) / safe
        first, last = np.maximum(first, np.minimum(one, two)), np.minimum(last, np.maximum(one, two))
    return np.where(first <= last, first, np.inf)


def _echoes(rng: np.random.Generator, depth: NDArray, owner: NDArray, things: int) -> NDArray:
    """Points, (n, 4)."""
    elevation, azimuth = _directions()
    there = depth < FARTHEST_M
    lost = LOST + LOST_FAR * (np.where(there, depth, 0) / 40) ** 2
    there &= rng.uniform(size=depth.shape) >= lost
    beam, column = np.nonzero(there)
    owners = owner[beam, column]
    ranges = depth[beam, column] + rng.normal(0, NOISE_M, len(beam))
    flat = np.cos(elevation[beam])
    directions = np.stack(
        [flat * np.cos(azimuth[column]), flat * np.sin(azimuth[column]), np.sin(elevation[beam])], axis=1
    )
    brightness = np.append(rng.uniform(0.05, 0.6, things), rng.uniform(0.15, 0.35))  # the last of the ground
    reflectance = np.clip(brightness[owners] + rng.normal(0, 0.05, len(owners)), 0, 1)
    return np.column_stack([ranges[:, None] * directions, reflectance])
