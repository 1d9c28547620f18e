"""The noise search: space, determinism, and that it finds what there is to find."""

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

spaces = st.builds(
    lambda method, layers, tie: SearchSpace(method, layers, tie, LIMITS[method]),
    st.sampled_from(SEARCHED),
    st.integers(1, 5),
    st.sampled_from(["layer", "model"]),
)


def values_of(parameters) -> np.ndarray:
    """(layers, parameters of one)."""
    return np.array([np.atleast_1d(value) for value in parameters.values()], dtype=float).T


def inside(parameters, space) -> bool:
    values = values_of(parameters)
    return bool(np.all(values >= 0) and np.all(values.sum(axis=1) <= space.limit * (1 + 1e-12)))


def quadratic(parameters) -> float:
    """Largest, 0.9, at a known point inside each space, another one for each layer."""
    values = values_of(parameters)
    target = np.array([0.4, 0.2])[: values.shape[1]] + np.linspace(-0.1, 0.1, len(values))[:, None]
    return 0.9 - float(((values - target) ** 2).sum(axis=1).mean())


def searched(space, *, seed, rounds, slots, error=0.003) -> list[Trial]:
    rng = np.random.default_rng(seed)
    trials: list[Trial] = []
    for r in range(1, rounds + 1):
        found = [
            propose_specification(trials, space, round=r, slots=slots, slot=s, seed=seed, candidates=1024)
            for s in range(slots)
        ]
        trials += [Trial(p, quadratic(p) + error * rng.standard_normal(), error) for p in found]
    return trials


@given(spaces, st.data())
def test_cube_to_space_and_back(space, data):
    """Every point of the cube lands in the space and is found again."""
    unit = np.array(
        data.draw(st.lists(st.floats(1e-6, 1), min_size=space.dimensions, max_size=space.dimensions))
    )
    parameters = space.from_unit(unit)
    assert inside(parameters, space)
    assert space.to_unit(parameters) == pytest.approx(unit, rel=1e-6, abs=1e-9)
    again = space.from_unit(space.to_unit(parameters))
    assert values_of(again) == pytest.approx(values_of(parameters), abs=1e-9)
    assert values_of(space.parameters(space.features(parameters))) == pytest.approx(values_of(parameters))


def test_uniform_in_the_cube_is_uniform_on_the_triangle():
    """A triangle similar with ratio 1/2 holds a quarter of the points, four standard errors."""
    space, rng, n = SearchSpace("bayesmulti", 1, "model", 0.9), np.random.default_rng(0), 4000
    points = np.array([values_of(space.from_unit(u))[0] for u in rng.random((n, 2))])
    for corner in (points.sum(axis=1) < 0.45, points[:, 0] > 0.45, points[:, 1] > 0.45):
        assert corner.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / n))


@settings(max_examples=12, deadline=None)
@given(spaces, st.integers(0, 2**32), st.integers(1, 3), st.data())
def test_proposals_stay_in_the_space(space, seed, round, data):
    """Whatever the trials were, failed ones among them, and method_spec accepts the proposal."""
    rng = np.random.default_rng(seed)
    trials = [
        Trial(space.from_unit(rng.random(space.dimensions)), *found)
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
    method_spec(space.method, proposal, space.n_layers, site=method_of(space.method).sites[0])


@pytest.mark.parametrize("method", SEARCHED)
def test_round_one_holds_the_corner_without_noise(method):
    """Slot 0 is ERM; the other slots differ from it and from each other."""
    space = SearchSpace(method, 3, "layer", LIMITS[method])
    found = [
        propose_specification([], space, round=1, slots=5, slot=s, seed=3, candidates=64) for s in range(5)
    ]
    assert not values_of(found[0]).any()
    assert len({tuple(values_of(p).ravel()) for p in found}) == 5
    spreads = [np.ptp(values_of(p), axis=0).max() for p in found[1:]]
    assert min(spreads) == pytest.approx(0, abs=1e-12) and max(spreads) > 0.01


def test_proposals_depend_on_their_arguments_alone():
    """Twice the same, in another order of trials the same, for another seed others."""
    space = SearchSpace("bayesmulti", 2, "layer", 0.9)
    trials = searched(space, seed=4, rounds=1, slots=4)
    trials.append(Trial(space.from_unit(np.full(4, 0.3)), None, None))

    def propose(trials, seed=4):
        return [
            propose_specification(trials, space, round=2, slots=3, slot=s, seed=seed, candidates=256)
            for s in range(3)
        ]

    first = propose(trials)
    assert propose(trials) == first and propose(trials[::-1]) == first
    assert propose(trials, seed=5) != first
    assert len({str(p) for p in first}) == 3
    assert best_trial(trials, space) == best_trial(trials[::-1], space)


def test_a_round_proposes_nothing_that_was_tried():
    """Across four rounds every specification differs."""
    space = SearchSpace("dropout", 1, "model", 0.8)
    trials = searched(space, seed=1, rounds=4, slots=4)
    assert len({trial.parameters["rate"] for trial in trials}) == 16


@pytest.mark.parametrize("tie, layers", [("model", 3), ("layer", 2)])
def test_finds_a_known_optimum_better_than_random(tie, layers):
    """Mean regret over five seeds: under half of that of as many uniform draws, taken 400 times."""
    space = SearchSpace("bayesmulti", layers, tie, 0.9)
    found = []
    for seed in range(5):
        best = best_trial(searched(space, seed=seed, rounds=4, slots=4), space)
        found.append(0.9 - quadratic(best.parameters))
    rng = np.random.default_rng(0)
    draws = np.array([quadratic(space.from_unit(u)) for u in rng.random((400 * 16, space.dimensions))])
    drawn = 0.9 - draws.reshape(400, 16).max(axis=1)
    assert np.mean(found) < 0.5 * np.mean(drawn)


def test_the_chosen_trial_is_not_the_luckiest():
    """One lucky outlier among neighbours that agree is not chosen where its error is large."""
    space = SearchSpace("dropout", 1, "model", 0.9)
    rates = np.linspace(0.0, 0.9, 19)
    trials = [Trial({"rate": float(r)}, 0.9 - (r - 0.3) ** 2, 0.01) for r in rates]
    trials[14] = Trial(trials[14].parameters, 0.95, 0.3)
    assert best_trial(trials, space).parameters["rate"] == pytest.approx(0.3, abs=0.051)


def test_a_failed_trial_keeps_the_search_away():
    """Training that diverges counts as the worst seen: the next proposals lie elsewhere."""
    space = SearchSpace("gaussian", 1, "model", 0.3)
    good = [Trial({"std": s}, 0.5 + s, 0.005) for s in (0.0, 0.05, 0.1, 0.15)]
    failed = [Trial({"std": s}, None, None) for s in (0.22, 0.26, 0.3)]
    proposal = propose_specification(
        [*good, *failed], space, round=3, slots=1, slot=0, seed=1, candidates=256
    )
    assert proposal["std"] < 0.22


@pytest.mark.parametrize(
    "make, message",
    [
        pytest.param(lambda: SearchSpace("erm", 1, "model", 0.9), "erm has nothing to search", id="erm"),
        pytest.param(lambda: SearchSpace("dropout", 1, "all", 0.9), "tie must be", id="tie"),
        pytest.param(lambda: SearchSpace("dropout", 0, "model", 0.9), "at least 1 noisy layer", id="layers"),
        pytest.param(
            lambda: SearchSpace("bayesmulti", 1, "model", 1.0), "limit must lie above 0", id="limit"
        ),
        pytest.param(lambda: SearchSpace("bayesmulti", 11000, "layer", 0.9), "use tie: model", id="deep"),
        pytest.param(
            lambda: SearchSpace("dropout", 2, "layer", 0.9).from_unit(np.array([0.1])), "2 coord", id="shape"
        ),
        pytest.param(
            lambda: SearchSpace("dropout", 1, "model", 0.9).to_unit({"rate": 0.95}),
            "total at most",
            id="outside",
        ),
        pytest.param(
            lambda: SearchSpace("dropout", 2, "layer", 0.9).to_unit({"rate": 0.5}), "2 value", id="length"
        ),
        pytest.param(lambda: Trial({"rate": 0.1}, 0.5, None), "go together", id="half-a-trial"),
        pytest.param(lambda: Trial({"rate": 0.1}, float("nan"), 0.1), "must be finite", id="nan"),
        pytest.param(
            lambda: best_trial([Trial({"rate": 0.1}, None, None)], SearchSpace("dropout", 1, "model", 0.9)),
            "none of 1 trials of dropout succeeded",
            id="all-failed",
        ),
        pytest.param(
            lambda: propose_specification(
                [], SearchSpace("dropout", 1, "model", 0.9), round=1, slots=2, slot=2, seed=1, candidates=64
            ),
            "slot in 0",
            id="slot",
        ),
        pytest.param(
            lambda: propose_specification(
                [], SearchSpace("dropout", 1, "model", 0.9), round=1, slots=2, slot=1, seed=1, candidates=100
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
