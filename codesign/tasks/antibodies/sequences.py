"""Protein sequences as numbers: residues, counts of k-mers, and how alike two sequences are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
UNCERTAIN = "BXZ"
"""Residues that were not told apart: one number for all of them."""
UNKNOWN, PADDING, OUTSIDE = 20, 21, 22
"""Numbers of an uncertain residue, of a place behind a sequence's end, of a place beyond either end."""
SYMBOLS = 23
CHUNK = 256
"""Alignments made at once: as many as the cache holds."""


class SequenceError(ValueError):
    """A sequence is not one of residues, or does not fit; the message names it."""


def numbered(sequence: str) -> np.ndarray:
    """The residues of a sequence as numbers, int64, (length,).

    Raises:
        SequenceError: It is empty, or has a letter that is no residue; the message says where.

    >>> numbered("ACX").tolist()
    [0, 1, 20]
    """
    if not sequence:
        raise SequenceError("an empty sequence has no residues")
    table = {letter: number for number, letter in enumerate(RESIDUES)} | dict.fromkeys(UNCERTAIN, UNKNOWN)
    try:
        return np.array([table[letter] for letter in sequence], dtype=np.int64)
    except KeyError as error:
        place = sequence.index(error.args[0]) + 1
        raise SequenceError(
            f"{error.args[0]!r} at place {place} is no residue; allowed are {RESIDUES} and, where a residue "
            f"is uncertain, {UNCERTAIN}"
        ) from None


def padded(sequences: Sequence[str], length: int, *, what: str) -> np.ndarray:
    """Sequences as rows of numbers, `PADDING` behind their ends.

    Args:
        sequences: At most `length` residues each.
        length: Places of a row.
        what: The option that says so, for messages.

    Returns:
        int64, (n, length).

    Raises:
        SequenceError: A sequence is longer: none is cut.
    """
    longest = max(map(len, sequences), default=0)
    if longest > length:
        raise SequenceError(
            f"{what} is {length}, and the longest sequence has {longest} residues; none is cut"
        )
    rows = np.full((len(sequences), length), PADDING, dtype=np.int64)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = numbered(sequence)
    return rows


@dataclass(frozen=True)
class Words:
    """Standardised counts of 1-, 2- and 3-mers: those that are frequent in the sequences fitted to."""

    codes: np.ndarray
    """Which k-mers, as `kmer_counts` numbers its columns."""
    mean: np.ndarray
    deviation: np.ndarray
    """Of the counts; 1 where a count never varies."""

    def of(self, sequences: Sequence[str]) -> np.ndarray:
        """Features of sequences, float32, (n, k-mers)."""
        counts = kmer_counts(sequences)[:, self.codes]
        return ((counts - self.mean) / self.deviation).astype(np.float32)


def words(sequences: Sequence[str], *, frequent: float = 0.1) -> Words:
    """K-mers that occur in at least the share `frequent` of the sequences, with statistics of their counts.

    Source:
        Zhang et al. (2022), Nature Machine Intelligence 4, 964 (DeepAAI). Its published code fits to all
        proteins, those of the test among them; here the caller says to which.
    """
    counts = kmer_counts(sequences)
    codes = np.flatnonzero((counts > 0).sum(axis=0) >= frequent * len(sequences))
    chosen = counts[:, codes].astype(np.float64)
    deviation = chosen.std(axis=0)
    return Words(codes, chosen.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


def kmer_counts(sequences: Sequence[str]) -> np.ndarray:
    """How often each 1-, 2- and 3-mer occurs, int16, (n, 21 + 21² + 21³); uncertain residues are a letter."""
    letters = UNKNOWN + 1
    sizes = [letters, letters**2, letters**3]
    found = np.zeros((len(sequences), sum(sizes)), dtype=np.int16)
    for row, sequence in zip(found, sequences, strict=True):
        one = numbered(sequence)
        two = one[:-1] * letters + one[1:]
        three = two[:-1] * letters + one[2:]
        place = 0
        for codes, size in zip((one, two, three), sizes, strict=True):
            row[place : place + size] = np.bincount(codes, minlength=size)
            place += size
    return found


def jaccard(first: Sequence[str], second: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """3-mers that two sequences share, and those that either has.

    Returns:
        Two int64 arrays, (n, m): their ratio is the Jaccard similarity. Whole numbers, so that a threshold is
        met or not whatever the rounding.
    """
    from scipy import sparse

    def sets(sequences: Sequence[str]) -> sparse.csr_matrix:
        columns = [np.unique(one[:-2] * 441 + one[1:-1] * 21 + one[2:]) for one in map(numbered, sequences)]
        rows = np.repeat(np.arange(len(sequences)), [len(each) for each in columns])
        places = (rows, np.concatenate(columns) if columns else [])
        return sparse.csr_matrix((np.ones(len(rows), dtype=np.int32), places), shape=(len(sequences), 21**3))

    one, other = sets(first), sets(second)
    shared = (one @ other.T).toarray().astype(np.int64)
    sizes = np.add.outer(np.diff(one.indptr), np.diff(other.indptr)).astype(np.int64)
    return shared, sizes - shared


def clusters(sequences: Sequence[str], *, above: tuple[int, int] = (7, 10)) -> np.ndarray:
    """Single-linkage clusters: sequences are linked where their 3-mer Jaccard similarity is above a ratio.

    Args:
        sequences: Each at least three residues long.
        above: The ratio, as numerator and denominator.

    Returns:
        Number of each sequence's cluster, int64, (n,), in order of first appearance.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    shared, either = jaccard(sequences, sequences)
    linked = shared * above[1] > either * above[0]
    return connected_components(csr_matrix(linked), directed=False)[1].astype(np.int64)


def alignment_scores(first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    """Scores of global alignments: 1 a match, 0 a mismatch, -1 a residue beside a gap.

    Args:
        first: n sequences.
        second: m sequences.

    Returns:
        int64, (n, m). Divided by a length, it is an alignment similarity: 1 for equal sequences.

    Source:
        Needleman and Wunsch (1970), Journal of Molecular Biology 48, 443, with a linear gap cost. All pairs
        of a chunk go through the table of the dynamic programme together.
    """
    one, other = (_columns(sequences) for sequences in (first, second))
    lengths = np.array([len(each) for each in first]), np.array([len(each) for each in second])
    rows, columns = (index.ravel() for index in np.indices((len(first), len(second))))
    scores = np.empty(len(rows), dtype=np.int64)
    # pairs of like lengths together, so that few places are computed in vain
    order = np.lexsort((lengths[1][columns], lengths[0][rows]))
    for chunk in np.array_split(order, max(1, -(-len(order) // CHUNK))) if len(order) else ():
        r, c = rows[chunk], columns[chunk]
        scores[chunk] = _aligned(one[:, r], other[:, c], lengths[0][r], lengths[1][c])
    return scores.reshape(len(first), len(second))


def _columns(sequences: Sequence[str]) -> np.ndarray:
    """Residues by place, uint8, (longest, n)."""
    longest = max(map(len, sequences), default=0)
    return np.ascontiguousarray(padded(sequences, longest, what="length").astype(np.uint8).T)


def _aligned(one: np.ndarray, other: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Scores of pairs, (pairs,); `one` and `other` (places, pairs), `rows` and `columns` their lengths.

    The table is filled along its falling diagonals row + column = constant, whose cells do not wait for each
    other. It holds score + row + column: then a step beside a gap costs nothing.
    """
    last, width = int(rows.max()), int(columns.max())
    backwards = np.ascontiguousarray(other[:width][::-1])
    pairs = np.arange(len(rows))
    before, now, new = (np.zeros((last + 1, len(rows)), dtype=np.int16) for _ in range(3))
    match = np.empty((last + 1, len(rows)), dtype=bool)
    found = np.empty(len(rows), dtype=np.int64)
    for diagonal in range(2, last + width + 1):
        low, high = max(1, diagonal - width), min(last, diagonal - 1) + 1
        shift = width - diagonal
        equal = np.equal(one[low - 1 : high - 1], backwards[shift + low : shift + high], out=match[low:high])
        cells = np.add(before[low - 1 : high - 1], equal.view(np.int8), out=new[low:high])
        cells += 2  # one row and one column further
        np.maximum(cells, now[low - 1 : high - 1], out=cells)
        np.maximum(cells, now[low:high], out=cells)
        done = rows + columns == diagonal
        if done.any():
            found[done] = new[rows[done], pairs[done]] - diagonal
        before, now, new = now, new, before
    return found
