"""Results whose making Snakemake has forgotten."""

import json
import os
import subprocess

import pytest

from codesign.provenance.memory import forgotten
from codesign.provenance.records import digest_of

RECORD = {
    "rule": "r",
    "wildcards": {},
    "settings": {},
    "code": "",
    "commit": "",
    "modified": False,
    "environment": "",
    "inputs": {},
}


@pytest.fixture
def project(tmp_path):
    """One result, its record, and Snakemake's memory of it."""
    results, memory = tmp_path / "results", tmp_path / ".snakemake/metadata"
    for folder in (results / "provenance/r", memory):
        folder.mkdir(parents=True)
    table = results / "a.csv"
    table.write_text("x")
    said = RECORD | {"config": digest_of({"seed": 1}), "outputs": {str(table): "0"}}
    (results / "provenance/r/a.json").write_text(json.dumps(said))
    (memory / "a").write_text("{}")
    return tmp_path


def _told(project, config):
    return forgotten(
        project / "results", memory=project / ".snakemake/metadata", config=config, checkout=project
    )


def test_while_snakemake_remembers_nothing_is_said(project):
    """It knows itself what has changed."""
    assert _told(project, {"seed": 2}) == ""


def test_another_configuration_is_said_where_the_memory_is_gone(project):
    """The same one is no news; a result that is gone too is made again anyway."""
    (project / ".snakemake/metadata/a").unlink()
    assert _told(project, {"seed": 1}) == ""
    said = _told(project, {"seed": 2})
    assert "1 ran with another configuration" in said and "--forceall" in said and "--unlock" in said
    (project / "results/a.csv").unlink()
    assert _told(project, {"seed": 2}) == ""


def test_what_was_made_before_the_memory_began_stays_told(project):
    """A job that ran after `.snakemake` was removed is remembered, the older results are not."""
    old = project / "results/provenance/r/a.json"
    os.utime(old, (1e9, 1e9))
    assert "1 ran with another configuration" in _told(project, {"seed": 2})
    assert _told(project, {"seed": 1}) == ""


def test_another_commit_is_told(project):
    """Of a clean checkout; a modified one says nothing of what ran."""
    (project / ".snakemake/metadata/a").unlink()
    (project / "tracked").write_text("1")
    me = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (("init", "-q"), ("add", "tracked"), (*me, "commit", "-q", "-m", "one")):
        subprocess.run(["git", "-C", str(project), *command], check=True, capture_output=True, timeout=60)
    assert "1 ran on another commit" in _told(project, {"seed": 1})
    (project / "tracked").write_text("2")
    assert _told(project, {"seed": 1}) == ""


def test_a_broken_record_is_said(project):
    """It cannot be compared."""
    (project / ".snakemake/metadata/a").unlink()
    (project / "results/provenance/r/a.json").write_text("[")
    assert "not a record" in _told(project, {"seed": 2})


def test_a_project_without_results_has_nothing_to_forget(tmp_path):
    """The first run of all."""
    assert forgotten(tmp_path / "results", memory=tmp_path / "m", config={}, checkout=tmp_path) == ""
