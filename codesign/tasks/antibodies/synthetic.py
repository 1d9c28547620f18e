"""Generated antibodies and antigens: lineages that aim at sites, and residues that suit each other or not.

Nothing in them is measured. A lineage of antibodies comes from one random ancestor and aims at one site of
the antigens; its members differ where they touch the antigen and elsewhere. A member neutralises an antigen
if its residues at the contacts suit the antigen's there: charges attract, oily residues meet oily ones, large
ones small ones. The threshold is the lineage's own median, so that each has about as many of both answers.

Two groups of antibodies are tested on: relatives of lineages that are trained on, and one lineage of which no
member is. Of the second a network can know nothing.
"""

from dataclasses import dataclass

import numpy as np

from codesign.seeds import generator
from codesign.tasks.antibodies.sequences import RESIDUES

LINEAGES, MEMBERS = 9, 16
"""Lineages of antibodies, the last of them new; antibodies of each."""
RELATIVES = 4
"""Of each known lineage, the members that are tested on."""
CLADES, STRAINS = 12, 14
"""Clades of antigens; antigens of each, where an experiment does not say."""
ANTIBODY_LENGTH, ANTIGEN_LENGTH = 60, 80
"""Residues."""
CONTACTS = 3
"""Residues of an antibody that touch the antigen."""
PAIRS = 7000
"""Where an experiment does not say."""
DRIFT, CONTACT_DRIFT = 0.06, 0.15
"""Share of an antibody's residues that differ from its ancestor's: elsewhere, and at the contacts."""
CLADE_DRIFT, STRAIN_DRIFT = 0.35, 0.08
"""Share of residues by which a clade differs from the first antigen, and a strain from its clade."""
GROUPS = ("relatives", "new lineage")

CHARGE = {"D": -1.0, "E": -1.0, "K": 1.0, "R": 1.0, "H": 0.5}
OILY = {"A": 0.4, "C": 0.5, "F": 0.9, "I": 1.0, "L": 0.9, "M": 0.7, "V": 0.8, "W": 0.7, "Y": 0.4}
SIZE = dict(zip(RESIDUES, (1, 2, 3, 4, 6, 0, 5, 4, 5, 4, 4, 3, 3, 4, 6, 1, 2, 3, 7, 6), strict=True))
"""About how much larger than glycine a residue is, in heavy atoms."""


@dataclass(frozen=True)
class Generated:
    """Sequences, and pairs of them with their answer."""

    antibodies: tuple[str, ...]
    antigens: tuple[str, ...]
    lineage: np.ndarray
    """Of each antibody, int64."""
    tested: np.ndarray
    """Of each antibody: -1 where it is trained on, else its place in `GROUPS`, int64."""
    antibody: np.ndarray
    """Of each pair, int64 (n,)."""
    antigen: np.ndarray
    label: np.ndarray
    """int64 (n,)."""


def generated(seed: int, *, strains: int = STRAINS, pairs: int = PAIRS) -> Generated:
    """All sequences and pairs, the same for the same root seed.

    Args:
        seed: Root seed.
        strains: Antigens of each clade.
        pairs: Drawn from all pairs there are.

    Raises:
        ValueError: More pairs are asked for than there are.
    """
    most = LINEAGES * MEMBERS * CLADES * strains
    if pairs > most:
        raise ValueError(f"{pairs} pairs asked for; {strains} strains make {most}")
    rng = generator(seed, "antibodies", "synthetic")
    letters = len(RESIDUES)
    antigens = _antigens(rng, strains)
    antibodies, contacts, sites = [], [], []
    for _ in range(LINEAGES):
        ancestor = rng.integers(letters, size=ANTIBODY_LENGTH)
        contact = np.sort(rng.choice(ANTIBODY_LENGTH, CONTACTS, replace=False))
        rate = np.full(ANTIBODY_LENGTH, DRIFT)
        rate[contact] = CONTACT_DRIFT
        antibodies += [_mutated(ancestor, rate, rng) for _ in range(MEMBERS)]
        contacts.append(contact)
        sites.append(int(rng.integers(ANTIGEN_LENGTH - CONTACTS + 1)))
    lineage = np.repeat(np.arange(LINEAGES), MEMBERS)
    suits = _suits()
    score = np.empty((len(antibodies), len(antigens)))
    for row, sequence in enumerate(antibodies):
        touching = sequence[contacts[lineage[row]]]
        place = sites[lineage[row]]
        score[row] = suits[touching, antigens[:, place : place + CONTACTS]].sum(axis=1)
    threshold = np.array([np.median(score[lineage == k]) for k in range(LINEAGES)])
    label = (score > threshold[lineage][:, None]).astype(np.int64)
    tested = np.full(len(antibodies), -1)
    tested[np.arange(len(antibodies)) % MEMBERS >= MEMBERS - RELATIVES] = 0
    tested[lineage == LINEAGES - 1] = 1
    chosen = np.sort(rng.choice(label.size, pairs, replace=False))
    antibody, antigen = np.divmod(chosen, len(antigens))
    return Generated(
        antibodies=tuple(map(_written, antibodies)),
        antigens=tuple(map(_written, antigens)),
        lineage=lineage,
        tested=tested,
        antibody=antibody,
        antigen=antigen,
        label=label[antibody, antigen],
    )


def _antigens(rng: np.random.Generator, strains: int) -> np.ndarray:
    """Strains of clades of one first antigen, int64 (strains, length)."""
    first = rng.integers(len(RESIDUES), size=ANTIGEN_LENGTH)
    found = []
    for _ in range(CLADES):
        clade = _mutated(first, np.full(ANTIGEN_LENGTH, CLADE_DRIFT), rng)
        found += [_mutated(clade, np.full(ANTIGEN_LENGTH, STRAIN_DRIFT), rng) for _ in range(strains)]
    return np.array(found)


def _mutated(sequence: np.ndarray, rate: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sequence in which each residue is another one with the probability of its place."""
    change = rng.random(len(sequence)) < rate
    other = (sequence + rng.integers(1, len(RESIDUES), size=len(sequence))) % len(RESIDUES)
    return np.where(change, other, sequence)


def _suits() -> np.ndarray:
    """How well two residues suit each other, (20, 20), the same either way."""
    charge = np.array([CHARGE.get(letter, 0.0) for letter in RESIDUES])
    oily = np.array([OILY.get(letter, 0.0) for letter in RESIDUES])
    size = np.array([SIZE[letter] for letter in RESIDUES]) / 7
    return -2 * np.outer(charge, charge) + np.outer(oily, oily) - 0.5 * (np.add.outer(size, size) - 1) ** 2


def _written(numbers: np.ndarray) -> str:
    return "".join(RESIDUES[number] for number in numbers)
