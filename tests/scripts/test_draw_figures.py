"""Each drawing script writes a PDF, a PNG, an SVG and the numbers, the same bytes every time."""

import csv
import importlib.util
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from codesign.fabrication.campaign import summarise
from codesign.iv.measurement import Measurement, MeasurementError, Metadata, write_measurement
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import PROPOSALS
from codesign.seeds import generator
from codesign.tables import TableError, write_csv, write_table

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
VARIABLES = CONFIG["fabrication"]["variables"]
CONDITIONS = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200.0, "pb_min": 15.0, "ag_nm": 200.0}


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
        assert sorted(path.name for path in (folder / run).iterdir()) == sorted(
            p.name for p in outputs.values()
        )
    assert seen[0] == seen[1]
    for key, stored in seen[0].items():
        if key.endswith("pdf"):
            assert stored.startswith(b"%PDF-") and stored.rstrip().endswith(b"%%EOF")
            assert b"CreationDate" not in stored
        if key.endswith("png"):
            assert stored.startswith(b"\x89PNG\r\n\x1a\n") and stored[-8:-4] == b"IEND"
        if key.endswith("svg"):
            assert stored.startswith(b"<?xml") and stored.rstrip().endswith(b"</svg>")
            assert b"dc:date" not in stored
    return tables


def _device(folder, name="d-1", **metadata):
    """One measurement and its row on disk."""
    up = np.linspace(0, 6, 31)
    current = 1e-7 * up**2 * np.exp(0.2 * generator(1, name).standard_normal((6, 1)))
    meta = Metadata(device=name, origin="virtual", **{**CONDITIONS, **metadata})
    measurement = Measurement.from_grid(meta, cycles=np.arange(1, 7), voltage=up, current=current)
    write_measurement(measurement, folder / f"{name}.parquet")
    row = extract(measurement, Extraction(**CONFIG["extraction"]), generator(1))
    write_table(
        [row], folder / f"{name}-row.parquet", schema=DEVICE, metadata={"extraction": CONFIG["extraction"]}
    )
    return row


def _draw(folder, output, *names):
    """Draw devices by the script, as a job whose inputs they are."""
    kinds = {
        f"{kind}s": [output / f"{name}.{kind}" for name in names] for kind in ("pdf", "png", "svg", "csv")
    }
    sweeps, rows = ([folder / f"{name}{end}.parquet" for name in names] for end in ("", "-row"))
    job = SimpleNamespace(
        rule="draw_devices",
        wildcards={},
        params={"code": "c0de"},
        input=[*map(str, sweeps + rows)],
        output=[str(path) for paths in kinds.values() for path in paths],
        log=[str(output / "logs/draw_devices/all.log")],
        config={},
    )
    with recorded(job):
        _script("draw_devices").main(sweeps=sweeps, devices=rows, **kinds, variables=VARIABLES)
    return {path.name: path.stat().st_ino for paths in kinds.values() for path in paths}


def test_only_what_has_changed_is_drawn_again(tmp_path):
    """A new device among others, and one that is measured again; all are as new as their inputs."""
    for name in ("a", "b"):
        _device(tmp_path, name)
    first = _draw(tmp_path, tmp_path / "out", "a", "b")
    assert _draw(tmp_path, tmp_path / "out", "a", "b") == first
    _device(tmp_path, "c")
    later = time.time() + 10
    os.utime(tmp_path / "a.parquet", (later, later))
    before = (tmp_path / "out/a.png").stat().st_mtime_ns
    second = _draw(tmp_path, tmp_path / "out", "a", "b", "c")
    assert {name: second[name] for name in first} == first and len(second) == 12
    assert (tmp_path / "out/a.png").stat().st_mtime_ns > before
    _device(tmp_path, "b", length_um=0.7)
    (tmp_path / "out/a.csv").rename(tmp_path / "kept.csv")  # its inode number stays taken
    third = _draw(tmp_path, tmp_path / "out", "a", "b", "c")
    assert {name for name in third if third[name] != second[name]} >= {"a.csv", "b.csv", "b.png", "b.pdf"}
    assert all(third[name] == second[name] for name in ("c.csv", "c.png", "c.pdf", "c.svg"))


def test_a_drawing_that_was_stopped_is_made_again(tmp_path, monkeypatch):
    """New figures beside old numbers must not pass for one drawing."""
    _device(tmp_path, "a")
    _draw(tmp_path, tmp_path / "out", "a")
    _device(tmp_path, "a", length_um=0.7)
    with monkeypatch.context() as stopped:
        stopped.setattr("codesign.figures.style.write_csv", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _draw(tmp_path, tmp_path / "out", "a")
    assert not (tmp_path / "out/a.csv").exists()
    _draw(tmp_path, tmp_path / "fresh", "a")
    _draw(tmp_path, tmp_path / "out", "a")
    assert (tmp_path / "out/a.csv").read_bytes() == (tmp_path / "fresh/a.csv").read_bytes()


def test_draw_devices_writes_every_sample_it_draws(tmp_path):
    """Six cycles of thirty positive points; the point at 0 V has no place on a log axis."""
    row = _device(tmp_path)
    seen = []
    for name in ("first", "second"):
        paths = {kind: tmp_path / name / f"x.{kind}" for kind in ("pdf", "png", "svg", "csv")}
        _script("draw_devices").main(
            sweeps=[tmp_path / "d-1.parquet"],
            devices=[tmp_path / "d-1-row.parquet"],
            **{f"{kind}s": [path] for kind, path in paths.items()},
            variables=VARIABLES,
        )
        seen.append([path.read_bytes() for path in paths.values()])
    assert seen[0] == seen[1]
    table = list(csv.DictReader(paths["csv"].open(newline="", encoding="utf-8")))
    used = [line for line in table if line["series"] == "used"]
    assert len(used) == 6 * 30
    [stated] = [line for line in table if line["series"] == "usability"]
    assert float(stated["value"]) == pytest.approx(row["usability"], rel=1e-8)


def test_draw_devices_draws_the_reason_of_a_file_that_cannot_be_read(tmp_path):
    """A truncated file stops no other figure, but a row that claims to be ok must have its sweeps."""
    _device(tmp_path)
    (tmp_path / "d-1.parquet").write_bytes(b"PAR1")
    paths = {kind: tmp_path / f"x.{kind}" for kind in ("pdf", "png", "svg", "csv")}
    given = {"sweeps": [tmp_path / "d-1.parquet"], "devices": [tmp_path / "d-1-row.parquet"]}
    given |= {f"{kind}s": [path] for kind, path in paths.items()} | {"variables": VARIABLES}
    with pytest.raises(MeasurementError):
        _script("draw_devices").main(**given)
    assert not any(path.exists() for path in paths.values())
    refused = Measurement.refused(Metadata(device="d-1"), "truncated file; copy it again")
    row = extract(refused, Extraction(**CONFIG["extraction"]), generator(1))
    write_table(
        [row], tmp_path / "d-1-row.parquet", schema=DEVICE, metadata={"extraction": CONFIG["extraction"]}
    )
    _script("draw_devices").main(**given)
    assert all(path.exists() for path in paths.values())


def test_draw_devices_asks_for_a_row_that_says_how_it_was_made(tmp_path):
    """Without the settings the operative window is not known."""
    row = _device(tmp_path)
    write_table([row], tmp_path / "d-1-row.parquet", schema=DEVICE)
    with pytest.raises(TableError, match="extract again"):
        _script("draw_devices").main(
            sweeps=[tmp_path / "d-1.parquet"],
            devices=[tmp_path / "d-1-row.parquet"],
            **{f"{kind}s": [tmp_path / f"x.{kind}"] for kind in ("pdf", "png", "svg", "csv")},
            variables=VARIABLES,
        )


def test_draw_usability_writes_three_figures(tmp_path):
    """Every device of the table is in each CSV, with or without usability."""
    rows = [_device(tmp_path, "a"), _device(tmp_path, "b", length_um=0.7)]
    lost = Measurement.refused(Metadata(device="c", origin="virtual", **CONDITIONS), "empty file")
    rows.append(extract(lost, Extraction(**CONFIG["extraction"]), generator(1)))
    write_table(rows, tmp_path / "usability.parquet", schema=DEVICE)
    figures = ("distribution_", "conditions_", "ranking_")
    tables = _twice(
        "draw_usability",
        tmp_path,
        figures=figures,
        usability=tmp_path / "usability.parquet",
        variables=VARIABLES,
        space=CONFIG["fabrication"]["space"],
        confidence=CONFIG["extraction"]["confidence"],
    )
    assert {line["device"] for line in tables["conditions_csv"]} == {"a", "b", "c"}
    assert {line["device"]: line["reason"] for line in tables["ranking_csv"]}["c"] == "empty file"
    assert (
        sum(float(line["value"]) for line in tables["distribution_csv"] if line["panel"] == "histogram") == 2
    )


def test_draw_proposals_writes_the_card(tmp_path):
    """The table of proposals and the card of one run, before there is a model."""
    row = dict.fromkeys(PROPOSALS.names) | CONDITIONS | {"probability_of_usability": 1.0}
    row |= {
        "rank": 1,
        "origin": "virtual",
        "surrogate": "none: space-filling",
        "seed": 7,
        "table_sha256": "ab",
    }
    write_table([row], tmp_path / "proposals.parquet", schema=PROPOSALS)
    card = {
        "origin": "virtual",
        "reading": "usability",
        "goal": "maximise",
        "target": 0.5,
        "seed": 7,
        "table_sha256": "ab",
        "surrogate": "none: space-filling",
        "counts": dict.fromkeys(
            ("used", "no_usability", "failed", "refused", "off_grid", "not_encodable", "not_finite"), 0
        ),
        "not_finite": [],
        "best": {"measured": None, "predicted": None},
        "stopping": {"max_ei": None, "probability_better": None, "statement": "Go on."},
        "history": [],
        "called": {},
        "loo": {"rows": [], "coverage": {}, "n": 0},
        "loo_condition": {"rows": [], "coverage": {}, "n": 0},
        "relevance": [],
        "partial_dependence": [],
        "slices": [],
    }
    (tmp_path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    tables = _twice(
        "draw_proposals",
        tmp_path,
        table=tmp_path / "proposals.parquet",
        card=tmp_path / "card.json",
        variables=VARIABLES,
    )
    said = {line["variable"]: line["level"] for line in tables["csv"]}
    assert (said["perovskite"], said["length_um"], said["ag_nm"]) == ("MAPbI3", "1.5", "200")


def test_draw_campaign_draws_the_summary(tmp_path):
    """Numbers go from the summary to the CSV beside the figure unchanged."""
    rows = [
        {"strategy": name, "evaluation": e, "best_hidden": 0.1 * e + 0.01 * r, "optimum": 0.9}
        for name in ("random", "bayesian")
        for r in range(3)
        for e in (1, 2, 3)
    ]
    write_csv(summarise(rows), tmp_path / "campaign.csv")
    tables = _twice("draw_campaign", tmp_path, summary=tmp_path / "campaign.csv", space_filling=2)
    given = {
        (line["strategy"], line["evaluation"]): line
        for line in csv.DictReader((tmp_path / "campaign.csv").open(newline="", encoding="utf-8"))
    }
    assert len(tables["csv"]) == len(given) == 6
    for line in tables["csv"]:
        assert line == {name: given[line["strategy"], line["evaluation"]][name] for name in line}
