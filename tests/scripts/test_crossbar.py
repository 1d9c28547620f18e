"""The scripts of the crossbar one after the other, on two tiny runs; the same bytes every time."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from codesign.bayesmulti.specification import method_spec
from codesign.configuration import shared_training
from codesign.crossbar.record import RecordError, read_record, write_record
from codesign.nonideality.profile import DeviceProfile, write_profiles
from codesign.tasks.experiment import Experiment

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
EXPERIMENT = Experiment.make(
    "moons",
    {
        "task": "moons",
        "source": "generated",
        "network": "perceptron",
        "epochs": 20,
        "batch_size": 30,
        "learning_rate": 0.02,
        "train_size": 60,
        "test_size": 40,
        "noise": 0.2,
    },
    data={"seed": 1, "validation_fraction": 0.2},
)
TRAINING = shared_training(CONFIG)
SMALL = {"level": 0.6, "test_points": 15, "calibrations": ["none", "offset"], "calibration_examples": 12}
METHODS = {"erm": {}, "bayesmulti": {"p_zero": 0.3, "p_half": 0.3}}


def _script(name):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow_scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _panel(path):
    shared = {"kind": "device", "origin": "virtual", "usability_low": None, "usability_high": None}
    window = {"branch_points": 41, "window_start": 0, "window_length": 15, "lcis_start": 0, "lcis_length": 15}
    curve = {"curve": np.linspace(0, 1, 15), "reached": np.ones(15, dtype=bool)}
    write_profiles(
        [
            DeviceProfile(
                profile=f"d-{level}",
                level=level,
                usability=level,
                eta=1.0,
                sigma=-np.log(level),
                g_min_s=1e-6,
                g_max_s=1e-5,
                **shared,
                **window,
                **curve,
            )
            for level in (0.8, 0.6)
        ],
        path,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Trained networks and the twin's record of them, two runs a method."""
    folder = tmp_path_factory.mktemp("crossbar")
    _panel(folder / "panel.parquet")
    crossbar = CONFIG["crossbar"] | SMALL
    for method, parameters in METHODS.items():
        site = "activation" if parameters else None
        spec = method_spec(method, parameters, len(parameters) // 2, site=site).to_json()
        networks = [
            {
                "name": f"{level}",
                "level": level,
                "profile": f"d-{level}",
                "usability": level,
                "fidelity": None,
            }
            | {"specification": spec, "initial_scale": scale}
            for level, scale in ((0.8, 0.4), (0.6, 1.0))
        ]
        (folder / f"{method}.json").write_text(json.dumps({"networks": networks}), encoding="utf-8")
        networks = folder / f"{method}.safetensors"
        given = {"experiment": EXPERIMENT, "method": method, "seed": 1}
        _script("train_crossbar").main(
            chosen=folder / f"{method}.json",
            networks=networks,
            level=0.6,
            runs=2,
            training=TRAINING,
            **given,
        )
        _script("simulate_crossbar").main(
            networks=networks,
            panel=folder / "panel.parquet",
            record=folder / f"{method}.parquet",
            crossbar=crossbar,
            **given,
        )
    return folder


def _records(made):
    return [made / f"{method}.parquet" for method in METHODS]


def test_a_record_says_it_is_simulated_and_on_what(made):
    """The device is the panel's nearest to the level; two runs a method, each calibrated too; all cells."""
    for path in _records(made):
        table, metadata = read_record(path)
        assert metadata == {
            "evidence": "simulated",
            "device": "d-0.6",
            "origin": "virtual",
            "usability": 0.6,
            "range_s": pytest.approx(9e-6),
            "task": "moons",
            "dataset": "two moons",
        }
        assert table["run"].to_pylist() == [1, 1, 2, 2]
        assert table["calibration"].to_pylist() == ["none", "offset"] * 2
        assert table["calibration_examples"].to_pylist() == [0, 12] * 2
        assert [len(gains) for gains in table["calibration_gain"].to_pylist()] == [0, 12] * 2
        assert all(len(cells) == 80 for cells in table["cell_row"].to_pylist())
        assert all(len(products) == 15 * 12 for products in table["product_array"].to_pylist())


def test_without_a_calibration_the_record_is_that_of_networks_as_programmed(made, tmp_path):
    """Row by row the same bits; no training example is read."""
    _script("simulate_crossbar").main(
        networks=made / "erm.safetensors",
        panel=made / "panel.parquet",
        record=tmp_path / "r.parquet",
        crossbar=CONFIG["crossbar"] | SMALL | {"calibrations": ["none"]},
        experiment=EXPERIMENT,
        method="erm",
        seed=1,
    )
    beside = read_record(made / "erm.parquet")[0].to_pylist()
    alone = read_record(tmp_path / "r.parquet")[0].to_pylist()
    assert alone == [row for row in beside if row["calibration"] == "none"]


def test_training_and_twin_repeat_bit_by_bit(made, tmp_path):
    """Generators come from the seed and the method-independent run; noise and start of the level."""
    given = {"experiment": EXPERIMENT, "method": "erm", "seed": 1}
    for level in (0.8, 0.6):
        _script("train_crossbar").main(
            chosen=made / "erm.json",
            networks=tmp_path / f"{level}.safetensors",
            level=level,
            runs=2,
            training=TRAINING,
            **given,
        )
    assert (tmp_path / "0.8.safetensors").read_bytes() != (made / "erm.safetensors").read_bytes()
    assert (tmp_path / "0.6.safetensors").read_bytes() == (made / "erm.safetensors").read_bytes()
    _script("simulate_crossbar").main(
        networks=tmp_path / "0.6.safetensors",
        panel=made / "panel.parquet",
        record=tmp_path / "r.parquet",
        crossbar=CONFIG["crossbar"] | SMALL,
        **given,
    )
    assert (tmp_path / "r.parquet").read_bytes() == (made / "erm.parquet").read_bytes()


def test_summary_energy_and_figures_of_one_record(made, tmp_path):
    """From records to every table and figure."""
    tables = {name: tmp_path / f"{name}.csv" for name in ("csv", "runs", "errors")}
    _script("summarise_crossbar").main(
        records=_records(made), measured=False, summary=tmp_path / "s.parquet", **tables,
        bins=11, resamples=50, confidence=0.95, seed=1,
    )  # fmt: skip
    runs = list(csv.DictReader(tables["runs"].open(encoding="utf-8")))
    assert [(line["method"], line["run"], line["calibration"]) for line in runs] == [
        (m, r, c) for m in METHODS for r in "12" for c in ("none", "offset")
    ]
    summary = list(csv.DictReader(tables["csv"].open(encoding="utf-8")))
    assert {(line["method"], line["calibration"]) for line in summary if line["quantity"] == "array"} == {
        (m, c) for m in (*METHODS, "difference") for c in ("none", "offset")
    }
    assert {line["evidence"] for line in runs} == {"simulated"}
    pulse = CONFIG["energy"]
    _script("count_energy").main(
        records=_records(made), measured=False, energy=tmp_path / "e.parquet", csv=tmp_path / "e.csv",
        constants=tmp_path / "c.csv", pulse=pulse, array=(10, 10),
    )  # fmt: skip
    energy = list(csv.DictReader((tmp_path / "e.csv").open(encoding="utf-8")))
    g = np.concatenate(
        [np.concatenate(read_record(p)[0]["cell_reached_s"].to_pylist()) for p in _records(made)]
    )
    array = next(line for line in energy if line["component"] == "array")
    wanted = pulse["voltage_v"] ** 2 * g.mean() * pulse["seconds"]
    assert float(array["energy_j"]) == pytest.approx(wanted, rel=1e-8)
    outputs = {
        f"{figure}_{kind}": tmp_path / f"{figure}.{kind}"
        for figure in ("accuracy", "errors", "conductances")
        for kind in ("pdf", "png", "svg", "csv")
    }
    _script("draw_crossbar").main(
        records=_records(made), measured=False, summary=tmp_path / "s.parquet", errors=tables["errors"],
        task="moons", confidence=0.95, array=(10, 10), tolerance=0.05, **outputs,
    )  # fmt: skip
    _script("draw_energy").main(
        energy=tmp_path / "e.parquet", constants=tmp_path / "c.csv", pdf=tmp_path / "f.pdf",
        png=tmp_path / "f.png", svg=tmp_path / "f.svg", figure_csv=tmp_path / "f.csv",
    )  # fmt: skip
    for path in (
        *outputs.values(),
        tmp_path / "f.pdf",
        tmp_path / "f.png",
        tmp_path / "f.svg",
        tmp_path / "f.csv",
    ):
        assert path.stat().st_size > 0
    assert "27548" in (tmp_path / "c.csv").read_text(encoding="utf-8")


def test_a_simulated_record_never_stands_for_a_measured_one(made, tmp_path):
    """Asked for the bench's, given the twin's: refused by every script that reads records."""
    path = _records(made)[0]
    with pytest.raises(RecordError, match="simulated, not measured"):
        _script("count_energy").main(
            records=[path], measured=True, energy=tmp_path / "e.parquet", csv=tmp_path / "e.csv",
            constants=tmp_path / "c.csv", pulse=CONFIG["energy"], array=(10, 10),
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def _drawn(made, folder, *, said, task):
    """Chance level and word of the energy's network, of a simulated record that says `said` of itself."""
    rows = [row for path in _records(made) for row in read_record(path)[0].to_pylist()]
    records = {"records": [folder / "a.parquet"], "measured": False}
    write_record(rows, folder / "a.parquet", metadata=said)
    tables = {name: folder / f"{name}.csv" for name in ("csv", "runs", "errors")}
    _script("summarise_crossbar").main(
        **records, summary=folder / "s.parquet", **tables, bins=11, resamples=50, confidence=0.95, seed=1
    )
    outputs = {
        f"{figure}_{kind}": folder / f"{figure}.{kind}"
        for figure in ("accuracy", "errors", "conductances")
        for kind in ("pdf", "png", "svg", "csv")
    }
    _script("draw_crossbar").main(
        **records, summary=folder / "s.parquet", errors=tables["errors"], task=task, confidence=0.95,
        array=(10, 10), tolerance=0.05, **outputs,
    )  # fmt: skip
    _script("count_energy").main(
        **records, energy=folder / "e.parquet", csv=folder / "e.csv", constants=folder / "c.csv",
        pulse=CONFIG["energy"], array=(10, 10),
    )  # fmt: skip
    drawn = list(csv.DictReader((folder / "accuracy.csv").open(encoding="utf-8")))
    energy = csv.DictReader((folder / "e.csv").open(encoding="utf-8"))
    [network] = {line["design"] for line in energy if "network" in line["design"]}
    chance = {float(line["chance"]) for line in drawn if line["panel"] == "runs"}
    return chance, {line["panel"] for line in drawn}, network


def test_the_task_of_a_record_is_what_is_drawn(made, tmp_path, said_of_evidence):
    """Chance, words and the paper's losses are the record's; the configuration says what it does not."""
    silent = said_of_evidence["simulated"]
    digits = {"task": "digits", "dataset": "scikit-learn digits"}
    found = _drawn(made, tmp_path, said=silent | digits, task="moons")
    assert found == ({0.1}, {"runs"}, "digits network, its inputs")
    assert _drawn(made, tmp_path, said=silent, task="moons") == (
        {0.5},
        {"runs", "paper"},
        "network, its inputs",
    )
    assert _drawn(made, tmp_path, said=silent, task="digits")[0] == {0.1}
    with pytest.raises(RecordError, match=r"put the experiment that crossbar\.experiment names back"):
        _drawn(made, tmp_path, said=silent, task=None)


def test_a_measured_record_is_drawn_without_the_bench(made, tmp_path, said_of_evidence):
    """One file with both methods, as the bench leaves it."""
    rows = [row for path in _records(made) for row in read_record(path)[0].to_pylist()]
    write_record(rows, tmp_path / "a.parquet", metadata=said_of_evidence["measured"])
    tables = {name: tmp_path / f"{name}.csv" for name in ("csv", "runs", "errors")}
    _script("summarise_crossbar").main(
        records=[tmp_path / "a.parquet"], measured=True, summary=tmp_path / "s.parquet", **tables,
        bins=11, resamples=50, confidence=0.95, seed=1,
    )  # fmt: skip
    assert {line["evidence"] for line in csv.DictReader(tables["csv"].open(encoding="utf-8"))} == {"measured"}
