"""Tumours of the breast, benign or malignant, from 30 measured features of their cells."""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.tasks.splits import fitting_splits, testing_split
from codesign.tasks.task import DataSettings, Origin, Split, Task, accuracy

TEST_EVERY = 5
"""Every fifth example of each class, in file order, is a test example."""


def load_fit(settings: DataSettings) -> tuple[Split, Split]:
    """Training and validation examples; no test example is kept."""
    return fitting_splits(_raw, settings, task="tumours")


def load_test(settings: DataSettings) -> Split:
    """Test examples, normalised with the statistics of the training examples."""
    return testing_split(_raw, settings, task="tumours")


def _raw(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    """Features (n, 30) and classes of `train` or `test`.

    Source:
        UCI Breast Cancer Wisconsin (Diagnostic), Wolberg, Mangasarian, Street (1995); scikit-learn ships it.
    """
    from sklearn.datasets import load_breast_cancer

    if settings.source != "embedded":
        raise ValueError(f"tumours come with scikit-learn: source must be embedded, got {settings.source}")
    bunch = load_breast_cancer()
    position = np.empty(len(bunch.target), dtype=int)
    for label in (0, 1):
        members = bunch.target == label
        position[members] = np.arange(members.sum())
    test = position % TEST_EVERY == TEST_EVERY - 1
    wanted = test if part == "test" else ~test
    digest = hashlib.sha256(bunch.data.tobytes() + bunch.target.tobytes()).hexdigest()
    return (
        torch.from_numpy(bunch.data[wanted]).float(),
        torch.from_numpy(bunch.target[wanted]).long(),
        Origin("breast cancer Wisconsin", "embedded", "", digest),
    )


TUMOURS = Task(
    name="tumours",
    models=("perceptron", "mlp"),
    classes=2,
    shape=(30,),
    loss=cross_entropy,
    metric="accuracy",
    score=accuracy,
    chance=0.63,  # always the larger class
    augmented=False,
    load_fit=load_fit,
    load_test=load_test,
)
