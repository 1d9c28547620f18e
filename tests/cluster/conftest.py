"""A running SLURM, and projects that have been run on this machine alone."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.cluster.cluster import Run, slurm
from tests.workflow.tiny import CONDITIONS, Project, fresh, measured_file

QUICK = ("usability",)
"""Target of the tests with faults: a group of four extractions, then one table."""


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """SLURM answers and has its four nodes, or every test here fails: there is nothing to fall back on."""
    remedy = "run `make test-cluster`"
    if not shutil.which("sinfo"):
        pytest.fail(f"SLURM is not installed; {remedy}", pytrace=False)
    nodes = subprocess.run(["sinfo", "-h", "-N", "-o", "%N"], text=True, capture_output=True)
    if nodes.stdout.split() != ["f1", "f2", "n1", "n2"]:
        pytest.fail(f"the test cluster does not run ({nodes.stderr.strip()}); {remedy}", pytrace=False)


@pytest.fixture
def accounting() -> None:
    """SLURM has accounting, or the test is left to the run that gives it some."""
    if "accounting_storage/slurmdbd" not in slurm("scontrol", "show", "config"):
        pytest.skip("this SLURM has no accounting; run `make test-accounting`")


@pytest.fixture(scope="session")
def measurements(tmp_path_factory, worker_id) -> Project:
    """Four measured devices and nothing computed; made once for all test processes."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    with FileLock(folder / "measurements.lock"):
        if not (folder / "measurements.complete").exists():
            project = fresh(folder / "measurements")
            project.configure({"search": {"rounds": 1}})
            for seed, conditions in enumerate(CONDITIONS, start=1):
                path = project.folder / f"data/iv/device-{seed}.parquet"
                measured_file(path, conditions=conditions, seed=seed)
            (folder / "measurements.complete").touch()
    return Project(folder / "measurements")


@pytest.fixture(scope="session")
def undisturbed(measurements, tmp_path_factory, worker_id) -> dict[str, bytes]:
    """Tables of the QUICK targets, made here."""
    folder: Path = measurements.folder.with_name("undisturbed")
    with FileLock(folder.with_suffix(".lock")):
        if not folder.with_suffix(".complete").exists():
            measurements.copy(folder).snakemake(*QUICK)
            folder.with_suffix(".complete").touch()
    return Project(folder).tables()


@pytest.fixture
def project(measurements, tmp_path) -> Project:
    """Four measured devices, nothing computed."""
    return measurements.copy(tmp_path / "project")


@pytest.fixture
def submit() -> Iterator[Callable[..., Run]]:
    """Starts runs on the cluster; none outlives its test."""
    runs: list[Run] = []

    def submitted(project: Project, *arguments: str, site: dict | None = None) -> Run:
        runs.append(Run(project, *arguments, site=site or {}))
        return runs[-1]

    yield submitted
    for run in runs:
        run.clear()
