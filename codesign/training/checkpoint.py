"""A training stopped between two epochs: one safetensors file, read back bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codesign.models.weights import WeightsError, read_weights, write_weights


@dataclass
class Progress:
    """How far a training is; changes from epoch to epoch."""

    identity: dict
    """What is trained (JSON-serialisable)."""
    history: list[dict]
    best_epoch: int
    best: dict[str, Tensor]
    """Weights of the best epoch, on the CPU."""
    stored: dict[str, Tensor] | None = None
    """Everything a checkpoint held; None for a training that did not start from one."""


def write_checkpoint(
    path: Path,
    progress: Progress,
    *,
    state: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    generators: Mapping[str, torch.Generator],
) -> None:
    """Write weights, optimiser, generators, history and best weights; atomic."""
    tensors = {f"model/{name}": tensor for name, tensor in state.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in progress.best.items()}
    tensors |= {f"generator/{name}": g.get_state() for name, g in generators.items()}
    for index, entries in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{key}": value for key, value in entries.items() if value is not None}
    metadata = {
        "identity": progress.identity,
        "history": progress.history,
        "best_epoch": progress.best_epoch,
    }
    write_weights(tensors, path, metadata=metadata)


def read_checkpoint(path: Path, *, expected: dict, error: type[Exception]) -> Progress:
    """Read what `write_checkpoint` wrote for the same training.

    Args:
        path: The checkpoint.
        expected: Identity of the training that wants to go on.
        error: Raised, with a message, where the file is unreadable or of another training.
    """
    try:
        tensors, metadata = read_weights(path)
    except WeightsError as problem:
        raise error(f"the checkpoint cannot be used: {problem}") from problem
    found = metadata.get("identity", {})
    different = [part for part in expected if found.get(part) != expected[part]]
    if different:
        raise error(
            f"{path} is a checkpoint of another training (different: {', '.join(different)}); remove it"
        )
    return Progress(
        identity=found,
        history=metadata["history"],
        best_epoch=metadata["best_epoch"],
        best=_under("best/", tensors),
        stored=tensors,
    )


def restore(
    progress: Progress,
    *,
    state: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    generators: Mapping[str, torch.Generator],
) -> None:
    """Put a checkpoint's values into a model, its optimiser and the generators; frees them."""
    tensors = progress.stored
    with torch.no_grad():
        for name, value in _under("model/", tensors).items():
            state[name].copy_(value)
    for name, generator in generators.items():
        generator.set_state(tensors[f"generator/{name}"])
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    entries: dict[int, dict] = {}
    for name, value in _under("optimiser/", tensors).items():
        index, key = name.split("/")
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(value)  # in the parameter's memory order
        entries.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    progress.stored = None


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
