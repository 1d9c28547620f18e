"""Average precision as the KITTI benchmark counts it, and a form of it for small sets.

Source:
    The object development kit of KITTI (Geiger et al. 2012), `evaluate_object.cpp`; Simonelli et al. (2019),
    arXiv 1905.12365, for the forty recall positions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codesign.tasks.driving.boxes import near_pairs, overlaps

CLASSES = ("car", "pedestrian", "cyclist")
"""What is detected."""
KINDS = (*CLASSES, "van", "person_sitting", "truck", "tram", "misc")
"""What may be labelled."""
NEIGHBOURS = {"car": "van", "pedestrian": "person_sitting", "cyclist": None}
"""A detection on one of these is neither right nor wrong."""
LEAST_OVERLAP = {"car": 0.7, "pedestrian": 0.5, "cyclist": 0.5}
"""Detections overlap their object by more."""
VIEWS = ("bev", "3d")
"""Overlap from above, or in space."""
FORMS = ("recall", "kitti")
"""`recall`: thresholds where the k-th fortieth of the objects is found | `kitti`: as the kit places them."""
POSITIONS = 41


class Difficulty(NamedTuple):
    """Which objects must be found; the others may be."""

    height_px: float
    """Least height in the image."""
    occlusion: int
    """Largest state."""
    truncation: float
    """Largest share outside the image."""


DIFFICULTIES = {
    "easy": Difficulty(40, 0, 0.15),
    "moderate": Difficulty(25, 1, 0.3),
    "hard": Difficulty(25, 2, 0.5),
}


@dataclass(frozen=True)
class Truth:
    """Labelled objects of some scenes, those of a scene together."""

    scenes: NDArray
    """Number of the scene, ascending, shape (n,)."""
    kinds: NDArray
    """Number in `KINDS`, shape (n,)."""
    boxes: NDArray
    """Shape (n, 7), in the axes that detections are in."""
    heights_px: NDArray
    """Of the box in the image, shape (n,)."""
    occlusion: NDArray
    """0 visible ... 3 unknown, shape (n,)."""
    truncation: NDArray
    """Share outside the image, shape (n,)."""


@dataclass(frozen=True)
class Detections:
    """Detected objects of the same scenes, those of a scene together."""

    scenes: NDArray
    """Number of the scene, ascending, shape (m,)."""
    kinds: NDArray
    """Number in `CLASSES`, shape (m,)."""
    boxes: NDArray
    """Shape (m, 7)."""
    scores: NDArray
    """Shape (m,)."""
    heights_px: NDArray
    """Of the box in the image, shape (m,)."""


def average_precision(
    truth: Truth, detections: Detections, *, form: str = "recall", recalls: int = 40
) -> dict[tuple[str, str, str], float | None]:
    """Average precision of each (view, class, difficulty), 0 ... 1; None where there is no such object.

    An object counts where its difficulty allows; others of its class, and its neighbours of `NEIGHBOURS`,
    take a detection without that being right or wrong. A detection whose height in whole pixels is below the
    difficulty's is ignored before its class is looked at. What matches the objects is decided at each score
    threshold anew; the thresholds come from a first pass in which each object takes the best score.

    Args:
        truth: Objects.
        detections: Of the same scenes.
        form: `kitti` places thresholds as the kit does: with n < 41 objects no value exceeds (n - 1) / 40, or
            (1 + ⌊(n - 1) / 4⌋) / 11. `recall` places the k-th where ⌈k n / 40⌉ objects are found, the same
            on large sets.
        recalls: Positions averaged over: 40 (the benchmark since 2019) or 11 (before).

    Raises:
        ValueError: Another form or number of positions, or scenes that do not ascend.
    """
    if form not in FORMS or recalls not in (40, 11):
        raise ValueError(f"form must be {' or '.join(FORMS)} and recalls 40 or 11, got {form!r}, {recalls}")
    for scenes in (truth.scenes, detections.scenes):
        if len(scenes) and (np.diff(scenes) < 0).any():
            raise ValueError("objects and detections must come scene by scene, in ascending order")
    ones, twos = near_pairs(truth.boxes, detections.boxes, truth.scenes, detections.scenes)
    shared = dict(zip(VIEWS, overlaps(truth.boxes[ones], detections.boxes[twos]), strict=True))
    found = {}
    for view in VIEWS:
        for name in CLASSES:
            enough = shared[view] > LEAST_OVERLAP[name]
            pairs = _Pairs(ones[enough], twos[enough], shared[view][enough])
            for difficulty, limits in DIFFICULTIES.items():
                counted = _counted(truth, name, limits), _considered(detections, name, limits)
                found[view, name, difficulty] = _precision(pairs, detections.scores, *counted, form, recalls)
    return found


class _Pairs(NamedTuple):
    """Objects and detections that overlap enough, by object and then by detection."""

    objects: NDArray
    detections: NDArray
    overlaps: NDArray


LEFT_OUT, COUNTS, IGNORED = -1, 0, 1


def _counted(truth: Truth, name: str, limits: Difficulty) -> NDArray:
    """What becomes of each object."""
    own = truth.kinds == KINDS.index(name)
    near = NEIGHBOURS[name]
    neighbour = truth.kinds == (KINDS.index(near) if near else -1)
    allowed = (
        (truth.heights_px >= limits.height_px)
        & (truth.occlusion <= limits.occlusion)
        & (truth.truncation <= limits.truncation)
    )
    return np.where(own & allowed, COUNTS, np.where(own | neighbour, IGNORED, LEFT_OUT))


def _considered(detections: Detections, name: str, limits: Difficulty) -> NDArray:
    """What becomes of each detection."""
    low = np.floor(np.abs(detections.heights_px)) < limits.height_px
    own = detections.kinds == CLASSES.index(name)
    return np.where(low, IGNORED, np.where(own, COUNTS, LEFT_OUT))


def _precision(
    pairs: _Pairs, scores: NDArray, objects: NDArray, detections: NDArray, form: str, recalls: int
) -> float | None:
    number = int((objects == COUNTS).sum())
    if not number:
        return None
    open_ones = (objects[pairs.objects] != LEFT_OUT) & (detections[pairs.detections] != LEFT_OUT)
    pairs = _Pairs(*(column[open_ones] for column in pairs))
    # an object and a detection with no other partner meet at any threshold up to the detection's score
    alone = (np.bincount(pairs.objects, minlength=len(objects))[pairs.objects] == 1) & (
        np.bincount(pairs.detections, minlength=len(detections))[pairs.detections] == 1
    )
    single, tangled = _Pairs(*(column[alone] for column in pairs)), _Pairs(*(c[~alone] for c in pairs))
    right = (objects[single.objects] == COUNTS) & (detections[single.detections] == COUNTS)
    hits = np.sort(scores[single.detections[right]])
    taken = np.sort(scores[single.detections[~right & (detections[single.detections] == COUNTS)]])
    groups = _by_object(tangled)
    first = _matched_by_score(groups, scores, objects, detections)
    thresholds = _thresholds(np.concatenate([hits, first]), number, form)
    claims = np.sort(scores[detections == COUNTS])
    precision = np.zeros(POSITIONS)
    for place, threshold in thresholds.items():
        tp = _at_least(hits, threshold)
        fp = _at_least(claims, threshold) - tp - _at_least(taken, threshold)
        if groups:
            matched, used = _matched_by_overlap(groups, scores, objects, detections, threshold)
            tp, fp = tp + matched, fp - used
        precision[place] = tp / (tp + fp) if tp + fp else 0.0
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(precision[1:].mean() if recalls == 40 else precision[::4].mean())


def _at_least(ascending: NDArray, threshold: float) -> int:
    return len(ascending) - int(np.searchsorted(ascending, threshold, side="left"))


def _thresholds(scores: NDArray, number: int, form: str) -> dict[int, float]:
    """Position to the score threshold there.

    Args:
        scores: Of the detections found right in the first pass.
        number: Objects that count.
        form: recall | kitti.
    """
    down = np.sort(scores)[::-1]
    if form == "recall":
        # the last place of the k-th fortieth; 0 is where the first object is found
        needed = [max(1, -(-k * number // (POSITIONS - 1))) for k in range(POSITIONS)]
        return {k: float(down[count - 1]) for k, count in enumerate(needed) if count <= len(down)}
    found: dict[int, float] = {}
    recall = 0.0
    for i, score in enumerate(down):
        last = i == len(down) - 1
        left, right = (i + 1) / number, (i + 1 if last else i + 2) / number
        if (right - recall < recall - left and not last) or len(found) == POSITIONS:
            continue
        found[len(found)] = float(score)
        recall += 1 / (POSITIONS - 1)
    return found


def _by_object(pairs: _Pairs) -> list[tuple[int, list[tuple[int, float]]]]:
    """Objects in their order, each with its detections and their overlaps."""
    found: dict[int, list[tuple[int, float]]] = {}
    for one, two, overlap in zip(*(column.tolist() for column in pairs), strict=True):
        found.setdefault(one, []).append((two, overlap))
    return list(found.items())


Groups = Sequence[tuple[int, Sequence[tuple[int, float]]]]


def _matched_by_score(groups: Groups, scores: NDArray, objects: NDArray, detections: NDArray) -> list[float]:
    """Scores of the detections found right where each object takes the best-scored one that is free."""
    taken: set[int] = set()
    found = []
    for one, partners in groups:
        free = [two for two, _ in partners if two not in taken]
        if free:
            best = max(free, key=lambda two: scores[two])
            taken.add(best)
            if objects[one] == COUNTS and detections[best] == COUNTS:
                found.append(float(scores[best]))
    return found


def _matched_by_overlap(
    groups: Groups, scores: NDArray, objects: NDArray, detections: NDArray, threshold: float
) -> tuple[int, int]:
    """Objects found, and counting detections used, where each takes the one that overlaps most.

    One that counts goes before one that is too low.
    """
    taken: set[int] = set()
    matched = used = 0
    for one, partners in groups:
        free = [
            (detections[two] == COUNTS, overlap if detections[two] == COUNTS else 0.0, -two)
            for two, overlap in partners
            if two not in taken and scores[two] >= threshold
        ]
        if free:
            counts, _, two = max(free)
            taken.add(-two)
            used += bool(counts)
            matched += bool(counts and objects[one] == COUNTS)
    return matched, used


def means_over_classes(found: Mapping[tuple[str, str, str], float | None]) -> dict[tuple[str, str], float]:
    """Mean over the classes that have objects of each (view, difficulty); 0 where none has."""
    means = {}
    for view in VIEWS:
        for difficulty in DIFFICULTIES:
            values = [found[view, name, difficulty] for name in CLASSES]
            there = [value for value in values if value is not None]
            means[view, difficulty] = sum(there) / len(there) if there else 0.0
    return means
