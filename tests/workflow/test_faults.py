"""Faults of disks, files and people: nothing measured is lost, no wrong table stays, the message helps."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.workflow.tiny import CONDITIONS, MAIN, Project, measured_file, wait_for

TABLES = ("usability", "proposals")
OTHER = {"conditions": CONDITIONS[1], "seed": 7, "window": 5, "sigma": 0.3}
"""A second measurement of device 2, far from the first."""
SHARED = Path(
    os.environ.get("CODESIGN_MIRROR", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")
)
WORKBOOKS = SHARED / "iv_perovskite"


def measurements(project: Project) -> dict[str, bytes]:
    """Every file a laboratory has put into the project."""
    return {
        str(path): path.read_bytes()
        for folder in ("data/iv", "data/raw")
        for path in sorted((project.folder / folder).iterdir())
        if not path.name.startswith(".")
    }


def is_part_of(project: Project, expected: dict[str, bytes]) -> bool:
    """Whether every table there is, is whole and right; some may not be made yet."""
    return all(expected[name] == data for name, data in project.tables().items())


def forget(project: Project) -> None:
    """Back to measurements only."""
    for name in ("results", ".snakemake"):
        shutil.rmtree(project.folder / name, ignore_errors=True)
    (project.folder / "results").mkdir()


@pytest.fixture
def unmade(measured) -> tuple[Project, dict[str, bytes]]:
    """Four measured devices without any result, and the tables that an undisturbed run makes."""
    expected = measured.tables()
    forget(measured)
    return measured, expected


@pytest.fixture
def disk():
    """Mounts a small disk of its own on a folder; `disk(folder, size)`."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    mounted = []

    def mount(folder: Path, options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
        if "remount" not in options:
            mounted.append(folder)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("size", ["60k", pytest.param("140k", marks=pytest.mark.slow)])
def test_a_full_disk_is_told_and_the_run_goes_on_where_it_stopped(unmade, disk, size):
    """Full among the devices or among the tables: what is there is whole, and more space is all it needs."""
    project, expected = unmade
    before = measurements(project)
    disk(project.folder / "results", f"size={size}")
    done = project.snakemake(*TABLES, check=False)
    assert done.returncode != 0
    assert "No space left on device\nthe disk is full: free some space and run again" in done.stdout
    assert is_part_of(project, expected) and measurements(project) == before
    disk(project.folder / "results", "remount,size=50m")
    project.snakemake(*TABLES)
    assert is_part_of(project, expected) and measurements(project) == before
    assert (project.folder / "results/fabrication/proposals.csv").is_file()
    assert project.scheduled(*TABLES) == {}


@pytest.mark.slow
@pytest.mark.parametrize("left_kb", [8, 60, 120])
def test_a_disk_full_of_everything_loses_nothing(unmade, disk, tmp_path, left_kb):
    """Project, Snakemake's own notes and results on one disk that another program fills."""
    project, expected = unmade
    small = tmp_path / "small"
    small.mkdir()
    disk(small, "size=60m")
    project = project.copy(small / "project")
    before = measurements(project)
    free = shutil.disk_usage(small).free
    with (small / "filler").open("wb") as filler:
        filler.write(bytes(free - 1024 * left_kb))
    done = project.snakemake(*TABLES, check=False)
    assert done.returncode != 0 and "No space left on device" in done.stdout
    assert is_part_of(project, expected) and measurements(project) == before
    (small / "filler").unlink()
    project.snakemake("--unlock")
    project.snakemake(*TABLES)
    assert is_part_of(project, expected) and measurements(project) == before
    assert project.scheduled(*TABLES) == {}


def test_results_that_cannot_be_written_are_told_before_anything_runs(unmade, disk):
    """A dry run works; a run says what to do and does nothing; writable again, it runs."""
    project, expected = unmade
    before = measurements(project)
    disk(project.folder / "results", "size=50m")
    disk(project.folder / "results", "remount,ro")
    assert project.scheduled("usability") == {"extract_nonidealities": 4, "tabulate_usability": 1}
    done = project.snakemake("usability", check=False)
    assert done.returncode != 0 and "results cannot be written: make the folder writable" in done.stdout
    assert "Fit the non-idealities" not in done.stdout and measurements(project) == before
    disk(project.folder / "results", "remount,rw")
    project.snakemake("usability")
    assert is_part_of(project, expected) and (project.folder / "results/usability.csv").is_file()


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(unmade, tmp_path):
    """Import, extraction, tables and proposals; half of the time jobs outlive Snakemake and finish alone."""
    project, _ = unmade
    rows = [f"{0.1 * k:.2f},{1e-6 * k:.3e},{1.1e-6 * k:.3e},{0.9e-6 * k:.3e}" for k in range(31)]
    header = "voltage,current_cycle1,current_cycle2,current_cycle3"
    (project.folder / "data/raw/Cell 1.csv").write_text("\n".join([header, *rows]))
    laboratory = measurements(project)
    undisturbed = project.copy(tmp_path / "undisturbed")
    began = time.time()
    undisturbed.snakemake(*TABLES)
    duration = time.time() - began  # of the last run that was let go on: a machine's load changes
    expected = undisturbed.tables()
    draw = np.random.default_rng(2412)
    kills = 0
    while kills < 20:
        began = time.time()
        running = project.start(*TABLES)
        try:
            output, _ = running.communicate(timeout=draw.uniform(0.2, 1.2) * duration)
        except subprocess.TimeoutExpired:
            kills += 1
            alone = draw.random() < 0.5
            os.kill(running.pid, signal.SIGKILL) if alone else os.killpg(running.pid, signal.SIGKILL)
            running.communicate()
        else:
            duration = time.time() - began
            assert running.returncode == 0, output[-3000:]
            assert project.tables() == expected
            forget(project)
            (project.folder / "data/iv/cell-1.parquet").unlink()
        found = measurements(project)
        assert {name: found[name] for name in laboratory} == laboratory
        assert is_part_of(project, expected)
        project.snakemake("--unlock")
    project.snakemake(*TABLES)
    assert project.tables() == expected and project.scheduled(*TABLES) == {}


@pytest.mark.parametrize(
    ("cut", "gone", "target"),
    [
        pytest.param("devices/device-2.parquet", "usability.parquet", "usability", id="device"),
        pytest.param(
            "usability.parquet", "fabrication/proposals.csv", "proposals", id="table", marks=pytest.mark.slow
        ),
        pytest.param(
            "fabrication/card.json",
            "figures/proposals.pdf",
            "device_figures",
            id="card",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_output_cut_short_by_an_earlier_crash_is_named_and_never_used(measured, cut, gone, target):
    """Its time stamp says it is done; the reader says it is not, and what to do."""
    expected = measured.tables()
    path, above = measured.folder / "results" / cut, measured.folder / "results" / gone
    stat = path.stat()
    path.write_bytes(path.read_bytes()[: stat.st_size // 2])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    above.unlink()
    done = measured.snakemake(target, check=False)
    assert done.returncode != 0 and not above.exists()
    [said] = {line for line in done.stdout.splitlines() if line.startswith(f"TableError: results/{cut}")}
    assert "not complete" in said or "not a complete" in said
    assert said.endswith("delete it and make it again")
    path.unlink()
    measured.snakemake(*TABLES, "device_figures")
    assert measured.tables() == expected


@pytest.mark.slow
@pytest.mark.parametrize("real", [False, True], ids=["made", "measured"])
def test_corrupt_files_among_43_are_rows_with_a_reason(project, real):
    """Cut, emptied, one bit flipped, overwritten, of another kind: the others keep their rows to the bit."""
    iv = project.folder / "data/iv"
    if real:
        if not WORKBOOKS.is_dir():
            pytest.skip(f"no folder {WORKBOOKS}")
        for file in WORKBOOKS.rglob("*.xlsx"):
            shutil.copy2(file, project.folder / "data/raw" / file.name)
    else:
        for k in range(43):
            measured_file(
                iv / f"device-{k:02d}.parquet", conditions=CONDITIONS[k % 4], seed=k, window=5 + k % 9
            )
    project.snakemake("usability")
    whole = {path: path.read_bytes() for path in sorted(iv.iterdir())}
    expected = project.tables()
    before = rows_of(project)
    assert len(whole) == len(before) == 43
    flipped = bytearray(whole[sorted(whole)[2]])
    flipped[len(flipped) // 3] ^= 16
    chosen = sorted(whole)[:5]
    damage = [
        whole[chosen[0]][:5000],
        b"",
        bytes(flipped),
        np.random.default_rng(1).bytes(9000),
        b"V,I\n0,0\n",
    ]
    for path, content in zip(chosen, damage, strict=True):
        path.write_bytes(content)
    project.snakemake("usability")
    after = rows_of(project)
    damaged = {path.stem for path in chosen}
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before if name not in damaged)
    for path, content in zip(chosen, damage, strict=True):
        row = after[path.stem]
        assert row["status"] == "refused" and row["usability"] is None
        assert path.name in row["reason"] and "copy it again from where it was measured" in row["reason"]
        assert path.read_bytes() == content
    for path in chosen:
        path.unlink()
        if not real:
            path.write_bytes(whole[path])
    project.snakemake("usability")
    assert project.tables() == expected


def rows_of(project: Project) -> dict[str, dict]:
    """Rows of the usability table by device, curves as text so that NaN equals NaN."""
    rows = pq.read_table(project.folder / "results/usability.parquet").to_pylist()
    return {row["device"]: {k: repr(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows}


@pytest.mark.parametrize(
    ("moment", "older"),
    [
        pytest.param("results/logs/extract_nonidealities/device-2.log", False, id="as-it-is-read"),
        pytest.param(
            "results/devices/device-2.parquet",
            True,
            id="after-it-was-read-by-an-older-file",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_measurement_replaced_while_running_counts_in_the_next_run(unmade, tmp_path, moment, older):
    """Whichever version a job saw, the next run makes every table of the new one, older or not."""
    project, _ = unmade
    replaced = project.copy(tmp_path / "replaced")
    name = "data/iv/device-2.parquet"
    measured_file(tmp_path / "device-2.parquet", **OTHER)
    if older:
        os.utime(tmp_path / "device-2.parquet", (1e9, 1e9))
    running = project.start("usability")
    wait_for((project.folder / moment).exists, running)
    shutil.copy2(tmp_path / "device-2.parquet", project.folder / "data/iv/.new")
    (project.folder / "data/iv/.new").replace(project.folder / name)
    running.communicate(timeout=300)
    assert running.returncode == 0
    project.snakemake("usability")
    shutil.copy2(tmp_path / "device-2.parquet", replaced.folder / name)
    replaced.snakemake("usability")
    assert project.tables() == replaced.tables()
    assert project.scheduled("usability") == {}
    assert (project.folder / name).read_bytes() == (tmp_path / "device-2.parquet").read_bytes()


def test_a_measurement_still_being_copied_is_a_reason_now_and_a_row_later(measured):
    """The second half arrives with the time stamp of the original, long before the results'."""
    expected = measured.tables()
    path = measured.folder / "data/iv/device-2.parquet"
    whole, stat = path.read_bytes(), path.stat()
    path.write_bytes(whole[: len(whole) // 2])
    measured.snakemake("usability")
    assert "not a complete Parquet file" in rows_of(measured)["device-2"]["reason"]
    path.write_bytes(whole)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    measured.snakemake("usability")
    assert measured.tables()["results/usability.parquet"] == expected["results/usability.parquet"]


def test_a_second_run_is_told_to_wait_and_the_first_is_not_disturbed(unmade):
    """Snakemake locks the folder; its message says what to do. The first run is in a job meanwhile."""
    project, expected = unmade
    with project.held("workflow_scripts/extract_nonidealities.py", MAIN) as at_the_gate:
        first = project.start(*TABLES)
        wait_for(at_the_gate.exists, first)
        second = project.snakemake(*TABLES, check=False)
        assert first.poll() is None and second.returncode != 0
        for words in ("make sure that no other Snakemake process", "--unlock"):
            assert words in " ".join(second.stdout.split())
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output[-3000:]
    assert is_part_of(project, expected)
    assert (project.folder / "results/fabrication/proposals.csv").is_file()


@pytest.mark.slow
def test_two_runs_without_the_lock_still_leave_whole_tables(unmade):
    """As on a file system that keeps no locks: one may fail, no table is half or mixed."""
    project, expected = unmade
    before = measurements(project)
    both = [project.start("--nolock", *TABLES) for _ in range(2)]
    for running in both:
        running.communicate(timeout=300)
        assert is_part_of(project, expected)
    project.snakemake(*TABLES)
    assert is_part_of(project, expected) and measurements(project) == before
    assert project.scheduled(*TABLES) == {}


HOSTILE = ["$(touch ran).csv", "`touch ran`; touch ran #.csv", "--help.csv", f"{'long ' * 50}.csv"]
"""File names that a shell, a command line or a file system could stumble over."""


def test_a_hostile_file_name_is_neither_a_path_nor_a_shell_word(project):
    """Each becomes a row under a plain id; nothing is run, nothing lands elsewhere."""
    rows = "\n".join(f"{0.1 * k:.2f},{1e-6 * k:.3e}" for k in range(31))
    for name in HOSTILE:
        (project.folder / "data/raw" / name).write_text(f"voltage,current_cycle1\n{rows}\n")
    top = sorted(path.name for path in project.folder.iterdir() if path.name != ".snakemake")
    project.snakemake("usability")
    found = rows_of(project)
    assert {row["source_file"] for row in found.values()} == set(HOSTILE)
    assert {"touch-ran", "touch-ran-touch-ran", "help"} < found.keys() and len(found) == 4
    assert sorted(path.name for path in project.folder.iterdir() if path.name != ".snakemake") == top
    assert not list(project.folder.rglob("ran")) and project.scheduled("usability") == {}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        pytest.param("raw", b"two\nlines.csv", id="line-break", marks=pytest.mark.slow),
        pytest.param("raw", b"{device}.csv", id="wildcard"),
        pytest.param("raw", b"\xff\xfe.csv", id="no-text", marks=pytest.mark.slow),
        pytest.param("iv", b"$(touch ran).parquet", id="shell"),
        pytest.param("iv", b"-rf.parquet", id="option", marks=pytest.mark.slow),
    ],
)
def test_a_name_that_no_table_can_hold_stops_the_run_with_a_remedy(measured, folder, name):
    """Snakemake would take it for another file; renaming is all it takes, and nothing is touched."""
    before = measured.tables()
    path = Path(os.fsdecode(os.fsencode(measured.folder / "data" / folder) + b"/" + name))
    path.write_bytes(b"kept")
    done = measured.snakemake("usability", check=False)
    assert done.returncode != 0 and f"data/{folder}/{path.name!a}" in done.stdout
    assert "Rename the file" in done.stdout or "Write the measurement anew" in done.stdout
    assert path.read_bytes() == b"kept" and measured.tables() == before


SWEEPS = "voltage," + ",".join(f"current_cycle{c}" for c in range(1, 5)) + "\n"
SWEEPS += "".join(
    f"{k / 20},{','.join(f'{k * 5e-8 * (1 + 0.1 * c + 0.01 * k):.4e}' for c in range(4))}\n"
    for k in range(41)
)


def test_one_strange_file_never_stops_the_others(measured):
    """Each is a row with its reason or is read all the same; a second run does nothing."""
    raw, iv = measured.folder / "data/raw", measured.folder / "data/iv"
    ahead = (time.time() + 3600,) * 2
    (raw / "ahead.csv").write_text(SWEEPS)
    os.utime(raw / "ahead.csv", ahead)
    os.utime(iv / "device-1.parquet", ahead)
    (raw / "link.csv").symlink_to("nowhere")
    os.mkfifo(raw / "pipe.csv")
    (raw / "absurd.csv").write_text(SWEEPS)
    (raw / "absurd.meta.yaml").write_text(
        "{perovskite: MAPbI3, length_um: 1, diameter_nm: 1.0e+299, pb_min: 9}"
    )
    (raw / "left.out").write_text(SWEEPS)
    (iv / "spark.parquet").mkdir()
    shutil.copy2(iv / "device-2.parquet", iv / "spark.parquet/part-0.parquet")
    table = pq.read_table(iv / "device-2.parquet")
    said = json.loads(table.schema.metadata[b"codesign"]) | {"device": "toy", "origin": "virtual"}
    pq.write_table(table.replace_schema_metadata({b"codesign": json.dumps(said)}), iv / "toy.parquet")
    done = measured.snakemake("usability", "proposals", "device_figures")
    assert "data/raw/left.out" in done.stdout and "left out" in done.stdout
    rows = pq.read_table(measured.folder / "results/usability.parquet").to_pylist()
    found = {row["device"]: row for row in rows}
    for name in ("device-1", "device-2", "ahead", "absurd"):
        assert found[name]["status"] == "ok", found[name]["reason"]
    for name, words in (
        ("link", "a link to a file that is not there"),
        ("pipe", "a pipe"),
        ("spark", "a folder, not a file"),
        ("toy", "a device of the virtual laboratory among measured ones; remove data/iv/toy.parquet"),
    ):
        assert found[name]["status"] == "refused" and words in found[name]["reason"]
    assert found["absurd"]["diameter_nm"] is None and "1e+299" in found["absurd"]["notes"]
    assert measured.scheduled("usability", "proposals", "device_figures") == {}


def test_a_folder_of_files_that_nothing_reads_is_not_the_virtual_laboratory(project):
    """The run says what they are and what to do, before anything is made."""
    (project.folder / "data/raw").mkdir(parents=True, exist_ok=True)
    for k in range(7):
        (project.folder / f"data/raw/sweep{k}.out").write_text(SWEEPS)
    done = project.snakemake("-n", "usability", check=False)
    assert done.returncode != 0 and "hold 7 file(s), and none of them is read" in done.stdout
    assert "no importer reads .out" in done.stdout and "measurements.origin to virtual" in done.stdout
    project.configure({"measurements": {"origin": "virtual"}})
    assert project.scheduled("usability")["make_virtual_devices"] == 1


def test_a_key_that_stands_twice_stops_the_run_at_the_start(project):
    """Snakemake itself keeps the last of them without a word."""
    overlay = project.folder / "overlay.yaml"
    overlay.write_text("seed: 1\nfabrication: {batch: 1}\nseed: 2\n")
    done = project.snakemake("-n", "--configfile", "config.yaml", "overlay.yaml", check=False)
    assert done.returncode != 0 and "overlay.yaml: 'seed' stands twice, in lines 1 and 3" in done.stdout


def test_results_that_snakemake_has_forgotten_are_told_of(unmade):
    """`.snakemake` was removed and the configuration is another: what lies there may be out of date."""
    project, _ = unmade
    project.snakemake("usability")
    shutil.rmtree(project.folder / ".snakemake")
    assert "memory of the results" not in project.snakemake("-n", "usability").stdout
    project.configure({"seed": 99})
    assert "5 ran with another configuration" in project.snakemake("-n", "usability").stdout
