"""Files of public data sets: local mirror, else checked download; decoded examples kept for the next time."""

import gzip
import hashlib
import http.client
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from codesign.files import replacing, sha256_of
from codesign.tasks.contract import DataSettings

CHUNK = 1 << 20
TIMEOUT_S = 60

_used: ContextVar[set[Path] | None] = ContextVar("used", default=None)
"""Kept files that were made or read, where somebody wants to know."""

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
            f"put the file into {file.folder}/ of a mirror folder, or choose a source that needs none"
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
                "folder, or choose a source that needs none"
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


def kept(cache: Path | None, name: str, make: Callable[[], Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
    """What `make` gives, from the cache where it was kept before.

    Args:
        cache: Folder of downloads and decoded examples; None keeps nothing.
        name: Path below it, with everything in it that the content depends on (versions, digests).
        make: Decodes or generates the tensors.

    Raises:
        DataError: What was kept is not readable.
    """
    if cache is None:
        return make()
    path = cache / f"{name}.safetensors"
    used(path)
    if path.is_file():
        try:
            with safe_open(path, framework="pt") as stored:
                return {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise DataError(f"{path}: not readable ({error}); remove it to make it anew") from error
    tensors = dict(make())
    with replacing(path) as temporary:
        save_file(tensors, temporary)
    return tensors


@contextmanager
def noted() -> Iterator[set[Path]]:
    """The files of the cache that are made or read inside, by `kept` or by what else calls `used`."""
    found: set[Path] = set()
    token = _used.set(found)
    try:
        yield found
    finally:
        _used.reset(token)


def used(path: Path) -> None:
    """Tell who wants to know that a file of the cache is made or read."""
    found = _used.get()
    if found is not None:
        found.add(path)
