"""The noise search of one experiment and method: from trials on disk to proposals, and to the choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import method_of, site_of
from codesign.bayesmulti.noise import PLAIN, NoiseSpec
from codesign.bayesmulti.specification import method_spec
from codesign.models.aims import PANEL, Aim, level_name
from codesign.noise_search.search import SearchSpace, Trial, best_trial, propose_specification
from codesign.schemas.evaluation import EVALUATION
from codesign.seeds import derived_seed
from codesign.tables import read_metadata, read_table
from codesign.tasks.about import Metric
from codesign.tasks.experiment import Experiment
from codesign.training.choice import Choice

CANDIDATES = 2048
"""Points among which the acquisition is largest."""


@dataclass(frozen=True)
class SearchSettings:
    """What the configuration says of a search: `search` and the starting scales of `training`."""

    tie: str | None
    """layer | model; None for a method that is not searched."""
    limits: Mapping[str, float]
    """Largest noise of each searched method."""
    variance: float | None
    """Largest variance of a factor over its squared mean; None for a method that is not searched."""
    scales: Sequence[float]
    """Starting scales to choose from."""
    search_for: str
    """panel | level: what networks are chosen for."""
    given: Sequence[Mapping] | None = None
    """Every trial of the search in turn, instead of proposals; None where they are proposed."""


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
    """The noise of a trial; that of ERM where its parameters have none."""
    noise = {name: parameters[name] for name in space.names if name in parameters}
    if not np.any([np.any(value) for value in noise.values()]):
        return PLAIN
    site = parameters["site"]
    return method_spec(space.method, noise, space.places[site], site=site)


@dataclass(frozen=True)
class PanelTrial:
    """One trial on the whole panel: what it tried, and its scores by aim and programming."""

    parameters: Mapping
    scores: Mapping[Aim, Mapping[int, float]]
    """Larger is better; empty where training failed."""

    def towards(self, aim: Aim) -> Trial:
        """Mean score and its standard error over programmings, as a search for `aim` sees them.

        Devices of the panel are the same for every trial, so the error is that of the programmings.

        Raises:
            NoiseError: The trial has no score on the aim's device.
        """
        if not self.scores:
            return Trial(self.parameters, None, None)
        if aim.level is not None and aim not in self.scores:
            raise NoiseError(f"a trial was scored on another panel, without {aim.profile} for {aim.name}")
        mine = list(self.scores.values()) if aim.level is None else [self.scores[aim]]
        means = np.mean([[each[number] for number in sorted(each)] for each in mine], axis=0)
        error = float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else 0.0
        return Trial(self.parameters, float(means.mean()), error)


def read_trial(path: Path, metric: Metric) -> PanelTrial:
    """A trial's parameters and scores. A table without rows is a trial whose training failed.

    Args:
        path: Rows of `codesign.schemas.evaluation.EVALUATION`, any metrics.
        metric: The task's primary one; no other is looked at.

    Raises:
        ValueError: There are rows, but none of this metric.
    """
    rows = read_table(path, schema=EVALUATION).to_pylist()
    parameters = read_metadata(path)["asked"]["parameters"]
    scores: dict[Aim, dict[int, float]] = {}
    for row in rows:
        if row["metric"] == metric.name:
            aim = Aim(
                level_name(row["level"]), row["level"], row["profile"], row["usability"], row["fidelity"]
            )
            scores.setdefault(aim, {})[row["programming"]] = metric.gain(row["value"])
    if rows and not scores:
        raise ValueError(f"{path}: no score called {metric.name}; delete it and make it again")
    return PanelTrial(parameters, scores)


def aims_of(trials: Sequence[PanelTrial], *, search_for: str) -> list[Aim]:
    """What networks are chosen for, best device first: the whole panel, or each of its devices.

    Args:
        trials: On one panel.
        search_for: panel | level.
    """
    known = next((trial.scores for trial in trials if trial.scores), {})
    if search_for == "panel" or not known:
        return [Aim(PANEL)]
    return sorted(known, key=lambda aim: -aim.level)


def propose_round(
    trials: Sequence[PanelTrial], space: SearchSpace, *, search_for: str, round: int, slots: int, seed: int
) -> list[dict]:
    """Parameters and specification of every slot of a round; its slots pursue the aims in turn.

    Args:
        trials: Of all earlier rounds, and those without noise.
        space: What is searched.
        search_for: panel | level: what networks are chosen for.
        round: From 1.
        slots: Trials a round.
        seed: Root seed.
    """
    proposals: list[dict] = []
    aims = aims_of(trials, search_for=search_for)
    for slot in range(slots):
        aim = aims[((round - 1) * slots + slot) % len(aims)]
        parameters = propose_specification(
            [trial.towards(aim) for trial in trials],
            space,
            round=round,
            slots=slots,
            slot=slot,
            seed=derived_seed(seed, "noise-search", space.method),
            candidates=CANDIDATES,
            pending=[each["parameters"] for each in proposals],
        )
        spec = specification_of(parameters, space)
        proposals.append({"parameters": parameters, "specification": spec.to_json()})
    return proposals


def given_round(
    given: Sequence[Mapping], trials: Sequence[PanelTrial], space: SearchSpace, *, round: int, slots: int
) -> list[dict]:
    """Parameters and specification of every slot of a round of listed trials.

    Args:
        given: Every trial of the search: its parameters, `site` where the method has a choice, and perhaps
            `initial_scale`; without it, a trial starts as the best one without noise does.
        trials: Those without noise, where a trial leaves open which of several starts it has.
        space: What may be tried.
        round: From 1.
        slots: Trials a round.

    Raises:
        NoiseError: A trial lies outside the space; the message says which.
    """
    plain = [each for each in trials if each.scores and not set(each.parameters) & set(space.names)]
    scale = _best_start(plain, Aim(PANEL)) if plain else space.scales[0]
    proposals = []
    for number in range((round - 1) * slots, round * slots):
        parameters = {"site": next(iter(space.places)), "initial_scale": scale, **given[number]}
        place = f"search.given.{space.method}[{number}]"
        try:
            point = space.features(parameters)
        except NoiseError as error:
            raise NoiseError(f"{place}: {error}") from error
        if not space.allowed(point[None])[0]:
            raise NoiseError(
                f"{place}: the variance of the factor over its squared mean is beyond search.variance "
                f"({space.variance:g}); take less noise"
            )
        proposals.append(
            {"parameters": parameters, "specification": specification_of(parameters, space).to_json()}
        )
    return proposals


def choose(trials: Sequence[PanelTrial], space: SearchSpace, *, search_for: str) -> list[Choice]:
    """Specification and starting scale of the trial with the best predicted score, for each aim.

    Raises:
        NoiseError: No trial succeeded.
    """
    found = []
    for aim in aims_of(trials, search_for=search_for):
        best = best_trial([trial.towards(aim) for trial in trials], space)
        found.append(Choice(aim, specification_of(best.parameters, space), best.parameters["initial_scale"]))
    return found


def unsearched(
    trials: Sequence[PanelTrial],
    experiment: Experiment,
    method: str,
    *,
    search_for: str,
    site: str | None,
    fixed: Sequence[float] | None,
) -> list[Choice]:
    """Specification and starting scale of a method that has no noise to search, for each aim.

    The scale is that of the best trial without noise: ERM too is given the start that holds best on devices.

    Args:
        trials: Those without noise, one a starting scale.
        experiment: Whose network.
        method: erm or bayesmulti-fixed.
        search_for: panel | level.
        site: Of the multinomial noise; None for erm.
        fixed: p_zero and p_half of every layer; None for erm.

    Raises:
        NoiseError: None of the trials succeeded.
    """
    if not any(trial.scores for trial in trials):
        raise NoiseError(f"{experiment.name}: training without noise failed; lower the learning rate")
    parameters = dict(zip(method_of(method).parameters, fixed or (), strict=False))
    places = experiment.blank_network().places(site_of(method, site))
    spec = method_spec(method, parameters, len(places), site=site)
    found = []
    for aim in aims_of(trials, search_for=search_for):
        found.append(Choice(aim, spec, _best_start([trial for trial in trials if trial.scores], aim)))
    return found


def _best_start(scored: Sequence[PanelTrial], aim: Aim) -> float:
    """Starting scale of the best trial towards an aim, the larger one of equals."""
    best = max(
        (trial.towards(aim) for trial in scored),
        key=lambda trial: (trial.objective, trial.parameters["initial_scale"]),
    )
    return best.parameters["initial_scale"]
