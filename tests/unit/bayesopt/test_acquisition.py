"""Expected improvement, both goals, against BoTorch, Monte Carlo and limits."""

import numpy as np
import pytest
import torch
from botorch.acquisition.analytic import LogExpectedImprovement
from botorch.models import SingleTaskGP
from hypothesis import given
from hypothesis import strategies as st

from codesign.bayesopt.acquisition import (
    log_expected_improvement,
    log_h,
    log_level_improvement,
    log_probability_of_approach,
)

MEANS = np.array([-2.0, 0.1, 0.45, 0.5, 0.8, 3.0])
STDS = np.array([0.05, 0.3, 0.1, 0.2, 1.0, 0.5])


def test_log_ei_is_botorchs():
    """The analytic LogEI of a fitted BoTorch model at the same mean and standard deviation."""
    x = torch.linspace(0, 1, 8, dtype=torch.float64)[:, None]
    model = SingleTaskGP(x, torch.sin(6 * x), train_Yvar=torch.full_like(x, 1e-2), outcome_transform=None)
    at = torch.linspace(-3, 4, 60, dtype=torch.float64)[:, None]
    model.eval()
    with torch.no_grad():
        posterior = model.posterior(at)
        expected = LogExpectedImprovement(model, best_f=1.3)(at[:, None, :]).numpy()
        mean, std = posterior.mean.numpy().ravel(), posterior.variance.sqrt().numpy().ravel()
    assert log_expected_improvement(mean, std, 1.3) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_ei_is_the_mean_of_the_improvement():
    """400,000 draws, four standard errors."""
    rng = np.random.default_rng(0)
    for mean, std in zip(MEANS, STDS, strict=True):
        improvement = np.maximum(mean + std * rng.standard_normal(400_000) - 0.5, 0)
        error = 4 * improvement.std() / np.sqrt(improvement.size) + 1e-12
        assert np.exp(log_expected_improvement(mean, std, 0.5)) == pytest.approx(
            improvement.mean(), abs=error
        )


@pytest.mark.parametrize("best_distance", [0.02, 0.2, 1.5])
def test_level_seeking_ei_is_the_mean_of_its_improvement(best_distance):
    """The improvement in |f - target|, drawn."""
    rng = np.random.default_rng(1)
    for mean, std in zip(MEANS, STDS, strict=True):
        f = mean + std * rng.standard_normal(400_000)
        improvement = np.maximum(best_distance - np.abs(f - 0.5), 0)
        # what is too rare to be drawn once is below ten draws' worth
        error = 4 * improvement.std() / np.sqrt(improvement.size) + 10 * best_distance / improvement.size
        value = np.exp(log_level_improvement(mean, std, 0.5, best_distance))
        assert value == pytest.approx(improvement.mean(), abs=error)


def test_level_seeking_ei_has_its_limits():
    """Certain values improve by what they are nearer; a narrow target is a spike of area b squared."""
    assert np.exp(log_level_improvement(0.45, 1e-6, 0.5, 0.2)) == pytest.approx(0.15, abs=1e-5)
    density = np.exp(-0.5 * 0.5**2) / np.sqrt(2 * np.pi) / 0.2
    for b in (1e-6, 1e-4, 1e-2):
        value = np.exp(log_level_improvement(0.4, 0.2, 0.5, b))
        assert value == pytest.approx(b**2 * density, rel=max(b, 1e-4))
    assert log_level_improvement(np.array([0.4]), np.array([0.2]), 0.5, 0.0) == -np.inf


@pytest.mark.parametrize("best_distance", [0.02, 0.2, 1.5])
def test_probability_of_approach_is_the_share_of_draws_that_come_nearer(best_distance):
    """400,000 draws, four standard errors of a share."""
    rng = np.random.default_rng(2)
    for mean, std in zip(MEANS, STDS, strict=True):
        f = mean + std * rng.standard_normal(400_000)
        nearer = np.abs(f - 0.5) < best_distance
        value = np.exp(log_probability_of_approach(mean, std, 0.5, best_distance))
        # a share too small to be drawn has no spread; it is below ten draws' worth
        error = 4 * nearer.std() / np.sqrt(nearer.size) + 10 / nearer.size
        assert value == pytest.approx(nearer.mean(), abs=error)


def test_probability_of_approach_has_its_limits():
    """Nothing is nearer than zero; a narrow target has the density; far from it logarithms stay finite."""
    assert log_probability_of_approach(np.array([0.4]), np.array([0.2]), 0.5, 0.0) == -np.inf
    density = np.exp(-0.5 * 0.5**2) / np.sqrt(2 * np.pi) / 0.2
    for b in (1e-6, 1e-4, 1e-2):
        value = np.exp(log_probability_of_approach(0.4, 0.2, 0.5, b))
        assert value == pytest.approx(2 * b * density, rel=1e-3)
    far = log_probability_of_approach(np.array([-30.0, -40.0]), 0.5, 0.5, 0.1)
    assert np.isfinite(far).all() and far[1] < far[0] < -1000
    below, above = log_probability_of_approach(np.array([0.2, 0.8]), 0.1, 0.5, 0.1)
    assert below == pytest.approx(above)


def test_level_seeking_ei_is_symmetric_about_the_target():
    """Above or below the target by the same amount is the same."""
    below, above = log_level_improvement(np.array([0.2, 0.8]), 0.1, 0.5, 0.1)
    assert below == pytest.approx(above)


@given(st.floats(-1e6, 30))
def test_log_h_is_finite_and_grows(z):
    """Far from the optimum the order of candidates survives, where EI itself underflows."""
    here, further = log_h(z), log_h(z + max(1e-3, 1e-6 * abs(z)))
    assert np.isfinite(here) and further > here


@pytest.mark.parametrize("z", [-1.0, -40.0])
def test_log_h_has_no_step_between_its_expansions(z):
    """Both sides of each switch agree."""
    assert log_h(z - 1e-7) == pytest.approx(log_h(z + 1e-7), abs=2e-5)
