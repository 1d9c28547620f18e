"""The search for a method's noise: deterministic proposals, one budget for every method.

A search has rounds, and a round has slots: trials that are made side by side. Round 1 spreads
over the space: its first slot is the point without noise, the others come from a scrambled Sobol
sequence, every other one with the same noise in all layers. Later rounds fit a Gaussian process to
all trials and take the point of largest expected improvement, out of one fixed set of candidates
and two copies of it that are shrunk towards the best trial. Within a round, each slot assumes that
the slots before it turn out as predicted, so that a round is spread out.

Training without noise is ERM. It is tried in round 1 for two reasons: a method that cannot beat it
on the validation panel should show that it cannot, and every method then spends one trial on it.
What the search returns is therefore no worse than ERM *on validation data*, up to the error of the
objective. Whether it is better on test data, the evaluation tells.

The process sees noise parameters divided by their limit rather than points of the cube. All points
without noise are then the same point, and a distance between points is one between noises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import method_of
from codesign.bayesopt.acquisition import log_expected_improvement
from codesign.bayesopt.surrogate import Surrogate, fit_surrogate
from codesign.seeds import derived_seed

Parameters = Mapping[str, float | Sequence[float]]
NEARER = (0.5, 0.2)
"""Candidates are tried again at these fractions of their distance from the best trial.

The space is convex, so these points lie in it as well.
"""
MOST_DIMENSIONS = qmc.Sobol.MAXDIM
"""Dimensions SciPy's Sobol sequence has; per-layer spaces of deeper networks are refused."""


@dataclass(frozen=True)
class SearchSpace:
    """The noise parameters of a searched method, and their map to the unit cube."""

    method: str
    n_layers: int
    """Noisy layers of the network."""
    tie: str
    """layer: each its own parameters | model: one set for all."""
    limit: float
    """Largest noise of a layer, as the method's file means it: the sum of its parameters."""

    def __post_init__(self) -> None:
        method = method_of(self.method)
        if not method.searched:
            raise NoiseError(f"{self.method} has nothing to search")
        if self.tie not in ("layer", "model"):
            raise NoiseError(f"tie must be layer or model, got {self.tie!r}")
        if self.n_layers < 1:
            raise NoiseError(f"a search needs at least 1 noisy layer, got {self.n_layers}")
        bound = np.inf if method.limit.largest is None else method.limit.largest
        if not (np.isfinite(self.limit) and 0 < self.limit <= bound):
            raise NoiseError(
                f"{self.method}: limit must lie above 0 and at most {bound:g}, got {self.limit!r}"
            )
        if self.dimensions > MOST_DIMENSIONS:
            raise NoiseError(f"{self.dimensions} dimensions exceed {MOST_DIMENSIONS}; use tie: model")

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of one layer."""
        return tuple(method_of(self.method).parameters)

    @property
    def groups(self) -> int:
        """Sets of parameters that vary independently."""
        return self.n_layers if self.tie == "layer" else 1

    @property
    def dimensions(self) -> int:
        """Dimensions of the cube."""
        return self.groups * len(self.names)

    def from_unit(self, unit: np.ndarray) -> dict[str, float | list[float]]:
        """Parameters of a point of the cube, shape (dimensions,); uniform in, uniform out.

        A pair (a, b) becomes a point of the triangle p_zero + p_half <= limit: their sum
        is limit * sqrt(a), which spreads uniform points uniformly, and b is the share of p_half.

        Raises:
            NoiseError: Another shape, or a coordinate outside 0 ... 1.

        >>> SearchSpace("bayesmulti", n_layers=3, tie="model", limit=0.8).from_unit(np.array([0.25, 0.5]))
        {'p_zero': 0.2, 'p_half': 0.2}
        """
        unit = np.asarray(unit, dtype=float)
        if unit.shape != (self.dimensions,) or not np.all((unit >= 0) & (unit <= 1)):
            raise NoiseError(f"a point has {self.dimensions} coordinates in 0 ... 1, got {unit.tolist()}")
        columns = self._columns(unit[None])[0]  # (groups, parameters)
        if self.tie == "model":
            return {name: float(value) for name, value in zip(self.names, columns[0], strict=True)}
        return {name: columns[:, k].tolist() for k, name in enumerate(self.names)}

    def to_unit(self, parameters: Parameters) -> np.ndarray:
        """The point of the cube that `from_unit` maps to `parameters`, shape (dimensions,).

        Where a layer has no noise its second coordinate is 0 by convention.

        Raises:
            NoiseError: Parameters are missing, of the wrong length, or outside the space.
        """
        values = self._values(parameters)
        if len(self.names) == 1:
            return (values / self.limit).ravel()
        total = values.sum(axis=1)
        share = np.divide(values[:, 1], total, out=np.zeros_like(total), where=total > 0)
        first = np.minimum((total / self.limit) ** 2, 1.0)
        return np.stack([first, np.minimum(share, 1.0)], axis=1).ravel()

    def features(self, parameters: Parameters) -> np.ndarray:
        """What the surrogate sees: parameters divided by the limit, shape (dimensions,)."""
        return (self._values(parameters) / self.limit).ravel()

    def candidates(self, count: int, seed: int) -> np.ndarray:
        """Features of a fixed set of points, shape (count or fewer, dimensions).

        A scrambled Sobol sequence; where layers are free, every other point has all layers
        alike, as random points of many layers all have about the same total noise.
        """
        unit = _sobol(self.dimensions, count, seed)
        features = self._columns(unit).reshape(len(unit), -1) / self.limit
        if self.groups > 1:
            width = len(self.names)
            alike = _sobol(width, count, derived_seed(seed, "alike"))
            tied = SearchSpace(self.method, self.n_layers, "model", self.limit)
            features[1::2] = np.tile(tied._columns(alike)[:, 0] / self.limit, (1, self.groups))[1::2]
        return features

    def parameters(self, features: np.ndarray) -> dict[str, float | list[float]]:
        """The inverse of `features`."""
        values = np.asarray(features, dtype=float).reshape(self.groups, len(self.names)) * self.limit
        if self.tie == "model":
            return {name: float(value) for name, value in zip(self.names, values[0], strict=True)}
        return {name: values[:, k].tolist() for k, name in enumerate(self.names)}

    def _columns(self, unit: np.ndarray) -> np.ndarray:
        """(n, dimensions) of the cube to (n, groups, parameters)."""
        cube = unit.reshape(len(unit), self.groups, len(self.names))
        if len(self.names) == 1:
            return cube * self.limit
        total = self.limit * np.sqrt(cube[..., :1])
        half = total * cube[..., 1:]
        return np.concatenate([total - half, half], axis=-1)

    def _values(self, parameters: Parameters) -> np.ndarray:
        """Checked parameters as (groups, parameters of one layer)."""
        if set(parameters) != set(self.names):
            raise NoiseError(f"{self.method} takes {', '.join(self.names)}; got {', '.join(parameters)}")
        values = np.array([np.atleast_1d(parameters[name]) for name in self.names], dtype=float).T
        if values.shape != (self.groups, len(self.names)):
            raise NoiseError(f"need {self.groups} value(s) of each parameter, got {dict(parameters)}")
        # one unit in the last place for sums that were rounded
        if not np.all(values >= 0) or np.any(values.sum(axis=1) > self.limit * (1 + 1e-12)):
            raise NoiseError(
                f"parameters must be >= 0 and total at most {self.limit}, got {dict(parameters)}"
            )
        return values


@dataclass(frozen=True)
class Trial:
    """One specification that was trained and scored on the validation panel."""

    parameters: Parameters
    objective: float | None
    """Mean score over panel and programmings, larger is better; None where training failed."""
    standard_error: float | None
    """Of the objective, over the programmings; None where training failed."""

    def __post_init__(self) -> None:
        if (self.objective is None) != (self.standard_error is None):
            raise NoiseError(f"objective and standard error go together, got {self}")
        if self.objective is not None and not (
            np.isfinite(self.objective) and np.isfinite(self.standard_error) and self.standard_error >= 0
        ):
            raise NoiseError(f"objective and standard error must be finite, the error >= 0; got {self}")


def propose_specification(
    trials: Sequence[Trial],
    space: SearchSpace,
    *,
    round: int,
    slots: int,
    slot: int,
    seed: int,
    candidates: int,
) -> dict[str, float | list[float]]:
    """The parameters that slot `slot` of round `round` tries.

    Args:
        trials: Every trial of earlier rounds, in any order.
        space: What is searched.
        round: From 1; round 1 looks at no trial.
        slots: Trials a round, made side by side.
        slot: From 0.
        seed: Seed of the space-filling points and the candidates: the same for all rounds.
        candidates: Size of the candidate set, a power of two.

    Returns:
        Parameters for `codesign.bayesmulti.specification.method_spec`. The same arguments, trials in
        whatever order, give the same. A failed trial counts as the worst that was seen; with
        fewer than two that succeeded the space-filling sequence goes on.

    Raises:
        NoiseError: A round or slot that does not exist.
    """
    if round < 1 or slots < 1 or not 0 <= slot < slots:
        raise NoiseError(f"round from 1 and slot in 0 ... slots - 1, got {round=}, {slots=}, {slot=}")
    if candidates < 2 or candidates & (candidates - 1):
        raise NoiseError(f"candidates must be a power of two, got {candidates}")
    if round == 1 or sum(trial.objective is not None for trial in trials) < 2:
        return space.parameters(_space_filling(space, (round - 1) * slots + slot, seed))
    surrogate = _fit(trials, space)
    points = space.candidates(candidates, derived_seed(seed, "candidates"))
    points = np.vstack([np.zeros((1, space.dimensions)), points])
    best = surrogate.x[int(np.argmax(np.round(surrogate.predict(surrogate.x)[0], 9)))]
    points = np.vstack([points, *(best + fraction * (points - best) for fraction in NEARER)])
    tried = {tuple(np.round(row, 9)) for row in surrogate.x}
    open_points = np.array([tuple(np.round(row, 9)) not in tried for row in points])
    for _ in range(slot + 1):
        mean, std = surrogate.predict(points)
        incumbent = float(surrogate.predict(surrogate.x)[0].max())
        score = np.where(open_points, log_expected_improvement(mean, std, incumbent), -np.inf)
        # rounding makes the choice independent of the last bits of the linear algebra
        index = int(np.argmax(np.round(score, 9)))
        open_points[index] = False
        surrogate = surrogate.conditioned(points[index : index + 1])
    return space.parameters(points[index])


def best_trial(trials: Sequence[Trial], space: SearchSpace) -> Trial:
    """The trial to train in full: the best *predicted* one, which is not the luckiest one.

    Args:
        trials: At least one of them succeeded.
        space: What was searched.

    Raises:
        NoiseError: No trial succeeded.
    """
    good = _in_order([trial for trial in trials if trial.objective is not None], space)
    if not good:
        raise NoiseError(f"none of {len(trials)} trials of {space.method} succeeded; nothing to choose")
    if len(good) < 2:
        return good[0]
    points = np.array([space.features(trial.parameters) for trial in good])
    mean, _ = _fit(trials, space).predict(points)
    return good[int(np.argmax(np.round(mean, 9)))]


def _in_order(trials: Sequence[Trial], space: SearchSpace) -> list[Trial]:
    """Trials in an order that depends on what they are alone; failed ones last."""
    return sorted(
        trials,
        key=lambda t: (tuple(space.features(t.parameters)), t.objective is None, t.objective or 0.0),
    )


def _fit(trials: Sequence[Trial], space: SearchSpace) -> Surrogate:
    """The process over features, with objectives in units of their spread over the trials.

    The surrogate's noise floor is an absolute one, made for usability; in these units it is
    1 % of the spread, and a search among close specifications still sees their differences.
    """
    ordered = _in_order(trials, space)
    good = [trial for trial in ordered if trial.objective is not None]
    spread = float(np.std([trial.objective for trial in good])) or 1.0
    worst = min(trial.objective for trial in good)
    error = float(np.median([trial.standard_error for trial in good]))
    failed = (worst, error)
    values = [failed if t.objective is None else (t.objective, t.standard_error) for t in ordered]
    x = np.array([space.features(trial.parameters) for trial in ordered])
    y, std = np.array(values).T / spread
    # BoTorch's single fit draws nothing: a proposal depends on the trials alone
    return fit_surrogate(x, y, std, method="map", rng=np.random.default_rng(0))


def _space_filling(space: SearchSpace, position: int, seed: int) -> np.ndarray:
    if position == 0:
        return np.zeros(space.dimensions)
    # rounded up to a power of two, as the sequence wants; its points do not depend on the count
    count = 1 << max(1, position.bit_length())
    return space.candidates(count, derived_seed(seed, "space-filling"))[position]


def _sobol(dimensions: int, count: int, seed: int) -> np.ndarray:
    """The first `count` points of a scrambled Sobol sequence, shape (count, dimensions)."""
    return qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random(count)
