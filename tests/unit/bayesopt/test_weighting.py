"""Weighted points of a posterior, against posteriors in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.bayesopt.weighting import POINTS, Weighted, weigh_prior


def normal(seen, noise):
    """Likelihood of a normal mean seen with normal noise, and the posterior's mean and deviation."""
    seen, noise = np.array(seen), np.array(noise)
    variance = 1 / (1 + 1 / noise**2)

    def log_likelihood(points):
        return -0.5 * (((points - seen) / noise) ** 2).sum(axis=1)

    return log_likelihood, variance * seen / noise**2, np.sqrt(variance)


@pytest.mark.parametrize(
    ("seen", "noise"), [([0.8, -0.5, 0.0], [0.4, 1.0, 3.0]), ([1.5, -1.0, 0.3], [0.5, 0.5, 0.5])]
)
def test_weighted_points_have_the_moments_of_a_normal_posterior(seen, noise):
    """Within five standard errors of an importance sample of that effective size."""
    likelihood, mean, std = normal(seen, noise)
    found = weigh_prior(likelihood, 3, np.random.default_rng(1))
    weight = np.exp(found.log_weight)
    assert weight.sum() == pytest.approx(1.0) and len(found.points) == 2 * POINTS
    average = weight @ found.points
    error = 5 * std / np.sqrt(found.effective)
    assert np.all(np.abs(average - mean) < error)
    assert np.all(np.abs(np.sqrt(weight @ (found.points - average) ** 2) - std) < error)


def test_a_flat_likelihood_leaves_the_prior():
    """Each half is then of the same normal, up to the factor by which the fitted one may be narrower."""
    found = weigh_prior(lambda points: np.zeros(len(points)), 4, np.random.default_rng(2))
    weight = np.exp(found.log_weight)
    assert found.effective > 0.9 * len(weight)
    assert weight @ found.points == pytest.approx(0.0, abs=0.05)
    assert weight @ found.points**2 == pytest.approx(1.0, abs=0.1)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30), st.integers(1, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_resampling_takes_each_point_as_often_as_its_weight_says(weights, count, seed):
    """Systematic resampling: the number of copies is the floor or the ceiling of count times the weight."""
    weight = np.array(weights) / np.sum(weights)
    one = Weighted(np.zeros((len(weight), 1)), np.log(weight))
    copies = np.bincount(one.resampled(count, np.random.default_rng(seed)), minlength=len(weight))
    assert copies.sum() == count
    assert np.all(np.abs(copies - count * weight) < 1 + 1e-9)


def test_a_likelihood_that_is_not_finite_is_refused():
    """There is no weight to give."""
    with pytest.raises(ValueError, match="not finite"):
        weigh_prior(lambda points: np.full(len(points), np.nan), 2, np.random.default_rng(0))
