"""The surrogate of a search: how it sees conditions, and how it is fitted.

`marginal` is a Gaussian process over categories and levels (`codesign.bayesopt.levels`), its
hyperparameters drawn from their posterior; `map` is BoTorch's single fit over an encoding
(`codesign.bayesopt.surrogate`). Both have `x`, `each`, `predict`, `samples`, `conditioned`, `between`,
`relevance` and `left_out`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codesign.bayesopt.levels import LevelSurrogate, Prior, fit_levels
from codesign.bayesopt.surrogate import Process, fit_map
from codesign.fabrication.encoding import Encoding, Levels, categories_of
from codesign.variables import PAPER, Variables

Surrogate = LevelSurrogate | Process


@dataclass(frozen=True)
class View:
    """Conditions as the surrogate sees them, and its fit."""

    encode: Callable[[Sequence[Mapping]], np.ndarray]
    """Conditions to points, (n, dimensions)."""
    variables: list[str]
    """The fabrication variable that each relevance belongs to."""
    label: str
    """The surrogate in words."""
    fit: Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], Surrogate]
    """Points, readings, standard deviations and a generator to a surrogate."""


@dataclass(frozen=True)
class Told:
    """What a view may be made of; each uses what it needs."""

    levels: Mapping[str, Sequence]
    """Of the space."""
    encoding: str
    """`physical` or `onehot`: how distances see a perovskite."""
    others: Mapping[str, Collection[str]]
    """Values of categories beside those of the space."""
    prior: Prior
    """Of a surrogate whose hyperparameters are drawn."""
    varied: Variables


def _marginal(told: Told) -> View:
    encode = Levels(told.levels, told.others, told.varied)
    categories = len(told.varied.categories)
    if told.varied.categories == PAPER.categories:
        over = "compounds and levels"
    else:
        over = "categories and levels" if categories else "levels"
    return View(
        encode=encode,
        variables=encode.variables,
        label=f"GP over {over}, good inside the ranges, hyperparameters marginal",
        fit=lambda x, y, std, rng: fit_levels(x, y, std, rng=rng, prior=told.prior, categories=categories),
    )


def _map(told: Told) -> View:
    encode = Encoding(told.encoding, told.levels, told.varied)
    return View(
        encode=encode,
        variables=encode.variables,
        label=f"GP, {told.encoding} encoding, squared exponential ARD, map hyperparameters",
        fit=lambda x, y, std, rng: fit_map(x, y, std),
    )


FITS = {"marginal": _marginal, "map": _map}


def view_of(
    surrogate: str,
    encoding: str,
    levels: Mapping[str, Sequence],
    conditions: Iterable[Mapping] = (),
    *,
    prior: Prior = Prior(),  # noqa: B008
    varied: Variables = PAPER,
) -> View:
    """How a surrogate sees conditions.

    Args:
        surrogate: One of `FITS`.
        encoding: `physical` or `onehot`, of `map`.
        levels: Of the space.
        conditions: Made, failed or being made: their compounds may be others than the space's.
        prior: Of `marginal`.
        varied: The variables of levels and conditions.
    """
    others = categories_of(varied, conditions)
    return FITS[surrogate](Told(levels, encoding, others, prior, varied))
