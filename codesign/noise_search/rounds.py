"""The noise search of one experiment and method: from trials on disk to proposals, and to the choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.bayesmulti.error import NoiseError
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


@dataclass(frozen=True)
class SearchSettings:
    """What the configuration says of every search: `search` and the starting scales of `training`."""

    tie: str
    limits: Mapping[str, float]
    """Largest noise of each searched method."""
    variance: float
    """Largest variance of a factor over its squared mean."""
    scales: Sequence[float]
    """Starting scales to choose from."""


def search_space(experiment: Experiment, method: str, settings: SearchSettings) -> SearchSpace:
    """What is searched for a method on an experiment's network: sites without a noisy place are no choice."""
    network = experiment.blank_network()
    places = {site: len(network.places(site)) for site in method_of(method).sites}
    return SearchSpace(
        method,
        {site: count for site, count in places.items() if count},
        settings.tie,
        settings.limits[method],
        tuple(settings.scales),
        settings.variance,
    )


def specification_of(parameters: Mapping, space: SearchSpace) -> NoiseSpec:
    """The noise of a trial; none where its parameters have none."""
    noise = {name: parameters[name] for name in space.names if name in parameters}
    site = parameters.get("site", next(iter(space.places)))
    if not noise:
        noise = dict.fromkeys(space.names, 0.0)
    return method_spec(space.method, noise, space.places[site], site=site)


def propose_round(
    trials: Sequence[Trial], space: SearchSpace, *, round: int, slots: int, seed: int
) -> list[dict]:
    """Parameters and specification of every slot of a round.

    Args:
        trials: Of all earlier rounds, and those without noise.
        space: What is searched.
        round: From 1.
        slots: Trials a round.
        seed: Root seed.
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
        spec = specification_of(parameters, space)
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


def choose_trial(trials: Sequence[Trial], space: SearchSpace) -> tuple[NoiseSpec, float]:
    """Specification and starting scale of the trial with the best predicted score."""
    best = best_trial(trials, space)
    return specification_of(best.parameters, space), best.parameters["initial_scale"]


def unsearched(
    trials: Sequence[Trial], experiment: Experiment, method: str, *, site: str, fixed: Sequence[float]
) -> tuple[NoiseSpec, float]:
    """Specification and starting scale of a method that has no noise to search.

    The scale is that of the best trial without noise: ERM too is given the start that holds best on devices.

    Args:
        trials: Those without noise, one a starting scale.
        experiment: Whose network.
        method: erm or bayesmulti-fixed.
        site: Of the multinomial noise.
        fixed: p_zero and p_half of every layer.

    Raises:
        NoiseError: None of the trials succeeded.
    """
    good = [trial for trial in trials if trial.objective is not None]
    if not good:
        raise NoiseError(f"{experiment.name}: training without noise failed; lower the learning rate")
    best = max(good, key=lambda trial: (trial.objective, trial.parameters["initial_scale"]))
    parameters = dict(zip(method_of(method).parameters, fixed, strict=False))
    places = experiment.blank_network().places(site_of(method, site))
    return method_spec(method, parameters, len(places), site=site), best.parameters["initial_scale"]
