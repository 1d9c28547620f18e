"""Each drawing script of the network half writes a PDF, a PNG and the numbers, the same bytes every time."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from codesign.bayesmulti.specification import method_spec
from codesign.evaluation.readings import predictions
from codesign.evaluation.statistics import summarise
from codesign.nonideality.levels import synthetic_profiles, trend
from codesign.nonideality.profile import to_rows
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.schemas.profile import PROFILE
from codesign.tables import write_csv, write_table
from codesign.tasks.about import Metric

ROOT = Path(__file__).resolve().parents[2]
USABILITY = {"a": 0.2, "b": 0.5, "c": 0.8, "d": 0.9}


def _script(name):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow_scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _twice(name, folder, *, figures=("",), **given):
    """Run main() twice; check the files; give the rows of each CSV."""
    tables, seen = {}, []
    for run in ("first", "second"):
        outputs = {
            f"{figure}{kind}": folder / run / f"x_{figure}{kind}.{kind}"
            for figure in figures
            for kind in ("pdf", "png", "svg", "csv")
        }
        _script(name).main(**given, **outputs)
        seen.append({key: path.read_bytes() for key, path in outputs.items()})
        for key, path in outputs.items():
            if key.endswith("csv"):
                tables[key] = list(csv.DictReader(path.open(newline="", encoding="utf-8")))
    assert seen[0] == seen[1]
    assert all(stored.startswith(b"%PDF-") for key, stored in seen[0].items() if key.endswith("pdf"))
    assert all(stored.startswith(b"\x89PNG") for key, stored in seen[0].items() if key.endswith("png"))
    return tables


def _devices():
    rows = []
    for name, u in USABILITY.items():
        row = dict.fromkeys(DEVICE.names) | {"device": name, "origin": "virtual", "status": "ok"}
        row |= {"usability": u, "usability_low": 0.9 * u, "usability_high": u, "usability_reference": u**2}
        row |= {"fidelity": u**0.3, "fidelity_low": u**0.4, "fidelity_high": u**0.2}
        row |= {
            "eta": np.sqrt(u),
            "sigma_upper": -np.log(np.sqrt(u)),
            "sigma_mle": 1 - u,
            "sigma_robust": 1 - u,
        }
        rows.append(row)
    lost = dict.fromkeys(DEVICE.names) | {"device": "e", "origin": "virtual", "status": "no_usability"}
    return [*rows, lost | {"reason": "too few cycles"}]


def _summary(metrics=("accuracy",)):
    rng = np.random.default_rng(1)
    rows = [
        dict.fromkeys(EVALUATION.names)
        | {"experiment": "two-moons", "method": method, "network": "perceptron", "stands_for": stands_for}
        | {"profile": profile, "level": u if stands_for == "level" else None, "usability": u}
        | {
            "fidelity": u**0.3,
            "noise": noise,
            "programming": number,
            "calibration": "none",
            "metric": metric,
            "value": float(rng.uniform(0.5 * u, 1)),
        }
        for method in ("erm", "bayesmulti")
        for stands_for, noise in (("level", "lognormal"), ("device", "lognormal"), ("device", "resampled"))
        for profile, u in USABILITY.items()
        for number in range(3)
        for metric in metrics
    ]
    return summarise(rows, baseline="erm", resamples=50, confidence=0.95, seed=1)


def _panel(path):
    fitted = trend(
        [
            row
            | {"branch_points": 100, "lcis_start": 0, "lcis_length": 30, "usable": [True] * 100}
            | {"conductance_s": np.linspace(1e-6, 1e-5, 100).tolist()}
            for row in _devices()[:-1]
        ],
        min_operative_fraction=0.35,
    )
    profiles = synthetic_profiles([0.8, 0.4], fitted, min_operative_fraction=0.35)
    write_table(to_rows(profiles), path, schema=PROFILE)
    return profiles


def _network(spec, name="panel", level=None):
    """What `chosen.json` says of one network."""
    known = {"profile": "a", "usability": level, "fidelity": level**0.3} if level else {}
    about = {"name": name, "level": level, "profile": None, "usability": None, "fidelity": None} | known
    return about | {"specification": spec, "initial_scale": 1.0}


ACCURACY = Metric("accuracy", "accuracy", "higher", 0.5)
ERROR = Metric("error", "error", "lower")


@pytest.mark.parametrize(
    ("metric", "chance"), [(ACCURACY, "0.5"), (ERROR, "")], ids=["accuracy", "no-chance"]
)
def test_draw_scores_writes_every_figure_of_one_metric(tmp_path, metric, chance):
    """Numbers go from the summary to the CSV unchanged, of this metric alone; chance is the metric's."""
    summary = _summary(("accuracy", "error"))
    data = {"dataset": "two moons", "obtained": "generated", "variant": "noise 0.2", "sha256": ""}
    write_table(summary, tmp_path / "s.parquet", schema=EVALUATION_SUMMARY, metadata={"data": data})
    write_table(_devices(), tmp_path / "usability.parquet", schema=DEVICE)
    tables = _twice(
        "draw_scores",
        tmp_path,
        figures=("levels_", "devices_", "fidelity_"),
        summary=tmp_path / "s.parquet",
        usability=tmp_path / "usability.parquet",
        metric=metric,
        evaluation_confidence=0.95,
        usability_confidence=0.95,
        chosen_with="none",
    )
    for key, stands_for in (("levels_csv", "level"), ("devices_csv", "device")):
        wanted = sorted(
            row["mean"] for row in summary if (row["stands_for"], row["metric"]) == (stands_for, metric.name)
        )
        assert sorted(float(line["mean"]) for line in tables[key]) == pytest.approx(wanted, rel=1e-8)
        assert {line["chance"] for line in tables[key]} == {chance}
    series = [line["series"] for line in tables["fidelity_csv"]]
    assert series.count("agreement") == 2 and series.count("level") == series.count("device")
    assert {line["profile"] for line in tables["devices_csv"]} == set(USABILITY)


def test_draw_calibrated_writes_the_rows_on_levels_of_every_calibration(tmp_path):
    """Uncalibrated and calibrated, of this metric alone."""
    summary = _summary(("accuracy", "error"))
    summary += [row | {"calibration": "offset", "mean": row["mean"] + 0.1} for row in summary]
    write_table(summary, tmp_path / "s.parquet", schema=EVALUATION_SUMMARY, metadata={"data": {}})
    write_table(_devices(), tmp_path / "usability.parquet", schema=DEVICE)
    given = {"summary": tmp_path / "s.parquet", "usability": tmp_path / "usability.parquet"}
    drawn = _twice("draw_calibrated", tmp_path, metric=ACCURACY, chosen_with="none", **given)["csv"]
    for kind in ("none", "offset"):
        wanted = sorted(
            row["mean"]
            for row in summary
            if (row["stands_for"], row["metric"], row["calibration"]) == ("level", "accuracy", kind)
        )
        found = sorted(float(line["mean"]) for line in drawn if line["calibration"] == kind)
        assert found == pytest.approx(wanted, rel=1e-8)
    assert {line["metric"] for line in drawn} == {"accuracy"}


@pytest.mark.parametrize(("metric", "sign"), [(ACCURACY, 1), (ERROR, -1)], ids=["accuracy", "error"])
def test_draw_search_draws_every_method_given(tmp_path, metric, sign):
    """Methods are known by what the file says, not by its name; an error's objective is below 0."""
    low, high = sorted((0.6 * sign, 0.7 * sign))
    given = {"dropout": {"rate": 0.3}, "bayesmulti": {"p_zero": 0.2, "p_half": 0.4}}
    paths = []
    for method, parameters in given.items():
        spec = method_spec(method, parameters, 2, site="activation").to_json()
        at = {"site": "activation", "initial_scale": 1.0}
        trials = [
            {"parameters": at | dict.fromkeys(parameters, 0.0), "objective": low, "standard_error": 0.01},
            {"parameters": at | parameters, "objective": high, "standard_error": 0.02},
        ]
        paths.append(tmp_path / f"{len(paths)}.json")
        paths[-1].write_text(
            json.dumps({"method": method, "networks": [_network(spec)], "trials": trials}), encoding="utf-8"
        )
    _panel(tmp_path / "panel.parquet")
    tables = _twice(
        "draw_search",
        tmp_path,
        chosen=paths,
        panel=tmp_path / "panel.parquet",
        experiment="two-moons",
        metric=metric,
        slots=2,
        programmings=3,
        calibration="none",
        limits={"dropout": 0.9, "bayesmulti": 0.9},
        listed=[],
    )
    trials = [line for line in tables["csv"] if line["panel"] == "trial"]
    assert [(line["method"], line["best"], line["chosen"]) for line in trials] == [
        ("dropout", str(low), "False"),
        ("dropout", str(high), "True"),
        ("bayesmulti", str(low), "False"),
        ("bayesmulti", str(high), "True"),
    ]
    choices = {line["method"]: line for line in tables["csv"] if line["panel"] == "choice"}
    assert {name: (line["aim"], line["least"], line["most"]) for name, line in choices.items()} == {
        "dropout": ("panel", "0.3", "0.3"),
        "bayesmulti": ("panel", "0.2 0.4", "0.2 0.4"),
    }


def test_draw_noise_draws_specifications_and_panel(tmp_path):
    """Three factors of one kind of layer, one of a network without noise, and a curve a panel device."""
    spec = method_spec("bayesmulti", {"p_zero": 0.2, "p_half": 0.4}, 2, site="activation").to_json()
    plain = method_spec("erm", {}, 0).to_json()
    networks = [_network(spec, "0.8", 0.8), _network(plain, "0.4", 0.4)]
    (tmp_path / "chosen.json").write_text(json.dumps({"networks": networks, "trials": []}), encoding="utf-8")
    profiles = _panel(tmp_path / "panel.parquet")
    tables = _twice(
        "draw_noise",
        tmp_path,
        chosen=tmp_path / "chosen.json",
        panel=tmp_path / "panel.parquet",
        experiment="two-moons",
    )
    [training, none] = [
        [line for line in tables["csv"] if (line["panel"], line["aims"]) == ("training", f"level {aim}")]
        for aim in ("0.8", "0.4")
    ]
    assert [(line["factor"], line["value"]) for line in none] == [("1", "1")]
    assert [float(line["value"]) for line in training] == pytest.approx([0.2, 0.4, 0.4])
    assert [float(line["factor"]) for line in training] == pytest.approx([0, 0.5 / 0.6, 1 / 0.6])
    drawn = {line["profile"] for line in tables["csv"] if line["panel"] == "programming"}
    assert drawn == {profile.profile for profile in profiles}


def test_draw_correlation_reads_what_correlate_usability_writes(tmp_path):
    """Correlations and points by way of their CSV, and empty ones where there are too few devices."""
    given = {"methods": ["erm", "bayesmulti"], "resamples": 50, "confidence": 0.95, "seed": 1}
    found, points = predictions(_devices(), _summary(), **given)
    write_table(_devices(), tmp_path / "usability.parquet", schema=DEVICE)
    given = {
        "correlation": tmp_path / "correlation.csv",
        "points": tmp_path / "points.csv",
        "usability": tmp_path / "usability.parquet",
        "experiments": {"two-moons": ACCURACY},
        "confidence": 0.95,
    }
    write_csv(found, given["correlation"])
    write_csv(points, given["points"])
    tables = _twice("draw_correlation", tmp_path, **given)
    forest = {
        (line["method"], line["reading"]): float(line["value"])
        for line in tables["csv"]
        if line["panel"] == "forest"
    }
    assert forest == pytest.approx({(row["method"], row["reading"]): row["rho"] for row in found}, rel=1e-8)
    write_csv([], given["correlation"])
    write_csv([], given["points"])
    assert _twice("draw_correlation", tmp_path / "none", **given)["csv"] == []
