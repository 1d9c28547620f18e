"""A curve of levels, how well it tells devices, and a device read off it."""

import itertools
import json
import math

import numpy as np
import pytest

from codesign.__main__ import main
from codesign.evaluation.lookup import ReadOffError, agreement, curve_of_levels, monotone, predict
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import write_table


def level(fidelity, mean, **changes):
    row = dict.fromkeys(EVALUATION_SUMMARY.names)
    row |= {"experiment": "t", "method": "erm", "network": "mlp", "stands_for": "level", "n": 10}
    row |= {"profile": f"synthetic-{fidelity}", "noise": "lognormal", "metric": "accuracy"} | {
        "calibration": "none"
    }
    return row | {"fidelity": fidelity, "usability": fidelity, "mean": mean} | changes


def device(name, fidelity, mean, **changes):
    values = {"stands_for": "device", "profile": name, "noise": "resampled"} | changes
    return level(fidelity, mean, **values)


def table_row(name="d", fidelity=0.5, low=0.4, high=0.6, **changes):
    row = dict.fromkeys(DEVICE.names) | {"device": name, "origin": "measured", "status": "ok", "reason": ""}
    row |= {"fidelity": fidelity, "fidelity_low": low, "fidelity_high": high}
    return row | {"usability": 0.1, "usability_low": 0.05, "usability_high": 0.2} | changes


LEVELS = [level(1.0, 0.9), level(0.5, 0.5), level(0.0, 0.1)]
"""On one straight line: 0.1 + 0.8 F."""


def test_monotone_values_are_the_nearest_of_all_monotone_ones():
    """By brute force: every way to cut five values into stretches of equal value, rising or falling."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        y = rng.random(5)
        best = math.inf
        for cuts in itertools.product([False, True], repeat=4):
            group = np.concatenate([[0], np.cumsum(cuts)])
            mean = np.array([y[group == k].mean() for k in range(group[-1] + 1)])
            if np.all(np.diff(mean) >= 0) or np.all(np.diff(mean) <= 0):
                best = min(best, float(((mean[group] - y) ** 2).sum()))
        found = monotone(np.arange(5.0), y)
        assert ((found - y) ** 2).sum() == pytest.approx(best)


def test_order_and_repeated_fidelities_do_not_matter():
    x, y = np.array([0.3, 0.1, 0.3, 0.2]), np.array([0.6, 0.1, 0.8, 0.3])
    assert monotone(x, y) == pytest.approx([0.7, 0.1, 0.7, 0.3])
    assert monotone(x[::-1], y[::-1]) == pytest.approx([0.3, 0.7, 0.1, 0.7])


@pytest.mark.parametrize("sign", [1, -1], ids=["higher-is-better", "lower-is-better"])
def test_a_curve_passes_through_monotone_levels(sign):
    """Straight between levels, and their last beyond them."""
    curve = curve_of_levels(row | {"mean": sign * row["mean"]} for row in LEVELS)
    assert curve.at([0.25, 0.75, 1.2]) == pytest.approx([sign * 0.3, sign * 0.7, sign * 0.9])


def test_devices_on_the_curve_agree_and_devices_off_it_do_not():
    """All on one line: everything explained, no error. One off by 0.3 of three: 0.3 / sqrt(3)."""
    on = [device("a", 0.2, 0.26), device("b", 0.6, 0.58), device("c", 0.9, 0.82)]
    found = agreement(LEVELS, on)
    assert found.explained == pytest.approx(1.0) and found.rms == pytest.approx(0.0, abs=1e-12)
    assert (found.levels, found.devices) == (3, 3)
    off = agreement(LEVELS, [*on[:2], device("c", 0.9, 0.52)])
    assert off.explained < 1 and off.rms == pytest.approx(0.3 / math.sqrt(3))


def test_scores_that_do_not_follow_are_not_explained():
    """Against independent scores a monotone curve explains little of 2,000."""
    rng = np.random.default_rng(1)
    devices = [device(f"d{k}", *rng.random(2)) for k in range(2000)]
    assert agreement(LEVELS, devices).explained < 0.05


def test_a_device_is_read_off_with_the_interval_of_its_fidelity():
    """Without other devices: what F's interval covers on the line."""
    found = predict(table_row(), LEVELS, [], confidence=0.95)
    assert found.score == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx((0.42, 0.58))
    assert found.rms is None and not found.beyond


def test_what_the_curve_errs_by_on_others_widens_the_interval():
    """In quadrature, 1.96 times the root mean square; the device itself does not count."""
    others = [device(name, 0.5, 0.5 + error) for name, error in (("a", 0.1), ("b", -0.1), ("c", 0.1))]
    itself = device("d", 0.5, 0.0)
    found = predict(table_row(), LEVELS, [*others, itself], confidence=0.95)
    assert found.rms == pytest.approx(0.1) and found.devices == 3
    assert found.high - found.score == pytest.approx(math.hypot(0.08, 1.959964 * 0.1), rel=1e-5)


def test_a_device_beyond_the_levels_has_the_score_of_the_last():
    found = predict(table_row(fidelity=0.2, low=0.1, high=0.3), LEVELS[:2], [], confidence=0.95)
    assert found.beyond and found.score == 0.5


@pytest.mark.parametrize(
    ("row", "levels", "said"),
    [
        pytest.param(
            table_row(fidelity=None, reason="2 cycles"), LEVELS, "no fidelity: 2 cycles", id="device"
        ),
        pytest.param(table_row(), LEVELS[:1], "a curve needs 2", id="one-level"),
        pytest.param(table_row(), [level(None, 0.5)] * 3, "a curve needs 2", id="levels-without"),
    ],
)
def test_what_cannot_be_read_off_says_why(row, levels, said):
    with pytest.raises(ReadOffError, match=said):
        predict(row, levels, [], confidence=0.95)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A usability table and the scores of one experiment."""
    monkeypatch.chdir(tmp_path)
    write_table(
        [table_row(), table_row("lost", None, reason="dead")], "results/usability.parquet", schema=DEVICE
    )
    rows = [*LEVELS, *(row | {"method": "dropout", "mean": row["mean"] / 2} for row in LEVELS)]
    write_table(rows, "results/evaluation/moons-summary.parquet", schema=EVALUATION_SUMMARY)
    row = "results/devices/d.parquet"
    write_table([table_row()], row, schema=DEVICE, metadata={"extraction": {"confidence": 0.9}})
    return tmp_path


def test_the_command_reads_a_device_off_every_method(results, capsys):
    """Name and experiment are enough; the interval says its confidence."""
    assert main(["predict", "d", "moons"]) == 0
    said = capsys.readouterr().out
    assert "F = 0.500   90% interval 0.400 ... 0.600" in said
    assert "erm accuracy       0.500   90% interval 0.420 ... 0.580" in said
    assert "dropout accuracy   0.250" in said


def test_the_command_writes_json_and_takes_a_row(results, capsys):
    """For a program: unrounded, of the method asked for, from one device's row."""
    assert main(["predict", "results/devices/d.parquet", "moons", "--method", "dropout", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["device"] == "d" and said["fidelity"] == 0.5
    [found] = said["predictions"]
    assert found["method"] == "dropout" and found["score"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(["e", "moons"], "no device e in", id="device"),
        pytest.param(["d", "moon"], "did you mean moons?", id="experiment"),
        pytest.param(["d", "moons", "--method", "dropuot"], "did you mean dropout?", id="method"),
        pytest.param(["lost", "moons"], "no fidelity: dead", id="no-fidelity"),
        pytest.param(["d", "moons", "--results", "elsewhere"], "no usability table", id="results"),
        pytest.param(["none.parquet", "moons"], "none.parquet", id="row"),
    ],
)
def test_what_is_missing_is_said_in_one_line(results, capsys, asked, said):
    assert main(["predict", *asked]) == 1
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and shown.out == ""
