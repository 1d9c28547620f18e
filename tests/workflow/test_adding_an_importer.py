"""The worked example of docs/adding-an-importer.md, followed to the letter in a copy of the project."""

import shutil

from codesign.iv.measurement import read_measurement
from tests.workflow.tiny import REPOSITORY

EXAMPLE = REPOSITORY / "docs/examples/blocks"
TABLE = "voltage (V),current (A)\n0,0\n0.5,1e-6\n1,2e-6\n0.5,1e-6\n0,0\n"


def test_a_new_importer_is_one_file_and_imports_its_own_files_alone(project):
    """What was imported by another suffix stays; a cut file becomes a row that says so."""
    raw = project.folder / "data/raw"
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "before.csv").write_text(TABLE)
    assert project.done("import_raw") == {"import_measurements": 1}
    before = (project.folder / "data/iv/before.parquet").stat().st_mtime_ns
    shutil.copy2(EXAMPLE / "blocks.py", project.folder / "codesign/iv/importers/blocks.py")
    assert project.scheduled("import_raw") == {}
    shutil.copy2(EXAMPLE / "wire.blk", raw / "wire.blk")
    text = (EXAMPLE / "wire.blk").read_text()
    (raw / "cut.txt").write_text(text[: text.index("[END 2]")])
    assert project.done("import_raw") == {"import_measurements": 1}
    assert (project.folder / "data/iv/before.parquet").stat().st_mtime_ns == before
    wire = read_measurement(project.folder / "data/iv/wire.parquet")
    assert sorted(set(wire.cycle.tolist())) == [1, 2, 3] and wire.voltage.max() == 1.0
    cut = read_measurement(project.folder / "data/iv/cut.parquet").metadata
    assert cut.status == "refused" and "cut short" in cut.reason


def test_a_wrong_importer_is_said_before_anything_runs(project):
    """Also with a dry run, and before there is any measurement."""
    (project.folder / "codesign/iv/importers/blocks.py").write_text('SUFFIXES = (".blk",)\n')
    done = project.snakemake("-n", check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert "codesign/iv/importers/blocks.py: read is missing" in done.stdout
