"""Write-verify and the drift check on cells whose true conductance is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.crossbar.programming import (
    DriftError,
    check_drift,
    read_conductances,
    require_no_drift,
    write_verify,
)

FALLING = np.array([0.0, 0.05, 0.1, 0.3, 0.25, 0.2, 0.4, 0.6, 0.8, 1.0, 0.85, 0.7])
"""Rises to its end of the range two points before the end of the window, with a step back on the way."""


def draw(seed, shape=(4, 4), low=1e-6, high=1e-5):
    return np.random.default_rng(seed).uniform(low, high, shape)


def programmed(made, targets, device=None, *, writing=None, circuit=None, **cells):
    array = made.cells(device, rows=targets.shape[0], columns=targets.shape[1], **cells)
    with made.crossbar(array, **(circuit or {})) as driver:
        report = write_verify(driver, targets, settings=writing or made.writing)
    return array, report


def test_every_cell_of_an_even_device_is_reached(made):
    """No spread: all within tolerance, truly and as reported."""
    targets = draw(0)
    array, report = programmed(made, targets)
    assert report.ok and not report.failed
    assert np.all(np.abs(array.conductances() - targets) <= made.writing.tolerance_s * (1 + 1e-6))
    assert report.reached == pytest.approx(array.conductances(), rel=1e-4)


@settings(deadline=None, max_examples=25)
@given(
    sigma=st.floats(0, 0.8),  # a cell 5.7 sigma away would draw more than the limits let through
    budget=st.integers(0, 40),
    tolerance=st.floats(1e-3, 0.2),
    seed=st.integers(0, 99),
    stuck=st.floats(0, 0.3),
)
def test_a_cell_ends_within_tolerance_or_is_said_not_to(made, sigma, budget, tolerance, seed, stuck):
    """Whatever the device: the report tells the truth, and no cell gets more than its budget."""
    writing = replace(made.writing, budget=budget, tolerance=tolerance)
    targets = draw(seed)
    array, report = programmed(
        made, targets, made.profile(FALLING, sigma=sigma), writing=writing, stuck_low=stuck, seed=seed
    )
    true = array.conductances()
    step = made.circuit.adc_range_a / 2**23 / writing.read_voltage_v
    for cell in report.cells:
        off = abs(cell.reached_s - cell.target_s)
        assert cell.ok == (off <= writing.tolerance_s)
        assert cell.reached_s == pytest.approx(true[cell.row, cell.column], abs=step)
        assert cell.target_s == targets[cell.row, cell.column]
        assert cell.pulses <= budget
        if array.stuck_low[cell.row, cell.column]:
            assert cell.ok == (abs(array.g_min_s - cell.target_s) <= writing.tolerance_s + step)
    assert report.ok == (not report.failed) == all(cell.ok for cell in report.cells)
    assert report.pulses <= budget * targets.size


def test_looking_beats_the_spread_of_the_device(made):
    """Blind pulses would leave sigma = 0.4; most cells end within 2 % of the range."""
    targets = draw(3, (10, 10))
    _, report = programmed(made, targets, made.profile(sigma=0.4))
    assert len(report.failed) <= 5
    within = [cell for cell in report.cells if cell.ok]
    assert max(abs(c.reached_s - c.target_s) for c in within) <= made.writing.tolerance_s


def test_a_peak_that_was_overrun_is_found_from_the_other_side(made):
    """G_max lies before the end of the window: pulses beyond it lower the conductance for good."""
    array, report = programmed(made, np.full((4, 4), 9.9e-6), made.profile(FALLING, sigma=0.1))
    assert len(report.failed) <= 1
    assert array.position == pytest.approx(np.full((4, 4), 9.0), abs=2.0)


def test_stuck_cells_are_named(made):
    """With target, reached and the pulses spent on them; their neighbours are right."""
    targets = np.full((10, 10), 8e-6)
    array, report = programmed(made, targets, stuck_low=0.1)
    failed = np.zeros(targets.shape, dtype=bool)
    for cell in report.failed:
        failed[cell.row, cell.column] = True
        assert cell.pulses == made.writing.budget
        assert cell.reached_s == pytest.approx(array.g_min_s, rel=1e-4)
    assert array.stuck_low.any() and np.array_equal(failed, array.stuck_low)


def test_cells_without_a_target_are_left_alone(made):
    """NaN: neither pulsed nor reported."""
    targets = draw(5)
    targets[1, :] = targets[:, 2] = np.nan
    array, report = programmed(made, targets)
    assert np.array_equal(
        array.position > 0, ~np.isnan(targets) & (targets > 1e-6 + made.writing.tolerance_s)
    )
    assert len(report.cells) == 9
    assert np.array_equal(np.isnan(report.reached), np.isnan(targets))


def test_no_budget_only_looks(made):
    """One reading of everything, no pulse."""
    array, report = programmed(made, draw(1), writing=replace(made.writing, budget=0))
    assert report.rounds == 1 and report.pulses == 0 and not array.position.any()


def test_wires_are_in_what_is_reached(made):
    """Cells are brought to what the column shows; behind a kilohm they truly conduct more."""
    targets = np.full((4, 4), 5e-6)
    circuit = {"driver_resistance_ohm": 5e3, "sense_resistance_ohm": 5e3}
    array, report = programmed(made, targets, circuit=circuit)
    assert report.ok
    assert np.all(array.conductances() > targets * 1.05)


def test_readings_are_averaged(made):
    """Four readings have half of the noise of one."""
    array = made.cells(read_noise=0.1, rows=30, columns=30)
    wanted = np.ones((30, 30), dtype=bool)
    with made.crossbar(array) as driver:
        for reads, width in ((1, 0.1), (4, 0.05)):
            seen = read_conductances(driver, wanted, read_voltage_v=0.1, reads=reads)
            assert (seen / array.g_min_s).std() == pytest.approx(width, abs=3 * width / np.sqrt(2 * 900))


def test_drift_is_found_before_the_array_is_used(made):
    """Fine at once, refused after a week, with a cell by name."""
    targets, writing = draw(2, low=5e-6), replace(made.writing, tolerance=0.01)
    array = made.cells(drift_exponent=0.05)
    with made.crossbar(array) as driver:
        reached = write_verify(driver, targets, settings=writing).reached
        fresh = check_drift(driver, reached, settings=writing)
        driver.elapse(7 * 86400.0)
        later = check_drift(driver, reached, settings=writing)
    require_no_drift(fresh)
    assert fresh.ok and fresh.worst_s < writing.tolerance_s
    expected = reached * (1 - (1 + 7 * 86400.0) ** -0.05)
    assert later.expected_s - later.found_s == pytest.approx(expected, rel=0.01)
    with pytest.raises(DriftError, match=r"16 of 16 cells.*row 0, column 0.*program the array again"):
        require_no_drift(later)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        pytest.param(np.ones((4, 3)), r"\(4, 4\)", id="shape"),
        pytest.param(np.full((4, 4), np.nan), "nothing to do", id="nan"),
        pytest.param(np.zeros((4, 4)), "positive", id="zero"),
        pytest.param(np.full((4, 4), np.inf), "positive", id="inf"),
    ],
)
def test_targets_that_mean_nothing_are_refused(made, targets, words):
    """Before anything is output."""
    with pytest.raises(ValueError, match=words), made.crossbar() as driver:
        write_verify(driver, targets, settings=made.writing)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"reset_voltage_v": 2.0}, "negative", id="reset"),
        pytest.param({"tolerance": 0.0}, "tolerance", id="tolerance"),
        pytest.param({"budget": -1}, "budget", id="budget"),
        pytest.param({"reads": 0}, "reads", id="reads"),
        pytest.param({"shortest_seconds": 1.0}, "longer than", id="shortest"),
    ],
)
def test_settings_check_themselves(made, change, words):
    """With the value."""
    with pytest.raises(ValueError, match=words):
        replace(made.writing, **change)
