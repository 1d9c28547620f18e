"""Answers that need no network: how often a class, an antigen or a similar antibody neutralises."""

import numpy as np

from codesign.tasks.antibodies.metrics import finite, scores
from codesign.tasks.antibodies.neighbours import NOT_TESTED, neighbours
from codesign.tasks.antibodies.parts import chosen, comparison, material, published_subset
from codesign.tasks.contract import DataSettings

SMOOTHING = 0.5
"""Added to the counts of both classes before a logit is taken: never a rate of 0 or 1."""


def baselines(settings: DataSettings) -> dict[str, dict[str, float]]:
    """Metrics on the test pairs of baselines that know the pairs which are not tested on.

    `majority`: the more frequent class. `antigen-rate`: the share of antibodies that neutralise the antigen.
    `nearest-rate`: two logits added up, of the antigen's rate and of the most similar antibody's over all its
    antigens. `nearest`: what the most similar antibody that was tested on the antigen does. `nearest-5`:
    the five most similar of those, weighed by the fourth power of their similarity. Where no antibody was
    tested on an antigen, the share of all pairs stands in. With one antigen there are no rates of antigens.

    Args:
        settings: Which examples, and where data sets lie.

    Returns:
        Name to metric to value. A share of at least one half says that the antibody neutralises.
    """
    made = material(settings)
    beside = comparison(made, settings)
    table, similarity = beside["table"], beside["similarity"]
    subset = np.zeros(len(made.label), dtype=bool)
    if made.table is not None:
        subset = published_subset(made.table, settings)
    mine = chosen(made, "test", subset)
    asked, antigen, label = beside["asked"][made.antibody[mine]], made.antigen[mine], made.label[mine]
    known = table != NOT_TESTED
    positive = table == 1
    overall = positive.sum() / known.sum()
    tested = known.sum(axis=0)
    rate = np.where(tested > 0, positive.sum(axis=0) / np.maximum(tested, 1), overall)
    logit = _logit(positive.sum(axis=0), tested)[antigen]
    own = _logit(positive.sum(axis=1), known.sum(axis=1))[similarity.argmax(axis=1)][asked]
    shares = {
        "majority": np.full(len(label), float(overall >= 0.5)),
        "antigen-rate": rate[antigen],
        "nearest-rate": 1 / (1 + np.exp(-(logit + own))),
        "nearest": neighbours(similarity, table, asked, antigen, count=1),
        "nearest-5": neighbours(similarity, table, asked, antigen, count=5),
    }
    if len(made.antigens) == 1:  # then a rate of the antigen is that of all pairs
        del shares["antigen-rate"], shares["nearest-rate"]
    return {name: _scored(label, np.where(np.isnan(share), overall, share)) for name, share in shares.items()}


def _logit(positive: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Logit of smoothed shares."""
    return np.log((positive + SMOOTHING) / (tested - positive + SMOOTHING))


def _scored(label: np.ndarray, share: np.ndarray) -> dict[str, float]:
    """Metrics; a share of exactly one half says 1."""
    return finite(scores(label, share, threshold=np.nextafter(0.5, 0)))
