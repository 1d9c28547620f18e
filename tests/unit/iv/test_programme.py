"""The voltage programme: readings of one step, and the ways up, whatever the sweep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.iv.programme import Rise, rises_of, step_of, steps_of_readings


def loop(steps, v_max=1.0):
    """0, +V, 0, -V, 0 without its last point; (4 * steps,)."""
    up = v_max * np.arange(steps + 1) / steps
    return np.concatenate([up, up[-2::-1], -up[1:], -up[-2:0:-1]])


@given(steps=st.integers(4, 60), readings=st.integers(1, 7), start=st.integers(0, 239))
def test_readings_of_one_voltage_are_one_step(steps, readings, start):
    """Repeating every reading gives the steps there were, on the positive side."""
    once = np.roll(loop(steps), -(start % (4 * steps)))
    found = steps_of_readings(np.repeat(once, readings))
    positive = np.repeat(once > 1e-9, readings)
    shown = np.repeat(np.arange(once.size), readings)
    assert (
        np.diff(found)[positive[1:] & positive[:-1]] == np.diff(shown)[positive[1:] & positive[:-1]]
    ).all()


@pytest.mark.parametrize("readings", [2, 3, 4, 9])
@pytest.mark.parametrize("noise", [1e-6, 1e-4, 1e-3])
def test_read_back_noise_does_not_part_the_readings_of_a_step(readings, noise):
    """Steps of 50 mV, noise of up to 1 mV."""
    rng = np.random.default_rng(3)
    v = np.repeat(np.linspace(0.05, 1, 20), readings)
    found = steps_of_readings(v + noise * rng.standard_normal(v.size))
    np.testing.assert_array_equal(found, np.repeat(np.arange(20), readings))


@pytest.mark.parametrize(
    "voltage",
    [
        pytest.param(np.geomspace(1e-4, 1, 60), id="logarithmic"),
        pytest.param(np.r_[0.01:0.1:0.01, 0.1:1.05:0.1], id="fine-then-coarse"),
        pytest.param(
            np.linspace(0.01, 1, 100) + 2e-3 * np.random.default_rng(1).standard_normal(100), id="noisy"
        ),
        pytest.param(np.linspace(0.1, 6, 60), id="plain"),
    ],
)
def test_steps_that_are_small_are_steps(voltage):
    """Only a stay is one step; small moves in one direction are not."""
    np.testing.assert_array_equal(steps_of_readings(voltage), np.arange(voltage.size))


def test_the_second_reading_at_the_turning_point_begins_the_way_back():
    """0 ... V, V ... 0: the largest voltage belongs to both ways, also where rounding sets the two apart."""
    up = np.linspace(0, 6, 61)
    twice = np.concatenate([up, up[::-1] + 9e-16])
    np.testing.assert_array_equal(steps_of_readings(twice), np.arange(122))
    [rise] = rises_of(twice)
    assert rise == Rise(1, 60, 120)


@given(steps=st.integers(5, 50), start=st.integers(0, 199), noise=st.sampled_from([0.0, 0.05, 0.2]))
def test_the_way_up_is_found_wherever_the_record_starts(steps, start, noise):
    """Two loops hold at least one whole way from the first positive step to the top."""
    rng = np.random.default_rng(start)
    v = np.tile(np.roll(loop(steps), -(start % (4 * steps))), 2)
    v = v + noise / steps * np.clip(rng.standard_normal(v.size), -2, 2)
    rises = rises_of(v)
    longest = max(rise.top - rise.start + 1 for rise in rises)
    assert steps - 1 <= longest <= steps + 3


def test_a_staircase_has_a_way_up_each():
    """0-0.5-0, 0-1-0, 0-1.5-0 in one record."""
    parts = [np.concatenate([np.arange(0, n + 1), np.arange(n - 1, 0, -1)]) * 0.1 for n in (5, 10, 15)]
    rises = rises_of(np.concatenate(parts))
    assert [rise.top - rise.start + 1 for rise in rises] == [5, 10, 15]
    assert [rise.end - rise.top for rise in rises] == [4, 9, 14]


def test_no_way_up_without_a_positive_voltage():
    """Nor in a record at one voltage."""
    assert rises_of(-np.linspace(0, 1, 20)) == [] and rises_of(np.full(9, 0.5)) == []
    assert step_of(np.full(9, 0.5)) == 0
