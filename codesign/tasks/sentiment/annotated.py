"""A sentence with its triplets, as every source gives it and every score counts it."""

from typing import NamedTuple

NONE, ASPECT, OPINION, NEGATIVE, NEUTRAL, POSITIVE = range(6)
"""Tags of a pair of words (Wu et al. 2020, Sect. 3.2); the last three are polarities as well."""
TAGS = 6
POLARITIES = {"POS": POSITIVE, "NEU": NEUTRAL, "NEG": NEGATIVE}
"""As ASTE-Data-V2 writes them."""

Span = tuple[int, int]
"""First and last word, from 0."""


class Triplet(NamedTuple):
    """What is said of what, and how it is meant."""

    aspect: Span
    opinion: Span
    polarity: int
    """NEGATIVE | NEUTRAL | POSITIVE."""


class Annotated(NamedTuple):
    """One sentence."""

    words: tuple[str, ...]
    triplets: tuple[Triplet, ...]
    """Each once."""


def opposite(polarity: int) -> int:
    """Polarity of what is denied; neutral stays neutral.

    >>> opposite(POSITIVE) == NEGATIVE, opposite(NEUTRAL) == NEUTRAL
    (True, True)
    """
    return NEGATIVE + POSITIVE - polarity
