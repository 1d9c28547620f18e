"""Public data sets: local mirror, else checked download; read without unpickling anything."""

import gzip
import hashlib
import http.client
import io
import math
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from codesign.files import replacing, sha256_of
from codesign.tasks.mirror import CIFAR10_FOLDER, CIFAR10_LOSSY, CIFAR10_PUBLISHED, only_lossy
from codesign.tasks.task import DataSettings, Origin

CHUNK = 1 << 20
LARGEST_ARCHIVE = 1 << 28
"""Bytes of an unpacked archive; a small file can be made that unpacks to any size."""
TIMEOUT_S = 60

Opener = Callable[[str], BinaryIO]
"""Address to an open response; the real one is `open_https`."""


class DataError(RuntimeError):
    """A data set cannot be used; the message names the file and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """One public file and what its content must be."""

    name: str
    """File name, in the mirror and in the cache."""
    folder: str
    """Folder of the mirror and of the cache it lies in."""
    url: str
    size: int
    """Bytes of the download; a longer answer is cut off and refused."""
    sha256: str
    """Of the file, or of its uncompressed content where `content_size` is given."""
    content_size: int | None = None
    """Bytes of the uncompressed content of a gzip file whose compression is not pinned."""


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
    "train": (
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

CIFAR10 = RemoteFile(
    name=CIFAR10_PUBLISHED,
    folder=CIFAR10_FOLDER,
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    size=170_052_171,
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
"""The binary version: fixed-length records (MD5 c32a1d4ab5d03f1284b67883e8d87530, as its page says)."""

CIFAR10_JPEG = RemoteFile(
    name=CIFAR10_LOSSY,
    folder=CIFAR10_FOLDER,
    url="",
    size=18_393_943,
    sha256="ddc486d8184e0c8cbd1aabe38430b52df1a9474efc91db739f568becdc5efcfa",
)
"""A lossy copy that only a mirror holds: every image re-encoded as JPEG."""

CIFAR10_MEMBERS = {
    "train": tuple(f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)),
    "test": ("cifar-10-batches-bin/test_batch.bin",),
}
CIFAR10_RECORD = 1 + 3 * 32 * 32
CIFAR10_BATCH = 10_000


# -- finding files -----------------------------------------------------------------------------


def locate(file: RemoteFile, settings: DataSettings, *, opener: Opener | None = None) -> tuple[Path, str]:
    """A checked local copy of `file` and where it came from: `mirror` or `download`.

    The mirror comes first; a download lands in the cache and is found there the next time.

    Raises:
        DataError: A copy is not what is expected, or there is none and none can be had. A spoilt
            download is removed, a mirror is left as it is.
    """
    if settings.mirror is not None:
        path = settings.mirror / file.folder / file.name
        if path.is_file():
            check(file, path)
            return path, "mirror"
    if settings.cache is None:
        raise DataError(
            f"{file.name} is not in the mirror {settings.mirror}; name a cache folder to download it to, "
            f"put the file into {file.folder}/ of a mirror folder, or choose embedded data"
        )
    path = settings.cache / file.folder / file.name
    if path.is_file():
        try:
            check(file, path)
        except DataError as error:
            path.unlink()
            raise DataError(f"{error} (this cached download was removed; run again to fetch it)") from error
    else:
        download(file, path, opener=opener or open_https)
    return path, "download"


def check(file: RemoteFile, path: Path) -> None:
    """Compare the content of `path` with what is pinned.

    Raises:
        DataError: It differs; the message names the file, the expected and the found digest.
    """
    pinned = file.content_size is None
    found = sha256_of(path) if pinned else hashlib.sha256(content(file, path)).hexdigest()
    if found != file.sha256:
        raise DataError(
            f"{path} is not {file.name} as published: expected sha256 {file.sha256}, found {found}; "
            "remove the file or put a good copy in its place"
        )


def content(file: RemoteFile, path: Path) -> bytes:
    """Uncompressed content of a gzip file, never more than what is expected."""
    try:
        with gzip.open(path) as stream:
            found = stream.read(file.content_size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a readable gzip file ({error}); expected {file.name} whose content has "
            f"sha256 {file.sha256}, found a file with sha256 {sha256_of(path)}"
        ) from error
    return found


def download(file: RemoteFile, path: Path, *, opener: Opener) -> None:
    """Fetch `file` to `path`, which appears only when its content is right.

    Raises:
        DataError: The server cannot be reached, or sent something else; nothing is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        try:
            with opener(file.url) as response, temporary.open("wb") as out:
                _copy(response, out, file)
        except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise DataError(
                f"{file.url} cannot be fetched ({error}); put {file.name} into {file.folder}/ of a mirror "
                "folder, or choose embedded data"
            ) from error
        try:
            check(file, temporary)
        except DataError as error:
            raise DataError(f"the download from {file.url} was removed: {error}") from error


def _copy(response: BinaryIO, out: BinaryIO, file: RemoteFile) -> None:
    received = 0
    with tqdm(total=file.size, unit="B", unit_scale=True, desc=file.name, disable=None) as bar:
        while chunk := response.read(CHUNK):
            received += len(chunk)
            if received > file.size:
                raise DataError(f"{file.url} sent more than the {file.size} bytes of {file.name}")
            out.write(chunk)
            bar.update(len(chunk))


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        refuse_plain(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def refuse_plain(url: str) -> None:
    """Raise a DataError unless `url` is an https address."""
    if urlsplit(url).scheme != "https":
        raise DataError(f"{url} is not an https address; data are fetched over https only")


def open_https(url: str) -> BinaryIO:
    """Open `url` for reading; every redirect must lead to https too."""
    refuse_plain(url)
    request = urllib.request.Request(url, headers={"User-Agent": "codesign"})
    return urllib.request.build_opener(_HttpsOnly).open(request, timeout=TIMEOUT_S)


# -- reading sets ------------------------------------------------------------------------------


def read_mnist(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    """MNIST `train` or `test`: uint8 images (n, 1, 28, 28), int64 labels, origin."""
    arrays = []
    sources = set()
    for file in MNIST[part]:
        path, source = locate(file, settings)
        sources.add(source)
        arrays.append(read_idx(content(file, path), name=str(path)))
    images, labels = arrays
    origin = Origin(
        dataset="mnist",
        source=" and ".join(sorted(sources)),
        variant="",
        sha256=MNIST[part][0].sha256,
    )
    return torch.from_numpy(images)[:, None], torch.from_numpy(labels.astype(np.int64)), origin


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


def read_cifar10(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    """CIFAR-10 `train` or `test`: uint8 images (n, 3, 32, 32), int64 labels, origin.

    A mirror may hold the published archive or a copy re-encoded as JPEG; the origin's variant
    tells them apart, and the archive is preferred.
    """
    if only_lossy(settings.mirror):
        lossy = settings.mirror / CIFAR10_FOLDER / CIFAR10_LOSSY
        check(CIFAR10_JPEG, lossy)
        images, labels = _decoded(part, lossy, settings.cache)
        origin = Origin("cifar10", "mirror", "jpeg re-encoding", CIFAR10_JPEG.sha256)
        return images, labels, origin
    path, source = locate(CIFAR10, settings)
    images, labels = read_cifar10_archive(path, CIFAR10_MEMBERS[part], records=CIFAR10_BATCH)
    return images, labels, Origin("cifar10", source, "", CIFAR10.sha256)


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

    if cache is None:
        return decode_jpegs(path, test=part == "test")
    name = f"cifar10-jpeg-{part}-{CIFAR10_JPEG.sha256[:12]}-pillow-{PIL.__version__}.safetensors"
    kept = cache / CIFAR10.folder / name
    if kept.is_file():
        try:
            with safe_open(kept, framework="pt") as stored:
                return stored.get_tensor("images"), stored.get_tensor("labels")
        except SafetensorError as error:
            raise DataError(f"{kept}: not readable ({error}); remove it to decode the images anew") from error
    images, labels = decode_jpegs(path, test=part == "test")
    with replacing(kept) as temporary:
        save_file({"images": images, "labels": labels}, temporary)
    return images, labels


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
