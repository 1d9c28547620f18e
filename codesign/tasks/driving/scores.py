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
        """Points, objects and detections of one scene, a row each with the same keys.

        It is the scene with the most classes, and of those with the most objects, of moderate difficulty.
        """
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
    """Points, objects and detections of one scene, a row each; NaN where they have no size or score."""
    nan = float("nan")
    points = batch.points[batch.owners == scene, :3].tolist()
    rows = [("point", "", nan, [*place, *[nan] * 4]) for place in points]
    mine = batch.scenes == scene
    kinds, boxes = batch.kinds[mine].tolist(), batch.boxes[mine].tolist()
    rows += [("object", KINDS[kind], nan, box) for kind, box in zip(kinds, boxes, strict=True)]
    columns = [column[found.scenes == scene].tolist() for column in (found.kinds, found.scores, found.boxes)]
    rows += [("detection", CLASSES[kind], score, box) for kind, score, box in zip(*columns, strict=True)]
    shown = "synthetic scanner" if batch.synthetic else "KITTI"
    return [
        {"scene": shown, "what": what, "kind": kind, "score": score} | dict(zip(BOX, numbers, strict=True))
        for what, kind, score, numbers in rows
    ]
