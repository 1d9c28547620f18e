"""Weights on disk: safetensors, one JSON object beside them, nothing pickled."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from codesign.files import replacing
from codesign.models.network import Network
from codesign.tables import METADATA_KEY

KEY = METADATA_KEY.decode()


class WeightsError(ValueError):
    """A weights file cannot be used; the message names file and remedy."""


def copied(tensor: Tensor) -> Tensor:
    """A tensor of its own on the CPU, in the default memory order."""
    return tensor.detach().cpu().contiguous().clone()


def write_weights(weights: Mapping[str, Tensor], path: Path | str, *, metadata: Mapping) -> None:
    """Write named tensors and a JSON object; `path` appears only when complete.

    The same tensors and metadata give the same bytes.
    """
    stored = json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        save_file({name: copied(t) for name, t in weights.items()}, temporary, metadata={KEY: stored})


def read_weights(path: Path | str) -> tuple[dict[str, Tensor], dict]:
    """Named tensors on the CPU, and the JSON object written with them.

    Raises:
        WeightsError: Not a complete weights file.
    """
    return _read(path, tensors=True)


def _read(path: Path | str, *, tensors: bool) -> tuple[dict[str, Tensor], dict]:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            metadata = json.loads((stored.metadata() or {}).get(KEY, "{}"))
            names = stored.keys() if tensors else ()
            return {name: stored.get_tensor(name) for name in names}, metadata
    except (SafetensorError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: not a complete weights file ({error}); delete it and make it again"
        ) from error


def read_metadata(path: Path | str) -> dict:
    """The JSON object of a weights file; its tensors stay where they are.

    Raises:
        WeightsError: Not a complete weights file.
    """
    return _read(path, tensors=False)[1]


def load_weights(network: Network, path: Path | str) -> dict:
    """Put the weights of `path` into `network`, which must be the same one.

    Returns:
        The JSON object written with them.

    Raises:
        WeightsError: Not a complete file, of another network, or of one around other frozen parts.
    """
    weights, metadata = read_weights(path)
    pinned = metadata.get("frozen", {})
    if pinned != dict(network.frozen):
        raise WeightsError(
            f"{path}: trained around frozen parts with sha256 {pinned}; those here: {dict(network.frozen)}"
        )
    put_weights(network, weights, path)
    return metadata


def put_weights(network: Network, weights: Mapping[str, Tensor], path: Path | str) -> None:
    """Give every parameter and buffer that is not frozen its value.

    Raises:
        WeightsError: A name or a shape is another, or something frozen would be overwritten; `path` is named.
    """
    frozen = [name for name in weights if network.is_frozen(name)]
    if frozen:
        raise WeightsError(f"{path}: of another network ({frozen[0]} is frozen in this one)")
    try:
        found = network.module.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # a shape
        raise WeightsError(f"{path}: of another network ({error})") from error
    missing = [name for name in found.missing_keys if not network.is_frozen(name)]
    if missing or found.unexpected_keys:
        wrong = f"{missing[0]} is missing" if missing else f"{found.unexpected_keys[0]} is unknown"
        raise WeightsError(f"{path}: of another network ({wrong})")
