"""Weights on disk: safetensors, one JSON object beside them, nothing pickled."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from codesign.files import replacing
from codesign.tables import METADATA_KEY

KEY = METADATA_KEY.decode()


class WeightsError(ValueError):
    """A weights file cannot be used; the message names file and remedy."""


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of parameters and buffers on the CPU, in the default memory order."""
    return {name: copied(tensor) for name, tensor in model.state_dict().items()}


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
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            metadata = json.loads((stored.metadata() or {}).get(KEY, "{}"))
            return {name: stored.get_tensor(name) for name in stored.keys()}, metadata  # noqa: SIM118
    except (SafetensorError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: not a complete weights file ({error}); delete it and make it again"
        ) from error


def load_weights(model: nn.Module, path: Path | str) -> dict:
    """Put the weights of `path` into `model`, which must be the same network.

    Returns:
        The JSON object written with them.

    Raises:
        WeightsError: Not a complete file, or of another network.
    """
    weights, metadata = read_weights(path)
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"{path}: of another network ({error})") from error
    return metadata
