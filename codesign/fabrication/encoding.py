"""Fabrication conditions as numbers a Gaussian process can compare.

`Levels` is what the search sees by default: which compound, and which level of each variable. `Encoding`
measures distances, and is what BoTorch's fit sees.

In an `Encoding`, numeric variables run from 0 to 1 over the space's range, logarithmically where
a ratio matters more than a difference (length, Ag thickness), linearly
otherwise. A perovskite has one dimension per compound (`onehot`), or its ionic radii
and tolerance factor (`physical`).

Sources of the descriptors: effective radii of molecular cations, Kieslich,
Sun, Cheetham, Chem. Sci. 5, 4712 (2014): MA 217 pm, FA 253 pm; Cs 188 pm (XII),
Pb2+ 119 pm, I- 220 pm, Br- 196 pm, Cl- 181 pm, Shannon, Acta Cryst. A32, 751
(1976); tolerance factor t = (rA + rX) / (sqrt(2) (rPb + rX)), Goldschmidt (1926).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codesign.fabrication.space import NUMERIC, SpaceError

LOGARITHMIC = ("length_um", "ag_nm")
A_SITE_PM = {"MA": 217.0, "FA": 253.0, "Cs": 188.0}
HALIDE_PM = {"I": 220.0, "Br": 196.0, "Cl": 181.0}
LEAD_PM = 119.0
NOT_ENCODABLE = "with a condition unknown or a perovskite that the model cannot describe"
"""Devices that have a usability and are left out of the search, in words."""
DESCRIPTORS = ("A-site radius", "halide radius", "tolerance factor")


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

    def __post_init__(self) -> None:
        if self.kind not in ("physical", "onehot"):
            raise SpaceError(f"encoding must be physical or onehot, got {self.kind!r}")

    @property
    def variables(self) -> list[str]:
        """The fabrication variable that each dimension belongs to."""
        width = len(DESCRIPTORS) if self.kind == "physical" else len(self.levels["perovskite"])
        return ["perovskite"] * width + list(NUMERIC)

    @property
    def numeric(self) -> np.ndarray:
        """Which dimensions belong to numeric variables, bool, (dimensions,)."""
        return np.array([name != "perovskite" for name in self.variables])

    def __call__(self, conditions: Sequence[Mapping]) -> np.ndarray:
        """Encode, shape (len(conditions), dimensions)."""
        compounds = [condition["perovskite"] for condition in conditions]
        unknown = sorted({c for c in compounds if not self.knows(c)})
        if unknown:
            raise SpaceError(f"perovskite {', '.join(map(repr, unknown))} cannot be encoded ({self.kind})")
        left = self._compounds(compounds)
        right = [self._numeric(name, [condition[name] for condition in conditions]) for name in NUMERIC]
        return np.column_stack([left, *right])

    def knows(self, perovskite: str) -> bool:
        """Whether a compound can be encoded."""
        if self.kind == "onehot":
            return perovskite in self.levels["perovskite"]
        try:
            ions_of(perovskite)
        except SpaceError:
            return False
        return True

    def _compounds(self, compounds: Sequence[str]) -> np.ndarray:
        if self.kind == "onehot":
            return np.array([[float(c == level) for level in self.levels["perovskite"]] for c in compounds])
        described = np.array([_described(c) for c in compounds]).reshape(-1, len(DESCRIPTORS))
        every = np.array([_described(f"{a}Pb{x}3") for a in A_SITE_PM for x in HALIDE_PM])
        return (described - every.min(axis=0)) / np.ptp(every, axis=0)

    def _numeric(self, name: str, values: Sequence[float]) -> np.ndarray:
        levels, values = np.asarray(self.levels[name], dtype=float), np.asarray(values, dtype=float)
        if name in LOGARITHMIC:
            levels, values = np.log(levels), np.log(values)
        return (values - levels.min()) / (np.ptp(levels) or 1.0)


@dataclass(frozen=True)
class Levels:
    """Conditions to points: a code of the compound, and each numeric variable's place among its levels.

    The lowest level of a variable is 0, the highest 1, the others evenly between, as a person chose them;
    values between levels are interpolated, values beyond them continue the outermost step. A variable of
    one level has it at 1/2, and other values by their difference from it, as a share of it.
    """

    levels: Mapping[str, Sequence]
    others: Collection[str] = ()
    """Compounds beside those of the space."""

    @property
    def variables(self) -> list[str]:
        """The fabrication variable of each dimension."""
        return ["perovskite", *NUMERIC]

    def __call__(self, conditions: Sequence[Mapping]) -> np.ndarray:
        """Points, (len(conditions), 1 + numeric variables).

        Raises:
            SpaceError: A compound that is neither of the space nor among the others.
        """
        compounds = [*self.levels["perovskite"], *sorted(set(self.others) - set(self.levels["perovskite"]))]
        code = {compound: k for k, compound in enumerate(compounds)}
        unknown = sorted({c["perovskite"] for c in conditions} - set(code))
        if unknown:
            raise SpaceError(f"perovskite {', '.join(map(repr, unknown))} is none of {', '.join(compounds)}")
        first = np.array([code[condition["perovskite"]] for condition in conditions], dtype=float)
        rest = [_placed(self.levels[name], [condition[name] for condition in conditions]) for name in NUMERIC]
        return np.column_stack([first, *rest])


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
