"""From what the network says of anchors to detections, and to what they are scored by."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codesign.tasks.driving.anchors import anchor_boxes, decoded
from codesign.tasks.driving.boxes import suppressed
from codesign.tasks.driving.camera import image_boxes, upright_boxes
from codesign.tasks.driving.network import Output
from codesign.tasks.driving.precision import Detections, Truth
from codesign.tasks.driving.scenes import Area, Batch

LEAST_SCORE = 0.1
OVERLAP = 0.01
"""From above: of two detections that have more in common the better one is kept, whatever their classes."""
MOST = 500
"""Detections of a scene."""
CANDIDATES_AN_ANCHOR = 4096 / 321_408
"""Share of the anchors that may become detections: 4096 with the published area. Noisy networks have
thousands above the least score."""


class Found(NamedTuple):
    """Detections of a batch in the lidar's axes, by scene, in each from the best on."""

    scenes: NDArray
    kinds: NDArray
    boxes: NDArray
    scores: NDArray


def detections_of(output: Output, area: Area) -> Found:
    """Detections of a batch. Anchors whose answer is not finite become none."""
    logits, kinds = output.scores.detach().max(dim=2)  # (scenes, anchors)
    least = math.log(LEAST_SCORE / (1 - LEAST_SCORE))
    logits = torch.where(logits > least, logits, -torch.inf)  # not a number is not larger
    scenes, anchors = _candidates(logits, round(CANDIDATES_AN_ANCHOR * logits.shape[1]))
    boxes = decoded(
        output.codes.detach()[scenes, anchors],
        anchor_boxes(area).to(logits.device, output.codes.dtype).index_select(0, anchors),
        output.directions.detach()[scenes, anchors].argmax(dim=1),
    )
    scores = torch.sigmoid(logits[scenes, anchors].double())
    columns = (scenes, kinds[scenes, anchors], boxes.double(), scores)
    columns = [column.cpu().numpy() for column in columns]
    fine = np.isfinite(columns[2]).all(axis=1)
    columns = [column[fine] for column in columns]
    kept = suppressed(columns[2], columns[3], columns[0], overlap=OVERLAP, most=MOST)
    return Found(*(column[kept] for column in columns))


def _candidates(logits: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Scene and anchor of the finite logits, of each scene at most so many."""
    there = logits > -torch.inf
    count = int(there.sum(dim=1).max())
    if count > most:
        number = logits.topk(most, dim=1).indices
        there = torch.zeros_like(there).scatter_(1, number, True) & there
    return there.nonzero(as_tuple=True)


def scored(found: Found, batch: Batch, *, first: int) -> Detections:
    """Detections in upright camera axes, with their height in the image.

    Args:
        found: Of the batch.
        batch: With the cameras.
        first: Number of the batch's first scene.
    """
    upright, heights = np.zeros_like(found.boxes), np.zeros(len(found.boxes))
    for scene in np.unique(found.scenes):
        mine = found.scenes == scene
        camera = batch.camera(int(scene))
        upright[mine] = upright_boxes(found.boxes[mine], camera)
        rectangles, _ = image_boxes(upright[mine], camera)
        heights[mine] = rectangles[:, 3] - rectangles[:, 1]
    return Detections(found.scenes + first, found.kinds, upright, found.scores, heights)


def truth_of(batch: Batch, *, first: int) -> Truth:
    """Labelled objects of a batch, numbered like its detections."""
    names = ("scenes", "kinds", "upright", "heights_px", "occlusion", "truncation")
    columns = [getattr(batch, name).cpu().numpy() for name in names]
    return Truth(columns[0] + first, *columns[1:])
