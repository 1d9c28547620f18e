"""The process over several categories, and over none, against dense normals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import multivariate_normal

from codesign.bayesopt.levels import Hyperparameters, Likelihood, Prior, covariance, fit_levels
from codesign.fabrication import feasibility
from codesign.fabrication.feasibility import chance_of_usability

PRIOR = Prior()
COUNTS = st.sampled_from([(0, 1), (0, 3), (1, 2), (2, 2), (3, 1), (2, 0)])
"""Categories and numbers."""


def plain(a, b, sets, k, centre, c):
    """Covariance of two points with the k-th hyperparameters, as the module's docstring says it."""
    q = [-4 * sum((z - 0.5) ** 2 for z in point[c:]) - centre for point in (a, b)]
    value = PRIOR.constant_variance + PRIOR.slope[1] * q[0] * q[1]
    value += PRIOR.tilt_variance * sum((u - 0.5) * (v - 0.5) for u, v in zip(a[c:], b[c:], strict=True))
    shape = sets.variance[k]
    for u, v, length in zip(a[c:], b[c:], sets.lengthscale[k], strict=True):
        shape *= np.exp(-0.5 * ((u - v) / length) ** 2)
    for u, v, rho in zip(a[:c], b[:c], sets.correlation[k], strict=True):
        shape *= 1.0 if u == v else rho
        value += PRIOR.offset_variance * (u == v)
    return value + shape


def dense(a, b, sets, k, centre, c):
    return np.array([[plain(u, v, sets, k, centre, c) for v in b] for u in a])


def drawn(seed, n, c, d):
    """Points, readings and standard deviations."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, (n, c)).astype(float)
    return np.hstack([codes, rng.integers(0, 5, (n, d)) / 4]), rng.random(n), rng.uniform(0.01, 0.2, n)


@given(st.integers(0, 10_000), COUNTS, st.integers(2, 9))
@settings(max_examples=12, deadline=None)
def test_the_posterior_is_that_of_a_plain_process(seed, counts, n):
    """Each set of hyperparameters by itself, with one correlation a category, to 1e-8."""
    c, d = counts
    x, y, std = drawn(seed, n, c, d)
    surrogate = fit_levels(x, y, std, rng=np.random.default_rng(5), categories=c)
    assert surrogate.categories == c and surrogate.hyperparameters.correlation.shape[1] == c
    new = np.vstack([drawn(seed + 1, 5, c, d)[0], x[:1]])
    mean, deviation = surrogate.each(new)
    sets, scale, inner = surrogate.hyperparameters, surrogate.scale, slice(c, None)
    for k in range(len(sets)):
        args = (sets, k, surrogate.centre, c)
        noise = surrogate.own / scale**2 + sets.noise[k] + 1e-8
        factor = cho_factor(dense(x, x, *args) + np.diag(noise))
        cross = dense(x, new, *args)
        before, after = (
            PRIOR.slope[0] * (-4 * ((p[:, inner] - 0.5) ** 2).sum(axis=1) - surrogate.centre)
            for p in (x, new)
        )
        residual = (y - surrogate.offset) / scale - before
        expected = surrogate.offset + scale * (after + cross.T @ cho_solve(factor, residual))
        assert mean[k] == pytest.approx(expected, abs=1e-8)
        left = np.diag(dense(new, new, *args)) - (cross * cho_solve(factor, cross)).sum(axis=0)
        assert deviation[k] ** 2 == pytest.approx(scale**2 * left, abs=1e-8)


@given(st.integers(0, 10_000), COUNTS)
@settings(max_examples=12, deadline=None)
def test_the_marginal_likelihood_is_scipys(seed, counts):
    """A multivariate normal of mean 0 with the plain covariance; so is the covariance of two sets."""
    c, d = counts
    x, y, std = drawn(seed, 6, c, d)
    points = np.random.default_rng(seed).standard_normal((3, d + 3 + c))
    sets = Hyperparameters.of(points, PRIOR, c)
    found = Likelihood(x, y - y.mean(), std**2, PRIOR, c)(points)
    centre = float((-4 * ((x[:, c:] - 0.5) ** 2).sum(axis=1)).mean())
    for k in range(3):
        matrix = dense(x, x, sets, k, centre, c)
        assert covariance(x, x[:4], sets, PRIOR, centre)[k] == pytest.approx(matrix[:, :4], abs=1e-12)
        matrix += np.diag(std**2 + sets.noise[k] + 1e-8)
        expected = multivariate_normal(np.zeros(6), matrix).logpdf(y - y.mean())
        assert found[k] == pytest.approx(expected, abs=1e-7)


def test_relevances_leaving_out_and_draws_know_every_category():
    """One share a category; devices are predicted without each other, and joint draws have their moments."""
    x, _, std = drawn(3, 12, 2, 2)
    y = 0.2 + 0.5 * (x[:, 1] == 0) + 0.02 * x[:, 2]  # the second category alone decides
    surrogate = fit_levels(x, y, std * 0 + 0.02, rng=np.random.default_rng(1), categories=2)
    relevance = surrogate.relevance()
    assert relevance.shape == (4,) and relevance.sum() == pytest.approx(1.0)
    assert relevance[1] > relevance[0]
    left = surrogate.left_out([[k] for k in range(12)], np.random.default_rng(2))
    assert np.sqrt(np.mean((left.mean - y) ** 2)) < 0.6 * y.std()
    mean, deviation = surrogate.predict(x[:3])
    draws = surrogate.samples(x[:3], 16_000, np.random.default_rng(4))
    assert draws.mean(axis=0) == pytest.approx(mean, abs=4 * deviation.max() / np.sqrt(16_000))


@given(st.integers(0, 10_000), st.sampled_from([(0, 2), (2, 1), (3, 2)]))
@settings(max_examples=12, deadline=None)
def test_the_chance_of_failing_has_a_part_of_each_category(seed, counts):
    """The covariance of the latent function, element by element; no failure leaves every chance at 1."""
    c, d = counts
    points = drawn(seed, 7, c, d)[0]
    found = feasibility._covariance(points, points[:3], c)
    for i, a in enumerate(points):
        for j, b in enumerate(points[:3]):
            each = [1.0 if u == v else 0.5 for u, v in zip(a[:c], b[:c], strict=True)]
            near = [np.exp(-0.5 * ((u - v) / 0.3) ** 2) for u, v in zip(a[c:], b[c:], strict=True)]
            expected = 4.0 * np.prod(each) * np.prod(near) + 2.0 * (sum(each) + sum(near))
            assert found[i, j] == pytest.approx(expected, abs=1e-12)
    assert np.all(chance_of_usability(points, points[:2], points[:0], categories=c) == 1.0)
    chance = chance_of_usability(points, points[:2], points[2:4], categories=c)
    assert np.all((chance > 0) & (chance < 1))
