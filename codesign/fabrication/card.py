"""Why these devices: what the one-page figure of the proposals draws, one JSON object.

    origin, reading, goal, target, seed, table_sha256, surrogate   what it was made from
    counts        used, no_usability (failed of them), refused, off_grid, not_encodable (a condition unknown
                  or a category that the encoding does not know: a perovskite with no descriptors or, with
                  `onehot`, not in the space), not_finite (a reading or its standard deviation is no finite
                  number)
    not_finite    names of those devices
    notes         of a laboratory's own variables: values that do not fit them, a sentence each with device,
                  variable and value; left out where there is none
    best          measured {device, value}: the best device or the nearest to the target; predicted: the best
                  (nearest) of what the surrogate expects of devices made alike, over conditions made
    stopping      max_ei, probability_better (among open conditions where a device is likelier to work than
                  not), statement
    history       [{device, value, best}] in the order of the table's `measured_at`; best is the largest value
                  so far or, with a target, the nearest to it. Empty where a device has no date
    called        {device: {rank, label}} of devices with a usability, as the ranking of devices calls them
    loo           {rows: [{device, observed, observed_std, mean, std}], coverage: {"50", "80", "95"}, n,
                  spread (standard deviation of what was observed), rmse, log_score, hyperparameters}: each
                  device predicted from all others
    loo_condition the same: each device predicted from the devices of other conditions
    relevance     [{variable, value}]: share of 1 / lengthscale^2, summed over a variable's dimensions, of
                  the variables that have several levels
    partial_dependence   [{variable, values, mean, std}] through the best proposal
    slices        [{x_variable, y_variable, x, y, expected_improvement, at}] through the best proposal, times
                  the chance that a device works: over two pairs of numbers, as far as there are

`history` and `called` apart, parts are empty or null where no surrogate was fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from codesign.fabrication.choice import believed, incumbents, log_acquisition
from codesign.fabrication.model import Surrogate, View
from codesign.fabrication.observations import Observations
from codesign.fabrication.reading import SYMBOLS
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.labels import called
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.seeds import generator

STOP_EI = 0.005
"""Expected improvement below which another device hardly pays: half a percent of a reading."""
NOTHING_OPEN = (
    "Nothing is left to make: every condition is made, failed, being made or excluded; add levels to "
    "fabrication.space or take out exclusions (fabrication.exclude)."
)
SAMPLED_POINTS = 300
"""Most promising grid points on which the joint probability of improvement is sampled."""
SAMPLES = 512


def blank_card(table: pa.Table, seen: Observations, search: Search, space: Space) -> dict:
    """The card before there is a model."""
    notes = {"notes": list(seen.notes)} if seen.notes else {}
    nothing = {
        "rows": [],
        "coverage": {},
        "n": 0,
        "spread": None,
        "rmse": None,
        "log_score": None,
        "hyperparameters": None,
    }
    return notes | {
        "goal": search.goal,
        "target": search.target,
        "best": {"measured": _best_device(seen, search), "predicted": None},
        "history": _history(table, seen, search),
        "called": _called(table, space),
        "not_finite": list(seen.unfit),
        "loo": nothing,
        "loo_condition": nothing,
        "relevance": [],
        "partial_dependence": [],
        "slices": [],
    }


def explained(
    surrogate: Surrogate,
    expecting: Surrogate,
    view: View,
    space: Space,
    search: Search,
    seen: Observations,
    points: np.ndarray,
    *,
    forbidden: np.ndarray,
    works: Callable[[Sequence[Mapping]], np.ndarray],
    picks: Sequence[tuple[int, float]],
    at: dict,
    seed: int,
) -> dict:
    """What a fitted surrogate adds to the card.

    Args:
        surrogate: Conditioned on everything made.
        expecting: On what is being made, too.
        view: How both see conditions.
        space: What can be made.
        search: The goal.
        seen: Devices the surrogate was fitted to.
        points: The grid as the surrogate sees it.
        forbidden: Grid points that are not proposed.
        works: Chance of conditions that a device made there has a usability.
        picks: Index and log acquisition of each proposal.
        at: The condition that curves and maps go through.
        seed: Root seed.
    """
    predicted = surrogate.predict(surrogate.x)[0]
    k = int(
        np.argmax(predicted) if search.goal == "maximise" else np.argmin(np.abs(predicted - search.target))
    )
    by_condition: dict[tuple, list[int]] = {}
    for k_device, condition in enumerate(seen.conditions):
        by_condition.setdefault(space.key(condition), []).append(k_device)
    rng = generator(seed, "left-out")
    return {
        "best": {"measured": _best_device(seen, search), "predicted": float(predicted[k])},
        "stopping": _stopping(expecting, points, forbidden, works(space.grid()), search, seed, picks),
        "loo": _left_out(surrogate, seen, [[k] for k in range(len(seen))], rng),
        "loo_condition": _left_out(surrogate, seen, list(by_condition.values()), rng),
        "relevance": _relevance(surrogate, view, space),
        "partial_dependence": _through(surrogate, view, space, at),
        "slices": _slices(expecting, view, space, at, search, works),
    }


def nothing_open() -> dict:
    """`stopping` where there is nothing left to make."""
    return {"max_ei": 0.0, "probability_better": 0.0, "statement": NOTHING_OPEN}


def _best_device(seen: Observations, search: Search) -> dict | None:
    if not len(seen):
        return None
    k = int(np.argmax(_scores(seen, search)))
    return {"device": seen.devices[k], "value": float(seen.value[k])}


def _scores(seen: Observations, search: Search) -> np.ndarray:
    """How good each device is for the goal; larger is better."""
    return seen.value if search.goal == "maximise" else -np.abs(seen.value - search.target)


def _called(table: pa.Table, space: Space) -> dict[str, dict]:
    names = ["device", "usability", "contact", "v_max_v", *CONDITION_COLUMNS, "conditions"]
    rows = space.variables.filled(table.select(names).to_pylist())
    known = called(rows, space.variables).items()
    return {device: asdict(each) for device, each in known if each.rank is not None}


def _history(table: pa.Table, seen: Observations, search: Search) -> list[dict]:
    when = dict(zip(table["device"].to_pylist(), table["measured_at"].to_pylist(), strict=True))
    if not all(when[device] for device in seen.devices):
        return []
    order = sorted(range(len(seen)), key=lambda k: (when[seen.devices[k]], seen.devices[k]))
    score = _scores(seen, search)
    best, history = None, []
    for k in order:
        best = k if best is None or score[k] > score[best] else best
        value, top = float(seen.value[k]), float(seen.value[best])
        history.append({"device": seen.devices[k], "value": value, "best": top})
    return history


def _stopping(surrogate, points, forbidden, chance, search, seed, picks) -> dict:
    """Largest expected improvement, and the chance that some point that may be proposed is better."""
    if forbidden.all():
        return nothing_open()
    open_points = np.flatnonzero(believed(~forbidden, chance))
    mean, std = surrogate.predict(points[open_points])
    best = float(incumbents(surrogate, search).mean())
    promise = mean + 2 * std if search.goal == "maximise" else std - np.abs(mean - search.target)
    promising = open_points[np.argsort(-np.round(promise, 9), kind="stable")[:SAMPLED_POINTS]]
    draws = surrogate.samples(points[promising], SAMPLES, generator(seed, "stopping"))
    if search.goal == "maximise":
        better = float(np.mean(draws.max(axis=1) > best + STOP_EI))
    else:
        better = float(np.mean(np.abs(draws - search.target).min(axis=1) < best - STOP_EI))
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
    return {"max_ei": largest, "probability_better": better, "statement": statement}


def _left_out(surrogate: Surrogate, seen: Observations, groups: list[list[int]], rng) -> dict:
    """Each device predicted without its group."""
    found = surrogate.left_out(groups, rng)
    score = np.abs(seen.value - found.mean) / found.std
    coverage = {str(level): float(np.mean(score <= ndtri(0.5 + level / 200))) for level in (50, 80, 95)}
    rows = [
        {"device": d, "observed": float(y), "observed_std": float(e), "mean": float(m), "std": float(s)}
        for d, y, e, m, s in zip(seen.devices, seen.value, seen.std, found.mean, found.std, strict=True)
    ]
    return {
        "rows": rows,
        "coverage": coverage,
        "n": len(rows),
        "spread": float(seen.value.std()),
        "rmse": float(np.sqrt(np.mean((seen.value - found.mean) ** 2))),
        "log_score": float(found.log_score.mean()),
        "hyperparameters": found.hyperparameters,
    }


def _relevance(surrogate: Surrogate, view: View, space: Space) -> list[dict]:
    """Of the variables that have several levels: nothing is known of one that never changes."""
    several = [name for name in space.variables.names if len(space.levels[name]) > 1]
    varies = np.array([name in several for name in view.variables])
    shares = list(zip(surrogate.relevance(varies), view.variables, strict=True))
    return [
        {"variable": name, "value": float(sum(share for share, n in shares if n == name))} for name in several
    ]


def _through(surrogate: Surrogate, view: View, space: Space, at: dict) -> list[dict]:
    """Predicted reading along each variable with the others as in `at`."""
    lines = []
    for name in space.variables.names:
        values = list(space.levels[name])
        mean, std = surrogate.predict(view.encode([at | {name: value} for value in values]))
        lines.append({"variable": name, "values": values, "mean": mean.tolist(), "std": std.tolist()})
    return lines


def _slices(surrogate, view: View, space: Space, at: dict, search: Search, works) -> list[dict]:
    """Expected improvement times the chance to work, over two pairs of variables, the others as in `at`."""
    maps = []
    for x_name, y_name in pairs_of(space.variables.numbers):
        x, y = list(space.levels[x_name]), list(space.levels[y_name])
        conditions = [at | {x_name: a, y_name: b} for b in y for a in x]
        gain = np.exp(log_acquisition(surrogate, view.encode(conditions), search)) * works(conditions)
        maps.append(
            {
                "x_variable": x_name,
                "y_variable": y_name,
                "x": x,
                "y": y,
                "expected_improvement": gain.reshape(len(y), len(x)).tolist(),
                "at": dict(at),
            }
        )
    return maps


def pairs_of(numbers: Sequence[str]) -> list[tuple[str, str]]:
    """Two pairs of numbers that maps are drawn over: of the first four, of fewer as many as there are.

    >>> pairs_of("abcde"), pairs_of("abc"), pairs_of("ab"), pairs_of("a")
    ([('a', 'b'), ('c', 'd')], [('a', 'b'), ('a', 'c')], [('a', 'b')], [])
    """
    if len(numbers) >= 4:
        return [(numbers[0], numbers[1]), (numbers[2], numbers[3])]
    return list(combinations(numbers, 2))[:2]
