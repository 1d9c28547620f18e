"""Usability and its inverses: closed forms, limits, round trips."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.nonideality.usability import (
    eta_share_of,
    length_of,
    nonmonotonic_factor,
    sigma_of,
    split,
    spread_factor,
    usability_of,
)

levels = st.floats(1e-6, 1.0)


@given(levels, st.floats(0, 20))
def test_usability_lies_between_nothing_and_its_eta(eta, sigma):
    """Spread can only lower it; without spread it is eta."""
    assert 0 < usability_of(eta, sigma) <= eta
    assert usability_of(eta, 0.0) == eta


@given(levels, levels)
def test_sigma_is_what_makes_the_usability(eta, usability):
    """Both ways round; a device of smaller eta than the level would need a negative spread."""
    sigma = sigma_of(usability, eta)
    assert usability_of(eta, sigma) == pytest.approx(usability)
    assert (sigma < 0) == (eta < usability)


def test_numbers_and_arrays_agree():
    """A bootstrap computes arrays, a row one number."""
    eta, sigma = np.array([0.2, 0.9]), np.array([0.1, 2.0])
    one_by_one = [usability_of(float(e), float(s)) for e, s in zip(eta, sigma, strict=True)]
    assert usability_of(eta, sigma) == pytest.approx(one_by_one, rel=1e-15)
    assert spread_factor(sigma) == pytest.approx([math.exp(-0.1), math.exp(-2)], rel=1e-15)


@given(levels, st.integers(1, 500), st.floats(0.01, 1.0))
def test_a_length_is_the_shortest_that_reaches_its_eta(eta, points, fraction):
    """One point fewer falls short of it."""
    length = length_of(eta, points, min_operative_fraction=fraction)
    assert nonmonotonic_factor(length, points, min_operative_fraction=fraction) >= min(eta, 1.0) - 1e-6
    if length > 1:
        assert nonmonotonic_factor(length - 1, points, min_operative_fraction=fraction) < eta


@given(levels, st.floats(0, 1))
def test_a_split_multiplies_to_its_usability(usability, share):
    """And -ln eta is the share of -ln U that was asked for."""
    eta, sigma = split(usability, eta_share=share)
    assert usability_of(eta, sigma) == pytest.approx(usability)
    assert math.log(eta) == pytest.approx(share * math.log(usability), abs=1e-12)


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20), st.floats(0, 1))
def test_the_share_of_devices_on_one_trend_is_its_share(usabilities, share):
    """The fit gives back what the devices were made with."""
    devices = [(usability, split(usability, eta_share=share)[0]) for usability in usabilities]
    assert eta_share_of(devices) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, float("nan")])
def test_refuses_what_is_no_usability_and_no_eta(value):
    """Each names the value."""
    with pytest.raises(ValueError, match=r"usability must lie in \(0, 1\]"):
        split(value, eta_share=0.3)
    with pytest.raises(ValueError, match=r"eta must lie in \(0, 1\]"):
        length_of(value, 100, min_operative_fraction=0.35)
