"""The noise search: space, determinism, and that it finds what there is to find."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.bayesmulti.methods import method_names, method_of
from codesign.bayesmulti.noise import NoiseError
from codesign.bayesmulti.specification import method_spec
from codesign.noise_search.search import SearchSpace, Trial, best_trial, propose_specification

LIMITS = {"bayesmulti": 0.9, "dropout": 0.8, "gaussian": 0.3, "lognormal": 1.2}
SEARCHED = [name for name in method_names() if method_of(name).searched]


def space_of(method, layers=1, tie="model", limit=None, **more) -> SearchSpace:
    """A space with one site, of `layers` places."""
    [site] = method_of(method).sites[-1:]
    return SearchSpace(method, {site: layers}, tie, limit or LIMITS[method], **more)


spaces = st.builds(
    lambda method, layers, tie, scales, variance: SearchSpace(
        method,
        {site: layers + k for k, site in enumerate(method_of(method).sites)},
        tie,
        LIMITS[method],
        scales,
        variance,
    ),
    st.sampled_from(SEARCHED),
    st.integers(1, 5),
    st.sampled_from(["layer", "model"]),
    st.sampled_from([(1.0,), (1.0, 0.4), (0.1, 1.0, 0.4)]),
    st.sampled_from([math.inf, 1.8]),
)


def noise_of(parameters) -> dict:
    return {name: value for name, value in parameters.items() if name not in ("site", "initial_scale")}


def values_of(parameters) -> np.ndarray:
    """(layers, parameters of one)."""
    return np.array([np.atleast_1d(value) for value in noise_of(parameters).values()], dtype=float).T


def anywhere(space, rng) -> dict:
    """A point of the space, drawn."""
    site = list(space.places)[rng.integers(len(space.places))]
    scale = space.scales[rng.integers(len(space.scales))]
    return space.at(rng.random(space.noise_dimensions(site)), site=site, scale=scale)


def inside(parameters, space) -> bool:
    values = values_of(parameters)
    return bool(np.all(values >= 0) and np.all(values.sum(axis=1) <= space.limit * (1 + 1e-12)))


def quadratic(parameters) -> float:
    """Largest, 0.9, at a known point inside each space, another one for each layer."""
    values = values_of(parameters)
    target = np.array([0.4, 0.2])[: values.shape[1]] + np.linspace(-0.1, 0.1, len(values))[:, None]
    return 0.9 - float(((values - target) ** 2).sum(axis=1).mean())


def proposed(trials, space, *, round, slots, seed, candidates) -> list[dict]:
    """A whole round: each slot knows what those before it try."""
    found: list[dict] = []
    for slot in range(slots):
        how = {"round": round, "slots": slots, "slot": slot, "seed": seed, "candidates": candidates}
        found.append(propose_specification(trials, space, **how, pending=found))
    return found


def searched(space, *, seed, rounds, slots, error=0.003) -> list[Trial]:
    rng = np.random.default_rng(seed)
    trials: list[Trial] = []
    for r in range(1, rounds + 1):
        found = proposed(trials, space, round=r, slots=slots, seed=seed, candidates=1024)
        trials += [Trial(p, quadratic(p) + error * rng.standard_normal(), error) for p in found]
    return trials


@given(spaces, st.integers(0, 2**32))
def test_points_are_found_again(space, seed):
    """What the surrogate sees says what a trial tries, and the other way round; other sites' axes are 0."""
    parameters = anywhere(space, np.random.default_rng(seed))
    assert inside(parameters, space)
    features = space.features(parameters)
    assert features.shape == (space.dimensions,) and np.all((features >= 0) & (features <= 1 + 1e-12))
    again = space.parameters(features)
    assert values_of(again) == pytest.approx(values_of(parameters))
    assert again["initial_scale"] == parameters["initial_scale"]
    assert again["site"] == parameters["site"] or not values_of(parameters).any()
    used = space.noise_dimensions(parameters["site"]) + (len(space.scales) > 1)
    assert np.count_nonzero(features) <= used


@given(spaces)
def test_without_noise_a_point_is_its_starting_scale_alone(space):
    """Whatever the site: ERM has none."""
    for scale in space.scales:
        corner = space.features({"initial_scale": scale})
        for site in space.places:
            zero = space.at(np.zeros(space.noise_dimensions(site)), site=site, scale=scale)
            assert np.array_equal(space.features(zero), corner)


def test_uniform_in_the_cube_is_uniform_on_the_triangle():
    """A triangle similar with ratio 1/2 holds a quarter of the points, four standard errors."""
    space, rng, n = space_of("bayesmulti", limit=0.9), np.random.default_rng(0), 4000
    [site] = space.places
    points = np.array([values_of(space.at(u, site=site, scale=1.0))[0] for u in rng.random((n, 2))])
    for corner in (points.sum(axis=1) < 0.45, points[:, 0] > 0.45, points[:, 1] > 0.45):
        assert corner.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / n))


@settings(max_examples=12, deadline=None)
@given(spaces, st.integers(0, 2**32), st.integers(1, 3), st.data())
def test_proposals_stay_in_the_space(space, seed, round, data):
    """Whatever the trials were, failed ones among them, and method_spec accepts the proposal."""
    rng = np.random.default_rng(seed)
    trials = [
        Trial(anywhere(space, rng), *found)
        for found in data.draw(
            st.lists(
                st.one_of(st.tuples(st.none(), st.none()), st.tuples(st.floats(0, 1), st.floats(0, 0.1))),
                max_size=6,
            )
        )
    ]
    proposal = propose_specification(
        trials, space, round=round, slots=3, slot=1, seed=seed % 1000, candidates=64
    )
    assert inside(proposal, space)
    site = proposal["site"]
    spec = method_spec(space.method, noise_of(proposal), space.places[site], site=site)
    assert all((layer.relative_variance or 0) <= space.variance for layer in spec.layers)
    assert proposal["initial_scale"] in space.scales


@pytest.mark.parametrize("method", SEARCHED)
def test_round_one_spreads_over_noise_sites_and_scales(method):
    """Every trial has noise, they differ, every site and scale has its turn, some layers are alike."""
    sites = dict.fromkeys(method_of(method).sites, 3)
    space = SearchSpace(method, sites, "layer", LIMITS[method], (1.0, 0.4), 1.8)
    found = [
        propose_specification([], space, round=1, slots=8, slot=s, seed=3, candidates=64) for s in range(8)
    ]
    assert all(values_of(p).any() for p in found)
    assert len({str(p) for p in found}) == 8
    assert {p["site"] for p in found} == set(sites) and {p["initial_scale"] for p in found} == {1.0, 0.4}
    spreads = [np.ptp(values_of(p), axis=0).max() for p in found]
    assert min(spreads) == pytest.approx(0, abs=1e-12) and max(spreads) > 0.01


def test_site_and_scale_are_found_with_the_strength():
    """Where one site and one scale are better, most trials of later rounds are there, and the best one is."""
    space = SearchSpace("bayesmulti", {"activation": 2, "weight": 3}, "model", 0.9, (1.0, 0.4), 1.8)

    def gain(parameters):
        better = 0.15 * (parameters.get("site") == "weight") + 0.1 * (parameters["initial_scale"] == 0.4)
        return 0.5 + better - float(((values_of(parameters) - [0.4, 0.2]) ** 2).sum())

    trials = [Trial({"initial_scale": scale}, 0.3 + 0.1 * (scale == 0.4), 0.003) for scale in space.scales]
    for r in range(1, 5):
        found = proposed(trials, space, round=r, slots=4, seed=1, candidates=512)
        trials += [Trial(p, gain(p), 0.003) for p in found]
    best = best_trial(trials, space).parameters
    assert (best["site"], best["initial_scale"]) == ("weight", 0.4)
    assert gain(best) > 0.7


def test_a_search_that_finds_no_use_of_noise_chooses_erm():
    """At the starting scale that is best without it."""
    space = SearchSpace("dropout", {"activation": 1, "weight": 2}, "model", 0.6, (1.0, 0.4))
    trials = [Trial({"initial_scale": 1.0}, 0.8, 0.005), Trial({"initial_scale": 0.4}, 0.9, 0.005)]
    rng = np.random.default_rng(1)
    for _ in range(8):
        found = anywhere(space, rng)
        worse = 0.8 + 0.1 * (found["initial_scale"] == 0.4) - 0.3 * found["rate"]
        trials.append(Trial(found, worse, 0.005))
    assert best_trial(trials, space).parameters == {"initial_scale": 0.4}


def test_proposals_depend_on_their_arguments_alone():
    """Twice the same, in another order of trials the same, for another seed others."""
    space = space_of("bayesmulti", 2, "layer", 0.9)
    trials = searched(space, seed=4, rounds=1, slots=4)
    trials.append(Trial(space.at(np.full(4, 0.3), site="weight", scale=1.0), None, None))

    def propose(trials, seed=4):
        return proposed(trials, space, round=2, slots=3, seed=seed, candidates=256)

    first = propose(trials)
    assert propose(trials) == first and propose(trials[::-1]) == first
    assert propose(trials, seed=5) != first
    assert len({str(p) for p in first}) == 3
    assert best_trial(trials, space) == best_trial(trials[::-1], space)


def test_a_slot_tries_neither_what_is_pending_nor_the_same_place():
    """One that knows of no other slot would try their point; one that does goes elsewhere."""
    space = space_of("dropout", limit=0.8)
    trials = searched(space, seed=1, rounds=2, slots=4)
    how = {"round": 3, "slots": 3, "seed": 1, "candidates": 256}
    first, *others = proposed(trials, space, **how)
    for slot in (1, 2):
        assert propose_specification(trials, space, slot=slot, **how) == first
    assert first not in others and others[0] != others[1]


def test_a_round_proposes_nothing_that_was_tried():
    """Across four rounds every specification differs."""
    space = space_of("dropout", limit=0.8)
    trials = searched(space, seed=1, rounds=4, slots=4)
    assert len({trial.parameters["rate"] for trial in trials}) == 16


@pytest.mark.parametrize("tie, layers", [("model", 3), ("layer", 2)])
def test_finds_a_known_optimum_better_than_random(tie, layers):
    """Mean regret over five seeds: under half of that of as many uniform draws, taken 400 times."""
    space = space_of("bayesmulti", layers, tie, 0.9)
    found = []
    for seed in range(5):
        best = best_trial(searched(space, seed=seed, rounds=4, slots=4), space)
        found.append(0.9 - quadratic(best.parameters))
    rng = np.random.default_rng(0)
    draws = np.array([quadratic(anywhere(space, rng)) for _ in range(400 * 16)])
    drawn = 0.9 - draws.reshape(400, 16).max(axis=1)
    assert np.mean(found) < 0.5 * np.mean(drawn)


def test_the_chosen_trial_is_not_the_luckiest():
    """One lucky outlier among neighbours that agree is not chosen where its error is large."""
    space = space_of("dropout", limit=0.9)
    rates = np.linspace(0.0, 0.9, 19)
    at = {"site": "weight", "initial_scale": 1.0}
    trials = [Trial(at | {"rate": float(r)}, 0.9 - (r - 0.3) ** 2, 0.01) for r in rates]
    trials[14] = Trial(trials[14].parameters, 0.95, 0.3)
    assert best_trial(trials, space).parameters["rate"] == pytest.approx(0.3, abs=0.051)


def test_a_failed_trial_keeps_the_search_away():
    """Training that diverges counts as the worst seen: the next proposals lie elsewhere."""
    space = space_of("gaussian", limit=0.3)
    at = {"site": "weight", "initial_scale": 1.0}
    good = [Trial(at | {"std": s}, 0.5 + s, 0.005) for s in (0.0, 0.05, 0.1, 0.15)]
    failed = [Trial(at | {"std": s}, None, None) for s in (0.22, 0.26, 0.3)]
    proposal = propose_specification(
        [*good, *failed], space, round=3, slots=1, slot=0, seed=1, candidates=256
    )
    assert proposal["std"] < 0.22


@pytest.mark.parametrize(
    "make, message",
    [
        pytest.param(lambda: SearchSpace("erm", {"none": 1}, "model", 0.9), "erm has nothing to", id="erm"),
        pytest.param(lambda: space_of("dropout", tie="all"), "tie must be", id="tie"),
        pytest.param(lambda: space_of("dropout", 0), "at least 1 noisy layer", id="layers"),
        pytest.param(
            lambda: SearchSpace("dropout", {}, "model", 0.9), "at least 1 noisy layer", id="no-site"
        ),
        pytest.param(
            lambda: SearchSpace("gaussian", {"activation": 1}, "model", 0.2),
            "gaussian acts at weight",
            id="site",
        ),
        pytest.param(lambda: space_of("bayesmulti", limit=1.0), "limit must lie above 0", id="limit"),
        pytest.param(lambda: space_of("bayesmulti", 11000, "layer", 0.9), "use tie: model", id="deep"),
        pytest.param(lambda: space_of("dropout", scales=(1.0, 1.0)), "must be different", id="scales"),
        pytest.param(lambda: space_of("dropout", variance=0.0), "variance must be above 0", id="variance"),
        pytest.param(
            lambda: space_of("dropout", 2, "layer").at(np.array([0.1]), site="weight", scale=1.0),
            "2 coord",
            id="shape",
        ),
        pytest.param(
            lambda: space_of("dropout", limit=0.9).features({"site": "weight", "rate": 0.95}),
            "total at most",
            id="outside",
        ),
        pytest.param(
            lambda: space_of("dropout", 2, "layer").features({"site": "weight", "rate": 0.5}),
            "2 value",
            id="length",
        ),
        pytest.param(
            lambda: space_of("dropout").features({"site": "activation", "rate": 0.5}),
            "site must be weight",
            id="another-site",
        ),
        pytest.param(
            lambda: space_of("dropout", scales=(1.0, 0.4)).features({"initial_scale": 0.3}),
            "initial_scale must be one of 1, 0.4, got 0.3",
            id="another-scale",
        ),
        pytest.param(lambda: Trial({"rate": 0.1}, 0.5, None), "go together", id="half-a-trial"),
        pytest.param(lambda: Trial({"rate": 0.1}, float("nan"), 0.1), "must be finite", id="nan"),
        pytest.param(
            lambda: best_trial([Trial({"rate": 0.1}, None, None)], space_of("dropout", limit=0.9)),
            "none of 1 trials of dropout succeeded",
            id="all-failed",
        ),
        pytest.param(
            lambda: propose_specification(
                [], space_of("dropout"), round=1, slots=2, slot=2, seed=1, candidates=64
            ),
            "slot in 0",
            id="slot",
        ),
        pytest.param(
            lambda: propose_specification(
                [], space_of("dropout"), round=1, slots=2, slot=1, seed=1, candidates=100
            ),
            "power of two",
            id="candidates",
        ),
    ],
)
def test_refuses(make, message):
    """Each names the value and what is allowed."""
    with pytest.raises(NoiseError, match=message):
        make()
