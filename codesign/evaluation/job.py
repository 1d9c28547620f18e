"""One trained network on many profiles: what an evaluation job does."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from codesign.evaluation.calibration import calibration_batch
from codesign.evaluation.montecarlo import EvaluationPlan, ScoredNetwork, evaluate, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import Network
from codesign.nonideality.profile import DeviceProfile
from codesign.seeds import derived_seed
from codesign.tasks.contract import Examples
from codesign.tasks.experiment import Experiment, compute_device


def plan_of(
    experiment: Experiment,
    *,
    method: str,
    stands_for: str,
    memsim: Mapping[str, str],
    noises: Sequence[str],
    programmings: int,
    calibrations: Sequence[str] = ("none",),
) -> EvaluationPlan:
    """The plan of an experiment's evaluation with programmings 0 ... programmings - 1."""
    return EvaluationPlan(
        experiment=experiment.name,
        method=method,
        network=experiment.network,
        stands_for=stands_for,
        memsim=memsim,
        noises=noises,
        programmings=range(programmings),
        metrics=list(experiment.about.metrics),
        calibrations=calibrations,
    )


def evaluate_network(
    weights: Path, experiment: Experiment, profiles: Sequence[DeviceProfile], plan: EvaluationPlan
) -> tuple[list[dict], dict]:
    """Score the network of `weights` on the experiment's test examples; calibrations see training examples.

    Args:
        weights: What training left.
        experiment: Of which network and task.
        profiles: May be empty.
        plan: How.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`, and where the test data came from.
    """
    calibrating = _calibrating(experiment, plan)
    network, test = _loaded(weights, experiment)
    rows = evaluate(network, experiment.definition, test, profiles, plan, calibrating=calibrating)
    return rows, asdict(test.source) if test.source else {}


def detail_rows(
    weights: Path, experiment: Experiment, profiles: Sequence[DeviceProfile], plan: EvaluationPlan
) -> list[dict]:
    """What the task's own figures need: its scorer's details for each profile and programming of the plan.

    Args:
        weights: What training left.
        experiment: Its task declares details.
        profiles: Those that figures show.
        plan: Its first kind of noise is used.

    Returns:
        The task's columns after method, profile, level, usability, programming, which every task has.
    """
    network, test = _loaded(weights, experiment)
    scored = ScoredNetwork(network, experiment.definition, test)
    rows = []
    settings = MemSimSettings(**plan.memsim, noise=plan.noises[0])
    with PerovskiteMemSim(network, settings) as simulator:
        for profile in profiles:
            for number in plan.programmings:
                simulator.program(profile, noise_generator(profile.profile, number))
                shared = {"method": plan.method, "profile": profile.profile, "level": profile.level}
                shared |= {"usability": profile.usability, "programming": int(number)}
                rows += [shared | row for row in scored.score(details=True).details()]
    return rows


def _calibrating(experiment: Experiment, plan: EvaluationPlan) -> Any:
    """Training examples that calibrations see: the same for every method; None where none are needed."""
    if not set(plan.calibrations) - {"none", "scale"}:
        return None
    (training,) = experiment.examples("train")
    seed = derived_seed(experiment.data.seed, "calibration", experiment.name)
    return calibration_batch(experiment.definition, training, torch.Generator().manual_seed(seed))


def _loaded(weights: Path, experiment: Experiment) -> tuple[Network, Examples]:
    """The trained network, in evaluation mode where it computes, and the test examples."""
    network = experiment.saved_network(weights)
    network.module.to(compute_device())
    (test,) = experiment.examples("test")
    return network, test
