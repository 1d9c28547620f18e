"""What runs again when something changes, and what does not: the real Snakemake decides."""

import os
import shutil
import time

import pyarrow.parquet as pq
import pytest

from tests.workflow.tiny import CONDITIONS, MAIN, TARGETS, measured_file, wait_for

TABLES = ("usability", "proposals")
AFTER_TABLE = {"tabulate_usability": 1, "propose_devices": 1, "draw_usability": 1, "draw_proposals": 1}


def test_a_second_run_does_nothing(measured):
    """Everything is there: nothing is scheduled."""
    assert measured.scheduled(*TARGETS) == {}


def test_one_new_measurement_schedules_only_what_rests_on_it(measured):
    """Its extraction and figure, the table, the proposals and their figures; no other device."""
    figures = measured.folder / "results/figures/devices"
    before = {path.name: path.stat().st_ino for path in figures.iterdir()}
    measured_file(
        measured.folder / "data/iv/device-9.parquet", conditions=CONDITIONS[1] | {"ag_nm": 200.0}, seed=5
    )
    assert measured.scheduled(*TARGETS) == {"extract_nonidealities": 1, "draw_devices": 1, **AFTER_TABLE}
    measured.snakemake(*TARGETS)
    table = pq.read_table(measured.folder / "results/usability.parquet")
    assert table["device"].to_pylist() == ["device-1", "device-2", "device-3", "device-4", "device-9"]
    after = {path.name: path.stat().st_ino for path in figures.iterdir()}
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 4
    assert measured.scheduled(*TARGETS) == {}


def test_a_touched_file_of_the_same_content_schedules_nothing(measured):
    """Content decides, not the time stamp."""
    later = time.time() + 10
    os.utime(measured.folder / "data/iv/device-2.parquet", (later, later))
    assert measured.scheduled(*TARGETS) == {}


def test_a_fresh_checkout_schedules_nothing(measured):
    """git writes every tracked file with a new time stamp; results stay."""
    later = time.time() + 10
    for folder in ("codesign", "rules", "workflow_scripts", "schemas", "profiles", "envs", "report"):
        for path in (measured.folder / folder).rglob("*"):
            os.utime(path, (later, later))
    for name in ("Snakefile", "config.yaml"):
        os.utime(measured.folder / name, (later, later))
    assert measured.scheduled(*TARGETS) == {}


def test_a_removed_device_leaves_the_table(measured):
    """No file, no row; the other devices are not extracted again, nor drawn: the job finds their figures."""
    (measured.folder / "data/iv/device-3.parquet").unlink()
    assert measured.scheduled(*TARGETS) == {"draw_devices": 1, **AFTER_TABLE}
    measured.snakemake("usability")
    table = pq.read_table(measured.folder / "results/usability.parquet")
    assert table["device"].to_pylist() == ["device-1", "device-2", "device-4"]


def test_a_changed_setting_of_the_extraction_reruns_it_and_what_rests_on_it(measured):
    """tolerated_drops is a parameter of the extraction alone."""
    measured.configure({"extraction": {"tolerated_drops": 0}})
    assert measured.scheduled(*TARGETS) == {"extract_nonidealities": 4, "draw_devices": 1, **AFTER_TABLE}


def test_a_changed_formula_reruns_what_rests_on_it_and_nothing_else(measured):
    """The acquisition is used by the proposals only; their card is drawn again, no device is."""
    measured.edit("codesign/fabrication/card.py", "SAMPLES = 512", "SAMPLES = 256")
    assert measured.scheduled(*TARGETS) == {"propose_devices": 1, "draw_proposals": 1}


def test_a_comment_or_docstring_reruns_nothing(measured):
    """The digest is of syntax trees without docstrings."""
    path = measured.folder / "codesign/nonideality/lcis.py"
    text = path.read_text()
    path.write_text(text.replace('"""Longest', '"""The longest', 1) + "\n# a remark\n")
    assert measured.scheduled(*TARGETS) == {}


def test_a_killed_run_resumes_with_the_same_tables(measured, tmp_path):
    """Killed in the middle, unlocked, resumed: the tables of an undisturbed run."""
    shutil.rmtree(measured.folder / "results")
    shutil.rmtree(measured.folder / ".snakemake")
    undisturbed = measured.copy(tmp_path / "undisturbed")
    undisturbed.snakemake(*TABLES)
    measured.kill_at(
        "workflow_scripts/extract_nonidealities.py", MAIN, *TABLES, once="results/devices/device-*.parquet"
    )
    assert not (measured.folder / "results/fabrication/proposals.csv").exists()
    measured.snakemake("--unlock")
    measured.snakemake(*TABLES, "--rerun-incomplete")
    assert measured.tables() == undisturbed.tables()


def test_two_runs_at_once_cannot_corrupt_results(measured):
    """The second one is told to wait by Snakemake's lock; the tables are those of one run."""
    expected = measured.tables()
    measured.configure({"extraction": {"tolerated_drops": 0}})
    with measured.held("workflow_scripts/tabulate_usability.py", MAIN) as at_the_gate:
        first = measured.start("usability", cores=1)
        wait_for(at_the_gate.exists, first)
        second = measured.start("usability", cores=1)
        told, _ = second.communicate(timeout=300)
        assert first.poll() is None and second.returncode != 0
        assert "LockException" in told or "cannot be locked" in told
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output[-3000:]
    measured.configure({"extraction": {"tolerated_drops": 2}})
    measured.snakemake("usability")
    table = "results/usability.parquet"
    assert measured.tables()[table] == expected[table]


@pytest.mark.parametrize("strict", [False, True], ids=["row-with-reason", "strict"])
def test_a_bad_file_never_stops_the_others(measured, strict):
    """A truncated measurement is a row with a reason, or an error where the laboratory wants one."""
    whole = (measured.folder / "data/iv/device-1.parquet").read_bytes()
    (measured.folder / "data/iv/broken.parquet").write_bytes(whole[: len(whole) // 2])
    measured.configure({"measurements": {"strict": strict}})
    done = measured.snakemake("usability", check=False)
    if strict:
        assert done.returncode != 0 and "broken.parquet" in done.stdout
        return
    rows = pq.read_table(measured.folder / "results/usability.parquet").to_pylist()
    [broken] = [row for row in rows if row["device"] == "broken"]
    assert done.returncode == 0 and len(rows) == 5
    assert broken["status"] == "refused" and "not a complete Parquet file" in broken["reason"]
