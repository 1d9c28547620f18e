"""Which rows usability is judged by, and how well its readings order devices."""

import math

import pytest
from scipy.stats import spearmanr

from codesign.evaluation.readings import READINGS, predictions

OPTIONS = {"methods": ["erm"], "resamples": 200, "confidence": 0.95, "seed": 3}
ETA = {"a": 0.9, "b": 0.8, "c": 1.0, "d": 0.5}
SIGMA = {"a": 0.1, "b": 0.4, "c": 0.6, "d": 0.9}
SCORE = {"a": 0.95, "b": 0.8, "c": 0.85, "d": 0.6}


def device(name, **changes):
    """A device with its factors; robust sigma is twice the other."""
    return {
        "device": name, "status": "ok", "eta": ETA[name], "sigma_upper": SIGMA[name],
        "sigma_mle": SIGMA[name], "sigma_robust": 2 * SIGMA[name],
        "fidelity": ETA[name] * math.exp(-(SIGMA[name] ** 2) / 2),
        "usability": ETA[name] * math.exp(-SIGMA[name]), "usability_reference": math.exp(-SIGMA[name]),
    } | changes  # fmt: skip


def score(name, **changes):
    """The summary of one device's programmings."""
    return {
        "experiment": "t", "method": "erm", "stands_for": "device", "noise": "resampled",
        "calibration": "none", "profile": name,
        "metric": "accuracy", "mean": SCORE[name], "std": 0.01, "aim": "0.9", "trainings": 3, "n": 10,
    } | changes  # fmt: skip


def test_correlations_are_scipys_and_points_are_the_rows_behind_them():
    """Spearman's rho of each reading against the mean score, over the devices."""
    found, points = predictions(map(device, ETA), map(score, ETA), **OPTIONS)
    assert [row["reading"] for row in found] == list(READINGS)
    by_reading = {row["reading"]: row for row in found}
    for name, row in by_reading.items():
        values = [point[name] for point in points]
        assert row["rho"] == pytest.approx(spearmanr(values, list(SCORE.values())).statistic)
        assert row["n"] == 4 and row["low"] <= row["rho"] <= row["high"]
    assert points[0]["robust"] == pytest.approx(0.9 * math.exp(-0.2))
    assert points[0]["usability"] == pytest.approx(0.9 * math.exp(-0.1))
    assert points[0]["spread-robust"] == pytest.approx(math.exp(-0.2))
    assert [points[0][name] for name in ("aim", "trainings", "n")] == ["0.9", 3, 10]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"noise": "lognormal"}, id="noise-that-assumes-sigma"),
        pytest.param({"calibration": "offset"}, id="calibrated"),
        pytest.param({"method": "bayesmulti"}, id="another-network"),
        pytest.param({"stands_for": "level"}, id="synthetic"),
        pytest.param({"profile": "e"}, id="device-without-usability"),
    ],
)
def test_only_one_network_on_resampled_devices_counts(changes):
    """Rows of anything else change nothing."""
    lost = {"device": "e", "status": "no_usability"}
    devices = [*map(device, ETA), lost]
    clean = predictions(devices, map(score, ETA), **OPTIONS)
    assert predictions(devices, [*map(score, ETA), score("a", mean=0.0) | changes], **OPTIONS) == clean


def test_too_few_devices_and_readings_without_order_have_no_correlation():
    """Two devices leave their points; a constant reading leaves the other readings."""
    found, points = predictions(map(device, "ab"), map(score, "ab"), **OPTIONS)
    assert found == [] and len(points) == 2
    found, _ = predictions([device(name, eta=1.0) for name in ETA], map(score, ETA), **OPTIONS)
    assert {row["reading"] for row in found} == READINGS.keys() - {"eta"}


def test_a_reading_that_a_device_lacks_leaves_it_out():
    """The reference code gives some devices no usability."""
    devices = [device("a", usability_reference=None), *map(device, "bcd")]
    found, _ = predictions(devices, map(score, ETA), **OPTIONS)
    assert {row["reading"]: row["n"] for row in found} == dict.fromkeys(READINGS, 4) | {"reference": 3}


def test_fidelity_and_usability_are_compared_on_every_methods_network():
    """Of the first method every reading, of the others the two that are compared."""
    rows = [*map(score, ETA), *(score(name, method="bayesmulti", mean=1 - SCORE[name]) for name in ETA)]
    found, points = predictions(map(device, ETA), rows, **OPTIONS | {"methods": ["erm", "bayesmulti"]})
    other = {row["reading"]: row["rho"] for row in found if row["method"] == "bayesmulti"}
    first = {row["reading"]: row["rho"] for row in found if row["method"] == "erm"}
    assert other.keys() == {"fidelity", "usability"} and first.keys() == READINGS.keys()
    assert all(other[name] == pytest.approx(-first[name]) for name in other)
    assert [point["method"] for point in points] == ["erm"] * 4 + ["bayesmulti"] * 4
