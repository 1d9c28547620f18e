"""Gaussian process over categories and ordered levels, for a few dozen devices.

A point is a row (s_1 ... s_c, z_1 ... z_d): a code of each category (of the compound, for perovskites), and
the level of each numeric variable from 0, its lowest, to 1, its highest. There may be one category, several
or none (c), and one number, several or none (d). With q(z) = -4 sum (z_d - 1/2)^2 and q' its mean over the
observations, the standardised reading is

    beta (q(z) - q') + sum gamma_d (z_d - 1/2) + constant + sum offset of each category + shape(s, z)

* beta ~ N(0.25, 0.25): a process that can be controlled at all tends to be good inside its range;
* gamma_d ~ N(0, 0.1): observations move the centre of the bowl, which starts in the middle;
* constant ~ N(0, 1); an offset ~ N(0, 0.5) for each code of a category;
* shape: covariance a^2 prod rho_c^[codes of c differ] exp(-1/2 sum (dz_d / l_d)^2).

beta, gamma, constant and offsets are integrated out. What is left, `Hyperparameters`, is drawn from its
posterior (`codesign.bayesopt.weighting`), and every quantity below is computed for all draws at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import expit

from codesign.bayesopt.left_out import LeftOut, blocks_out, scored
from codesign.bayesopt.observed import check_observations
from codesign.bayesopt.weighting import weigh_prior

NOISE_FLOOR_STD = 0.01
"""Smaller standard deviations of devices are taken as this one, and so is a smaller spread of readings."""
DRAWS = 8
"""Sets of hyperparameters that predictions are averaged over."""
CHECK_DRAWS = 64
"""The same where observations are predicted without each other: there are few points, and averages settle."""
MOST_REFITS = 100
"""Observations up to which hyperparameters are inferred again without each of them."""
JITTER = 1e-8
"""Added to the diagonal of standardised covariances."""
BLOCK = 2**17
"""Most elements of one stack of matrices, a megabyte: larger ones are worked on in parts, which is faster."""


@dataclass(frozen=True)
class Prior:
    """What is believed before any device; readings are standardised, ranges go from 0 to 1."""

    slope: tuple[float, float] = (0.25, 0.25)
    """Mean and variance of beta."""
    tilt_variance: float = 0.1
    """Of each gamma."""
    constant_variance: float = 1.0
    offset_variance: float = 0.5
    """Of the offset of each code of a category."""
    log_lengthscale: tuple[float, float, float] = (float(np.log(0.6)), 0.5, 0.4)
    """Mean, and standard deviations of a part that all variables share and of each one's own."""
    logit_correlation: tuple[float, float] = (1.0, 1.5)
    """Mean and standard deviation, of each rho."""
    log_amplitude: tuple[float, float] = (0.0, 0.5)
    """Mean and standard deviation, of a."""
    log_noise: tuple[float, float] = (-2.5, 1.2)
    """Mean and standard deviation, of the variance between devices made alike."""


@dataclass(frozen=True)
class Hyperparameters:
    """`k` sets of them; variances are of the standardised reading."""

    lengthscale: np.ndarray
    """(k, d)."""
    correlation: np.ndarray
    """Of shapes of two codes of each category, (k, c)."""
    variance: np.ndarray
    """Of the shape, a^2, (k,)."""
    noise: np.ndarray
    """Variance between devices made alike, beside each device's own, (k,)."""

    @classmethod
    def of(cls, points: np.ndarray, prior: Prior, categories: int = 1) -> "Hyperparameters":
        """From standard normal numbers, (k, d + 3 + c): shared and own lengthscales, each rho, a, noise."""
        centre, shared, own = prior.log_lengthscale
        numbers = points.shape[1] - 2 - categories

        def drawn(columns: np.ndarray, said: tuple[float, float]) -> np.ndarray:
            return said[0] + said[1] * columns

        return cls(
            lengthscale=np.exp(centre + shared * points[:, :1] + own * points[:, 1:numbers]),
            correlation=expit(drawn(points[:, numbers:-2], prior.logit_correlation)),
            variance=np.exp(2 * drawn(points[:, -2], prior.log_amplitude)),
            noise=np.exp(drawn(points[:, -1], prior.log_noise)),
        )

    def __len__(self) -> int:
        return len(self.noise)

    def __getitem__(self, index) -> "Hyperparameters":
        return Hyperparameters(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def inside(x: np.ndarray, categories: int = 1) -> np.ndarray:
    """q(z) = -4 sum (z - 1/2)^2 of points, (n,): 0 in the middle, -1 for each variable at an end."""
    return -4.0 * ((x[:, categories:] - 0.5) ** 2).sum(axis=1)


def trends(x: np.ndarray, prior: Prior, centre: float, categories: int = 1) -> np.ndarray:
    """What beta, gamma and the constant multiply, times their standard deviations, (n, 2 + d)."""
    slope = np.sqrt(prior.slope[1]) * (inside(x, categories) - centre)
    tilt = np.sqrt(prior.tilt_variance) * (x[:, categories:] - 0.5)
    return np.column_stack([np.full(len(x), np.sqrt(prior.constant_variance)), slope, tilt])


@dataclass(frozen=True)
class LevelSurrogate:
    """Conditioned on observations, for each of `k` sets of hyperparameters.

    Readings are standardised by `offset` and `scale` inside; arguments and results are not.
    """

    x: np.ndarray
    """Points observed or being made, (n, c + d)."""
    y: np.ndarray
    """Readings, (n,); (k, n) where points being made are assumed to turn out as predicted."""
    own: np.ndarray
    """Noise variance of each observation itself, (n,)."""
    hyperparameters: Hyperparameters
    offset: float
    scale: float
    centre: float
    """q', the mean of q over the observations fitted to."""
    prior: Prior = Prior()
    weighted: tuple[Hyperparameters, np.ndarray] | None = None
    """Every set of hyperparameters that the draws were taken from, and weights that add up to 1."""

    @property
    def categories(self) -> int:
        """c: how many of a point's first numbers are codes of categories."""
        return self.hyperparameters.correlation.shape[1]

    @cached_property
    def _factor(self) -> tuple[np.ndarray, np.ndarray]:
        """Inverse R of the Cholesky factor, (k, n, n), and R (y - mean), (k, n)."""
        values = covariance(self.x, self.x, self.hyperparameters, self.prior, self.centre)
        diagonal = np.einsum("kii->ki", values)
        diagonal += self.own / self.scale**2 + self.hyperparameters.noise[:, None] + JITTER
        root = np.linalg.inv(np.linalg.cholesky(values))
        residual = (self.y - self.offset) / self.scale - self._mean(self.x)
        return root, (root @ np.broadcast_to(residual, root.shape[:2])[:, :, None])[:, :, 0]

    def _mean(self, x: np.ndarray) -> np.ndarray:
        return self.prior.slope[0] * (inside(x, self.categories) - self.centre)

    def _trends(self, x: np.ndarray) -> np.ndarray:
        return trends(x, self.prior, self.centre, self.categories)

    def each(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the reading itself (noise-free), each (k, len(x)).

        A grid repeats the same levels for each code. The exponential is taken once a level, and what
        all codes share, a shape as far off as of one whose codes all differ, goes through the factor once;
        arrays stay small enough for the cache.
        """
        c = self.categories
        first, row = _unique_rows(x, 0, c)
        levels, column = _unique_rows(x, c)
        codes, levels = x[first, :c], x[levels]
        root, white = self._factor
        mean = np.empty((len(root), len(codes), len(levels)))
        explained = np.empty_like(mean)
        square = _squares(self.x, levels, c)
        alike = self.x[:, None, :c] == codes  # (n, codes, c)
        offset = self.prior.offset_variance * alike.sum(axis=2)
        trend = self._trends(self.x) @ self._trends(levels).T
        sets = self.hyperparameters
        for k, inverse in enumerate(root):
            shape = np.exp(square @ (-0.5 / sets.lengthscale[k] ** 2))  # (n, levels)
            shape *= sets.variance[k]
            apart = sets.correlation[k].prod()
            shared = inverse @ (apart * shape + trend)
            near = np.where(alike, 1.0, sets.correlation[k]).prod(axis=2)  # (n, codes)
            for j in range(len(codes)):
                own = alike[:, j].any(axis=1)
                half = ((near[own, j] - apart) * inverse[:, own]) @ shape[own]
                half += shared
                half += (inverse @ offset[:, j])[:, None]
                mean[k, j] = white[k] @ half
                explained[k, j] = np.einsum("nl,nl->l", half, half)
        mean, explained = mean[:, row, column], explained[:, row, column]
        std = np.sqrt(np.maximum(self._variance(x) - explained, 1e-12))
        return self.offset + self.scale * (self._mean(x) + mean), self.scale * std

    def _variance(self, x: np.ndarray) -> np.ndarray:
        """Of the standardised reading before any observation, (k, len(x))."""
        fixed = self.categories * self.prior.offset_variance + np.square(self._trends(x)).sum(axis=1)
        return self.hyperparameters.variance[:, None] + fixed

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the mixture over draws, noise-free."""
        return mixed(*self.each(x))

    @property
    def between(self) -> np.ndarray:
        """Variance between devices made alike, of each draw, (k,)."""
        return self.scale**2 * self.hyperparameters.noise

    def samples(self, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Joint draws at points, (about count, len(x)), as many of each set of hyperparameters."""
        root, _ = self._factor
        half = root @ covariance(self.x, x, self.hyperparameters, self.prior, self.centre)
        joint = covariance(x, x, self.hyperparameters, self.prior, self.centre)
        joint -= half.transpose(0, 2, 1) @ half
        values, vectors = np.linalg.eigh(joint)
        mean, _ = self.each(x)
        normal = rng.standard_normal((len(joint), len(x), max(1, count // len(joint))))
        draws = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ normal  # (k, m, m) @ (k, m, share)
        return (mean[:, :, None] + self.scale * draws).transpose(0, 2, 1).reshape(-1, len(x))

    def conditioned(self, x: np.ndarray) -> "LevelSurrogate":
        """With further points; each draw assumes that they turn out as it predicts: devices being made."""
        mean, _ = self.each(x)
        made = np.broadcast_to(self.y, (len(mean), len(self.x)))
        return replace(
            self,
            x=np.vstack([self.x, x]),
            y=np.hstack([made, mean]),
            own=np.concatenate([self.own, np.full(len(x), float(np.median(self.own)))]),
        )

    def relevance(self, varies: np.ndarray | None = None) -> np.ndarray:
        """Share of each dimension in the correlation of the shape that is lost across it, (c + d,).

        Across a range of lengthscale l the correlation falls to exp(-1 / (2 l^2)), between two codes to
        rho: shares are of 1 / l^2, and of -2 ln rho for a category. They are averaged over all weighted
        sets of hyperparameters, not over the few that predictions use.

        Args:
            varies: Dimensions that are compared, (c + d,), bool; the others have 0. All where not given.
        """
        sets, weight = self.weighted or (self.hyperparameters, np.full(len(self.hyperparameters), 1.0))
        lost = np.column_stack([-2.0 * np.log(sets.correlation), 1.0 / sets.lengthscale**2])
        lost *= True if varies is None else varies
        shares = lost / np.maximum(lost.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        return weight @ shares / weight.sum()

    def left_out(self, groups: Sequence[Sequence[int]], rng: np.random.Generator) -> LeftOut:
        """Each observation predicted without its group, for a surrogate that nothing was added to.

        Up to `MOST_REFITS` observations, hyperparameters, standardisation and q' are found again without
        the group; of more, one group changes them little, and they are held.

        Args:
            groups: Indices of observations; each is in one of them, and two observations stay outside.
            rng: Draws of the hyperparameters.
        """
        n = len(self.x)
        if n > MOST_REFITS or n - max(map(len, groups)) < 2:
            root, white = self._factor
            turned = root.transpose(0, 2, 1)
            weights = (turned @ white[:, :, None])[:, :, 0]
            residual = (self.y - self.offset) / self.scale
            mean, std = blocks_out(turned @ root, weights, residual, groups)
            return scored(self.y, self.offset + self.scale * mean, self.scale * std, "held")
        mean, std = np.empty((CHECK_DRAWS, n)), np.empty((CHECK_DRAWS, n))
        for group in groups:
            keep = np.setdiff1d(np.arange(n), group)
            again = fit_levels(
                self.x[keep], self.y[keep], np.sqrt(self.own[keep]),
                rng=rng, prior=self.prior, draws=CHECK_DRAWS, categories=self.categories,
            )  # fmt: skip
            mean[:, group], own = again.each(self.x[group])
            std[:, group] = np.sqrt(own**2 + again.between[:, None] + self.own[group])
        return scored(self.y, mean, std, "inferred again")


def mixed(mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of mixtures of equal weights, (k, m) to (m,)."""
    return mean.mean(axis=0), np.sqrt((std**2).mean(axis=0) + mean.var(axis=0))


def covariance(
    a: np.ndarray, b: np.ndarray, hyperparameters: Hyperparameters, prior: Prior, centre: float
) -> np.ndarray:
    """Prior covariance of the standardised reading at two sets of points, (k, len(a), len(b)).

    Args:
        a: Points, (len(a), c + d).
        b: Points, (len(b), c + d).
        hyperparameters: k sets.
        prior: Of what is integrated out.
        centre: q', the mean of q over the observations.
    """
    c = hyperparameters.correlation.shape[1]
    square = _squares(a, b, c).reshape(len(a) * len(b), -1)
    alike = (a[:, None, :c] == b[:, :c]).reshape(len(a) * len(b), c)
    value = _shapes(square, alike, hyperparameters)
    trend = (trends(a, prior, centre, c) @ trends(b, prior, centre, c).T).ravel()
    value += trend + prior.offset_variance * alike.sum(axis=1)
    return value.reshape(-1, len(a), len(b))


def _squares(a: np.ndarray, b: np.ndarray, categories: int) -> np.ndarray:
    """(dz)^2 of each pair of points and each variable, (len(a), len(b), d)."""
    return (a[:, None, categories:] - b[None, :, categories:]) ** 2


def _shapes(square: np.ndarray, alike: np.ndarray, hyperparameters: Hyperparameters) -> np.ndarray:
    """Covariance of the shape for each pair, (pairs, d) and (pairs, c) to (k, pairs)."""
    value = np.exp((-0.5 / hyperparameters.lengthscale**2) @ square.T)
    value *= hyperparameters.variance[:, None]
    for rho, same in zip(hyperparameters.correlation.T, alike.T, strict=True):
        value *= np.where(same, 1.0, rho[:, None])
    return value


def _unique_rows(x: np.ndarray, first: int, last: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Points that differ in columns first ... last, as indices, and which of them each point is alike in."""
    code = np.zeros(len(x), dtype=np.int64)
    for column in x[:, first:last].T:
        values, index = np.unique(column, return_inverse=True)
        code = code * len(values) + index
    _, found, which = np.unique(code, return_index=True, return_inverse=True)
    return found, which


@dataclass(frozen=True)
class Likelihood:
    """Marginal likelihood of standardised readings for many sets of hyperparameters at once."""

    x: np.ndarray
    """Points, (n, c + d)."""
    residual: np.ndarray
    """Standardised readings less the prior mean, (n,)."""
    own: np.ndarray
    """Noise variance of each, in standardised units, (n,)."""
    prior: Prior
    categories: int = 1
    """c: how many of a point's first numbers are codes of categories."""

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, ...]:
        """Rows and columns of the lower triangle, and per pair squares, likeness and what is fixed."""
        row, column = np.tril_indices(len(self.x))
        c = self.categories
        square = (self.x[row, c:] - self.x[column, c:]) ** 2
        alike = self.x[row, :c] == self.x[column, :c]
        trend = trends(self.x, self.prior, float(inside(self.x, c).mean()), c)
        fixed = (trend @ trend.T)[row, column] + self.prior.offset_variance * alike.sum(axis=1)
        fixed[row == column] += self.own + JITTER
        return row, column, square, alike, fixed

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Logarithm of the density, (k,), for standard normal numbers, (k, d + 3 + c)."""
        part = max(1, BLOCK // len(self.x) ** 2)
        parts = (points[k : k + part] for k in range(0, len(points), part))
        return np.concatenate(
            [self.of(Hyperparameters.of(one, self.prior, self.categories)) for one in parts]
        )

    def of(self, sets: Hyperparameters) -> np.ndarray:
        """The same for k sets of hyperparameters.

        The residual is one more row of the matrix, so that one factorisation also gives it whitened.
        """
        row, column, square, alike, fixed = self._pairs
        n = len(self.x)
        value = _shapes(square, alike, sets)
        value += fixed
        value[:, row == column] += sets.noise[:, None]
        matrix = np.zeros((len(sets), n + 1, n + 1))
        matrix[:, row, column] = value
        matrix[:, n, :n] = self.residual
        # any number above the whitened residual's square will do in the corner
        matrix[:, n, n] = 1.0 + self.residual @ self.residual / (sets.noise + JITTER)
        root = np.linalg.cholesky(matrix)
        white = root[:, n, :n]
        log_determinant = np.log(np.einsum("kii->ki", root)[:, :n]).sum(axis=1)
        return -0.5 * np.square(white).sum(axis=1) - log_determinant - 0.5 * n * np.log(2 * np.pi)


def fit_levels(
    x: np.ndarray,
    y: np.ndarray,
    std: np.ndarray,
    *,
    rng: np.random.Generator,
    prior: Prior = Prior(),
    draws: int = DRAWS,
    categories: int = 1,
) -> LevelSurrogate:
    """Draw hyperparameters from their posterior and condition on all observations.

    Args:
        x: Points, (n, c + d), n >= 2.
        y: Readings, (n,).
        std: Standard deviation of each, (n,).
        rng: Every draw.
        prior: Another than the default one.
        draws: Sets of hyperparameters kept.
        categories: c, how many of a point's first numbers are codes of categories.

    Raises:
        ValueError: Fewer than two observations, or one is not finite.
    """
    x, y, std = (np.asarray(values, dtype=float) for values in (x, y, std))
    check_observations(x, y, std)
    offset, scale = float(y.mean()), max(float(y.std()), NOISE_FLOOR_STD)
    own = np.maximum(std, NOISE_FLOOR_STD) ** 2
    centre = float(inside(x, categories).mean())
    residual = (y - offset) / scale - prior.slope[0] * (inside(x, categories) - centre)
    likelihood = Likelihood(x, residual, own / scale**2, prior, categories)
    weighted = weigh_prior(likelihood, x.shape[1] + 3, rng)
    kept = weighted.points[weighted.resampled(draws, rng)]
    return LevelSurrogate(
        x=x, y=y, own=own, hyperparameters=Hyperparameters.of(kept, prior, categories),
        offset=offset, scale=scale, centre=centre, prior=prior,
        weighted=(Hyperparameters.of(weighted.points, prior, categories), np.exp(weighted.log_weight)),
    )  # fmt: skip
