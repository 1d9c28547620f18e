"""2,000 devices and the full configuration: what a dry run needs, and what one new device schedules."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable

import pytest

from tests.workflow.tiny import ENVIRONMENT, REPOSITORY, Project, fresh

FULL = ("--configfile", "config.yaml", "config.paper.yaml")
DEVICES = 2000
MEMORY_MB = 2000


@pytest.fixture
def laboratory(tmp_path) -> Project:
    """The project as it is delivered, with 2,000 measurement files; a dry run does not open them."""
    project = fresh(tmp_path / "project")
    for name in ("config.yaml", "config.paper.yaml"):
        (project.folder / name).write_text((REPOSITORY / name).read_text(encoding="utf-8"), encoding="utf-8")
    put(project, (f"data/iv/device-{k:04d}.parquet" for k in range(1, DEVICES + 1)), time_s=1e9)
    return project


def put(project: Project, names: Iterable[str], *, time_s: float) -> None:
    """Empty files with one time stamp."""
    for name in names:
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (time_s, time_s))


def dry_run(project: Project, *arguments: str) -> tuple[dict[str, int], str, float]:
    """Jobs by rule, output, and the largest resident set in MB."""
    with (project.folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
            cwd=project.folder,
            env=ENVIRONMENT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    assert process.returncode == 0, text[-3000:]
    found = re.search(r"Job stats:\n(.*?)\ntotal", text, re.DOTALL)
    lines = (line.split() for line in found.group(1).splitlines()[2:]) if found else ()
    return {name: int(count) for name, count in lines}, text, used.ru_maxrss / 1024


@pytest.mark.slow
def test_two_thousand_devices_are_planned_in_two_gigabytes(laboratory):
    """A job a device where its file is what keeps others from running again; else some devices a job."""
    jobs, _, memory_mb = dry_run(laboratory, "-n", "--quiet", "all", *FULL)
    assert memory_mb < MEMORY_MB
    assert jobs["extract_nonidealities"] == DEVICES
    drawing = [name for name in jobs if name.startswith("draw_devices")]
    for count, most in ((len(drawing), 16), (jobs["profile_devices"], 512)):
        assert DEVICES / most <= count <= 2 * DEVICES / most
    networks = jobs["train_network"]
    assert networks >= 66 and jobs["evaluate_devices"] == networks * jobs["profile_devices"]
    # a row and a few chunks a device, and a job a chunk for each of the networks and their trainings
    assert sum(jobs.values()) < 2 * DEVICES + networks * (2 + jobs["profile_devices"])


@pytest.mark.slow
def test_one_new_device_among_two_thousand_schedules_a_handful(laboratory):
    """Its row and figure, the table, the set's figures, the proposals and their card."""
    wanted = ("--", "usability", "proposals", "device_figures")
    _, summary, _ = dry_run(laboratory, "--summary", *FULL, *wanted)
    rows = summary.split("output_file\t", 1)[1].splitlines()[1:]
    put(laboratory, (row.split("\t")[0] for row in rows if "\t" in row), time_s=1.1e9)
    assert dry_run(laboratory, "-n", *FULL, *wanted)[0] == {}
    put(laboratory, ["data/iv/device-2001.parquet"], time_s=1.2e9)
    jobs, _, memory_mb = dry_run(laboratory, "-n", "--quiet", "all", *FULL, *wanted)
    made = {
        name.rstrip("_01"): count
        for name, count in jobs.items()
        if name not in ("usability", "proposals", "device_figures")
    }
    assert memory_mb < MEMORY_MB
    assert made == {
        "extract_nonidealities": 1,
        "draw_devices": 1,
        "tabulate_usability": 1,
        "draw_usability": 1,
        "propose_devices": 1,
        "draw_proposals": 1,
    }
