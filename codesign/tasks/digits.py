"""Handwritten digits: MNIST, or the 8 x 8 digits that scikit-learn ships."""

import hashlib

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate

from codesign.tasks.data import read_mnist
from codesign.tasks.splits import fitting_splits, testing_split
from codesign.tasks.task import DataSettings, Origin, Split, Task, accuracy

SIDE = 28
"""Pixels a side of every image; the 8 x 8 digits are enlarged to it, so that the networks are the same."""

TEST_EVERY = 5
"""Of each class of the embedded digits, in file order, every fifth is a test example."""


def load_fit(settings: DataSettings) -> tuple[Split, Split]:
    """Training and validation digits; no test example is read."""
    return fitting_splits(_raw, settings, task="digits")


def load_test(settings: DataSettings) -> Split:
    """Test digits, normalised with the statistics of the training digits."""
    return testing_split(_raw, settings, task="digits")


def _raw(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    """Images (n, 1, 28, 28), and labels of `train` or `test`."""
    if settings.source == "mnist":
        return read_mnist(part, settings)
    if settings.source == "embedded":
        return embedded_digits(part)
    raise ValueError(f"digits come from mnist or embedded, not from {settings.source}")


def embedded_digits(part: str) -> tuple[Tensor, Tensor, Origin]:
    """The 1797 digits of scikit-learn, 1442 to fit and 355 to test, enlarged to 28 x 28.

    Enlarging is bilinear. The split is by position within a class (`TEST_EVERY`), so it is the
    same on every machine; writers are not known, so one writer's digits can be in both parts.

    Source:
        UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), its test part.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    targets = torch.from_numpy(bunch.target).long()
    images = torch.from_numpy(bunch.images).float()[:, None] / 16
    position = torch.empty_like(targets)
    for label in range(10):
        members = targets == label
        position[members] = torch.arange(int(members.sum()))
    test = position % TEST_EVERY == TEST_EVERY - 1
    wanted = test if part == "test" else ~test
    images = interpolate(images[wanted], size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    digest = hashlib.sha256(bunch.data.astype(np.uint8).tobytes() + bunch.target.astype(np.uint8).tobytes())
    origin = Origin("scikit-learn digits", "embedded", "8 x 8 enlarged to 28 x 28", digest.hexdigest())
    return images, targets[wanted], origin


DIGITS = Task(
    name="digits",
    models=("mlp", "lenet5"),
    classes=10,
    shape=(1, SIDE, SIDE),
    loss=cross_entropy,
    metric="accuracy",
    score=accuracy,
    chance=0.1,
    augmented=False,
    load_fit=load_fit,
    load_test=load_test,
)
