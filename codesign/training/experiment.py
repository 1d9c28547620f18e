"""One entry of `tasks` in the configuration: data, network and training of everything compared under it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from codesign.models.build import build_model, initialise
from codesign.seeds import derived_seed
from codesign.tasks.registry import task_named
from codesign.tasks.task import DataSettings, Split, Task
from codesign.training.loop import TrainingSettings
from codesign.training.weights import load_weights


@dataclass(frozen=True)
class Experiment:
    """What methods share: they differ by the noise they inject and by nothing else."""

    name: str
    """Key of the entry: the wildcard {task}."""
    task: str
    """Task (`codesign.tasks`)."""
    source: str
    """Where its examples come from: embedded | mnist | cifar10."""
    model: str
    """Network (`codesign.models`)."""
    epochs: int
    batch_size: int
    learning_rate: float
    width: float = 1.0
    """Of the network; 1 is the published one."""
    depth: float = 1.0
    """Of the network; 1 is the published one."""
    train_size: int | None = None
    """Training examples; None takes all."""
    test_size: int | None = None
    """Test examples; None takes all."""
    noise: float | None = None
    """Displacement of the moons."""
    augmentation: str = "none"
    """none | crop-flip."""

    @property
    def definition(self) -> Task:
        """The task's functions."""
        return task_named(self.task)

    @property
    def convolves(self) -> bool:
        """Whether the network takes images as images."""
        return "image_size" in self.definition.sizes(self.model)

    def data(
        self, *, seed: int, validation_fraction: float, mirror: Path | str | None, cache: Path | str | None
    ) -> DataSettings:
        """Which examples are used; splits and subsets depend on `seed` and the task alone."""
        return DataSettings(
            source=self.source,
            validation_fraction=validation_fraction,
            seed=seed,
            train_size=self.train_size,
            test_size=self.test_size,
            mirror=None if mirror is None else Path(mirror),
            cache=None if cache is None else Path(cache),
            noise=self.noise,
        )

    def settings(self, shared: Mapping, *, on_gpu: bool) -> TrainingSettings:
        """How a network is trained.

        Args:
            shared: optimiser, momentum, weight_decay, schedule, warmup_epochs, patience, select, compile.
            on_gpu: Mixed precision is used there.
        """
        return TrainingSettings(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            augmentation=self.augmentation,
            amp=on_gpu,
            channels_last=len(self.definition.shape) == 3,
            **shared,
        )

    def network(self) -> nn.Module:
        """The network without values."""
        sizes = self.definition.sizes(self.model)
        return build_model(self.model, width=self.width, depth=self.depth, **sizes)

    def fresh_network(self, *, seed: int) -> nn.Module:
        """The network at its starting values: the same for every method."""
        generator = torch.Generator().manual_seed(derived_seed(seed, "initial", self.name))
        return initialise(self.network(), generator)

    def saved_network(self, weights: Path) -> nn.Module:
        """The network with trained values, in evaluation mode."""
        model = self.network()
        load_weights(model, weights)
        return model.eval()

    def test_data(self, settings: DataSettings) -> Split:
        """Test examples; only the evaluation and certificates ask for them."""
        return self.definition.load_test(settings)


def compute_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_threads(count: int) -> None:
    """Let torch use the cores a job was given and no more: on shared cores, waiting costs tenfold."""
    torch.set_num_threads(count)
