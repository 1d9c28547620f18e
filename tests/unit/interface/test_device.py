"""A device as a caller names it: every way to the same profile, and what is no device."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import codesign
from codesign.export.json_model import render_json
from codesign.export.model import load
from codesign.interface.device import DeviceError, subject_of
from codesign.nonideality.profile import write_profiles
from codesign.nonideality.table import stack_devices
from codesign.schemas.device import DEVICE
from codesign.tables import write_table

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def results(sweeps, measurement, tmp_path):
    """Results of a virtual laboratory with one device, as the workflow lays them."""
    folder = tmp_path / "results/virtual_lab"
    (folder / "iv").mkdir(parents=True)
    shutil.copy(sweeps, folder / "iv/wire-1.parquet")
    row = folder / "devices/wire-1.parquet"
    how = {"extraction": CONFIG["extraction"], "seed": CONFIG["seed"]}
    write_table([codesign.extract(measurement)], row, schema=DEVICE, metadata=how)
    stack_devices(
        [row],
        table=folder / "usability.parquet",
        csv=folder / "usability.csv",
        workbook=folder / "usability.xlsx",
    )
    return folder


def same(one, two, *, origin=True):
    for name in ("curve", "reached", "log_ratio"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    names = ("profile", "usability", "usability_low", "fidelity", "fidelity_high", "sigma", "g_min_s", "eta")
    assert all(getattr(one, name) == getattr(two, name) for name in names)
    assert not origin or one.origin == two.origin


@pytest.fixture
def expected(measurement):
    return codesign.profile(codesign.extract(measurement), measurement)


@pytest.mark.parametrize("way", ["memory", "sweeps", "profile", "table", "row", "json", "id"])
def test_every_way_gives_the_same_profile(way, sweeps, measurement, results, expected, tmp_path, monkeypatch):
    """With the ratios of its own cycles, and the numbers of the usability table."""
    monkeypatch.chdir(tmp_path)
    write_profiles([expected], tmp_path / "profile.parquet")
    model, _ = load("wire-1", results=results, measurement=None, exported="2026-11-26")
    (tmp_path / "wire.json").write_text(render_json(model), encoding="utf-8")
    given = {
        "memory": measurement,
        "sweeps": str(sweeps),
        "profile": expected,
        "table": tmp_path / "profile.parquet",
        "row": str(results / "devices/wire-1.parquet"),
        "json": "wire.json",
        "id": "wire-1",
    }[way]
    same(subject_of(given).profile, expected)


def test_an_instrument_file_gives_it_too(instrument_file, expected):
    """Measured, as nothing in the file says otherwise; compliance from the sidecar."""
    instrument_file.with_name("Wire 1.meta.yaml").write_text("compliance_a: 2.7e-5\n")
    same(subject_of(instrument_file).profile, expected, origin=False)


@pytest.mark.parametrize(
    ("device", "said"),
    [
        pytest.param("none.csv", "none.csv: not there", id="no-file"),
        pytest.param("none.parquet", "not there; name a device by its id", id="no-table"),
        pytest.param("none.json", "not there", id="no-json"),
        pytest.param("wire-2", "no device wire-2.*did you mean wire-1", id="no-id"),
        pytest.param("cut.csv", "cut.csv: ", id="refused"),
        pytest.param("cut.parquet", "not a complete Parquet file", id="damaged"),
        pytest.param("cut.json", "cut.json: ", id="no-instruments-json"),
        pytest.param("notes.docx", "no importer reads .docx; export it as one of", id="format"),
        pytest.param("other.parquet", "neither a measurement, nor the row of a device", id="other-table"),
        pytest.param("two.parquet", "holds 2 profiles.*choose one", id="two-profiles"),
    ],
)
def test_what_is_no_device_is_said_with_the_remedy(
    results, made_profile, tmp_path, monkeypatch, device, said
):
    """The reader's own words."""
    monkeypatch.chdir(tmp_path)
    for name in ("cut.csv", "cut.parquet", "cut.json", "notes.docx"):
        (tmp_path / name).write_text("voltage (V)\n1.0\n")
    pq.write_table(pa.table({"a": [1]}), "other.parquet")
    write_profiles([made_profile(), made_profile(profile="given-2")], "two.parquet")
    with pytest.raises(DeviceError, match=f"(?s){said}"):
        subject_of(device)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_no_device(tmp_path, kind):
    """One file of it may be."""
    with pytest.raises(DeviceError, match=f"{tmp_path} is a folder; give one file of it"):
        subject_of(kind(tmp_path))


def test_a_word_without_results_may_have_been_meant_as_a_file(tmp_path, monkeypatch):
    """The message says that both were looked for, and where."""
    monkeypatch.chdir(tmp_path)
    said = r"no file cell-7, and no results to look an id up in \(results/usability.parquet or results/virt"
    with pytest.raises(DeviceError, match=said):
        subject_of("cell-7")
    with pytest.raises(DeviceError, match=r"look an id up in .*mine/usability\.parquet"):
        subject_of("cell-7", results="mine")


def test_another_thing_is_no_device():
    """A number, say."""
    with pytest.raises(TypeError, match="a device is a file, a profile or the id of one in results, got int"):
        subject_of(3)
