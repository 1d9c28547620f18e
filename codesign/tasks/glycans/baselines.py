"""What needs no network: the commonest kingdom, the nearest glycan, a linear model of chains."""

import warnings

import numpy as np
import torch
from scipy import sparse

from codesign.tasks.contract import DataSettings
from codesign.tasks.glycans.chains import chain_counts
from codesign.tasks.glycans.examples import divided
from codesign.tasks.glycans.scores import scores_of

BLOCK = 500
"""Test glycans compared at once."""
INVERSE_PENALTY, ROUNDS, TOLERANCE = 30.0, 100, 1e-3
"""Of the logistic regression: scikit-learn's C, most iterations and tolerance."""


def baselines(settings: DataSettings) -> dict[str, dict[str, float]]:
    """Accuracy, macro F1 and, where there is a probability, macro area under ROC on the test examples.

    Everything is learnt from the training examples of the experiment. `majority`: their most frequent
    kingdom. `nearest-tokens` and `nearest-chains`: the kingdom of the training glycan with the largest
    cosine of counts of residues and linkages, or of chains of one to three of them
    (`codesign.tasks.glycans.chains`), the first of equals. `logistic`: multinomial logistic regression on
    the roots of the counts of chains.
    """
    division = divided(settings)
    train, test = division.members["train"].numpy(), division.members["test"].numpy()
    kingdoms, classes = division.trees.kingdoms.numpy(), settings.needed("kingdoms")
    tokens, chains = (chain_counts(division.trees, longest=longest) for longest in (1, 3))
    said = {
        "majority": certain(np.full(len(test), np.bincount(kingdoms[train]).argmax()), classes),
        "nearest-tokens": certain(kingdoms[train][nearest(tokens[test], tokens[train])], classes),
        "nearest-chains": certain(kingdoms[train][nearest(chains[test], chains[train])], classes),
        "logistic": logistic(chains[train], kingdoms[train], chains[test], classes),
    }
    targets = torch.from_numpy(kingdoms[test])
    found = {name: scores_of(torch.from_numpy(each), targets) for name, each in said.items()}
    for name in ("nearest-tokens", "nearest-chains"):  # a kingdom, and no probability
        del found[name]["auc"]
    return found


def certain(kingdoms: np.ndarray, classes: int) -> np.ndarray:
    """Decisions as probabilities 0 and 1, (n, classes)."""
    return np.eye(classes)[kingdoms]


def nearest(counts: sparse.csr_matrix, among: sparse.csr_matrix) -> np.ndarray:
    """For each row of `counts` the number of the row of `among` with the largest cosine, the first of equals.

    Args:
        counts: Whole numbers, (n, columns), no row empty.
        among: Whole numbers, (m, columns), no row empty.

    Returns:
        (n,).
    """
    # the length of a row of `counts` is the same for all it is compared with
    lengths = np.sqrt(np.asarray(among.multiply(among).sum(axis=1)).ravel())
    columns = among.T.tocsc()
    found = []
    for first in range(0, counts.shape[0], BLOCK):
        dots = (counts[first : first + BLOCK] @ columns).toarray()
        found.append((dots / lengths).argmax(axis=1))
    return np.concatenate(found)


def logistic(
    train: sparse.csr_matrix, kingdoms: np.ndarray, test: sparse.csr_matrix, classes: int
) -> np.ndarray:
    """Probabilities of each kingdom, (n, classes), by logistic regression on the roots of counts.

    Args:
        train: Counts of the training examples, (m, columns).
        kingdoms: Of the training examples, (m,).
        test: Counts of the test examples, (n, columns).
        classes: Kingdoms there are.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    seen = np.flatnonzero(np.asarray(train.sum(axis=0)).ravel())
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=ROUNDS, tol=TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what it has reached by then is the baseline
        model.fit(np.sqrt(train[:, seen]), kingdoms)
    found = np.zeros((test.shape[0], classes))
    found[:, model.classes_] = model.predict_proba(np.sqrt(test[:, seen]))
    return found
