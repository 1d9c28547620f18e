"""The worked example of docs/adding-a-method.md, followed to the letter in a copy of the project."""

import shutil

import pyarrow.parquet as pq
import pytest

from tests.workflow.tiny import REPOSITORY

EXAMPLE = REPOSITORY / "docs/examples/uniform"


@pytest.mark.slow
def test_a_new_method_is_searched_trained_scored_and_drawn(trained):
    """Two files and the configuration; networks that were there are not trained again."""
    for folder in ("methods", "noises"):
        shutil.copy2(
            EXAMPLE / folder / "uniform.py", trained.folder / f"codesign/bayesmulti/{folder}/uniform.py"
        )
    shutil.copy2(EXAMPLE / "uniform.yaml", trained.folder / "uniform.yaml")
    assert trained.scheduled("networks") == {}
    overlay = ("--configfile", "config.yaml", "uniform.yaml")
    done = trained.done("results/figures/accuracy-moons.pdf", *overlay)
    assert done["train_network"] == 1
    summary = pq.read_table(trained.folder / "results/evaluation/moons-summary.parquet").to_pylist()
    assert {row["method"] for row in summary} == {"erm", "uniform"}
