"""KITTI's object frames as they are published: velodyne, label_2 and calib below `training`.

Source:
    Geiger, Lenz, Urtasun (2012), CVPR; the readme of the object development kit.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from codesign.seeds import derived_seed
from codesign.tasks.contract import DataSettings
from codesign.tasks.driving.boxes import inside
from codesign.tasks.driving.camera import Camera, in_view, lidar_boxes, upright_labels
from codesign.tasks.driving.precision import DIFFICULTIES, KINDS
from codesign.tasks.driving.scenes import Scene
from codesign.tasks.remote import DataError

DECODED = 1
"""Version of what is made of a frame: part of the name under which scenes are kept."""
FOLDER = "kitti"
"""Below a mirror; holds `training` and, for the split, `ImageSets`."""
WHERE = (
    "put KITTI's object data (www.cvlibs.net/datasets/kitti, registration needed) into "
    "kitti/training/velodyne, label_2 and calib of a mirror folder"
)
SPLITS = ("files", "drawn")
IMAGE = (1242.0, 375.0)
"""Width and height where there is no image_2 to read them from."""
POINT_BYTES = 16
COLUMNS = 15
"""Of a line of labels: type, truncation, occlusion, angle, a rectangle, sizes, place, turn."""
MATRICES = {"P2": 12, "R0_rect": 9, "Tr_velo_to_cam": 12}
TURN_TOLERANCE = 1e-3
"""How far a rotation read from text may be from one."""
LARGEST_TURN = 2 * math.pi
"""Of an object, either way; KITTI's own stay within half of it. More are degrees."""
SHORT = {"002155": "4ed66dd202fa6a1eb6fde37ffa8f98b11651f2e0b90f4df59ec2cf583654b12f"}
"""Frames of which copies with lines missing from the labels go about, and the sha256 of such a copy: objects
that are not labelled would count as false detections, so it is never scored."""


class Labels(NamedTuple):
    """Objects of one frame as its file has them, those that are no object (DontCare) left out."""

    kinds: NDArray
    """Number in KINDS, shape (n,)."""
    truncation: NDArray
    occlusion: NDArray
    rectangles: NDArray
    """left, top, right, bottom in pixels, shape (n, 4)."""
    sizes: NDArray
    """Height, width, length in metres, shape (n, 3)."""
    location: NDArray
    """Middle of the bottom in the camera's axes, shape (n, 3)."""
    turn: NDArray
    """About the camera's y axis, radians, shape (n,)."""


def folder_of(settings: DataSettings) -> Path:
    """The folder with `training`.

    Raises:
        DataError: There is no mirror, or nothing of KITTI in it.
    """
    if settings.mirror is None:
        raise DataError(f"KITTI is read from a mirror and none is named: {WHERE}")
    folder = settings.mirror / FOLDER
    if not (folder / "training" / "velodyne").is_dir():
        raise DataError(f"{folder}/training/velodyne is missing: {WHERE}")
    return folder


def frames_of(settings: DataSettings, part: str) -> list[str]:
    """Frames of train, validation or test.

    The option `split`: `files` reads ImageSets/train.txt and val.txt, which is tested on; `drawn` tests on
    half of the frames. Validation frames are drawn from the others. `train_size` and `test_size` take that
    many.

    Raises:
        DataError: A file is missing, or names a frame that is not there.
        ValueError: More frames are asked for than there are, or another split.
    """
    folder, split = folder_of(settings), settings.needed("split")
    clouds = folder / "training" / "velodyne"
    there = sorted(path.stem for path in clouds.glob("*.bin") if not path.name.startswith("."))
    if not there:
        raise DataError(f"{clouds} has no *.bin: {WHERE}")
    if split not in SPLITS:
        raise ValueError(f"split must be {' or '.join(SPLITS)}, got {split!r}")
    if split == "files":
        learning, tested = (_listed(folder, name, there) for name in ("train", "val"))
        both = sorted(set(learning) & set(tested))
        if both:
            raise DataError(f"{folder}/ImageSets: train.txt and val.txt both name {both[0]}")
    else:
        order = _order(len(there), settings, "split")
        half = len(there) // 2
        learning, tested = (sorted(there[k] for k in each) for each in (order[half:], order[:half]))
    if part == "test":
        return _some(tested, settings.options.get("test_size"), settings, part)
    order = _order(len(learning), settings, "validation")
    number = max(1, round(settings.validation_fraction * len(learning)))
    chosen = order[:number] if part == "validation" else order[number:]
    frames = sorted(learning[k] for k in chosen)
    return (
        frames if part == "validation" else _some(frames, settings.options.get("train_size"), settings, part)
    )


def _listed(folder: Path, name: str, there: Sequence[str]) -> list[str]:
    path = folder / "ImageSets" / f"{name}.txt"
    if not path.is_file():
        raise DataError(
            f"{path} is missing; put the split's files train.txt and val.txt there, a frame a line, or say "
            "split: drawn"
        )
    known, found = set(there), []
    for number, line in enumerate(_lines(path), start=1):
        frame = line.strip()
        if frame and frame not in known:
            raise DataError(
                f"{path}, line {number}: frame {frame!r} has no {folder}/training/velodyne/{frame}.bin; put "
                "the frame there, or take the line out; a line is a frame's six digits, e.g. 000007"
            )
        found += [frame] if frame else []
    if not found:
        raise DataError(f"{path} names no frame; write one a line, e.g. 000007")
    return sorted(set(found))


def _order(number: int, settings: DataSettings, name: str) -> list[int]:
    generator = torch.Generator().manual_seed(derived_seed(settings.seed, "driving", "kitti", name))
    return torch.randperm(number, generator=generator).tolist()


def _some(frames: list[str], size: int | None, settings: DataSettings, part: str) -> list[str]:
    if size is None:
        return frames
    if size > len(frames):
        raise ValueError(f"{part}_size asks for {size} frames of KITTI, there are {len(frames)}")
    return sorted(frames[k] for k in _order(len(frames), settings, f"{part}-size")[:size])


def digest_of(folder: Path, frames: Sequence[str]) -> str:
    """sha256 over the frames' labels and calibrations and the sizes of their clouds and images.

    Raises:
        DataError: A file is missing, or an image is none; the message names it.
    """
    digest = hashlib.sha256()
    for frame in frames:
        for kind, suffix in (("label_2", "txt"), ("calib", "txt"), ("velodyne", "bin")):
            path = folder / "training" / kind / f"{frame}.{suffix}"
            if not path.is_file():
                raise DataError(f"frame {frame}: {path} is missing: {WHERE}")
            digest.update(f"{frame} {kind} ".encode())
            digest.update(path.read_bytes() if suffix == "txt" else f"{path.stat().st_size}".encode())
        width, height = _image_size(folder / "training", frame)
        digest.update(f"{width:g} x {height:g} ".encode())
    return digest.hexdigest()


def scenes_of(folder: Path, frames: Sequence[str]) -> list[Scene]:
    """These frames; the cloud is cut to what the image shows.

    Raises:
        DataError: A file is missing or not what it should be; the message names frame, file and line.
    """
    bar = tqdm(frames, desc="KITTI frames", unit="frame", disable=None)
    return [scene_of(folder / "training", frame) for frame in bar]


def may_be_scored(folder: Path, frame: str) -> bool:
    """Whether the labels of a frame are whole, as far as is known.

    Raises:
        DataError: There are none, where it matters.
    """
    if frame not in SHORT:
        return True
    labels = _labels_file(folder / "training", frame).read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha256(labels).hexdigest() != SHORT[frame]


def scene_of(training: Path, frame: str) -> Scene:
    """One frame. Where objects that are plain to see have no point in them, a line says so.

    Args:
        training: The folder with velodyne, label_2 and calib.
        frame: Six digits.

    Raises:
        DataError: A file is missing or not what it should be; the message names frame, file and line.
    """
    camera = read_camera(training, frame)
    points = read_points(training, frame)
    points = points[in_view(points.astype(float), camera)]
    if not len(points):
        raise DataError(
            f"frame {frame}: no point of velodyne/{frame}.bin is in the image; is calib/{frame}.txt of this "
            "frame?"
        )
    labels = read_labels(training, frame)
    upright = upright_labels(labels.location, labels.sizes, labels.turn)
    x, y, z = (points[:, :3].astype(float) @ camera.to_camera[:, :3].T + camera.to_camera[:, 3]).T
    standing = np.column_stack([x, z, -y])
    counts = np.array([inside(standing, box).sum() for box in upright], dtype=int)
    heights = labels.rectangles[:, 3] - labels.rectangles[:, 1]
    limits = DIFFICULTIES["moderate"]
    plain = (heights >= limits.height_px) & (labels.occlusion <= limits.occlusion)
    plain &= labels.truncation <= limits.truncation
    if plain.any() and not counts[plain].any():
        print(
            f"frame {frame}: there is no point in any of the {plain.sum()} objects of label_2/{frame}.txt "
            "that are easy or moderate; are labels, calibration and sweep of one frame?"
        )
    return Scene(
        points=points,
        kinds=labels.kinds,
        boxes=lidar_boxes(labels.location, labels.sizes, labels.turn, camera),
        upright=upright,
        heights_px=heights,
        occlusion=labels.occlusion,
        truncation=labels.truncation,
        counts=counts,
        camera=camera,
    )


def read_points(training: Path, frame: str) -> NDArray:
    """x, y, z and reflectance of a cloud, float32, shape (n, 4).

    Raises:
        DataError: The file is missing, is cut off, or holds a number that is not finite or no reflectance.
    """
    path = training / "velodyne" / f"{frame}.bin"
    if not path.is_file():
        raise DataError(f"frame {frame}: {path} is missing: {WHERE}")
    size = path.stat().st_size
    if size == 0 or size % POINT_BYTES:
        raise DataError(
            f"frame {frame}: {path} has {size} bytes, which is no whole number of points of {POINT_BYTES} "
            "bytes; copy it again"
        )
    points = np.fromfile(path, dtype="<f4").reshape(-1, 4).astype(np.float32)
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        raise DataError(
            f"frame {frame}: {path}, point {int(bad.argmax()) + 1} of {len(points)} is not finite "
            f"({bad.sum()} such points); copy it again"
        )
    outside = (points[:, 3] < 0) | (points[:, 3] > 1)
    if outside.any():
        number = int(outside.argmax())
        raise DataError(
            f"frame {frame}: {path}, point {number + 1} has the reflectance {points[number, 3]:g}; it must "
            "lie in 0 ... 1: divide whole numbers by 255, or copy KITTI's own file"
        )
    return points


def read_camera(training: Path, frame: str) -> Camera:
    """Where the camera is and what it shows.

    Raises:
        DataError: The file is missing, lacks a matrix, or a rotation in it is none.
    """
    path = training / "calib" / f"{frame}.txt"
    if not path.is_file():
        raise DataError(f"frame {frame}: the calibration {path} is missing: {WHERE}")
    found: dict[str, NDArray] = {}
    for number, line in enumerate(_lines(path), start=1):
        name, colon, rest = line.partition(":")
        if colon and name.strip() in MATRICES:
            found[name.strip()] = _numbers(rest.split(), MATRICES[name.strip()], f"{path}, line {number}")
    missing = [name for name in MATRICES if name not in found]
    if missing:
        raise DataError(f"frame {frame}: {path} has no line {missing[0]}:; copy it again")
    rectifying, mounting = found["R0_rect"].reshape(3, 3), found["Tr_velo_to_cam"].reshape(3, 4)
    for name, matrix in (("R0_rect", rectifying), ("Tr_velo_to_cam", mounting[:, :3])):
        if np.abs(matrix @ matrix.T - np.eye(3)).max() > TURN_TOLERANCE or np.linalg.det(matrix) < 0:
            raise DataError(f"frame {frame}: {path}: {name} is no rotation; copy it again")
    to_camera = rectifying @ mounting
    return Camera(to_camera, found["P2"].reshape(3, 4), np.array(_image_size(training, frame)))


def read_labels(training: Path, frame: str) -> Labels:
    """Objects of a frame.

    Raises:
        DataError: The file is missing, or a line of it is short or says what cannot be.
    """
    path = _labels_file(training, frame)
    kinds, rows = [], []
    for number, line in enumerate(_lines(path), start=1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {number}"
        values = _numbers(words[1:], COLUMNS - 1, where)
        name = words[0].lower()
        if name == "dontcare":
            continue
        if name not in KINDS:
            raise DataError(
                f"{where}: there is no kind of object {words[0]!r}; KITTI has {', '.join(KINDS)} and dontcare"
            )
        if values[1] not in (0, 1, 2, 3):
            raise DataError(f"{where}: occlusion must be 0, 1, 2 or 3, got {words[2]}")
        if not 0 <= values[0] <= 1:
            raise DataError(f"{where}: truncation must lie in 0 ... 1, got {words[1]}")
        if values[5] < values[3] or values[6] < values[4]:
            raise DataError(
                f"{where}: right and bottom must not be less than left and top, got {' '.join(words[4:8])}"
            )
        if not (values[7:10] > 0).all():
            raise DataError(
                f"{where}: height, width and length must be positive, got {' '.join(words[8:11])}"
            )
        if abs(values[13]) > LARGEST_TURN:
            raise DataError(f"{where}: the turn must be in radians, -pi ... pi, got {words[14]}")
        kinds.append(KINDS.index(name))
        rows.append(values)
    table = np.array(rows).reshape(-1, COLUMNS - 1)
    return Labels(
        np.array(kinds, dtype=int),
        table[:, 0],
        table[:, 1].astype(int),
        table[:, 3:7],
        table[:, 7:10],
        table[:, 10:13],
        table[:, 13],
    )


def _labels_file(training: Path, frame: str) -> Path:
    path = training / "label_2" / f"{frame}.txt"
    if not path.is_file():
        raise DataError(f"frame {frame}: the labels {path} are missing: {WHERE}")
    return path


def _lines(path: Path) -> list[str]:
    """Lines of a text file.

    Raises:
        DataError: It is no text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: no text in UTF-8 ({error.reason}); copy the file again"
        ) from None


def _numbers(words: Sequence[str], wanted: int, where: str) -> NDArray:
    if len(words) != wanted:
        raise DataError(f"{where}: {wanted} numbers are expected and {len(words)} found; copy the file again")
    try:
        found = np.array([float(word) for word in words])
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    if not np.isfinite(found).all():
        raise DataError(f"{where}: a number is not finite")
    return found


def _image_size(training: Path, frame: str) -> tuple[float, float]:
    """Width and height in the header of the frame's image, or those that most images have."""
    path = training / "image_2" / f"{frame}.png"
    if not path.is_file():
        return IMAGE
    with path.open("rb") as stream:
        head = stream.read(24)
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        raise DataError(f"frame {frame}: {path} is no PNG image; copy it again, or take it away")
    width, height = struct.unpack(">II", head[16:24])
    if not (width and height):
        raise DataError(f"frame {frame}: {path} is an image of {width} x {height} pixels; copy it again")
    return float(width), float(height)
