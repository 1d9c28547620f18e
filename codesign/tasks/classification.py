"""Tasks that put each example into one of some classes, examples in memory as tensors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from codesign.models.build import HIDDEN, build_model, initialise
from codesign.models.network import Network, network_of
from codesign.tasks.contract import DataSettings, DataSource, Task
from codesign.tasks.splits import crop_and_flip, fitting_parts, stratified, testing_part

CROP_PADDING = 4
"""Pixels a training image is shifted by at most, either way."""
IMAGES_A_BATCH = 100
"""Convolution networks run best on about 100 images at once: what they compute in between stays in cache."""
IMAGES_ON_GPU = 250
"""A GPU would spend its time on starting kernels for fewer; more take memory from those that share it."""
VECTORS_A_BATCH = 10_000


@dataclass(frozen=True)
class Labelled:
    """Examples in memory with their classes; a batch is some of them."""

    inputs: Tensor
    """float32, (n, channels, height, width) or (n, features), normalised."""
    targets: Tensor
    """int64 class numbers, (n,)."""
    source: DataSource | None = None
    """Where they came from; None for tensors made by hand."""

    def __post_init__(self) -> None:
        if not self.inputs.is_floating_point() or self.inputs.ndim not in (2, 4):
            raise ValueError(
                "inputs must be floating point of shape (n, features) or (n, channels, height, width), got "
                f"{self.inputs.dtype} {tuple(self.inputs.shape)}"
            )
        if self.targets.dtype != torch.int64 or self.targets.shape != (len(self.inputs),):
            raise ValueError(
                f"targets must be int64 of shape ({len(self.inputs)},), got "
                f"{self.targets.dtype} {tuple(self.targets.shape)}"
            )
        if not len(self.inputs):
            raise ValueError("at least one example is needed")

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.targets[index]

    def chosen(self, indices: Tensor) -> "Labelled":
        """The examples with these numbers."""
        return Labelled(
            self.inputs.index_select(0, indices), self.targets.index_select(0, indices), self.source
        )


Reader = Callable[[str, DataSettings], tuple[Tensor, Tensor, DataSource]]
"""`fit` or `test`, and settings, to inputs as they are (images may be bytes), classes and source."""


class ClassificationTask(Task):
    """A classification: inputs and classes are read by `read`, the rest is made here.

    Validation examples are drawn evenly over the classes from the fitting examples, inputs are normalised
    with the training statistics, the loss is the cross entropy, the metric is accuracy.
    """

    def __init__(
        self,
        name: str,
        *,
        classes: int,
        shape: Sequence[int],
        read: Reader,
        build: Callable[..., nn.Module] = build_model,
        stream: str = "fit",
    ) -> None:
        """Describe the task.

        Args:
            name: As its folder is called; names, with `stream`, the draws that choose examples.
            classes: Number of classes.
            shape: Of one input: (channels, height, width) or (features,).
            read: Reads one part of the data.
            build: Makes a network from its name, `classes`, the sizes of an input, `width` and `depth`.
            stream: Word of the draws that divide fitting examples into training and validation.
        """
        self.name, self.classes, self.shape, self.read, self.build = name, classes, tuple(shape), read, build
        self.stream = (name, stream)
        self.channels_last = len(self.shape) == 3

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Labelled, ...]:
        """Parts of the data; the test part is normalised like the training part."""
        made: dict[str, Labelled] = {}
        if {"train", "validation"} & set(parts):
            pair = fitting_parts(self.read, settings, stream=self.stream)
            made |= dict(zip(("train", "validation"), (Labelled(*part) for part in pair), strict=True))
        if "test" in parts:
            made["test"] = Labelled(*testing_part(self.read, settings, stream=self.stream))
        return tuple(made[part] for part in parts)

    def collate(self, items: Sequence[tuple[Tensor, Tensor]]) -> Labelled:
        """Examples one above the other."""
        inputs, targets = zip(*items, strict=True)
        return Labelled(torch.stack(inputs), torch.stack(targets))

    def representative(self, examples: Labelled, count: int, generator: torch.Generator) -> Tensor:
        """As many of each class as the class has a share."""
        chosen = stratified(examples.targets.cpu(), min(count, len(examples)), generator=generator)
        return chosen.sort().values

    def batch(self, examples: Labelled, indices: Tensor) -> Labelled:
        """Rows of the tensors."""
        return examples.chosen(indices.to(examples.targets.device))

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """A network of `codesign.models` of the asked width and depth."""
        scale = {key: options[key] for key in ("width", "depth") if key in options}
        module = self.build(name, **self.sizes(name), **scale)
        network = network_of(module if generator is None else initialise(module, generator))
        images = IMAGES_ON_GPU if torch.cuda.is_available() else IMAGES_A_BATCH
        return replace(network, examples_at_once=images if self.images(name) else VECTORS_A_BATCH)

    def images(self, name: str) -> bool:
        """Whether a network takes images as images: it convolves."""
        return "image_size" in self.sizes(name)

    def sizes(self, name: str) -> dict[str, int]:
        """What the task decides about a network: classes, and how large an input is."""
        if name in HIDDEN or len(self.shape) != 3:
            features = 1
            for length in self.shape:
                features *= length
            return {"classes": self.classes, "features": features}
        return {"classes": self.classes, "in_channels": self.shape[0], "image_size": self.shape[1]}

    def forward(self, module: nn.Module, batch: Labelled) -> Tensor:
        """Logits, (batch, classes)."""
        return module(batch.inputs)

    def loss(self, output: Tensor, batch: Labelled) -> tuple[Tensor, int]:
        """Cross entropy."""
        return cross_entropy(output, batch.targets), len(batch)

    def scorer(self, *, details: bool = False) -> "AccuracyScorer":
        """Counts right decisions."""
        return AccuracyScorer()

    def decided_right(self, output: Tensor, batch: Labelled) -> Tensor:
        """Whether each example is decided right, (n,) bool: what certificates count."""
        return decided_right(output, batch.targets)

    def augment(self, batch: Labelled, options: Mapping[str, Any], generator: torch.Generator) -> Labelled:
        """Random crops and flips where the experiment asks for them."""
        if options.get("augmentation", "none") == "none":
            return batch
        return Labelled(
            crop_and_flip(batch.inputs, padding=CROP_PADDING, generator=generator),
            batch.targets,
            batch.source,
        )


class AccuracyScorer:
    """The share of examples whose largest logit is the target's."""

    def __init__(self) -> None:
        self.right, self.number = 0, 0

    def update(self, output: Tensor, batch: Labelled) -> None:
        """Count right decisions, see `decided_right`."""
        self.right += int(decided_right(output, batch.targets).sum())
        self.number += len(batch)

    def compute(self) -> dict[str, float]:
        """Accuracy."""
        return {"accuracy": self.right / self.number}

    def details(self) -> list[dict]:
        """None."""
        return []


def decided_right(logits: Tensor, targets: Tensor) -> Tensor:
    """Whether each example's largest logit is the target's, (n,) bool.

    An example with a logit that is not finite has no largest class and counts as wrong.

    Example:
        >>> decided_right(torch.tensor([[2.0, 1.0], [torch.nan, 3.0]]), torch.tensor([0, 1])).tolist()
        [True, False]
    """
    return (logits.argmax(dim=-1) == targets) & torch.isfinite(logits).all(dim=-1)
