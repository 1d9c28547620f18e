"""Which conditions to make next: before there is a model, and with one."""

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from codesign.bayesopt.acquisition import (
    log_expected_improvement,
    log_level_improvement,
    log_probability_between,
    log_probability_of_approach,
    log_probability_of_improvement,
)
from codesign.fabrication.feasibility import LEAST
from codesign.fabrication.model import Surrogate
from codesign.fabrication.search import Search

INNER = 0.36
"""Space-filling devices keep their numeric variables within this distance of the middle of the unit cube."""
MIDDLE = 0.3
"""A device within this encoded distance of the middle counts as the middle."""
AT_ONCE = 64
"""Points of the highest bounds that are scored first where bounds are known."""
SLACK = 1e-6
"""Of a bound: what rounding may add to a score."""


def log_acquisition(surrogate: Surrogate, points: np.ndarray, search: Search) -> np.ndarray:
    """Logarithm of the expected improvement at points, averaged over hyperparameters.

    Improvement is over the best *predicted* value at the conditions made or being
    made. The best measured value would favour a lucky measurement.

    Args:
        surrogate: Conditioned on everything made and being made.
        points: Candidates as the surrogate sees them, (n, dimensions).
        search: The goal.
    """
    mean, std = surrogate.each(points)
    best = incumbents(surrogate, search)
    if search.goal == "maximise":
        return averaged(log_expected_improvement(mean, std, best[:, None]))
    every = zip(mean, std, best, strict=True)
    return averaged([log_level_improvement(m, s, search.target, float(b)) for m, s, b in every])


def incumbents(surrogate: Surrogate, search: Search) -> np.ndarray:
    """Of each draw, the best predicted value at conditions made, or its distance to the target, (k,)."""
    mean, _ = surrogate.each(surrogate.x)
    if search.goal == "maximise":
        return mean.max(axis=1)
    return np.abs(mean - search.target).min(axis=1)


def chance_to_improve(
    surrogate: Surrogate, points: np.ndarray, search: Search, *, measured: float | None = None
) -> np.ndarray:
    """Probability to be better, averaged over hyperparameters, (n,).

    No device has a reading above 1. The chance of one device is therefore that of a normal that ends there.

    Args:
        surrogate: Conditioned on everything made.
        points: As the surrogate sees them, (n, dimensions).
        search: The goal: higher, or nearer to the target.
        measured: Best value measured, or its distance to the target: the chance that one device made there
            passes it, with the spread between devices made alike. Without it: that what is expected of
            devices made there passes what is predicted at conditions made.
    """
    mean, std = surrogate.each(points)
    if measured is not None:
        std = np.sqrt(std**2 + surrogate.between[:, None])
        low, high = (
            (measured, 1.0)
            if search.goal == "maximise"
            else (search.target - measured, search.target + measured)
        )
        possible = log_probability_between(mean, std, -np.inf, 1.0)
        return np.exp(averaged(log_probability_between(mean, std, low, min(high, 1.0)) - possible))
    best = incumbents(surrogate, search)
    if search.goal == "maximise":
        return np.exp(averaged(log_probability_of_improvement(mean, std, best[:, None])))
    every = zip(mean, std, best, strict=True)
    return np.exp(averaged([log_probability_of_approach(m, s, search.target, float(b)) for m, s, b in every]))


def averaged(logs: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Logarithm of the mean over draws, (k, n) to (n,)."""
    return logsumexp(logs, axis=0) - np.log(len(logs))


def choose_batch(
    surrogate: Surrogate,
    points: np.ndarray,
    forbidden: np.ndarray,
    search: Search,
    count: int,
    *,
    chance: np.ndarray | None = None,
) -> list[tuple[int, float]]:
    """Indices and log acquisitions of the next devices, one after the other.

    Each choice, like each pending device, joins the surrogate at its predicted
    value before the next is made. Ties go to the first point of the grid.

    Args:
        surrogate: Conditioned on everything made and being made.
        points: The grid as the surrogate sees it, (n, dimensions).
        forbidden: Grid points not to be chosen, (n,).
        search: The goal.
        count: How many.
        chance: That a device has a usability, (n,): improvements are multiplied by it. 1 where not given.
    """
    chance = np.ones(len(points)) if chance is None else chance
    log_chance = np.log(chance)
    open_points = ~forbidden
    chosen: list[tuple[int, float]] = []
    bound = np.full(len(points), np.inf)
    count = min(count, int(open_points.sum()))
    while len(chosen) < count:
        if search.goal != "maximise":  # a level may become likelier where the reading is known better
            bound = np.full(len(points), np.inf)
        candidates = np.flatnonzero(believed(open_points, chance))
        index, score = _best_of(candidates, bound, surrogate, points, search, log_chance)
        chosen.append((index, score))
        open_points[index] = False
        if len(chosen) < count:
            surrogate = surrogate.conditioned(points[index : index + 1])
    return chosen


def _best_of(
    candidates: np.ndarray,
    bound: np.ndarray,
    surrogate: Surrogate,
    points: np.ndarray,
    search: Search,
    log_chance: np.ndarray,
) -> tuple[int, float]:
    """The candidate of the highest score, and the score; those that cannot have it are not computed.

    A device in the making leaves every mean as it is, makes no deviation larger and no incumbent lower: the
    expected improvement it leaves to a point is at most what it was (Minoux, Optimization Techniques, 1978).

    Args:
        candidates: Indices of points, rising.
        bound: What no point's score exceeds, (n,); where it is computed, the score takes its place.
        surrogate: Conditioned on everything made and being made.
        points: The grid, (n, dimensions).
        search: The goal.
        log_chance: Added to the acquisition, (n,).
    """
    order = candidates[np.argsort(-bound[candidates], kind="stable")]
    first, size = 0, AT_ONCE if np.isfinite(bound[order[0]]) else len(order)
    while first < len(order) and bound[order[first]] + SLACK >= bound[order[:first]].max(initial=-np.inf):
        some = order[first : first + size]
        bound[some] = log_acquisition(surrogate, points[some], search) + log_chance[some]
        first, size = first + size, 2 * size
    computed = np.sort(order[:first])
    # rounding makes the choice independent of the last bits of the linear algebra
    index = int(computed[np.argmax(np.round(bound[computed], 9))])
    return index, float(bound[index])


def believed(open_points: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Open points where a device is more likely to work than not, or all open ones where there is none."""
    likely = open_points & (chance >= LEAST)
    return likely if likely.any() else open_points


def spread_choice(
    points: np.ndarray,
    made: np.ndarray,
    forbidden: np.ndarray,
    count: int,
    *,
    numeric: np.ndarray,
    chance: np.ndarray | None = None,
) -> list[int]:
    """Grid points for the time before a model: the middle of the ranges first, then far from all made.

    Edges are left out (`INNER`): points that are only far from each other would all lie in
    the corners of the cube, which say little about its inside. The middle has the first level of each
    category (the first perovskite), as the first of several points equally near to it.

    Args:
        points: Encoded grid, (n, dimensions).
        made: Encoded conditions made or being made, (m, dimensions).
        forbidden: Grid points not to be chosen, (n,).
        count: How many.
        numeric: Dimensions of numeric variables, (dimensions,), bool.
        chance: That a device has a usability, (n,). Points below `LEAST` are left out; where all inner ones
            are, those of the largest chance are taken, not the corners, where chances fall back to what is
            believed of places that nothing is known of.
    """
    chance = np.ones(len(points)) if chance is None else chance
    off_centre = np.abs(points[:, numeric] - 0.5)
    inside = off_centre.max(axis=1, initial=0.0) <= INNER
    open_points = ~forbidden
    nearest = np.full(len(points), np.inf)
    for one in made:
        nearest = np.minimum(nearest, ((points - one) ** 2).sum(axis=1))
    from_middle = (off_centre**2).sum(axis=1)
    middle = int(np.argmin(np.round(from_middle, 9)))
    chosen: list[int] = []
    for _ in range(min(count, int(open_points.sum()))):
        inner = open_points & inside if (open_points & inside).any() else open_points
        allowed = inner & (chance >= LEAST)
        if not allowed.any():
            rounded = np.where(inner, np.round(chance, 9), -1.0)
            allowed = rounded == rounded.max()
        likely = open_points[middle] and chance[middle] >= LEAST
        if (likely or allowed[middle]) and nearest[middle] >= MIDDLE**2:
            index = middle
        else:
            index = int(np.argmax(np.where(allowed, np.round(nearest, 9), -1.0)))
        chosen.append(index)
        open_points[index] = False
        nearest = np.minimum(nearest, ((points - points[index]) ** 2).sum(axis=1))
    return chosen
