"""One trained network on many profiles: what an evaluation job does."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from codesign.evaluation.montecarlo import Labels, evaluate
from codesign.memsim.simulator import MemSimSettings
from codesign.nonideality.profile import DeviceProfile
from codesign.tasks.task import Split
from codesign.training.experiment import Experiment, compute_device

IMAGES_A_BATCH = 200
"""Convolution networks run best in chunks of 100 to 250 images."""
VECTORS_A_BATCH = 10_000


def evaluate_network(
    weights: Path,
    experiment: Experiment,
    profiles: Sequence[DeviceProfile],
    *,
    method: str,
    source: str,
    data: Mapping,
    memsim: Mapping,
    noises: Sequence[str],
    seeds: int,
) -> tuple[list[dict], dict]:
    """Score the network of `weights` on each profile, kind of noise and seed.

    Args:
        weights: What training left.
        experiment: Of which network and task.
        profiles: May be empty.
        method: How it was trained.
        source: `level` or `device`.
        data: Arguments of `Experiment.data`.
        memsim: mapping and analog.
        noises: Kinds of noise, each with all seeds.
        seeds: Seeds are 0 ... seeds - 1, the same for every method.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`, and where the test data came from.
    """
    test = experiment.test_data(experiment.data(**data))
    origin = asdict(test.origin) if test.origin else {}
    model = experiment.saved_network(weights).to(compute_device())
    rows = programmed_scores(
        model,
        experiment,
        test,
        profiles,
        method=method,
        source=source,
        memsim=memsim,
        noises=noises,
        seeds=range(seeds),
    )
    return rows, origin


def programmed_scores(
    model: nn.Module,
    experiment: Experiment,
    examples: Split,
    profiles: Sequence[DeviceProfile],
    *,
    method: str,
    source: str,
    memsim: Mapping,
    noises: Sequence[str],
    seeds: Sequence[int],
) -> list[dict]:
    """Score `model` on `examples` for each kind of noise, profile and seed.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`; none where there is no profile.
    """
    if not profiles:
        return []
    task = experiment.definition
    return [
        row
        for noise in noises
        for row in evaluate(
            model,
            examples.inputs,
            examples.targets,
            profiles,
            settings=MemSimSettings(**memsim, noise=noise),
            seeds=seeds,
            score=lambda outputs, targets: {task.metric: task.score(outputs, targets)},
            batch=IMAGES_A_BATCH if experiment.convolves else VECTORS_A_BATCH,
            labels=Labels(experiment.name, method, experiment.model, source),
        )
    ]
