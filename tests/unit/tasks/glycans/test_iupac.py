"""The notation of glycans, read into trees."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.tasks.glycans.iupac import ALLOWED, GlycanError, parsed
from codesign.tasks.glycans.table import SHIPPED, read_rows, read_trees

residues = st.sampled_from(["Gal", "GlcNAc", "Neu5Ac", "3,6-Anhydro-L-Gal", "Glc-ol"])
linkages = st.sampled_from(["a1-2", "b1-4", "?1-?", "a2-3/6"])
trees = st.recursive(
    st.tuples(residues, st.just([])),
    lambda below: st.tuples(residues, st.lists(st.tuples(linkages, below), max_size=3)),
    max_leaves=12,
)
"""A residue, and what stands on it: each a linkage and a tree."""


def written(tree):
    """A tree in the notation: all that stands on the residue but the first as branches."""
    residue, below = tree
    pieces = [f"{written(child)}({linkage})" for linkage, child in below]
    return "".join([*pieces[:1], *(f"[{piece}]" for piece in pieces[1:]), residue])


def walked(tree):
    """Labels in the order of the string, and the edges between them, by walking down the tree."""
    labels, edges = [], []

    def walk(tree):
        residue, below = tree
        ends = []
        for linkage, child in below:
            above = walk(child)
            labels.append(linkage)
            edges.append((above, len(labels) - 1))
            ends.append(len(labels) - 1)
        labels.append(residue)
        edges.extend((end, len(labels) - 1) for end in ends)
        return len(labels) - 1

    walk(tree)
    return labels, sorted(edges)


@given(trees)
def test_what_is_written_is_read_again(tree):
    """Reading undoes writing, for any tree."""
    found = parsed(written(tree))
    labels, edges = walked(tree)
    assert list(found.labels) == labels
    assert sorted((child, parent) for child, parent in enumerate(found.parents) if parent >= 0) == edges


@pytest.mark.parametrize(
    ("glycan", "words"),
    [
        pytest.param("", "no residue at the beginning", id="empty"),
        pytest.param("Gal(b1-4)", r"a linkage that leads to no residue, '\(b1-4\)'", id="open-end"),
        pytest.param("(b1-4)Gal", "no residue at the beginning", id="open-beginning"),
        pytest.param("Gal[Glc(a1-2)]Gal", "a residue without a linkage, 'Gal'", id="no-linkage"),
        pytest.param("Gal(a1-2)(a1-3)Gal", "a linkage that leads to no residue", id="two-linkages"),
        pytest.param("[Glc]Gal", "a residue without a linkage, 'Glc'", id="branch-without-linkage"),
        pytest.param("[(a1-2)]Gal", "a branch that does not begin with a residue", id="bare-linkage"),
        pytest.param("Gal(a1-2)[]Gal", "a branch that does not begin with a residue", id="empty-branch"),
        pytest.param("Gal(b1-4)[Glc", "a '\\[' without its '\\]'", id="unclosed"),
        pytest.param("Gal(b1-4)Glc(a1-2)]Gal", "a '\\]' without its '\\['", id="unopened"),
        pytest.param("Gal[Fuc(a1-2)]", "a branch that stands before no residue", id="branch-at-the-end"),
        pytest.param("{Fuc(a1-2)}Gal", "'}' of a part whose place is not known", id="floating"),
        pytest.param("Gal()Glc", r"a '\)'", id="empty-linkage"),
    ],
)
def test_what_is_no_glycan_is_refused_with_what_is_allowed(glycan, words):
    """The message says what was found, where, and how a glycan is written."""
    with pytest.raises(GlycanError, match=words) as error:
        parsed(glycan)
    assert repr(glycan) in str(error.value) and str(error.value).endswith(ALLOWED)


def test_of_the_shipped_table_662_glycans_cannot_be_read():
    """659 have floating parts, three a bracket too many."""
    rows = read_rows(SHIPPED)
    found, refused = read_trees(SHIPPED, rows)
    assert (len(rows), len(found), len(refused)) == (23_745, 23_083, 662)
    assert sum("{" in each.glycan for each in refused) == 659
    others = [each for each in refused if "{" not in each.glycan]
    assert all(each.glycan.count("]") == each.glycan.count("[") + 1 for each in others)
    for each in refused:
        assert str(SHIPPED) in each.why and f"line {each.line}" in each.why and ALLOWED in each.why


def test_glycowork_reads_the_same_trees():
    """The library that the glycans are from, on 400 drawn ones; and all with branches in branches."""
    graph = pytest.importorskip(
        "glycowork.motif.graph", reason="glycowork is not installed (envs/requirements-dev.txt)"
    )
    rows = read_rows(SHIPPED)
    trees, _ = read_trees(SHIPPED, rows)
    readable = [row for row in rows if row.line in trees]
    nested = [row for row in readable if "[" in row.glycan.partition("[")[2].partition("]")[0]]
    assert len(nested) > 500
    for row in random.Random(3).sample(readable, 400) + nested:
        labels, edges = graph.glycan_to_edges(row.glycan)
        mine = trees[row.line]
        assert tuple(labels.values()) == mine.labels
        assert sorted(edges) == sorted(
            (parent, child) for child, parent in enumerate(mine.parents) if parent >= 0
        )
