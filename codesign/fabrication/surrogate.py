"""Gaussian process of usability over encoded conditions.

Squared-exponential kernel with one lengthscale a dimension (ARD) under BoTorch's
dimension-scaled log-normal prior (Hvarfner et al., ICML 2024); noise is the
bootstrap variance of each device plus one learned device-to-device variance,
because two devices of one condition differ by more than their own intervals.
BoTorch fits the hyperparameters (maximum a posteriori); prediction,
conditioning and leave-one-out are exact linear algebra on the result.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

NOISE_FLOOR_STD = 0.01
"""Least bootstrap standard deviation believed, in usability."""


@dataclass(frozen=True)
class Surrogate:
    """A fitted process, conditioned on observations.

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

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a / self.lengthscale, b / self.lengthscale
        square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
        return self.outputscale * np.exp(-0.5 * np.maximum(square, 0.0))

    def _factor(self) -> tuple[np.ndarray, np.ndarray]:
        covariance = self._kernel(self.x, self.x) + np.diag(self.variance / self.scale**2)
        root = cholesky(covariance + 1e-8 * np.eye(len(self.y)), lower=True)
        residual = (self.y - self.offset) / self.scale - self.constant
        return root, cho_solve((root, True), residual)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the usability itself (noise-free) at encoded points."""
        root, weights = self._factor()
        cross = self._kernel(self.x, x)
        mean = self.constant + cross.T @ weights
        explained = (solve_triangular(root, cross, lower=True) ** 2).sum(axis=0)
        std = np.sqrt(np.maximum(self.outputscale - explained, 1e-12))
        return self.offset + self.scale * mean, self.scale * std

    def samples(self, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Joint draws at encoded points, shape (count, len(x))."""
        root, weights = self._factor()
        cross = self._kernel(self.x, x)
        half = solve_triangular(root, cross, lower=True)
        covariance = self._kernel(x, x) - half.T @ half + 1e-8 * np.eye(len(x))
        values, vectors = np.linalg.eigh(covariance)
        draws = (vectors * np.sqrt(np.maximum(values, 0.0))) @ rng.standard_normal((len(x), count))
        return self.offset + self.scale * (self.constant + cross.T @ weights + draws.T)

    def conditioned(self, x: np.ndarray) -> "Surrogate":
        """With points that are being made: taken to turn out as predicted (kriging believer)."""
        mean, _ = self.predict(x)
        noise = np.full(len(x), float(np.median(self.variance)))
        return replace(
            self,
            x=np.vstack([self.x, x]),
            y=np.concatenate([self.y, mean]),
            variance=np.concatenate([self.variance, noise]),
        )

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation predicted for each observation from all others.

        Hyperparameters stay as fitted; the standard deviation is that of a new
        measurement, noise included. Source: Rasmussen, Williams (2006), Eq. 5.12.
        """
        root, weights = self._factor()
        precision = np.diag(cho_solve((root, True), np.eye(len(self.y))))
        mean = self.y - self.scale * weights / precision
        return mean, self.scale / np.sqrt(precision)


def fit_surrogate(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> Surrogate:
    """Fit hyperparameters and condition on all observations; deterministic.

    Args:
        x: Encoded conditions, (n, dimensions), n >= 2.
        y: Usability, (n,).
        std: Standard deviation of each usability, (n,).

    Raises:
        ValueError: Fewer than two observations, or one is not finite.
    """
    if len(y) < 2 or not (np.all(np.isfinite(y)) and np.all(np.isfinite(std)) and np.all(np.isfinite(x))):
        raise ValueError(f"a surrogate needs at least 2 finite observations, got {len(y)}")
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.constraints import GreaterThan
    from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import LogNormalPrior

    offset = float(np.mean(y))
    scale = float(np.std(y)) or 1.0
    own = np.maximum(std, NOISE_FLOOR_STD) ** 2
    tensor = lambda values: torch.as_tensor(np.asarray(values), dtype=torch.float64)  # noqa: E731
    noise = tensor(own / scale**2)
    likelihood = FixedNoiseGaussianLikelihood(noise=noise, learn_additional_noise=True)
    likelihood.second_noise_covar.register_constraint("raw_noise", GreaterThan(1e-4))
    likelihood.second_noise_covar.register_prior(
        "noise_prior", LogNormalPrior(-3.0, 1.0), lambda module: module.noise
    )
    likelihood.second_noise_covar.initialize(noise=torch.tensor(0.05, dtype=torch.float64))
    with warnings.catch_warnings():
        # BoTorch asks for sample, not population, standardisation; the prior does not mind
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
    return Surrogate(
        x=np.asarray(x, dtype=float),
        y=np.asarray(y, dtype=float),
        variance=own + shared * scale**2,
        lengthscale=model.covar_module.lengthscale.detach().numpy().ravel().astype(float),
        constant=float(model.mean_module.constant.detach()),
        outputscale=1.0,
        offset=offset,
        scale=scale,
    )
