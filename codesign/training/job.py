"""One method on one experiment: what a training job does, in the search and after it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.seeds import derived_seed
from codesign.tasks.task import Split
from codesign.training.experiment import Experiment, compute_device
from codesign.training.loop import CheckpointRefused, TrainingResult, train


@dataclass(frozen=True)
class Trained:
    """A network with the weights of its best epoch, and what it was made from."""

    model: nn.Module
    result: TrainingResult
    validation: Split
    origin: dict
    """Where the examples came from."""


def train_experiment(
    experiment: Experiment,
    spec: NoiseSpec,
    *,
    data: Mapping,
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
        data: Arguments of `Experiment.data`.
        shared: Training settings that all experiments share.
        seed: Root seed.
        checkpoint: Where the training can be resumed from; whoever keeps the result removes it.
            One that is unreadable or of another training (its settings have changed since) is
            made again from the start.
        code: Digest of the code that trains; a checkpoint of other code is of another training.
    """
    device = compute_device()
    training, validation = experiment.definition.load_fit(experiment.data(**data))
    model = experiment.fresh_network(seed=seed).to(device)
    noise = torch.Generator(device=device).manual_seed(derived_seed(seed, "training-noise", experiment.name))
    order = torch.Generator().manual_seed(derived_seed(seed, "order", experiment.name))
    identity = {"experiment": asdict(experiment), "specification": spec.to_json(), "seed": seed, "code": code}
    trained = partial(
        train,
        model,
        training,
        validation,
        settings=experiment.settings(shared, on_gpu=device.type == "cuda"),
        order=order,
        injection=lambda network: Injection(network, spec, noise),
        noise=noise,
        loss=experiment.definition.loss,
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
    origin = asdict(training.origin) if training.origin else {}
    return Trained(model, result, validation, origin)
