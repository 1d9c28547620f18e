"""The whole loop on a simulated laboratory: propose a device, make it, measure it, and again."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from codesign.fabrication.choice import choose_batch, spread_choice
from codesign.fabrication.encoding import Encoding, Levels
from codesign.fabrication.feasibility import chance_of_usability
from codesign.fabrication.model import view_of
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space, SpaceError

Laboratory = Callable[[int, Mapping], tuple[float | None, float]]
"""(evaluation, condition) to (usability or None, its standard deviation)."""


def run_campaign(
    strategy: str,
    space: Space,
    search: Search,
    laboratory: Laboratory,
    *,
    evaluations: int,
    rng: np.random.Generator,
) -> list[dict]:
    """Make `evaluations` devices one at a time, the start first.

    Args:
        strategy: `bayesian` or `random` (uniform over the grid without repetition).
        space: What can be made.
        search: Encoding, goal, space-filling phase and start.
        laboratory: Makes and measures one device.
        evaluations: Devices made.
        rng: Draws of the random strategy, and of the surrogate's hyperparameters.

    Raises:
        SpaceError: The start is no condition of the space, or it has fewer conditions than devices are to
            be made.

    Returns:
        One mapping an evaluation: the condition, `evaluation` and `usability_measured`.
    """
    if strategy not in ("bayesian", "random"):
        raise ValueError(f"strategy must be bayesian or random, got {strategy!r}")
    grid = space.grid()
    index_of = {space.key(condition): k for k, condition in enumerate(grid)}
    if space.key(search.start) not in index_of:
        raise SpaceError(
            f"fabrication.start {dict(search.start)} cannot be made first: write levels of fabrication.space "
            "that fabrication.exclude leaves"
        )
    if evaluations > len(grid):
        raise SpaceError(
            f"campaign.evaluations: {evaluations} devices are more than the {len(grid)} condition(s) of "
            "fabrication.space less fabrication.exclude"
        )
    seen = _Made(grid, space, search)
    rows = []
    for evaluation in range(1, evaluations + 1):
        if not seen.index:
            index = index_of[space.key(search.start)]
        elif strategy == "random":
            index = int(rng.choice(np.setdiff1d(np.arange(len(grid)), seen.index)))
        else:
            index = seen.next(rng)
        value, spread = laboratory(evaluation, grid[index])
        seen.add(index, value, spread)
        rows.append({"evaluation": evaluation, **grid[index], "usability_measured": value})
    return rows


class _Made:
    """Devices made so far, as indices of the grid; those without a usability have failed."""

    def __init__(self, grid: Sequence[Mapping], space: Space, search: Search) -> None:
        self.search = search
        self.view = view_of(
            search.surrogate, search.encoding, space.levels, prior=search.prior, varied=space.variables
        )
        self.points = self.view.encode(grid)
        self.categories = len(space.variables.categories)
        self.levels = Levels(space.levels, varied=space.variables)(grid)
        self.encoding = Encoding(search.encoding, space.levels, space.variables)
        self.encoded = self.encoding(grid)
        self.index: list[int] = []
        self.failed: list[int] = []
        self.worked: list[tuple[int, float, float]] = []

    def add(self, index: int, value: float | None, std: float) -> None:
        self.index.append(index)
        if value is None:
            self.failed.append(index)
        else:
            self.worked.append((index, value, std))

    def next(self, rng: np.random.Generator) -> int:
        forbidden = np.zeros(len(self.points), dtype=bool)
        forbidden[self.index] = True
        worked = [index for index, _, _ in self.worked]
        chance = chance_of_usability(
            self.levels, self.levels[worked], self.levels[self.failed], categories=self.categories
        )
        if len(worked) < max(2, self.search.space_filling):
            return spread_choice(
                self.encoded,
                self.encoded[self.index],
                forbidden,
                1,
                numeric=self.encoding.numeric,
                chance=chance,
            )[0]
        values, stds = (np.array(column) for column in list(zip(*self.worked, strict=True))[1:])
        surrogate = self.view.fit(self.points[worked], values, stds, rng)
        return choose_batch(surrogate, self.points, forbidden, self.search, 1, chance=chance)[0][0]


def with_truth(
    rows: Sequence[Mapping], *, strategy: str, repeat: int, hidden: Sequence[float], optimum: float
) -> list[dict]:
    """Complete campaign rows with the landscape's own values (`codesign.schemas.campaign.CAMPAIGN`)."""
    best = np.maximum.accumulate(np.asarray(hidden, dtype=float))
    return [
        {
            **row,
            "strategy": strategy,
            "repeat": repeat,
            "usability_hidden": float(value),
            "best_hidden": float(top),
            "optimum": optimum,
        }
        for row, value, top in zip(rows, hidden, best, strict=True)
    ]


def summarise(rows: Sequence[Mapping], *, levels: Sequence[float] = (0.95, 0.99)) -> list[dict]:
    """Best-so-far relative to the optimum, over repeats, a row a strategy and evaluation.

    Columns: strategy, evaluation, n, mean, std, standard_error, q10, median, q90,
    and reached_95, reached_99, the share of repeats that are there.
    """
    groups: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        groups.setdefault((row["strategy"], row["evaluation"]), []).append(
            row["best_hidden"] / row["optimum"]
        )
    table = []
    for (strategy, evaluation), values in sorted(groups.items()):
        share = np.array(values)
        deviation = float(share.std(ddof=1)) if share.size > 1 else 0.0
        q10, median, q90 = (float(q) for q in np.quantile(share, [0.1, 0.5, 0.9]))
        table.append(
            {
                "strategy": strategy,
                "evaluation": evaluation,
                "n": share.size,
                "mean": float(share.mean()),
                "std": deviation,
                "standard_error": deviation / np.sqrt(share.size),
                "q10": q10,
                "median": median,
                "q90": q90,
                **{f"reached_{round(100 * level)}": float(np.mean(share >= level)) for level in levels},
            }
        )
    return table
