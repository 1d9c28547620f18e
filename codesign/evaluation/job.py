"""The networks of one method on many profiles: what an evaluation job does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from codesign.evaluation.calibration import calibration_batch
from codesign.evaluation.montecarlo import EvaluationPlan, ScoredNetwork, evaluate, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.aims import Aim, share_out
from codesign.models.network import Network
from codesign.nonideality.profile import DeviceProfile
from codesign.seeds import derived_seed
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
    repeat: int = 1,
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
        repeat=repeat,
    )


def evaluate_networks(
    family: Mapping[Aim, Path],
    experiment: Experiment,
    profiles: Sequence[DeviceProfile],
    plan: EvaluationPlan,
) -> tuple[list[dict], dict]:
    """Score each profile in the network chosen for it, on the experiment's test examples.

    Fidelities alone say which network a profile is given; calibrations see training examples.

    Args:
        family: What each network of the method was chosen for, and its weights.
        experiment: Of which networks and task.
        profiles: May be empty.
        plan: How.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`, and where the test data came from.
    """
    calibrating = calibrating_batch(experiment, plan.calibrations)
    (test,) = experiment.examples("test")
    rows = []
    for aim, mine in share_out(list(family), profiles).items():
        network = _loaded(family[aim], experiment)
        here = replace(plan, aim=aim.name)
        rows += evaluate(network, experiment.definition, test, mine, here, calibrating=calibrating)
    place = {profile.profile: number for number, profile in enumerate(profiles)}
    # a stable order: what one network gives stays together within noise and profile
    rows.sort(key=lambda row: (list(plan.noises).index(row["noise"]), place[row["profile"]]))
    return rows, asdict(test.source) if test.source else {}


def detail_rows(
    family: Mapping[Aim, Path],
    experiment: Experiment,
    profiles: Sequence[DeviceProfile],
    plan: EvaluationPlan,
) -> list[dict]:
    """What the task's own figures need: its scorer's details for each profile and programming of the plan.

    Args:
        family: What each network of the method was chosen for, and its weights.
        experiment: Its task declares details.
        profiles: Those that figures show.
        plan: Its first kind of noise is used.

    Returns:
        The task's columns after method, profile, level, usability, programming, which every task has; by
        profile.
    """
    (test,) = experiment.examples("test")
    found: dict[str, list[dict]] = {profile.profile: [] for profile in profiles}
    settings = MemSimSettings(**plan.memsim, noise=plan.noises[0])
    for aim, mine in share_out(list(family), profiles).items():
        network = _loaded(family[aim], experiment)
        scored = ScoredNetwork(network, experiment.definition, test)
        with PerovskiteMemSim(network, settings) as simulator:
            for profile in mine:
                for number in plan.programmings:
                    simulator.program(profile, noise_generator(profile.profile, number))
                    shared = {"method": plan.method, "profile": profile.profile, "level": profile.level}
                    shared |= {"usability": profile.usability, "programming": int(number)}
                    found[profile.profile] += [shared | row for row in scored.score(details=True).details()]
    return [row for rows in found.values() for row in rows]


def calibrating_batch(experiment: Experiment, kinds: Iterable[str]) -> Any:
    """Training examples that calibrations of these kinds see: the same for every method; None where none are
    needed."""
    if not set(kinds) - {"none", "scale"}:
        return None
    (training,) = experiment.examples("train")
    seed = derived_seed(experiment.data.seed, "calibration", experiment.name)
    return calibration_batch(experiment.definition, training, torch.Generator().manual_seed(seed))


def _loaded(weights: Path, experiment: Experiment) -> Network:
    """A trained network, in evaluation mode where it computes."""
    network = experiment.saved_network(weights)
    network.module.to(compute_device())
    return network
