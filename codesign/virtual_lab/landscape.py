"""A hidden usability over all fabrication conditions: the ground truth of the virtual laboratory.

Each draw is one member of a family: unimodal main effects on scales bent at
random, optima that shift with the perovskite, pairwise interactions, a smooth
random field and, in half of the draws, a broad deceptive hill. On average over draws the trends of the
paper hold (methylammonium above formamidinium and caesium, medium diameters
good); in a single draw they need not. Ionic radii and tolerance factors, which the search
may use, have no part in it: otherwise the search would be tested on its own assumptions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from codesign.nonideality.usability import split

NUMERIC = ("length_um", "diameter_nm", "pb_min", "ag_nm")
LOGARITHMIC = ("length_um", "ag_nm")
COMPOUND_MEAN = {"MAPbI3": 0.0, "MAPbBr3": -0.05, "MAPbCl3": -0.2, "FAPbI3": -0.35, "CsPbI3": -0.35}
"""Mean advantage of a compound, in units of one main effect; other compounds -0.25."""
PEAK_MEAN = {"length_um": 0.55, "diameter_nm": 0.5, "pb_min": 0.45, "ag_nm": 0.5}
"""Mean position of the optimum on each variable's unit scale."""
START_RANGE = (0.28, 0.44)
"""Usability of the first device; the paper's had 0.36."""
OPTIMUM_RANGE = (0.90, 0.97)
FLOOR_RANGE = (0.05, 0.15)
NEAR_OPTIMUM = (0.006, 0.03)
"""Share of conditions within 5 % of the optimum, least and largest: few, but more than one."""
SATURATION = 1.8
"""Usability saturates towards the best condition, 1 - (1 - u)^1.8: the optimum is a plateau, not a peak."""
WARP = 0.3
"""Log-normal spread of the exponent that bends each variable's scale; no search is told of it."""
ETA_EXPONENT = 0.3
"""eta = U^0.3: on the measured devices both factors worsen together, the spread more than the window."""
MAX_DRAWS = 500


@dataclass(frozen=True)
class Landscape:
    """One hidden usability; make it with `draw`."""

    space: Mapping[str, Sequence]
    terms: Mapping[str, object]
    floor: float
    top: float
    gamma: float
    low: float
    high: float

    @classmethod
    def draw(
        cls, space: Mapping[str, Sequence], rng: np.random.Generator, start: Mapping[str, object]
    ) -> "Landscape":
        """Draw a landscape in which the start is mediocre and good conditions are rare.

        Args:
            space: Levels of the five variables.
            rng: Source of every draw.
            start: The first device made; its usability falls within 0.28 ... 0.44.

        Raises:
            ValueError: No such landscape was found in 500 draws: the space has too few levels.
        """
        conditions = _conditions(space)
        for _ in range(MAX_DRAWS):
            terms = _terms(space, rng)
            raw = _raw(terms, space, conditions)
            low, high = float(raw.min()), float(raw.max())
            floor, top, wanted = (rng.uniform(*r) for r in (FLOOR_RANGE, OPTIMUM_RANGE, START_RANGE))
            here = float(_saturating(_raw(terms, space, [start]), low, high)[0])
            if not 0.02 < here < 0.98:
                continue
            gamma = np.log((wanted - floor) / (top - floor)) / np.log(here)
            values = floor + (top - floor) * _saturating(raw, low, high) ** gamma
            near = float(np.mean(values >= 0.95 * top))
            if 0.7 <= gamma <= 5 and (NEAR_OPTIMUM[0] <= near <= NEAR_OPTIMUM[1] or len(conditions) < 500):
                return cls(dict(space), terms, floor, top, float(gamma), low, high)
        raise ValueError(
            f"no landscape with the start at {START_RANGE} in {MAX_DRAWS} draws; widen the space"
        )

    def usability(self, conditions: Sequence[Mapping[str, object]]) -> np.ndarray:
        """Hidden usability, shape (len(conditions),); numbers between and beyond levels are fine."""
        raw = _raw(self.terms, self.space, conditions)
        unit = _saturating(raw, self.low, self.high)
        return self.floor + (self.top - self.floor) * unit**self.gamma

    def grid(self) -> tuple[list[dict], np.ndarray]:
        """Every condition of the space with its usability."""
        conditions = _conditions(self.space)
        return conditions, self.usability(conditions)

    def optimum(self) -> tuple[dict, float]:
        """The best condition of the space and its usability."""
        conditions, values = self.grid()
        best = int(np.argmax(values))
        return conditions[best], float(values[best])

    @staticmethod
    def nonidealities(usability: float) -> tuple[float, float]:
        """eta and sigma that multiply to a usability, U = eta exp(-sigma), with eta = U^0.3."""
        return split(usability, eta_share=ETA_EXPONENT)


def _conditions(space: Mapping[str, Sequence]) -> list[dict]:
    names = ("perovskite", *NUMERIC)
    return [dict(zip(names, levels, strict=True)) for levels in product(*(space[name] for name in names))]


def _saturating(raw: np.ndarray, low: float, high: float) -> np.ndarray:
    # beyond the grid a score may leave its range; a usability may not
    unit = np.clip((raw - low) / (high - low), 0.0, 1.0)
    return 1.0 - (1.0 - unit) ** SATURATION


def _terms(space: Mapping[str, Sequence], rng: np.random.Generator) -> dict:
    compounds = list(space["perovskite"])
    return {
        "offset": {c: COMPOUND_MEAN.get(c, -0.25) + 0.15 * rng.standard_normal() for c in compounds},
        "warp": {v: float(np.exp(WARP * rng.standard_normal())) for v in NUMERIC},
        "peak": {v: PEAK_MEAN[v] + 0.15 * rng.standard_normal() for v in NUMERIC},
        "width": {v: rng.uniform(0.2, 0.5) for v in NUMERIC},
        "weight": {v: rng.uniform(0.4, 1.0) for v in NUMERIC},
        "shift": {c: 0.12 * rng.standard_normal(len(NUMERIC)) for c in compounds},
        "pair": {pair: 0.25 * rng.standard_normal() for pair in combinations(range(len(NUMERIC)), 2)},
        "wave": (
            2.5 * rng.standard_normal((24, len(NUMERIC))),
            rng.uniform(0, 2 * np.pi, 24),
            rng.standard_normal(24),
        ),
        "hill": (rng.uniform(0, 1, len(NUMERIC)), rng.uniform(0.3, 0.7) if rng.random() < 0.5 else 0.0),
    }


def _raw(terms: Mapping, space: Mapping[str, Sequence], conditions: Sequence[Mapping]) -> np.ndarray:
    x = np.column_stack([_unit(name, space[name], [c[name] for c in conditions]) for name in NUMERIC])
    x = np.sign(x) * np.abs(x) ** np.array([terms["warp"][name] for name in NUMERIC])
    compounds = [c["perovskite"] for c in conditions]
    score = np.array([terms["offset"].get(c, -0.25) for c in compounds])
    none = np.zeros(len(NUMERIC))
    shift = np.array([terms["shift"].get(c, none) for c in compounds])
    for k, name in enumerate(NUMERIC):
        distance = (x[:, k] - terms["peak"][name] - shift[:, k]) / terms["width"][name]
        score = score + terms["weight"][name] * np.exp(-0.5 * distance**2)
    for (a, b), strength in terms["pair"].items():
        score = score + strength * 4 * (x[:, a] - 0.5) * (x[:, b] - 0.5)
    frequency, phase, amplitude = terms["wave"]
    score = score + 0.1 * np.cos(x @ frequency.T + phase) @ amplitude / np.sqrt(len(amplitude) / 2)
    centre, height = terms["hill"]
    return score + height * np.exp(-0.5 * ((x - centre) ** 2).sum(axis=1) / 0.25**2)


def _unit(name: str, levels: Sequence[float], values: Sequence[float]) -> np.ndarray:
    levels, values = np.asarray(levels, dtype=float), np.asarray(values, dtype=float)
    if name in LOGARITHMIC:
        levels, values = np.log(levels), np.log(values)
    span = np.ptp(levels)
    return (values - levels.min()) / (span if span > 0 else 1.0)
