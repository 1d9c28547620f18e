"""Certificates against linear programmes over full supports, enumeration, SciPy and simulation."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import linprog
from torch import nn

from codesign.bayesmulti.noise import NoiseError, NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.certificates.bounds import (
    CertificateError,
    certified_changes,
    discrete_lower_bound,
    lower_bound,
    mean_lower_bound,
    published_changes,
    smoothing_radius,
)
from codesign.certificates.smoothing import smoothed_decisions
from codesign.models.network import network_of
from codesign.tasks.classification import ClassificationTask, Labelled

P = (0.5, 0.3)
TASK = ClassificationTask("t", classes=2, shape=(1,), read=None)
"""Decides by the largest logit; its examples are made by hand."""


def by_linear_programme(q, changes, p_zero, p_half) -> float:
    """min E f(delta eta) over f in [0, 1] with E f(eta) = q, one variable a point of the joint support."""
    probability = {0.0: p_zero, 0.5: p_half, 1.0: 1 - p_zero - p_half}
    before: dict[tuple, float] = {}
    after: dict[tuple, float] = {}
    for eta in product(probability, repeat=len(changes)):
        mass = float(np.prod([probability[value] for value in eta]))
        before[eta] = before.get(eta, 0.0) + mass
        moved = tuple(d * value + 0.0 for d, value in zip(changes, eta, strict=True))
        after[moved] = after.get(moved, 0.0) + mass
    support = sorted(before.keys() | after.keys())
    cost = [after.get(point, 0.0) for point in support]
    weight = [before.get(point, 0.0) for point in support]
    solved = linprog(cost, A_eq=[weight], b_eq=[q], bounds=(0, 1), method="highs")
    assert solved.success
    return solved.fun


@pytest.mark.parametrize(
    "changes, expected",
    [
        pytest.param([3.7], 0.45, id="generic"),
        pytest.param([0.5], 0.65, id="half"),
        pytest.param([2.0], 0.725, id="double"),
        pytest.param([0.0], 0.90, id="zero"),
        pytest.param([3.7, 1.3], 0.20, id="two-generic"),
        pytest.param([1.0, 1.0], 0.95, id="unchanged"),
    ],
)
def test_the_known_values(changes, expected):
    """p = (.5, .3, .2), q = .95."""
    assert discrete_lower_bound(0.95, changes, p_zero=0.5, p_half=0.3) == pytest.approx(expected, abs=1e-12)


KINDS = (0.5, 2.0, 0.0, 3.7)


@pytest.mark.parametrize("noise", [(0.5, 0.3), (0.2, 0.6), (0.3, 0.0), (0.0, 0.4)], ids=str)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_mixture_of_changes_is_the_linear_programme(noise, k):
    """All multisets of the four kinds of change, at several q, to the solver's tolerance."""
    for changes in combinations_with_replacement(KINDS, k):
        for q in (0.55, 0.8, 0.95, 1.0):
            found = discrete_lower_bound(q, changes, p_zero=noise[0], p_half=noise[1])
            assert found == pytest.approx(by_linear_programme(q, changes, *noise), abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([0.25, 4.0, -1.0, -0.5, 0.5, 2.0, 1.0]), max_size=3),
    st.floats(0.05, 0.5),
    st.floats(0.05, 0.4),
    st.floats(0.0, 1.0),
)
def test_other_factors_are_generic(changes, p_zero, p_half, q):
    """1/4, 4 and negative factors meet the old support at 0 alone; the linear programme agrees."""
    found = discrete_lower_bound(q, changes, p_zero=p_zero, p_half=p_half)
    assert found == pytest.approx(by_linear_programme(q, changes, p_zero, p_half), abs=1e-7)


@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=6),
    st.floats(0.01, 0.6),
    st.floats(0, 0.39),
    st.floats(0, 1),
)
def test_generic_changes_are_the_worst(changes, p_zero, p_half, q):
    """No k changes give less than q - (1 - p_zero^k), nor more than 1; more q gives no less."""
    found = discrete_lower_bound(q, changes, p_zero=p_zero, p_half=p_half)
    assert found >= max(q - (1 - p_zero ** len(changes)), 0) - 1e-9
    assert found <= 1 + 1e-12
    assert discrete_lower_bound(min(q + 0.05, 1), changes, p_zero=p_zero, p_half=p_half) >= found - 1e-9


@pytest.mark.parametrize("changes", [(0.5, 3.0, 1.0), (2.0, 2.0, 1.0), (0.0, -1.0, 0.5)], ids=str)
def test_real_functions_obey_the_bound(changes):
    """200 random threshold units of three weights, f and its smoothing by direct enumeration."""
    rng = np.random.default_rng(3)
    etas = np.array(list(product((0.0, 0.5, 1.0), repeat=3)))
    mass = np.prod(np.select([etas == 0, etas == 0.5], [P[0], P[1]], 1 - sum(P)), axis=1)
    for _ in range(200):
        theta, bias = rng.normal(size=3), rng.normal()
        f = lambda eta, theta=theta, bias=bias: (eta @ theta > bias).astype(float)  # noqa: E731
        q, disturbed = mass @ f(etas), mass @ f(etas * np.array(changes))
        least = discrete_lower_bound(min(q, 1.0), changes, p_zero=P[0], p_half=P[1])
        assert disturbed >= least - 1e-12


@given(st.floats(0.5, 1, exclude_min=True), st.floats(0.01, 0.99))
def test_the_number_of_changes_is_the_last_that_stands(q, p_zero):
    """k changes keep the bound above 1/2 and k + 1 do not, away from equality."""
    k = int(certified_changes(q, p_zero=p_zero))
    assert k >= 0
    if k:
        assert q - (1 - p_zero**k) > 0.5 - 1e-9
    assert q - (1 - p_zero ** (k + 1)) <= 0.5 + 1e-9


def test_number_of_changes_at_its_edges():
    """No decision, no zero noise, equality, and a long way."""
    assert certified_changes([0.2, 0.5, 0.51], p_zero=0.9).tolist() == [-1, -1, 0]
    assert certified_changes([0.4, 1.0], p_zero=0.0).tolist() == [-1, 0]
    assert certified_changes(1.0, p_zero=0.5) == 0  # 0.5^1 is not above 0.5
    assert certified_changes(1.0, p_zero=0.51) == 1
    assert certified_changes(1.0, p_zero=0.9) == 6  # 0.9^6 = 0.531, 0.9^7 = 0.478


def test_the_published_bound_is_the_exact_one_without_halves_and_vacuous_with():
    """p_half = 0: ln(1.5 - q) / ln p_zero; a real network with p = (.3, .3): thousands below zero."""
    q = np.array([0.6, 0.9, 0.99])
    found = published_changes(q, p_zero=0.4, p_half=0.0, parameters=235_000)
    assert found == pytest.approx(np.log(1.5 - q) / np.log(0.4))
    assert np.all(published_changes(q, p_zero=0.3, p_half=0.3, parameters=235_000) < -90_000)


def test_the_published_bound_by_hand():
    """Theta = 3, p = (.1, .05), q = .9: (3 ln .95 - ln .6) / (ln .95 - ln .1)."""
    expected = (3 * np.log(0.95) - np.log(0.6)) / np.log(9.5)
    assert published_changes(0.9, p_zero=0.1, p_half=0.05, parameters=3) == pytest.approx(expected)


def test_smoothing_radius_is_reached_by_a_half_space():
    """A half-space in log-weights with output q: moved against it by the radius, 1/2 within four errors."""
    rng, q, width, n = np.random.default_rng(6), 0.93, 0.4, 200_000
    normal = np.array([0.6, 0.0, 0.8])
    log_weights = rng.normal(size=3) + width * rng.standard_normal((n, 3))
    bias = np.quantile(log_weights @ normal, 1 - q)
    radius = float(smoothing_radius(q, width=width))
    # the quantile of the same draws has an error of its own, carried from the tail to the centre
    error = 4 * np.sqrt(
        0.25 / n + q * (1 - q) / n * (stats.norm.pdf(0) / stats.norm.pdf(stats.norm.ppf(q))) ** 2
    )
    assert np.mean((log_weights - radius * normal) @ normal > bias) == pytest.approx(0.5, abs=error)
    assert np.mean((log_weights - 0.9 * radius * normal) @ normal > bias) > 0.5
    assert smoothing_radius([0.3, 0.5], width=1.0).tolist() == [0.0, 0.0]


def test_smoothing_holds_for_drawn_networks():
    """Threshold units of log-normal weights moved by the radius: still above 1/2, four standard errors."""
    rng, width, n = np.random.default_rng(5), 0.5, 40_000
    for _ in range(20):
        theta = np.exp(rng.normal(size=3))
        noisy = theta * np.exp(width * rng.standard_normal((n, 3)))
        bias = np.quantile(noisy.sum(axis=1), rng.uniform(0.05, 0.4))
        fresh = theta * np.exp(width * rng.standard_normal((n, 3)))
        q = lower_bound(int((fresh.sum(axis=1) > bias).sum()), n, confidence=0.999)
        direction = rng.normal(size=3)
        direction *= smoothing_radius(q, width=width) / np.linalg.norm(direction)
        moved = (fresh * np.exp(direction)).sum(axis=1) > bias
        assert moved.mean() > 0.5 - 4 * 0.5 / np.sqrt(n)


@pytest.mark.parametrize("n", [1, 10, 137])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_lower_bound_is_scipys(n, confidence):
    """binomtest(alternative=greater).proportion_ci(exact), every count."""
    expected = [
        stats.binomtest(k, n, alternative="greater").proportion_ci(confidence, "exact").low
        for k in range(n + 1)
    ]
    assert lower_bound(np.arange(n + 1), n, confidence=confidence) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("p", [0.3, 0.8, 0.97])
def test_lower_bound_covers(p):
    """P(bound <= p) summed over the binomial is at least the confidence, exactly; so are draws of it."""
    n, confidence, repeats = 60, 0.95, 20_000
    bounds = lower_bound(np.arange(n + 1), n, confidence=confidence)
    assert stats.binom.pmf(np.arange(n + 1), n, p)[bounds <= p].sum() >= confidence
    drawn = bounds[np.random.default_rng(1).binomial(n, p, repeats)]
    error = 4 * np.sqrt(confidence * (1 - confidence) / repeats)
    assert np.mean(drawn <= p) >= confidence - error


@pytest.mark.parametrize(
    "draw, mean",
    [
        pytest.param(lambda rng, n: rng.beta(90, 10, n), 0.9, id="narrow"),
        pytest.param(lambda rng, n: rng.beta(0.5, 0.5, n), 0.5, id="wide"),
        pytest.param(lambda rng, n: rng.binomial(1, 0.8, n).astype(float), 0.8, id="binary"),
        pytest.param(lambda rng, n: np.where(rng.random(n) < 0.02, 0.0, 1.0), 0.98, id="rare-failure"),
    ],
)
def test_mean_lower_bound_covers(draw, mean):
    """1,500 repeats of 40 programmings: at least the confidence less four standard errors."""
    rng, confidence, repeats = np.random.default_rng(2), 0.9, 1500
    covered = [mean_lower_bound(draw(rng, 40), confidence=confidence) <= mean for _ in range(repeats)]
    assert np.mean(covered) >= confidence - 4 * np.sqrt(confidence * (1 - confidence) / repeats)


def test_mean_lower_bound_gains_from_a_small_spread_and_from_draws():
    """At one mean: tighter for a narrow distribution than for a binary one, and with more draws."""
    narrow = np.tile([0.88, 0.92], 50)
    binary = np.array([1.0] * 90 + [0.0] * 10)
    bound = mean_lower_bound(narrow, confidence=0.95)
    assert 0.85 < bound < 0.9
    assert mean_lower_bound(binary, confidence=0.95) < bound
    assert mean_lower_bound(np.tile(narrow, 10), confidence=0.95) > bound
    assert mean_lower_bound(narrow[::-1].copy(), confidence=0.95) == pytest.approx(bound, abs=1e-9)
    assert mean_lower_bound(np.zeros(5), confidence=0.95) == 0.0


def test_decisions_under_noise_are_those_of_the_enumerated_network():
    """One weight, two classes: the smoothed output is 1 - p_zero, counts within four standard errors."""
    model = nn.Linear(1, 2, bias=True)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0], [0.0]]))
        model.bias.copy_(torch.tensor([0.0, 0.1]))
    spec = NoiseSpec("bayesmulti", "weight", (MultinomialNoise(0.3, 0.3),))
    draws = 4000
    model.train()
    examples = Labelled(torch.ones(3, 1), torch.zeros(3, dtype=torch.int64))
    correct = smoothed_decisions(
        network_of(model), TASK, examples, spec, torch.Generator().manual_seed(1), draws=draws
    )
    assert correct.shape == (draws, 3) and model.training
    assert torch.equal(correct[:, 0], correct[:, 1])  # one draw of the weights for all examples
    share = correct.double().mean(dim=0).numpy()
    assert share == pytest.approx(np.full(3, 0.7), abs=4 * np.sqrt(0.21 / draws))
    q = lower_bound(correct.sum(dim=0).numpy(), draws, confidence=0.99)
    assert np.all((q > 0.65) & (q < 0.7 + 4 * np.sqrt(0.21 / draws)))


@pytest.mark.parametrize(
    "make, message",
    [
        pytest.param(lambda: lower_bound(5, 4, confidence=0.9), "whole numbers in 0", id="count"),
        pytest.param(lambda: lower_bound(2.5, 4, confidence=0.9), "whole numbers", id="fraction"),
        pytest.param(lambda: lower_bound(2, 4, confidence=1.0), "confidence must", id="confidence"),
        pytest.param(lambda: mean_lower_bound([1.2], confidence=0.9), "in 0 ... 1", id="values"),
        pytest.param(lambda: mean_lower_bound([], confidence=0.9), "at least one", id="empty"),
        pytest.param(
            lambda: published_changes(1.5, p_zero=0.1, p_half=0.1, parameters=3), "q must lie", id="q"
        ),
        pytest.param(
            lambda: published_changes(0.9, p_zero=0.0, p_half=0.1, parameters=3), "p_zero > 0", id="zero"
        ),
        pytest.param(
            lambda: published_changes(0.9, p_zero=0.1, p_half=0.1, parameters=0), "at least 1", id="size"
        ),
        pytest.param(
            lambda: discrete_lower_bound(0.9, [np.inf], p_zero=0.1, p_half=0.1), "finite factors", id="delta"
        ),
        pytest.param(
            lambda: discrete_lower_bound(0.9, [2.0], p_zero=0.6, p_half=0.4), "sum below 1", id="sum"
        ),
        pytest.param(
            lambda: discrete_lower_bound(0.9, [2.0, 0.5] * 200, p_zero=0.1, p_half=0.4),
            "outcome classes",
            id="classes",
        ),
        pytest.param(lambda: smoothing_radius(0.9, width=0.0), "width must", id="width"),
    ],
)
def test_refuses(make, message):
    """Each names the value."""
    with pytest.raises(CertificateError, match=message):
        make()


def test_smoothing_wants_draws():
    """Nothing drawn certifies nothing."""
    examples = Labelled(torch.ones(1, 1), torch.zeros(1, dtype=torch.int64))
    spec = NoiseSpec("erm", "none", ())
    with pytest.raises(NoiseError, match="draws must be at least 1"):
        smoothed_decisions(network_of(nn.Linear(1, 2)), TASK, examples, spec, torch.Generator(), draws=0)
