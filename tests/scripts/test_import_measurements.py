"""The import script: a refused file is kept with its reason, unless the run is strict."""

import importlib.util
from pathlib import Path

import pytest

from codesign.iv.importers import ImportRefused
from codesign.iv.measurement import read_measurement

ROOT = Path(__file__).resolve().parents[2]
GOOD = "voltage,current_cycle1 (mA)\n0,0\n1,1\n2,3\n"
NAME = "1.5um_length_200nm_diameter_15min_Pb_ED_3h_180C_MAI_no_200nm_Ag"


@pytest.fixture
def script():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(
        "script", ROOT / "workflow_scripts" / "import_measurements.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(script, folder, *files, strict=False):
    script.main(
        raw={"d": list(files)},
        conditions=[],
        sweeps={"d": folder / "d.parquet"},
        made_from={"d": "now"},
        record=folder / "records" / "d.json",
        strict=strict,
    )
    return read_measurement(folder / "d.parquet")


def test_a_good_file_becomes_a_canonical_measurement(script, tmp_path, capsys):
    """Amperes, conditions of the name, origin of the bytes; what was done is printed."""
    raw = tmp_path / f"{NAME}.csv"
    raw.write_text(GOOD, encoding="utf-8")
    meta = _run(script, tmp_path, raw).metadata
    assert (meta.status, meta.perovskite, meta.length_um, meta.ag_nm) == ("ok", "MAPbI3", 1.5, 200)
    assert meta.source_file == raw.name
    assert len(meta.source_sha256) == 64
    assert "converted from mA" in capsys.readouterr().out


def test_a_bad_file_is_kept_with_its_reason_and_conditions(script, tmp_path):
    """It becomes a row of the usability table, not a gap and not a stop."""
    raw = tmp_path / f"{NAME}.csv"
    raw.write_text(GOOD.replace("voltage", "x"), encoding="utf-8")
    found = _run(script, tmp_path, raw)
    assert found.voltage.size == 0
    assert (found.metadata.status, found.metadata.length_um, found.metadata.pb_min) == ("refused", 1.5, 15)
    assert "no voltage column" in found.metadata.reason
    assert "sidecar" in found.metadata.reason


def test_a_strict_run_stops_at_a_bad_file_and_writes_nothing(script, tmp_path):
    """`strict: true` is for those who want every file right."""
    raw = tmp_path / "a.csv"
    raw.write_text("", encoding="utf-8")
    with pytest.raises(ImportRefused, match=r"a\.csv: the file is empty"):
        _run(script, tmp_path, raw, strict=True)
    assert not (tmp_path / "d.parquet").exists()


def test_two_files_with_one_id_are_refused_by_name(script, tmp_path):
    """Neither may overwrite the other."""
    files = [tmp_path / "d.csv", tmp_path / "D.txt"]
    for file in files:
        file.write_text(GOOD, encoding="utf-8")
    reason = _run(script, tmp_path, *files).metadata.reason
    assert "d.csv" in reason
    assert "D.txt" in reason
    assert "rename" in reason
    with pytest.raises(ImportRefused, match="2 files"):
        _run(script, tmp_path, *files, strict=True)
