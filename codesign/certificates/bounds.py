"""What can be promised of a network under disturbed weights, and with what confidence.

Four certificates. The first three bound the smoothed network f(theta) = E f(theta * eta) with
values in 0 ... 1, decision threshold 1/2 and f(theta) = q at the clean weights; q is never
known but estimated, so they take its lower confidence bound, `lower_bound` or `mean_lower_bound`.

* `published_changes`: Theorem 1 of the paper; vacuous for real networks, shown for that.
* `discrete_lower_bound`, `certified_changes`: exact for the multinomial noise (Neyman-Pearson).
* `smoothing_radius`: Gaussian smoothing of the logarithms of the weights.
* `lower_bound`, `mean_lower_bound`: what a device profile itself does to the decisions.

Dividing eta by its mean rescales theta once and for all and changes none of them. Where layers
have different noise, the smallest p_zero of the layers that may change holds for all of them.
"""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import betaincinv, gammaln, ndtri

BETS = (np.arange(32) + 0.5) / 32
"""Bets averaged over by `mean_lower_bound`, as fractions of the largest possible one."""


MOST_CLASSES = 5_000_000
"""Joint outcomes that `discrete_lower_bound` sorts; a few hundred changes of one kind are far fewer."""


class CertificateError(ValueError):
    """An argument for which nothing can be certified; the message names it."""


def lower_bound(successes: ArrayLike, draws: int, *, confidence: float) -> np.ndarray:
    """One-sided Clopper-Pearson lower bound on a probability.

    Args:
        successes: Number of correct decisions out of `draws`, any shape; one value an input
            gives one certificate an input, each on its own at `confidence`.
        draws: Independent programmings, or noise draws, >= 1.
        confidence: 1 - alpha, inside 0 ... 1.

    Returns:
        The largest p with P(Binomial(draws, p) >= successes) <= alpha; 0 where nothing succeeded.

    Raises:
        CertificateError: Counts that are no whole numbers in 0 ... draws.
    """
    k = np.asarray(successes, dtype=float)
    _check_confidence(confidence)
    if draws < 1 or np.any((k < 0) | (k > draws) | (k != np.floor(k))):
        raise CertificateError(f"successes must be whole numbers in 0 ... {draws}, got {successes}")
    bound = betaincinv(np.maximum(k, 1), draws - k + 1, 1 - confidence)
    return np.where(k == 0, 0.0, bound)


def mean_lower_bound(values: ArrayLike, *, confidence: float) -> float:
    """Lower bound on the mean of a quantity in 0 ... 1, e.g. the accuracy of one programming.

    All inputs share a programming, so their pooled correct decisions are not binomial and
    Clopper-Pearson does not hold for them; the accuracies of independent programmings are
    independent, and this bound asks nothing else. It gains from a small spread.

    Args:
        values: One value a programming, shape (draws,), each in 0 ... 1.
        confidence: 1 - alpha.

    Returns:
        The m at which the average over bets c of prod (1 + c (value / m - 1)) is 1 / alpha: at the
        true mean that capital has mean 1 or less, so exceeds 1 / alpha with probability <= alpha.

    Source:
        Waudby-Smith, Ramdas, J. R. Stat. Soc. B 86, 1 (2024); Markov's inequality.
    """
    a = np.asarray(values, dtype=float)
    _check_confidence(confidence)
    if a.ndim != 1 or not a.size or not np.all((a >= 0) & (a <= 1)):
        raise CertificateError(f"values must be one-dimensional, at least one, in 0 ... 1; got {a}")
    wanted = -math.log1p(-confidence)

    def excess(m: float) -> float:
        gains = np.log1p(BETS[:, None] * (a[None, :] / m - 1)).sum(axis=1)  # (bets,)
        return float(np.logaddexp.reduce(gains) - math.log(len(BETS)) - wanted)

    mean = float(a.mean())
    # the capital at the mean is at most 1 (Jensen), and grows as m falls
    least = 1e-12
    if mean <= least or excess(least) <= 0:
        return 0.0
    # the side that is certified: a hundred-billionth below the root
    return max(float(brentq(excess, least, mean, xtol=1e-12)) - 1e-11, 0.0)


def published_changes(q: ArrayLike, *, p_zero: float, p_half: float, parameters: int) -> np.ndarray:
    """Theorem 1 of the paper: how many weights may be multiplied by something else than 1 or 1/2.

    Args:
        q: Lower confidence bound of the smoothed output, in 0 ... 1.
        p_zero: > 0.
        p_half: >= 0, p_zero + p_half < 1.
        parameters: Number of weights with noise, |Theta|.

    Returns:
        The right-hand side of the bound on r; below 0 it promises nothing, not even for the
        clean network (it is vacuous), which is the rule as soon as p_half > 0.
    """
    q = _check_q(q)
    _check_noise(p_zero, p_half)
    if p_zero == 0:
        raise CertificateError("Theorem 1 needs p_zero > 0")
    if parameters < 1:
        raise CertificateError(f"parameters must be at least 1, got {parameters}")
    stay = math.log1p(-p_half)
    return (parameters * stay - np.log(1.5 - q)) / (stay - math.log(p_zero))


def discrete_lower_bound(
    q: ArrayLike, changes: Sequence[float], *, p_zero: float, p_half: float
) -> np.ndarray:
    """Least smoothed output that any f in 0 ... 1 with output q can have after these changes; exact.

    By Neyman and Pearson the worst f gives its mass to the outcomes that the change makes
    rarest. Weight by weight the supports of eta and delta eta meet at 0 always, at 1/2 for
    delta = 1/2 (where 1 lands) and at 1 for delta = 2 (where 1/2 lands).

    Args:
        q: Lower confidence bound of the smoothed output, in 0 ... 1, any shape.
        changes: The factor delta of every changed weight, finite; 1 changes nothing.
        p_zero: >= 0.
        p_half: >= 0, p_zero + p_half < 1.

    Returns:
        The bound, in the shape of q. The decision stands where it exceeds 1/2.
    """
    q = _check_q(q)
    _check_noise(p_zero, p_half)
    delta = np.asarray(changes, dtype=float)
    if delta.ndim != 1 or not np.all(np.isfinite(delta)):
        raise CertificateError(f"changes must be a list of finite factors, got {changes}")
    before, after = _outcomes(delta[delta != 1], p_zero, p_half)
    order = np.argsort(after / before, kind="stable")
    before, after = before[order], after[order]
    filled = np.concatenate([[0.0], np.cumsum(before)])
    reached = np.concatenate([[0.0], np.cumsum(after)])
    # piecewise linear: what is filled by the rarest outcomes first
    return np.interp(q, filled / filled[-1], reached)


def _outcomes(delta: np.ndarray, p_zero: float, p_half: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities before and after, of every joint outcome class possible before."""
    p_one = 1.0 - p_zero - p_half
    kinds = {
        0.5: [(p_zero, p_zero), (p_half, p_one), (p_one, 0.0)],
        2.0: [(p_zero, p_zero), (p_one, p_half), (p_half, 0.0)],
        0.0: [(p_zero, 1.0), (1.0 - p_zero, 0.0)],
    }
    generic = [(p_zero, p_zero), (1.0 - p_zero, 0.0)]
    groups = [(kinds[d], int(np.sum(delta == d))) for d in kinds]
    groups.append((generic, int(np.sum(~np.isin(delta, list(kinds))))))
    classes = math.prod(math.comb(count + len(atoms) - 1, count) for atoms, count in groups)
    if classes > MOST_CLASSES:
        raise CertificateError(
            f"{len(delta)} changes of several kinds have {classes} outcome classes, over {MOST_CLASSES}; "
            "`certified_changes` bounds any number of them"
        )
    before, after = np.ones(1), np.ones(1)
    for atoms, count in groups:
        if count:
            b, a = _repeated([atom for atom in atoms if atom[0] > 0], count)
            before, after = np.outer(before, b).ravel(), np.outer(after, a).ravel()
    possible = before > 0
    return before[possible], after[possible]


def _repeated(atoms: Sequence[tuple[float, float]], count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` independent weights with the same atoms: one class a combination of counts."""
    free = product(range(count + 1), repeat=len(atoms) - 1)
    numbers = np.array([(*c, count - sum(c)) for c in free if sum(c) <= count], dtype=float)
    ways = gammaln(count + 1) - gammaln(numbers + 1).sum(axis=1)

    def mass(probability: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(numbers > 0, numbers * np.log(probability), 0.0).sum(axis=1)
        return np.exp(ways + logs)

    table = np.array(atoms)
    return mass(table[:, 0]), mass(table[:, 1])


def certified_changes(q: ArrayLike, *, p_zero: float) -> np.ndarray:
    """Largest number of weights that may change arbitrarily without flipping the decision; exact.

    For k generic changes the bound is q - (1 - p_zero^k), and no change is worse: the decision
    stands while p_zero^k > 1.5 - q.

    Args:
        q: Lower confidence bound of the smoothed output, in 0 ... 1.
        p_zero: In 0 ... 1, 1 excluded.

    Returns:
        k >= 0 as an integer; -1 where q <= 1/2 and there is no decision to certify.
    """
    q = _check_q(q)
    _check_noise(p_zero, 0.0)
    undecided = q <= 0.5
    if p_zero == 0:
        return np.where(undecided, -1, 0)
    room = np.log(np.where(undecided, 1.0, 1.5 - q)) / math.log(p_zero)
    # strictly below: a whole number itself does not count; guard against rounding up to one
    k = np.ceil(room - 1e-9).astype(int) - 1
    return np.where(undecided, -1, np.maximum(k, 0))


def smoothing_radius(q: ArrayLike, *, width: float) -> np.ndarray:
    """Largest ||ln delta||_2 that cannot flip a network smoothed with exp(width z), z ~ N(0, 1).

    Args:
        q: Lower confidence bound of the smoothed output, below 1 for a finite radius.
        width: Standard deviation of the log-normal noise, > 0.

    Returns:
        width * Phi^-1(q); 0 where q <= 1/2 and nothing is certified. Every delta is > 0: signs
        and zeros are out of reach of this certificate.

    Source:
        Cohen, Rosenfeld, Kolter, ICML 2019, in the logarithms of the weights.
    """
    q = _check_q(q)
    if not (np.isfinite(width) and width > 0):
        raise CertificateError(f"width must be finite and above 0, got {width}")
    return np.where(q > 0.5, width * ndtri(np.maximum(q, 0.5)), 0.0)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise CertificateError(f"confidence must lie inside 0 ... 1, got {confidence}")


def _check_q(q: ArrayLike) -> np.ndarray:
    values = np.asarray(q, dtype=float)
    if not np.all((values >= 0) & (values <= 1)):
        raise CertificateError(f"q must lie in 0 ... 1, got {q}")
    return values


def _check_noise(p_zero: float, p_half: float) -> None:
    if not (p_zero >= 0 and p_half >= 0 and p_zero + p_half < 1):
        raise CertificateError(f"need p_zero, p_half >= 0 and a sum below 1, got {p_zero}, {p_half}")
