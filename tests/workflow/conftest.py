"""Projects to run: an unused one, and one with four measured devices."""

import pytest

from tests.workflow.tiny import CONDITIONS, TARGETS, Project, fresh, measured_file


@pytest.fixture
def project(tmp_path) -> Project:
    """An unused copy of the workflow."""
    return fresh(tmp_path / "project")


@pytest.fixture(scope="session")
def _measured(tmp_path_factory) -> Project:
    project = fresh(tmp_path_factory.mktemp("measured") / "project")
    for seed, conditions in enumerate(CONDITIONS, start=1):
        measured_file(project.folder / f"data/iv/device-{seed}.parquet", conditions=conditions, seed=seed)
    project.snakemake(*TARGETS)
    return project


@pytest.fixture
def measured(_measured, tmp_path) -> Project:
    """Four measured devices, every table and figure made."""
    return _measured.copy(tmp_path / "project")
