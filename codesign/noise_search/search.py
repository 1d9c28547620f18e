"""The search for a method's noise and starting scale: deterministic proposals, one budget for every method.

Searched together: where the noise acts (its site, for methods with a choice), how strong it is, and the
scale of the starting weights. Before it stand the trials without noise, one a starting scale: ERM. They
are the same for every method and cost none of its budget.

A search has rounds, and a round has slots: trials that are made side by side. Round 1 spreads over the space
by a scrambled Sobol sequence, site by site in turn; where layers are free, every other point has the same
noise in all of them. Later rounds fit a Gaussian process to all trials and take the point of largest
expected improvement, out of one fixed set of candidates and two copies of it that are shrunk towards the
best trial. Within a round, each slot assumes that the slots before it turn out as predicted, so that a
round is spread out.

What the search returns is no worse than ERM *on validation data*, up to the error of the objective, because
ERM is among the trials it chooses from. Whether it is better on test data, the evaluation tells.

The process sees noise parameters divided by their limit, those of each site on axes of their own. All points
without noise are then the same point, and a distance between points is one between noises.

No method is searched further than another: where a noise is a factor, its variance over its squared mean
is at most `search.variance`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import method_of
from codesign.bayesmulti.noises import noise_class
from codesign.bayesopt.acquisition import log_expected_improvement
from codesign.bayesopt.surrogate import Process, fit_map
from codesign.seeds import derived_seed

Parameters = Mapping[str, float | str | Sequence[float]]
"""What a trial tries: `site`, `initial_scale` and the parameters of the noise. Without those: no noise."""
NEARER = (0.5, 0.2)
"""Candidates are tried again at these fractions of their distance from the best trial of the same site."""
MOST_DIMENSIONS = qmc.Sobol.MAXDIM - 1
"""Noise parameters SciPy's Sobol sequence has room for; per-layer spaces of deeper networks are refused."""


@dataclass(frozen=True)
class SearchSpace:
    """What a searched method may be trained with."""

    method: str
    places: Mapping[str, int]
    """Site to the number of noisy places there: the sites to choose from."""
    tie: str
    """layer: each place its own parameters | model: one set for all."""
    limit: float
    """Largest noise of a place, as the method's file means it: the sum of its parameters."""
    scales: Sequence[float] = (1.0,)
    """Starting scales to choose from, times the published one."""
    variance: float = math.inf
    """Largest variance of a factor over its squared mean; noises that are no factors have none."""

    def __post_init__(self) -> None:
        method = method_of(self.method)
        if not method.searched:
            raise NoiseError(f"{self.method} has nothing to search")
        if self.tie not in ("layer", "model"):
            raise NoiseError(f"tie must be layer or model, got {self.tie!r}")
        if not self.places or min(self.places.values()) < 1:
            raise NoiseError(f"a search needs at least 1 noisy layer, got {dict(self.places)}")
        strange = set(self.places) - set(method.sites)
        if strange:
            raise NoiseError(f"{self.method} acts at {', '.join(method.sites)}; got {', '.join(strange)}")
        bound = np.inf if method.limit.largest is None else method.limit.largest
        if not (np.isfinite(self.limit) and 0 < self.limit <= bound):
            raise NoiseError(
                f"{self.method}: limit must lie above 0 and at most {bound:g}, got {self.limit!r}"
            )
        if not self.scales or min(self.scales) <= 0 or len(set(self.scales)) < len(self.scales):
            raise NoiseError(f"starting scales must be different and above 0, got {list(self.scales)}")
        if not self.variance > 0:
            raise NoiseError(f"the largest variance must be above 0, got {self.variance!r}")
        most = max(self.noise_dimensions(site) for site in self.places)
        if most > MOST_DIMENSIONS:
            raise NoiseError(f"{most} dimensions exceed {MOST_DIMENSIONS}; use tie: model")

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of one place."""
        return tuple(method_of(self.method).parameters)

    def groups(self, site: str) -> int:
        """Sets of parameters that vary independently where noise acts at `site`."""
        return self.places[site] if self.tie == "layer" else 1

    def noise_dimensions(self, site: str) -> int:
        """Numbers that say how strong the noise is at every place of `site`."""
        return self.groups(site) * len(self.names)

    @property
    def dimensions(self) -> int:
        """Numbers the surrogate sees of a point."""
        return sum(map(self.noise_dimensions, self.places)) + (len(self.scales) > 1)

    def at(self, unit: np.ndarray, *, site: str, scale: float) -> dict:
        """Parameters of a point of the cube, shape (noise_dimensions(site),); uniform in, uniform out.

        A pair (a, b) becomes a point of the triangle p_zero + p_half <= limit: their sum
        is limit * sqrt(a), which spreads uniform points uniformly, and b is the share of p_half.

        Raises:
            NoiseError: Another shape, or a coordinate outside 0 ... 1.

        >>> space = SearchSpace("bayesmulti", {"weight": 3}, tie="model", limit=0.8)
        >>> space.at(np.array([0.25, 0.5]), site="weight", scale=1.0)
        {'site': 'weight', 'initial_scale': 1.0, 'p_zero': 0.2, 'p_half': 0.2}
        """
        unit = np.asarray(unit, dtype=float)
        wanted = self.noise_dimensions(site)
        if unit.shape != (wanted,) or not np.all((unit >= 0) & (unit <= 1)):
            raise NoiseError(f"a point has {wanted} coordinates in 0 ... 1, got {unit.tolist()}")
        return self._said(self._columns(unit[None])[0], site, scale)

    def features(self, parameters: Parameters) -> np.ndarray:
        """What the surrogate sees: parameters over the limit on their site's axes, the scale as 0 ... 1.

        Raises:
            NoiseError: Parameters are missing, of the wrong length, or outside the space.
        """
        row = np.zeros(self.dimensions)
        if any(name in parameters for name in self.names):
            site = parameters.get("site")
            if site not in self.places:
                raise NoiseError(f"{self.method}: site must be {' or '.join(self.places)}, got {site!r}")
            row[self._axes(site)] = (self._values(parameters, site) / self.limit).ravel()
        if len(self.scales) > 1:
            row[-1] = self._scale_axis()[self._scale_number(parameters.get("initial_scale"))]
        return row

    def parameters(self, features: np.ndarray) -> dict:
        """The inverse of `features`; a point without noise is said at the first site."""
        row = np.asarray(features, dtype=float)
        site = next((site for site in self.places if row[self._axes(site)].any()), next(iter(self.places)))
        values = row[self._axes(site)].reshape(self.groups(site), len(self.names)) * self.limit
        number = int(np.argmin(np.abs(self._scale_axis() - row[-1]))) if len(self.scales) > 1 else 0
        return self._said(values, site, self.scales[number])

    def candidates(self, count: int, seed: int) -> np.ndarray:
        """Features of a fixed set of points with noise, shape (count or fewer, dimensions), sites in turn.

        Scrambled Sobol sequences; where layers are free, every other point has all layers
        alike, as random points of many layers all have about the same total noise.
        """
        each = 1 << max(1, math.ceil(math.log2(count / len(self.places))))
        made = [self._candidates_at(site, each, derived_seed(seed, site)) for site in self.places]
        points = np.stack(made, axis=1).reshape(-1, self.dimensions)
        return points[self.allowed(points)][:count]

    def allowed(self, points: np.ndarray) -> np.ndarray:
        """Which points, shape (n, dimensions), have no factor beyond the largest variance, shape (n,)."""
        kind = noise_class(method_of(self.method).noise)
        within = np.ones(len(points), dtype=bool)
        for site in self.places:
            noise = points[:, self._axes(site)].reshape(len(points), -1, len(self.names)) * self.limit
            found = kind.variance_of(**{name: noise[..., k] for k, name in enumerate(self.names)})
            if found is not None:
                within &= (found <= self.variance).all(axis=1)
        return within

    def _candidates_at(self, site: str, count: int, seed: int) -> np.ndarray:
        width = self.noise_dimensions(site)
        unit = _sobol(width + 1, count, seed)
        noise = self._columns(unit[:, :width]).reshape(count, -1) / self.limit
        if self.groups(site) > 1:
            alike = self._columns(_sobol(len(self.names), count, derived_seed(seed, "alike")))
            noise[1::2] = np.tile(alike[:, 0] / self.limit, (1, self.groups(site)))[1::2]
        points = np.zeros((count, self.dimensions))
        points[:, self._axes(site)] = noise
        if len(self.scales) > 1:
            points[:, -1] = self._scale_axis()[(unit[:, width] * len(self.scales)).astype(int)]
        return points

    def _axes(self, site: str) -> slice:
        """Where the noise of a site stands among the features."""
        start = 0
        for each in self.places:
            stop = start + self.noise_dimensions(each)
            if each == site:
                return slice(start, stop)
            start = stop
        raise NoiseError(f"{self.method}: no site {site}")

    def _scale_axis(self) -> np.ndarray:
        """A place in 0 ... 1 for each starting scale, by its logarithm."""
        logs = np.log(self.scales)
        return (logs - logs.min()) / max(np.ptp(logs), 1e-300)

    def _scale_number(self, scale: object) -> int:
        for number, known in enumerate(self.scales):
            if scale == known:
                return number
        known = ", ".join(f"{each:g}" for each in self.scales)
        raise NoiseError(f"{self.method}: initial_scale must be one of {known}, got {scale!r}")

    def _columns(self, unit: np.ndarray) -> np.ndarray:
        """(n, groups * parameters) of the cube to (n, groups, parameters)."""
        cube = unit.reshape(len(unit), -1, len(self.names))
        if len(self.names) == 1:
            return cube * self.limit
        total = self.limit * np.sqrt(cube[..., :1])
        half = total * cube[..., 1:]
        return np.concatenate([total - half, half], axis=-1)

    def _said(self, values: np.ndarray, site: str, scale: float) -> dict:
        """Parameters from values of shape (groups, parameters)."""
        one = self.tie == "model"
        noise = {
            name: float(values[0, k]) if one else values[:, k].tolist() for k, name in enumerate(self.names)
        }
        return {"site": site, "initial_scale": scale, **noise}

    def _values(self, parameters: Parameters, site: str) -> np.ndarray:
        """Checked parameters as (groups, parameters of one place)."""
        given = set(parameters) - {"site", "initial_scale"}
        if given != set(self.names):
            raise NoiseError(f"{self.method} takes {', '.join(self.names)}; got {', '.join(sorted(given))}")
        values = np.array([np.atleast_1d(parameters[name]) for name in self.names], dtype=float).T
        if values.shape != (self.groups(site), len(self.names)):
            raise NoiseError(f"need {self.groups(site)} value(s) of each parameter, got {dict(parameters)}")
        # one unit in the last place for sums that were rounded
        if not np.all(values >= 0) or np.any(values.sum(axis=1) > self.limit * (1 + 1e-12)):
            raise NoiseError(
                f"parameters must be >= 0 and total at most {self.limit}, got {dict(parameters)}"
            )
        return values


@dataclass(frozen=True)
class Trial:
    """What was trained and scored on the validation panel."""

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
    pending: Sequence[Parameters] = (),
) -> dict[str, float | list[float]]:
    """The parameters that slot `slot` of round `round` tries.

    Args:
        trials: Every trial of earlier rounds and those without noise, in any order.
        space: What is searched.
        round: From 1; round 1 looks at no trial.
        slots: Trials a round, made side by side.
        slot: From 0.
        seed: Seed of the space-filling points and the candidates: the same for all rounds.
        candidates: Size of the candidate set, a power of two.
        pending: What the slots before this one try: assumed to turn out as predicted, and not tried again.

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
    points = np.vstack([points, *_nearer(points, surrogate, space)])
    for parameters in pending:
        surrogate = surrogate.conditioned(space.features(parameters)[None])
    tried = {tuple(np.round(row, 9)) for row in surrogate.x}
    open_points = np.array([tuple(np.round(row, 9)) not in tried for row in points])
    mean, std = surrogate.predict(points)
    incumbent = float(surrogate.predict(surrogate.x)[0].max())
    score = np.where(open_points, log_expected_improvement(mean, std, incumbent), -np.inf)
    # rounding makes the choice independent of the last bits of the linear algebra
    return space.parameters(points[int(np.argmax(np.round(score, 9)))])


def _nearer(points: np.ndarray, surrogate: Process, space: SearchSpace) -> list[np.ndarray]:
    """Candidates shrunk towards the best trial, of its own site and starting scale."""
    best = surrogate.x[int(np.argmax(np.round(surrogate.predict(surrogate.x)[0], 9)))]
    far = np.ones(len(points), dtype=bool)
    if len(space.scales) > 1:
        far &= np.isclose(points[:, -1], best[-1])
    for site in space.places:
        axes = space._axes(site)
        if not best[axes].any() and best[: space.dimensions - (len(space.scales) > 1)].any():
            far &= ~points[:, axes].any(axis=1)
    made = [best + fraction * (points[far] - best) for fraction in NEARER]
    return [rows[space.allowed(rows)] for rows in made]


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


def _fit(trials: Sequence[Trial], space: SearchSpace) -> Process:
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
    return fit_map(x, y, std)


def _space_filling(space: SearchSpace, position: int, seed: int) -> np.ndarray:
    """One point of a sequence that spreads over what is allowed."""
    wanted = 64
    while True:
        points = space.candidates(wanted, derived_seed(seed, "space-filling"))
        if position < len(points):
            return points[position]
        wanted *= 2


def _sobol(dimensions: int, count: int, seed: int) -> np.ndarray:
    """The first `count` points of a scrambled Sobol sequence, shape (count, dimensions)."""
    return qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random(count)
