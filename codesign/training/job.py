"""One method on one experiment: what a training job does, in the search and after it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import PLAIN, NoiseSpec
from codesign.models.network import Network
from codesign.models.weights import WeightsError, put_weights, read_weights, write_weights
from codesign.seeds import derived_seed
from codesign.tasks.about import Metric
from codesign.tasks.contract import Examples
from codesign.tasks.experiment import Experiment, compute_device
from codesign.training.epochs import epochs_of
from codesign.training.kept import Keeping
from codesign.training.loop import (
    CheckpointRefused,
    TrainingResult,
    TrainingSettings,
    fingerprint,
    train,
)

NOT_OF_A_LOOP = ("start", "further", "share", "precision")
"""Shared settings that say how many epochs, from which weights and how exactly, before a loop begins."""


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
        shared: optimiser, momentum, weight_decay, schedule, warmup_epochs, ramp, patience, select, compile,
            precision, start, further, and of a trial share. A network that starts from one trained without
            noise trains for the share `further` of the epochs, a trial for `share` of them.
        on_gpu: Where it trains; precision auto means bfloat16 there.
    """
    own = {name: getattr(experiment, name) for name in ("epochs", "batch_size", "learning_rate")}
    rest = {name: value for name, value in shared.items() if name not in NOT_OF_A_LOOP}
    own["epochs"] = epochs_of(own["epochs"], shared)
    amp = on_gpu if shared["precision"] == "auto" else shared["precision"] == "bfloat16"
    return TrainingSettings(amp=amp, **own, **rest)


def train_experiment(
    experiment: Experiment,
    spec: NoiseSpec,
    *,
    initial_scale: float = 1.0,
    shared: Mapping,
    seed: int,
    checkpoint: Path | None = None,
    keeping: Keeping | None = None,
    code: str = "",
    plain_code: str = "",
) -> Trained:
    """Train the experiment's network under `spec`; no test example is read.

    Starting weights and the order of examples depend on (seed, experiment) alone: they are the
    same for every method and every trial. So does the sequence the noise is drawn from. With `start: erm`
    every method goes on from the network trained without noise, ERM without noise again, so that all of
    them have seen as many examples.

    Args:
        experiment: Data, network, training.
        spec: Noise.
        initial_scale: Of the weights on memristors, times the published starting values.
        shared: Training settings that all experiments share.
        seed: Root seed.
        checkpoint: Where the training can be resumed from; whoever keeps the result removes it.
            One that is unreadable or of another training (its settings have changed since) is
            made again from the start.
        keeping: Where a network that was trained like this before is looked for, and left.
        code: Digest of the code that trains; a checkpoint of other code is of another training.
        plain_code: The same of a training without noise.
    """
    plain = spec.is_plain
    device = compute_device()
    training, validation = experiment.examples("train", "validation")
    network = experiment.fresh_network(seed=seed, initial_scale=initial_scale)
    if shared["start"] == "erm":
        from_scratch = {**shared, "start": "scratch"}
        # kept, it needs no checkpoint any more; where nobody keeps it, nobody would remove one
        first = checkpoint.with_stem(f"{checkpoint.stem}-erm") if checkpoint and keeping else None
        before = train_experiment(
            experiment,
            PLAIN,
            initial_scale=initial_scale,
            shared=from_scratch,
            seed=seed,
            checkpoint=first,
            keeping=keeping,
            plain_code=plain_code,
        )
        if first is not None:
            first.unlink(missing_ok=True)
        put_weights(network, before.result.weights, "the network trained without noise")
    network.module.to(device)
    noise = torch.Generator(device=device).manual_seed(derived_seed(seed, "training-noise", experiment.name))
    order = torch.Generator().manual_seed(derived_seed(seed, "order", experiment.name))
    statistics = torch.Generator().manual_seed(derived_seed(seed, "statistics", experiment.name))
    identity = {
        "experiment": experiment.said(),
        "specification": spec.to_json(),
        "initial_scale": initial_scale,
        "frozen": dict(network.frozen),
        "start": shared["start"] if shared["start"] == "scratch" else [shared["start"], shared["further"]],
        "seed": seed,
        "code": plain_code if plain else code,
    }
    settings = training_settings(experiment, shared, on_gpu=device.type == "cuda")
    source = asdict(training.source) if training.source else {}
    made = partial(Trained, network, validation=validation, metric=experiment.about.metric, source=source)
    place = None
    if keeping is not None:
        whole = fingerprint(identity, settings, training, validation, network.state())
        whole["device"] = device.type
        place = keeping.place(whole, plain=plain)
        found = keeping.find(whole, plain=plain)
        result = _found(found, whole, network, channels_last=experiment.definition.channels_last)
        if result is not None:
            return made(result)
    trained = partial(
        train,
        network,
        experiment.definition,
        experiment.about,
        training,
        validation,
        settings=settings,
        order=order,
        options=experiment.options,
        injection=lambda network: Injection(network, spec, noise),
        noise=noise,
        statistics=statistics,
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
    if place is not None:
        told = {"identity": whole, "history": result.history, "best_epoch": result.best_epoch}
        write_weights(result.weights, place, metadata=told)
    return made(result)


def _found(
    path: Path | None, identity: Mapping, network: Network, *, channels_last: bool
) -> TrainingResult | None:
    """What was trained before, in `network` as training leaves it; None where that cannot be used."""
    if path is None:
        return None
    try:
        weights, told = read_weights(path)
    except (WeightsError, FileNotFoundError):
        return None  # it is a copy: whoever needs it trains
    if told.get("identity") != identity:
        return None
    if channels_last:
        network.module.to(memory_format=torch.channels_last)
    put_weights(network, weights, path)
    network.module.eval()
    print(f"trained before: {path}")
    history = told["history"]
    return TrainingResult(
        history, weights, told["best_epoch"], len(history) < identity["settings"]["epochs"], 0, []
    )


def seed_of_repeat(seed: int, repeat: int) -> int:
    """Root seed of a training that is repeated: start, order and noise change, the division of examples not.

    Args:
        seed: Root seed.
        repeat: From 1. The first one is the training that the noise search tries.
    """
    return seed if repeat == 1 else derived_seed(seed, "repeat", repeat)


def history_rows(history: Iterable[Mapping], *, network: int) -> list[dict]:
    """Rows of `codesign.schemas.training.HISTORY`: an epoch, part and quantity each.

    A part's quantities come by name: epochs read from a checkpoint keep no order of their own.

    Args:
        history: Of one training.
        network: Its number among those of a method, from 1.
    """
    rows = []
    for epoch in history:
        found = {("train", "learning_rate"): epoch["learning_rate"]}
        for part in ("train", "validation"):
            found |= {(part, quantity): value for quantity, value in sorted(epoch[part].items())}
        rows += [
            {"network": network, "epoch": epoch["epoch"], "part": part, "quantity": quantity, "value": value}
            for (part, quantity), value in found.items()
        ]
    return rows
