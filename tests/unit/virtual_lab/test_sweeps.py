"""The virtual laboratory: what is put in is what the extraction finds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.lcis import lcis
from codesign.seeds import generator
from codesign.virtual_lab.devices import make_for, spread_conditions, virtual_measurements
from codesign.virtual_lab.landscape import Landscape
from codesign.virtual_lab.sweeps import (
    CORRELATION_POINTS,
    GROWTH_DECADES,
    LIMIT_NOISE,
    SET_FRACTION,
    VirtualLab,
    make_device,
    mean_log_curve,
    sigma_of_cells,
)

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
SPACE, START = CONFIG["fabrication"]["space"], CONFIG["fabrication"]["start"]
HOW = Extraction(**CONFIG["extraction"])
LAB = VirtualLab(cycles=20, points=61, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.0)


def virtual(window, sigma, seed=0, lab=LAB):
    return make_device(
        "v",
        START,
        window=window,
        sigma=sigma,
        tolerated_drops=2,
        settings=lab,
        rng=generator(seed, "t", window),
        truth={},
    )


@pytest.mark.parametrize("window", range(3, 46))
def test_the_noise_free_curve_has_exactly_the_window_asked_for(window):
    """The LCIS with two tolerated drops is the ground truth of eta."""
    curve = mean_log_curve(window, 45, tolerated_drops=2)
    assert lcis(curve, np.ones(45, bool), tolerated_drops=2).length == window


def cycles_that_show_the_curve(sigma):
    """Cycles over whose mean a rise is 4.5 standard deviations of a step's noise; at least 20.

    G / mean has covariance exp(rho s^2) - 1 between points of correlation rho, so a step of the
    log of a mean over n cycles has variance 2 (exp(s^2) - exp(rho s^2)) / n for neighbours. At 4.5
    deviations a step of 48 turns round in 1.6e-4 of the devices.
    """
    s2 = sigma_of_cells(sigma) ** 2
    rho = np.exp(-0.5 / CORRELATION_POINTS**2)
    rise = GROWTH_DECADES * np.log(10) / int(SET_FRACTION * (LAB.points - 1))
    return max(20, int(np.ceil(2 * (np.exp(s2) - np.exp(rho * s2)) * (4.5 / rise) ** 2)))


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.6, 1.2])
@pytest.mark.parametrize("window", [7, 14, 21, 40])
def test_the_extraction_finds_eta_and_sigma(window, sigma):
    """Eta within one point; sigma, over 12 devices, within four standard errors of its mean and 12 % bias.

    With as many cycles as show the curve through the spread: 20 up to sigma 0.2, 68 for 0.6 and
    more than 400 for 1.2. The bias is that of a mean curve estimated from n cycles: 1 / 2n of sigma
    for small sigma, and the missing tail of exp(s z) for large ones. The limit is the larger one of
    the measured devices, 2.7 mA: at 27 uA a sigma of 1.2 has its lowest currents in the ammeter's noise.
    """
    lab = replace(LAB, cycles=cycles_that_show_the_curve(sigma), compliance_a=2.7e-3)
    rows = [extract(virtual(window, sigma, seed, lab), HOW, generator(seed, "b")) for seed in range(12)]
    off = [row["lcis_length"] - window for row in rows]
    assert all(abs(difference) <= 1 for difference in off)
    found = np.array([row["sigma"] for row in rows])
    assert found.mean() == pytest.approx(sigma, abs=4 * found.std(ddof=1) / np.sqrt(12) + 0.12 * sigma)


def test_the_width_of_cells_gives_the_root_mean_square_about_the_mean():
    """Moments of the log-normal, drawn."""
    for sigma in (0.1, 0.5, 1.5):
        s = sigma_of_cells(sigma)
        g = np.exp(s * np.random.default_rng(1).standard_normal(2_000_000) - s * s / 2)
        assert g.mean() == pytest.approx(1, abs=0.01)
        assert np.sqrt(np.mean(np.log(g) ** 2)) == pytest.approx(sigma, rel=0.005)


def test_compliance_is_honoured_and_the_branch_ends_in_it():
    """No current exceeds the limit by more than its noise: five deviations for some 5000 samples."""
    _, voltage, current = virtual(21, 0.3).grid()
    assert current.max() < 2.7e-5 * (1 + 5 * LIMIT_NOISE)
    assert np.all(current[:, np.argmax(voltage[0])] > 2.7e-5 * (1 - 5 * LIMIT_NOISE))


def test_dead_cycles_are_found_by_quality_control():
    """Exactly the cycles that were made dead."""
    lab = VirtualLab(cycles=60, points=61, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.15)
    made = virtual(21, 0.3, lab=lab)
    row = extract(made, HOW, generator(0, "b"))
    dead = made.metadata.extra["dead_cycles"]
    assert dead and row["cycles_dropped"] == "; ".join(f"{k}: open" for k in dead)


def test_virtual_devices_are_labelled_and_repeat():
    """Same seed, same numbers; another count of devices keeps the first ones."""
    names = [f"virtual-{k:04d}" for k in range(1, 7)]
    made = {
        count: list(
            virtual_measurements(names[:count], space=SPACE, start=START, lab=LAB, landscape=1, seed=3)
        )
        for count in (4, 6)
    }
    for short, long in zip(made[4], made[6], strict=False):
        assert short.metadata == long.metadata and short.metadata.origin == "virtual"
        assert np.array_equal(short.current, long.current)
    assert {name: getattr(made[4][0].metadata, name) for name in START} == START


def test_the_hidden_usability_is_what_the_landscape_says():
    """eta exp(-sigma) exactly, after rounding eta to whole points."""
    landscape = Landscape.draw(SPACE, generator(1, "l"), START)
    hidden = make_for("v", START, landscape, LAB, generator(1, "v")).metadata.extra["hidden"]
    assert hidden["eta"] * np.exp(-hidden["sigma"]) == pytest.approx(landscape.usability([START])[0])


def test_spread_conditions_differ_and_grow_by_appending():
    """A longer design begins with the shorter one."""
    few, many = (spread_conditions(SPACE, START, n, 5) for n in (10, 40))
    assert many[:10] == few and len({tuple(c.values()) for c in many}) == 40


@pytest.mark.parametrize("seed", range(8))
def test_a_landscape_hides_a_rare_optimum_and_a_mediocre_start(seed):
    """The ranges that the documentation states, on the whole grid."""
    landscape = Landscape.draw(SPACE, generator(seed, "l"), START)
    _, values = landscape.grid()
    condition, best = landscape.optimum()
    assert values.size == 8400 and values.min() > 0.04
    assert best == values.max() == landscape.usability([condition])[0] and 0.9 <= best <= 0.97
    assert 0.27 < landscape.usability([START])[0] < 0.45
    assert np.mean(values >= 0.95 * best) <= 0.04


def test_a_landscape_has_interactions():
    """No sum of one function a variable explains it."""
    landscape = Landscape.draw(SPACE, generator(2, "l"), START)
    conditions, values = landscape.grid()
    dummies = np.column_stack(
        [[float(c[name] == level) for c in conditions] for name, levels in SPACE.items() for level in levels]
    )
    fitted = dummies @ np.linalg.lstsq(dummies, values, rcond=None)[0]
    assert np.var(values - fitted) > 0.05 * np.var(values)


def test_a_landscape_is_continuous_off_the_grid():
    """A small step changes usability by little."""
    landscape = Landscape.draw(SPACE, generator(3, "l"), START)
    line = landscape.usability([START | {"length_um": x} for x in np.linspace(0.6, 3, 400)])
    assert np.abs(np.diff(line)).max() < 0.02


@pytest.mark.parametrize(
    "change",
    [{"cycles": 1}, {"points": 5}, {"v_max_v": 0}, {"dead_cycle_fraction": 0.9}],
    ids=lambda c: next(iter(c)),
)
def test_settings_out_of_range_are_refused(change):
    """Nothing is clipped."""
    settings = {
        "cycles": 20,
        "points": 61,
        "v_max_v": 6.0,
        "compliance_a": 2.7e-5,
        "dead_cycle_fraction": 0.0,
    }
    with pytest.raises(ValueError, match=r"need|range"):
        VirtualLab(**settings | change)
