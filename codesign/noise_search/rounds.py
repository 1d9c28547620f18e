"""The noise search of one experiment and method: from trials on disk to proposals, and to the choice."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from codesign.bayesmulti.methods import method_of, site_of
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.specification import method_spec
from codesign.noise_search.search import SearchSpace, Trial, best_trial, propose_specification
from codesign.schemas.evaluation import EVALUATION
from codesign.seeds import derived_seed
from codesign.tables import read_metadata, read_table
from codesign.tasks.about import Metric
from codesign.tasks.experiment import Experiment

CANDIDATES = 2048
"""Points among which the acquisition is largest."""


def noisy_layers(experiment: Experiment, method: str, site: str) -> int:
    """Places of the experiment's network that the method's noise acts at, each with a noise of its own."""
    return len(experiment.blank_network().places(site_of(method, site)))


def search_space(experiment: Experiment, method: str, *, site: str, tie: str, limits: Mapping) -> SearchSpace:
    """What is searched for a method on an experiment's network."""
    return SearchSpace(method, noisy_layers(experiment, method, site), tie, limits[method])


def propose_round(
    trials: Sequence[Trial],
    space: SearchSpace,
    *,
    round: int,
    slots: int,
    seed: int,
    site: str,
) -> list[dict]:
    """Parameters and specification of every slot of a round.

    Args:
        trials: Of all earlier rounds.
        space: What is searched.
        round: From 1.
        slots: Trials a round.
        seed: Root seed.
        site: Of the noise, for methods with a choice.
    """
    proposals = []
    for slot in range(slots):
        parameters = propose_specification(
            trials,
            space,
            round=round,
            slots=slots,
            slot=slot,
            seed=derived_seed(seed, "noise-search", space.method),
            candidates=CANDIDATES,
        )
        spec = method_spec(space.method, parameters, space.n_layers, site=site)
        proposals.append({"parameters": parameters, "specification": spec.to_json()})
    return proposals


def read_trial(path: Path, metric: Metric) -> Trial:
    """A trial's parameters, its mean over panel and programmings, and the mean's standard error.

    The error is that of the programmings: devices of the panel are the same for every trial.
    A table without rows is a trial whose training failed.

    Args:
        path: Rows of `codesign.schemas.evaluation.EVALUATION`, any metrics.
        metric: The task's primary one; no other is looked at.

    Raises:
        ValueError: There are rows, but none of this metric.
    """
    rows = read_table(path, schema=EVALUATION).to_pylist()
    parameters = read_metadata(path)["asked"]["parameters"]
    if not rows:
        return Trial(parameters, None, None)
    by_programming: dict[int, list[float]] = {}
    for row in rows:
        if row["metric"] == metric.name:
            by_programming.setdefault(row["programming"], []).append(metric.gain(row["value"]))
    if not by_programming:
        raise ValueError(f"{path}: no score called {metric.name}; delete it and make it again")
    means = np.array([np.mean(values) for values in by_programming.values()])
    error = float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else 0.0
    return Trial(parameters, float(means.mean()), error)


def choose_specification(trials: Sequence[Trial], space: SearchSpace, *, site: str) -> NoiseSpec:
    """The specification of the trial with the best predicted score."""
    return method_spec(space.method, best_trial(trials, space).parameters, space.n_layers, site=site)


def unsearched_specification(
    experiment: Experiment, method: str, *, site: str, fixed: Sequence[float]
) -> NoiseSpec:
    """The specification of a method that has nothing to search.

    Args:
        experiment: Whose network.
        method: erm or bayesmulti-fixed.
        site: Of the multinomial noise.
        fixed: p_zero and p_half of every layer.
    """
    parameters = dict(zip(method_of(method).parameters, fixed, strict=False))
    return method_spec(method, parameters, noisy_layers(experiment, method, site), site=site)
