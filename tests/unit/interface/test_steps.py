"""The steps from Python give what the workflow's jobs write."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import codesign
from codesign.interface.standard import ConfigError
from codesign.iv.importers import import_file
from codesign.iv.measurement import Measurement, MeasurementError, Metadata, write_measurement
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.profile import ProfileError
from codesign.seeds import generator

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def test_importing_the_package_loads_nothing_else():
    """Neither torch nor numpy; a name that is none of its own says so."""
    code = (
        "import codesign, sys\n"
        "print([name for name in ('torch', 'numpy', 'pyarrow') if name in sys.modules])\n"
        "print(sorted(set(codesign.__all__) - set(dir(codesign))))\n"
        "codesign.extract\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n[]\nFalse\n", "")
    with pytest.raises(AttributeError, match="no attribute 'holt'"):
        codesign.holt  # noqa: B018


def test_every_name_has_a_docstring_with_what_it_takes():
    """`help(codesign.hold)` is what a caller reads first."""
    for name in codesign.__all__:
        said = getattr(codesign, name).__doc__
        assert "Args:" in said and "Raises:" in said, name


def test_an_instrument_file_is_read_as_in_the_workflow(instrument_file, measurement):
    """Its id is that of `data/raw`, its sidecar is read, and samples are those that were written."""
    instrument_file.with_name("Wire 1.meta.yaml").write_text("perovskite: MAPbI3\ncompliance_a: 2.7e-5\n")
    found = codesign.import_file(instrument_file)
    assert (found.metadata.device, found.metadata.origin) == ("wire-1", "measured")
    assert (found.metadata.perovskite, found.metadata.compliance_a) == ("MAPbI3", 2.7e-5)
    assert np.array_equal(found.current, measurement.current)
    assert codesign.import_file(instrument_file, device="other").metadata.device == "other"


def test_a_conditions_workbook_beside_the_file_is_read_as_in_the_workflow(tmp_path):
    """Of one that cannot be read there is a note, here as there."""
    path = tmp_path / "1um BT10 Ag100 MAPbBr3.csv"
    path.write_text("voltage (V),current (A)\n" + "\n".join(f"{v},{v * 1e-6}" for v in (0, 1, 2, 1, 0)))
    assert codesign.import_file(path).metadata.notes == ()
    book = tmp_path / "my conditions.xlsx"
    book.write_bytes(b"no workbook")
    found = codesign.import_file(path).metadata
    assert found == import_file(path, device=found.device, conditions=[book]).metadata
    assert any("no row of the conditions workbook matches" in note for note in found.notes)
    assert codesign.import_file(path, conditions=()).metadata.notes == ()


def test_a_refused_measurement_stays_refused(tmp_path):
    """A canonical file that the workflow keeps with its reason."""
    path = tmp_path / "bad.parquet"
    write_measurement(Measurement.refused(Metadata(device="bad"), "no voltage; export again"), path)
    with pytest.raises(MeasurementError, match="refused when it was imported: no voltage; export again"):
        codesign.import_file(path)


def test_a_row_is_that_of_the_usability_table(measurement, sweeps):
    """Settings and seed of config.yaml, as the job that extracts has them."""
    expected = extract(
        measurement, Extraction(**CONFIG["extraction"]), generator(CONFIG["seed"], "bootstrap", "wire-1")
    )
    assert codesign.extract(codesign.import_file(sweeps)) == expected
    assert codesign.extract(measurement, seed=3)["usability_std"] != expected["usability_std"]


def test_settings_come_from_the_configuration_that_is_named(measurement, tmp_path):
    """And what it lacks is said."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(CONFIG | {"extraction": CONFIG["extraction"] | {"min_cycles": 9}}))
    row = codesign.extract(measurement, config=path)
    assert row["status"] == "no_usability"
    with pytest.raises(ProfileError, match=r"8 usable cycle\(s\), 9 needed: measure more cycles"):
        codesign.profile(row, measurement, config=path)
    path.write_text("seed: 1\n")
    with pytest.raises(ConfigError, match=r"the key extraction is missing; name a whole config\.yaml"):
        codesign.extract(measurement, config=path)
    with pytest.raises(ConfigError, match=r"none.yaml: No such file"):
        codesign.extract(measurement, config=tmp_path / "none.yaml")


def test_the_next_devices_from_rows(measurement):
    """One device is made: the second is far from it; a key that is none says which there are."""
    row = codesign.extract(measurement)
    found = codesign.propose([row], batch=2)
    assert [each["rank"] for each in found.rows] == [1, 2]
    assert found.card["counts"]["used"] == 1
    made = {name: CONFIG["fabrication"]["start"][name] for name in ("perovskite", "length_um")}
    assert all({name: each[name] for name in made} != made for each in found.rows)
    with pytest.raises(ConfigError, match="fabrication has no key bach; it has variables, space"):
        codesign.propose([row], bach=2)
