"""One measurement to one row: known devices are recovered, unusable ones say why."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.resampling import resample_cycles
from codesign.schemas.device import DEVICE

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())["extraction"]
UP = np.linspace(0, 6, 61)
VOLTAGE = np.concatenate([UP, UP[-2::-1]])


def settings(**changes) -> Extraction:
    return Extraction(**CONFIG | changes)


def device(*, sigma=0.2, cycles=40, mean=None, seed=0, compliance_a=None, level=np.inf, **metadata):
    """Log-normal spread, independent at every point, about a given mean conductance."""
    rng = np.random.default_rng(seed)
    mean = 1e-7 * np.exp(VOLTAGE / 2) if mean is None else mean
    current = mean * VOLTAGE * np.exp(sigma * rng.standard_normal((cycles, VOLTAGE.size)))
    return Measurement.from_grid(
        Metadata(device="d", compliance_a=compliance_a, **metadata),
        cycles=np.arange(cycles),
        voltage=VOLTAGE,
        current=np.minimum(current, level),
    )


def row_of(measurement, seed=0, **changes):
    return extract(measurement, settings(**changes), np.random.default_rng(seed))


def test_a_row_has_exactly_the_columns_of_the_table():
    """Whatever the status."""
    refused = Measurement.refused(Metadata(device="d"), "it is broken")
    for measurement in (device(), device(cycles=2), refused):
        assert set(row_of(measurement)) == set(DEVICE.names)


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.4])
def test_sigma_is_recovered(sigma):
    """Within three standard errors, sigma / sqrt(2 N), of the value about the arithmetic mean."""
    row = row_of(device(sigma=sigma, cycles=200))
    about_the_mean = np.sqrt(sigma**2 + sigma**4 / 4)
    assert row["sigma"] == pytest.approx(
        about_the_mean, abs=3 * sigma / np.sqrt(2 * row["samples"]) + 0.005 * sigma
    )
    assert row["autocorrelation_points"] == pytest.approx(1, abs=0.3)


def test_usability_is_eta_times_the_exponential_of_the_bound():
    """U = eta exp(-sigma_upper), inside its interval, and between 0 and 1."""
    row = row_of(device())
    assert row["usability"] == pytest.approx(row["eta"] * np.exp(-row["sigma_upper"]))
    assert 0 < row["usability_low"] <= row["usability"] <= row["usability_high"] <= 1


def test_a_perfect_device_has_usability_one():
    """No spread and a monotonic curve: only the noise of the arithmetic is left."""
    row = row_of(device(sigma=1e-9))
    assert row["usability"] == pytest.approx(1, abs=1e-6) and row["eta"] == 1


def test_more_spread_is_never_more_usable():
    """U falls as sigma grows."""
    found = [row_of(device(sigma=s))["usability"] for s in (0.05, 0.1, 0.3, 0.9)]
    assert found == sorted(found, reverse=True)


def test_frozen_points_in_compliance_do_not_make_a_device_look_good():
    """Masked, the spread below compliance is found; kept, the frozen points hide it."""
    limited = device(sigma=0.4, level=3e-6, compliance_a=3e-6)
    masked, kept = row_of(limited), row_of(limited, compliance="keep")
    assert masked["masked_fraction"] > 0.2
    assert kept["sigma_robust"] < 0.8 * masked["sigma_robust"]
    assert masked["sigma_robust"] == pytest.approx(0.4, rel=0.15)
    assert masked["compliance_source"] == "metadata"


def test_masked_points_count_in_the_length_of_the_branch():
    """A stretch lost to compliance cannot be used and lowers eta."""
    row = row_of(device(sigma=0.01, level=4e-7, compliance_a=4e-7))
    assert row["branch_points"] == 60
    assert row["lcis_length"] <= row["usable_points"] < 21
    assert row["eta"] == pytest.approx(row["lcis_length"] / 60 / 0.35)


def test_bad_cycles_are_dropped_by_name():
    """Open, flipped and empty cycles are counted, and the spread is that of the others."""
    good = device(sigma=0.1)
    cycles, voltage, current = good.grid()
    current = current.copy()
    current[3], current[5], current[7] = 1e-16 * voltage[3], -current[5], np.nan
    row = row_of(Measurement.from_grid(good.metadata, cycles=cycles, voltage=VOLTAGE, current=current))
    assert row["cycles_dropped"] == "3: open; 5: flipped; 7: nan"
    assert (row["cycles_open"], row["cycles_flipped"], row["cycles_nan"], row["cycles_used"]) == (1, 1, 1, 37)
    assert row["sigma"] == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("measurement", "words"),
    [
        pytest.param(device(cycles=1), "1 usable cycle(s), 3 needed", id="one-cycle"),
        pytest.param(
            device(level=1e-8, compliance_a=1e-8),
            "compliance current is reached at once",
            id="all-in-compliance",
        ),
        pytest.param(
            Measurement.from_grid(
                Metadata(device="d"), cycles=[1, 2], voltage=-VOLTAGE, current=np.ones((2, 121))
            ),
            "never positive",
            id="negative-voltage",
        ),
        pytest.param(
            Measurement.from_grid(
                Metadata(device="d"), cycles=[1, 2, 3, 4], voltage=VOLTAGE, current=np.full((4, 121), np.nan)
            ),
            "nan",
            id="nothing-recorded",
        ),
    ],
)
def test_a_device_without_usability_says_why(measurement, words):
    """A row with a reason, not a gap and not an exception."""
    row = row_of(measurement)
    assert row["status"] == "no_usability" and row["usability"] is None
    assert words in row["reason"]


def far_from(text, *words):
    return not any(word in text for word in words)


@pytest.mark.parametrize("polarity", ["", "positive", "negative"])
def test_a_current_counted_the_other_way_is_blamed_on_its_sign(polarity):
    """No cycle more would help."""
    good = device(polarity=polarity)
    side = -1 if polarity == "negative" else 1
    turned = replace(good, voltage=side * good.voltage, current=-side * good.current)
    row = row_of(turned)
    assert "current_scale: -1" in row["reason"]
    assert far_from(row["reason"], "measure more cycles", "compliance")


def test_the_wrong_quadrant_is_blamed_on_both_signs():
    """Turning the voltage alone would flip every cycle; the remedy names both, or the side."""
    good = device()
    negative = replace(good, voltage=-good.voltage, current=-good.current)
    row = row_of(negative)
    assert row["status"] == "no_usability"
    assert all(word in row["reason"] for word in ("voltage_scale", "current_scale", "polarity: negative"))
    stated = replace(negative, metadata=replace(negative.metadata, polarity="negative"))
    assert row_of(stated)["usability"] == row_of(good)["usability"]
    wrong = replace(good, metadata=replace(good.metadata, polarity="negative"))
    assert "never negative" in row_of(wrong)["reason"]


def test_four_causes_have_four_remedies():
    """Sign, side, compliance and number of cycles are told apart."""
    good = device()
    found = [
        row_of(replace(good, current=-good.current)),
        row_of(replace(good, voltage=-good.voltage, current=-good.current)),
        row_of(device(level=1e-8, compliance_a=1e-8)),
        row_of(device(cycles=2)),
    ]
    remedies = (
        "the current is counted the other way",
        "polarity: negative",
        "raise it",
        "measure more cycles",
    )
    for k, row in enumerate(found):
        assert [remedy in row["reason"] for remedy in remedies] == [k == n for n in range(4)]


def test_a_branch_of_few_steps_is_not_blamed_on_compliance():
    """Where nothing is masked, smaller steps are the remedy; where much is, the limit."""
    coarse = Measurement.from_grid(
        Metadata(device="d"),
        cycles=[1, 2, 3, 4],
        voltage=np.array([0, 1, 2, 3, 2, 1, 0.0]),
        current=np.tile([0, 1, 4, 9, 4, 1, 0.0], (4, 1)) * 1e-6,
    )
    row = row_of(coarse)
    assert "too few steps" in row["reason"] and far_from(row["reason"], "compliance")
    limited = row_of(device(level=1e-7, compliance_a=1e-7))
    assert "of the branch is in compliance" in limited["reason"]


def test_a_short_cycle_is_no_open_one():
    """It carries less because it ends sooner, not because it is dead."""
    v = np.linspace(0, 6, 61)
    cycles = [np.concatenate([v[:n], v[n - 2 :: -1]]) for n in (15, 61, 61, 61, 61)]
    sizes = [len(one) for one in cycles]
    volts = np.concatenate(cycles)
    rng = np.random.default_rng(0)
    row = row_of(
        Measurement(
            Metadata(device="d"),
            np.repeat(np.arange(5), sizes),
            np.concatenate([np.arange(n) for n in sizes]),
            volts,
            1e-12 * np.expm1(3 * volts) * np.exp(0.1 * rng.standard_normal(volts.size)),
        )
    )
    assert row["cycles_dropped"] == "" and row["cycles_used"] == 5


def test_a_refused_file_is_a_row_with_its_reason():
    """The reason of the import goes through."""
    row = row_of(Measurement.refused(Metadata(device="d"), "column voltage is missing"))
    assert (row["status"], row["reason"]) == ("refused", "column voltage is missing")


def test_a_pulse_series_uses_potentiation_only():
    """Depression would end every increasing window."""
    up, down = np.linspace(1e-6, 2e-6, 50), np.linspace(2e-6, 1e-6, 50)
    rng = np.random.default_rng(1)
    current = 0.1 * np.concatenate([up, down]) * np.exp(0.05 * rng.standard_normal((10, 100)))
    measurement = Measurement.from_grid(
        Metadata(device="d", kind="pulse", branch_points=50),
        cycles=np.arange(10),
        voltage=np.full(100, 0.1),
        current=current,
    )
    row = row_of(measurement)
    assert row["status"] == "ok" and row["branch_points"] == 50 and row["compliance_source"] == "none"


@pytest.mark.parametrize("estimator", ["mle", "robust"])
def test_the_bootstrap_agrees_with_extracting_each_resample(estimator):
    """Matrix products over weights are the same as repeating the cycles and starting over."""
    rng = np.random.default_rng(5)
    log_g = np.log(1e-7) + np.linspace(0, 2, 30) + 0.3 * rng.standard_normal((12, 30))
    log_g[rng.random(log_g.shape) < 0.05] = np.nan
    usable = np.ones(30, dtype=bool)
    how = settings(bootstrap=25, estimator=estimator)
    fast = resample_cycles(log_g, usable, how, np.random.default_rng(9), autocorrelation=2.0).usability
    picks = np.random.default_rng(9).integers(12, size=(25, 12))
    for value, pick in zip(fast, picks, strict=True):
        assert value == pytest.approx(slow_usability(log_g[pick], how), rel=1e-9)


def slow_usability(log_g, how):
    """The definition, one resample at a time, with scipy's chi-square."""
    from scipy import stats

    mean = np.nanmean(np.exp(log_g), axis=0)
    drops, best, n = mean[1:] <= mean[:-1], 0, mean.size
    for start in range(n):
        for stop in range(start + 1, n + 1):
            if drops[start : stop - 1].sum() <= how.tolerated_drops:
                best = max(best, stop - start)
    if how.estimator == "mle":
        sigma = np.sqrt(np.nanmean((log_g - np.log(mean)) ** 2))
    else:
        deviation = (log_g - np.nanmean(log_g, axis=0))[np.isfinite(log_g)]
        sigma = 1.4826 * np.median(np.abs(deviation - np.median(deviation)))
    samples = np.isfinite(log_g).sum() / 2.0
    upper = sigma * np.sqrt(samples / stats.chi2.ppf(1 - how.confidence, samples))
    return min(1, best / n / how.min_operative_fraction) * np.exp(-upper)


def test_the_same_generator_gives_the_same_row():
    """Nothing else is random."""
    assert row_of(device(), seed=4) == row_of(device(), seed=4)


@pytest.mark.parametrize(
    "changes",
    [{"branch": "down"}, {"estimator": "mean"}, {"bootstrap": 3}, {"min_cycles": 1}, {"confidence": 1.5}],
    ids=lambda change: next(iter(change)),
)
def test_settings_check_themselves(changes):
    """A wrong value is named."""
    with pytest.raises(ValueError, match=next(iter(changes))):
        settings(**changes)
