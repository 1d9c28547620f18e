"""Accuracy, macro F1 and macro area under the ROC curve of decisions between kingdoms."""

from collections.abc import Mapping

import torch
from torch import Tensor

from codesign.tasks.glycans.examples import Batch
from codesign.tasks.glycans.network import Output


def macro_f1(decided: Tensor, targets: Tensor, classes: int) -> float:
    """Mean over all classes of the F1 score; 0 for a class that is neither there nor decided for.

    Args:
        decided: Class each example is put into, (n,); `classes` for none.
        targets: Its class, (n,).
        classes: How many there are.
    """
    sizes = torch.bincount(targets, minlength=classes)[:classes]
    said = torch.bincount(decided, minlength=classes)[:classes]
    right = torch.bincount(targets[decided == targets], minlength=classes)[:classes]
    return float((2 * right.double() / (sizes + said).clamp(min=1)).mean())


def macro_auc(scores: Tensor, targets: Tensor) -> float:
    """Mean over classes of the area under the ROC curve of one class against all others.

    The area is the chance that an example of the class has a higher score for it than another one, equal
    scores counting half. Classes without an example, or without any other, have none and are left out; where
    no class has one the answer is 0.5.

    Args:
        scores: float64, no NaN, (n, classes).
        targets: (n,).
    """
    columns = scores.T.contiguous()  # (classes, n)
    mine = torch.arange(len(columns))[:, None] == targets[None]
    here = mine.sum(dim=1)
    others = len(targets) - here
    ordered = columns.sort(dim=1).values
    below = torch.searchsorted(ordered, columns)
    up_to = torch.searchsorted(ordered, columns, right=True)
    ranks = (below + up_to + 1).double() / 2  # from 1; equal scores have the mean of theirs
    areas = ((ranks * mine).sum(dim=1) - here * (here + 1) / 2) / (here * others)
    there = (here > 0) & (others > 0)
    return float(areas[there].mean()) if there.any() else 0.5


def log_odds(logits: Tensor) -> Tensor:
    """Of each class the logarithm of p / (1 - p), where p is its share in the softmax.

    It has the order of p, also where p is 1 to all digits, as it is in programmed networks.

    Args:
        logits: float64, (n, classes).

    Returns:
        (n, classes).
    """
    classes = logits.shape[1]
    own = torch.eye(classes, dtype=torch.bool, device=logits.device)
    others = logits[:, None, :].expand(-1, classes, -1).masked_fill(own, -torch.inf)
    return logits - others.logsumexp(dim=2)


def scores_of(scores: Tensor, targets: Tensor) -> dict[str, float]:
    """Every metric.

    Args:
        scores: Of each class, the higher the likelier, float64 (n, classes): the largest of a row decides,
            the area compares within a column. A row with a value that is not finite is a wrong answer in
            every metric: no decision, and behind all others for its own class, before all others for the
            rest.
        targets: (n,).
    """
    classes = scores.shape[1]
    wrong = ~torch.isfinite(scores).all(dim=1)
    decided = torch.where(wrong, classes, scores.nan_to_num().argmax(dim=1))
    worst = torch.full_like(scores, torch.inf).scatter_(1, targets[:, None], -torch.inf)
    return {
        "accuracy": float((decided == targets).double().mean()),
        "f1": macro_f1(decided, targets, classes),
        "auc": macro_auc(torch.where(wrong[:, None], worst, scores), targets),
    }


class KingdomScorer:
    """Keeps scores and targets; with `details` also what the map shows."""

    def __init__(self, *, details: bool = False) -> None:
        self._details = details
        self._scores: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._rows: list[dict] = []

    def update(self, output: Output, batch: Batch) -> None:
        """Count one batch."""
        logits = output.logits.double().cpu()
        wrong = ~torch.isfinite(logits).all(dim=1, keepdim=True)
        self._scores.append(log_odds(logits).masked_fill(wrong, torch.nan))
        self._targets.append(batch.targets.cpu())
        if self._details:
            self._rows += _rows(output.features[batch.shown].cpu(), batch.targets[batch.shown].cpu())

    def compute(self) -> Mapping[str, float]:
        """accuracy, f1 and auc."""
        return scores_of(torch.cat(self._scores), torch.cat(self._targets))

    def details(self) -> list[dict]:
        """For each glycan on the map its kingdom's number and what the second linear layer gives."""
        return self._rows


def _rows(features: Tensor, targets: Tensor) -> list[dict]:
    names = [f"output_{k}" for k in range(1, features.shape[1] + 1)]
    return [
        {"kingdom": target} | dict(zip(names, values, strict=True))
        for target, values in zip(targets.tolist(), features.tolist(), strict=True)
    ]
