"""Gaussian process over encoded points with one set of hyperparameters, BoTorch's.

Squared-exponential kernel with one lengthscale a dimension (ARD); noise is the
variance of each observation itself plus one learned variance between observations of one point,
because two devices made alike differ by more than the intervals of each.
Hyperparameters are BoTorch's maximum a posteriori under its dimension-scaled log-normal prior
(Hvarfner et al., ICML 2024). Prediction, conditioning and leave-one-out are exact linear algebra on them.

The search for noise uses it, whose trials are many and exact; the search for devices where `surrogate:
map` asks for it. `codesign.bayesopt.levels` is the search for devices' own.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs

from codesign.bayesopt.left_out import LeftOut, blocks_out, scored
from codesign.bayesopt.observed import check_observations

NOISE_FLOOR_STD = 0.01
"""Smaller standard deviations from the bootstrap are taken as this one; in usability."""
JITTER = 1e-8
"""Added to the diagonal of standardised covariances."""


@dataclass(frozen=True)
class Process:
    """One fitted process, conditioned on observations.

    Values are standardised by `offset` and `scale` inside; arguments and results are usability.
    """

    x: np.ndarray
    """Encoded conditions, (n, dimensions)."""
    y: np.ndarray
    """Observed usability, (n,)."""
    variance: np.ndarray
    """Noise variance of each observation, in usability squared, (n,)."""
    lengthscale: np.ndarray
    constant: float
    outputscale: float
    offset: float
    scale: float
    shared: float = 0.0
    """The part of `variance` that is between observations of one point."""

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a / self.lengthscale, b / self.lengthscale
        value = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :]
        value -= 2 * a @ b.T  # (n, dimensions) @ (dimensions, m)
        # in place: over thousands of grid points, new memory costs as much as the arithmetic
        np.maximum(value, 0.0, out=value)
        value *= -0.5
        np.exp(value, out=value)
        value *= self.outputscale
        return value

    @cached_property
    def _factor(self) -> tuple[np.ndarray, np.ndarray]:
        covariance = self._kernel(self.x, self.x)
        diagonal = covariance.reshape(-1)[:: len(self.y) + 1]
        diagonal += self.variance / self.scale**2
        diagonal += JITTER
        if not np.isfinite(covariance).all():
            raise ValueError("the covariance of the observations is not finite")
        root, broken = dpotrf(covariance, lower=True, clean=True)
        if broken:
            raise LinAlgError(f"the covariance of the observations is not positive definite in row {broken}")
        weights, _ = dpotrs(root, (self.y - self.offset) / self.scale - self.constant, lower=True)
        return root, weights

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the usability itself (noise-free) at encoded points."""
        root, weights = self._factor
        cross = self._kernel(self.x, x)
        mean = self.constant + cross.T @ weights
        explained = (solve_triangular(root, cross, lower=True) ** 2).sum(axis=0)
        std = np.sqrt(np.maximum(self.outputscale - explained, 1e-12))
        return self.offset + self.scale * mean, self.scale * std

    def samples(self, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Joint draws at encoded points, shape (count, len(x))."""
        root, weights = self._factor
        cross = self._kernel(self.x, x)
        half = solve_triangular(root, cross, lower=True)
        covariance = self._kernel(x, x) - half.T @ half + JITTER * np.eye(len(x))
        values, vectors = np.linalg.eigh(covariance)
        draws = (vectors * np.sqrt(np.maximum(values, 0.0))) @ rng.standard_normal((len(x), count))
        return self.offset + self.scale * (self.constant + cross.T @ weights + draws.T)

    def conditioned(self, x: np.ndarray) -> "Process":
        """The process with further points, each assumed to turn out as predicted: devices being made."""
        mean, _ = self.predict(x)
        noise = np.full(len(x), float(np.median(self.variance)))
        return replace(
            self,
            x=np.vstack([self.x, x]),
            y=np.concatenate([self.y, mean]),
            variance=np.concatenate([self.variance, noise]),
        )

    def each(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `predict`, for each of its one set of hyperparameters, (1, len(x))."""
        mean, std = self.predict(x)
        return mean[None], std[None]

    @property
    def between(self) -> np.ndarray:
        """Variance between observations of one point, (1,)."""
        return np.array([self.shared])

    def relevance(self, varies: np.ndarray | None = None) -> np.ndarray:
        """Share of 1 / lengthscale^2 of each dimension, (dimensions,).

        Args:
            varies: Dimensions that are compared, (dimensions,), bool; the others have 0. All where not given.
        """
        weights = 1.0 / self.lengthscale**2
        weights *= True if varies is None else varies
        return weights / max(weights.sum(), np.finfo(float).tiny)

    def left_out(self, groups: Sequence[Sequence[int]], rng: np.random.Generator | None = None) -> LeftOut:
        """Each observation predicted without its group, hyperparameters held; draws nothing.

        Args:
            groups: Indices of observations; each is in one of them.
            rng: Not used.
        """
        root, weights = self._factor
        precision = cho_solve((root, True), np.eye(len(self.y)))
        residual = (self.y - self.offset) / self.scale
        mean, std = blocks_out(precision[None], weights[None], residual, groups)
        return scored(self.y, self.offset + self.scale * mean, self.scale * std, "held")


def fit_map(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> Process:
    """BoTorch's maximum a posteriori, conditioned on all observations; deterministic.

    Args:
        x: Encoded conditions in about the unit cube, (n, dimensions), n >= 2.
        y: Readings, (n,).
        std: Standard deviation of each, (n,).

    Raises:
        ValueError: Fewer than two observations, or one is not finite.
    """
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.constraints import GreaterThan
    from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import LogNormalPrior

    check_observations(x, y, std)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    own = np.maximum(std, NOISE_FLOOR_STD) ** 2
    offset = float(np.mean(y))
    scale = float(np.std(y)) or 1.0
    tensor = lambda values: torch.as_tensor(np.asarray(values), dtype=torch.float64)  # noqa: E731
    noise = tensor(own / scale**2)
    likelihood = FixedNoiseGaussianLikelihood(noise=noise, learn_additional_noise=True)
    likelihood.second_noise_covar.register_constraint("raw_noise", GreaterThan(1e-4))
    likelihood.second_noise_covar.register_prior(
        "noise_prior", LogNormalPrior(-3.0, 1.0), lambda module: module.noise
    )
    likelihood.second_noise_covar.initialize(noise=torch.tensor(0.05, dtype=torch.float64))
    with warnings.catch_warnings():
        # BoTorch warns that values are not standardised by their sample deviation; population is meant here
        warnings.simplefilter("ignore")
        model = SingleTaskGP(
            tensor(x),
            tensor((y - offset) / scale)[:, None],
            train_Yvar=noise[:, None],
            likelihood=likelihood,
            outcome_transform=None,
        ).double()
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    shared = float(likelihood.second_noise.detach())
    return Process(
        x=x,
        y=y,
        variance=own + shared * scale**2,
        lengthscale=model.covar_module.lengthscale.detach().numpy().ravel().astype(float),
        constant=float(model.mean_module.constant.detach()),
        outputscale=1.0,
        offset=offset,
        scale=scale,
        shared=shared * scale**2,
    )
