"""What a task is, and what its data look like in memory."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codesign.models.build import HIDDEN

SOURCES = ("embedded", "mnist", "cifar10")


@dataclass(frozen=True)
class Origin:
    """Where examples came from; part of every result made from them."""

    dataset: str
    """mnist | cifar10 | scikit-learn digits | two moons."""
    source: str
    """mirror | download | embedded (shipped by a package) | generated."""
    variant: str
    """How they differ from the published set; empty where they do not."""
    sha256: str
    """What was checked: digest of the files' content; empty for generated examples."""


@dataclass(frozen=True)
class Split:
    """Examples in memory."""

    inputs: Tensor
    """float32, (n, channels, height, width) or (n, features), normalised."""
    targets: Tensor
    """int64 class numbers, (n,)."""
    origin: Origin | None = None
    """Where they came from; None for tensors made by hand."""

    def __post_init__(self) -> None:
        if self.inputs.dtype != torch.float32 or self.inputs.ndim not in (2, 4):
            raise ValueError(
                "inputs must be float32 of shape (n, features) or (n, channels, height, width), got "
                f"{self.inputs.dtype} {tuple(self.inputs.shape)}"
            )
        if self.targets.dtype != torch.int64 or self.targets.shape != (len(self.inputs),):
            raise ValueError(
                f"targets must be int64 of shape ({len(self.inputs)},), got "
                f"{self.targets.dtype} {tuple(self.targets.shape)}"
            )
        if not len(self.inputs):
            raise ValueError("a split needs at least one example")

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class DataSettings:
    """Which examples a task uses."""

    source: str
    """embedded: what a package ships or generates | mnist | cifar10."""
    validation_fraction: float
    """Share of the fitting examples held out for validation, in (0, 1)."""
    seed: int
    """Root seed of the split, of subsets and of generated examples."""
    train_size: int | None = None
    """Training examples, drawn evenly over the classes; None takes all there are."""
    test_size: int | None = None
    """Test examples, drawn evenly over the classes; None takes all there are."""
    mirror: Path | None = None
    """Folder that holds local copies of the public sets; None where there is none."""
    cache: Path | None = None
    """Folder for downloads and decoded images; needed by a download."""
    noise: float | None = None
    """Standard deviation of the moons' Gaussian displacement; None for other tasks."""

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {self.source!r}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must lie in (0, 1), got {self.validation_fraction}")
        for name in ("train_size", "test_size"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        if self.noise is not None and not self.noise >= 0:
            raise ValueError(f"noise must not be negative, got {self.noise}")


@dataclass(frozen=True)
class Task:
    """A learning problem of the paper."""

    name: str
    models: tuple[str, ...]
    """Networks it is studied with (`codesign.models.build.MODELS`)."""
    classes: int
    shape: tuple[int, ...]
    """Of one input: (channels, height, width) or (features,)."""
    loss: Callable[[Tensor, Tensor], Tensor]
    """(logits, targets) to the mean loss of a batch."""
    metric: str
    """What `score` is called in tables."""
    score: Callable[[Tensor, Tensor], float]
    """(logits, targets) to the metric, larger is better."""
    chance: float
    """Score of a network that has learnt nothing."""
    augmented: bool
    """Whether random crops and flips keep an example's class."""
    load_fit: Callable[[DataSettings], tuple[Split, Split]]
    """Training and validation examples; never reads a test example."""
    load_test: Callable[[DataSettings], Split]
    """Test examples, normalised with the training statistics."""

    def sizes(self, model: str) -> dict[str, int]:
        """The arguments of `build_model` that the task decides for `model`."""
        if model in HIDDEN:
            return {"classes": self.classes, "features": math.prod(self.shape)}
        if len(self.shape) != 3:
            raise ValueError(f"{self.name} has no images; {model} needs them")
        return {"classes": self.classes, "in_channels": self.shape[0], "image_size": self.shape[1]}


def accuracy(logits: Tensor, targets: Tensor) -> float:
    """Share of examples whose largest logit is the target's.

    Args:
        logits: Shape (n, classes).
        targets: Class numbers, shape (n,).

    An example with a logit that is not finite has no largest class and counts as wrong.
    """
    right = (logits.argmax(dim=1) == targets) & torch.isfinite(logits).all(dim=1)
    return float(right.double().mean())
