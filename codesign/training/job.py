"""One method on one experiment: what a training job does, in the search and after it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.seeds import derived_seed
from codesign.tasks.task import Split
from codesign.training.experiment import Experiment, compute_device
from codesign.training.loop import TrainingResult, train


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
        checkpoint: Where the training can be resumed from; removed when it is complete.
    """
    device = compute_device()
    training, validation = experiment.definition.load_fit(experiment.data(**data))
    model = experiment.fresh_network(seed=seed).to(device)
    noise = torch.Generator(device=device).manual_seed(derived_seed(seed, "training-noise", experiment.name))
    order = torch.Generator().manual_seed(derived_seed(seed, "order", experiment.name))
    result = train(
        model,
        training,
        validation,
        settings=experiment.settings(shared, on_gpu=device.type == "cuda"),
        order=order,
        injection=lambda network: Injection(network, spec, noise),
        noise=noise,
        loss=experiment.definition.loss,
        checkpoint=checkpoint,
        identity={"experiment": asdict(experiment), "specification": spec.to_json(), "seed": seed},
        description=f"{experiment.name} {spec.method}",
    )
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    origin = asdict(training.origin) if training.origin else {}
    return Trained(model, result, validation, origin)
