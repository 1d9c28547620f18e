"""The simulated crossbar against V G, the nodal solver, its converter's steps and its noise."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.crossbar.driver import CrossbarError, LimitError, OverRangeError
from codesign.memsim.circuit import NodalSolver

VOLTS = np.array([0.1, -0.05, 0.2, 0.0])
OHMS = {"wire_resistance_ohm": 200.0, "driver_resistance_ohm": 1000.0, "sense_resistance_ohm": 500.0}


def test_an_ideal_array_reads_the_product_to_half_a_step(made):
    """No resistance and no noise: V G, rounded."""
    array = made.cells(made.profile(sigma=0.5))
    for bits in (8, 12, 24):
        with made.crossbar(array, adc_bits=bits) as driver:
            driver.set_voltages(VOLTS)
            seen = driver.read_currents()
            step = driver.circuit.adc_step_a
        assert step == pytest.approx(2e-4 / 2**bits)
        assert np.all(np.abs(seen - VOLTS @ array.conductances()) <= step / 2 * (1 + 1e-9))
        assert seen / step == pytest.approx(np.rint(seen / step))


def test_wires_drivers_and_amplifiers_are_in_the_currents(made):
    """What is read is what the nodal solver says, and far from V G."""
    array = made.cells(made.profile(sigma=0.5))
    g = array.conductances()
    with made.crossbar(array, **OHMS) as driver:
        driver.set_voltages(VOLTS)
        seen, step = driver.read_currents(), driver.circuit.adc_step_a
    assert seen == pytest.approx(NodalSolver(g, **OHMS).currents(VOLTS), abs=step)
    assert np.abs(seen - VOLTS @ g).max() > 100 * step


def test_only_the_columns_asked_for_are_read(made):
    """In the order asked for."""
    with made.crossbar(made.cells(made.profile(sigma=0.5))) as driver:
        driver.set_voltages(VOLTS)
        everything = driver.read_currents()
        assert np.array_equal(driver.read_currents([2, 0]), everything[[2, 0]])


def test_read_noise_has_its_closed_form(made):
    """Cells add r |V| G in squares, the amplifier its own; to three standard errors of a width."""
    relative, amplifier, n = 0.05, 2e-8, 4000
    array = made.cells(made.profile(sigma=0.5), read_noise=relative)
    with made.crossbar(array, current_noise_a=amplifier) as driver:
        driver.set_voltages(VOLTS)
        seen = np.array([driver.read_currents() for _ in range(n)])
    g = array.conductances()
    width = np.sqrt(relative**2 * (VOLTS**2 @ g**2) + amplifier**2)
    assert np.all(np.abs(seen.std(axis=0) / width - 1) < 3.5 / np.sqrt(2 * n))
    assert np.all(np.abs(seen.mean(axis=0) - VOLTS @ g) < 3.5 * width / np.sqrt(n))


def test_the_end_of_the_converter_is_an_error(made):
    """Never a number that stands for something larger; other columns can still be read."""
    with made.crossbar(made.cells(), adc_range_a=1e-7) as driver:
        driver.set_voltages(np.full(4, 0.2))
        with pytest.raises(OverRangeError, match="column 0"):
            driver.read_currents()


def test_a_current_beyond_the_limit_ends_in_zero_volts(made):
    """The error says which column, and the next reading is of rows at 0 V."""
    limits = replace(made.limits, current_a=1e-7)
    with made.crossbar(limits=limits) as driver:
        driver.set_voltages(np.full(4, 0.2))
        with pytest.raises(LimitError, match="0 V"):
            driver.read_currents()
        assert not driver.read_currents().any()
        with pytest.raises(LimitError, match="nothing was output"):
            driver.pulse(0, 0, 2.0, 1e-3)
    assert not driver.cells.changes


@settings(deadline=None)
@given(row=st.integers(0, 3), column=st.integers(0, 3), volts=st.floats(-2.4, 2.4))
def test_a_pulse_moves_one_cell_alone(made, row, column, volts):
    """Half of it on the neighbours stays below the threshold."""
    array = made.cells(made.profile(sigma=0.3))
    before = array.conductances()
    with made.crossbar(array) as driver:
        driver.pulse(row, column, volts, 1e-3)
    moved = array.conductances() != before
    moved[row, column] ^= abs(volts) > 1.2
    assert not moved.any()


def test_half_a_pulse_beyond_the_threshold_disturbs_the_neighbours(made):
    """Physics, not bookkeeping: the other cells of row and column move too, the rest does not."""
    array = made.cells(threshold_v=0.9)
    with made.crossbar(array) as driver:
        driver.pulse(1, 2, 2.0, 1e-3)
    moved = array.position > 0
    expected = np.zeros((4, 4), dtype=bool)
    expected[1, :] = expected[:, 2] = True
    assert np.array_equal(moved, expected)


def test_resistance_weakens_a_pulse(made):
    """A cell of 0.1 mS behind 10 kOhm gets half of the voltage, too little to move it."""
    device = made.profile(g_min_s=1e-4, g_max_s=1e-3)
    for ohms, moves in ((0.0, True), (1e4, False)):
        array = made.cells(device, rows=1, columns=1)
        with made.crossbar(array, driver_resistance_ohm=ohms) as driver:
            driver.pulse(0, 0, 2.0, 1e-3)
        assert (array.position[0, 0] > 0) == moves


def test_drift_shows_in_the_readings(made):
    """Without any pulse between them."""
    with made.crossbar(made.cells(drift_exponent=0.1), wire_resistance_ohm=1.0) as driver:
        driver.set_voltages(VOLTS)
        before = driver.read_currents()
        driver.elapse(1000.0)
        step = driver.circuit.adc_step_a
        assert driver.read_currents() == pytest.approx(before * 1001**-0.1, rel=1e-4, abs=step)


def test_slow_drift_is_followed_between_two_solutions_of_the_circuit(made):
    """Reading after reading within one step and 1e-6 of the circuit solved for the cells as they are."""
    array = made.cells(made.profile(sigma=0.5), drift_exponent=0.005)
    with made.crossbar(array, **OHMS) as driver:
        driver.set_voltages(VOLTS)
        for _ in range(60):
            driver.elapse(0.05)
            expected = NodalSolver(array.conductances(), **OHMS).currents(VOLTS)
            assert driver.read_currents() == pytest.approx(expected, rel=1e-6, abs=driver.circuit.adc_step_a)


def test_an_array_keeps_its_state_between_openings(made):
    """Rows go to 0 V, cells stay."""
    driver = made.crossbar()
    with driver:
        driver.pulse(0, 0, 2.0, 1e-3)
        held = driver.cells.conductances()
        driver.set_voltages(VOLTS)
    with driver:
        assert not driver.read_currents().any()
    assert np.array_equal(driver.cells.conductances(), held)
    assert driver.evidence == "simulated"


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        pytest.param(lambda d: d.set_voltages(np.full(4, 0.21)), LimitError, "row 0.*0.2 V", id="read"),
        pytest.param(lambda d: d.set_voltages([0, 0, np.nan, 0]), LimitError, "row 2", id="nan"),
        pytest.param(lambda d: d.set_voltages(np.zeros(3)), ValueError, "shape", id="shape"),
        pytest.param(lambda d: d.pulse(0, 0, 2.6, 1e-3), LimitError, "2.5 V", id="pulse"),
        pytest.param(lambda d: d.pulse(0, 0, np.nan, 1e-3), LimitError, "nan V", id="pulse-nan"),
        pytest.param(lambda d: d.pulse(0, 0, 2.0, 3e-3), LimitError, "0.002 s", id="long"),
        pytest.param(lambda d: d.pulse(0, 0, 2.0, 0.0), LimitError, "more than 0 s", id="no-time"),
        pytest.param(lambda d: d.pulse(4, 0, 2.0, 1e-3), ValueError, "no cell at row 4", id="cell"),
        pytest.param(lambda d: d.read_currents([4]), ValueError, "got 4", id="column"),
    ],
)  # fmt: skip
def test_what_is_beyond_a_limit_is_refused(made, act, error, words):
    """Named, with the limit; nothing moves."""
    with made.crossbar() as driver:
        driver.set_voltages(VOLTS)
        before = driver.read_currents()
        with pytest.raises(error, match=words):
            act(driver)
        assert np.array_equal(driver.read_currents(), before)


def test_a_closed_array_answers_nothing(made):
    """Outside the `with` block."""
    for act in (
        lambda d: d.read_currents(),
        lambda d: d.set_voltages(VOLTS),
        lambda d: d.pulse(0, 0, 2.0, 1e-3),
    ):
        with pytest.raises(CrossbarError, match="not open"):
            act(made.crossbar())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"adc_bits": 1}, "adc_bits", id="bits"),
        pytest.param({"adc_range_a": 0.0}, "adc_range_a", id="range"),
        pytest.param({"wire_resistance_ohm": -1.0}, "wire_resistance_ohm", id="wire"),
        pytest.param({"current_noise_a": np.nan}, "current_noise_a", id="noise"),
    ],
)
def test_what_cannot_be_a_circuit_is_refused(made, change, words):
    """With the value."""
    with pytest.raises(ValueError, match=words):
        replace(made.circuit, **change)
