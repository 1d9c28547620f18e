"""The whole loop on a simulated laboratory: propose a device, make it, measure it, and again."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from codesign.bayesopt.surrogate import fit_surrogate
from codesign.fabrication.encoding import Encoding
from codesign.fabrication.propose import Search, choose_batch, spread_choice
from codesign.fabrication.space import Space, key_of

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

    Returns:
        One mapping an evaluation: the condition, `evaluation` and `usability_measured`.
    """
    if strategy not in ("bayesian", "random"):
        raise ValueError(f"strategy must be bayesian or random, got {strategy!r}")
    grid = space.grid()
    encoding = Encoding(search.encoding, space.levels)
    points = encoding(grid)
    index_of = {key_of(condition): k for k, condition in enumerate(grid)}
    made: list[int] = []
    usability: list[float | None] = []
    std: list[float] = []
    rows = []
    for evaluation in range(1, evaluations + 1):
        if not made:
            index = index_of[key_of(search.start)]
        elif strategy == "random":
            index = int(rng.choice(np.setdiff1d(np.arange(len(grid)), made)))
        else:
            index = _next(points, made, usability, std, search, encoding, rng)
        value, spread = laboratory(evaluation, grid[index])
        made.append(index)
        usability.append(value)
        std.append(spread)
        rows.append({"evaluation": evaluation, **grid[index], "usability_measured": value})
    return rows


def _next(
    points: np.ndarray,
    made: Sequence[int],
    usability: Sequence[float | None],
    std: Sequence[float],
    search: Search,
    encoding: Encoding,
    rng: np.random.Generator,
) -> int:
    forbidden = np.zeros(len(points), dtype=bool)
    forbidden[list(made)] = True
    good = [k for k, value in enumerate(usability) if value is not None]
    if len(made) < search.space_filling or len(good) < 2:
        return spread_choice(points, points[list(made)], forbidden, 1, numeric=encoding.numeric)[0]
    surrogate = fit_surrogate(
        points[[made[k] for k in good]],
        np.array([usability[k] for k in good]),
        np.array([std[k] for k in good]),
        method=search.surrogate,
        rng=rng,
    )
    return choose_batch(surrogate, points, forbidden, search, 1)[0][0]


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
