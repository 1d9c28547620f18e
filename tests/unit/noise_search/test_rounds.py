"""From trials on disk to proposals and choices: for the whole panel, or for each of its levels."""

import numpy as np
import pytest

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.specification import method_spec
from codesign.models.aims import PANEL, Aim
from codesign.noise_search.rounds import (
    PanelTrial,
    aims_of,
    choose,
    given_round,
    propose_round,
    read_trial,
    specification_of,
    unsearched,
)
from codesign.noise_search.search import SearchSpace, propose_specification
from codesign.schemas.evaluation import EVALUATION
from codesign.seeds import derived_seed
from codesign.tables import write_table
from codesign.tasks.about import Metric
from codesign.tasks.experiment import Experiment
from codesign.training.choice import Choice, alike

ACCURACY = Metric("accuracy", "accuracy", "higher")
LEVELS = {0.8: "a", 0.5: "b", 0.2: "c"}
AIMS = [Aim(f"{level}", level, name, level - 0.01, level**0.3) for level, name in LEVELS.items()]
SPACE = SearchSpace("dropout", {"activation": 2, "weight": 3}, "model", 0.8, (1.0, 0.4))
WHOLE = Aim(PANEL)
MOONS = Experiment.make(
    "two-moons",
    {
        "task": "moons", "source": "generated", "network": "perceptron", "epochs": 3, "batch_size": 20,
        "learning_rate": 0.02, "train_size": 40, "test_size": 30, "noise": 0.2,
    },
    data={"seed": 5, "validation_fraction": 0.2},
)  # fmt: skip


def trial_file(path, rows):
    """A trial of scores (level, programming, metric, value)."""
    shared = dict.fromkeys(("experiment", "method", "network", "noise", "calibration"), "x")
    shared |= {"stands_for": "level", "repeat": 1, "aim": None}
    rows = [
        shared
        | {"level": level, "profile": LEVELS[level], "usability": level - 0.01, "fidelity": level**0.3}
        | {"programming": number, "metric": metric, "value": value}
        for level, number, metric, value in rows
    ]
    write_table(rows, path, schema=EVALUATION, metadata={"asked": {"parameters": {"rate": 0.1}}})
    return path


def trial(scores, *, scale=1.0, **noise):
    """A trial with one programming of these scores, by level; with none where it failed."""
    parameters = {"initial_scale": scale} | ({"site": "activation"} | noise if noise else {})
    scored = zip(AIMS, scores, strict=True) if scores else ()
    return PanelTrial(parameters, {aim: {0: score} for aim, score in scored})


def test_a_trial_is_judged_by_the_primary_metric_alone(tmp_path):
    """Metrics are never averaged with each other; two devices a programming are, then programmings."""
    rows = [
        (level, number, metric, value)
        for number, accuracies in ((0, (0.9, 0.7)), (1, (0.6, 0.6)))
        for level, value in zip((0.8, 0.5), accuracies, strict=True)
        for metric, value in (("accuracy", value), ("mcc", -0.1))
    ]
    path = trial_file(tmp_path / "t.parquet", rows)
    found = read_trial(path, ACCURACY).towards(WHOLE)
    assert found.parameters == {"rate": 0.1}
    assert found.objective == pytest.approx(0.7)
    assert found.standard_error == pytest.approx(np.std([0.8, 0.6], ddof=1) / np.sqrt(2))
    other = read_trial(path, Metric("mcc", "correlation", "higher")).towards(WHOLE)
    assert (other.objective, other.standard_error) == pytest.approx((-0.1, 0.0))


def test_towards_a_level_only_its_device_counts(tmp_path):
    """Its mean over programmings and the error of that mean; the mean over levels is that of the panel."""
    scores = {0.8: (0.9, 0.6, 0.7), 0.2: (0.3, 0.5, 0.2)}
    rows = [(level, k, "accuracy", v) for level, values in scores.items() for k, v in enumerate(values)]
    found = read_trial(trial_file(tmp_path / "t.parquet", rows), ACCURACY)
    aims = aims_of([found], search_for="level")
    assert aims == [AIMS[0], AIMS[2]], "a name, a device and what is known of it; best first"
    for aim in aims:
        mine, values = found.towards(aim), scores[aim.level]
        assert mine.objective == pytest.approx(np.mean(values))
        assert mine.standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    assert found.towards(WHOLE).objective == pytest.approx(np.mean([*scores.values()]))


def test_a_trial_on_another_panel_does_not_pass_for_one_on_this():
    """Its mean over other devices would decide for a level that it was never scored on."""
    other = PanelTrial({"initial_scale": 1.0}, {AIMS[0]: {0: 0.9}, AIMS[1]: {0: 0.9}})
    with pytest.raises(NoiseError, match=r"another panel, without c for 0\.2"):
        choose([trial((0.1, 0.2, 0.3)), other], SPACE, search_for="level")


def test_where_lower_is_better_the_smaller_error_is_the_larger_objective(tmp_path):
    """The search looks for the largest objective, whatever the metric."""
    error = Metric("error", "error", "lower")
    small, large = (
        read_trial(trial_file(tmp_path / f"{value}.parquet", [(0.5, 0, "error", value)]), error).towards(aim)
        for value, aim in ((0.1, WHOLE), (2.0, AIMS[1]))
    )
    assert (small.objective, large.objective) == pytest.approx((-0.1, -2.0))
    assert small.objective > large.objective


def test_a_trial_without_the_metric_is_an_error_and_one_without_rows_a_failure(tmp_path):
    """Scores of something else must not pass for a training that failed."""
    path = trial_file(tmp_path / "t.parquet", [(0.5, 0, "mcc", 0.5)])
    with pytest.raises(
        ValueError, match=r"t\.parquet: no score called accuracy; delete it and make it again"
    ):
        read_trial(path, ACCURACY)
    failed = read_trial(trial_file(tmp_path / "f.parquet", []), ACCURACY)
    for aim in (WHOLE, AIMS[0]):
        found = failed.towards(aim)
        assert (found.objective, found.standard_error) == (None, None)


def test_aims_are_the_panels_levels_or_the_panel():
    """Of the first trial that succeeded; with none of them there is nothing but the panel."""
    trials = [trial(None), trial((0.1, 0.2, 0.3))]
    assert aims_of(trials, search_for="level") == AIMS
    assert aims_of(trials, search_for="panel") == aims_of(trials[:1], search_for="level") == [WHOLE]


BEST_OF_EACH = [
    trial((0.60, 0.50, 0.40)),
    trial((0.55, 0.45, 0.35), scale=0.4),
    trial((0.95, 0.40, 0.10), rate=0.05),
    trial((0.30, 0.90, 0.30), rate=0.4),
    trial((0.10, 0.30, 0.80), rate=0.75),
    trial(None, rate=0.8),
]
"""Each level has another trial that is far above the others; on the mean, that of the second is best."""


def test_each_level_takes_the_trial_that_is_best_on_it():
    """The panel takes the one that is best on average; a trial that failed is nobody's choice."""
    found = choose(BEST_OF_EACH, SPACE, search_for="level")
    assert [choice.aim for choice in found] == AIMS
    assert [choice.specification.layers[0].rate for choice in found] == [0.05, 0.4, 0.75]
    assert {choice.specification.site for choice in found} == {"activation"}
    [whole] = choose(BEST_OF_EACH, SPACE, search_for="panel")
    assert whole.aim == WHOLE and whole.specification.layers[0].rate == 0.4


def test_a_level_without_use_of_noise_takes_erm():
    """Its specification is that of ERM to the letter, at the scale that is best there without noise."""
    trials = [
        trial((0.90, 0.2, 0.2)),
        trial((0.50, 0.3, 0.2), scale=0.4),
        trial((0.40, 0.8, 0.2), rate=0.4),
        trial((0.30, 0.3, 0.9), rate=0.7),
    ]
    first, second, third = choose(trials, SPACE, search_for="level")
    assert (first.specification, first.initial_scale) == (method_spec("erm", {}, 0), 1.0)
    assert [each.specification.layers[0].rate for each in (second, third)] == [0.4, 0.7]


@pytest.mark.parametrize("noise", [{}, {"site": "weight", "rate": 0.0}], ids=["said without", "strength 0"])
def test_a_trial_without_noise_is_specified_as_erm(noise):
    """So that it is the training that lies there already."""
    assert specification_of({"initial_scale": 1.0} | noise, SPACE) == method_spec("erm", {}, 0)
    assert specification_of({"site": "weight", "rate": 0.1}, SPACE).method == "dropout"


def test_without_a_trial_that_succeeded_nothing_is_chosen():
    """For no aim."""
    for search_for in ("panel", "level"):
        with pytest.raises(NoiseError, match="none of 2 trials of dropout succeeded"):
            choose([trial(None), trial(None, rate=0.3)], SPACE, search_for=search_for)
        with pytest.raises(NoiseError, match="two-moons: training without noise failed"):
            unsearched([trial(None)], MOONS, "erm", search_for=search_for, site="activation", fixed=[])


def test_erm_starts_on_each_level_where_it_holds_best_there():
    """Of equal ones from the larger scale; a start whose training failed is left out."""
    trials = [trial((0.9, 0.2, 0.5)), trial((0.6, 0.7, 0.5), scale=0.4), trial(None, scale=0.1)]
    how = {"site": "activation", "fixed": [0.3, 0.2]}
    found = unsearched(trials, MOONS, "erm", search_for="level", **how)
    assert [(choice.aim, choice.initial_scale) for choice in found] == [
        (AIMS[0], 1.0), (AIMS[1], 0.4), (AIMS[2], 1.0),
    ]  # fmt: skip
    assert all(choice.specification.is_plain for choice in found)
    assert found == unsearched(trials, MOONS, "erm", search_for="level", site=None, fixed=None)
    fixed = unsearched(trials, MOONS, "bayesmulti-fixed", search_for="level", **how)
    assert [choice.initial_scale for choice in fixed] == [1.0, 0.4, 1.0]
    assert {(each.p_zero, each.p_half) for choice in fixed for each in choice.specification.layers} == {
        (0.3, 0.2)
    }
    [whole] = unsearched(trials, MOONS, "erm", search_for="panel", **how)
    assert (whole.aim, whole.initial_scale) == (WHOLE, 0.4)


def test_slots_pursue_the_levels_in_turn():
    """Each is proposed as a search for its level alone would, told of the slots before it; rounds go on."""
    given = {"slots": 2, "seed": 7}
    for round, turn in ((2, (2, 0)), (3, (1, 2))):
        found = propose_round(BEST_OF_EACH, SPACE, search_for="level", round=round, **given)
        pending = []
        for slot, (number, proposal) in enumerate(zip(turn, found, strict=True)):
            alone = propose_specification(
                [each.towards(AIMS[number]) for each in BEST_OF_EACH],
                SPACE,
                round=round,
                slots=2,
                slot=slot,
                seed=derived_seed(7, "noise-search", "dropout"),
                candidates=2048,
                pending=pending,
            )
            assert proposal["parameters"] == alone
            assert proposal["specification"] == specification_of(alone, SPACE).to_json()
            pending.append(alone)
    by_level = propose_round(BEST_OF_EACH, SPACE, search_for="level", round=2, slots=6, seed=7)
    assert by_level != propose_round(BEST_OF_EACH, SPACE, search_for="panel", round=2, slots=6, seed=7)
    assert len({str(each) for each in by_level}) == 6


def test_listed_trials_are_tried_in_turn():
    """From the start they name, else from the one that holds best without noise."""
    given = [
        {"site": "weight", "rate": 0.1}, {"site": "activation", "rate": 0.3, "initial_scale": 1.0},
        {"site": "weight", "rate": 0.5}, {"site": "weight", "rate": 0.0},
    ]  # fmt: skip
    before = [trial([0.5, 0.5, 0.5]), trial([0.6, 0.6, 0.5], scale=0.4), trial(None)]
    tried = trial([0.9, 0.9, 0.9], rate=0.1)
    first = given_round(given, before, SPACE, round=1, slots=2)
    second = given_round(given, [*before, tried], SPACE, round=2, slots=2)
    assert [each["parameters"] for each in first + second] == [
        {"initial_scale": 0.4} | each for each in given
    ]
    assert [each["specification"] for each in first + second] == [
        specification_of(each, SPACE).to_json() for each in given
    ]
    failed = given_round(given, [trial(None)], SPACE, round=1, slots=1)
    assert failed[0]["parameters"] == given[0] | {"initial_scale": 1.0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"site": "weight", "rate": 0.81}, r"search\.given\.dropout\[1\]: .* at most 0\.8"),
        (
            {"site": "weight", "rate": 0.79},
            r"search\.given\.dropout\[1\]: the variance .*\(3\); take less noise",
        ),
        ({"site": "weight", "rate": [0.1, 0.2]}, r"search\.given\.dropout\[1\]: need 1 value"),
    ],
)
def test_a_listed_trial_outside_the_space_is_refused_by_its_place(wrong, message):
    space = SearchSpace("dropout", {"activation": 2, "weight": 3}, "model", 0.8, (1.0, 0.4), 3.0)
    with pytest.raises(NoiseError, match=message):
        given_round([{"site": "weight", "rate": 0.1}, wrong], [], space, round=1, slots=2)


@pytest.mark.parametrize("search_for", ["panel", "level"])
def test_a_search_whose_trials_all_failed_goes_on(search_for):
    """Spread over the space, as in its first round."""
    found = propose_round([trial(None)], SPACE, search_for=search_for, round=2, slots=3, seed=7)
    assert len({str(each) for each in found}) == 3


def test_choices_that_are_alike_are_one_training():
    """The same noise from the same scale, whatever the aim, in the order of the first of each."""
    one, other = (method_spec("dropout", {"rate": rate}, 2, site="weight") for rate in (0.1, 0.2))
    pairs = [(one, 1.0), (other, 1.0), (one, 1.0)]
    made = [Choice(aim, *pair) for aim, pair in zip(AIMS, pairs, strict=True)]
    assert alike(made) == [[made[0], made[2]], [made[1]]]
    again = [Choice(made[0].aim, one, 0.4), *made[1:]]
    assert [len(each) for each in alike(again)] == [1, 1, 1]


@pytest.mark.parametrize("aim", [WHOLE, AIMS[1]], ids=["panel", "level"])
def test_a_choice_is_read_as_it_was_written(aim):
    """Numbers, aim and noise."""
    choice = Choice(aim, method_spec("dropout", {"rate": [0.1, 0.2]}, 2, site="weight"), 0.4)
    assert Choice.of(choice.said() | {"network": 1}) == choice
