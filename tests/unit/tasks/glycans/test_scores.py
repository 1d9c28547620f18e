"""Metrics of decisions between kingdoms, against scikit-learn and by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from codesign.tasks.contract import score_of
from codesign.tasks.glycans.examples import Batch
from codesign.tasks.glycans.network import Output
from codesign.tasks.glycans.scores import KingdomScorer, log_odds, macro_auc, scores_of

METRICS = ["accuracy", "f1", "auc"]


def batch_of(targets, shown=None):
    """A batch of which only the targets count."""
    nothing = torch.zeros(0, dtype=torch.int64)
    shown = torch.ones(len(targets), dtype=torch.bool) if shown is None else torch.tensor(shown)
    return Batch(nothing, nothing, (), torch.tensor(targets), shown, 0)


def scored(logits, targets, *, size=10**9):
    scorer = KingdomScorer()
    for part, mine in zip(logits.split(size), torch.tensor(targets).split(size), strict=True):
        scorer.update(Output(part, torch.zeros(len(part), 2)), batch_of(mine.tolist()))
    return score_of(scorer, METRICS)


@hypothesis_settings(max_examples=40)
@given(st.integers(2, 6), st.integers(5, 60), st.integers(0, 2**20))
def test_metrics_are_those_of_scikit_learn(classes, number, seed):
    """Of probabilities; every class is there, as scikit-learn's area asks for."""
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), rng.integers(0, classes, number)])
    logits = torch.from_numpy(rng.normal(size=(len(targets), classes)) * 2)
    probabilities = torch.softmax(logits, dim=1)
    decided = probabilities.argmax(dim=1).numpy()
    # of two classes scikit-learn wants the second's score alone; both have the same area
    said = probabilities.numpy() if classes > 2 else probabilities[:, 1].numpy()
    labels = range(classes)
    area = roc_auc_score(targets, said, multi_class="ovr", average="macro", labels=labels)
    f1 = f1_score(targets, decided, average="macro", labels=labels, zero_division=0)
    found = scored(logits, targets.tolist())
    assert found["accuracy"] == pytest.approx(accuracy_score(targets, decided))
    assert found["f1"] == pytest.approx(f1)
    assert found["auc"] == pytest.approx(area)


@hypothesis_settings(max_examples=40)
@given(st.integers(2, 5), st.integers(5, 60), st.integers(0, 2**20))
def test_areas_with_ties_are_those_of_scikit_learn(classes, number, seed):
    """Whole scores have many ties; class by class, as scikit-learn has it for two classes."""
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), rng.integers(0, classes, number)])
    scores = rng.integers(-3, 4, (len(targets), classes)).astype(float)
    areas = [roc_auc_score(targets == label, scores[:, label]) for label in range(classes)]
    found = macro_auc(torch.from_numpy(scores), torch.from_numpy(targets))
    assert found == pytest.approx(np.mean(areas))


def test_log_odds_are_those_of_the_softmax():
    """log(p / (1 - p)), where p is neither 0 nor 1."""
    logits = torch.randn(20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    p = torch.softmax(logits, dim=1)
    torch.testing.assert_close(log_odds(logits), torch.log(p / (1 - p)))


@hypothesis_settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=15))
def test_the_area_is_the_share_of_pairs_in_order(pairs):
    """By counting pairs of an example of the class and another; equal scores count half."""
    scores = torch.tensor([[float(score)] for score, _ in pairs], dtype=torch.float64)
    mine = [score for score, own in pairs if own]
    others = [score for score, own in pairs if not own]
    targets = torch.tensor([0 if own else 1 for _, own in pairs])
    won = [(a > b) + (a == b) / 2 for a in mine for b in others]
    assert macro_auc(scores, targets) == pytest.approx(sum(won) / len(won) if won else 0.5)


def test_one_batch_or_many_score_the_same():
    """A scorer counts."""
    logits = torch.randn(50, 6, generator=torch.Generator().manual_seed(2))
    targets = [k % 6 for k in range(50)]
    assert scored(logits, targets) == scored(logits, targets, size=7)


def test_a_kingdom_that_is_nowhere_has_an_f1_of_0_and_no_area():
    """Small parts lack rare kingdoms; by hand: F1 of 1, 1 and 0."""
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    assert scored(logits, [0, 1]) == {"accuracy": 1.0, "f1": pytest.approx(2 / 3), "auc": 1.0}


@pytest.mark.parametrize("wild", [torch.nan, torch.inf, -torch.inf])
def test_an_output_that_is_no_number_is_wrong_in_every_metric(wild):
    """The worst devices give such outputs. Alone they score 0; beside right ones they cost their share."""
    targets = [0, 1, 0, 1]
    assert scored(torch.full((4, 2), wild), targets) == {"accuracy": 0.0, "f1": 0.0, "auc": 0.0}
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0], [wild, 0.0], [0.0, 3.0]])
    found = scored(logits, targets)
    # class 0: one right, none wrongly said, one missed; class 1: two right
    assert found["accuracy"] == 0.75 and found["f1"] == pytest.approx((2 / 3 + 1) / 2)
    # class 0: of 4 pairs 2 are in order; class 1 the same
    assert found["auc"] == pytest.approx(0.5)


def test_large_logits_keep_their_order():
    """Programmed networks give logits of hundreds, which a softmax in single precision makes 0 or 1."""
    logits = torch.tensor([[60.0, 0.0], [50.0, 0.0], [40.0, 0.0]])
    assert scored(logits, [0, 0, 1])["auc"] == pytest.approx(1.0)


def test_scores_of_probabilities_of_0_and_1_are_those_of_the_decisions():
    """What baselines without probabilities give."""
    found = scores_of(torch.eye(3, dtype=torch.float64)[[0, 1, 1]], torch.tensor([0, 1, 2]))
    assert found["accuracy"] == pytest.approx(2 / 3)


def test_details_are_of_the_glycans_on_the_map():
    """A row each with the kingdom and every output; none where nothing was counted, or nothing asked for."""
    features = torch.arange(6.0).reshape(3, 2)
    for details, expected in ((False, []), (True, [{"kingdom": 4, "output_1": 2.0, "output_2": 3.0}])):
        scorer = KingdomScorer(details=details)
        assert scorer.details() == []
        scorer.update(Output(torch.zeros(3, 6), features), batch_of([3, 4, 5], [False, True, False]))
        assert scorer.details() == expected
