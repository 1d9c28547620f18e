"""The worked examples of docs/adding-a-task.md, followed to the letter in a copy of the project."""

import shutil
import subprocess
import sys
from math import sqrt

import pyarrow.parquet as pq
import pytest

from codesign.tasks.about import about_of
from tests.workflow.tiny import ENVIRONMENT, NETWORK_TARGETS, REPOSITORY

EXAMPLES = REPOSITORY / "docs/examples"
FILES = ("about.yaml", "task.py", "experiment.yaml")
"""What a task needs; a figure of its own is one more file."""
COMPUTING = {
    "propose_noise": 2,
    "run_corner_trial": 2,
    "run_noise_trials": 2,
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
        and (row["stands_for"], row["calibration"]) == ("level", "none")
    ]
    return row["mean"]


@pytest.mark.slow  # dozens of jobs
@pytest.mark.parametrize(
    ("name", "lines", "metrics", "learnt"),
    [
        # 113 test examples, and a guess at the larger class
        pytest.param("tumours", 50, ["accuracy"], 0.63 + 5 * sqrt(0.63 * 0.37 / 113), id="a-classification"),
        # 400 test pairs: without learning the correlation has a standard error of 1 / sqrt(n)
        pytest.param("receptors", 91, ["mcc", "accuracy"], 5 / sqrt(400), id="a-structure-of-its-own"),
    ],
)
def test_a_new_task_is_a_folder_and_an_experiment(trained, name, lines, metrics, learnt):
    """Trained, scored and drawn with a few lines, while nothing is computed again that was there."""
    example = EXAMPLES / name
    assert sum(len((example / file).read_text().splitlines()) for file in FILES) < lines
    folder = trained.folder / "codesign/tasks" / name
    folder.mkdir()
    for file in ("about.yaml", "task.py", "figures.py", "baselines.py"):
        if (example / file).is_file():
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
    figures = list(about_of(name, EXAMPLES).figures)
    assert done.get("detail_network", 0) == (2 if figures else 0)
    for figure in figures:
        assert (trained.folder / f"results/figures/{figure}-{name}.pdf").is_file()
    known = list(about_of(name, EXAMPLES).baselines)
    assert done.get("score_baselines", 0) == (1 if known else 0)
    for metric in metrics if known else ():  # the title of each in the numbers that were drawn
        drawn = (trained.folder / f"results/figures/{metric}-{name}.csv").read_text()
        assert "without a network: the commoner answer" in drawn
    assert ideal(trained, name, metrics[0]) > learnt


def test_the_overlay_for_a_first_look_leaves_little_to_do(project):
    """On top of the configuration as it is shipped, with the example's experiment in between."""
    shutil.copytree(EXAMPLES / "receptors", project.folder / "codesign/tasks/receptors")
    for name in ("experiment", "quick"):
        shutil.copy2(EXAMPLES / f"receptors/{name}.yaml", project.folder / f"{name}.yaml")
    shutil.copy2(REPOSITORY / "config.yaml", project.folder / "config.yaml")
    overlay = ("--configfile", "config.yaml", "experiment.yaml", "quick.yaml")
    jobs = project.scheduled(*NETWORK_TARGETS, *overlay)
    few = {"train_network": 2, "run_noise_trials": 1, "make_virtual_devices": 1}
    assert {rule: jobs.get(rule, 0) for rule in few} == few


@pytest.mark.slow  # two folders of tests once more
def test_the_tests_of_the_project_hold_with_the_examples_in_place(tmp_path):
    """Whoever follows the pages finds them passing; they are about tasks and methods, not about ours.

    Tests of a single task, in a folder of its own, know no other and are left out.
    """
    parts = ("codesign", "workflow_scripts", "schemas", "envs", "docs", "tests", "rules")
    for part in parts:
        shutil.copytree(REPOSITORY / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "config.yaml", "pyproject.toml"):
        shutil.copy2(REPOSITORY / name, tmp_path / name)
    for name in ("receptors", "tumours"):
        shutil.copytree(EXAMPLES / name, tmp_path / "codesign/tasks" / name)
    shutil.copy2(EXAMPLES / "receptors/test_task.py", tmp_path / "tests/unit/tasks/test_receptors.py")
    for room in ("methods", "noises"):
        example = EXAMPLES / "uniform" / room / "uniform.py"
        shutil.copy2(example, tmp_path / "codesign/bayesmulti" / room / "uniform.py")
    tests = sorted(path.relative_to(tmp_path) for path in (tmp_path / "tests/unit/tasks").glob("test_*.py"))
    assert len(tests) > 5
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *tests, "tests/unit/bayesmulti"],
        cwd=tmp_path,
        env=ENVIRONMENT | {"PYTHONPATH": str(tmp_path)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]


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
