"""Chains of a glycan: what it is compared by, and what clusters of glycans are made of.

A chain is a node, a node with its parent, or a node with its parent and grandparent, read as labels:
`Fuc`, `Fuc a1-2`, `Fuc a1-2 Gal`. How often each chain occurs describes a glycan; two are as similar as the
cosine of their counts.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from codesign.tasks.glycans.table import Trees

LONGEST = 3
"""Most nodes of a chain."""
ALIKE = (3, 5)
"""Numerator and denominator of the cosine from which a glycan belongs to the cluster of another."""


def chain_counts(trees: Trees, *, longest: int = LONGEST) -> sparse.csr_matrix:
    """How often each chain occurs in each glycan.

    Args:
        trees: n glycans.
        longest: Most nodes of a chain; 1 counts labels.

    Returns:
        Whole numbers, (n, chains): one column for each chain that occurs.
    """
    nodes, owners = trees.nodes.numpy(), trees.owners.numpy()
    firsts = trees.starts.numpy()[owners]
    parents = np.where(trees.parents.numpy() < 0, -1, trees.parents.numpy() + firsts)
    size = len(trees.labels) + 1
    code, at, there = np.zeros(len(nodes), np.int64), np.arange(len(nodes)), np.ones(len(nodes), bool)
    rows, codes = [], []
    for length in range(longest):
        # the numbers of the labels, from 1, as digits of a number
        code = code[there] + (nodes[at[there]] + 1) * size**length
        at = at[there]
        rows.append(owners[at])
        codes.append(code)
        at = parents[at]
        there = at >= 0
    row, (_, column) = np.concatenate(rows), np.unique(np.concatenate(codes), return_inverse=True)
    # equal places add up
    return sparse.csr_matrix(
        (np.ones(len(row), np.int64), (row, column)), shape=(len(trees.folds), int(column.max()) + 1)
    )


def clusters(counts: sparse.csr_matrix) -> np.ndarray:
    """Glycans that are alike, by leaders.

    Glycans are taken from those with most chains down, equal ones in the table's order. One that is in no
    cluster yet becomes the leader of a new one, and every glycan without a cluster whose cosine with the
    leader is at least 0.6 (`ALIKE`) joins. So each glycan is alike to its leader; two of different clusters
    can still be alike, as what lies between them decides. Clusters in which every pair that is alike is
    together (single linkage) would put 20,255 of the 22,120 glycans of six kingdoms into one.

    Args:
        counts: Of chains, (n, chains).

    Returns:
        Number of each glycan's cluster, (n,), from 0.

    Source:
        Li and Godzik (2006), Bioinformatics 22, 1658 (CD-HIT), for clusters by leaders from long to short.
    """
    columns = counts.tocsc()
    squares = np.asarray(counts.multiply(counts).sum(axis=1)).ravel()
    found = np.full(counts.shape[0], -1)
    above, below = ALIKE
    number = 0
    for leader in np.argsort(-np.asarray(counts.sum(axis=1)).ravel(), kind="stable"):
        if found[leader] >= 0:
            continue
        dots = np.zeros(counts.shape[0], np.int64)
        for place in range(counts.indptr[leader], counts.indptr[leader + 1]):
            column = slice(*columns.indptr[counts.indices[place] :][:2])
            dots[columns.indices[column]] += counts.data[place] * columns.data[column]
        # whole numbers, so that no rounding decides: dot / sqrt(a b) >= above / below
        alike = below**2 * dots**2 >= above**2 * squares[leader] * squares
        found[alike & (found < 0)] = number
        number += 1
    return found


def cluster_parts(found: np.ndarray, kingdoms: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Clusters dealt out to parts, so that each part has its share of glycans and of every kingdom.

    Clusters that hold most of a kingdom come first. Each goes to the part that then is nearest to its share
    in what the cluster holds: the sum over kingdoms of the squares of what a part has, relative to what it
    should have, stays smallest.

    Args:
        found: Cluster of each glycan, (n,), from 0.
        kingdoms: Of each glycan, (n,), from 0.
        shares: Of each part, adding up to 1.

    Returns:
        Part of each glycan, (n,), from 0; a cluster is in one part.
    """
    members = np.zeros((found.max() + 1, kingdoms.max() + 1), np.int64)
    np.add.at(members, (found, kingdoms), 1)
    members = np.column_stack([members, members.sum(axis=1)])  # the last column: of any kingdom
    whole = np.maximum(members.sum(axis=0), 1)
    held = np.zeros((len(shares), members.shape[1]))
    part = np.zeros(len(members), np.int64)
    for cluster in np.argsort(-(members / whole).max(axis=1), kind="stable"):
        more = members[cluster]
        costs = ((2 * held * more + more**2) / whole**2).sum(axis=1) / np.asarray(shares)
        part[cluster] = np.argmin(costs)
        held[part[cluster]] += more
    return part[found]
