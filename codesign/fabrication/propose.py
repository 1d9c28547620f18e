"""The next devices to make: a usability table in, proposals and a card out.

`codesign.fabrication.card` says what the card (`Proposals.card`, one JSON object) holds.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from codesign.fabrication.card import blank_card, explained, nothing_open
from codesign.fabrication.choice import chance_to_improve, choose_batch, spread_choice
from codesign.fabrication.encoding import Encoding, Levels, categories_of
from codesign.fabrication.feasibility import chance_of_usability
from codesign.fabrication.model import view_of
from codesign.fabrication.observations import Observations, read_observations
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.seeds import generator

UNPREDICTED = (
    "predicted_mean",
    "predicted_std",
    "log_acquisition",
    "expected_improvement",
    "probability_of_improvement",
    "probability_to_beat_measured",
)
"""Columns that only a fitted surrogate fills."""


@dataclass(frozen=True)
class Proposals:
    """Rows of `codesign.schemas.proposals.proposals_schema` and the card."""

    rows: list[dict]
    card: dict


@dataclass(frozen=True)
class Grid:
    """What may be made, and what is known of it."""

    conditions: list[dict]
    forbidden: np.ndarray
    """Made, failed, being made or measured without a reading, bool, (n,)."""
    works: Callable[[Sequence[Mapping]], np.ndarray]
    """Chance of conditions that a device made there has a usability, (len(conditions),)."""

    @cached_property
    def chance(self) -> np.ndarray:
        """The same of the grid, (n,)."""
        return self.works(self.conditions)

    @classmethod
    def of(cls, space: Space, seen: Observations, pending: Sequence[Mapping]) -> "Grid":
        """The open grid after what was seen, with `pending` in the making."""
        conditions = space.grid()
        made = {space.key(c) for c in [*seen.conditions, *seen.failed, *seen.unread, *pending]}
        others = categories_of(space.variables, [*seen.conditions, *seen.failed])
        levels = Levels(space.levels, others, space.variables)
        worked, failed = levels(seen.conditions), levels(seen.failed)
        categories = len(space.variables.categories)
        return cls(
            conditions=conditions,
            forbidden=np.array([key in made for key in space.keys(conditions)]),
            works=lambda those: chance_of_usability(levels(those), worked, failed, categories=categories),
        )


def propose(table: pa.Table, space: Space, search: Search, *, seed: int) -> Proposals:
    """Propose the next `search.batch` devices.

    Args:
        table: Usability table (`codesign.schemas.device.DEVICE`).
        space: What can be made.
        search: How.
        seed: Root seed of the hyperparameters' draws and of the samples behind `probability_better`.

    Returns:
        Proposals and card; the same table, whatever the order of its rows,
        gives the same of both.
    """
    encoding = Encoding(search.encoding, space.levels, space.variables)
    seen, counts = read_observations(table, encoding, space, reading=search.reading)
    grid = Grid.of(space, seen, search.pending)
    origins = set(table["origin"].to_pylist())
    common = {
        "origin": origins.pop() if len(origins) == 1 else "measured",
        "reading": search.reading,
        "seed": seed,
        "table_sha256": _digest(seen, space),
    }
    card = blank_card(table, seen, search, space) | common | {"counts": counts}
    nearest = _nearest_of(grid.conditions, encoding, seen)
    if len(seen) < max(2, search.space_filling):
        return _space_filling(search, space, encoding, grid, seen, nearest, card, common)

    around = [*seen.conditions, *search.pending]
    view = view_of(
        search.surrogate, search.encoding, space.levels, around, prior=search.prior, varied=space.variables
    )
    made = view.encode(seen.conditions)
    surrogate = view.fit(made, seen.value, seen.std, generator(seed, "surrogate"))
    pending = view.encode(list(search.pending)) if search.pending else None
    expecting = surrogate if pending is None else surrogate.conditioned(pending)
    points = view.encode(grid.conditions)
    picks = choose_batch(expecting, points, grid.forbidden, search, search.batch, chance=grid.chance)
    mean, std = surrogate.predict(points)
    passes = chance_to_improve(surrogate, points, search)
    beats = chance_to_improve(surrogate, points, search, measured=best_measured(seen, search))
    common |= {"surrogate": view.label}
    rows = [
        {
            "rank": rank,
            **grid.conditions[index],
            "predicted_mean": float(mean[index]),
            "predicted_std": float(std[index]),
            "log_acquisition": score,
            "expected_improvement": float(np.exp(score)),
            "probability_of_improvement": float(passes[index]),
            "probability_to_beat_measured": float(beats[index] * grid.chance[index]),
            "probability_of_usability": float(grid.chance[index]),
            **nearest(index),
            **common,
        }
        for rank, (index, score) in enumerate(picks, start=1)
    ]
    first = picks[0][0] if picks else int(np.argmax(mean))
    card |= {"surrogate": view.label} | explained(
        surrogate, expecting, view, space, search, seen, points,
        forbidden=grid.forbidden, works=grid.works, picks=picks, at=grid.conditions[first], seed=seed,
    )  # fmt: skip
    return Proposals(rows, card)


def best_measured(seen: Observations, search: Search) -> float:
    """The best value measured or, where a level is sought, the smallest distance to it."""
    if search.goal == "maximise":
        return float(seen.value.max())
    return float(np.abs(seen.value - search.target).min())


def _digest(seen: Observations, space: Space) -> str:
    """Of everything that proposals rest on; as ever where no device failed."""
    columns = (seen.devices, map(space.key, seen.conditions), seen.value.tolist(), seen.std.tolist())
    said = repr(list(zip(*columns, strict=True)))
    lost = [sorted(map(space.key, group)) for group in (seen.failed, seen.unread)]
    return hashlib.sha256((said + (repr(lost) if any(lost) else "")).encode()).hexdigest()[:16]


def _space_filling(search, space, encoding, grid, seen, nearest, card, common) -> Proposals:
    around = [*seen.conditions, *seen.failed, *seen.unread, *search.pending]
    points = encoding(grid.conditions)
    made = encoding(around) if around else np.empty((0, points.shape[1]))
    forbidden = grid.forbidden.copy()
    chosen: list[int] = []
    first = space.key(search.start)
    start = [i for i, condition in enumerate(grid.conditions) if space.key(condition) == first]
    if not around and start:
        chosen, made = start, points[start]
        forbidden[start] = True
    more = search.batch - len(chosen)
    chosen += spread_choice(points, made, forbidden, more, numeric=encoding.numeric, chance=grid.chance)
    label = f"none: space-filling until {max(2, search.space_filling)} devices have a usability"
    common |= {"surrogate": label}
    go_on = (
        f"Go on: {len(seen)} device(s) with a usability, {max(2, search.space_filling)} needed for a model."
    )
    waiting = {"max_ei": None, "probability_better": None, "statement": go_on}
    card |= {"surrogate": label, "stopping": nothing_open() if grid.forbidden.all() else waiting}
    rows = [
        {
            "rank": rank,
            **grid.conditions[index],
            **dict.fromkeys(UNPREDICTED),
            "probability_of_usability": float(grid.chance[index]),
            **nearest(index),
            **common,
        }
        for rank, index in enumerate(chosen, start=1)
    ]
    return Proposals(rows, card)


def _nearest_of(conditions: Sequence[Mapping], encoding: Encoding, seen: Observations):
    """A function from the index of a condition to the device with a reading that is nearest to it."""
    made = encoding(seen.conditions) if len(seen) else None

    def nearest(index: int) -> dict:
        if made is None:
            return {"nearest_device": None, "nearest_distance": None, "nearest_value": None}
        distance = np.sqrt(((made - encoding([conditions[index]])) ** 2).sum(axis=1))
        k = int(np.argmin(np.round(distance, 9)))
        return {
            "nearest_device": seen.devices[k],
            "nearest_distance": float(distance[k]),
            "nearest_value": float(seen.value[k]),
        }

    return nearest
