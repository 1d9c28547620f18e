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
    return float((2 * right / (sizes + said).clamp(min=1)).double().mean())


def macro_auc(scores: Tensor, targets: Tensor) -> float:
    """Mean over classes of the area under the ROC curve of one class against all others.

    The area is the chance that an example of the class has a higher score for it than another one, equal
    scores counting half. Classes without an example, or without any other, have none and are left out; where
    no class has one the answer is 0.5.

    Args:
        scores: float64, no NaN, (n, classes).
        targets: (n,).
    """
    found = []
    for label, column in enumerate(scores.unbind(1)):
        mine = targets == label
        here, others = int(mine.sum()), int((~mine).sum())
        if here and others:
            _, place, number = torch.unique(column, return_inverse=True, return_counts=True)
            ranks = number.cumsum(0) - (number - 1) / 2  # from 1; the mean rank of equal scores
            found.append((float(ranks.double()[place[mine]].sum()) - here * (here + 1) / 2) / (here * others))
    return sum(found) / len(found) if found else 0.5


def scores_of(probabilities: Tensor, targets: Tensor) -> dict[str, float]:
    """Every metric.

    Args:
        probabilities: Of each class, float64 (n, classes). A row with a value that is not a number is a wrong
            answer in every metric: no decision, and behind all others for its own class, before all others
            for the rest.
        targets: (n,).
    """
    classes = probabilities.shape[1]
    wrong = ~torch.isfinite(probabilities).all(dim=1)
    decided = torch.where(wrong, classes, probabilities.nan_to_num().argmax(dim=1))
    worst = torch.full_like(probabilities, 2.0).scatter_(1, targets[:, None], -1.0)
    return {
        "accuracy": float((decided == targets).double().mean()),
        "f1": macro_f1(decided, targets, classes),
        "auc": macro_auc(torch.where(wrong[:, None], worst, probabilities), targets),
    }


class KingdomScorer:
    """Keeps probabilities and targets; with `details` also what the map shows."""

    def __init__(self, *, details: bool = False) -> None:
        self._details = details
        self._probabilities: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._rows: list[dict] = []

    def update(self, output: Output, batch: Batch) -> None:
        """Count one batch."""
        # ranks of what a softmax makes 0 or 1 in single precision would be lost
        probabilities = torch.softmax(output.logits.double(), dim=1).cpu()
        self._probabilities.append(probabilities)
        self._targets.append(batch.targets.cpu())
        if self._details:
            self._rows += _rows(output.features[batch.shown].cpu(), batch.targets[batch.shown].cpu())

    def compute(self) -> Mapping[str, float]:
        """accuracy, f1 and auc."""
        return scores_of(torch.cat(self._probabilities), torch.cat(self._targets))

    def details(self) -> list[dict]:
        """For each glycan on the map its kingdom's number and what the second linear layer gives."""
        return self._rows


def _rows(features: Tensor, targets: Tensor) -> list[dict]:
    names = [f"output_{k}" for k in range(1, features.shape[1] + 1)]
    return [
        {"kingdom": target} | dict(zip(names, values, strict=True))
        for target, values in zip(targets.tolist(), features.tolist(), strict=True)
    ]
