"""One method on one experiment: what a training job does, in the search and after it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.models.network import Network
from codesign.seeds import derived_seed
from codesign.tasks.about import Metric
from codesign.tasks.contract import Examples
from codesign.tasks.experiment import Experiment, compute_device
from codesign.training.loop import CheckpointRefused, TrainingResult, TrainingSettings, train


@dataclass(frozen=True)
class Trained:
    """A network with the weights of its best epoch, and what it was made from."""

    network: Network
    result: TrainingResult
    validation: Examples
    metric: Metric
    """The primary one."""
    source: dict
    """Where the examples came from."""

    @property
    def best(self) -> float:
        """The primary metric on validation examples, after the best epoch."""
        return self.result.history[self.result.best_epoch - 1]["validation"][self.metric.name]


def training_settings(experiment: Experiment, shared: Mapping, *, on_gpu: bool) -> TrainingSettings:
    """How the experiment's network is trained.

    Args:
        experiment: Epochs, batch size, learning rate.
        shared: optimiser, momentum, weight_decay, schedule, warmup_epochs, patience, select, compile.
        on_gpu: Mixed precision is used there.
    """
    own = {name: getattr(experiment, name) for name in ("epochs", "batch_size", "learning_rate")}
    return TrainingSettings(amp=on_gpu, **own, **shared)


def train_experiment(
    experiment: Experiment,
    spec: NoiseSpec,
    *,
    shared: Mapping,
    seed: int,
    checkpoint: Path | None = None,
    code: str = "",
) -> Trained:
    """Train the experiment's network under `spec`; no test example is read.

    Starting weights and the order of examples depend on (seed, experiment) alone: they are the
    same for every method and every trial. So does the sequence the noise is drawn from.

    Args:
        experiment: Data, network, training.
        spec: Noise.
        shared: Training settings that all experiments share.
        seed: Root seed.
        checkpoint: Where the training can be resumed from; whoever keeps the result removes it.
            One that is unreadable or of another training (its settings have changed since) is
            made again from the start.
        code: Digest of the code that trains; a checkpoint of other code is of another training.
    """
    device = compute_device()
    training, validation = experiment.examples("train", "validation")
    network = experiment.fresh_network(seed=seed)
    network.module.to(device)
    noise = torch.Generator(device=device).manual_seed(derived_seed(seed, "training-noise", experiment.name))
    order = torch.Generator().manual_seed(derived_seed(seed, "order", experiment.name))
    identity = {
        "experiment": experiment.said(),
        "specification": spec.to_json(),
        "frozen": dict(network.frozen),
        "seed": seed,
        "code": code,
    }
    trained = partial(
        train,
        network,
        experiment.definition,
        experiment.about,
        training,
        validation,
        settings=training_settings(experiment, shared, on_gpu=device.type == "cuda"),
        order=order,
        options=experiment.options,
        injection=lambda network: Injection(network, spec, noise),
        noise=noise,
        checkpoint=checkpoint,
        identity=identity,
        description=f"{experiment.name} {spec.method}",
    )
    try:
        result = trained()
    except CheckpointRefused as problem:
        print(f"starting from the first epoch: {problem}")
        checkpoint.unlink()
        result = trained()
    source = asdict(training.source) if training.source else {}
    return Trained(network, result, validation, experiment.about.metric, source)


def history_rows(history: Iterable[Mapping]) -> list[dict]:
    """Rows of `codesign.schemas.training.HISTORY`: an epoch, part and quantity each.

    A part's quantities come by name: epochs read from a checkpoint keep no order of their own.
    """
    rows = []
    for epoch in history:
        found = {("train", "learning_rate"): epoch["learning_rate"]}
        for part in ("train", "validation"):
            found |= {(part, quantity): value for quantity, value in sorted(epoch[part].items())}
        rows += [
            {"epoch": epoch["epoch"], "part": part, "quantity": quantity, "value": value}
            for (part, quantity), value in found.items()
        ]
    return rows
