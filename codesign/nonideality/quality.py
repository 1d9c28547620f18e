"""Which cycles count: nothing recorded, open, shorted and flipped cycles are dropped and named."""

from dataclasses import dataclass

import numpy as np

RULES = ("nan", "open", "flipped", "shorted")
"""In the order they are tried; a dropped cycle has one rule."""
LOST = ("open", "flipped", "shorted")
"""Cycles that the device lost; where nothing was recorded, the measurement did."""


@dataclass(frozen=True)
class Quality:
    """Thresholds of the rules; meaning in the configuration's schema."""

    open_ratio: float
    short_fraction: float
    flip_fraction: float

    def __post_init__(self) -> None:
        for name in ("open_ratio", "short_fraction", "flip_fraction"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"quality.{name} must lie in 0 ... 1, got {value}")


def judge_cycles(current_a: np.ndarray, limited: np.ndarray, rules: Quality) -> np.ndarray:
    """The rule that drops each cycle, or '' for a cycle that is used.

    Args:
        current_a: Currents of the branch (V > 0), shape (n_cycles, n_points), NaN where missing.
        limited: Samples in compliance, same shape.
        rules: Thresholds.

    Returns:
        Rule names, shape (n_cycles,), dtype str.

    >>> good = np.linspace(1e-7, 1e-6, 10)
    >>> current = np.stack([good, good, good, -good, 1e-6 * good])
    >>> rules = Quality(open_ratio=1e-3, short_fraction=0.95, flip_fraction=0.5)
    >>> judge_cycles(current, np.zeros(current.shape, dtype=bool), rules).tolist()
    ['', '', '', 'flipped', 'open']
    """
    finite = np.isfinite(current_a)
    recorded = finite.sum(axis=1)
    verdict = np.full(current_a.shape[0], "", dtype="<U8")
    verdict[recorded == 0] = "nan"
    shares = np.maximum(recorded, 1)
    flipped = ((current_a < 0) & finite).sum(axis=1) / shares > rules.flip_fraction
    shorted = (limited & finite).sum(axis=1) / shares >= rules.short_fraction
    amount = np.where(finite, np.abs(current_a), np.nan)
    size = _median_of_rows(amount, recorded)
    if np.all((recorded == 0) | (recorded == current_a.shape[1])):
        typical = np.median(size[recorded > 0]) if recorded.any() else np.nan
    else:  # a cycle is held against what the others carry at the points that it has
        at_point = _median_of_rows(amount.T, finite.sum(axis=0))
        typical = _median_of_rows(np.where(finite, at_point, np.nan), recorded)
    opened = size < rules.open_ratio * typical
    for rule, applies in (("open", opened), ("flipped", flipped), ("shorted", shorted)):
        verdict[applies & (verdict == "")] = rule
    return verdict


def _median_of_rows(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Median of the `counts` finite values of each row; NaN where a row has none."""
    ordered = np.sort(values, axis=1)  # NaN last
    rows, last = np.arange(counts.size), np.maximum(counts - 1, 0)
    return (ordered[rows, last // 2] + ordered[rows, (last + 1) // 2]) / 2
