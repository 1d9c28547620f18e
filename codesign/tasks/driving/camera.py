"""From the lidar to the camera and its image.

Lidar: x forward, y left, z up. Camera, as KITTI's labels: x right, y down, z forward. Objects and detections
are compared in the camera's axes turned upright (x right, y forward, z up), where a box is a row of seven
numbers as everywhere (`codesign.tasks.driving.boxes`).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEAREST_M = 0.1
"""Depth at which corners nearer to the camera, or behind it, are projected."""


class Camera(NamedTuple):
    """Where the camera is and what its image shows."""

    to_camera: NDArray
    """Lidar to camera, R0 Tr, shape (3, 4)."""
    projection: NDArray
    """Camera to image, P2, shape (3, 4)."""
    image: NDArray
    """Width and height in pixels, shape (2,)."""


def in_view(points: NDArray, camera: Camera) -> NDArray:
    """Whether lidar points, rows that begin with x, y, z, are in the camera's image, shape (n,)."""
    pixels, depth = _pixels(_moved(points[:, :3], camera.to_camera), camera.projection)
    width, height = camera.image
    return (
        (depth > 0)
        & (pixels[:, 0] >= 0)
        & (pixels[:, 0] < width)
        & (pixels[:, 1] >= 0)
        & (pixels[:, 1] < height)
    )


def lidar_boxes(location: NDArray, sizes: NDArray, turn: NDArray, camera: Camera) -> NDArray:
    """Labels as boxes in the lidar's axes, shape (n, 7).

    Args:
        location: Middle of the bottom in the camera's axes, shape (n, 3).
        sizes: Height, width, length, as labels have them, shape (n, 3).
        turn: Rotation about the camera's y axis, radians, shape (n,).
        camera: Of the scene.
    """
    rotation, shift = camera.to_camera[:, :3], camera.to_camera[:, 3]
    centre = np.linalg.solve(rotation, (location - shift).T).T
    centre[:, 2] += sizes[:, 0] / 2
    return np.column_stack([centre, sizes[:, ::-1], -turn - math.pi / 2])


def upright_labels(location: NDArray, sizes: NDArray, turn: NDArray) -> NDArray:
    """Labels as boxes in upright camera axes, arguments as above, shape (n, 7)."""
    x, y, z = location.T
    return np.column_stack([x, z, sizes[:, 0] / 2 - y, sizes[:, ::-1], -turn])


def upright_boxes(boxes: NDArray, camera: Camera) -> NDArray:
    """Boxes of the lidar's axes as what a label of them would give, shape (n, 7)."""
    x, y, z = _moved(_bottoms(boxes), camera.to_camera).T
    return np.column_stack([x, z, boxes[:, 5] / 2 - y, boxes[:, 3:6], boxes[:, 6] + math.pi / 2])


def image_boxes(upright: NDArray, camera: Camera) -> tuple[NDArray, NDArray]:
    """Rectangles in the image around boxes of upright camera axes.

    Returns:
        left, top, right, bottom in pixels, cut off at the image's edges, shape (n, 4); and the share of each
        rectangle's area that was cut off, shape (n,).
    """
    x, y, z, length, width, height, yaw = upright.T[..., None]
    along = np.array([1, 1, -1, -1] * 2) / 2 * length
    across = np.array([1, -1, -1, 1] * 2) / 2 * width
    cos, sin = np.cos(yaw), np.sin(yaw)
    corner = np.stack(
        [
            x + cos * along - sin * across,
            -(z + np.repeat([-0.5, 0.5], 4) * height),
            np.maximum(y + sin * along + cos * across, NEAREST_M),
        ],
        axis=-1,
    )  # (n, 8, 3), camera
    pixels, _ = _pixels(corner.reshape(-1, 3), camera.projection)
    pixels = pixels.reshape(-1, 8, 2)
    whole = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    cut = np.clip(whole, 0, np.tile(camera.image - 1, 2))
    area, left = ((each[:, 2] - each[:, 0]) * (each[:, 3] - each[:, 1]) for each in (whole, cut))
    return cut, 1 - left / np.maximum(area, 1e-9)


def _bottoms(boxes: NDArray) -> NDArray:
    return boxes[:, :3] - np.column_stack([np.zeros((len(boxes), 2)), boxes[:, 5] / 2])


def _moved(points: NDArray, matrix: NDArray) -> NDArray:
    return points @ matrix[:, :3].T + matrix[:, 3]


def _pixels(points: NDArray, projection: NDArray) -> tuple[NDArray, NDArray]:
    found = _moved(points, projection)
    depth = found[:, 2]
    return found[:, :2] / np.where(depth == 0, NEAREST_M, depth)[:, None], depth
