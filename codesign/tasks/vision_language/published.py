"""Files of published models: from a mirror's folder, else from the Hugging Face hub; checked, and recorded.

A mirror holds a model under its name on the hub: `MIRROR/owner/name/config.json`. The digests of these files
are not pinned here. What the hub says of a file is compared with what was received; whatever a file is read
from, its sha256 is written down when it is read first and compared each time after that.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import is_zipfile

import torch
from safetensors import safe_open
from torch import Tensor

from codesign.files import replacing, sha256_of
from codesign.tasks.contract import DataSettings
from codesign.tasks.vision_language.parts import FOLDER, PartError

NAME = re.compile(r"(spaces/)?([\w.-]+/[\w.-]+)(?:@([\w.-]+))?")
"""owner/name of a model, spaces/owner/name of a space, each with @revision where it is pinned."""
SHA256 = re.compile(r"[0-9a-f]{64}")
INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
SINGLE = ("model.safetensors", "pytorch_model.bin")
"""Where weights are, in the order of preference: pickles last, read as tensors alone."""


class MissingError(PartError):
    """A published model has no such file."""


@dataclass(frozen=True)
class Repository:
    """A published model, and where its files are found here."""

    name: str
    """owner/name."""
    space: bool
    """Whether it is a space of the hub, else a model."""
    revision: str | None
    """Branch, tag or commit; None takes the first one met here from then on."""
    mirror: Path | None
    cache: Path | None

    @property
    def said(self) -> str:
        """As the configuration says it."""
        pinned = "" if self.revision is None else f"@{self.revision}"
        return f"{'spaces/' if self.space else ''}{self.name}{pinned}"

    @property
    def folder(self) -> Path | None:
        """Its folder in the mirror; None where that has none."""
        if self.mirror is None:
            return None
        found = self.mirror / ("spaces" if self.space else "") / self.name
        return found if found.is_dir() else None


def repository(said: str, settings: DataSettings, *, option: str) -> Repository:
    """What an option of an experiment names.

    Args:
        said: owner/name, or spaces/owner/name, each with @revision where it is pinned.
        settings: Mirror and cache.
        option: For messages.

    Raises:
        PartError: It is no such name.
    """
    found = NAME.fullmatch(said)
    if not found or ".." in said.split("@")[0].split("/"):
        raise PartError(
            f"{option}: {said!r} names no published model; it must be owner/name as on the Hugging Face "
            "hub, with @revision where it is pinned, e.g. Salesforce/blip2-flan-t5-xxl; a mirror folder "
            "holds it under that name"
        )
    space, name, revision = found.groups()
    return Repository(name, space is not None, revision, settings.mirror, settings.cache)


def located(where: Repository, name: str) -> Path:
    """A file of a published model on this machine, checked.

    Args:
        where: The model.
        name: Path of the file in it.

    Raises:
        MissingError: The model has no such file.
        PartError: It cannot be fetched, or is not what it was: the message has file, expected and found
            sha256.
    """
    return _located(where, name)


@lru_cache(maxsize=256)
def _located(where: Repository, name: str) -> Path:
    """Each file is hashed once a process: a language model has 13 GB of them."""
    if where.folder is not None:
        path = where.folder / name
        if not path.is_file():
            raise MissingError(f"{path} is missing; the mirror's copy of {where.said} is not complete")
    else:
        path = _fetched(where, name)
    _compare(where, name, path)
    return path


def sha256_known(where: Repository, name: str) -> str:
    """The sha256 of a file, from its record where there is one, without reading the file again."""
    record = _record(where, name)
    if record is None or not record.is_file():
        path = located(where, name)
        return sha256_of(path) if record is None else _recorded(record)["sha256"]
    return _recorded(record)["sha256"]


def _record(where: Repository, name: str) -> Path | None:
    if where.cache is None:
        return None
    kind = "spaces--" if where.space else ""
    pinned = "" if where.revision is None else f"@{where.revision}"
    folder = f"{kind}{where.name.replace('/', '--')}{pinned}"
    return where.cache / FOLDER / "published" / folder / f"{name}.json"


def _recorded(record: Path) -> Mapping:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        if not SHA256.fullmatch(found["sha256"]):
            raise ValueError(f"sha256 {found['sha256']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise PartError(
            f"{record}: not readable ({error}); remove it, and the file is recorded anew"
        ) from None
    return found


def _compare(where: Repository, name: str, path: Path) -> None:
    """Hold a file against its record, or write one."""
    record = _record(where, name)
    if record is None:
        return
    size = path.stat().st_size
    found = sha256_of(path)
    if not record.is_file():
        with replacing(record) as temporary:
            temporary.write_text(json.dumps({"sha256": found, "size": size}), encoding="utf-8")
        return
    expected = _recorded(record)
    if expected["sha256"] != found:
        raise PartError(
            f"{path} is not the {name} of {where.said} that was read first: expected sha256 "
            f"{expected['sha256']} ({expected['size']} bytes), found {found} ({size} bytes); put a good "
            f"copy in its place, or remove {record} where the change is meant"
        )


def _fetched(where: Repository, name: str) -> Path:
    """A file from the hub: an interrupted download goes on; what the hub says of it is compared."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    if where.cache is None:
        raise PartError(
            f"{name} of {where.said} is not in the mirror {where.mirror}; name a cache folder to download "
            f"it to, or put the model into {where.name} of a mirror folder (datasets.mirror, "
            "CODESIGN_MIRROR)"
        )
    try:
        path = hf_hub_download(
            where.name,
            name,
            repo_type="space" if where.space else "model",
            revision=where.revision or _commit(where),
            cache_dir=where.cache / FOLDER / "hub",
        )
    except LocalEntryNotFoundError as error:
        raise PartError(_unreachable(where, name, error)) from error
    except EntryNotFoundError as error:
        raise MissingError(f"{where.said} has no file {name} on the hub") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise PartError(_unreachable(where, name, error)) from error
    path = Path(path)
    # the hub's cache calls a large file's content by its sha256, which the hub said before sending it;
    # what was received before is held against its record
    expected = path.resolve().name
    if not _record(where, name).is_file() and SHA256.fullmatch(expected) and sha256_of(path) != expected:
        path.resolve().unlink()
        raise PartError(
            f"{name} of {where.said} is not what the hub says: expected sha256 {expected}; the file was "
            "removed, run again to fetch it"
        )
    _remember_commit(where, path)
    return path


def _unreachable(where: Repository, name: str, error: Exception) -> str:
    said = str(error).strip().splitlines()
    return (
        f"{name} of {where.said} cannot be fetched from the hub "
        f"({said[0] if said else type(error).__name__}); put the model's files into "
        f"{'spaces/' if where.space else ''}{where.name} of a mirror folder (datasets.mirror, "
        "CODESIGN_MIRROR), or correct the name"
    )


def _commit_file(where: Repository) -> Path:
    return _record(where, "commit")


def _commit(where: Repository) -> str | None:
    """The commit that an unpinned model was first fetched at: all its files are of one."""
    path = _commit_file(where)
    return json.loads(path.read_text(encoding="utf-8"))["commit"] if path.is_file() else None


def _remember_commit(where: Repository, path: Path) -> None:
    record = _commit_file(where)
    if where.revision is None and not record.is_file():
        parts = path.parts
        with replacing(record) as temporary:
            told = {"commit": parts[parts.index("snapshots") + 1]}
            temporary.write_text(json.dumps(told), encoding="utf-8")


@dataclass(frozen=True)
class Weights:
    """Which file of a model holds which tensor."""

    where: Repository
    shard_of: Mapping[str, str]
    """Name of a tensor to its file; empty where one file holds all."""
    index: str
    """The file that says so, or the only one."""
    wanted: tuple[str, ...] = ()
    """Beginnings of the names that count; empty: all."""

    @property
    def shards(self) -> list[str]:
        """Files that hold a tensor that counts, by name."""
        if not self.shard_of:
            return [self.index]
        return sorted({shard for name, shard in self.shard_of.items() if self.counts(name)})

    def counts(self, name: str) -> bool:
        """Whether a tensor is among those wanted."""
        return not self.wanted or name.startswith(self.wanted)


def weights_of(where: Repository, *, wanted: tuple[str, ...] = ()) -> Weights:
    """Where a model's tensors are.

    Args:
        where: The model.
        wanted: Beginnings of the names that count; empty: all. Other shards are neither fetched nor read.

    Raises:
        PartError: There are no weights, or the index names none that is wanted.
    """
    for index in INDICES:
        try:
            path = located(where, index)
        except MissingError:
            continue
        try:
            shard_of = dict(json.loads(path.read_text(encoding="utf-8"))["weight_map"])
        except (ValueError, KeyError, TypeError) as error:
            raise PartError(f"{path}: no index of weights ({error}); fetch it again") from None
        found = Weights(where, shard_of, index, wanted)
        if not found.shards:
            raise PartError(
                f"{path} names no tensor that begins with {' or '.join(wanted)}; {where.said} is another "
                "kind of model"
            )
        strange = [shard for shard in found.shards if Path(shard).name != shard]
        if strange:
            raise PartError(f"{path} names the file {strange[0]!r}, which lies elsewhere; it is not read")
        return found
    for single in SINGLE:
        try:
            located(where, single)
        except MissingError:
            continue
        return Weights(where, {}, single, wanted)
    raise PartError(
        f"{where.said} has no weights: none of {', '.join((*INDICES, *SINGLE))}"
        + (f" in {where.folder}" if where.folder is not None else " on the hub")
    )


def checked_shard(weights: Weights, shard: str) -> Path:
    """A shard of a model, which holds every tensor that the index says is in it.

    Raises:
        PartError: It is missing, truncated or another one: the message names it, and the tensor.
    """
    path = located(weights.where, shard)
    expected = {name for name, mine in weights.shard_of.items() if mine == shard}
    lacking = sorted(expected - _names_in(path))
    if lacking:
        raise PartError(
            f"{path} has no tensor {lacking[0]}, which {weights.index} says is in it ({len(lacking)} of "
            f"{len(expected)} are missing); put the right shard in its place"
        )
    return path


def tensors_of(weights: Weights) -> dict[str, Tensor]:
    """The tensors that count, by name.

    Raises:
        PartError: As `checked_shard`.
    """
    found: dict[str, Tensor] = {}
    for shard in weights.shards:
        found |= read_tensors(checked_shard(weights, shard), weights.counts)
    return found


def _names_in(path: Path) -> set[str]:
    """Names of the tensors of a file, which are not read where its format allows that."""
    with _readable(path):
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stored:
                return set(stored.keys())
        mapped = is_zipfile(path)
        return set(_unwrapped(torch.load(path, map_location="cpu", weights_only=True, mmap=mapped), path))


def read_tensors(path: Path, counts: Callable[[str], bool] = lambda name: True) -> dict[str, Tensor]:
    """Tensors of a safetensors file, or of a pickle, of which nothing but tensors is made.

    Args:
        path: `.safetensors`, else a file of torch.save; its tensors may lie under the key `model`.
        counts: Which names are wanted.

    Raises:
        PartError: It is not readable, e.g. truncated.
    """
    with _readable(path):
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stored:
                return {name: stored.get_tensor(name) for name in stored.keys() if counts(name)}  # noqa: SIM118
        stored = _unwrapped(torch.load(path, map_location="cpu", weights_only=True), path)
    return {name: tensor for name, tensor in stored.items() if isinstance(tensor, Tensor) and counts(name)}


def _unwrapped(stored: object, path: Path) -> Mapping:
    if isinstance(stored, Mapping) and isinstance(stored.get("model"), Mapping):
        stored = stored["model"]
    if not isinstance(stored, Mapping):
        raise PartError(f"{path}: holds a {type(stored).__name__} and no tensors by name")
    return stored


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name a file that cannot be read; what a spoilt pickle raises is of many kinds."""
    try:
        yield
    except PartError:
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "weights_only" in str(error):  # torch's message advises to read the file as code
            said = "perhaps it holds something else than tensors, which may run code and is not read"
        raise PartError(
            f"{path}: not readable ({said}); it has {path.stat().st_size} bytes, is truncated or no file "
            "of weights; fetch it again"
        ) from error
