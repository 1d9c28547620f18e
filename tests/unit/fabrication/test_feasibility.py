"""The chance that a device works at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from codesign.fabrication import feasibility
from codesign.fabrication.feasibility import LEAST, MEAN, chance_of_usability

AT = np.array([[0.0, 0.5, 0.5, 0.5, 0.5]])
BESIDE = np.array([[0.0, 0.5, 0.5, 0.5, 0.75], [0.0, 0.64, 0.5, 0.5, 0.5]])
FAR = np.array([[3.0, 0.0, 1.0, 0.0, 1.0]])
NONE = np.empty((0, 5))


def drawn(rng, count):
    """Points on a coarse grid, so that some fall together."""
    return np.column_stack([rng.integers(0, 3, count), rng.integers(0, 3, (count, 4)) / 2]).astype(float)


def test_each_failure_at_a_place_lowers_its_chance_and_what_is_far_stays_likely():
    """From one failure to three."""
    here = [chance_of_usability(AT, NONE, np.repeat(AT, k, axis=0))[0] for k in range(4)]
    assert here[0] == 1.0 and here[1] > here[2] > here[3]
    assert chance_of_usability(FAR, NONE, np.repeat(AT, 3, axis=0))[0] > LEAST


@pytest.mark.parametrize("seed", range(5))
def test_three_failures_close_a_place_and_its_neighbours(seed):
    """With devices elsewhere that worked; a step of a seventh or of a quarter of a range is beside."""
    worked = np.column_stack([np.random.default_rng(seed).integers(0, 5, 8), np.ones((8, 4))])
    chance = chance_of_usability(np.vstack([AT, BESIDE]), worked, np.repeat(AT, 3, axis=0))
    assert np.all(chance < LEAST)
    assert chance_of_usability(worked, worked, np.repeat(AT, 3, axis=0)).min() > LEAST


def test_a_level_at_which_all_fail_is_understood():
    """Devices of one thickness fail, whatever else they are; the others work."""
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.integers(0, 3, 30), rng.random((30, 3)), rng.integers(0, 2, 30)]).astype(
        float
    )
    fails = points[:, 4] == 1
    new = np.column_stack([rng.integers(0, 3, 40), rng.random((40, 3)), rng.integers(0, 2, 40)]).astype(float)
    chance = chance_of_usability(new, points[~fails], points[fails])
    assert np.mean((chance < LEAST) == (new[:, 4] == 1)) > 0.9


@given(st.integers(0, 10_000), st.integers(0, 8), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_the_mode_is_the_largest_posterior_density(seed, worked, failed):
    """Against a general optimiser over the latent values of the places, each with its counts."""
    rng = np.random.default_rng(seed)
    made = np.unique(drawn(rng, worked + failed), axis=0)
    count = rng.integers(1, 4, len(made))
    good = np.minimum(rng.integers(0, 4, len(made)), count)
    covariance = feasibility._covariance(made, made)
    latent, _, _ = feasibility._mode(covariance, good, count)
    root = np.linalg.cholesky(covariance + 1e-10 * np.eye(len(made)))

    def depth(white):
        value = MEAN + root @ white
        slope = root.T @ (good - count * expit(value)) - white
        return count @ np.logaddexp(0, value) - good @ value + 0.5 * white @ white, -slope

    found = minimize(depth, np.zeros(len(made)), jac=True, method="BFGS", options={"gtol": 1e-8})
    assert latent == pytest.approx(MEAN + root @ found.x, abs=1e-4)


def plain_chances(points, worked, failed):
    """Laplace's approximation in the textbook's form, a row for each device, with covariances of its own.

    The variance is k(x, x) - k' (K + W^-1)^-1 k (Rasmussen, Williams 2006, Eq. 3.24), the averaged
    logistic MacKay's.
    """

    def covariance(a, b):
        value = np.empty((len(a), len(b)))
        for i, one in enumerate(a):
            for j, other in enumerate(b):
                compound = 1.0 if one[0] == other[0] else 0.5
                each = np.exp(-0.5 * ((one[1:] - other[1:]) / 0.3) ** 2)
                value[i, j] = 4.0 * compound * np.prod(each) + 2.0 * (compound + each.sum())
        return value

    made = np.vstack([worked, failed])
    works = np.repeat([1.0, 0.0], [len(worked), len(failed)])
    between = covariance(made, made)
    latent = np.full(len(made), 1.5)
    for _ in range(1000):  # K^-1 (f - m) = y - s(f) by steps of Newton, shortened
        weight = expit(latent) * expit(-latent)
        aim = latent + (works - expit(latent)) / weight - 1.5
        step = 1.5 + between @ np.linalg.solve(between + np.diag(1 / weight), aim) - latent
        latent += 0.5 * step
        if np.abs(step).max() < 1e-11:
            break
    weight = expit(latent) * expit(-latent)
    cross = covariance(made, points)
    mean = 1.5 + cross.T @ (works - expit(latent))
    lowered = cross * np.linalg.solve(between + np.diag(1 / weight), cross)
    variance = 4.0 + 2.0 * points.shape[1] - lowered.sum(axis=0)
    return expit(mean / np.sqrt(1 + np.pi * variance / 8))


@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(1, 8))
@settings(max_examples=25, deadline=None)
def test_chances_are_those_of_the_textbook(seed, worked, failed):
    """Mode, variance and averaged logistic together; devices of one place stand beside each other there."""
    rng = np.random.default_rng(seed)
    good, bad = drawn(rng, worked), drawn(rng, failed)
    points = np.vstack([drawn(rng, 6), np.column_stack([rng.integers(0, 4, 6), rng.random((6, 4))])])
    found = chance_of_usability(points, good, bad)
    assert found == pytest.approx(plain_chances(points, good, bad), abs=1e-6)


@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_a_failure_lowers_the_chance_there_and_order_does_not_matter(seed, worked, failed):
    """Chances lie in 0 ... 1, and are exactly 1 where nothing failed."""
    rng = np.random.default_rng(seed)
    good, bad, points = drawn(rng, worked), drawn(rng, failed), drawn(rng, 10)
    before = chance_of_usability(points, good, bad)
    assert np.all((before > 0) & (before <= 1)) and (failed > 0 or np.all(before == 1))
    assert chance_of_usability(points, good[::-1], bad[::-1]) == pytest.approx(before, abs=1e-8)
    assert chance_of_usability(points[:1], good, np.vstack([bad, points[:1]]))[0] < before[0]
