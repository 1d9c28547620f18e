"""Calibration after programming: what a digital periphery puts right once a network is on devices.

A kind is given the network as it was programmed and a few training examples, never a test example, and
leaves the weights on the devices alone:

- `none`: nothing, as in the paper.
- `scale`: the known mean of the noise's factor is divided out of what each analog layer multiplies. No
  example, one digital factor a layer.
- `offset`: a digital gain and offset for each output channel, two numbers a column, so that the channel
  follows, in least squares over the examples, what it gives in the clean network. Layers are fitted one
  after the other in a single forward pass, each behind those that are corrected already. Where a module
  chooses among rows (`codesign.models.selection`), the examples are put through with the choice of the
  clean network, so that rows compared are rows of the same thing; afterwards the programmed network chooses
  for itself.
- `statistics`: the statistics of batch normalisation, taken again on the programmed network. Two numbers a
  normalised channel, which are there anyway.

Why least squares and not the clean mean and standard deviation (`python benchmarks/calibration.py`: ten
programmings, 355 test images of digits, networks trained without noise): down to usability 0.4 they differ
by less than their spread (there LeNet-5 0.788 and 0.779, perceptron 0.927 and 0.938). Below, a channel has
lost much of its signal, and to stretch it to the clean width stretches its noise: LeNet-5 0.521 and 0.399 at
0.3, 0.356 and 0.203 at 0.2; perceptron 0.804 and 0.814, 0.555 and 0.498. Offsets without gains are behind
both (LeNet-5 0.610 at 0.4). Sixteen places of an image do what all of them do.

Source:
    `statistics`: Joshi et al. (2020), Nature Communications 11, 2473 (AdaBS).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from codesign.evaluation.least_squares import centred, gain_and_offset
from codesign.memsim.simulator import programmed_parameters
from codesign.models.network import DIGITAL, Network, holders_of
from codesign.models.normalisation import normalisations, taking_statistics
from codesign.models.selection import Selection
from codesign.nonideality.profile import DeviceProfile
from codesign.tasks.contract import Examples, Task, moved

KINDS = ("none", "scale", "offset", "statistics")
EXAMPLES = 200
"""Training examples that a calibration sees, or all where there are fewer."""
PLACES = 16
"""Most places of an example (pixels, steps of a sequence) that a channel's gain and offset are fitted on."""
CHANNELS_SECOND = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.PReLU,
)
"""Modules whose output is (batch, channels, ...); of all others the last axis holds the channels."""


class CalibrationError(ValueError):
    """A network cannot be calibrated as asked; the message names the module and says why."""


class Calibration(Protocol):
    """One kind for one network; made while the network holds its clean weights, in evaluation mode."""

    def calibrated(self, profile: DeviceProfile, noise: str) -> AbstractContextManager:
        """Inside the block the network, as it is programmed now on `profile` under the kind of noise
        `noise`, is calibrated; afterwards it is as it was, bit for bit."""


def calibration_batch(task: Task, examples: Examples, generator: torch.Generator) -> Any:
    """The examples that calibrations see: `EXAMPLES` of the task's choice, one batch.

    Args:
        task: Chooses them, whatever order they lie in.
        examples: The training part.
        generator: On the CPU.
    """
    return task.batch(examples, task.representative(examples, EXAMPLES, generator))


def calibration(kind: str, network: Network, task: Task, batch: Any, *, analog: str) -> Calibration:
    """A calibration of a network.

    Args:
        kind: One of `KINDS`.
        network: With its clean weights, in evaluation mode.
        task: Makes outputs.
        batch: Of `calibration_batch`, wherever it lies; None will do for `none` and `scale`.
        analog: What is on memristors, as in `codesign.memsim.simulator.MemSimSettings`.

    Raises:
        CalibrationError: This network cannot have this kind.
        ValueError: An unknown kind, or no batch where one is needed.
    """
    if kind not in KINDS:
        raise ValueError(f"calibration must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "none":
        return _None()
    names = programmed_parameters(network, analog)
    if kind == "scale":
        return _Scale(network, names)
    if batch is None:
        raise ValueError(f"calibration {kind} needs training examples")
    device = next(network.module.parameters()).device
    batch = moved(batch, device, channels_last=task.channels_last)
    return (_Offset if kind == "offset" else _Statistics)(network, task, batch, names)


def calibrations(
    kinds: Sequence[str], network: Network, task: Task, batch: Any, *, analog: str, of: str
) -> dict[str, Calibration]:
    """Kind to calibration, of the kinds that this network can have; of the others it is said why not.

    Args:
        kinds: Of `KINDS`.
        network: With its clean weights, in evaluation mode.
        task: Makes outputs.
        batch: As in `calibration`.
        analog: As in `calibration`.
        of: The experiment, for what is printed.
    """
    found = {}
    for kind in kinds:
        try:
            found[kind] = calibration(kind, network, task, batch, analog=analog)
        except CalibrationError as problem:
            print(f"{of}: calibration {kind} is left out: {problem}")
    return found


def mean_factor(profile: DeviceProfile, noise: str) -> float:
    """Mean of the factor that a kind of noise multiplies cells with.

    exp(sigma^2 / 2) for `lognormal`, the mean of the profile's own ratios for `resampled`, 1 for `none`.
    """
    if noise == "lognormal":
        return math.exp(profile.sigma**2 / 2)
    return float(np.exp(profile.log_ratio).mean()) if noise == "resampled" else 1.0


class _None:
    def calibrated(self, profile: DeviceProfile, noise: str) -> AbstractContextManager:
        return nullcontext()


class _Scale:
    """The mean factor divided out of what is programmed: the same as dividing what a layer multiplies by it,
    before a digital bias is added, and so possible in every network."""

    def __init__(self, network: Network, names: Iterable[str]) -> None:
        self.parameters = [network.module.get_parameter(name) for name in names]

    @contextmanager
    def calibrated(self, profile: DeviceProfile, noise: str) -> Iterator[None]:
        factor = mean_factor(profile, noise)
        with torch.no_grad():
            programmed = [parameter.clone() for parameter in self.parameters]
            for parameter in self.parameters:
                parameter.div_(factor)
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(self.parameters, programmed, strict=True):
                    parameter.copy_(value)


class _Statistics:
    """Batch normalisation on the programmed network."""

    def __init__(self, network: Network, task: Task, batch: Any, names: Iterable[str]) -> None:
        self.network, self.task, self.batch = network, task, batch
        self.kept = normalisations(network)
        if not self.kept:
            raise CalibrationError(
                f"{type(network.module).__name__} has no batch normalisation whose statistics could be taken"
            )

    @contextmanager
    def calibrated(self, profile: DeviceProfile, noise: str) -> Iterator[None]:
        before = [[buffer.clone() for buffer in module.buffers(recurse=False)] for module in self.kept]
        try:
            with torch.no_grad(), taking_statistics(self.kept):
                self.task.forward(self.network.module, self.batch)
            yield
        finally:
            for module, values in zip(self.kept, before, strict=True):
                for buffer, value in zip(module.buffers(recurse=False), values, strict=True):
                    buffer.copy_(value)


class _Sample:
    """What a module's channels give: at most `PLACES` evenly spread places of each example."""

    def __init__(self, output: Tensor, axis: int) -> None:
        x = output.movedim(axis, -1)  # (batch, places ..., channels)
        if x.dim() > 2:
            x = x.flatten(1, -2)
            count, there = min(PLACES, x.shape[1]), x.shape[1]
            x = x.index_select(1, (2 * torch.arange(count, device=x.device) + 1) * there // (2 * count))
        self.values = centred(x.flatten(end_dim=-2))  # (examples and places, channels)
        self.shape = [1] * output.dim()
        self.shape[axis] = -1


@dataclass
class _Channels:
    """A forward hook: gain and offset of a module's output channels, from the output it sees first."""

    axis: int
    clean: _Sample
    gain: Tensor | None = None
    offset: Tensor | None = None

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        if self.gain is None:
            found = _Sample(output, self.axis)
            gain, offset = gain_and_offset(found.values, self.clean.values)
            self.gain, self.offset = gain.view(found.shape), offset.view(found.shape)
        return (output * self.gain.to(output.dtype)).add_(self.offset.to(output.dtype))


class _Offset:
    """A gain and an offset a channel."""

    def __init__(self, network: Network, task: Task, batch: Any, names: Iterable[str]) -> None:
        self.network, self.task, self.batch = network, task, batch
        self.modules = _modules(network, names)
        self.clean: dict[str, _Sample] = {}
        self.selections = {
            name: module for name, module in network.module.named_modules() if isinstance(module, Selection)
        }
        self.chosen: dict[str, Tensor] = {}
        handles = [
            module.register_forward_hook(self._recording(name)) for name, module in self.modules.items()
        ] + [module.register_forward_hook(self._choosing(name)) for name, module in self.selections.items()]
        try:
            self._run()
        finally:
            for handle in handles:
                handle.remove()
        missing = [name for name in self.modules if name not in self.clean]
        if missing:
            raise CalibrationError(
                f"{missing[0]} is not called, only its weight is used: there is no output to correct"
            )

    def _recording(self, name: str):
        def record(module: nn.Module, inputs: Any, output: Any) -> None:
            if not isinstance(output, Tensor) or output.dim() < 2:
                raise CalibrationError(
                    f"{name} ({type(module).__name__}) gives {type(output).__name__}, no tensor of channels"
                )
            if name in self.clean:
                raise CalibrationError(
                    f"{name} ({type(module).__name__}) is called more than once in a forward pass: its "
                    "channels have no one gain and offset"
                )
            self.clean[name] = _Sample(output, _axis(module))

        return record

    def _choosing(self, name: str):
        def record(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if name in self.chosen:
                raise CalibrationError(
                    f"{name} ({type(module).__name__}) is called more than once in a forward pass: its rows "
                    "are not the same"
                )
            self.chosen[name] = output

        return record

    @torch.no_grad()
    def _run(self) -> None:
        self.task.forward(self.network.module, self.batch)

    @contextmanager
    def calibrated(self, profile: DeviceProfile, noise: str) -> Iterator[None]:
        handles, choices = [], []
        try:
            for name, module in self.modules.items():
                hook = _Channels(_axis(module), self.clean[name])
                handles.append(module.register_forward_hook(hook))
            for name, output in self.chosen.items():
                choices.append(self.selections[name].register_forward_hook(_giving(output)))
            self._run()
            while choices:
                choices.pop().remove()
            yield
        finally:
            for handle in handles + choices:
                handle.remove()


def _giving(output: Tensor):
    """A forward hook: `output` in place of the module's own."""
    return lambda module, inputs, own: output


def _axis(module: nn.Module) -> int:
    return 1 if isinstance(module, CHANNELS_SECOND) else -1


def _modules(network: Network, names: Iterable[str]) -> dict[str, nn.Module]:
    """Modules that hold a parameter on memristors, by name.

    Raises:
        CalibrationError: One of them holds several matrices: its output is no longer a column's.
    """
    called = {module: name for name, module in network.module.named_modules()}
    matrices: dict[nn.Module, int] = {}
    for name in names:
        for module, _ in holders_of(network.module, name):
            matrix = network.module.get_parameter(name).dim() >= 2 and not isinstance(module, DIGITAL)
            matrices[module] = matrices.get(module, 0) + matrix
    for module, count in matrices.items():
        if count > 1:
            raise CalibrationError(
                f"{called[module] or 'the network'} ({type(module).__name__}) has {count} matrices on "
                "memristors: its output is not that of columns, which a gain and an offset could put right"
            )
    return {called[module]: module for module in matrices}
