"""Means with their count, paired differences and rank correlations with bootstrap intervals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from codesign.seeds import generator

GROUP = (
    *("experiment", "method", "network", "stands_for", "profile", "level", "usability"),
    *("noise", "calibration", "metric"),
)
"""Columns of `codesign.schemas.evaluation.EVALUATION` that rows to be averaged share."""


def summarise(
    rows: Iterable[Mapping], *, baseline: str, resamples: int, confidence: float, seed: int
) -> list[dict]:
    """Mean and spread over programmings, and the paired difference to a baseline method.

    A difference is taken programming by programming, on the same experiment, network, profile, noise,
    calibration and metric; its interval is a percentile bootstrap over those both have.

    Args:
        rows: Rows of `codesign.schemas.evaluation.EVALUATION`.
        baseline: Method that differences refer to.
        resamples: Bootstrap resamples.
        confidence: Of the interval.
        seed: Root seed; a group's resamples depend on it and on the group alone.

    Returns:
        Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY`, groups in the order of first
        appearance. Difference and interval are None where the baseline has no programming
        in common, and the interval where it is one only.

    Raises:
        ValueError: A programming occurs twice in a group.
    """
    groups: dict[tuple, dict[int, float]] = defaultdict(dict)
    fidelity: dict[tuple, float | None] = {}  # the profile says it: no group is told apart by it
    for row in rows:
        key = tuple(row[name] for name in GROUP)
        values, fidelity[key] = groups[key], row["fidelity"]
        if row["programming"] in values:
            said = dict(zip(GROUP, key, strict=True))
            raise ValueError(f"programming {row['programming']} occurs twice for {said}")
        values[row["programming"]] = row["value"]
    method = GROUP.index("method")
    return [
        dict(zip(GROUP, key, strict=True))
        | {"fidelity": fidelity[key]}
        | _moments(values)
        | _paired(
            values,
            groups.get((*key[:method], baseline, *key[method + 1 :]), {}),
            resamples=resamples,
            confidence=confidence,
            rng=generator(seed, "paired", *_named(key)),
        )
        for key, values in groups.items()
    ]


def _named(key: tuple) -> list[str]:
    """What a group's resamples are named after; groups without calibration as before there was any."""
    return [
        str(part) for name, part in zip(GROUP, key, strict=True) if (name, part) != ("calibration", "none")
    ]


def _moments(values: Mapping[int, float]) -> dict:
    x = np.array(list(values.values()), dtype=float)
    return {
        "n": int(x.size),
        "mean": float(x.mean()),
        "std": float(x.std(ddof=1)) if x.size > 1 else None,
    }


def _paired(values: Mapping, reference: Mapping, *, resamples: int, confidence: float, rng) -> dict:
    shared = sorted(set(values) & set(reference))
    found = {"n_paired": len(shared), "difference": None, "difference_low": None, "difference_high": None}
    if not shared:
        return found
    difference = np.array([values[s] - reference[s] for s in shared], dtype=float)
    found["difference"] = float(difference.mean())
    if len(shared) > 1:
        low, high = mean_interval(difference, resamples=resamples, confidence=confidence, rng=rng)
        found |= {"difference_low": low, "difference_high": high}
    return found


def mean_interval(
    values: np.ndarray, *, resamples: int, confidence: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean.

    Args:
        values: Shape (n,).
        resamples: Number of resamples.
        confidence: In (0, 1).
        rng: Draws them.
    """
    picks = rng.integers(len(values), size=(resamples, len(values)))
    return _percentiles(np.asarray(values, dtype=float)[picks].mean(axis=1), confidence)


class RankCorrelation(NamedTuple):
    """Spearman's rho with a bootstrap interval."""

    rho: float
    low: float
    high: float
    n: int
    """Pairs."""


def rank_correlation(
    usability, accuracy, *, resamples: int, confidence: float, rng: np.random.Generator
) -> RankCorrelation:
    """Spearman rank correlation over devices, ties sharing their mean rank.

    The interval is a percentile bootstrap over devices. A resample in which
    either side is constant has no correlation and is left out.

    Args:
        usability: Shape (n,), n >= 3.
        accuracy: Shape (n,).
        resamples: Number of resamples.
        confidence: In (0, 1).
        rng: Draws them.

    Raises:
        ValueError: Shapes differ, fewer than 3 devices, a value that is not finite, or a constant side.
    """
    x, y = np.asarray(usability, dtype=float), np.asarray(accuracy, dtype=float)
    if x.shape != y.shape or x.ndim != 1 or x.size < 3:
        raise ValueError(f"need two equal rows of at least 3 devices, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a usability or an accuracy is not finite")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("all usabilities or all accuracies are equal: there is no order to compare")
    picks = rng.integers(x.size, size=(resamples, x.size))
    rho = _spearman(x[picks], y[picks])
    low, high = _percentiles(rho[np.isfinite(rho)], confidence)
    return RankCorrelation(float(_spearman(x[None], y[None])[0]), low, high, int(x.size))


def _spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rank correlation of each row of x and y, shape (n_rows, n); NaN where a row is constant."""
    a, b = rankdata(x, axis=1), rankdata(y, axis=1)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norm, out=np.full(len(norm), np.nan), where=norm > 0)


def _percentiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
