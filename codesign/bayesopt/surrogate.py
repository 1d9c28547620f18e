"""Gaussian process of usability over encoded conditions.

Squared-exponential kernel with one lengthscale a dimension (ARD); noise is the
bootstrap variance of each device plus one learned device-to-device variance,
because two devices made alike differ by more than the intervals of each.
Hyperparameters are fitted in one of two ways:

* `marginal`: drawn several times from their posterior, because ten devices do not determine
  them; predictions are averages over the draws;
* `map`: BoTorch's maximum a posteriori under its dimension-scaled log-normal prior
  (Hvarfner et al., ICML 2024), one process.

Prediction, conditioning and leave-one-out are exact linear algebra on the result.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs

NOISE_FLOOR_STD = 0.01
"""Smaller standard deviations from the bootstrap are taken as this one; in usability."""
METHODS = ("marginal", "map")
PRIOR = ((float(np.log(0.7)), 0.0, -3.0), (1.0, 0.5, 1.0))
"""Means and standard deviations of ln lengthscale, ln amplitude and ln noise variance."""
BURN, DRAWS, THIN = 60, 16, 8
"""Steps of the chain before, number of, and steps between, the hyperparameters used."""
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
    constant_variance: float = 0.0
    """Prior variance of the constant, which is integrated out; 0 where it is fitted."""

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a / self.lengthscale, b / self.lengthscale
        value = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :]
        value -= 2 * a @ b.T  # (n, dimensions) @ (dimensions, m)
        # in place: over thousands of grid points, new memory costs as much as the arithmetic
        np.maximum(value, 0.0, out=value)
        value *= -0.5
        np.exp(value, out=value)
        value *= self.outputscale
        value += self.constant_variance
        return value

    @cached_property
    def _factor(self) -> tuple[np.ndarray, np.ndarray]:
        covariance = self._kernel(self.x, self.x)
        diagonal = covariance.reshape(-1)[:: len(self.y) + 1]
        diagonal += self.variance / self.scale**2
        diagonal += JITTER
        if not np.isfinite(covariance).all():
            raise ValueError("the covariance of the observations is not finite")
        # LAPACK itself: sampling factorises tens of thousands of small matrices, and SciPy's checks around
        # one of them take longer than the factorisation
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
        prior = self.outputscale + self.constant_variance
        std = np.sqrt(np.maximum(prior - explained, 1e-12))
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

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation predicted for each observation from all others.

        Hyperparameters stay as fitted; the standard deviation is that of a new
        measurement, noise included. Source: Rasmussen, Williams (2006), Eq. 5.12.
        """
        root, weights = self._factor
        precision = np.diag(cho_solve((root, True), np.eye(len(self.y))))
        mean = self.y - self.scale * weights / precision
        return mean, self.scale / np.sqrt(precision)


@dataclass(frozen=True)
class Surrogate:
    """One process, or several of equal weight with hyperparameters drawn from their posterior."""

    processes: tuple[Process, ...]

    @property
    def x(self) -> np.ndarray:
        """Encoded conditions observed or being made, (n, dimensions)."""
        return self.processes[0].x

    def each(self, x: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Mean and standard deviation at encoded points, process by process."""
        return (process.predict(x) for process in self.processes)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the mixture at encoded points."""
        return _mixed(self.each(x))

    def samples(self, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Joint draws at encoded points, shape (about count, len(x)), each process equally often."""
        share = max(1, count // len(self.processes))
        return np.vstack([process.samples(x, share, rng) for process in self.processes])

    def conditioned(self, x: np.ndarray) -> "Surrogate":
        """The surrogate with further points; each process assumes that they turn out as it predicts."""
        return Surrogate(tuple(process.conditioned(x) for process in self.processes))

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation predicted for each observation from all others."""
        return _mixed(process.leave_one_out() for process in self.processes)

    def relevance(self) -> np.ndarray:
        """Share of 1 / lengthscale^2 of each dimension, averaged over processes, shape (dimensions,)."""
        weights = np.array([1.0 / process.lengthscale**2 for process in self.processes])
        return (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)


def _mixed(moments) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of a mixture of equal weights."""
    means, stds = (np.array(values) for values in zip(*moments, strict=True))
    return means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))


def fit_surrogate(
    x: np.ndarray, y: np.ndarray, std: np.ndarray, *, method: str, rng: np.random.Generator
) -> Surrogate:
    """Fit hyperparameters and condition on all observations.

    Args:
        x: Encoded conditions in about the unit cube, (n, dimensions), n >= 2.
        y: Usability, (n,).
        std: Standard deviation of each usability, (n,).
        method: `marginal` or `map`.
        rng: Draws the hyperparameters of `marginal`; `map` draws nothing.

    Raises:
        ValueError: Fewer than two observations, one is not finite, or an unknown method.
    """
    if len(y) < 2 or not (np.all(np.isfinite(y)) and np.all(np.isfinite(std)) and np.all(np.isfinite(x))):
        raise ValueError(f"a surrogate needs at least 2 finite observations, got {len(y)}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    own = np.maximum(std, NOISE_FLOOR_STD) ** 2
    if method == "map":
        return Surrogate((fit_map(x, y, own),))
    return Surrogate(draw_processes(x, y, own, rng))


def draw_processes(
    x: np.ndarray, y: np.ndarray, own: np.ndarray, rng: np.random.Generator
) -> tuple[Process, ...]:
    """Processes with hyperparameters drawn from their posterior.

    Logarithms of lengthscales, amplitude and noise have independent normal priors
    (`PRIOR`, in units of the standardised usability and of the unit cube); the
    constant has variance 1 and is integrated out. Elliptical slice sampling needs
    no step size and no gradient.

    Args:
        x: Encoded conditions, (n, dimensions).
        y: Usability, (n,).
        own: Variance of each usability, (n,).
        rng: Every draw.

    Source:
        Murray, Adams, MacKay, AISTATS 2010 (elliptical slice sampling); Snoek,
        Larochelle, Adams, NIPS 2012 (acquisitions averaged over hyperparameters).
    """
    offset, scale = float(np.mean(y)), float(np.std(y)) or 1.0
    dimensions = x.shape[1]
    # lengthscales, amplitude, noise variance
    centre, width = (np.array([*[p] * dimensions, q, r]) for p, q, r in PRIOR)

    def process(logs: np.ndarray) -> Process:
        return Process(
            x=x,
            y=y,
            variance=own + np.exp(logs[-1]) * scale**2,
            lengthscale=np.exp(logs[:-2]),
            constant=0.0,
            outputscale=float(np.exp(2 * logs[-2])),
            offset=offset,
            scale=scale,
            constant_variance=1.0,
        )

    def log_likelihood(logs: np.ndarray) -> float:
        root, weights = process(logs)._factor
        return float(-0.5 * (y - offset) / scale @ weights - np.log(root.diagonal()).sum())

    drawn = slice_samples(log_likelihood, centre, width, rng, burn=BURN, count=DRAWS, thin=THIN)
    return tuple(process(logs) for logs in drawn)


def slice_samples(
    log_likelihood: Callable[[np.ndarray], float],
    centre: np.ndarray,
    width: np.ndarray,
    rng: np.random.Generator,
    *,
    burn: int,
    count: int,
    thin: int,
) -> list[np.ndarray]:
    """Elliptical slice sampling of a posterior with an independent normal prior.

    Args:
        log_likelihood: Of one point, finite at `centre`.
        centre: Prior means, (n,); the chain starts there.
        width: Prior standard deviations, (n,).
        rng: Every draw.
        burn: Steps left out first.
        count: Points returned.
        thin: Steps from one to the next.
    """
    now, level = np.zeros(len(centre)), log_likelihood(centre)
    kept = []
    for step in range(1, burn + count * thin + 1):
        other = width * rng.standard_normal(len(centre))
        threshold = level + np.log(1.0 - rng.random())
        angle = rng.uniform(0.0, 2 * np.pi)
        low, high = angle - 2 * np.pi, angle
        while True:
            new = now * np.cos(angle) + other * np.sin(angle)
            found = log_likelihood(centre + new)
            if found >= threshold:
                break
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = rng.uniform(low, high)
        now, level = new, found
        if step > burn and (step - burn) % thin == 0:
            kept.append(centre + now)
    return kept


def fit_map(x: np.ndarray, y: np.ndarray, own: np.ndarray) -> Process:
    """BoTorch's maximum a posteriori; deterministic.

    Args:
        x: Encoded conditions, (n, dimensions).
        y: Usability, (n,).
        own: Variance of each usability, (n,).
    """
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.constraints import GreaterThan
    from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import LogNormalPrior

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
    )
