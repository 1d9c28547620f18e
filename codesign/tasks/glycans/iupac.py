"""Glycans in IUPAC-condensed notation, read into trees."""

import re
from typing import NamedTuple

TOKEN = re.compile(r"\[|\]|\([^()\[\]{}]+\)|[^()\[\]{}]+|.")
"""A bracket of a branch, a linkage in round brackets, a residue, or one sign that has no place there."""
ALLOWED = (
    "allowed are residues joined by linkages in round brackets, with branches in square brackets before the "
    "residue they stand on, e.g. Fuc(a1-2)[Gal(a1-3)]Gal(b1-4)Glc"
)


class GlycanError(ValueError):
    """A string is not the notation of one whole glycan; the message says what was found and what is
    allowed."""


class Tree(NamedTuple):
    """A glycan as a tree whose nodes are residues and, between them, linkages."""

    labels: tuple[str, ...]
    """Of each node, in the order of the string: `Gal`, `b1-4`, `Glc`."""
    parents: tuple[int, ...]
    """Of each node, the next one towards the reducing end; -1 for the last residue of the string."""


def parsed(glycan: str) -> Tree:
    """Read one glycan from right to left, from its reducing end outwards.

    Raises:
        GlycanError: Brackets do not match, a residue or a linkage is missing, or there is a part whose place
            is not known (`{...}`).

    Source:
        IUPAC-IUBMB (1996), Nomenclature of carbohydrates, 2-Carb-38.5. Residues and linkages as nodes:
        Burkholz, Quackenbush, Bojar (2021), Cell Reports 35, 109251.

    >>> parsed("Fuc(a1-2)[Gal(a1-3)]Gal")
    Tree(labels=('Fuc', 'a1-2', 'Gal', 'a1-3', 'Gal'), parents=(1, 4, 3, 4, -1))
    """
    tokens = TOKEN.findall(glycan)
    labels = [token for token in tokens if token not in "[]"]
    parents = [-1] * len(labels)
    node, current, branches = len(labels), -1, []
    for token in reversed(tokens):
        on_residue = current >= 0 and not _is_linkage(labels[current])
        if token == "]":
            _need(on_residue, glycan, "a branch that stands before no residue")
            branches.append(current)
        elif token == "[":
            _need(bool(branches), glycan, "a '[' without its ']'")
            _need(
                on_residue and current != branches[-1], glycan, "a branch that does not begin with a residue"
            )
            current = branches.pop()
        else:
            floating = " of a part whose place is not known" if token in "{}" else ""
            _need(token not in "(){}", glycan, f"a {token!r}{floating}")
            node -= 1
            missing = (
                "linkage that leads to no residue" if _is_linkage(token) else "residue without a linkage"
            )
            _need(_is_linkage(token) == on_residue, glycan, f"a {missing}, {token!r}")
            parents[node] = current
            current = node
    _need(not branches, glycan, "a ']' without its '['")
    _need(current >= 0 and not _is_linkage(labels[current]), glycan, "no residue at the beginning")
    return Tree(tuple(label.strip("()") for label in labels), tuple(parents))


def _is_linkage(token: str) -> bool:
    return token.startswith("(")


def _need(fine: bool, glycan: str, found: str) -> None:
    if not fine:
        raise GlycanError(f"{glycan!r} has {found}; {ALLOWED}")
