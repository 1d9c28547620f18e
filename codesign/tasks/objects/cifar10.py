"""CIFAR-10: the published archive, or a copy re-encoded as JPEG that a mirror may hold."""

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.mirror import only_stand_in
from codesign.tasks.remote import DataError, RemoteFile, check, kept, locate

LARGEST_ARCHIVE = 1 << 28
"""Bytes of an unpacked archive; a small file can be made that unpacks to any size."""

CIFAR10 = RemoteFile(
    name="cifar-10-binary.tar.gz",
    folder="cifar10",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    size=170_052_171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
"""The binary version: fixed-length records (MD5 c32a1d4ab5d03f1284b67883e8d87530, as its page says)."""

CIFAR10_JPEG = RemoteFile(
    name="cifar10_full_jpeg.npz",
    folder="cifar10",
    url="",
    size=18_393_943,
    sha256="ddc486d8184e0c8cbd1aabe38430b52df1a9474efc91db739f568becdc5efcfa",
)
"""A lossy copy that only a mirror holds: every image re-encoded as JPEG."""

CIFAR10_MEMBERS = {
    "fit": tuple(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)),
    "test": ("cifar-10-batches-bin/test_batch.bin",),
}
CIFAR10_RECORD = 1 + 3 * 32 * 32
CIFAR10_BATCH = 10_000


def read_cifar10(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, DataSource]:
    """CIFAR-10, its training (`fit`) or `test` images: uint8 (n, 3, 32, 32), int64 labels, source.

    A mirror may hold the published archive or a copy re-encoded as JPEG; the source's variant
    tells them apart, and the archive is preferred.
    """
    published, lossy = (f"{file.folder}/{file.name}" for file in (CIFAR10, CIFAR10_JPEG))
    if only_stand_in(settings.mirror, published=published, stand_in=lossy):
        copy = settings.mirror / lossy
        check(CIFAR10_JPEG, copy)
        images, labels = _decoded(part, copy, settings.cache)
        return images, labels, DataSource("cifar10", "mirror", "jpeg re-encoding", CIFAR10_JPEG.sha256)
    path, obtained = locate(CIFAR10, settings)
    images, labels = read_cifar10_archive(path, CIFAR10_MEMBERS[part], records=CIFAR10_BATCH)
    return images, labels, DataSource("cifar10", obtained, "", CIFAR10.sha256)


def read_cifar10_archive(path: Path, members: tuple[str, ...], *, records: int) -> tuple[Tensor, Tensor]:
    """Images and labels of the named members, read in place: nothing is extracted to disk.

    Raises:
        DataError: A member is missing, is not a plain file, or has not `records` records.
    """
    found = {}
    try:
        # a stream, so that nothing is unpacked that is not read
        with gzip.open(path) as content, tarfile.open(fileobj=_AtMost(content), mode="r|") as archive:
            for entry in archive:
                if entry.name in members and entry.isreg() and entry.size == records * CIFAR10_RECORD:
                    found[entry.name] = archive.extractfile(entry).read()
                if len(found) == len(set(members)):
                    break
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a readable archive ({error})") from error
    missing = [name for name in members if name not in found]
    if missing:
        raise DataError(f"{path}: no file of {records} records under the name(s) {', '.join(missing)}")
    rows = np.concatenate(
        [np.frombuffer(found[name], dtype=np.uint8).reshape(records, CIFAR10_RECORD) for name in members]
    )
    labels = torch.from_numpy(rows[:, 0].astype(np.int64))
    images = torch.from_numpy(rows[:, 1:].reshape(-1, 3, 32, 32).copy())
    return images, labels


class _AtMost:
    """A stream that refuses to give more than `LARGEST_ARCHIVE` bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.left = LARGEST_ARCHIVE

    def read(self, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise tarfile.ReadError(f"it unpacks to more than {LARGEST_ARCHIVE} bytes")
        return self.stream.read(size)


def _decoded(part: str, path: Path, cache: Path | None) -> tuple[Tensor, Tensor]:
    """Decoded JPEG images, kept in the cache for the next time."""
    import PIL

    def decoded() -> dict[str, Tensor]:
        images, labels = decode_jpegs(path, test=part == "test")
        return {"images": images, "labels": labels}

    name = f"{CIFAR10.folder}/cifar10-jpeg-{part}-{CIFAR10_JPEG.sha256[:12]}-pillow-{PIL.__version__}"
    found = kept(cache, name, decoded)
    return found["images"], found["labels"]


def decode_jpegs(path: Path, *, test: bool) -> tuple[Tensor, Tensor]:
    """Decode the training or the test images of the JPEG copy; the others are not touched."""
    from PIL import Image

    with np.load(path, allow_pickle=False) as stored:
        blob, offsets = stored["jpeg"], stored["offsets"]
        wanted = np.flatnonzero(stored["is_test"] == test)
        labels = torch.from_numpy(stored["label"][wanted].astype(np.int64))
    images = np.empty((len(wanted), 32, 32, 3), dtype=np.uint8)
    for row, k in enumerate(tqdm(wanted, desc="decoding CIFAR-10", unit="image", disable=None)):
        with Image.open(io.BytesIO(blob[offsets[k] : offsets[k + 1]].tobytes()), formats=["JPEG"]) as image:
            if image.size != (32, 32):
                raise DataError(f"{path}: image {k} is {image.size[0]} x {image.size[1]}, not 32 x 32")
            images[row] = image.convert("RGB")
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), labels
