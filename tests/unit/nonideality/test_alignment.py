"""Points of a branch are voltages on the way up, wherever the sweep starts and however often it is read."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())["extraction"]
STEPS, CYCLES = 24, 8
UP = np.arange(STEPS + 1) / STEPS
LOOP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2:0:-1]])
"""0, +1 V, 0, -1 V, and back to the step before 0."""


def conductance(v, number, direction, sigma):
    """Of one cycle: rises with voltage, spread that only cycle, voltage and direction decide."""
    rng = np.random.default_rng([number, int(direction > 0)])
    spread = sigma * rng.standard_normal(4 * STEPS + 1)
    place = np.rint(2 * STEPS * (v + 1)).astype(int)
    return 1e-6 * np.exp(0.8 * np.abs(v) + np.where(direction > 0, 0.0, 1.0) + spread[place])


def record(*, start=0, cycles=CYCLES, sigma=0.1, loop=LOOP):
    """Cycles end to end, each (volts, amperes), from place `start` of the loop."""
    whole = np.tile(loop, cycles + 1)
    number = np.repeat(np.arange(cycles + 1), loop.size)
    direction = np.sign(np.diff(np.append(whole, loop[0])))
    direction[whole == loop.max()] = 1  # the top ends the way up
    current = np.empty(whole.size)
    for n in range(cycles + 1):
        for side in (-1, 1):
            here = (number == n) & (direction == side)
            current[here] = whole[here] * conductance(whole[here], n, side, sigma)
    cut = slice(start, start + cycles * loop.size)
    return whole[cut].reshape(cycles, -1), current[cut].reshape(cycles, -1)


def measured(cycles, **metadata):
    """A measurement of cycles of any lengths, (volts, amperes) each."""
    sizes = [len(v) for v, _ in cycles]
    return Measurement(
        Metadata(device="d", **metadata),
        np.repeat(np.arange(1, len(sizes) + 1), sizes),
        np.concatenate([np.arange(n) for n in sizes]),
        np.concatenate([v for v, _ in cycles]),
        np.concatenate([i for _, i in cycles]),
    )


def row_of(cycles, changes=None, **metadata):
    how = Extraction(**CONFIG | (changes or {}))
    return extract(measured(list(cycles), **metadata), how, np.random.default_rng(0))


PLAIN = row_of(zip(*record(), strict=True))
NUMBERS = (
    "usability",
    "eta",
    "sigma",
    "sigma_upper",
    "branch_points",
    "usable_points",
    "lcis_length",
    "g_max_s",
)


def assert_same(row, other=PLAIN, *, but=()):
    assert row["status"] == "ok", row["reason"]
    for name in NUMBERS:
        if name not in but:
            assert row[name] == pytest.approx(other[name], rel=1e-9), name


@settings(deadline=None, max_examples=40)
@given(start=st.integers(STEPS + 1, 4 * STEPS))
def test_where_a_record_starts_changes_nothing(start):
    """From anywhere that is not on the way up the same whole ways up are there, one cycle later."""
    later = record(cycles=CYCLES + 1)
    expected = row_of((v, i) for v, i in zip(*later, strict=True) if not np.array_equal(i, later[1][0]))
    assert_same(row_of(zip(*record(start=start), strict=True)), expected)


@settings(deadline=None, max_examples=25)
@given(start=st.integers(1, STEPS))
def test_a_start_on_the_way_up_costs_one_way_up_at_most(start):
    """The way up goes on in the next cycle; only the last one is not whole."""
    row = row_of(zip(*record(start=start), strict=True))
    assert row["branch_points"] == STEPS and row["usable_points"] == STEPS and row["eta"] == PLAIN["eta"]
    assert row["sigma"] == pytest.approx(PLAIN["sigma"], rel=0.15)
    assert start == 1 or "goes on in the next cycle" in row["notes"]


@settings(deadline=None, max_examples=30)
@given(readings=st.integers(1, 7), start=st.sampled_from([0, STEPS, 2 * STEPS, 3 * STEPS]))
def test_repeating_each_reading_changes_nothing(readings, start):
    """Their mean is the reading; nothing counts as a step back."""
    cycles = list(zip(*record(start=start), strict=True))
    row = row_of((np.repeat(v, readings), np.repeat(i, readings)) for v, i in cycles)
    assert_same(row, row_of(cycles))
    assert (f"{readings} readings a step" in row["notes"]) == (readings > 1)


@settings(deadline=None, max_examples=30)
@given(places=st.lists(st.integers(1, 4 * STEPS - 1), min_size=1, max_size=6, unique=True))
def test_duplicated_rows_change_nothing(places):
    """A logger that writes some rows twice."""
    index = np.sort(np.concatenate([np.arange(4 * STEPS), places]))
    assert_same(row_of((v[index], i[index]) for v, i in zip(*record(), strict=True)))


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(CYCLES)))
def test_the_order_of_cycles_changes_nothing(order):
    """They are alike; only the bootstrap draws others."""
    volts, amperes = record()
    assert_same(row_of(zip(volts[list(order)], amperes[list(order)], strict=True)))


@settings(deadline=None, max_examples=20)
@given(late=st.lists(st.integers(0, STEPS // 2), min_size=CYCLES - 1, max_size=CYCLES - 1))
def test_a_cycle_that_starts_late_stays_at_its_voltages(late):
    """It lacks its first points and is not pushed against the others."""
    cycles = [(v[n:], i[n:]) for n, v, i in zip([*late, 0], *record(sigma=1e-3), strict=True)]
    row, whole = row_of(cycles), row_of(zip(*record(sigma=1e-3), strict=True))
    assert row["branch_points"] == STEPS
    assert row["sigma"] == pytest.approx(whole["sigma"], rel=0.2)
    seen = np.array(row["conductance_s"], dtype=float)
    np.testing.assert_allclose(seen, whole["conductance_s"], rtol=0.01)


@settings(deadline=None, max_examples=20)
@given(reference=st.sampled_from(["up", "positive"]), start=st.sampled_from([0, 3 * STEPS]))
def test_set_on_the_negative_side_is_the_same_device(reference, start):
    """Both signs turned, or the side stated."""
    cycles = list(zip(*record(start=start), strict=True))
    row = row_of(((-v, -i) for v, i in cycles), {"branch": reference}, polarity="negative")
    assert_same(row, row_of(cycles, {"branch": reference}))
    assert "both" in row["notes"] or "turned" in row["notes"]


def test_the_way_back_belongs_to_the_positive_branch():
    """Up and back, also where the file begins at the top."""
    plain = row_of(zip(*record(), strict=True), {"branch": "positive"})
    later = row_of(zip(*record(start=STEPS), strict=True), {"branch": "positive"})
    assert plain["branch_points"] == 2 * STEPS - 1 == later["branch_points"]
    assert_same(row_of(zip(*record(start=2 * STEPS), strict=True), {"branch": "positive"}), but=NUMBERS)


@pytest.mark.parametrize("step", [0.05, 0.1, 0.02])
@pytest.mark.parametrize("readings", [1, 3])
def test_a_staircase_of_largest_voltages_is_put_together_by_voltage(step, readings):
    """0-0.25-0, 0-0.5-0, ... of one device: the spread is that of the cell, and nothing falls."""
    rng = np.random.default_rng(2)
    cycles = []
    for n in range(1, 9):
        top = round(0.25 * n / step)
        place = np.concatenate([np.arange(top + 1), np.arange(top - 1, -1, -1)])
        v = np.repeat(step * place, readings)
        cycles.append(
            (
                v,
                1e-6
                * v
                * np.exp(4 * v)
                * np.exp(0.02 * np.repeat(rng.standard_normal(place.size), readings)),
            )
        )
    row = row_of(cycles)
    assert row["branch_points"] == round(2 / step) and row["eta"] == 1
    samples, points = row["samples"], row["usable_points"]  # each point has a mean of its own
    assert row["sigma"] == pytest.approx(
        0.02 * np.sqrt(1 - points / samples), rel=3 / np.sqrt(2 * (samples - points))
    )
    assert "differ in voltage" in row["notes"] and row["cycles_used"] == 8


def test_logarithmic_steps_of_different_ranges_are_put_together():
    """10 mV to 1 V and 1 to 500 mV, twenty steps a decade: each voltage is a point of its own."""
    voltage = 10.0 ** (np.arange(-60, 1) / 20)
    rng = np.random.default_rng(6)
    cycles = []
    for part in (slice(20, 61), slice(0, 55), slice(20, 61), slice(0, 55), slice(15, 61)):
        v = np.concatenate([[0], voltage[part], voltage[part][-2::-1]])
        cycles.append((v, 1e-6 * v ** (1.5 + 0.01 * rng.standard_normal(v.size))))
    row = row_of(cycles, {"min_cycle_fraction": 0.4})
    np.testing.assert_allclose(row["voltage_v"], voltage, rtol=1e-9)
    assert row["eta"] == 1 and row["usable_points"] == 61


@pytest.mark.parametrize("noise", [1e-4, 2e-3, 8e-3])
def test_voltages_that_are_read_back_with_noise_are_one_programme(noise):
    """Steps of 42 mV; each sample keeps the voltage it was taken at."""
    volts, amperes = record()
    rng = np.random.default_rng(4)
    v = volts + noise * rng.standard_normal(volts.shape)
    row = row_of(zip(v, amperes / np.where(volts == 0, 1, volts) * v, strict=True))
    assert STEPS <= row["branch_points"] <= STEPS + 1  # at 0 V noise may be positive
    assert row["usability"] == pytest.approx(PLAIN["usability"], rel=0.05)


def test_a_sweep_down_only_says_so():
    """There is no way up in it."""
    volts, amperes = record()
    down = [(v[STEPS : 2 * STEPS + 1], i[STEPS : 2 * STEPS + 1]) for v, i in zip(volts, amperes, strict=True)]
    row = row_of(down)
    assert row["status"] == "no_usability" and "never rises" in row["reason"]


def test_pulses_are_left_alone():
    """Their voltage is one and the same; no reading is a repetition."""
    rng = np.random.default_rng(1)
    current = np.linspace(1e-7, 2e-7, 50) * np.exp(0.05 * rng.standard_normal((6, 50)))
    row = row_of([(np.full(50, 0.1), i) for i in current], kind="pulse", branch_points=50)
    assert row["status"] == "ok" and row["branch_points"] == 50 and "averaged" not in row["notes"]


def strange(rng):
    """Cycles that no instrument should write, each (volts, amperes)."""
    for _ in range(rng.integers(1, 6)):
        n = int(rng.integers(1, 60))
        v = [
            rng.standard_normal(n),
            np.full(n, rng.choice([0.0, 0.5, -1.0])),
            np.linspace(0, rng.choice([1, 2, -1]), n),
            np.repeat(np.linspace(-1, 1, n), rng.integers(1, 4)),
            np.sin(np.linspace(0, rng.uniform(0, 20), n)),
            np.round(rng.standard_normal(n)),
        ][rng.integers(6)]
        i = v * 1e-6 * np.exp(rng.standard_normal(v.size)) * rng.choice([1, 1, 1, -1])
        i = np.minimum(i, rng.choice([np.inf, 5e-7, 1e-12]))
        yield v, np.where(rng.random(v.size) < rng.choice([0, 0.1, 1], p=[0.7, 0.25, 0.05]), np.nan, i)


@pytest.mark.filterwarnings("error")
@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**31),
    branch=st.sampled_from(["up", "positive"]),
    polarity=st.sampled_from(["", "positive", "negative"]),
    stated=st.sampled_from([None, 1e-6]),
)
@example(
    seed=197, branch="positive", polarity="negative", stated=None
)  # a cycle without a sample, resampled alone
def test_whatever_a_file_holds_is_a_row(seed, branch, polarity, stated):
    """With a usability in 0 ... 1 or a reason, and without a warning."""
    changes = {"branch": branch, "bootstrap": 20, "min_points": 3, "min_cycles": 2}
    row = row_of(strange(np.random.default_rng(seed)), changes, polarity=polarity, compliance_a=stated)
    assert (row["status"] == "ok" and 0 <= row["usability"] <= 1) or row["reason"]
