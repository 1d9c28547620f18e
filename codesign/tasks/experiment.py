"""One entry of `experiments` in the configuration: a task with a network and a training."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import torch

from codesign.models.network import Network
from codesign.models.weights import load_weights
from codesign.seeds import derived_seed
from codesign.tasks.about import About, about_of
from codesign.tasks.contract import DataSettings, Examples, Task
from codesign.tasks.mirror import CACHE, mirror_of
from codesign.tasks.registry import task_named


class ExperimentError(ValueError):
    """An experiment asks for what its task does not have."""


@dataclass(frozen=True)
class Experiment:
    """What methods share: they differ by the noise they inject and by nothing else."""

    name: str
    """Its key in the configuration: the wildcard {experiment}."""
    task: str
    """A task (`codesign.tasks`)."""
    network: str
    """One of the task's networks."""
    epochs: int
    batch_size: int
    learning_rate: float
    data: DataSettings
    """Which examples; its `options` hold everything else the experiment says."""

    def __post_init__(self) -> None:
        for what, found, known in (
            ("source", self.data.source, about_of(self.task).sources),
            ("network", self.network, about_of(self.task).networks),
        ):
            if found not in known:
                raise ExperimentError(
                    f"{self.name}: {what} of {self.task} must be {' or '.join(known)}, got {found!r}"
                )
        refusal = self.about.refusal(self.data.source, self.network)
        if refusal:
            raise ExperimentError(
                f"{self.name}: {self.data.source} with the network {self.network}: {refusal}"
            )

    @classmethod
    def of(cls, job: Any) -> Self:
        """The experiment of a Snakemake job.

        Args:
            job: Its wildcard `experiment` or its parameter `name` is the name; its parameter `experiment`
                holds what the configuration says, `data` how examples are chosen; `config` says where
                data sets lie on this machine.
        """
        return cls.make(
            job.wildcards.get("experiment") or job.params.name,
            job.params.experiment,
            data=job.params.data,
            mirror=mirror_of(job.config),
            cache=CACHE,
        )

    @classmethod
    def make(
        cls,
        name: str,
        said: Mapping[str, Any],
        *,
        data: Mapping[str, Any],
        mirror: Path | str | None = None,
        cache: Path | str | None = None,
    ) -> Self:
        """An experiment from what the configuration says.

        Args:
            name: Its key.
            said: task, source, network, epochs, batch_size, learning_rate, and options of the task.
            data: seed and validation_fraction; what else is there only tells results apart.
            mirror: Folder with local copies of public data sets.
            cache: Folder for downloads and decoded examples.
        """
        own = {field.name for field in fields(cls)} - {"name", "data"}
        settings = DataSettings(
            source=said["source"],
            validation_fraction=data["validation_fraction"],
            seed=data["seed"],
            options={key: value for key, value in said.items() if key not in own | {"source"}},
            mirror=None if mirror is None else Path(mirror),
            cache=None if cache is None else Path(cache),
        )
        return cls(name, data=settings, **{key: said[key] for key in own})

    @property
    def about(self) -> About:
        """What its task declares, with the metrics that its examples have."""
        return about_of(self.task).of_source(self.data.source)

    @property
    def definition(self) -> Task:
        """Its task's functions."""
        return task_named(self.task)

    @property
    def options(self) -> Mapping[str, Any]:
        """What it says beyond what every experiment does."""
        return self.data.options

    def said(self) -> dict[str, Any]:
        """Everything results rest on, as plain values: not where data sets lie."""
        shared = {
            name: getattr(self, name)
            for name in ("name", "task", "network", "epochs", "batch_size", "learning_rate")
        }
        data = {name: getattr(self.data, name) for name in ("source", "validation_fraction", "seed")}
        return shared | data | {"options": dict(self.options)}

    def examples(self, *parts: str) -> tuple[Examples, ...]:
        """Examples of each part; `test` is for the evaluation, certificates and the crossbar alone."""
        return self.definition.examples(self.data, *parts)

    def blank_network(self) -> Network:
        """The network without values."""
        return self.definition.network(self.network, self.options, self.data, None)

    def fresh_network(self, *, seed: int, initial_scale: float = 1.0) -> Network:
        """The network at its starting values: the same for every method.

        Device noise multiplies whatever stands in a weight, the random start included: what training never
        needed is noise without signal. So a smaller start holds better on devices.

        Args:
            seed: Root seed.
            initial_scale: Factor on the starting values of what is on memristors.
        """
        generator = torch.Generator().manual_seed(derived_seed(seed, "initial", self.name))
        network = self.definition.network(self.network, self.options, self.data, generator)
        if initial_scale != 1:
            with torch.no_grad():
                for name in network.analog:
                    network.module.get_parameter(name).mul_(initial_scale)
        return network

    def saved_network(self, weights: Path) -> Network:
        """The network with trained values, in evaluation mode."""
        network = self.blank_network()
        load_weights(network, weights)
        network.module.eval()
        return network


def compute_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_threads(count: int) -> None:
    """Let torch use the cores a job was given and no more: on shared cores, waiting costs tenfold."""
    torch.set_num_threads(count)
