"""Fabrication conditions as numbers a Gaussian process can compare.

`Levels` is what the search sees by default: which category (compound), and which level of each number.
`Encoding` measures distances, and is what BoTorch's fit sees.

In an `Encoding`, numeric variables run from 0 to 1 over the space's range, logarithmically where
a ratio matters more than a difference (of the paper's: length, Ag thickness), linearly
otherwise. A category has one dimension a level (`onehot`); a perovskite may have its ionic radii
and tolerance factor (`physical`) in their place. Both have categories first, then numbers.

Sources of the descriptors: effective radii of molecular cations, Kieslich,
Sun, Cheetham, Chem. Sci. 5, 4712 (2014): MA 217 pm, FA 253 pm; Cs 188 pm (XII),
Pb2+ 119 pm, I- 220 pm, Br- 196 pm, Cl- 181 pm, Shannon, Acta Cryst. A32, 751
(1976); tolerance factor t = (rA + rX) / (sqrt(2) (rPb + rX)), Goldschmidt (1926).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from codesign.fabrication.space import SpaceError
from codesign.variables import PAPER, Variables

A_SITE_PM = {"MA": 217.0, "FA": 253.0, "Cs": 188.0}
HALIDE_PM = {"I": 220.0, "Br": 196.0, "Cl": 181.0}
LEAD_PM = 119.0
NOT_ENCODABLE = "with a condition unknown or a perovskite that the model cannot describe"
"""Devices that have a usability and are left out of the search, in words."""
DESCRIPTORS = ("A-site radius", "halide radius", "tolerance factor")
PHYSICAL = "perovskite"
"""The category that `physical` describes."""


def not_encodable(variables: Variables) -> str:
    """`NOT_ENCODABLE` of a laboratory's own variables."""
    if variables.are_the_papers:
        return NOT_ENCODABLE
    levels = f" or no level of the space ({', '.join(variables.categories)})" if variables.categories else ""
    return f"with a condition unknown{levels}"


def ions_of(perovskite: str) -> tuple[str, str]:
    """A-site and halide of `APbX3`.

    Raises:
        SpaceError: Not a lead halide perovskite with known radii.

    >>> ions_of("MAPbBr3")
    ('MA', 'Br')
    """
    a_site, _, halide = perovskite.removesuffix("3").partition("Pb")
    if a_site not in A_SITE_PM or halide not in HALIDE_PM:
        raise SpaceError(
            f"perovskite {perovskite!r} has no descriptors; known are {', '.join(A_SITE_PM)} with Pb and "
            f"{', '.join(HALIDE_PM)}; others need fabrication.encoding: onehot"
        )
    return a_site, halide


def tolerance_factor(perovskite: str) -> float:
    """Goldschmidt's t from effective radii, about 0.8 to 1.0 where a perovskite forms.

    >>> round(float(tolerance_factor("MAPbI3")), 2), round(float(tolerance_factor("CsPbI3")), 2)
    (0.91, 0.85)
    """
    a_site, halide = ions_of(perovskite)
    return (A_SITE_PM[a_site] + HALIDE_PM[halide]) / (np.sqrt(2) * (LEAD_PM + HALIDE_PM[halide]))


@dataclass(frozen=True)
class Encoding:
    """Conditions to points of the unit cube (a little beyond it off the grid)."""

    kind: str
    """`physical` or `onehot`."""
    levels: Mapping[str, Sequence]
    varied: Variables = PAPER

    def __post_init__(self) -> None:
        if self.kind not in ("physical", "onehot"):
            raise SpaceError(f"encoding must be physical or onehot, got {self.kind!r}")
        if self.kind == "physical" and PHYSICAL not in self.varied.categories:
            raise SpaceError(
                f"encoding: physical describes a category called {PHYSICAL}, and there is none; write "
                "fabrication.encoding: onehot"
            )

    @property
    def variables(self) -> list[str]:
        """The fabrication variable that each dimension belongs to."""
        wide = [name for name in self.varied.categories for _ in range(self._width(name))]
        return [*wide, *self.varied.numbers]

    @property
    def numeric(self) -> np.ndarray:
        """Which dimensions belong to numeric variables, bool, (dimensions,)."""
        return np.array([name in self.varied.numbers for name in self.variables], dtype=bool)

    def __call__(self, conditions: Sequence[Mapping]) -> np.ndarray:
        """Encode, shape (len(conditions), dimensions)."""
        for name in self.varied.categories:
            unknown = sorted({c[name] for c in conditions if not self.knows_level(name, c[name])})
            if unknown:
                raise SpaceError(f"{name} {', '.join(map(repr, unknown))} cannot be encoded ({self.kind})")
        parts = [self._category(name, [c[name] for c in conditions]) for name in self.varied.categories]
        parts += [self._numeric(name, [c[name] for c in conditions]) for name in self.varied.numbers]
        return np.column_stack(parts)

    def knows(self, condition: Mapping) -> bool:
        """Whether a condition's categories can be encoded."""
        return all(self.knows_level(name, condition[name]) for name in self.varied.categories)

    def _has_radii(self, name: str) -> bool:
        return self.kind == "physical" and name == PHYSICAL

    def _width(self, name: str) -> int:
        return len(DESCRIPTORS) if self._has_radii(name) else len(self.levels[name])

    def knows_level(self, name: str, value: str) -> bool:
        """Whether a value of one category can be encoded."""
        if not self._has_radii(name):
            return value in self.levels[name]
        try:
            ions_of(value)
        except SpaceError:
            return False
        return True

    def _category(self, name: str, values: Sequence[str]) -> np.ndarray:
        if not self._has_radii(name):
            codes = np.array([[float(v == level) for level in self.levels[name]] for v in values])
            return codes.reshape(-1, len(self.levels[name]))
        described = np.array([_described(c) for c in values]).reshape(-1, len(DESCRIPTORS))
        every = np.array([_described(f"{a}Pb{x}3") for a in A_SITE_PM for x in HALIDE_PM])
        return (described - every.min(axis=0)) / np.ptp(every, axis=0)

    def _numeric(self, name: str, values: Sequence[float]) -> np.ndarray:
        levels, values = np.asarray(self.levels[name], dtype=float), np.asarray(values, dtype=float)
        if self.varied[name].scale == "log":
            levels, values = np.log(levels), np.log(values)
        return (values - levels.min()) / (np.ptp(levels) or 1.0)


@dataclass(frozen=True)
class Levels:
    """Conditions to points: a code of each category, and each numeric variable's place among its levels.

    The lowest level of a variable is 0, the highest 1, the others evenly between, as a person chose them;
    values between levels are interpolated, values beyond them continue the outermost step. A variable of
    one level has it at 1/2, and other values by their difference from it, as a share of it.
    """

    levels: Mapping[str, Sequence]
    others: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Values of each category beside those of the space."""
    varied: Variables = PAPER

    @property
    def variables(self) -> list[str]:
        """The fabrication variable of each dimension."""
        return [*self.varied.categories, *self.varied.numbers]

    def __call__(self, conditions: Sequence[Mapping]) -> np.ndarray:
        """Points, (len(conditions), categories + numbers).

        Raises:
            SpaceError: A value of a category that is neither of the space nor among the others.
        """
        parts = [self._codes(name, [c[name] for c in conditions]) for name in self.varied.categories]
        parts += [_placed(self.levels[name], [c[name] for c in conditions]) for name in self.varied.numbers]
        return np.column_stack(parts)

    def _codes(self, name: str, values: Sequence[str]) -> np.ndarray:
        more = sorted(set(self.others.get(name, ())) - set(self.levels[name]))
        code = {value: k for k, value in enumerate([*self.levels[name], *more])}
        if unknown := sorted(set(values) - set(code)):
            raise SpaceError(f"{name} {', '.join(map(repr, unknown))} is none of {', '.join(code)}")
        return np.array([code[value] for value in values], dtype=float)


def categories_of(variables: Variables, conditions: Iterable[Mapping]) -> dict[str, set[str]]:
    """Values that the categories of some conditions have, by name."""
    conditions = list(conditions)
    return {name: {condition[name] for condition in conditions} for name in variables.categories}


def _placed(levels: Sequence[float], values: Sequence[float]) -> np.ndarray:
    """Place among the levels, 0 ... 1 and a little beyond."""
    levels, values = np.sort(np.asarray(levels, dtype=float)), np.asarray(values, dtype=float)
    if len(levels) == 1:
        return 0.5 + (values - levels[0]) / (levels[0] or 1.0)
    places = np.linspace(0.0, 1.0, len(levels))
    step = np.clip(np.searchsorted(levels, values, side="right") - 1, 0, len(levels) - 2)
    share = (values - levels[step]) / (levels[step + 1] - levels[step])
    return places[step] + share * (places[step + 1] - places[step])


def _described(perovskite: str) -> tuple[float, float, float]:
    a_site, halide = ions_of(perovskite)
    return A_SITE_PM[a_site], HALIDE_PM[halide], tolerance_factor(perovskite)
