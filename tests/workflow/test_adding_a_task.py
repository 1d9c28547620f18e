"""The worked examples of docs/adding-a-task.md, followed to the letter in a copy of the project."""

import shutil
import subprocess
import sys
from math import sqrt

import pyarrow.parquet as pq
import pytest

from tests.workflow.tiny import ENVIRONMENT, NETWORK_TARGETS, REPOSITORY

EXAMPLES = REPOSITORY / "docs/examples"
FILES = ("about.yaml", "task.py", "experiment.yaml")
COMPUTING = {
    "propose_noise": 2,
    "run_corner_trial": 1,
    "run_noise_trial": 4,
    "choose_noise": 2,
    "train_network": 2,
    "evaluate_levels": 2,
    "evaluate_devices": 4,
}
"""Jobs of one experiment in the tiny project: two methods, one of them searched, two chunks of devices."""


def computed(project, experiment):
    """When each file was written that jobs with networks of an experiment leave."""
    return {
        path: path.stat().st_mtime_ns
        for room in ("search", "models", "evaluation")
        for path in (project.folder / "results" / room / experiment).rglob("*")
    }


def ideal(project, experiment, metric):
    """Mean score of ordinary training at usability 1."""
    summary = pq.read_table(project.folder / f"results/evaluation/{experiment}-summary.parquet").to_pylist()
    assert {row["method"] for row in summary} == {"erm", "bayesmulti"}
    [row] = [
        row
        for row in summary
        if (row["method"], row["level"], row["metric"]) == ("erm", 1.0, metric)
        and row["stands_for"] == "level"
    ]
    return row["mean"]


@pytest.mark.slow  # dozens of jobs
@pytest.mark.parametrize(
    ("name", "lines", "metrics", "learnt"),
    [
        # 113 test examples, and a guess at the larger class
        pytest.param("tumours", 50, ["accuracy"], 0.63 + 5 * sqrt(0.63 * 0.37 / 113), id="a-classification"),
        # 400 test pairs: without learning the correlation has a standard error of 1 / sqrt(n)
        pytest.param("receptors", 90, ["mcc", "accuracy"], 5 / sqrt(400), id="a-structure-of-its-own"),
    ],
)
def test_a_new_task_is_a_folder_and_an_experiment(trained, name, lines, metrics, learnt):
    """Trained, scored and drawn with a few lines, while nothing is computed again that was there."""
    example = EXAMPLES / name
    assert sum(len((example / file).read_text().splitlines()) for file in FILES) < lines
    folder = trained.folder / "codesign/tasks" / name
    folder.mkdir()
    for file in ("about.yaml", "task.py"):
        shutil.copy2(example / file, folder / file)
    shutil.copy2(example / "experiment.yaml", trained.folder / f"{name}.yaml")
    assert trained.scheduled(*NETWORK_TARGETS) == {}
    before = computed(trained, "moons")
    overlay = ("--configfile", "config.yaml", f"{name}.yaml")
    done = trained.done(*NETWORK_TARGETS, *overlay)
    assert {rule: done.get(rule, 0) for rule in COMPUTING} == COMPUTING
    assert computed(trained, "moons") == before
    for metric in metrics:
        for kind in ("", "device-"):
            assert (trained.folder / f"results/figures/{kind}{metric}-{name}.pdf").is_file()
    assert ideal(trained, name, metrics[0]) > learnt


def test_the_tests_of_the_example_hold(project):
    """They go where the page says, and are run as any others."""
    shutil.copytree(EXAMPLES / "receptors", project.folder / "codesign/tasks/receptors")
    tests = project.folder / "tests/unit/tasks"
    tests.mkdir(parents=True)
    shutil.copy2(EXAMPLES / "receptors/test_task.py", tests / "test_receptors.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "tests"],
        cwd=project.folder,
        env=ENVIRONMENT,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
