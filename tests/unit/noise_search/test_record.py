"""Numbers of the search and noise figures against what can be worked out without them."""

import numpy as np
import pytest
from scipy.integrate import quad

from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.noise_search.record import (
    choices,
    lognormal_beyond,
    lognormal_density,
    multinomial_factors,
    search_trace,
    searched_parameters,
)


def _trial(parameters, objective, error=0.01):
    return {
        "parameters": {"initial_scale": 0.4} | ({"site": "activation"} if parameters else {}) | parameters,
        "objective": objective,
        "standard_error": None if objective is None else error,
    }


def _network(specification, *, name="panel", level=None, scale=0.4):
    """One network as `chosen.json` tells of it."""
    known = {"profile": "d", "usability": level, "fidelity": level**0.3} if level else {}
    about = {"name": name, "level": level, "profile": None, "usability": None, "fidelity": None} | known
    return about | {"specification": specification, "initial_scale": scale}


PLAIN = {"method": "erm", "site": "none", "layers": []}
DROPOUT = {"method": "dropout", "site": "activation", "layers": [{"noise": "dropout", "rate": 0.3}] * 2}
BAYESMULTI = {
    "method": "bayesmulti",
    "site": "activation",
    "layers": [
        {"noise": "multinomial", "p_zero": 0.1, "p_half": 0.2},
        {"noise": "multinomial", "p_zero": 0.3, "p_half": 0.0},
    ],
}
RECORDS = {
    "erm": {"method": "erm", "networks": [_network(PLAIN)], "trials": [_trial({}, 0.45)]},
    "dropout": {
        "method": "dropout",
        "networks": [_network(DROPOUT)],
        "trials": [
            _trial({}, 0.45),
            _trial({"initial_scale": 1.0}, 0.4) | {"parameters": {"initial_scale": 1.0}},
            _trial({"rate": 0.0}, 0.5),
            _trial({"rate": 0.6}, None),
            _trial({"rate": 0.3}, 0.7),
            _trial({"rate": 0.4}, 0.6),
        ],
    },
    "bayesmulti": {
        "method": "bayesmulti",
        "networks": [_network(BAYESMULTI)],
        "trials": [
            _trial({"p_zero": [0.1, 0.3], "p_half": [0.2, 0.0]}, 0.8),
            _trial({"p_zero": [0.0, 0.0], "p_half": [0.0, 0.0]}, 0.9),
        ],
    },
}


def test_the_trace_goes_through_rounds_and_keeps_the_best():
    """A failed trial has no objective and changes no best; the chosen trial need not be the best."""
    rows = search_trace(RECORDS, slots=2)
    dropout = [row for row in rows if row["method"] == "dropout"]
    assert [(row["trial"], row["round"], row["slot"]) for row in dropout] == [
        (0, 0, 1),
        (0, 0, 2),
        (1, 1, 1),
        (2, 1, 2),
        (3, 2, 1),
        (4, 2, 2),
    ]
    assert [row["best"] for row in dropout] == [0.45, 0.45, 0.5, 0.5, 0.7, 0.7]
    assert [row["corner"] for row in dropout] == [True, True, True, False, False, False]
    assert [row["chosen"] for row in dropout] == [False, False, False, False, True, False]
    assert [row["initial_scale"] for row in dropout] == [0.4, 1.0, 0.4, 0.4, 0.4, 0.4]
    assert [row["site"] for row in dropout] == [None, None, *["activation"] * 4]
    per_layer = [row for row in rows if row["method"] == "bayesmulti"]
    assert [(row["corner"], row["chosen"]) for row in per_layer] == [(False, True), (True, False)]
    assert not any(row["method"] == "erm" for row in rows)


def test_nothing_is_best_before_a_trial_succeeds():
    """A search whose first trial fails has no line there."""
    record = RECORDS["dropout"] | {"trials": RECORDS["dropout"]["trials"][3:5]}
    assert [row["best"] for row in search_trace({"dropout": record}, slots=1)] == [None, 0.7]


@pytest.mark.parametrize(
    ("scale", "site", "chosen"),
    [
        pytest.param(0.4, "weight", [False] * 6, id="another-site"),
        pytest.param(1.0, "activation", [False] * 6, id="another-scale"),
    ],
)
def test_what_was_chosen_is_of_its_site_and_scale(scale, site, chosen):
    """The same rate elsewhere is another trial."""
    record = RECORDS["dropout"]
    network = _network(DROPOUT | {"site": site}, scale=scale)
    rows = search_trace({"dropout": record | {"networks": [network]}}, slots=2)
    assert [row["chosen"] for row in rows] == chosen


def test_a_search_that_chose_no_noise_marks_the_trial_without():
    """ERM of the chosen starting scale."""
    record = RECORDS["dropout"] | {"networks": [_network(PLAIN, scale=1.0)]}
    rows = search_trace({"dropout": record}, slots=2)
    assert [row["chosen"] for row in rows] == [False, True, False, False, False, False]


LEVELS = RECORDS["dropout"] | {
    "networks": [
        _network(DROPOUT, name="0.8", level=0.8),
        _network(PLAIN, name="0.4", level=0.4),
    ]
}
"""A search that chose for two levels."""


def test_every_trial_that_was_chosen_for_a_level_is_marked():
    """Two levels may have two, or share one."""
    rows = search_trace({"dropout": LEVELS}, slots=2)
    assert [row["chosen"] for row in rows] == [True, False, False, False, True, False]
    same = LEVELS | {"networks": [_network(DROPOUT, name=f"{u}", level=u) for u in (0.8, 0.4)]}
    assert sum(row["chosen"] for row in search_trace({"dropout": same}, slots=2)) == 1


def test_parameters_chosen_say_for_what_and_no_noise_has_none():
    """A network without noise is no mark at 0: none of the parameters was chosen."""
    found = searched_parameters({"dropout": LEVELS}, limits={"dropout": 0.6})
    [chosen] = [row for row in found if row["kind"] == "chosen"]
    assert (chosen["aim"], chosen["value"]) == ("0.8", 0.3)
    assert {row["aim"] for row in found if row["kind"] == "tried"} == {None}


def test_choices_of_every_method_are_told_for_every_aim():
    """Also of a method without a search; of several layers the smallest and the largest value."""
    rows = choices({"erm": RECORDS["erm"], "dropout": LEVELS, "bayesmulti": RECORDS["bayesmulti"]})
    told = [(row["method"], row["aim"], row["site"], row["least"], row["most"]) for row in rows]
    assert told == [
        ("erm", "panel", None, [], []),
        ("dropout", "0.8", "activation", [0.3], [0.3]),
        ("dropout", "0.4", None, [], []),
        ("bayesmulti", "panel", "activation", [0.1, 0.0], [0.3, 0.2]),
    ]
    assert [row["level"] for row in rows] == [None, 0.8, 0.4, None]
    assert [row["usability"] for row in rows] == [None, 0.8, 0.4, None]
    assert {row["initial_scale"] for row in rows} == {0.4}


def test_trials_that_are_no_whole_rounds_are_refused():
    """Slots of another configuration would number the rounds wrongly."""
    with pytest.raises(ValueError, match="dropout: 4 trials"):
        search_trace(RECORDS, slots=3)


def test_parameters_are_listed_once_a_layer_where_layers_differ():
    """One value for all layers is one mark; a value a layer is a mark each."""
    rows = searched_parameters(RECORDS, limits={"dropout": 0.6, "bayesmulti": 0.9})
    [rate] = [row for row in rows if row["method"] == "dropout" and row["kind"] == "chosen"]
    assert (rate["layer"], rate["value"], rate["share"]) == (None, 0.3, pytest.approx(0.5))
    zeros = [row for row in rows if row["parameter"] == "p_zero" and row["kind"] == "chosen"]
    assert [(row["layer"], row["value"]) for row in zeros] == [(1, 0.1), (2, 0.3)]
    tried = [row for row in rows if row["method"] == "dropout" and row["kind"] == "tried"]
    assert [(row["trial"], row["value"]) for row in tried] == [(1, 0.0), (2, 0.6), (3, 0.3), (4, 0.4)]


@pytest.mark.parametrize("pair", [(0.3, 0.3), (0.0, 0.0), (0.6, 0.3), (0.0, 0.9)], ids=str)
def test_multinomial_factors_have_mean_one_and_total_one(pair):
    """Training divides by the mean so that noise does not scale the network."""
    found = multinomial_factors(p_zero=pair[0], p_half=pair[1])
    assert sum(p for _, p in found) == pytest.approx(1)
    assert sum(factor * p for factor, p in found) == pytest.approx(1)


def test_multinomial_factors_are_those_that_training_draws():
    """The noise itself draws the same three values, with probabilities rounded to 1 / 65536."""
    import torch

    noise = MultinomialNoise(0.25, 0.5)
    draws = noise.factor(torch.empty(40_000), torch.Generator().manual_seed(1)).double().numpy()
    for factor, p in multinomial_factors(p_zero=noise.p_zero, p_half=noise.p_half):
        share = np.isclose(draws, factor, atol=1e-6).mean()
        assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / draws.size))


@pytest.mark.parametrize("sigma", [0.1, 0.7, 1.5])
def test_the_density_integrates_to_what_is_not_beyond(sigma):
    """Density and tail are two faces of one distribution; the mode is exp(-sigma^2)."""
    inside, _ = quad(lambda x: float(lognormal_density(x, sigma)), 1e-9, 3.0, points=[0.01, 1.0], limit=400)
    assert inside + lognormal_beyond(3.0, sigma) == pytest.approx(1, abs=1e-6)
    mode = np.exp(-(sigma**2))
    assert lognormal_density(mode, sigma) > lognormal_density(mode * np.array([0.98, 1.02]), sigma).max()


def test_a_device_without_spread_has_no_density():
    """All its factors are 1, and none lies beyond."""
    with pytest.raises(ValueError, match="sigma > 0"):
        lognormal_density(np.ones(2), 0.0)
    assert lognormal_beyond(3.0, 0.0) == 0.0
