"""The command that exports a device: what it finds, writes and refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from codesign.__main__ import main
from codesign.export.command import export
from codesign.export.json_model import read_json
from codesign.export.model import ExportError, load
from codesign.iv.measurement import read_measurement
from codesign.nonideality.branch import Extraction
from codesign.nonideality.profiling import profile_of, with_ratios
from codesign.schemas.device import DEVICE
from codesign.tables import read_metadata, read_table, write_table

ROOT = Path(__file__).parents[3]


@pytest.fixture
def here(laboratory, tmp_path, monkeypatch):
    """A folder with the results of a virtual laboratory, as the workflow lays them."""
    shutil.copytree(laboratory, tmp_path / "results/virtual_lab")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_profile_is_the_one_that_networks_are_scored_on(here):
    """By the same row, measurement and settings as the job that makes the profiles."""
    lab = here / "results/virtual_lab"
    [row] = read_table(lab / "devices/a-1.parquet", schema=DEVICE).to_pylist()
    how = Extraction(**read_metadata(lab / "devices/a-1.parquet")["extraction"])
    expected = with_ratios(
        profile_of(row, min_operative_fraction=how.min_operative_fraction),
        read_measurement(lab / "iv/a-1.parquet"),
        how,
    )
    assert main(["export", "a-1", "--to", "json"]) == 0
    found = read_json(here / "a-1.json")
    for name in ("curve", "reached", "log_ratio"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    for name in ("profile", "origin", "sigma", "eta", "g_min_s", "g_max_s", "window_start", "lcis_length"):
        assert getattr(found, name) == getattr(expected, name)
    written = json.loads((here / "a-1.json").read_text(encoding="utf-8"))
    window = slice(found.window_start, found.window_start + found.window_length)
    assert written["window"]["voltage_v"] == row["voltage_v"][window]
    assert written["readings"]["confidence"] == 0.9
    assert written["device"]["instrument"] == "virtual laboratory"


def test_conditions_of_ones_own_go_along(here):
    """An oxide laboratory's device is not one of unknown making once it is sent on."""
    path = here / "results/virtual_lab/devices/a-1.parquet"
    [row] = read_table(path, schema=DEVICE).to_pylist()
    own = {"oxide": "HfO2", "thickness_nm": 5.5, "remark": 'µ, "x"'}
    row |= {"conditions": json.dumps(own), "perovskite": ""}
    write_table([row], path, schema=DEVICE, metadata={"extraction": read_metadata(path)["extraction"]})
    assert main(["export", "a-1", "--to", "json"]) == 0
    written = json.loads((here / "a-1.json").read_text(encoding="utf-8"))
    assert written["device"]["conditions"] == own
    Draft202012Validator(
        yaml.safe_load((ROOT / "schemas/device-model.schema.yaml").read_text(encoding="utf-8"))
    ).validate(written)
    assert read_json(here / "a-1.json").profile == "a-1"


@pytest.mark.parametrize(
    ("to", "file"),
    [
        ("json", "a-1.json"),
        ("aihwkit", "devicea_1_aihwkit.py"),
        ("crosssim", "devicea_1_crosssim.py"),
    ],
)
def test_the_file_is_named_after_the_device(here, capsys, to, file):
    """Its path is all that is printed, so that a script can take it."""
    assert main(["export", "a-1", "--to", to]) == 0
    assert capsys.readouterr() == (f"{file}\n", "")
    assert (here / file).is_file()


def test_a_row_is_a_device_too(here):
    """Without the table; the same file but for the day."""
    (here / "results/virtual_lab/usability.parquet").unlink()
    row = "results/virtual_lab/devices/a-1.parquet"
    assert main(["export", row, "--to", "aihwkit", "--noise", "resampled", "--out", "some/where.py"]) == 0
    assert "RATIO = [" in (here / "some/where.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(["a-11", "--to", "json"], "did you mean a-1?", id="unknown"),
        pytest.param(["b", "--to", "json"], "device b has no profile: 6 usable cycle(s)", id="no usability"),
        pytest.param(["none.parquet", "--to", "json"], "none.parquet: not there; name a device", id="no row"),
        pytest.param(["results/virtual_lab/usability.parquet", "--to", "json"], "holds 2", id="table"),
        pytest.param(
            ["results/virtual_lab/iv/a-1.parquet", "--to", "json"],
            "is a measurement, not the row of a device; name the device by its id, a-1", id="measurement",
        ),
        pytest.param(["a-1", "--to", "json", "--out", "/proc/none/x"], "/proc/none/x can", id="nowhere"),
        pytest.param(["a-1", "--to", "json", "--out", "/dev/null", "--force"], "is no file", id="device"),
        pytest.param(["a-1", "--to", "json", "--results", "else"], "no usability table", id="no results"),
        pytest.param(["a-1", "--to", "json", "--noise", "lognormal"], "holds every kind", id="json"),
        pytest.param(["a-1", "--to", "json", "--measurement", "no.parquet"], "not there", id="sweeps"),
        pytest.param(["a-1", "--to", "json", "--out", "results"], "is a folder", id="folder"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_line(here, capsys, asked, said):
    """And nothing is written."""
    before = sorted(here.rglob("*"))
    assert main(["export", *asked]) == 1
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_a_file_is_replaced_by_force_alone(asked):
    """What a person changed in it would be lost."""
    path = export(asked(), exported="2026-11-26")
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match="--force"):
        export(asked(), exported="2026-11-26")
    assert path.read_text(encoding="utf-8") == "mine"
    export(asked(force=True), exported="2026-11-26")
    assert read_json(path).profile == "a-1"


def test_without_the_measurement_there_are_no_ratios_and_it_is_said(here, capsys):
    """The rest of the device is in its row; ratios are refused where they are asked for."""
    (here / "results/virtual_lab/iv/a-1.parquet").unlink()
    assert main(["export", "a-1", "--to", "json"]) == 0
    assert "without ratios" in capsys.readouterr().err
    assert json.loads((here / "a-1.json").read_text(encoding="utf-8"))["spread"]["log_ratio"] is None
    assert main(["export", "a-1", "--to", "aihwkit"]) == 0
    assert main(["export", "a-1", "--to", "crosssim", "--noise", "resampled"]) == 1
    assert "--measurement" in capsys.readouterr().err


def test_ratios_come_from_the_measurement_that_was_extracted(here):
    """A file measured anew since has other cycles than the row's sigma and window."""
    path = here / "results/virtual_lab/devices/a-1.parquet"
    [row] = read_table(path, schema=DEVICE).to_pylist()
    said = read_metadata(path)
    write_table([row | {"source_sha256": "0" * 64}], path, schema=DEVICE, metadata=said)
    with pytest.raises(ExportError, match=r"a-1\.parquet holds another measurement"):
        load("a-1", results=None, measurement=None, exported="")


@pytest.mark.parametrize("change", ["gone", "silent", "older"])
def test_settings_of_the_extraction_are_not_guessed(here, change):
    """The window depends on them."""
    path = here / "results/virtual_lab/devices/a-1.parquet"
    if change == "gone":
        path.unlink()
    else:
        said = read_metadata(path) if change == "older" else {}
        said.get("extraction", {}).pop("quality", None)
        write_table(read_table(path, schema=DEVICE), path, schema=DEVICE, metadata=said)
    with pytest.raises(ExportError, match="how the device was extracted"):
        load("a-1", results=None, measurement=None, exported="")


def test_the_row_of_another_device_is_refused(here):
    """A file that was renamed by hand would export a device under a foreign name."""
    path = here / "results/virtual_lab/devices/a-1.parquet"
    [row] = read_table(path, schema=DEVICE).to_pylist()
    write_table([row | {"device": "c"}], path, schema=DEVICE, metadata=read_metadata(path))
    with pytest.raises(ExportError, match="the row of another device, c"):
        load("a-1", results=None, measurement=None, exported="")
