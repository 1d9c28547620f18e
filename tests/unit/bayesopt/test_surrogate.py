"""BoTorch's single fit: prediction, conditioning and leaving out, against joint normals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from codesign.bayesopt.surrogate import fit_map


@pytest.fixture(scope="module")
def fitted():
    """Eight observations, two of them at one point."""
    rng = np.random.default_rng(3)
    x, y = rng.random((8, 7)), rng.random(8)
    x[1] = x[0]
    return fit_map(x, y, np.full(8, 0.05))


def test_prediction_is_gaussian_conditioning(fitted):
    """Against scipy's joint normal: p(y* | y) = p(y*, y) / p(y)."""
    n, new = len(fitted.y), np.random.default_rng(4).random((1, 7))
    mean, std = fitted.predict(new)
    every = np.vstack([fitted.x, new])
    square = (((every[:, None] - every[None]) / fitted.lengthscale) ** 2).sum(-1)
    covariance = fitted.outputscale * np.exp(-0.5 * square)
    covariance[:n, :n] += np.diag(fitted.variance / fitted.scale**2)
    covariance += 1e-8 * np.eye(n + 1)
    z = (fitted.y - fitted.offset) / fitted.scale
    grid = np.array([0.2, 0.4, 0.9])
    joint = multivariate_normal(np.full(n + 1, fitted.constant), covariance)
    alone = multivariate_normal(np.full(n, fitted.constant), covariance[:n, :n]).logpdf(z)
    log_ratio = [
        joint.logpdf([*z, (g - fitted.offset) / fitted.scale]) - alone - np.log(fitted.scale) for g in grid
    ]
    expected = -0.5 * ((grid - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
    assert log_ratio == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("groups", [[[k] for k in range(8)], [[0, 1], [2, 3, 4], [5], [6], [7]]])
def test_leaving_out_is_conditioning_on_the_others(fitted, groups):
    """Closed form against conditioning on the other observations, hyperparameters held."""
    found = fitted.left_out(groups)
    for group in groups:
        keep = np.setdiff1d(np.arange(len(fitted.y)), group)
        others = replace(fitted, x=fitted.x[keep], y=fitted.y[keep], variance=fitted.variance[keep])
        mean, std = others.predict(fitted.x[group])
        assert found.mean[group] == pytest.approx(mean, abs=1e-6)
        assert found.std[group] == pytest.approx(np.sqrt(std**2 + fitted.variance[group]), rel=1e-4)
    density = -0.5 * ((fitted.y - found.mean) / found.std) ** 2 - np.log(found.std * np.sqrt(2 * np.pi))
    assert found.log_score == pytest.approx(density)


def test_the_noise_has_a_part_of_its_own_and_one_that_is_shared(fitted):
    """What `between` says is left of the variance after each observation's own."""
    assert fitted.variance == pytest.approx(0.05**2 + fitted.between[0])


@pytest.mark.parametrize("y", [[0.3], [0.3, np.nan]])
def test_too_few_or_unknown_observations_are_refused(y):
    """There is nothing to fit to."""
    with pytest.raises(ValueError, match=r"at least 2 observations, got|are not finite"):
        fit_map(np.zeros((len(y), 3)), np.array(y), np.full(len(y), 0.1))
