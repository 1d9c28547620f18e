"""Handwritten digits: MNIST, or the 8 x 8 digits that scikit-learn ships."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from codesign.tasks.classification import ClassificationTask
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.digits.mnist import read_mnist
from codesign.tasks.remote import kept

SIDE = 28
"""Pixels a side of every image; the 8 x 8 digits are enlarged to it, so that the networks are the same."""

TEST_EVERY = 5
"""Of each class of the embedded digits, in file order, every fifth is a test example."""


def read(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, DataSource]:
    """Images (n, 1, 28, 28), classes and source of `fit` or `test`."""
    return read_mnist(part, settings) if settings.source == "mnist" else embedded_digits(part, settings.cache)


def embedded_digits(part: str, cache: Path | None = None) -> tuple[Tensor, Tensor, DataSource]:
    """The 1797 digits of scikit-learn, 1442 to fit and 355 to test, enlarged to 28 x 28.

    Enlarging is bilinear. The split is by position within a class (`TEST_EVERY`), so it is the
    same on every machine; writers are not known, so one writer's digits can be in both parts.

    Source:
        UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), its test part.
    """
    name = f"digits/scikit-learn-{version('scikit-learn')}"  # importing it would take two seconds
    shipped = kept(cache, name, _shipped)
    images, targets = shipped["images"], shipped["targets"]
    position = torch.empty_like(targets)
    for label in range(10):
        members = targets == label
        position[members] = torch.arange(int(members.sum()))
    test = position % TEST_EVERY == TEST_EVERY - 1
    wanted = test if part == "test" else ~test
    enlarged = interpolate(
        images[wanted].float()[:, None] / 16, size=(SIDE, SIDE), mode="bilinear", align_corners=False
    )
    digest = hashlib.sha256(images.numpy().tobytes() + targets.to(torch.uint8).numpy().tobytes()).hexdigest()
    source = DataSource("scikit-learn digits", "embedded", "8 x 8 enlarged to 28 x 28", digest)
    return enlarged, targets[wanted], source


def _shipped() -> dict[str, Tensor]:
    """Images (1797, 8, 8) with levels 0 to 16, and classes."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return {
        "images": torch.from_numpy(bunch.images.astype(np.uint8)),
        "targets": torch.from_numpy(bunch.target).long(),
    }


TASK = ClassificationTask("digits", classes=10, shape=(1, SIDE, SIDE), read=read)
