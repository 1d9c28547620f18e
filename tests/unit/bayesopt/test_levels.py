"""The process over compounds and levels, against dense normals, one set of hyperparameters at a time."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import multivariate_normal, norm

from codesign.bayesopt.acquisition import log_expected_improvement
from codesign.bayesopt.levels import (
    Hyperparameters,
    LevelSurrogate,
    Likelihood,
    Prior,
    covariance,
    fit_levels,
    inside,
)

CENTRED = Prior(tilt_variance=0.0)


def plain(a, b, sets, k, prior, centre):
    """Covariance of two points with the k-th hyperparameters, as the module's docstring says it."""
    q = [-4 * sum((z - 0.5) ** 2 for z in point[1:]) - centre for point in (a, b)]
    value = prior.constant_variance + prior.slope[1] * q[0] * q[1]
    value += prior.tilt_variance * sum((u - 0.5) * (v - 0.5) for u, v in zip(a[1:], b[1:], strict=True))
    shape = sets.variance[k]
    for u, v, length in zip(a[1:], b[1:], sets.lengthscale[k], strict=True):
        shape *= np.exp(-0.5 * ((u - v) / length) ** 2)
    if a[0] == b[0]:
        return value + prior.offset_variance + shape
    return value + sets.correlation[k, 0] * shape


def dense(a, b, sets, k, prior, centre):
    return np.array([[plain(u, v, sets, k, prior, centre) for v in b] for u in a])


def drawn(seed, n, d=4, compounds=3):
    """Points on levels and off them, readings and standard deviations."""
    rng = np.random.default_rng(seed)
    z = np.where(rng.random((n, d)) < 0.7, rng.integers(0, 5, (n, d)) / 4, rng.uniform(-0.1, 1.2, (n, d)))
    return np.column_stack([rng.integers(0, compounds, n), z]), rng.random(n), rng.uniform(0.0, 0.2, n)


@cache
def fitted(seed=0, n=9, prior=Prior()):  # noqa: B008
    x, y, std = drawn(seed, n)
    return fit_levels(x, y, std, rng=np.random.default_rng(5), prior=prior)


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 9), st.sampled_from([Prior(), CENTRED]))
@settings(max_examples=15, deadline=None)
def test_the_posterior_is_that_of_a_plain_process(seed, n, m, prior):
    """Each set of hyperparameters by itself, element by element, to 1e-8."""
    surrogate, (new, _, _) = fitted(seed, n, prior), drawn(seed + 1, m)
    new = np.vstack([new, surrogate.x[:1]])  # a point observed, too
    mean, std = surrogate.each(new)
    sets, scale = surrogate.hyperparameters, surrogate.scale
    for k in range(len(sets)):
        args = (sets, k, prior, surrogate.centre)
        noise = surrogate.own / scale**2 + sets.noise[k] + 1e-8
        factor = cho_factor(dense(surrogate.x, surrogate.x, *args) + np.diag(noise))
        cross = dense(surrogate.x, new, *args)
        before, after = (prior.slope[0] * (inside(p) - surrogate.centre) for p in (surrogate.x, new))
        residual = (surrogate.y - surrogate.offset) / scale - before
        expected = surrogate.offset + scale * (after + cross.T @ cho_solve(factor, residual))
        assert mean[k] == pytest.approx(expected, abs=1e-8)
        left = np.diag(dense(new, new, *args)) - (cross * cho_solve(factor, cross)).sum(axis=0)
        assert std[k] ** 2 == pytest.approx(scale**2 * left, abs=1e-8)


@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([Prior(), CENTRED]))
@settings(max_examples=15, deadline=None)
def test_the_marginal_likelihood_is_scipys(seed, n, prior):
    """A multivariate normal of mean 0 with the plain covariance."""
    x, y, std = drawn(seed, n)
    points = np.random.default_rng(seed).standard_normal((4, 8))
    sets = Hyperparameters.of(points, prior)
    found = Likelihood(x, y - y.mean(), std**2, prior)(points)
    for k in range(4):
        matrix = dense(x, x, sets, k, prior, inside(x).mean())
        matrix += np.diag(std**2 + sets.noise[k] + 1e-8)
        assert found[k] == pytest.approx(
            multivariate_normal(np.zeros(n), matrix).logpdf(y - y.mean()), abs=1e-7
        )


def test_the_prior_is_the_one_stated():
    """Medians at 0; ln lengthscales vary by a shared and an own part, as independent draws do."""
    middle = Hyperparameters.of(np.zeros((1, 8)), Prior())
    assert middle.lengthscale[0] == pytest.approx([0.6] * 4)
    assert (middle.variance[0], middle.noise[0]) == pytest.approx((1.0, np.exp(Prior().log_noise[0])))
    assert middle.correlation[0] == pytest.approx(1 / (1 + np.exp(-1)))
    logs = np.log(
        Hyperparameters.of(np.random.default_rng(0).standard_normal((40_000, 8)), Prior()).lengthscale
    )
    expected = 0.5**2 + 0.4**2 * np.eye(4)
    error = 5 * np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / 40_000)
    assert np.all(np.abs(np.cov(logs.T) - expected) < error)


def test_parts_do_not_change_a_likelihood(monkeypatch):
    """Large stacks are worked on in parts."""
    x, y, std = drawn(1, 10)
    points = np.random.default_rng(1).standard_normal((7, 8))
    whole = Likelihood(x, y, std**2, Prior())(points)
    monkeypatch.setattr("codesign.bayesopt.levels.BLOCK", 250)
    assert Likelihood(x, y, std**2, Prior())(points) == pytest.approx(whole, rel=1e-12)


def test_expected_improvement_averaged_over_draws_is_that_of_the_mixture():
    """400,000 draws, each from one of the processes against its own best, four standard errors."""
    surrogate = fitted()
    new = drawn(8, 5)[0]
    mean, std = surrogate.each(new)
    best = surrogate.each(surrogate.x)[0].max(axis=1)
    found = np.exp(log_expected_improvement(mean, std, best[:, None])).mean(axis=0)
    rng = np.random.default_rng(2)
    which = rng.integers(0, len(mean), 400_000)
    for m in range(len(new)):
        drawn_values = rng.normal(mean[which, m], std[which, m])
        improvement = np.maximum(drawn_values - best[which], 0)
        error = 4 * improvement.std() / np.sqrt(improvement.size) + 1e-9
        assert found[m] == pytest.approx(improvement.mean(), abs=error)


def test_a_mixture_has_the_moments_of_joint_draws():
    """Law of total variance, and the covariance between points, against draws."""
    surrogate = fitted()
    new = drawn(9, 3)[0]
    mean, std = surrogate.predict(new)
    count = 64_000
    draws = surrogate.samples(new, count, np.random.default_rng(1))
    assert draws.shape == (count, 3)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=4 * std.max() / np.sqrt(count))
    kurtosis = ((draws - draws.mean(axis=0)) ** 4).mean(axis=0) / draws.var(axis=0) ** 2
    error = std * np.sqrt(kurtosis - 1) / (2 * np.sqrt(count))
    assert np.all(np.abs(draws.std(axis=0) - std) < 4 * error + 1e-4)


def test_what_is_being_made_joins_at_its_prediction():
    """The predicted mean stays, the uncertainty there falls, for every draw."""
    surrogate = fitted()
    new = drawn(10, 1)[0]
    after = surrogate.conditioned(new)
    assert after.each(new)[0] == pytest.approx(surrogate.each(new)[0], abs=1e-6)
    assert np.all(after.each(new)[1] < surrogate.each(new)[1])
    twice = after.conditioned(drawn(11, 2)[0])
    assert len(twice.x) == len(surrogate.x) + 3 and np.isfinite(twice.each(new)[0]).all()


@pytest.mark.parametrize("groups", [[[k] for k in range(9)], [[0, 3], [1, 2, 8], [4, 5, 6, 7]]])
def test_leaving_out_with_hyperparameters_held_is_conditioning_on_the_others(groups, monkeypatch):
    """As for many observations; each draw by itself, then mixed."""
    monkeypatch.setattr("codesign.bayesopt.levels.MOST_REFITS", 0)
    surrogate = fitted()
    found = surrogate.left_out(groups, np.random.default_rng(0))
    assert found.hyperparameters == "held"
    for group in groups:
        keep = np.setdiff1d(np.arange(9), group)
        others = replace(surrogate, x=surrogate.x[keep], y=surrogate.y[keep], own=surrogate.own[keep])
        mean, std = others.each(surrogate.x[group])
        std = np.sqrt(std**2 + surrogate.between[:, None] + surrogate.own[group])
        assert found.mean[group] == pytest.approx(mean.mean(axis=0), abs=1e-6)
        density = norm(mean, std).pdf(surrogate.y[group]).mean(axis=0)
        assert found.log_score[group] == pytest.approx(np.log(density), abs=1e-5)


def test_leaving_out_infers_again_what_the_others_say():
    """As fitting to the others with the same generator; what was left out has no say."""
    x, y, std = drawn(0, 9)
    found = fitted().left_out([[0, 1], *([k] for k in range(2, 9))], np.random.default_rng(4))
    moved = replace(fitted(), y=np.concatenate([[5.0, -5.0], y[2:]]))
    again = moved.left_out([[0, 1], *([k] for k in range(2, 9))], np.random.default_rng(4))
    assert found.hyperparameters == "inferred again"
    assert found.mean[:2] == pytest.approx(again.mean[:2])
    alone = fit_levels(x[2:], y[2:], std[2:], rng=np.random.default_rng(4), draws=64)
    assert found.mean[:2] == pytest.approx(alone.predict(x[:2])[0])


def test_the_order_of_observations_does_not_matter():
    """Up to rounding."""
    x, y, std = drawn(3, 10)
    turned = np.random.default_rng(0).permutation(10)
    one = fit_levels(x, y, std, rng=np.random.default_rng(1))
    two = fit_levels(x[turned], y[turned], std[turned], rng=np.random.default_rng(1))
    new = drawn(4, 6)[0]
    assert two.predict(new)[0] == pytest.approx(one.predict(new)[0], abs=1e-8)


def test_two_devices_are_uncertain_where_nothing_was_made():
    """Far from them the deviation is at least that of the readings seen, and more than beside them."""
    x = np.array([[0, 0.5, 0.5, 0.5, 0.5], [1, 0.25, 0.75, 0.25, 0.25]])
    surrogate = fit_levels(x, np.array([0.4, 0.3]), np.full(2, 0.02), rng=np.random.default_rng(0))
    far, near = surrogate.predict(np.array([[2, 1.0, 0, 1, 0], [0, 0.5, 0.5, 0.5, 0.5]]))[1]
    assert far > 0.05 > near


def test_equal_readings_are_no_division_by_zero():
    """Their spread is taken as the floor."""
    x, _, std = drawn(6, 5)
    mean, deviation = fit_levels(x, np.full(5, 0.3), std, rng=np.random.default_rng(0)).predict(x)
    assert mean == pytest.approx(0.3, abs=0.02) and np.all(deviation > 0)


def test_a_larger_stack_of_categories_and_levels_is_the_same_grid():
    """Points in any order, repeated or alone, are predicted alike."""
    surrogate = fitted()
    grid = np.array([[c, a, b, 0.5, 0.25] for c in range(4) for a in (0, 0.5, 1) for b in (0.25, 0.75)])
    turned = np.random.default_rng(0).permutation(len(grid))
    whole = surrogate.each(grid)
    for part, expected in zip(surrogate.each(grid[turned]), whole, strict=True):
        assert part == pytest.approx(expected[:, turned], abs=1e-12)
    alone = np.hstack([surrogate.each(point[None])[0] for point in grid])
    assert alone == pytest.approx(whole[0], abs=1e-10)


def test_relevance_is_the_share_of_what_a_range_loses():
    """-2 ln rho for the compound and 1 / l^2 for a variable, of one set of hyperparameters."""
    sets = Hyperparameters(np.array([[0.5, 1.0]]), np.array([[np.exp(-1.0)]]), np.ones(1), np.ones(1))
    surrogate = LevelSurrogate(np.zeros((2, 3)), np.zeros(2), np.ones(2), sets, 0.0, 1.0, 0.0)
    assert surrogate.relevance() == pytest.approx(np.array([2.0, 4.0, 1.0]) / 7)
    varies = np.array([True, False, True])
    assert surrogate.relevance(varies) == pytest.approx(np.array([2.0, 0.0, 1.0]) / 3)
    assert surrogate.relevance(np.zeros(3, dtype=bool)) == pytest.approx(np.zeros(3))


def test_relevance_is_of_all_weighted_sets_not_of_the_few_drawn():
    """Two generators agree far better than means over eight draws do."""
    x, y, std = drawn(0, 9)
    fits = [fit_levels(x, y, std, rng=np.random.default_rng(seed)) for seed in range(6)]
    sets, weight = fits[0].weighted
    assert len(sets) == 512 and weight.sum() == pytest.approx(1.0)
    lost = np.column_stack([-2.0 * np.log(sets.correlation), 1.0 / sets.lengthscale**2])
    expected = weight @ (lost / lost.sum(axis=1, keepdims=True))
    assert fits[0].relevance() == pytest.approx(expected)
    whole = np.std([fit.relevance() for fit in fits], axis=0)
    few = np.std([replace(fit, weighted=None).relevance() for fit in fits], axis=0)
    assert whole.max() < 0.5 * few.max()


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0.3], "at least 2 observations, got 1"),
        ([0.3, np.nan, 0.4], r"observations 1 of 0 \.\.\. 2 are not finite; leave them out"),
    ],
)
def test_too_few_or_unknown_observations_are_refused(y, words):
    """There is nothing to fit to."""
    with pytest.raises(ValueError, match=words):
        fit_levels(np.zeros((len(y), 5)), np.array(y), np.full(len(y), 0.1), rng=np.random.default_rng(0))


def test_covariances_of_all_draws_are_those_of_each():
    """Against the plain formula."""
    a, b = drawn(1, 5)[0], drawn(2, 4)[0]
    sets = Hyperparameters.of(np.random.default_rng(0).standard_normal((3, 8)), CENTRED)
    found = covariance(a, b, sets, CENTRED, -0.7)
    for k in range(3):
        assert found[k] == pytest.approx(dense(a, b, sets, k, CENTRED, -0.7), abs=1e-12)
