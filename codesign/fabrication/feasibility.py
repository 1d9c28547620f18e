"""The chance that a device made at a condition has a usability at all, learned from those that failed.

Whether devices work is a Gaussian process classified by a logistic function: a part of all variables
together, and one of each variable and of each category alone, so that failures that have one level in common
are understood after a few of them. Before any device fails every chance is 1, and nothing is changed by it.
Acquisitions are multiplied by the chance, and conditions below one half are left out.

Sources: Laplace's approximation, Rasmussen, Williams, Gaussian Processes for Machine Learning (2006),
Algorithms 3.1 and 3.2; its averaged logistic, MacKay, Neural Comput. 4, 720 (1992); expected improvement
times the chance of feasibility, Gardner et al., ICML 2014.
"""

import numpy as np
from scipy.special import expit

MEAN = 1.5
"""Of the latent function. Its logistic is four of five; averaged over the latent variance it is 0.64."""
TOGETHER, ALONE = 4.0, 2.0
"""Variances of the latent part of all variables together, and of each one alone."""
NEAR = 0.3
"""Lengthscale of both in ranges of a variable."""
OTHER_CODE = 0.5
"""Correlation of two codes of a category: of two compounds, for perovskites."""
LEAST = 0.5
"""Conditions of a smaller chance are not proposed while there are others."""
STEPS, SETTLED = 100, 1e-10
"""Most of Newton's steps, and the largest change after which the mode is found."""


def chance_of_usability(
    points: np.ndarray, worked: np.ndarray, failed: np.ndarray, *, categories: int = 1
) -> np.ndarray:
    """Chance at points, (n,), in 0 ... 1; exactly 1 everywhere where nothing failed.

    Args:
        points: As `codesign.fabrication.encoding.Levels` gives them, (n, c + d).
        worked: Points of devices with a usability, (m, c + d).
        failed: Points of devices that failed, (k, c + d).
        categories: c, how many of a point's first numbers are codes of categories.
    """
    if not len(failed):
        return np.ones(len(points))
    # a place is one latent value, however many devices were made there
    made, place = np.unique(np.vstack([worked, failed]), axis=0, return_inverse=True)
    good = np.bincount(place[: len(worked)], minlength=len(made))
    count = np.bincount(place, minlength=len(made))
    latent, inner, curvature = _mode(_covariance(made, made, categories), good, count)
    cross = _covariance(made, points, categories)
    mean = MEAN + cross.T @ (good - count * expit(latent))
    explained = np.linalg.solve(inner, np.sqrt(curvature)[:, None] * cross)
    variance = TOGETHER + ALONE * points.shape[1] - np.square(explained).sum(axis=0)
    return expit(mean / np.sqrt(1.0 + np.pi / 8.0 * np.maximum(variance, 0.0)))


def _covariance(a: np.ndarray, b: np.ndarray, categories: int = 1) -> np.ndarray:
    """Of the latent function, (len(a), len(b))."""
    square = (a[:, None, categories:] - b[None, :, categories:]) ** 2 / NEAR**2
    alike = np.where(a[:, None, :categories] == b[:, :categories], 1.0, OTHER_CODE)
    alone = alike.sum(axis=2) + np.exp(-0.5 * square).sum(axis=2)
    return TOGETHER * alike.prod(axis=2) * np.exp(-0.5 * square.sum(axis=2)) + ALONE * alone


def _mode(
    covariance: np.ndarray, good: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latent values of largest posterior density, the Cholesky factor of I + sqrt(W) K sqrt(W), and W.

    Newton's method on a concave function, damped where a whole step would not rise.
    """

    def height(slope: np.ndarray) -> float:
        latent = MEAN + covariance @ slope
        likelihood = good @ latent - count @ np.logaddexp(0.0, latent)
        return float(likelihood - 0.5 * slope @ covariance @ slope)

    slope = np.zeros(len(good))
    for _ in range(STEPS):
        latent = MEAN + covariance @ slope
        curvature = count * expit(latent) * expit(-latent)
        root = np.sqrt(curvature)
        inner = np.linalg.cholesky(np.eye(len(good)) + root[:, None] * covariance * root)
        wanted = curvature * (latent - MEAN) + good - count * expit(latent)
        half = np.linalg.solve(inner, root * (covariance @ wanted))
        step = wanted - root * np.linalg.solve(inner.T, half) - slope
        before = height(slope)
        while height(slope + step) < before - SETTLED and np.abs(step).max() > SETTLED:
            step = 0.5 * step
        slope = slope + step
        if np.abs(step).max() < SETTLED:
            break
    return MEAN + covariance @ slope, inner, curvature
