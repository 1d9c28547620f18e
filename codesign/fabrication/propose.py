"""The next devices to make, and why: a usability table in, proposals and a card out.

The card (`Proposals.card`, one JSON object) holds what the one-page figure draws:

    origin, reading, goal, target, seed, table_sha256, surrogate   what it was made from
    counts        used, no_usability, refused, off_grid, not_encodable (a condition unknown, or a perovskite
                  that the encoding does not know: without descriptors, or with `onehot` not in the space)
    stopping      max_ei, probability_better, best, statement
    history       [{device, value, best}] in the order of the table's `measured_at`, then name
    loo           {rows: [{device, observed, observed_std, mean, std}], coverage: {"50", "80", "95"}, n}
    relevance     [{variable, value}]: share of 1 / lengthscale^2, summed over a variable's dimensions
    partial_dependence   [{variable, values, mean, std}] through the best proposal
    slices        [{x_variable, y_variable, x, y, expected_improvement, at}] through the best proposal

`history`, `loo`, `relevance`, `partial_dependence` and `slices` are empty where no surrogate was fitted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import logsumexp, ndtri

from codesign.bayesopt.acquisition import (
    log_expected_improvement,
    log_level_improvement,
    log_probability_of_approach,
    log_probability_of_improvement,
)
from codesign.bayesopt.surrogate import METHODS, Surrogate, fit_surrogate
from codesign.fabrication.encoding import Encoding
from codesign.fabrication.reading import SYMBOLS
from codesign.fabrication.space import NUMERIC, Space, key_of
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.seeds import generator

STOP_EI = 0.005
"""Expected improvement below which another device hardly pays: half a percent of a reading."""
SAMPLED_POINTS = 300
"""Most promising grid points on which the joint probability of improvement is sampled."""
SAMPLES = 512
INNER = 0.36
"""Space-filling devices keep their numeric variables within this distance of the middle of the unit cube."""
MIDDLE = 0.3
"""A device within this encoded distance of the middle counts as the middle."""
UNPREDICTED = (
    "predicted_mean",
    "predicted_std",
    "log_acquisition",
    "expected_improvement",
    "probability_of_improvement",
)
"""Columns that only a fitted surrogate fills."""


@dataclass(frozen=True)
class Search:
    """Settings of the search; meaning in the configuration's schema."""

    encoding: str
    surrogate: str
    goal: str
    target: float
    batch: int
    space_filling: int
    start: Mapping
    pending: Sequence[Mapping] = ()
    reading: str = "usability"

    def __post_init__(self) -> None:
        if self.surrogate not in METHODS:
            raise ValueError(f"surrogate must be one of {', '.join(METHODS)}, got {self.surrogate!r}")
        if self.reading not in SYMBOLS:
            raise ValueError(f"reading must be one of {', '.join(SYMBOLS)}, got {self.reading!r}")
        if self.goal not in ("maximise", "target"):
            raise ValueError(f"goal must be maximise or target, got {self.goal!r}")
        if self.batch < 1 or self.space_filling < 1:
            raise ValueError(
                f"batch and space_filling must be at least 1, got {self.batch}, {self.space_filling}"
            )
        if not 0 <= self.target <= 1:
            raise ValueError(f"target must lie in 0 ... 1, got {self.target}")


@dataclass(frozen=True)
class Observations:
    """Devices with a reading."""

    devices: list[str]
    conditions: list[dict]
    value: np.ndarray
    """Of the reading, shape (devices,)."""
    std: np.ndarray

    def __len__(self) -> int:
        return len(self.devices)


@dataclass(frozen=True)
class Proposals:
    """Rows of `codesign.schemas.proposals.PROPOSALS` and the card."""

    rows: list[dict]
    card: dict


def read_observations(
    table: pa.Table, encoding: Encoding, space: Space, *, reading: str = "usability"
) -> tuple[Observations, dict]:
    """Devices that inform the surrogate, in name order, and a count of those that do not.

    Devices off the grid inform and are counted; devices without a usability, or
    with a condition unknown or a perovskite that cannot be encoded, do not.
    """
    names = ["device", "status", reading, f"{reading}_std", "measured_at", *CONDITION_COLUMNS]
    rows = sorted(table.select(names).to_pylist(), key=lambda row: row["device"])
    counts = {"used": 0, "no_usability": 0, "refused": 0, "off_grid": 0, "not_encodable": 0}
    used = []
    for row in rows:
        if row["status"] != "ok":
            counts[row["status"]] += 1
        elif any(row[name] is None for name in CONDITION_COLUMNS) or not encoding.knows(row["perovskite"]):
            counts["not_encodable"] += 1
        else:
            used.append(row)
            on_grid = all(row[name] in space.levels[name] for name in CONDITION_COLUMNS)
            counts["off_grid"] += not on_grid
    counts["used"] = len(used)
    return (
        Observations(
            devices=[row["device"] for row in used],
            conditions=[{name: row[name] for name in CONDITION_COLUMNS} for row in used],
            value=np.array([row[reading] for row in used], dtype=float),
            std=np.array([row[f"{reading}_std"] for row in used], dtype=float),
        ),
        counts,
    )


def log_acquisition(
    surrogate: Surrogate, points: np.ndarray, observed: np.ndarray, search: Search
) -> np.ndarray:
    """Logarithm of the expected improvement at encoded points, averaged over hyperparameters.

    Improvement is over the best *predicted* value at the conditions made or being
    made. The best measured value would favour a lucky measurement.

    Args:
        surrogate: Conditioned on everything made and being made.
        points: Encoded candidates, (n, dimensions).
        observed: Encoded conditions made or being made.
        search: The goal.
    """
    every = []
    for (mean, std), (incumbent, _) in zip(surrogate.each(points), surrogate.each(observed), strict=True):
        if search.goal == "maximise":
            every.append(log_expected_improvement(mean, std, float(incumbent.max())))
        else:
            nearest = float(np.abs(incumbent - search.target).min())
            every.append(log_level_improvement(mean, std, search.target, nearest))
    return logsumexp(every, axis=0) - np.log(len(every))


def choose_batch(
    surrogate: Surrogate, points: np.ndarray, forbidden: np.ndarray, search: Search, count: int
) -> list[tuple[int, float]]:
    """Indices and log acquisitions of the next devices, one after the other.

    Each choice, like each pending device, joins the surrogate at its predicted
    value before the next is made. Ties go to the first point of the grid.
    """
    open_points = ~forbidden
    chosen: list[tuple[int, float]] = []
    count = min(count, int(open_points.sum()))
    while len(chosen) < count:
        score = log_acquisition(surrogate, points, surrogate.x, search)
        score = np.where(open_points, score, -np.inf)
        # rounding makes the choice independent of the last bits of the linear algebra
        index = int(np.argmax(np.round(score, 9)))
        chosen.append((index, float(score[index])))
        open_points[index] = False
        if len(chosen) < count:
            surrogate = surrogate.conditioned(points[index : index + 1])
    return chosen


def spread_choice(
    points: np.ndarray, made: np.ndarray, forbidden: np.ndarray, count: int, *, numeric: np.ndarray
) -> list[int]:
    """Grid points for the time before a model: the middle of the ranges first, then far from all made.

    Edges are left out (`INNER`): points that are only far from each other would all lie in
    the corners of the cube, which say little about its inside. The middle has the first
    perovskite of the space, as the first of several points equally near to it.

    Args:
        points: Encoded grid, (n, dimensions).
        made: Encoded conditions made or being made, (m, dimensions).
        forbidden: Grid points not to be chosen, (n,).
        count: How many.
        numeric: Dimensions of numeric variables, (dimensions,), bool.
    """
    off_centre = np.abs(points[:, numeric] - 0.5)
    inside = off_centre.max(axis=1) <= INNER
    open_points = ~forbidden
    nearest = np.full(len(points), np.inf)
    for one in made:
        nearest = np.minimum(nearest, ((points - one) ** 2).sum(axis=1))
    from_middle = (off_centre**2).sum(axis=1)
    middle = int(np.argmin(np.round(from_middle, 9)))
    chosen: list[int] = []
    for _ in range(min(count, int(open_points.sum()))):
        if open_points[middle] and nearest[middle] >= MIDDLE**2:
            index = middle
        else:
            allowed = open_points & inside if (open_points & inside).any() else open_points
            index = int(np.argmax(np.where(allowed, np.round(nearest, 9), -1.0)))
        chosen.append(index)
        open_points[index] = False
        nearest = np.minimum(nearest, ((points - points[index]) ** 2).sum(axis=1))
    return chosen


def propose(table: pa.Table, space: Space, search: Search, *, seed: int) -> Proposals:
    """Propose the next `search.batch` devices.

    Args:
        table: Usability table (`codesign.schemas.device.DEVICE`).
        space: What can be made.
        search: How.
        seed: Root seed of the samples behind `probability_better`.

    Returns:
        Proposals and card; the same table, whatever the order of its rows,
        gives the same of both.
    """
    encoding = Encoding(search.encoding, space.levels)
    seen, counts = read_observations(table, encoding, space, reading=search.reading)
    grid = space.grid()
    points = encoding(grid)
    made = {key_of(c) for c in [*seen.conditions, *search.pending]}
    forbidden = np.array([key_of(c) in made for c in grid])
    origins = set(table["origin"].to_pylist())
    origin = origins.pop() if len(origins) == 1 else "measured"
    columns = (seen.devices, map(key_of, seen.conditions), seen.value.tolist(), seen.std.tolist())
    digest = hashlib.sha256(repr(list(zip(*columns, strict=True))).encode()).hexdigest()[:16]
    card = {
        "origin": origin,
        "reading": search.reading,
        "goal": search.goal,
        "target": search.target,
        "seed": seed,
        "table_sha256": digest,
        "counts": counts,
        "history": _history(table, seen),
        "loo": {"rows": [], "coverage": {}, "n": 0},
        "relevance": [],
        "partial_dependence": [],
        "slices": [],
    }
    around = [*seen.conditions, *search.pending]
    if len(seen) < max(2, search.space_filling):
        return _space_filling(search, encoding, grid, points, forbidden, around, seen, card)
    surrogate = fit_surrogate(
        encoding(seen.conditions),
        seen.value,
        seen.std,
        method=search.surrogate,
        rng=generator(seed, "surrogate"),
    )
    expecting = surrogate.conditioned(encoding(list(search.pending))) if search.pending else surrogate
    picks = choose_batch(expecting, points, forbidden, search, search.batch)
    mean, std = surrogate.predict(points)
    at_made = surrogate.predict(surrogate.x)[0]
    best = float(at_made.max())
    if search.goal == "maximise":
        chance = np.exp(log_probability_of_improvement(mean, std, best))
    else:
        nearest = float(np.abs(at_made - search.target).min())
        chance = np.exp(log_probability_of_approach(mean, std, search.target, nearest))
    label = f"GP, {search.encoding} encoding, squared exponential ARD, {search.surrogate} hyperparameters"
    common = {
        "origin": origin,
        "reading": search.reading,
        "surrogate": label,
        "seed": seed,
        "table_sha256": digest,
    }
    rows = [
        {
            "rank": rank,
            **grid[index],
            "predicted_mean": float(mean[index]),
            "predicted_std": float(std[index]),
            "log_acquisition": score,
            "expected_improvement": float(np.exp(score)),
            "probability_of_improvement": float(chance[index]),
            **_nearest(points[index], encoding, seen),
            **common,
        }
        for rank, (index, score) in enumerate(picks, start=1)
    ]
    first = picks[0][0] if picks else int(np.argmax(mean))
    card |= {
        "surrogate": label,
        "stopping": _stopping(expecting, points, forbidden, search, best, seed, picks),
        "loo": _leave_one_out(surrogate, seen),
        "relevance": _relevance(surrogate, encoding),
        "partial_dependence": _through(surrogate, encoding, space, grid[first]),
        "slices": _slices(expecting, encoding, space, grid[first], search),
    }
    return Proposals(rows, card)


def _space_filling(search, encoding, grid, points, forbidden, around, seen, card) -> Proposals:
    made = encoding(around) if around else np.empty((0, points.shape[1]))
    chosen: list[int] = []
    start = [i for i, condition in enumerate(grid) if key_of(condition) == key_of(search.start)]
    if not around and start:
        chosen, made = start, points[start]
        forbidden = forbidden.copy()
        forbidden[start] = True
    more = search.batch - len(chosen)
    chosen += spread_choice(points, made, forbidden, more, numeric=encoding.numeric)
    label = f"none: space-filling until {search.space_filling} devices have a usability"
    card |= {
        "surrogate": label,
        "stopping": {
            "max_ei": None,
            "probability_better": None,
            "best": float(seen.value.max()) if len(seen) else None,
            "statement": f"Go on: {len(seen)} device(s) with a usability, "
            f"{search.space_filling} needed for a model.",
        },
    }
    rows = [
        {
            "rank": rank,
            **grid[index],
            **dict.fromkeys(UNPREDICTED),
            **_nearest(points[index], encoding, seen),
            "origin": card["origin"],
            "reading": card["reading"],
            "surrogate": label,
            "seed": card["seed"],
            "table_sha256": card["table_sha256"],
        }
        for rank, index in enumerate(chosen, start=1)
    ]  # fmt: skip
    return Proposals(rows, card)


def _nearest(point: np.ndarray, encoding: Encoding, seen: Observations) -> dict:
    if not len(seen):
        return {"nearest_device": None, "nearest_distance": None, "nearest_value": None}
    distance = np.sqrt(((encoding(seen.conditions) - point) ** 2).sum(axis=1))
    index = int(np.argmin(np.round(distance, 9)))
    return {
        "nearest_device": seen.devices[index],
        "nearest_distance": float(distance[index]),
        "nearest_value": float(seen.value[index]),
    }


def _history(table: pa.Table, seen: Observations) -> list[dict]:
    when = dict(zip(table["device"].to_pylist(), table["measured_at"].to_pylist(), strict=True))
    order = sorted(range(len(seen)), key=lambda k: (when[seen.devices[k]] or "", seen.devices[k]))
    best, history = -np.inf, []
    for k in order:
        best = max(best, float(seen.value[k]))
        history.append({"device": seen.devices[k], "value": float(seen.value[k]), "best": best})
    return history


def _stopping(surrogate, points, forbidden, search, best, seed, picks) -> dict:
    """Largest expected improvement, and the chance that some open grid point is better than the best."""
    open_points = np.flatnonzero(~forbidden)
    mean, std = surrogate.predict(points[open_points])
    promising = open_points[np.argsort(-np.round(mean + 2 * std, 9), kind="stable")[:SAMPLED_POINTS]]
    if search.goal == "maximise":
        draws = surrogate.samples(points[promising], SAMPLES, generator(seed, "stopping"))
        better = float(np.mean(draws.max(axis=1) > best + STOP_EI))
    else:
        near = float(np.abs(surrogate.predict(surrogate.x)[0] - search.target).min())
        promising = open_points[
            np.argsort(np.round(np.abs(mean - search.target) - std, 9), kind="stable")[:SAMPLED_POINTS]
        ]
        draws = surrogate.samples(points[promising], SAMPLES, generator(seed, "stopping"))
        better = float(np.mean(np.abs(draws - search.target).min(axis=1) < near - STOP_EI))
    largest = float(np.exp(picks[0][1])) if picks else 0.0
    goal = (
        "a better condition"
        if search.goal == "maximise"
        else f"a condition nearer to {SYMBOLS[search.reading]} = {search.target:g}"
    )
    chance = f"{goal} (by more than {STOP_EI:g}) exists somewhere on the grid with probability {better:.2f}"
    gain = f"the best next device is expected to gain {largest:.3f} in {search.reading}"
    if largest >= STOP_EI and better >= 0.5:
        statement = f"Go on: {gain}, and {chance}."
    elif better >= 0.5:
        statement = f"Stopping is reasonable: {gain}, less than {STOP_EI:g}, although {chance}."
    else:
        statement = f"Stopping is reasonable: {gain}, and {chance}."
    return {"max_ei": largest, "probability_better": better, "best": best, "statement": statement}


def _leave_one_out(surrogate: Surrogate, seen: Observations) -> dict:
    mean, std = surrogate.leave_one_out()
    score = np.abs(seen.value - mean) / std
    coverage = {str(level): float(np.mean(score <= ndtri(0.5 + level / 200))) for level in (50, 80, 95)}
    rows = [
        {"device": d, "observed": float(y), "observed_std": float(e), "mean": float(m), "std": float(s)}
        for d, y, e, m, s in zip(seen.devices, seen.value, seen.std, mean, std, strict=True)
    ]
    return {"rows": rows, "coverage": coverage, "n": len(rows)}


def _relevance(surrogate: Surrogate, encoding: Encoding) -> list[dict]:
    shares = list(zip(surrogate.relevance(), encoding.variables, strict=True))
    return [
        {"variable": name, "value": float(sum(share for share, n in shares if n == name))}
        for name in CONDITION_COLUMNS
    ]


def _through(surrogate: Surrogate, encoding: Encoding, space: Space, at: dict) -> list[dict]:
    """Predicted reading along each variable with the others as in `at`."""
    lines = []
    for name in CONDITION_COLUMNS:
        values = list(space.levels[name])
        mean, std = surrogate.predict(encoding([at | {name: value} for value in values]))
        lines.append({"variable": name, "values": values, "mean": mean.tolist(), "std": std.tolist()})
    return lines


def _slices(surrogate: Surrogate, encoding: Encoding, space: Space, at: dict, search: Search) -> list[dict]:
    """Expected improvement over two pairs of variables with the others as in `at`."""
    maps = []
    for x_name, y_name in ((NUMERIC[0], NUMERIC[1]), (NUMERIC[2], NUMERIC[3])):
        x, y = list(space.levels[x_name]), list(space.levels[y_name])
        conditions = [at | {x_name: a, y_name: b} for b in y for a in x]
        score = log_acquisition(surrogate, encoding(conditions), surrogate.x, search)
        maps.append(
            {
                "x_variable": x_name,
                "y_variable": y_name,
                "x": x,
                "y": y,
                "expected_improvement": np.exp(score).reshape(len(y), len(x)).tolist(),
                "at": dict(at),
            }
        )
    return maps
