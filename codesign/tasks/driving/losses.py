"""How far the network's answers are from the objects.

Source:
    Lang et al. (2019), arXiv 1812.05784, Sect. 2.3; Lin et al. (2017), arXiv 1708.02002, for the focal loss.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, smooth_l1_loss, softplus

from codesign.tasks.driving.anchors import NO_COUNT, Targets
from codesign.tasks.driving.network import Output

ALPHA = 0.25
"""Weight of positive anchors in the focal loss, 1 - ALPHA of background; its exponent is 2."""
BETA = 1 / 9
"""Difference from which the box loss is linear."""
BOX, DIRECTION = 2.0, 0.2
"""Weights of box and direction against the score."""


def detection_loss(output: Output, targets: Targets) -> Tensor:
    """Mean over scenes of focal, box and direction loss, each scene's divided by its positive anchors.

    Args:
        output: Of the network.
        targets: `codesign.tasks.driving.anchors.targets_of` of the same batch.
    """
    scenes = len(targets.labels)
    positives = torch.bincount(targets.scenes, minlength=scenes).clamp(min=1)
    weights = 1 / (positives * scenes).to(output.scores.dtype)
    of_positive = weights.index_select(0, targets.scenes)
    where = targets.scenes, targets.anchors
    codes, directions = output.codes[where], output.directions[where]
    turned = torch.sin(codes[:, 6:] - targets.codes[:, 6:])
    difference = torch.cat([codes[:, :6] - targets.codes[:, :6], turned], dim=1)
    box = smooth_l1_loss(difference, torch.zeros_like(difference), beta=BETA, reduction="none").sum(dim=1)
    direction = cross_entropy(directions, targets.directions, reduction="none")
    rest = ((BOX * box + DIRECTION * direction) * of_positive).sum()
    return _focal(output.scores, targets, weights, of_positive) + rest


def _focal(scores: Tensor, targets: Targets, weights: Tensor, of_positive: Tensor) -> Tensor:
    """The focal loss: every anchor that counts as background of every class, put right where it is not."""
    counting = (targets.labels != NO_COUNT).to(scores.dtype) * weights[:, None]
    background = (_background(scores).sum(dim=2) * counting).sum()
    own = scores[targets.scenes, targets.anchors, targets.classes]
    found = ALPHA * torch.sigmoid(-own) ** 2 * softplus(-own)
    return background + ((found - _background(own)) * of_positive).sum()


def _background(scores: Tensor) -> Tensor:
    return (1 - ALPHA) * torch.sigmoid(scores) ** 2 * softplus(scores)
