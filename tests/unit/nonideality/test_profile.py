"""Device profiles against hand-made curves, closed forms and the devices they come from."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality.branch import Extraction, pooled_log_ratio
from codesign.nonideality.curve import curve_segments
from codesign.nonideality.device import extract
from codesign.nonideality.fidelity import draw_columns, fidelity, lognormal_factors
from codesign.nonideality.levels import (
    Trend,
    choose_panel,
    equivalent_sigma,
    panel_profiles,
    synthetic_profiles,
    trend,
)
from codesign.nonideality.profile import (
    DeviceProfile,
    ProfileError,
    nearest_level,
    read_profiles,
    write_profiles,
)
from codesign.nonideality.profiling import held_conductance, profile_of, with_ratios

L0 = 0.35
SETTINGS = Extraction(**yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())["extraction"])


def row(conductance, *, lcis, usable=None, **changes):
    """What a profile reads of a device row."""
    n = len(conductance)
    return {
        "device": "d",
        "origin": "measured",
        "status": "ok",
        "reason": "",
        "branch_points": n,
        "lcis_start": lcis[0],
        "lcis_length": lcis[1],
        "eta": min(1.0, lcis[1] / n / L0),
        "sigma_upper": 0.2,
        "usability": min(1.0, lcis[1] / n / L0) * math.exp(-0.2),
        "usability_low": 0.1,
        "usability_high": 0.9,
        "fidelity": 0.8,
        "fidelity_low": 0.7,
        "fidelity_high": 0.85,
        "conductance_s": list(conductance),
        "usable": [True] * n if usable is None else list(usable),
    } | changes


def of(*args, **kwargs) -> DeviceProfile:
    return profile_of(row(*args, **kwargs), min_operative_fraction=L0)


def measured(sigma=0.3, cycles=30, limit_a=np.inf, name="d"):
    """Independent log-normal spread about an exponential curve."""
    voltage = np.linspace(0, 6, 61)
    z = np.random.default_rng(5).standard_normal((cycles, voltage.size))
    current = np.minimum(1e-7 * np.exp(voltage / 2) * voltage * np.exp(sigma * z), limit_a)
    return Measurement.from_grid(
        Metadata(device=name), cycles=np.arange(cycles), voltage=voltage, current=current
    )


def test_the_curve_of_a_window_runs_from_zero_to_one():
    """A linear branch of 20 points, LCIS from point 5: seven points, evenly spaced, all reached."""
    profile = of(np.arange(1.0, 21.0), lcis=(5, 15))
    assert (profile.window_start, profile.window_length) == (5, 7)
    assert profile.curve == pytest.approx(np.arange(7) / 6)
    assert profile.reached.all()
    assert (profile.g_min_s, profile.g_max_s) == (6.0, 12.0)
    assert profile.off_ratio == pytest.approx(1.0)


def test_a_window_moved_back_begins_before_the_lcis():
    """The LCIS begins three points before the end; four points before it are not reached."""
    profile = of([9, 9, 9, 9] * 4 + [5, 1, 2, 3], lcis=(17, 3))
    assert (profile.window_start, profile.window_length) == (13, 7)
    assert profile.reached.tolist() == [False] * 4 + [True] * 3
    assert profile.curve.tolist() == [1, 1, 1, 0.5, 0, 0.125, 0.25]


def test_a_cell_in_compliance_keeps_the_state_it_had_reached():
    """The recorded fall of Icc / V after the onset does not enter; the level saturates."""
    recorded = np.array([1, 2, 3, 4, 3.5, 3.0, 2.5] + [2.0] * 13)
    profile = of(recorded, lcis=(0, 4), usable=np.arange(20) < 4)
    assert profile.curve == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1, 1])
    assert profile.reached.tolist() == [True] * 4 + [False] * 3
    assert profile.g_max_s == 4.0


def test_points_before_the_first_usable_one_hold_it():
    """Nothing is known before it."""
    usable = np.array([False, False, True, False, True, False])
    held = held_conductance(np.array([np.nan, 8.0, 3.0, np.nan, 5.0, 1.0]), usable)
    assert held.tolist() == [3, 3, 3, 3, 5, 5]


@given(
    st.lists(st.tuples(st.floats(1e-9, 1e-3), st.booleans()), min_size=10, max_size=40),
    st.integers(0, 39),
    st.integers(1, 40),
)
def test_any_curve_gives_a_profile_inside_its_own_range(points, start, length):
    """Masked points anywhere, LCIS anywhere: values in 0 ... 1, both ends met unless degenerate."""
    n = len(points)
    start = min(start, n - 1)
    length = min(length, n - start)
    usable = [ok or start <= i < start + length for i, (_, ok) in enumerate(points)]
    profile = of([g if ok else None for (g, _), ok in zip(points, usable, strict=True)],
                 lcis=(start, length), usable=usable)  # fmt: skip
    assert profile.curve.shape == profile.reached.shape == (math.ceil(L0 * n),)
    assert np.all((profile.curve >= 0) & (profile.curve <= 1))
    if profile.g_max_s > profile.g_min_s:
        assert profile.curve.min() == 0 and profile.curve.max() == 1
        overlap = min(start + length, profile.window_start + profile.window_length) - start
        assert profile.reached.sum() == overlap
    else:
        assert not profile.reached.any() and not profile.curve.any()


def test_a_device_with_one_conductance_stores_nothing():
    """g_max = g_min: every level ends at nothing, and no level is reached."""
    profile = of(np.ones(20), lcis=(0, 3))
    assert not profile.curve.any() and not profile.reached.any() and profile.off_ratio == 0


def test_range_and_window_agree_with_the_extraction():
    """The row's own g_min and g_max, which extraction took from the same window."""
    for limit in (np.inf, 4e-6):
        found = extract(measured(limit_a=limit), SETTINGS, np.random.default_rng(0))
        profile = profile_of(found, min_operative_fraction=L0)
        assert (profile.g_min_s, profile.g_max_s) == pytest.approx((found["g_min_s"], found["g_max_s"]))


def test_ratios_are_the_samples_behind_sigma():
    """Their root mean square is sigma, their number the number of samples."""
    measurement = measured(limit_a=4e-6)
    found = extract(measurement, SETTINGS, np.random.default_rng(0))
    profile = with_ratios(profile_of(found, min_operative_fraction=L0), measurement, SETTINGS)
    assert profile.log_ratio.size == found["samples"]
    assert np.sqrt(np.mean(profile.log_ratio**2)) == pytest.approx(found["sigma_mle"])


def test_a_refused_measurement_has_no_ratios():
    """An empty row, not an error: the profile's maker decides."""
    assert pooled_log_ratio(Measurement.refused(Metadata(device="d"), "broken"), SETTINGS).size == 0


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(lambda: of(np.arange(20), lcis=(0, 9), status="no_usability", reason="one cycle"),
                     "one cycle", id="no-usability"),
        pytest.param(lambda: with_ratios(of(np.arange(20), lcis=(0, 9)), measured(name="e"), SETTINGS),
                     "measurement of e", id="other-device"),
        pytest.param(lambda: of(np.arange(20), lcis=(0, 9), sigma_upper=float("nan")),
                     "sigma nan", id="sigma-not-finite"),
        pytest.param(lambda: of(np.arange(20), lcis=(0, 9), usability=1.2), "usability 1.2", id="usability"),
        pytest.param(lambda: held_conductance(np.ones(3), np.zeros(3, bool)), "no usable point", id="none"),
        pytest.param(lambda: choose_panel([], [0.5]), "no device", id="panel-without-devices"),
        pytest.param(lambda: choose_panel([row(np.arange(20), lcis=(0, 9))], [0.5, 0.5]),
                     "occur once", id="level-twice"),
        pytest.param(lambda: trend([], min_operative_fraction=L0), "no device", id="trend-without-devices"),
        pytest.param(lambda: synthetic_profiles([0.0], Trend(0.1, 0.5, 3, "measured"),
                                                min_operative_fraction=L0),
                     "levels must lie", id="level-zero"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_profile_is_refused(act, words):
    """With the reason."""
    with pytest.raises(ProfileError, match=words):
        act()


def device(name, usability):
    return row(np.arange(1.0, 21.0), lcis=(0, 20), device=name, usability=usability)


def test_a_panel_takes_the_nearest_devices_each_once():
    """0.52 is nearest to 0.5; 0.6 then has to take the next, although 0.52 would be closer."""
    rows = [device("a", 0.3), device("b", 0.52), device("c", 0.9), device("d", 0.71)]
    chosen = choose_panel(rows, [0.5, 0.6, 0.9])
    assert [(level, found["device"]) for level, found in chosen] == [(0.9, "c"), (0.6, "d"), (0.5, "b")]


def test_a_panel_breaks_ties_by_name_and_ignores_order_and_bystanders():
    """Equal distances; another device that is chosen for nothing changes nothing."""
    rows = [device("b", 0.75), device("a", 0.25), device("c", 0.75)]
    names = [found["device"] for _, found in choose_panel(rows, [0.5])]
    assert names == ["a"]
    more = [device("z", 0.99), *reversed(rows)]
    assert [found["device"] for _, found in choose_panel(more, [0.5])] == names


def test_a_panel_of_more_levels_than_devices_uses_every_device():
    """Each device once."""
    chosen = choose_panel([device("a", 0.3), device("b", 0.5)], [0.2, 0.4, 0.6, 0.8])
    assert sorted(found["device"] for _, found in chosen) == ["a", "b"]


@given(st.floats(0, 1), st.lists(st.floats(0.01, 1), min_size=1, max_size=6, unique=True))
def test_synthetic_profiles_have_the_usability_asked_for(share, levels):
    """eta exp(-sigma) is the level exactly, whatever the split, and sigma is never negative."""
    made = synthetic_profiles(levels, Trend(share, 0.7, 9, "measured"), min_operative_fraction=L0)
    assert [p.level for p in made] == sorted(levels, reverse=True)
    for profile in made:
        assert profile.eta * math.exp(-profile.sigma) == pytest.approx(profile.usability)
        assert profile.reached.sum() == profile.lcis_length
        assert profile.eta == pytest.approx(min(1, profile.lcis_length / profile.branch_points / L0))


def test_level_one_is_the_ideal_device():
    """No spread, every level reached, a straight line."""
    [ideal] = synthetic_profiles([1.0], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=L0)
    assert ideal.sigma == 0 and ideal.eta == 1 and ideal.reached.all()
    assert ideal.curve == pytest.approx(np.linspace(0, 1, 35))


def test_the_trend_recovers_a_split_it_was_made_with():
    """Devices that follow eta = U^0.25, to within the rounding of eta to whole points."""
    n, rows = 200, []
    for k, usability in enumerate(np.linspace(0.2, 0.9, 15)):
        length = round(usability**0.25 * L0 * n)
        curve = np.where(np.arange(n) < length, np.arange(n) / (length - 1), 0.6)
        rows.append(row(curve, lcis=(0, length), device=f"d{k}", usability=usability))
    found = trend(rows, min_operative_fraction=L0)
    assert found.eta_share == pytest.approx(0.25, abs=0.01)
    assert found.beyond == pytest.approx(0.6)
    assert (found.devices, found.origin) == (15, "measured")
    assert trend(rows, min_operative_fraction=L0, lowest=0.5).devices == 9


def test_measured_and_virtual_devices_share_no_trend():
    """The two never mix."""
    rows = [device("a", 0.5), device("b", 0.6) | {"origin": "virtual"}]
    with pytest.raises(ProfileError, match="never share"):
        trend(rows, min_operative_fraction=L0)


def test_profiles_come_back_as_written(tmp_path):
    """Every column, arrays included."""
    found = extract(measured(), SETTINGS, np.random.default_rng(0))
    written = [
        with_ratios(profile_of(found, min_operative_fraction=L0, level=0.5), measured(), SETTINGS),
        *synthetic_profiles([0.3, 1.0], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=L0),
    ]
    write_profiles(written, tmp_path / "p.parquet")
    for before, after in zip(written, read_profiles(tmp_path / "p.parquet"), strict=True):
        for name in DeviceProfile.__dataclass_fields__:
            assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_the_nearest_level_is_the_better_one_of_two_as_far():
    """0.8 and 0.4 are as far from 0.6, though not in binary."""
    made = synthetic_profiles([0.2, 0.4, 0.8], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=L0)
    assert nearest_level(made, 0.6).level == 0.8
    assert nearest_level(made, 0.35).level == 0.4
    with pytest.raises(ProfileError, match="nothing to choose from"):
        nearest_level([], 0.6)


def test_a_synthetic_level_has_the_fidelity_of_its_curve_and_spread():
    """Level 1 keeps everything; below, less and less; without columns there is none."""
    along = Trend(0.14, 0.7, 9, "measured")
    levels = [1.0, 0.8, 0.5, 0.2]
    columns = draw_columns(np.random.default_rng(3))
    made = synthetic_profiles(levels, along, min_operative_fraction=L0, columns=columns)
    kept = [profile.fidelity for profile in made]
    assert kept[0] == pytest.approx(1.0) and np.all(np.diff(kept) < -0.01)
    last = made[-1]
    segments = curve_segments(last.curve, last.reached, "relative")
    assert kept[-1] == fidelity(segments, lognormal_factors(last.sigma, columns), columns)
    [without] = synthetic_profiles([0.5], along, min_operative_fraction=L0)
    assert without.fidelity is None


def test_levels_of_fidelity_have_it():
    """Found along the trend: the usability is whatever has that fidelity."""
    along = Trend(0.14, 0.7, 9, "measured")
    columns = draw_columns(np.random.default_rng(3))
    levels = [1.0, 0.95, 0.8, 0.5, 0.3]
    made = synthetic_profiles(levels, along, min_operative_fraction=L0, columns=columns, by="fidelity")
    assert [profile.level for profile in made] == levels
    assert [profile.fidelity for profile in made] == pytest.approx(levels, abs=0.02)
    assert np.all(np.diff([profile.usability for profile in made]) < 0)
    assert made[1].profile == "synthetic-fidelity-0.95"


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        pytest.param({"by": "eta"}, ValueError, "by must be one of", id="no-reading"),
        pytest.param({"by": "fidelity"}, ValueError, "need columns", id="nothing-to-compute-it-on"),
        pytest.param(
            {"by": "fidelity", "columns": draw_columns(np.random.default_rng(3)), "levels": [0.01]},
            ProfileError,
            "no synthetic profile has the fidelity 0.01",
            id="beyond-the-trend",
        ),
    ],
)
def test_levels_that_cannot_be_made_are_refused(change, error, said):
    asked = {"levels": [0.5]} | change
    with pytest.raises(error, match=said):
        synthetic_profiles(
            asked.pop("levels"), Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=L0, **asked
        )


def test_a_panel_can_be_chosen_by_fidelity():
    """The device nearest to 0.8 in one reading is another than in the other."""
    rows = [
        {"device": name, "status": "ok", "usability": u, "fidelity": f}
        for name, u, f in (("a", 0.8, 0.99), ("b", 0.2, 0.81), ("c", 0.5, 0.9))
    ]
    assert [row["device"] for _, row in choose_panel(rows, [0.8])] == ["a"]
    assert [row["device"] for _, row in choose_panel(rows, [0.8], by="fidelity")] == ["b"]


def test_level_1_of_a_panel_is_the_ideal_device():
    """A network on it is what it is in software; other levels are devices, and level 1 takes none of them."""
    rows = [
        row(np.linspace(1e-6, 1e-5, 20), lcis=(0, 20)) | {"device": name, "usability": u, "fidelity": f}
        for name, u, f in (("a", 0.9, 0.95), ("b", 0.5, 0.65))
    ]
    how = {"min_operative_fraction": L0, "columns": draw_columns(np.random.default_rng(1), draws=50)}
    along = Trend(0.14, 0.7, 9, "measured")
    found = panel_profiles(rows, [0.6, 1.0, 0.97], along, by="fidelity", **how)
    assert [(profile.level, profile.kind) for profile in found] == [
        (1.0, "synthetic"), (0.97, "device"), (0.6, "device"),
    ]  # fmt: skip
    assert [profile.profile for profile in found[1:]] == ["a", "b"]
    assert (found[0].usability, found[0].sigma) == (1.0, 0.0)
    assert found[0].fidelity == pytest.approx(1.0)
    [alone] = panel_profiles([], [1.0], along, by="usability", **how)
    assert alone.kind == "synthetic"


@given(st.floats(0.05, 2.0), st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_the_equivalent_spread_is_the_spread_where_factors_are_log_normal(sigma, seed):
    """And in every case it has the device's fidelity."""
    columns = draw_columns(np.random.default_rng(seed), draws=60)
    profile = of(np.linspace(1e-6, 1e-5, 20), lcis=(0, 20))
    segments = curve_segments(profile.curve, profile.reached, "relative")
    known = fidelity(segments, lognormal_factors(sigma, columns), columns)
    found = equivalent_sigma(replace(profile, fidelity=known), columns)
    assert found == pytest.approx(sigma, abs=1e-3)
    assert fidelity(segments, lognormal_factors(found, columns), columns) == pytest.approx(known, abs=1e-3)


def test_a_panel_device_is_as_hard_on_networks_as_it_is():
    """A spread of ln G of 2.7 at F = 0.75; without a fidelity its own spread; a lossless one none."""
    columns = draw_columns(np.random.default_rng(1), draws=400)
    hard = row(np.linspace(1e-6, 1e-5, 20), lcis=(0, 20)) | {"sigma_upper": 2.7, "fidelity": 0.75}
    [profile] = panel_profiles(
        [hard], [0.7], Trend(0.14, 0.7, 9, "measured"), by="fidelity", min_operative_fraction=L0,
        columns=columns,
    )  # fmt: skip
    assert 0.7 < profile.sigma < 0.85  # exp(-sigma^2 / 2) = 0.75 at 0.76
    assert equivalent_sigma(replace(profile, fidelity=None, sigma=2.7), columns) == 2.7
    assert equivalent_sigma(replace(profile, fidelity=1.0), columns) == 0.0
