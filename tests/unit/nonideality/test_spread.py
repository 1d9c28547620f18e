"""Sigma, its bounds and the autocorrelation length against scipy, closed forms and known draws."""

import numpy as np
import pytest
from scipy import stats

from codesign.nonideality.spread import autocorrelation_points, sigma_mle, sigma_robust, sigma_upper


def test_the_mle_is_the_root_mean_square():
    """With the mean fixed at 0 the likelihood has this maximum: checked on a grid by scipy."""
    x = np.random.default_rng(1).normal(0.2, 0.4, 500)
    grid = np.linspace(0.3, 0.6, 3001)
    likelihood = [stats.norm(0, s).logpdf(x).sum() for s in grid]
    assert sigma_mle(x) == pytest.approx(grid[int(np.argmax(likelihood))], abs=grid[1] - grid[0])


def test_missing_samples_do_not_count():
    """NaN is no sample."""
    assert sigma_mle(np.array([0.3, np.nan, -0.3])) == pytest.approx(0.3)


def test_the_robust_estimator_recovers_sigma_and_ignores_dead_cycles():
    """Within three standard errors of the MAD, 1.17 sigma / sqrt(N), and unmoved by 5 % of dead cycles."""
    rng = np.random.default_rng(2)
    x = rng.normal(-12, 0.3, (100, 50)) + np.linspace(0, 3, 50)
    clean = sigma_robust(x)
    assert clean == pytest.approx(0.3, abs=3 * 1.17 * 0.3 / np.sqrt(x.size))
    x[:5] -= 8
    assert sigma_robust(x) < 2 * clean < sigma_mle(x - x.mean(axis=0))


@pytest.mark.parametrize("samples", [5, 37.5, 4000])
def test_the_upper_bound_is_the_chi_square_one(samples):
    """scipy.stats is the reference, fractional degrees of freedom included."""
    expected = 0.2 * np.sqrt(samples / stats.chi2.ppf(0.05, samples))
    assert sigma_upper(0.2, samples, confidence=0.95) == pytest.approx(expected, rel=1e-9)


def test_the_upper_bound_covers_as_often_as_it_says():
    """95 % of 4000 experiments, within three binomial standard errors."""
    rng = np.random.default_rng(3)
    sigma = np.sqrt(np.mean(rng.normal(0, 0.5, (4000, 30)) ** 2, axis=1))
    covered = np.mean(sigma_upper(sigma, 30, confidence=0.95) >= 0.5)
    assert covered == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 4000))


def test_white_noise_has_an_autocorrelation_length_near_one():
    """Independent points count fully."""
    x = np.random.default_rng(4).standard_normal((400, 60))
    assert autocorrelation_points(x) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_a_first_order_process_has_its_known_length(rho):
    """AR(1): tau = (1 + rho) / (1 - rho), within a tenth for 500 cycles of 200 points."""
    rng = np.random.default_rng(5)
    x = np.empty((500, 200))
    x[:, 0] = rng.standard_normal(500)
    for k in range(1, 200):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(500)
    assert autocorrelation_points(x) == pytest.approx((1 + rho) / (1 - rho), rel=0.1)


def test_a_cycle_shifted_as_a_whole_counts_once():
    """Fully correlated points: one sample a cycle, whatever the number of points."""
    x = np.repeat(np.random.default_rng(6).standard_normal((30, 1)), 40, axis=1)
    assert autocorrelation_points(x) == pytest.approx(40)
