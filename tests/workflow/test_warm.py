"""Warm and cold jobs compute the same."""

import pytest

from tests.workflow.tiny import ENVIRONMENT, fresh


def _run(folder, monkeypatch, switch, *targets):
    project = fresh(folder)
    monkeypatch.setitem(ENVIRONMENT, "CODESIGN_WARM", switch)
    project.snakemake(*targets)
    return project.tables()


@pytest.mark.slow
def test_tables_are_the_same_bytes_warm_and_cold(tmp_path, monkeypatch):
    """Where a job's process came from is not in what it computes: devices, proposals, campaign, networks."""
    targets = ("usability", "proposals", "campaign", "evaluation", "certificates", "crossbar")
    cold = _run(tmp_path / "cold", monkeypatch, "0", *targets)
    warm = _run(tmp_path / "warm", monkeypatch, "", *targets)
    assert len(cold) > 50
    assert warm == cold
