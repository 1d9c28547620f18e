"""The worked example of docs/adding-a-task.md, followed to the letter in a copy of the project."""

import shutil
import subprocess
from math import sqrt

import pyarrow.parquet as pq
import pytest

from tests.workflow.tiny import REPOSITORY

EXAMPLE = REPOSITORY / "docs/examples"


@pytest.mark.slow
def test_a_new_task_takes_under_eighty_lines_and_is_drawn(project):
    """A module, two lines of the registry, one of the schema, the configuration: trained, scored, drawn."""
    project.configure({"search": {"rounds": 1, "slots": 1}})
    shutil.copy2(EXAMPLE / "tumours.py", project.folder / "codesign/tasks/tumours.py")
    shutil.copy2(EXAMPLE / "tumours.yaml", project.folder / "tumours.yaml")
    subprocess.run(["git", "apply", str(EXAMPLE / "tumours.patch")], cwd=project.folder, check=True)
    patch = (EXAMPLE / "tumours.patch").read_text().splitlines()
    changed = sum(line.startswith("+") and not line.startswith("+++") for line in patch)
    written = sum(len((EXAMPLE / f"tumours.{suffix}").read_text().splitlines()) for suffix in ("py", "yaml"))
    assert changed + written < 80
    lab = "results/virtual_lab"
    project.snakemake(f"{lab}/figures/accuracy-tumours.pdf", "--configfile", "config.yaml", "tumours.yaml")
    summary = pq.read_table(project.folder / lab / "evaluation/tumours-summary.parquet").to_pylist()
    assert {row["method"] for row in summary} == {"erm", "bayesmulti"}
    [ideal] = [row for row in summary if (row["method"], row["profile"]) == ("erm", "synthetic-1.00")]
    # 113 test examples: five standard errors above a guess at the larger class
    assert ideal["mean"] > 0.63 + 5 * sqrt(0.63 * 0.37 / 113)
