"""Area under the ROC curve, accuracy and Matthews correlation of two classes.

The area is the primary one: it asks for the order of pairs alone. The others ask for a threshold as well, and
that moves, with the share of positive pairs (50.8 % of the seen and 43.7 % of the unseen ones of HIV-1) and
with the offset that devices give the one logit.
"""

from collections.abc import Mapping

import numpy as np

NAMES = ("auc", "accuracy", "mcc")


def scores(label: np.ndarray, value: np.ndarray, *, threshold: float = 0.0) -> dict[str, float]:
    """Every metric of pairs; NaN for the area where one class is missing.

    Args:
        label: 0 or 1, (n,).
        value: Larger for 1, (n,). One that is not finite counts as wrong: below all others for class 1, above
            all others for class 0.
        threshold: A value above it says 1.
    """
    label = np.asarray(label) > 0.5
    value = np.asarray(value, dtype=np.float64)
    finite = np.isfinite(value)
    said = np.where(finite, value > threshold, ~label)
    value = np.where(finite, value, np.where(label, -np.inf, np.inf))
    return {
        "auc": area(label, value),
        "accuracy": float((said == label).mean()),
        "mcc": matthews(label, said),
    }


def area(label: np.ndarray, value: np.ndarray) -> float:
    """Share of pairs of both classes in which that of class 1 has the larger value; equal ones count half.

    Source:
        Mann and Whitney (1947), Annals of Mathematical Statistics 18, 50.
    """
    positive = int(label.sum())
    negative = len(label) - positive
    if not positive or not negative:
        return float("nan")
    _, place, count = np.unique(value, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # the mean rank of equal values
    above = rank[place][label].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative))


def matthews(label: np.ndarray, said: np.ndarray) -> float:
    """Correlation of answers with what is so; 0 where one of both is always the same.

    Source:
        Matthews (1975), Biochimica et Biophysica Acta 405, 442.
    """
    both = float((label & said).sum())
    one, other, n = float(label.sum()), float(said.sum()), float(len(label))
    spread = one * (n - one) * other * (n - other)
    return (n * both - one * other) / spread**0.5 if spread > 0 else 0.0


def finite(found: Mapping[str, float]) -> dict[str, float]:
    """The same with 0.5 for an area that one class alone leaves undefined: nothing is ranked."""
    return {name: 0.5 if name == "auc" and value != value else value for name, value in found.items()}
