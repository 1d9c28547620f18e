"""A cluster with accounting: SLURM remembers jobs, and an account pays for them."""

import pytest

from tests.cluster.cluster import slurm
from tests.cluster.conftest import QUICK

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.usefixtures("accounting")]
SITE = {"slurm-status-command": "sacct", "default-resources": {"slurm_account": "perovskites"}}


def test_accounting_says_what_became_of_jobs(project, submit, undisturbed):
    """sacct instead of squeue: what failed is submitted again, what ended is known; one account pays."""
    run = submit(project, *QUICK, "--verbose", site=SITE)
    run.computing().kill()
    assert run.ended() == 0, run.text()[-6000:]
    assert "command=sacct" in run.text() and "command=squeue" not in run.text()
    assert project.tables() == undisturbed
    lines = slurm("sacct", "-X", "--noheader", "--parsable2", "--format=Account,State", "--name", run.name())
    assert lines.split() == ["perovskites|FAILED", "perovskites|COMPLETED", "perovskites|COMPLETED"]


def test_a_run_with_an_unknown_account_says_so(project, submit):
    """A misspelt account: nothing is submitted, and the message has it beside those there are."""
    run = submit(project, *QUICK, site=SITE | {"default-resources": {"slurm_account": "perovskite"}})
    assert run.ended() != 0
    assert "The given account perovskite appears to be invalid. Available accounts:" in " ".join(
        run.text().split()
    )
    assert "perovskites" in run.text()
    assert "correct slurm_account in your site.yaml" in run.text()
    assert run.jobs() == []
