"""What a task is.

A task says what its examples are, how several of them become a batch, which network reads a batch, how
far the output is from right, and how good a whole set of outputs is. Everything else is the same for
every task: the training loop, the noise, programming on devices, the search, tables and figures.

What a task is called, which metrics, sources and networks it has, is declared beside it in
`about.yaml` and read without torch (`codesign.tasks.about`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from operator import index
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from codesign.models.network import Network


class TaskError(ValueError):
    """A task does not do what it declares; the message names it."""


@dataclass(frozen=True)
class DataSource:
    """Where examples came from; part of every result made from them."""

    dataset: str
    """As figures write it: mnist, two moons ..."""
    obtained: str
    """mirror | download | embedded (shipped by a package) | generated."""
    variant: str
    """How they differ from the published set; empty where they do not."""
    sha256: str
    """What was checked: digest of the files' content; empty for generated examples."""


@dataclass(frozen=True)
class DataSettings:
    """Which examples of a task are used."""

    source: str
    """One of the task's sources."""
    validation_fraction: float
    """Share of the fitting examples held out for validation, in (0, 1)."""
    seed: int
    """Root seed of splits, subsets and generated examples."""
    options: Mapping[str, Any]
    """Options of the experiment that its task declares: sizes, displacement ..."""
    mirror: Path | None = None
    """Folder with local copies of public data sets; None where there is none."""
    cache: Path | None = None
    """Folder for downloads and decoded examples; needed by a download."""

    def __post_init__(self) -> None:
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must lie in (0, 1), got {self.validation_fraction}")

    def needed(self, option: str) -> Any:
        """The value of an option that this task cannot do without.

        Raises:
            ValueError: It was not given.
        """
        if self.options.get(option) is None:
            raise ValueError(f"{self.source} examples need the option {option}")
        return self.options[option]


class Examples(Protocol):
    """Examples of one part, in memory or read when they are asked for."""

    source: DataSource | None

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any:
        """One example, whatever a task's `collate` makes batches of."""


class Scorer(Protocol):
    """Scores outputs batch by batch; made anew for each pass over the examples."""

    def update(self, output: Any, batch: Any) -> None:
        """Count one batch."""

    def compute(self) -> dict[str, float]:
        """The value of each metric that the task declares, all of them finite."""

    def details(self) -> list[dict]:
        """Rows for the task's own figures; asked for where about.yaml has `details`, and nowhere else.

        A scorer that has counted nothing gives no rows.
        """


class Task:
    """What every task answers; what stands here holds unless a task says otherwise."""

    channels_last = False
    """Whether batches hold images, which convolutions read faster with channels last."""
    in_memory = True
    """Whether all batches of a part may be held at once, as scoring many programmings likes."""

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Examples, ...]:
        """The examples of each part asked for: train, validation or test.

        Parts are asked for together, so that a file is read once. `test` is asked for by the evaluation,
        certificates and the crossbar alone, so what is done for the others must not read it.
        """
        raise NotImplementedError

    def collate(self, items: Sequence[Any]) -> Any:
        """Some examples as one batch: tensors in tuples, lists, dicts and dataclasses of any depth."""
        raise NotImplementedError

    def batch(self, examples: Examples, indices: Tensor) -> Any:
        """The batch of the examples with these numbers; where examples are tensors there is a faster way."""
        return self.collate([examples[index] for index in indices.tolist()])

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """The network called `name`.

        Args:
            name: One of the task's networks.
            options: Of the experiment.
            settings: Which examples it will see.
            generator: Draws the starting values; None where weights are loaded next.
        """
        raise NotImplementedError

    def forward(self, module: nn.Module, batch: Any) -> Any:
        """The output for a batch. Call `module` itself: noise on weights begins and ends with that call."""
        return module(batch)

    def loss(self, output: Any, batch: Any) -> tuple[Tensor, int]:
        """Mean loss of a batch, and the number of examples (or of parts of them) it is the mean of."""
        raise NotImplementedError

    def scorer(self, *, details: bool = False) -> Scorer:
        """A scorer that has counted nothing; with `details` it keeps rows for the task's own figures."""
        raise NotImplementedError

    def representative(self, examples: Examples, count: int, generator: torch.Generator) -> Tensor:
        """Numbers of examples that stand for all: drawn evenly, whatever order they lie in.

        Args:
            examples: All of a part.
            count: How many are wanted; all are given where there are no more.
            generator: On the CPU.
        """
        return torch.randperm(len(examples), generator=generator)[:count].sort().values

    def augment(self, batch: Any, options: Mapping[str, Any], generator: torch.Generator) -> Any:
        """A training batch changed at random, as the experiment's options ask; as it is where they do not."""
        return batch


def batches(
    task: Task, examples: Examples, size: int, *, device: torch.device, order: Tensor | None = None
) -> Iterator[Any]:
    """Batches of `size` examples on `device`, in `order` or as they lie."""
    order = torch.arange(len(examples)) if order is None else order
    for indices in order.split(size):
        yield moved(task.batch(examples, indices), device, channels_last=task.channels_last)


def loss_of(task: Task, output: Any, batch: Any) -> tuple[Tensor, int]:
    """The loss of a batch, checked.

    Raises:
        TaskError: It is no pair of one number and a count.
    """
    found = task.loss(output, batch)
    if not isinstance(found, tuple) or len(found) != 2:
        raise TaskError(
            f"loss of {_named(task)} must give two things, the mean loss and of how many examples it is the "
            f"mean, e.g. return loss, len(output); it gives {_kind(found)}"
        )
    loss, count = found
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise TaskError(f"loss of {_named(task)} must give a mean, a tensor of one number, got {_kind(loss)}")
    try:
        number = index(count)
    except TypeError:
        number = 0
    if number < 1:
        raise TaskError(f"loss of {_named(task)} must say of how many examples it is the mean, got {count!r}")
    return loss, number


def _named(value: Any) -> str:
    """Module and class of an object, for messages."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _kind(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"{len(value)} things" if isinstance(value, tuple | list) else f"{value!r}"


def score_of(scorer: Scorer, metrics: Sequence[str], *, of: str = "") -> dict[str, float]:
    """What a scorer found, checked.

    Args:
        scorer: Has counted all batches.
        metrics: Those declared.
        of: Task or experiment, for messages.

    Raises:
        TaskError: Other metrics than the declared ones, or a value that is not finite.
    """
    found = scorer.compute()
    which = f"{of}: " if of else ""
    if set(found) != set(metrics):
        raise TaskError(
            f"{which}the scorer gives {', '.join(found)}; about.yaml declares {', '.join(metrics)} "
            f"({_named(scorer)})"
        )
    for name, value in found.items():
        if value - value != 0:
            raise TaskError(
                f"{which}the metric {name} is {value}: a scorer must give a number for any output "
                f"({_named(scorer)})"
            )
    return {name: float(found[name]) for name in metrics}


def moved(batch: Any, device: torch.device, *, channels_last: bool = False) -> Any:
    """The same batch on another device, images laid out channels last where asked."""
    if device.type == "cpu" and not channels_last and not torch.cuda.is_initialized():
        return batch

    def move(tensor: Tensor) -> Tensor:
        if channels_last and tensor.dim() == 4:
            return tensor.to(device=device, memory_format=torch.channels_last)
        return tensor.to(device)

    return mapped(move, batch)


def doubled(batch: Any) -> Any:
    """The same batch in double precision."""
    return mapped(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor, batch)


def single(output: Any) -> Any:
    """An output in single precision, whatever it was computed in."""
    return mapped(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor, output)


def is_finite(output: Any) -> bool:
    """Whether every floating-point tensor of an output is finite."""
    found: list[bool] = []

    def look(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point():
            found.append(bool(torch.isfinite(tensor).all()))
        return tensor

    mapped(look, output)
    return all(found)


def mapped(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """`value` with each tensor in it changed, in tuples, lists, dicts and dataclasses of any depth.

    A class made from list or tuple becomes a plain one: how it is made is its own affair.
    """
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(change, each) for each in value))
    if isinstance(value, tuple | list):
        plain = tuple if isinstance(value, tuple) else list
        return plain(mapped(change, each) for each in value)
    if isinstance(value, Mapping):
        return {key: mapped(change, each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: mapped(change, getattr(value, f.name)) for f in fields(value) if f.init}
        )
    return value
