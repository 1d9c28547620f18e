"""Fidelity against closed forms, symmetries and draws that it did not make."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality import resampling
from codesign.nonideality.branch import Extraction, mean_curve
from codesign.nonideality.curve import curve_segments, curve_values
from codesign.nonideality.device import extract
from codesign.nonideality.fidelity import (
    CELLS,
    cosines,
    draw_columns,
    expected_fidelity,
    fidelity,
    log_ratio_bins,
    lognormal_factors,
    resampled_factors,
    weighted_levels,
)
from codesign.nonideality.lcis import lcis, operative_window
from codesign.nonideality.profiling import held_conductance, normalised_curve
from codesign.nonideality.resampling import fidelity_of_resamples, reflected_interval, resample_cycles

SETTINGS = Extraction(**yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())["extraction"])
EXACT = curve_segments(np.array([0.0, 1.0]), np.array([True, True]), "relative")
BENT = (np.array([0.0, 0.25, 0.5, 0.9, 0.4, 0.6]), np.array([True, True, True, False, False, False]))
"""A curve that is reached up to t = 0.4 and turns back after it."""


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(values.size))


def measured(sigma=0.4, cycles=20, points=61, scale=1.0, fall=None, seed=5) -> Measurement:
    """Log-normal spread about an exponential curve that falls between two points of the branch."""
    voltage = np.linspace(0, 6, points)
    g = 1e-7 * np.exp(voltage / 2)
    if fall:
        g[fall[0] : fall[1]] = g[fall[0] : fall[1]][::-1]
    z = rng(seed).standard_normal((cycles, points))
    current = scale * g * voltage * np.exp(sigma * z)
    return Measurement.from_grid(
        Metadata(device="d"), cycles=np.arange(cycles), voltage=voltage, current=current
    )


@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.3, 0.5])
def test_a_long_column_of_exact_levels_keeps_what_the_log_normal_law_says(sigma):
    """E f / sqrt(E f^2) = exp(-sigma^2 / 2); a column of n cells is off by the variance of f^2 over n."""
    columns = draw_columns(rng(), draws=100, cells=16384)
    found = cosines(EXACT, lognormal_factors(sigma, columns), columns)
    finite = 3 * math.exp(4 * sigma**2) / columns.level.shape[1]  # kurtosis of a half-normal weight: 3
    assert found.mean() == pytest.approx(math.exp(-(sigma**2) / 2), abs=4 * standard_error(found) + finite)


def test_ratios_of_a_device_keep_the_mean_over_the_root_mean_square():
    """The same limit for any law of the factor: here one cell in four does not conduct."""
    columns = draw_columns(rng(), draws=100, cells=16384)
    found = cosines(EXACT, resampled_factors(np.array([0.0, 1.0, 1.0, 1.0]), columns), columns)
    assert found.mean() == pytest.approx(math.sqrt(0.75), abs=4 * standard_error(found) + 1e-3)


def test_short_columns_agree_with_a_million_draws_made_otherwise():
    """Four signed weights, programmed by hand with np.interp, ratios picked one by one."""
    curve, reached = BENT
    ratios = np.exp(0.8 * rng(2).standard_normal(50))
    columns = draw_columns(rng(3), draws=200_000, cells=4)
    ours = cosines(curve_segments(curve, reached, "relative"), resampled_factors(ratios, columns), columns)
    draw = rng(4)
    w = draw.standard_normal((1_000_000, 4))
    t = np.abs(w) / np.abs(w).max(axis=1, keepdims=True)
    reached_to = np.flatnonzero(reached)[-1] / (curve.size - 1)
    stored = np.where(t < reached_to, t, np.interp(t, np.linspace(0, 1, curve.size), curve))
    programmed = np.sign(w) * stored * draw.choice(ratios, size=w.shape)
    theirs = (w * programmed).sum(axis=1) / np.linalg.norm(w, axis=1) / np.linalg.norm(programmed, axis=1)
    error = math.hypot(standard_error(ours), standard_error(theirs))
    assert ours.mean() == pytest.approx(theirs.mean(), abs=4 * error)


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_a_common_scale_changes_nothing(scale):
    """A cosine does not see it, nor do rectifiers and the largest of several outputs."""
    columns = draw_columns(rng())
    segments = curve_segments(*BENT, "relative")
    factors = lognormal_factors(0.7, columns)
    assert fidelity(segments, scale * factors, columns) == pytest.approx(fidelity(segments, factors, columns))


def test_a_device_that_conducts_a_hundred_times_better_has_the_same_fidelity():
    """From the measurement on: conductance enters as a share of its range, and as a ratio to its mean."""
    rows = [extract(measured(scale=scale), SETTINGS, rng()) for scale in (1.0, 100.0)]
    assert rows[1]["fidelity"] == pytest.approx(rows[0]["fidelity"], abs=1e-9)
    assert rows[1]["fidelity_low"] == pytest.approx(rows[0]["fidelity_low"], abs=0.005)


def test_a_wider_spread_keeps_less():
    """On the same columns, from one standard deviation to the next."""
    columns = draw_columns(rng())
    found = [fidelity(EXACT, lognormal_factors(sigma, columns), columns) for sigma in np.linspace(0, 4, 21)]
    assert found[0] == pytest.approx(1.0)
    assert np.all(np.diff(found) < 0)


def test_a_cell_that_stores_nothing_keeps_nothing():
    """One conductance for every level: w_hat = 0, and its cosine counts as 0."""
    columns = draw_columns(rng())
    nothing = curve_segments(np.zeros(5), np.zeros(5, dtype=bool), "relative")
    assert fidelity(nothing, lognormal_factors(0.3, columns), columns) == 0.0
    assert expected_fidelity(np.zeros((1, weighted_levels()[0].size)), of_lognormal(0.3))[0] == 0.0


def test_current_against_the_voltage_counts_with_its_sign():
    """A third of the cells turned round: 2/3 - 1/3 of it is left. Two thirds: less than nothing, so 0."""
    columns = draw_columns(rng(), draws=100, cells=16384)
    found = cosines(EXACT, resampled_factors(np.array([1.0, 1.0, -1.0]), columns), columns)
    assert found.mean() == pytest.approx(1 / 3, abs=4 * standard_error(found) + 1e-3)
    assert fidelity(EXACT, resampled_factors(np.array([1.0, -1.0, -1.0]), columns), columns) == 0.0


@pytest.mark.parametrize(
    "ratios",
    [
        pytest.param([], id="none"),
        pytest.param([1.0, np.nan], id="nan"),
        pytest.param([np.inf], id="infinite"),
    ],
)
def test_ratios_that_say_nothing_are_refused(ratios):
    with pytest.raises(ValueError, match="finite"):
        resampled_factors(np.array(ratios), draw_columns(rng(), draws=2))


def of_lognormal(sigma: float) -> np.ndarray:
    """Histogram of a log-normal factor, shape (1, bins)."""
    density = np.exp(-0.5 * (log_ratio_bins() / sigma) ** 2)
    return (density / density.sum())[None]


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 1.4])
@pytest.mark.parametrize("bent", [False, True], ids=["exact", "bent"])
def test_the_closed_form_is_the_mean_of_draws(sigma, bent):
    """Four standard errors, and 0.01 for its steps (a column's heaviest factors and its largest weight)."""
    curve, reached = BENT if bent else (np.array([0.0, 1.0]), np.array([True, True]))
    columns = draw_columns(rng(), draws=2000)
    drawn = cosines(curve_segments(curve, reached, "relative"), lognormal_factors(sigma, columns), columns)
    levels, weights = weighted_levels()
    assert weights.sum() == pytest.approx(1.0)
    found = expected_fidelity(curve_values(curve[None], reached[None], levels), of_lognormal(sigma))
    assert found[0] == pytest.approx(drawn.mean(), abs=4 * standard_error(drawn) + 0.01)


def test_values_of_many_curves_are_those_of_each():
    """The two forms of the mapping agree at every level."""
    level = rng().random(200)
    curves, reached = rng(2).random((7, 12)), rng(3).random((7, 12)) < 0.7
    each = [curve_segments(*pair, "relative").at(level) for pair in zip(curves, reached, strict=True)]
    assert curve_values(curves, reached, level) == pytest.approx(np.array(each))


def by_definition(log_g: np.ndarray, usable: np.ndarray, columns) -> np.ndarray:
    """Cosines of a device from its cycles, step by step."""
    mean = mean_curve(log_g)
    window = lcis(mean, usable, tolerated_drops=SETTINGS.tolerated_drops)
    share = SETTINGS.min_operative_fraction
    operative = operative_window(window.start, usable.size, min_operative_fraction=share)
    held = held_conductance(mean[operative.stretch], usable[operative.stretch])
    ratio = np.exp(log_g) / mean
    curve = normalised_curve(held, operative, window)
    return cosines(
        curve_segments(*curve, "relative"), resampled_factors(ratio[np.isfinite(ratio)], columns), columns
    )


@pytest.mark.parametrize("fall", [None, (20, 35)], ids=["rising", "falling-in-the-middle"])
def test_resampled_cycles_have_the_fidelity_that_they_would_have_as_devices(fall):
    """Each of 30 resamples by the definition: its own mean, windows, curve and ratios."""
    draw = rng(8)
    points = 50
    log_g = np.linspace(0, 3, points) + 0.8 * draw.standard_normal((12, points))
    if fall:
        log_g[:, fall[0] : fall[1]] -= 1.5 * np.arange(fall[1] - fall[0]) / 5
    log_g[3, 10:30] = np.nan
    usable = np.ones(points, dtype=bool)
    usable[45:] = False
    log_g[:, ~usable] = np.nan
    resamples = resample_cycles(log_g, usable, SETTINGS, rng(9), autocorrelation=2.0)
    fast = fidelity_of_resamples(resamples, log_g, usable, SETTINGS)[:30]
    columns = draw_columns(rng(10), draws=1000)
    drawn = [by_definition(log_g[pick], usable, columns) for pick in resamples.picks[:30]]
    slow = np.array([cosine.mean() for cosine in drawn])
    error = 4 * max(map(standard_error, drawn)) + 0.015
    assert fast == pytest.approx(slow, abs=error)


def test_many_resamples_are_computed_in_parts(monkeypatch):
    """In parts of seven as all at once, to what single precision to the power of 255 leaves."""
    log_g = np.linspace(0, 3, 30) + 0.5 * rng(8).standard_normal((9, 30))
    usable = np.ones(30, dtype=bool)
    resamples = resample_cycles(log_g, usable, SETTINGS, rng(9), autocorrelation=2.0)
    whole = fidelity_of_resamples(resamples, log_g, usable, SETTINGS)
    monkeypatch.setattr(resampling, "AT_ONCE", 7)
    assert fidelity_of_resamples(resamples, log_g, usable, SETTINGS) == pytest.approx(whole, abs=1e-4)


def test_the_interval_holds_the_estimate_and_lies_in_0_to_1():
    row = extract(measured(sigma=1.0), SETTINGS, rng())
    assert 0 <= row["fidelity_low"] <= row["fidelity"] <= row["fidelity_high"] <= 1
    assert row["fidelity_std"] > 0


@pytest.mark.parametrize(
    ("estimate", "resampled", "expected"),
    [
        pytest.param(1.0, [1.0, 0.9], (1.0, 1.0), id="nothing-lost"),
        pytest.param(0.0, [0.0, 0.1], (0.0, 0.0), id="everything-lost"),
        pytest.param(0.5, [1.0, 1.0], (0.0, 0.0), id="resamples-without-loss"),
        pytest.param(0.5, [0.0, 0.0], (1.0, 1.0), id="resamples-that-lose-everything"),
        pytest.param(0.5, [0.5, 0.5], (0.5, 0.5), id="no-spread"),
    ],
)
def test_an_interval_is_reflected_about_the_estimate(estimate, resampled, expected):
    """Where a logarithm has no value the interval still lies in 0 ... 1."""
    assert reflected_interval(estimate, np.array(resampled), confidence=0.95) == pytest.approx(expected)


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_the_interval_holds_what_the_law_says(sigma):
    """Of 60 devices with 20 cycles, points that move together six at a time: at least 80 %, where quantiles
    of the resamples hold 60 to 80 %. The true value is that of exact levels and this spread."""
    columns = draw_columns(rng(), draws=4000)
    true = fidelity(EXACT, lognormal_factors(sigma, columns), columns)
    held = 0
    for seed in range(60):
        z = np.repeat(rng(seed).standard_normal((20, 11)), 6, axis=1)[:, :61]
        voltage = np.linspace(0, 6, 61)
        current = 1e-7 * np.exp(6 * voltage) * voltage * np.exp(sigma * z)
        made = Measurement.from_grid(
            Metadata(device="d"), cycles=np.arange(20), voltage=voltage, current=current
        )
        row = extract(made, SETTINGS, rng(seed))
        held += row["fidelity_low"] <= true <= row["fidelity_high"]
    assert held >= 48


def test_more_cycles_narrow_the_interval():
    """A hundred cycles instead of ten: about a third of the width."""
    widths = [
        row["fidelity_high"] - row["fidelity_low"]
        for row in (extract(measured(sigma=0.8, cycles=cycles), SETTINGS, rng()) for cycles in (10, 100))
    ]
    assert widths[1] < 0.6 * widths[0]


def test_a_device_without_usability_has_no_fidelity():
    row = extract(measured(cycles=2), SETTINGS, rng())
    assert row["status"] == "no_usability"
    assert row["fidelity"] is None and row["fidelity_low"] is None


def test_a_column_is_one_column_of_an_array():
    """n enters the definition: another n would be another reading."""
    assert CELLS == 256
    assert draw_columns(rng()).level.shape == (400, 256)
    assert draw_columns(rng()).level.max(axis=1) == pytest.approx(np.ones(400))
