"""Projects to run: an unused one, one with four measured devices, and one with networks too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from codesign import warm
from codesign.provenance.digest import imports_of
from tests.workflow.tiny import (
    CONDITIONS,
    ENVIRONMENT,
    NETWORK_TARGETS,
    REPOSITORY,
    TARGETS,
    Project,
    fresh,
    measured_file,
)


@pytest.fixture(scope="session", autouse=True)
def _warm():
    """One warm server for all runs of these tests: most have a few jobs, and would wait for its imports."""
    scripts = sorted((REPOSITORY / "workflow_scripts").glob("*.py"))
    imports = dict.fromkeys(name for script in scripts for name in imports_of(script))
    # a run has a copy of the package: what is imported of this one would be forgotten; dwfpy is of the bench
    libraries = [name for name in imports if name != "dwfpy" and not name.startswith("codesign")]
    server = warm.start(libraries, ENVIRONMENT)
    if server is None:
        yield
        return
    ENVIRONMENT[warm.SWITCH] = str(server.path)
    yield
    server.stop()


@pytest.fixture
def project(tmp_path) -> Project:
    """An unused copy of the workflow."""
    return fresh(tmp_path / "project")


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], None]], Project]:
    """Makes a project once for all test processes."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent

    def made(name: str, make: Callable[[Path], None]) -> Project:
        with FileLock(folder / f"{name}.lock"):
            complete = folder / f"{name}.complete"
            if not complete.exists():
                make(folder / name)
                complete.touch()
        return Project(folder / name)

    return made


@pytest.fixture(scope="session")
def _measured(shared) -> Project:
    def make(folder: Path) -> None:
        project = fresh(folder)
        for seed, conditions in enumerate(CONDITIONS, start=1):
            measured_file(folder / f"data/iv/device-{seed}.parquet", conditions=conditions, seed=seed)
        project.snakemake(*TARGETS)

    return shared("measured", make)


@pytest.fixture
def measured(_measured, tmp_path) -> Project:
    """Four measured devices, their tables and figures made."""
    return _measured.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def _trained(shared, _measured) -> Project:
    return shared("trained", lambda folder: _measured.copy(folder).snakemake(*NETWORK_TARGETS))


@pytest.fixture
def trained(_trained, tmp_path) -> Project:
    """Four measured devices, networks trained and evaluated, their figures made."""
    return _trained.copy(tmp_path / "project")
