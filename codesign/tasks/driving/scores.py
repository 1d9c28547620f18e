"""Scores of detections: average precision of each class and difficulty, from above and in space."""

from typing import NamedTuple

import numpy as np

from codesign.tasks.driving.detections import Found, detections_of, scored, truth_of
from codesign.tasks.driving.network import Output
from codesign.tasks.driving.precision import (
    CLASSES,
    DIFFICULTIES,
    KINDS,
    VIEWS,
    Detections,
    Truth,
    average_precision,
    means_over_classes,
)
from codesign.tasks.driving.scenes import Batch


def metric_names() -> list[str]:
    """Means over the classes first: bev-easy ... 3d-hard, then bev-car-easy ..."""
    means = [f"{view}-{difficulty}" for view in VIEWS for difficulty in DIFFICULTIES]
    return means + [
        f"{view}-{name}-{difficulty}" for view in VIEWS for name in CLASSES for difficulty in DIFFICULTIES
    ]


class _Shown(NamedTuple):
    """A scene that the task's figure may show."""

    rank: tuple[int, int]
    rows: list[dict]


class PrecisionScorer:
    """Keeps detections and objects; with `details` also one scene: points, objects and detections."""

    def __init__(self, *, details: bool = False) -> None:
        self._details = details
        self._scenes = 0
        self._truths: list[Truth] = []
        self._detections: list[Detections] = []
        self._shown: _Shown | None = None

    def update(self, output: Output, batch: Batch) -> None:
        """Count one batch."""
        found = detections_of(output, batch.area)
        self._truths.append(truth_of(batch, first=self._scenes))
        self._detections.append(scored(found, batch, first=self._scenes))
        if self._details:
            self._show(found, batch)
        self._scenes += len(batch)

    def compute(self) -> dict[str, float]:
        """Average precision by true recall; 0 where there is no such object."""
        found = average_precision(_joined(self._truths), _joined(self._detections))
        values = {f"{view}-{difficulty}": v for (view, difficulty), v in means_over_classes(found).items()}
        values |= {"-".join(key): value or 0.0 for key, value in found.items()}
        return {name: values[name] for name in metric_names()}

    def details(self) -> list[dict]:
        """Of the scene with the most classes, and of those the most objects of moderate difficulty: its points,
        objects and detections, a row each with the same keys."""
        return self._shown.rows if self._shown else []

    def _show(self, found: Found, batch: Batch) -> None:
        limits = DIFFICULTIES["moderate"]
        counting = (
            (batch.kinds < len(CLASSES))
            & (batch.heights_px >= limits.height_px)
            & (batch.occlusion <= limits.occlusion)
            & (batch.truncation <= limits.truncation)
        )
        for scene in range(len(batch)):
            kinds = batch.kinds[counting & (batch.scenes == scene)]
            rank = len(kinds.unique()), len(kinds)
            if self._shown is None or rank > self._shown.rank:
                self._shown = _Shown(rank, _rows(found, batch, scene))


def _joined(parts: list) -> Truth | Detections:
    kind = type(parts[0])
    return kind(
        **{name: np.concatenate([getattr(each, name) for each in parts]) for name in kind.__annotations__}
    )


BOX = ("x", "y", "z", "length", "width", "height", "yaw")


def _rows(found: Found, batch: Batch, scene: int) -> list[dict]:
    empty = {name: float("nan") for name in BOX}
    rows = [
        {"what": "point", "kind": "", "score": float("nan")} | empty | dict(zip(BOX, place, strict=False))
        for place in batch.points[batch.owners == scene, :3].tolist()
    ]
    mine = batch.scenes == scene
    for kind, box in zip(batch.kinds[mine].tolist(), batch.boxes[mine].tolist(), strict=True):
        rows.append(
            {"what": "object", "kind": KINDS[kind], "score": float("nan")} | dict(zip(BOX, box, strict=True))
        )
    for kind, box, score, of in zip(*(each.tolist() for each in _columns(found)), strict=True):
        if of == scene:
            rows.append(
                {"what": "detection", "kind": CLASSES[kind], "score": score} | dict(zip(BOX, box, strict=True))
            )
    return rows


def _columns(found: Found) -> tuple:
    return found.kinds, found.boxes, found.scores, found.scenes
