"""What needs no network: by brute force on tiny data, and the numbers on the whole table."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

from codesign.tasks.about import about_of
from codesign.tasks.contract import DataSettings
from codesign.tasks.glycans.baselines import baselines, certain, logistic, nearest
from codesign.tasks.glycans.examples import divided
from codesign.tasks.glycans.scores import scores_of

OPTIONS = {"kingdoms": 6, "nodes": 64, "split": "hash"}


def labels_of(trees, glycan):
    """Labels and parents of one glycan."""
    nodes = slice(int(trees.starts[glycan]), int(trees.starts[glycan + 1]))
    return [trees.labels[k] for k in trees.nodes[nodes].tolist()], trees.parents[nodes].tolist()


def counted(trees, glycan, longest):
    """Chains of a glycan to how often they occur, by following parents."""
    labels, parents = labels_of(trees, glycan)
    found = {}
    for node in range(len(labels)):
        chain, at = (), node
        while at >= 0 and len(chain) < longest:
            chain, at = (*chain, labels[at]), parents[at]
            found[chain] = found.get(chain, 0) + 1
    return found


def cosine(one, other):
    dot = sum(number * other.get(chain, 0) for chain, number in one.items())
    return dot / math.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))


def test_baselines_on_few_glycans_are_those_of_brute_force():
    """Each test glycan compared with each of 120 by dictionaries of chains; equal cosines leave a choice."""
    settings = DataSettings(
        "embedded", 0.15, 3, OPTIONS | {"train_size": 120, "test_size": 40, "kingdoms": 4}
    )
    found = baselines(settings)
    division = divided(settings)
    trees, train, test = division.trees, *(division.members[part].tolist() for part in ("train", "test"))
    kingdoms = trees.kingdoms.tolist()
    for name, longest in (("nearest-tokens", 1), ("nearest-chains", 3)):
        known = [counted(trees, glycan, longest) for glycan in train]
        least, most = 0, 0
        for glycan in test:
            mine = counted(trees, glycan, longest)
            similar = [cosine(mine, other) for other in known]
            best = {kingdoms[train[k]] for k, s in enumerate(similar) if s > max(similar) - 1e-9}
            least += best == {kingdoms[glycan]}
            most += kingdoms[glycan] in best
        assert least / 40 <= found[name]["accuracy"] <= most / 40
        assert most - least <= 3  # else this would show little
    commonest = max(set(kingdoms), key=[kingdoms[k] for k in train].count)
    assert found["majority"]["accuracy"] == [kingdoms[k] for k in test].count(commonest) / 40
    assert set(found) == set(about_of("glycans").baselines)
    assert {name for name, each in found.items() if "auc" in each} == {"majority", "logistic"}


def test_the_nearest_is_the_first_of_equals():
    """A multiple is as near as the row itself."""
    among = sparse.csr_matrix([[0, 3, 1], [2, 0, 0], [4, 0, 0]])
    assert nearest(sparse.csr_matrix([[5, 0, 0], [0, 6, 2]]), among).tolist() == [1, 0]


def test_logistic_regression_gives_a_kingdom_it_never_saw_no_probability():
    """Rows add up to one over the kingdoms there are."""
    rng = np.random.default_rng(1)
    counts = sparse.csr_matrix(rng.poisson(1.0, (60, 5)))
    kingdoms = np.array([0, 2] * 30)
    found = logistic(counts[:40], kingdoms[:40], counts[40:], 3)
    assert found.shape == (20, 3) and (found[:, 1] == 0).all()
    assert found.sum(axis=1) == pytest.approx(1)


def test_certain_decisions_score_as_they_are():
    """Accuracy is the share of right ones."""
    scores = scores_of(torch.from_numpy(certain(np.array([0, 1, 1]), 3)), torch.tensor([0, 1, 2]))
    assert scores["accuracy"] == pytest.approx(2 / 3)


def test_baselines_of_the_whole_table_are_the_known_ones():
    """To 0.005 those of an independent prototype."""
    found = baselines(DataSettings("embedded", 0.15, 1, OPTIONS))
    for name, scores in {
        "majority": {"accuracy": 0.473, "f1": 0.107, "auc": 0.5},
        "nearest-tokens": {"accuracy": 0.922, "f1": 0.811},
        "nearest-chains": {"accuracy": 0.937, "f1": 0.865},
        "logistic": {"accuracy": 0.945, "f1": 0.843, "auc": 0.992},
    }.items():
        assert found[name] == pytest.approx(scores, abs=0.005)
