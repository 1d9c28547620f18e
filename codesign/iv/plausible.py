"""Fabrication conditions that no laboratory has, and what was probably meant."""

from dataclasses import replace

from codesign.iv.measurement import Metadata

RANGES = {
    "length_um": (0.01, 1000.0, "um", 1e6),
    "diameter_nm": (0.3, 1e5, "nm", 1e9),
    "pb_min": (0.0, 1e4, "min", 1 / 60),
    "ag_nm": (0.3, 1e5, "nm", 1e9),
}
"""Smallest and largest value of a condition, its unit, and how many of these an SI unit has."""
COMPOUNDS = tuple(f"{cation}Pb{halide}3" for cation in ("MA", "FA", "Cs") for halide in ("I", "Br", "Cl"))
"""Perovskites that nearly every laboratory of the field makes; others are taken as they are written."""


ALIASES = {
    "mai": "MAPbI3", "mabr": "MAPbBr3", "macl": "MAPbCl3", "fai": "FAPbI3", "csi": "CsPbI3",
    "mapi": "MAPbI3", "fapi": "FAPbI3", "ch3nh3pbi3": "MAPbI3", "ch3nh3pbbr3": "MAPbBr3",
    "ch3nh3pbcl3": "MAPbCl3",
}  # fmt: skip
"""Precursors as file names have them, and other names, without capitals."""


def implausible_conditions(metadata: Metadata) -> dict[str, str]:
    """Conditions outside any laboratory's range, each with what was probably meant.

    >>> implausible_conditions(Metadata("a", diameter_nm=2e-7))["diameter_nm"]
    'diameter_nm is 2e-07; 0.3 to 100000 nm are plausible: written in SI units it means 200 nm'
    """
    found = {}
    for name, (low, high, unit, per_si) in RANGES.items():
        value = getattr(metadata, name)
        if value is None or low <= value <= high:
            continue
        meant = value * per_si
        likely = f": written in SI units it means {meant:g} {unit}" if low <= meant <= high else ""
        found[name] = f"{name} is {value:g}; {low:g} to {high:g} {unit} are plausible{likely}"
    return found


def without_implausible(metadata: Metadata) -> Metadata:
    """The same with conditions outside any laboratory's range unknown, and a note on each."""
    absurd = implausible_conditions(metadata)
    if not absurd:
        return metadata
    notes = (*metadata.notes, *(f"not used: {said}" for said in absurd.values()))
    return replace(metadata, notes=notes, **dict.fromkeys(absurd))


def likely_compound(perovskite: str | None) -> str:
    """The compound that a nearly right name stands for; '' where the name is right or like none.

    >>> likely_compound("mapbi3 "), likely_compound("MAPbI3"), likely_compound("Cs2AgBiBr6")
    ('MAPbI3', '', '')
    """
    if perovskite is None or perovskite in COMPOUNDS:
        return ""
    wanted = _plain(perovskite)
    wanted = _plain(ALIASES.get(wanted, wanted))
    for compound in COMPOUNDS:
        if _plain(compound) == wanted:
            return compound
    return ""


def _plain(text: str) -> str:
    """A name without capitals, spaces, hyphens, underscores and brackets; subscripts as digits."""
    subscripts = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    return "".join(sign for sign in text.translate(subscripts).casefold() if sign.isalnum())
