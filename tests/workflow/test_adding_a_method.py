"""The worked example of docs/adding-a-method.md, followed to the letter in a copy of the project."""

import shutil

import pyarrow.parquet as pq
import pytest

from tests.workflow.tiny import REPOSITORY

EXAMPLE = REPOSITORY / "docs/examples/uniform"


def test_a_methods_mistake_is_said_before_anything_runs(project):
    """Also with a dry run: what no figure can paint would else be found after the trainings."""
    path = project.folder / "codesign/bayesmulti/methods/gaussian.py"
    path.write_text(path.read_text().replace('colour="orange"', 'colour="lilac"'))
    done = project.snakemake("-n", check=False)
    assert done.returncode != 0
    assert "codesign/bayesmulti/methods/gaussian.py: colour must be one of black, orange" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_a_methods_looks_change_figures_alone(trained):
    """Title and colour of a method whose noise was searched for: nothing is computed again."""
    path = trained.folder / "codesign/bayesmulti/methods/bayesmulti.py"
    text = path.read_text().replace('colour="blue"', 'colour="#123456"')
    path.write_text(text.replace('title="BayesMulti"', 'title="Bayes"'))
    scheduled = trained.scheduled("evaluation", "network_figures")
    assert scheduled and all(rule.startswith("draw_") for rule in scheduled), scheduled


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
