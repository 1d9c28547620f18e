"""The longest conductance increasing subsequence against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.nonideality.lcis import lcis, longest_increasing_window, operative_window
from codesign.nonideality.usability import nonmonotonic_factor


def brute_force(curve, usable, tolerated_drops):
    """Every window, tried one after the other; the first longest wins."""
    best = (0, 0)
    for start in range(len(curve)):
        for stop in range(start + 1, len(curve) + 1):
            drops = sum(curve[i + 1] <= curve[i] for i in range(start, stop - 1))
            if all(usable[start:stop]) and drops <= tolerated_drops and stop - start > best[1]:
                best = (start, stop - start)
    return best


curves = st.integers(1, 18).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 4), min_size=n, max_size=n), st.lists(st.booleans(), min_size=n, max_size=n)
    )
)


@given(curves, st.integers(0, 3))
def test_the_sliding_window_finds_what_brute_force_finds(drawn, tolerated_drops):
    """Ties, plateaus and masked points included."""
    curve, usable = np.array(drawn[0], dtype=float), np.array(drawn[1])
    window = lcis(curve, usable, tolerated_drops=tolerated_drops)
    start, length = brute_force(curve, usable, tolerated_drops)
    assert window.length == length
    if length:
        assert window.start == start


@given(curves, st.integers(0, 3))
def test_tolerating_more_drops_never_shortens_the_window(drawn, tolerated_drops):
    """A window with k drops is a window with at most k + 1."""
    curve, usable = np.array(drawn[0], dtype=float), np.array(drawn[1])
    fewer = lcis(curve, usable, tolerated_drops=tolerated_drops).length
    assert lcis(curve, usable, tolerated_drops=tolerated_drops + 1).length >= fewer


def test_many_curves_at_once_are_each_curve_alone():
    """The bootstrap relies on it."""
    rng = np.random.default_rng(3)
    some, usable = rng.standard_normal((40, 60)), rng.random(60) > 0.1
    starts, lengths = longest_increasing_window(some, usable, tolerated_drops=2)
    alone = [lcis(curve, usable, tolerated_drops=2) for curve in some]
    assert list(zip(starts, lengths, strict=True)) == [(w.start, w.length) for w in alone]


def test_eta_is_one_from_the_least_operative_fraction_on():
    """35 of 100 points give 1, half of that one half."""
    eta = nonmonotonic_factor(np.array([0, 17.5, 35, 80]), 100, min_operative_fraction=0.35)
    assert eta == pytest.approx([0, 0.5, 1, 1])


def test_the_operative_window_moves_back_from_the_end():
    """It always holds the fraction asked for."""
    assert operative_window(90, 100, min_operative_fraction=0.35) == (65, 35)
    assert operative_window(10, 100, min_operative_fraction=0.35) == (10, 35)


@pytest.mark.parametrize(
    ("curve", "usable", "drops"),
    [
        pytest.param(np.ones(3), np.ones(3, bool), 0, id="one-dimensional"),
        pytest.param(np.ones((1, 3)), np.ones(2, bool), 0, id="mask-length"),
        pytest.param(np.ones((1, 3)), np.ones(3, bool), -1, id="negative-drops"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(curve, usable, drops):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"need|tolerated_drops"):
        longest_increasing_window(curve, usable, tolerated_drops=drops)
