"""From weights on disk to the figure of certificates, each script by its main()."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np

from codesign.bayesmulti.specification import method_spec
from codesign.certificates.summary import ORDER
from codesign.files import sha256_of
from codesign.models.family import weights_name
from codesign.models.weights import write_weights
from codesign.nonideality.profile import DeviceProfile, write_profiles
from codesign.schemas.certificate_summary import CERTIFICATE_SUMMARY
from codesign.schemas.certificates import CERTIFICATES
from codesign.tables import read_metadata, read_table
from codesign.tasks.experiment import Experiment

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "level": 0.6,
    "examples": 12,
    "draws": 40,
    "programmings": 20,
    "confidence": 0.95,
    "sigma": 0.3,
}


def _main(name, **given):
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow_scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(**given)


def _levels(path):
    shared = {"kind": "synthetic", "origin": "virtual", "usability_low": None, "usability_high": None}
    shared |= {"eta": 1.0, "branch_points": 10, "window_start": 0, "window_length": 4, "lcis_start": 0}
    shared |= {"lcis_length": 4, "g_min_s": None, "g_max_s": None, "curve": np.linspace(0, 1, 4)}
    shared |= {"reached": np.ones(4, dtype=bool), "log_ratio": np.empty(0)}
    levels = [
        DeviceProfile(
            profile=f"synthetic-{u:.2f}", level=u, usability=u, sigma=float(abs(np.log(u))), **shared
        )
        for u in (1.0, 0.6)
    ]
    write_profiles(levels, path)


def test_certificates_go_from_weights_to_the_figure(tmp_path):
    """Two methods; every script twice gives the same bytes."""
    said = {
        "task": "moons", "source": "generated", "network": "perceptron", "train_size": 40, "test_size": 30,
        "noise": 0.2, "epochs": 1, "batch_size": 8, "learning_rate": 0.1,
    }  # fmt: skip
    experiment = Experiment.make("two-moons", said, data={"seed": 3, "validation_fraction": 0.2})
    _levels(tmp_path / "levels.parquet")
    erm = method_spec("erm", {}, 0)
    noises = [
        method_spec("bayesmulti", {"p_zero": p_zero, "p_half": 0.1}, 1, site="activation")
        for p_zero in (0.2, 0.6)
    ]
    specs = {"erm": [erm, erm], "bayesmulti": noises}
    for method, pair in specs.items():
        folder = tmp_path / method
        folder.mkdir()
        networks = []
        for number, (level, spec) in enumerate(zip((0.9, 0.6), pair, strict=True), 1):
            weights = experiment.fresh_network(seed=number).state()
            write_weights(weights, folder / weights_name(f"{level}"), metadata={})
            about = {"name": f"{level}", "level": level, "profile": "d", "usability": level, "fidelity": None}
            networks.append(about | {"specification": spec.to_json(), "initial_scale": 1.0})
        made = {"experiment": "two-moons", "method": method, "networks": networks}
        made["checksums"] = {path.name: sha256_of(path) for path in folder.glob("weights-*")}
        (folder / "spec.json").write_text(json.dumps(made), encoding="utf-8")
    seen = []
    for run in ("first", "second"):
        out = tmp_path / run
        networks = [out / f"{method}.parquet" for method in specs]
        for method, path in zip(specs, networks, strict=True):
            _main(
                "certify_network",
                spec=tmp_path / method / "spec.json",
                levels=tmp_path / "levels.parquet",
                certificates=path,
                experiment=experiment,
                method=method,
                settings=SETTINGS,
                fixed=[0.3, 0.3],
                memsim={"mapping": "relative", "analog": "weights"},
                chance=0.5,
                seed=3,
            )
        _main("tabulate_certificates", networks=networks, summary=out / "t.parquet", csv=out / "t.csv")
        _main(
            "draw_certificates",
            summary=out / "t.parquet",
            networks=networks,
            levels=tmp_path / "levels.parquet",
            pdf=out / "f.pdf",
            png=out / "f.png",
            svg=out / "f.svg",
            csv=out / "f.csv",
            chance=0.5,
        )
        seen.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})
    assert seen[0] == seen[1] and len(seen[0]) == 8
    assert seen[0]["f.pdf"].startswith(b"%PDF-") and seen[0]["f.png"].startswith(b"\x89PNG")
    rows = read_table(tmp_path / "first" / "bayesmulti.parquet", schema=CERTIFICATES).to_pylist()
    assert {row["method"] for row in rows} == {"bayesmulti"}
    assert {(row["profile"], row["aim"]) for row in rows} == {
        ("synthetic-1.00", "0.9"), ("synthetic-0.60", "0.6"), (None, "0.6"),
    }  # fmt: skip
    noise = {(row["p_zero"], row["p_half"]) for row in rows if row["certificate"] == "discrete"}
    [(p_zero, p_half)] = noise
    assert (round(p_zero, 4), round(p_half, 4)) == (0.6, 0.1)
    summary = read_table(tmp_path / "first" / "t.parquet", schema=CERTIFICATE_SUMMARY)
    # three smoothed certificates and two profiles reached, and programmings on two, in two scopes; accuracy
    assert summary.num_rows == 2 * (2 * (3 + 2 + 2) + 2)
    assert read_metadata(tmp_path / "first" / "t.parquet")["data"]["dataset"] == "two moons"
    with (tmp_path / "first" / "t.csv").open(newline="", encoding="utf-8") as table:
        assert {line["certificate"] for line in csv.DictReader(table)} == set(ORDER)
