"""Tumours of the breast, benign or malignant, from 30 measured features of their cells."""

import hashlib

import torch
from torch import Tensor

from codesign.tasks.classification import ClassificationTask
from codesign.tasks.contract import DataSettings, DataSource

TEST_EVERY = 5
"""Every fifth example, in file order, is a test example."""


def read(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, DataSource]:
    """Features (n, 30), classes and source of `fit` or `test`.

    Source:
        UCI Breast Cancer Wisconsin (Diagnostic), Wolberg, Mangasarian, Street (1995); scikit-learn ships it.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    test = torch.arange(len(bunch.target)) % TEST_EVERY == TEST_EVERY - 1
    wanted = test if part == "test" else ~test
    digest = hashlib.sha256(bunch.data.tobytes() + bunch.target.tobytes()).hexdigest()
    source = DataSource("breast cancer Wisconsin", "embedded", "", digest)
    return torch.tensor(bunch.data).float()[wanted], torch.tensor(bunch.target).long()[wanted], source


TASK = ClassificationTask("tumours", classes=2, shape=(30,), read=read)
