"""MNIST: its files as published, and what is in them."""

import math

import numpy as np
import torch
from torch import Tensor

from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.remote import DataError, RemoteFile, content, locate


def _mnist(name: str, *, size: int, content_size: int, sha256: str) -> RemoteFile:
    return RemoteFile(
        name=name,
        folder="mnist",
        url=f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}",
        size=size,
        sha256=sha256,
        content_size=content_size,
    )


MNIST = {
    "fit": (
        _mnist(
            "train-images-idx3-ubyte.gz",
            size=9_912_422,
            content_size=47_040_016,
            sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        _mnist(
            "train-labels-idx1-ubyte.gz",
            size=28_881,
            content_size=60_008,
            sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    "test": (
        _mnist(
            "t10k-images-idx3-ubyte.gz",
            size=1_648_877,
            content_size=7_840_016,
            sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        _mnist(
            "t10k-labels-idx1-ubyte.gz",
            size=4_542,
            content_size=10_008,
            sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}
"""Images and labels. Copies differ in how they were compressed, so the content is what is pinned."""


def read_mnist(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, DataSource]:
    """MNIST, its training (`fit`) or `test` images: uint8 (n, 1, 28, 28), int64 labels, source."""
    arrays = []
    places = set()
    for file in MNIST[part]:
        path, obtained = locate(file, settings)
        places.add(obtained)
        arrays.append(read_idx(content(file, path), name=str(path)))
    images, labels = arrays
    source = DataSource(
        dataset="mnist",
        obtained=" and ".join(sorted(places)),
        variant="",
        sha256=MNIST[part][0].sha256,
    )
    return torch.from_numpy(images)[:, None], torch.from_numpy(labels.astype(np.int64)), source


def read_idx(data: bytes, *, name: str) -> np.ndarray:
    """The unsigned bytes of an IDX file (http://yann.lecun.com/exdb/mnist, "file format").

    Raises:
        DataError: Not an IDX file of unsigned bytes, or its length is not what its header says.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise DataError(f"{name}: not an IDX file of unsigned bytes")
    header = 4 + 4 * data[3]
    shape = tuple(np.frombuffer(data[4:header], dtype=">u4").astype(int).tolist())
    expected = math.prod(shape) + header if len(shape) == data[3] else -1
    if len(data) != expected:
        raise DataError(f"{name}: {len(data)} bytes do not fit the header's shape {shape}")
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape).copy()
