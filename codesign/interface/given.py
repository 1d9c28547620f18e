"""Examples and networks as a caller has them: tensors or arrays, any module."""

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.utils.data import DataLoader, Dataset

from codesign.models.network import Network, NetworkError, network_of
from codesign.tasks.contract import mapped
from codesign.words import nearest

LARGEST_HELD = 1 << 30
"""Bytes of examples up to which all batches are kept where the network runs."""


class HoldError(ValueError):
    """Something a caller gave cannot be used; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Given:
    """Some examples; a batch is some of them."""

    inputs: Any
    """A tensor, or tensors in tuples and dicts of any depth, the first axis over examples."""
    targets: Any
    """The same; None where outputs are not scored."""
    source: None = None
    calibrates: bool = False
    """Whether a calibration is fitted on them."""

    def __len__(self) -> int:
        return len(_tensors(self.inputs)[0])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return tuple(mapped(lambda tensor: tensor[index], each) for each in (self.inputs, self.targets))

    def chosen(self, indices: Tensor) -> "Given":
        """The examples with these numbers, shape (n,)."""
        return mapped(lambda tensor: tensor.index_select(0, indices.to(tensor.device)), self)

    def count_among(self, other: "Given") -> int:
        """How many examples have the inputs of some example of `other`, bit for bit."""
        there = set(other._digests())
        return sum(digest in there for digest in self._digests())

    def _digests(self) -> Iterator[bytes]:
        """Of the inputs of each example."""
        every = [tensor.cpu().contiguous().view(len(self), -1) for tensor in _tensors(self.inputs)]
        for row in zip(*every, strict=True):
            content = hashlib.sha256()
            for part in row:
                content.update(part.view(torch.uint8).numpy())
            yield content.digest()

    @property
    def size(self) -> int:
        """Bytes of inputs and targets."""
        every = _tensors((self.inputs, self.targets))
        return sum(tensor.numel() * tensor.element_size() for tensor in every)


def examples_of(inputs: Any, targets: Any, model: nn.Module, *, what: str = "") -> Given:
    """Examples from tensors or arrays.

    Floating-point inputs get the number format of the model's weights, as a network computes in one.

    Args:
        inputs: Tensor or array, or several in a tuple or dict.
        targets: Tensor or array, or several; None where there are none.
        model: Has a parameter.
        what: Before `inputs` and `targets` in messages.

    Raises:
        HoldError: Nothing given, not numbers, or lengths that differ.
    """
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)

    def in_the_models(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    name, other = f"{what}inputs", f"{what}targets"
    given = mapped(in_the_models, _as_tensors(inputs, name))
    lengths = {len(tensor) for tensor in _tensors(given)}
    if not lengths or lengths == {0}:
        raise HoldError(f"{name} are empty: give at least one example")
    if len(lengths) > 1:
        raise HoldError(
            f"{name} differ in length ({', '.join(map(str, sorted(lengths)))}): one row an example"
        )
    found = None if targets is None else _as_tensors(targets, other)
    for tensor in _tensors(found):
        if len(tensor) not in lengths:
            raise HoldError(
                f"{other} have another length than {name}: {len(tensor)} and {lengths.pop()}; give one "
                "target an example, in the same order"
            )
    return Given(given, found)


def _as_tensors(value: Any, name: str) -> Any:
    """Arrays, numbers in lists and tensors as tensors; tuples and dicts stay what they are."""
    if isinstance(value, DataLoader | Dataset):
        raise HoldError(
            f"{name} are a {type(value).__name__}: concatenate its batches first, e.g. "
            "inputs = torch.cat([x for x, _ in loader]), targets = torch.cat([y for _, y in loader]), of a "
            "loader that does not shuffle"
        )
    if isinstance(value, Mapping):
        return {key: _as_tensors(each, name) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_as_tensors(each, name) for each in value)
    if not isinstance(value, Tensor):
        try:
            array = np.ascontiguousarray(value)
            value = torch.from_numpy(array if array.flags.writeable else array.copy())
        except (TypeError, ValueError) as error:
            raise HoldError(
                f"{name} are no numbers ({error}); give tensors or arrays, classes numbered 0, 1, 2, ..."
            ) from error
    if value.dim() == 0:
        raise HoldError(f"{name} hold a single number: the first axis is to count examples")
    return value.detach()


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []
    mapped(lambda tensor: found.append(tensor) or tensor, value)
    return found


def called(module: nn.Module, inputs: Any) -> Any:
    """The module's output: a dict of inputs goes by name, a tuple by place."""
    if isinstance(inputs, Mapping):
        return module(**inputs)
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


def joined(parts: list[Any]) -> Any:
    """Outputs of batches as that of all examples, on the CPU.

    Raises:
        HoldError: They are no tensors, alone or in tuples and dicts.
    """
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        if first.dim() == 0:
            raise HoldError(
                "the network gives a single number a batch; let it give an output for each example"
            )
        return torch.cat([part.cpu() for part in parts])
    if isinstance(first, Mapping):
        return {key: joined([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple | list):
        return tuple(joined([part[k] for part in parts]) for k in range(len(first)))
    raise HoldError(
        f"the network gives {type(first).__name__}, no tensor; wrap it in a module that gives the tensor "
        "to score"
    )


def without_values(model: nn.Module) -> str:
    """The first parameter that has no values yet; '' where all have."""
    for name, parameter in model.named_parameters():
        if isinstance(parameter, UninitializedParameter) or parameter.is_meta:
            return name
    return ""


def copied(model: nn.Module, *, digital: str | Iterable[str] = (), batch_size: int = 256) -> Network:
    """A copy of a model, and which of its parameters are on memristors.

    The model itself is not touched: neither weights nor buffers, mode, hooks or gradients.

    Args:
        model: With weight layers (`codesign.models.network.weight_matrices`).
        digital: Submodules whose weights stay digital, e.g. `encoder`.
        batch_size: Examples in a forward pass.

    Raises:
        HoldError: It is no module, has no weight layer or none with values, works out a weight from other
            parameters, or cannot be copied.
    """
    digital = [digital] if isinstance(digital, str) else list(digital)
    if not isinstance(model, nn.Module):
        raise HoldError(f"model is {type(model).__name__}, not a torch.nn.Module")
    if batch_size < 1:
        raise HoldError(f"batch_size must be at least 1, got {batch_size}")
    if name := without_values(model):
        raise HoldError(f"{name} has no values yet: load the weights, or run the model once")
    modules = dict(model.named_modules())
    for name in digital:
        if name not in modules:
            there = ", ".join(each for each in modules if each) or "none"
            raise HoldError(
                f"digital: the network has no module {name!r}{nearest(name, modules)}; there are {there}"
            )
    try:
        network = network_of(copy.deepcopy(model), frozen=dict.fromkeys(digital, ""))
    except NetworkError as error:
        raise HoldError(str(error)) from error
    except (RuntimeError, TypeError, AttributeError) as error:
        raise HoldError(_why_not_copied(model, error)) from error
    if not network.analog:
        held = "are all in what stays digital" if digital else "are missing"
        raise HoldError(
            f"{type(model).__name__}: layers with weights {held} (linear, convolution, recurrent, "
            "attention); there is nothing to put on memristors"
        )
    return replace(network, examples_at_once=batch_size)


def _why_not_copied(model: nn.Module, error: Exception) -> str:
    """Weights that are worked out, which torch's older norms and pruning keep as attributes, or others."""
    try:
        network_of(model)
    except NetworkError as known:
        return f"{known}; after torch.nn.utils.weight_norm: torch.nn.utils.remove_weight_norm"
    return (
        f"{type(model).__name__} cannot be copied ({error}); keep tensors that are computed out of its "
        "attributes, or give a model freshly made with the weights loaded"
    )


Scoring = Callable[[Any, Any], float]
"""Outputs and targets of all examples, on the CPU, to a number."""
