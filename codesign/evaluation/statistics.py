"""Means over trainings and programmings, paired differences, rank correlations, with bootstrap intervals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata, t

from codesign.seeds import generator

GROUP = (
    *("experiment", "method", "network", "stands_for", "profile", "level", "usability"),
    *("noise", "calibration", "metric"),
)
"""Columns of `codesign.schemas.evaluation.EVALUATION` that rows to be averaged share."""


CARRIED = ("aim", "fidelity")
"""Columns that the profile and the method decide: no group is told apart by them."""
Scores = Mapping[tuple[int, int], float]
"""(repeat, programming) to a score."""


def summarise(
    rows: Iterable[Mapping], *, baseline: str, resamples: int, confidence: float, seed: int
) -> list[dict]:
    """Mean and spread over trainings and programmings, and the paired difference to a baseline method.

    A difference is taken training by training and programming by programming, on the same experiment,
    network, profile, noise, calibration and metric. Intervals are `hierarchical_interval`'s.

    Args:
        rows: Rows of `codesign.schemas.evaluation.EVALUATION`.
        baseline: Method that differences refer to.
        resamples: Bootstrap resamples.
        confidence: Of the intervals.
        seed: Root seed; a group's resamples depend on it and on the group alone.

    Returns:
        Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY`, groups in the order of first
        appearance. Difference and interval are None where the baseline has no programming
        in common, and the interval where it is one only.

    Raises:
        ValueError: A programming occurs twice in a group.
    """
    groups, carried = _grouped(rows)
    method = GROUP.index("method")
    return [
        dict(zip(GROUP, key, strict=True))
        | carried[key]
        | _moments(
            values,
            resamples=resamples,
            confidence=confidence,
            rng=generator(seed, "mean", *_named(key)),
        )
        | _paired(
            values,
            groups.get((*key[:method], baseline, *key[method + 1 :]), {}),
            resamples=resamples,
            confidence=confidence,
            rng=generator(seed, "paired", *_named(key)),
        )
        for key, values in groups.items()
    ]


def compare(
    rows: Iterable[Mapping],
    pairs: Iterable[tuple[str, str]],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> list[dict]:
    """Paired differences between methods, as `summarise` takes those to its baseline.

    Args:
        rows: Rows of `codesign.schemas.evaluation.EVALUATION`.
        pairs: (method, the one it is compared with); a pair without common rows gives none.
        resamples: Bootstrap resamples.
        confidence: Of the intervals.
        seed: Root seed.

    Returns:
        Rows of `codesign.schemas.evaluation_summary.COMPARISON`.
    """
    groups, carried = _grouped(rows)
    method, found = GROUP.index("method"), []
    for name, other in pairs:
        for key, values in groups.items():
            reference = groups.get((*key[:method], other, *key[method + 1 :]))
            if key[method] != name or reference is None:
                continue
            paired = _paired(
                values,
                reference,
                resamples=resamples,
                confidence=confidence,
                rng=generator(seed, "compared", other, *_named(key)),
            )
            said = dict(zip(GROUP, key, strict=True)) | carried[key] | {"compared_with": other}
            found.append(said | {"trainings": _trainings(values)} | paired)
    return found


def _grouped(rows: Iterable[Mapping]) -> tuple[dict[tuple, dict[tuple[int, int], float]], dict[tuple, dict]]:
    """Scores of each group by repeat and programming, and what else its rows say."""
    groups: dict[tuple, dict[tuple[int, int], float]] = defaultdict(dict)
    carried = {}
    for row in rows:
        key = tuple(row[name] for name in GROUP)
        values, place = groups[key], (row["repeat"], row["programming"])
        carried[key] = {name: row[name] for name in CARRIED}
        if place in values:
            said = dict(zip(GROUP, key, strict=True))
            raise ValueError(
                f"programming {row['programming']} of training {row['repeat']} occurs twice for {said}"
            )
        values[place] = row["value"]
    return groups, carried


def _named(key: tuple) -> list[str]:
    """What a group's resamples are named after; groups without calibration as before there was any."""
    return [
        str(part) for name, part in zip(GROUP, key, strict=True) if (name, part) != ("calibration", "none")
    ]


def _trainings(values: Iterable[tuple[int, int]]) -> int:
    return len({repeat for repeat, _ in values})


def _moments(values: Scores, *, resamples: int, confidence: float, rng: np.random.Generator) -> dict:
    x = np.array(list(values.values()), dtype=float)
    trainings = _by_training(values)
    found = {
        "trainings": len(trainings),
        "n": len({number for _, number in values}),
        "mean": float(x.mean()),
        "std": float(x.std(ddof=1)) if x.size > 1 else None,
        "training_share": training_share(trainings),
        "low": None,
        "high": None,
    }
    if x.size > 1:
        found["low"], found["high"] = hierarchical_interval(
            trainings, resamples=resamples, confidence=confidence, rng=rng
        )
    return found


def _paired(
    values: Scores, reference: Scores, *, resamples: int, confidence: float, rng: np.random.Generator
) -> dict:
    shared = sorted(set(values) & set(reference))
    found = {"n_paired": len(shared), "difference": None, "difference_low": None, "difference_high": None}
    if not shared:
        return found
    difference = {place: values[place] - reference[place] for place in shared}
    found["difference"] = float(np.mean(list(difference.values())))
    if len(shared) > 1:
        low, high = hierarchical_interval(
            _by_training(difference), resamples=resamples, confidence=confidence, rng=rng
        )
        found |= {"difference_low": low, "difference_high": high}
    return found


def _by_training(values: Scores) -> list[np.ndarray]:
    """Scores of each training, by programming."""
    found: dict[int, list[float]] = {}
    for (repeat, _), value in sorted(values.items()):
        found.setdefault(repeat, []).append(value)
    return [np.array(each, dtype=float) for each in found.values()]


class Components(NamedTuple):
    """Where the variance of one score comes from: its training, and its programming."""

    training: float
    """Variance of a training's mean over all programmings there could be, over trainings; 0 at least."""
    programming: float
    """Variance of a score over programmings of one training."""


def components(trainings: Sequence[np.ndarray]) -> Components:
    """Unbiased variances between and within trainings, the first cut off at 0.

    Args:
        trainings: Scores of each training over its programmings, two or more trainings.

    Source:
        One-way random effects, e.g. Searle, Casella and McCulloch (1992), Variance Components, Sect. 3.6.
    """
    count = np.array([x.size for x in trainings])
    total, k = count.sum(), len(trainings)
    within = sum(float(((x - x.mean()) ** 2).sum()) for x in trainings)
    programming = within / (total - k) if total > k else 0.0
    means = np.array([x.mean() for x in trainings])
    grand = float((count * means).sum() / total)
    between = float((count * (means - grand) ** 2).sum()) / (k - 1)
    size = (total - (count**2).sum() / total) / (k - 1)
    return Components(max(0.0, (between - programming) / size), programming)


def training_share(trainings: Sequence[np.ndarray]) -> float | None:
    """Share of the variance of a score that lies between trainings; None for one training, or no variance."""
    if len(trainings) < 2:
        return None
    training, programming = components(trainings)
    return training / (training + programming) if training + programming > 0 else None


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


def hierarchical_interval(
    trainings: Sequence[np.ndarray], *, resamples: int, confidence: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Interval of a mean from a hierarchical bootstrap: trainings first, then their programmings.

    Percentiles of `hierarchical_means`, their distance from the mean stretched by Student's t over the normal
    quantile. The variance of the mean rests on k trainings, k - 1 degrees of freedom: without this an
    interval of 95 % from three of them holds 80 to 90 %. Where trainings do not differ beyond what
    their programmings explain, it rests on all programmings. One training
    alone says nothing of another: its interval is about its programmings, the plain percentile bootstrap.

    Args:
        trainings: Scores of each training over its programmings.
        resamples: Number of resamples.
        confidence: In (0, 1).
        rng: Draws them.

    Source:
        Davison and Hinkley (1997), Bootstrap Methods and their Application, Sect. 3.8; of the degrees of
        freedom Searle, Casella and McCulloch (1992), Variance Components, Sect. 3.6.
    """
    if len(trainings) == 1:
        return mean_interval(trainings[0], resamples=resamples, confidence=confidence, rng=rng)
    mean = np.mean([x.mean() for x in trainings])
    drawn = hierarchical_means(trainings, resamples=resamples, rng=rng)
    low, high = _percentiles(drawn, confidence)
    k, programmings = len(trainings), sum(x.size for x in trainings)
    freedom = k - 1 if components(trainings).training > 0 else max(k - 1, programmings - k)
    tail = (1 + confidence) / 2
    stretch = float(t.ppf(tail, freedom) / norm.ppf(tail))
    return float(mean + stretch * (low - mean)), float(mean + stretch * (high - mean))


def hierarchical_means(
    trainings: Sequence[np.ndarray], *, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Means of a hierarchical bootstrap over trainings and their programmings, shape (resamples,).

    Drawn from so few trainings as there are, their spread would come out too small (with three, two thirds
    of the variance), and the spread of programmings would count twice. So what is drawn is a training's
    deviation, stretched to the unbiased variance between trainings, and deviations of programmings from their
    training, stretched likewise. The variance of the resampled mean is then that of the mean.

    Args:
        trainings: Scores of each training over its programmings, two or more trainings.
        resamples: Number of resamples.
        rng: Draws them.
    """
    k = len(trainings)
    means = np.array([x.mean() for x in trainings])
    effects = means - means.mean()
    spread = float((effects**2).mean())
    if spread > 0:
        effects *= np.sqrt(components(trainings).training / spread)
    drawn = np.zeros(resamples)
    rest = [x - x.mean() for x in trainings]
    rest = [x * np.sqrt(x.size / (x.size - 1)) if x.size > 1 else x for x in rest]
    for picked in rng.integers(k, size=(k, resamples)):
        drawn += effects[picked]
        for number, x in enumerate(rest):
            mine = np.flatnonzero(picked == number)
            drawn[mine] += x[rng.integers(x.size, size=(mine.size, x.size))].mean(axis=1)
    return means.mean() + drawn / k


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
