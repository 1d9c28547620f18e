"""Mapping and layout: the matrix comes back, tiles add up to the whole, nothing lies on anything else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.crossbar.mapping import map_weights, place

G_MIN, G_MAX = 1e-7, 3e-6
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))


def mapped(weight, rows=10, columns=10, **more):
    return map_weights(weight, g_min_s=G_MIN, g_max_s=G_MAX, rows=rows, columns=columns, **more)


def matrix(shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@settings(deadline=None, max_examples=40)
@given(shape=SIZES, rows=st.integers(1, 12), columns=st.integers(2, 12), seed=st.integers(0, 99))
def test_the_matrix_comes_back_from_its_targets(weights_of, shape, rows, columns, seed):
    """Whatever the size of matrix and array; targets stay in the range and fit the array."""
    weight = matrix(shape, seed)
    mapping = mapped(weight, rows, columns)
    targets = [tile.targets for tile in mapping.tiles]
    assert weights_of(mapping, targets) == pytest.approx(weight, abs=1e-12 * mapping.largest)
    for target in targets:
        assert target.shape[0] <= rows and target.shape[1] <= columns
        assert target.min() >= G_MIN and target.max() <= G_MAX


@settings(deadline=None, max_examples=40)
@given(shape=SIZES, rows=st.integers(1, 12), columns=st.integers(2, 12))
def test_tiles_add_up_to_the_whole_product(shape, rows, columns):
    """Sums of V (G+ - G-) over the tiles of an output are x W^T."""
    weight, inputs = matrix(shape), matrix((7, shape[1]), 1)
    mapping = mapped(weight, rows, columns)
    found = np.zeros((7, shape[0]))
    for tile in mapping.tiles:
        currents = inputs[:, tile.inputs] @ tile.targets
        found[:, tile.outputs] += (currents[:, 0::2] - currents[:, 1::2]) * mapping.weight_per_siemens
    assert found == pytest.approx(inputs @ weight.T, abs=1e-10)


def test_one_of_each_pair_stands_at_g_min():
    """The largest weight at G_max, its partner and both of a zero at G_min; signs choose the side."""
    [tile] = mapped(np.array([[2.0, -1.0, 0.0]])).tiles
    half = (G_MIN + G_MAX) / 2
    assert tile.plus_s == pytest.approx(np.array([[G_MAX], [G_MIN], [G_MIN]]))
    assert tile.minus_s == pytest.approx(np.array([[G_MIN], [half], [G_MIN]]))
    assert tile.targets == pytest.approx(np.array([[G_MAX, G_MIN], [G_MIN, half], [G_MIN, G_MIN]]))


def test_a_matrix_of_zeros_is_mapped_to_g_min(weights_of):
    """And comes back as zeros."""
    mapping = mapped(np.zeros((3, 2)))
    assert np.all(mapping.tiles[0].targets == G_MIN)
    assert not weights_of(mapping, [mapping.tiles[0].targets]).any()


def _cells(places, rows, columns):
    """How many tiles lie on each cell of each load."""
    held = np.zeros((1 + max(p.load for p in places), rows, columns), dtype=int)
    for p in places:
        height, width = p.inputs.stop - p.inputs.start, 2 * (p.outputs.stop - p.outputs.start)
        assert p.row + height <= rows and p.column + width <= columns
        held[p.load, p.row : p.row + height, p.column : p.column + width] += 1
    return held


@settings(deadline=None, max_examples=40)
@given(shapes=st.lists(SIZES, min_size=1, max_size=5), rows=st.integers(1, 12), columns=st.integers(2, 12))
def test_a_layout_holds_every_weight_once_and_nothing_twice(weights_of, shapes, rows, columns):
    """Any matrices on any array; no load is empty."""
    places = place(shapes, rows=rows, columns=columns)
    held = _cells(places, rows, columns)
    assert held.max() <= 1 and held.any(axis=(1, 2)).all()
    for k, shape in enumerate(shapes):
        own = [p for p in places if p.matrix == k]
        mapping = mapped(matrix(shape), rows, columns, cuts=[(p.inputs, p.outputs) for p in own])
        assert weights_of(mapping, [t.targets for t in mapping.tiles]) == pytest.approx(matrix(shape))


def test_the_network_of_the_moons_fits_the_array_at_once():
    """2-10-2 is 20 + 20 pairs: 80 cells of 100, in four tiles, programmed once."""
    places = place([(10, 2), (2, 10)], rows=10, columns=10)
    assert {p.load for p in places} == {0} and len(places) == 4
    assert _cells(places, 10, 10).sum() == 80


def test_a_matrix_larger_than_the_array_takes_the_fewest_loads():
    """40 x 30 pairs on 10 x 10: 6 by 4 whole tiles of five outputs, nothing smaller."""
    places = place([(30, 40)], rows=10, columns=10)
    assert len(places) == len({p.load for p in places}) == 24


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(lambda: mapped(np.ones(3)), "matrix", id="one-dimension"),
        pytest.param(lambda: mapped(np.array([[np.inf]])), "finite", id="inf"),
        pytest.param(lambda: mapped(np.ones((2, 2)), columns=1), "two columns", id="narrow"),
        pytest.param(lambda: place([(1, 1)], rows=0, columns=4), "one row", id="no-row"),
        pytest.param(lambda: map_weights(np.ones((1, 1)), g_min_s=2.0, g_max_s=1.0, rows=2, columns=2),
                     "g_min_s < g_max_s", id="range"),
        pytest.param(lambda: mapped(np.ones((2, 2)), cuts=[(slice(0, 1), slice(0, 2))]), "exactly once",
                     id="missing"),
        pytest.param(lambda: mapped(np.ones((6, 1)), cuts=[(slice(0, 1), slice(0, 6))]), "does not fit",
                     id="too-wide"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused(act, words):
    """With what is missing."""
    with pytest.raises(ValueError, match=words):
        act()
