"""The grid of a sentence: a tag for each pair of words, from triplets and back to them.

Source:
    Wu, Ying, Zhao, Fan, Dai, Xia (2020), Findings of EMNLP, 2576: the tags of Sect. 3.2, decoding as in
    Algorithm 1 and the published code (github.com/NJUNLP/GTS).
"""

from collections.abc import Sequence

from codesign.tasks.sentiment.annotated import (
    ASPECT,
    NEGATIVE,
    NEUTRAL,
    NONE,
    OPINION,
    POSITIVE,
    Span,
    Triplet,
)

PREFERRED = (POSITIVE, NEUTRAL, NEGATIVE)
"""Of polarities with as many cells, the first."""


def cells_of(words: int) -> int:
    """Pairs of words i <= j: the upper triangle.

    >>> cells_of(3)
    6
    """
    return words * (words + 1) // 2


def tags_of(triplets: Sequence[Triplet], words: int) -> list[int]:
    """Tags of the upper triangle, row by row.

    Pairs of words of one aspect are ASPECT, of one opinion OPINION; pairs of a word of an aspect and one of
    its opinion have the triplet's polarity, which goes before. All others are NONE.

    Args:
        triplets: Of the sentence.
        words: How many it has.
    """
    tags = [NONE] * cells_of(words)
    for triplet in triplets:
        for tag, (first, last) in ((ASPECT, triplet.aspect), (OPINION, triplet.opinion)):
            for i in range(first, last + 1):
                for j in range(i, last + 1):
                    tags[place(i, j, words)] = tag
    for triplet in triplets:
        for i in range(triplet.aspect[0], triplet.aspect[1] + 1):
            for j in range(triplet.opinion[0], triplet.opinion[1] + 1):
                tags[place(min(i, j), max(i, j), words)] = triplet.polarity
    return tags


def spans_of(cells: Sequence[int], words: int, kind: int) -> list[Span]:
    """The longest runs of words whose own cell is `kind`.

    Args:
        cells: Tags of the upper triangle, row by row.
        words: Of the sentence.
        kind: ASPECT | OPINION.
    """
    found, first = [], None
    for k in range(words + 1):
        is_kind = k < words and cells[place(k, k, words)] == kind
        if is_kind and first is None:
            first = k
        elif not is_kind and first is not None:
            found.append((first, k - 1))
            first = None
    return found


def decoded(cells: Sequence[int], words: int) -> tuple[list[Span], list[Span], list[Triplet]]:
    """Aspects, opinions and triplets of a grid.

    An aspect and an opinion are a triplet where a cell between them is a polarity: the one that most cells
    have, of equals the first of `PREFERRED`.

    Args:
        cells: Tags of the upper triangle, row by row.
        words: Of the sentence.
    """
    aspects, opinions = spans_of(cells, words, ASPECT), spans_of(cells, words, OPINION)
    triplets = []
    for aspect in aspects:
        for opinion in opinions:
            # both are runs of words of their own, so one is wholly before the other
            first, second = sorted((aspect, opinion))
            between = [
                cells[place(i, j, words)]
                for i in range(first[0], first[1] + 1)
                for j in range(second[0], second[1] + 1)
            ]
            polarity = max(PREFERRED, key=between.count)
            if polarity in between:
                triplets.append(Triplet(aspect, opinion, polarity))
    return aspects, opinions, triplets


def place(i: int, j: int, words: int) -> int:
    """Number of the cell of words i <= j in the upper triangle, row by row.

    >>> [place(i, j, 3) for i in range(3) for j in range(i, 3)]
    [0, 1, 2, 3, 4, 5]
    """
    return i * words - i * (i - 1) // 2 + j - i
