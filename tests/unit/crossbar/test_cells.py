"""Cells against the curve they come from, closed forms and the spread of their device."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

CROOKED = [0.0, 0.3, 0.2, 0.6, 1.0, 0.8]
NOMINAL, SECONDS = 2.0, 1e-3


def everywhere(cells, volts):
    return np.full(cells.shape, volts)


def levels(cells) -> np.ndarray:
    return (cells.conductances() - cells.g_min_s) / (cells.g_max_s - cells.g_min_s)


def test_nominal_pulses_walk_the_measured_curve(made):
    """Where it falls a positive pulse lowers the conductance; the end is the end; backwards retraces."""
    cells = made.cells(made.profile(CROOKED))
    seen = [levels(cells)[0, 0]]
    for _ in range(7):
        cells.pulse(everywhere(cells, NOMINAL), SECONDS)
        seen.append(levels(cells)[0, 0])
    assert seen == pytest.approx([*CROOKED, 0.8, 0.8])
    for level in CROOKED[-2::-1]:
        cells.pulse(everywhere(cells, -NOMINAL), SECONDS)
        assert levels(cells) == pytest.approx(np.full(cells.shape, level))


def test_a_pulse_moves_in_proportion_to_duration_and_overdrive(made):
    """Half as long, or half as far above the threshold: half a point of a straight curve."""
    for volts, seconds in ((NOMINAL, SECONDS / 2), (1.6, SECONDS)):
        cells = made.cells()
        cells.pulse(everywhere(cells, volts), seconds)
        assert levels(cells) == pytest.approx(np.full(cells.shape, 0.5 / 20))


@settings(deadline=None)
@given(volts=st.floats(-1.2, 1.2), seconds=st.floats(1e-6, 1e3))
def test_nothing_moves_up_to_the_threshold(made, volts, seconds):
    """However long."""
    cells = made.cells(made.profile(sigma=0.5))
    before = cells.conductances()
    cells.pulse(everywhere(cells, volts), seconds)
    assert np.array_equal(cells.conductances(), before)
    assert cells.changes == 0


@settings(deadline=None)
@given(pulses=st.lists(st.tuples(st.floats(-3, 3), st.floats(1e-5, 1e-2)), max_size=20))
def test_no_pulse_leaves_the_measured_range(made, pulses):
    """Without spread every conductance is one of the curve's."""
    cells = made.cells(made.profile(CROOKED))
    for volts, seconds in pulses:
        cells.pulse(everywhere(cells, volts), seconds)
    g = cells.conductances()
    assert np.all((cells.position >= 0) & (cells.position <= len(CROOKED) - 1))
    assert np.all((g >= cells.g_min_s * (1 - 1e-12)) & (g <= cells.g_max_s * (1 + 1e-12)))


@settings(deadline=None)
@given(volts=st.floats(1.3, 2.5), parts=st.integers(2, 8))
def test_parts_of_a_pulse_add_up_to_the_whole(made, volts, parts):
    """The state is a position: many short pulses take a cell where one long one does."""
    whole, split = made.cells(), made.cells()
    whole.pulse(everywhere(whole, volts), SECONDS)
    for _ in range(parts):
        split.pulse(everywhere(split, volts), SECONDS / parts)
    assert split.conductances() == pytest.approx(whole.conductances())


def test_blind_pulses_end_with_the_spread_of_the_device(made):
    """ln(G / curve) has mean 0 and width sigma at each point, after any number of pulses."""
    sigma, n = 0.4, 10_000
    cells = made.cells(made.profile(sigma=sigma), rows=100, columns=100)
    for _ in range(3):
        log_ratio = np.log(cells.conductances() / (1e-6 + 9e-6 * cells.position / 20))
        assert log_ratio.std() == pytest.approx(sigma, abs=3 * sigma / np.sqrt(2 * n))
        assert log_ratio.mean() == pytest.approx(0, abs=3 * sigma / np.sqrt(n))
        for _ in range(4):
            cells.pulse(everywhere(cells, NOMINAL), SECONDS)


@pytest.mark.parametrize("steps", [1, 4])
def test_the_spread_is_forgotten_along_the_branch(made, steps):
    """Over d points a share exp(-d / l) stays, in one pulse or in four."""
    cells = made.cells(made.profile(sigma=1.0), rows=100, columns=100)
    first = np.log(cells.conductances() / 1e-6)
    for _ in range(steps):
        cells.pulse(everywhere(cells, NOMINAL), 2 * SECONDS / steps)
    last = np.log(cells.conductances() / (1e-6 + 9e-6 * 2 / 20))
    kept = np.exp(-2 / 3.0)
    assert np.corrcoef(first.ravel(), last.ravel())[0, 1] == pytest.approx(kept, abs=3 * (1 - kept**2) / 100)


def test_stuck_cells_stay_where_they_are(made):
    """The shares asked for, at either end of the range, whatever is done."""
    n = 10_000
    cells = made.cells(made.profile(sigma=0.3), rows=100, columns=100, stuck_low=0.1, stuck_high=0.05)
    for stuck, share in ((cells.stuck_low, 0.1), (cells.stuck_high, 0.05)):
        assert stuck.mean() == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / n))
    assert not (cells.stuck_low & cells.stuck_high).any()
    for volts in (NOMINAL, NOMINAL, -NOMINAL):
        cells.pulse(everywhere(cells, volts), SECONDS)
        assert np.all(cells.conductances()[cells.stuck_low] == cells.g_min_s)
        assert np.all(cells.conductances()[cells.stuck_high] == cells.g_max_s)


def test_drift_follows_its_power_law_since_the_last_pulse(made):
    """(1 + t / t0)^-nu, whatever the steps of time; a pulse starts it anew, for the cell it moved."""
    cells = made.cells(drift_exponent=0.1, drift_seconds=2.0)
    start = cells.conductances()
    for seconds in (1.0, 5.0, 12.0):
        cells.elapse(seconds)
    assert cells.conductances() == pytest.approx(start * (1 + 18 / 2) ** -0.1)
    volts = np.zeros(cells.shape)
    volts[1, 2] = NOMINAL
    cells.pulse(volts, SECONDS)
    assert cells.conductances()[1, 2] == pytest.approx(1e-6 + 9e-6 / 20)
    assert cells.conductances()[0, 0] == pytest.approx(start[0, 0] * (1 + 18.001 / 2) ** -0.1)


def test_the_same_generator_gives_the_same_cells(made):
    """And another one others."""
    device = made.profile(sigma=0.3)
    one, same, other = (made.cells(device, seed=s).conductances() for s in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(lambda m: m.cells(m.profile(g_min_s=None, g_max_s=None)), "give g_min_s",
                     id="synthetic"),
        pytest.param(lambda m: m.cells(m.profile(g_min_s=2e-6, g_max_s=2e-6)), "store nothing",
                     id="no-range"),
        pytest.param(lambda m: m.cells(rows=0), "rows and columns", id="no-row"),
        pytest.param(lambda m: m.cells(pulse_voltage_v=1.0), "above threshold_v", id="pulse-too-weak"),
        pytest.param(lambda m: m.cells(stuck_low=0.7, stuck_high=0.4), "add up to 1", id="stuck"),
        pytest.param(lambda m: m.cells(read_noise=-0.1), "read_noise", id="read-noise"),
        pytest.param(lambda m: m.cells(points_per_pulse=0.0), "points_per_pulse", id="step"),
        pytest.param(lambda m: m.cells().elapse(-1.0), "forwards", id="time"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_cell_is_refused(made, act, words):
    """With the value and what to do."""
    with pytest.raises(ValueError, match=words):
        act(made)
