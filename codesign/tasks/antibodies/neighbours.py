"""What similar antibodies do: answers of nearest neighbours, which need no network."""

import numpy as np

WEIGHT = 4
"""Power of the similarity that several neighbours' answers are weighed with."""
NOT_TESTED = -1


def answers(
    antibody: np.ndarray, antigen: np.ndarray, label: np.ndarray, *, shape: tuple[int, int]
) -> np.ndarray:
    """Labels of pairs as a table, int64 (antibodies, antigens), `NOT_TESTED` where there is no pair."""
    table = np.full(shape, NOT_TESTED, dtype=np.int64)
    table[antibody, antigen] = label
    return table


def neighbours(
    similarity: np.ndarray, table: np.ndarray, antibody: np.ndarray, antigen: np.ndarray, *, count: int
) -> np.ndarray:
    """Share of the nearest tested antibodies that neutralise the same antigen, weighed by their similarity.

    Args:
        similarity: Of asked antibodies to seen ones, (asked, seen); of equals the first is the nearest.
        table: Answers of the seen antibodies (`answers`), (seen, antigens).
        antibody: Of each pair, the row of its asked antibody, (n,).
        antigen: Of each pair, its column of `table`, (n,).
        count: Neighbours; fewer where fewer were tested on the antigen.

    Returns:
        Shares in 0 ... 1, (n,); NaN where no seen antibody was tested on the antigen.
    """
    found = np.full(len(antibody), np.nan)
    for column in np.unique(antigen):
        tested = np.flatnonzero(table[:, column] != NOT_TESTED)
        here = np.flatnonzero(antigen == column)
        if not len(tested):
            continue
        near = similarity[np.ix_(antibody[here], tested)]
        first = np.argsort(-near, axis=1, kind="stable")[:, :count]
        weight = np.maximum(np.take_along_axis(near, first, axis=1), 1e-6) ** WEIGHT
        found[here] = (table[tested, column][first] * weight).sum(axis=1) / weight.sum(axis=1)
    return found
