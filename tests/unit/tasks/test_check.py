"""A task that is wrong in one place, and what is said of it before anything is trained."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from codesign.tasks import __main__ as command
from codesign.tasks import registry
from codesign.tasks.contract import Task, TaskError, loss_of

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = REPOSITORY / "docs/examples/receptors"
FEW = ('{"train": 1500, "validation": 300, "test": 400}', '{"train": 40, "validation": 8, "test": 8}')
LOSS = 'return nn.functional.binary_cross_entropy_with_logits(output, batch["fits"]), len(output)'
FORWARD = """
    def forward(self, module, batch):
        return module.forward(batch)

    def loss("""
BROKEN = {
    # what is changed in which file, the step that says so, and what it says
    "right": ([], None, ""),
    "no_object": ([("task.py", "TASK = Receptors()", "")], "files beside it", "task.py: there is no TASK"),
    "a_class": ([("task.py", "Receptors()", "Receptors")], "task.py", "TASK is the class Receptors; make"),
    "no_loss": ([("task.py", "def loss(", "def los(")], "task.py", "Receptors has no function loss(self"),
    "no_details": (
        [("task.py", "def details(self):", "def detail(self):")],
        "task.py",
        "about.yaml declares details, but what scorer(details=True) gives has no function details",
    ),
    "no_keyword": ([("task.py", "scorer(self, *, details=False)", "scorer(self)")], "task.py", "scorer"),
    "syntax": ([("task.py", "class Answers:", "class Answers")], "files beside it", "task.py, line 37: "),
    "loss_alone": (
        [("task.py", LOSS, LOSS.replace(", len(output)", ""))],
        "learning with two-branches",
        "must give two things, the mean loss and of how many examples",
    ),
    "own_values": (
        [("task.py", "std=parameter.shape[-1] ** -0.5, generator=generator", "std=0.1")],
        "network two-branches",
        "the network ignores its generator: residue.weight starts with other values",
    ),
    "other_metric": (
        [("task.py", '"accuracy": float', '"acuracy": float')],
        "scorer",
        "task other_metric: the scorer gives mcc, acuracy; about.yaml declares mcc, accuracy",
    ),
    "no_number": (
        [
            ("task.py", "torch.where(output.isfinite(), output > 0, ~so)", "output > 0"),
            ("task.py", '"accuracy": float(', '"accuracy": float(self.kept[0][2].mean() * '),
        ],
        "scorer",
        "where every output is no number: the metric accuracy is nan",
    ),
    "not_called": (
        [("task.py", "    def loss(", FORWARD)],
        "learning with two-branches",
        "forward does not call the module itself",
    ),
    "idle": (
        [("task.py", "self.fit(peptide * receptor)", "self.fit(peptide)")],
        "learning with two-branches",
        "receptor.weight_ih_l0 is on memristors and takes no part in the loss",
    ),
    "no_network": (
        [("task.py", 'return Network(module, analog, activation_noise=("fit",))', "return module")],
        "network two-branches",
        "network must give a codesign.models.network.Network, got TwoBranches; network_of(module)",
    ),
    "no_figure": (
        [("figures.py", "def answers(", "def answer(")],
        "files beside it",
        "figures.py: there is no function answers (did you mean answer?)",
    ),
    "no_drawing": (
        [("figures.py", "return Drawing(figure, numbers)", "return figure")],
        "figure answers",
        "a figure must give Drawing(figure, numbers), got Figure",
    ),
    "columns": (
        [("figures.py", "return Drawing(figure, numbers)", "return Drawing(figure, [*numbers, {}])")],
        "figure answers",
        "rows of numbers must have the same columns: method, level, fits, logit and ",
    ),
    "misspelt": ([("about.yaml", "primary:", "primry:")], "about.yaml", "primry: unknown key (did you mean"),
}  # fmt: skip
LOOK = """
import json, sys
from dataclasses import astuple
from codesign.tasks.check import check_task
print(json.dumps({name: [astuple(step) for step in check_task(name)] for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the package with every broken task in it."""
    folder = tmp_path_factory.mktemp("check")
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("codesign", "schemas"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=ignored)
    for name, (changes, _, _) in BROKEN.items():
        task = folder / "codesign/tasks" / name
        task.mkdir()
        for file in ("about.yaml", "task.py", "figures.py", "baselines.py"):
            text = (EXAMPLE / file).read_text(encoding="utf-8").replace(*FEW)
            for where, old, new in changes:
                if where == file:
                    assert text.count(old) == 1, f"{old!r} of {name}"
                    text = text.replace(old, new)
            (task / file).write_text(text, encoding="utf-8")
    return folder


def run(project, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def found(project) -> dict:
    """Steps of each."""
    done = run(project, "-c", LOOK, *BROKEN)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_said_with_its_step_and_file(name, found):
    """One thing is wrong, and one thing is told; what went well before it is said too."""
    _, step, message = BROKEN[name]
    failed = [each for each in found[name] if not each[1]]
    if step is None:
        assert failed == []
        assert [each[0] for each in found[name]] == [
            "about.yaml", "files beside it", "task.py", "examples", "batch", "network two-branches",
            "learning with two-branches", "scorer", "details", "figure answers",
        ]  # fmt: skip
        return
    [[at, _, said, place]] = failed
    assert at == step and message in said
    assert f"codesign/tasks/{name}" in place + said and "docs/adding-a-task.md" in place + said


def test_the_command_prints_what_it_found_and_says_so_with_its_exit_status(project):
    """0 where all is well, 1 where a step failed, 2 where there is nothing to look at."""
    right = run(project, "-m", "codesign.tasks", "check", "right", "--configfile")
    assert right.returncode == 2, "a file must follow"
    (project / "config.yaml").write_text("experiments: {}\n", encoding="utf-8")
    right = run(project, "-m", "codesign.tasks", "check", "right", "--network", "two-branches")
    assert right.returncode == 0, right.stdout + right.stderr
    assert right.stdout.splitlines()[-1] == "right: ok" and "FAILED" not in right.stdout
    wrong = run(project, "-m", "codesign.tasks", "check", "loss_alone")
    assert wrong.returncode == 1 and wrong.stdout.splitlines()[-1] == "loss_alone: 1 problem(s)"
    assert "FAILED  learning with two-branches: loss of codesign.tasks.loss_alone" in wrong.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["digit"], "unknown task 'digit'; known: .*digits", id="task"),
        pytest.param(
            ["digits", "--network", "mpl"], "digits has no network mpl; there are mlp", id="network"
        ),
        pytest.param(["digits", "--configfile", "no.yaml"], r"No such file.*no\.yaml", id="file"),
    ],
)
def test_what_is_not_there_is_told(arguments, words, capsys):
    """With exit status 2."""
    assert command.main(["check", *arguments]) == 2
    assert re.search(words, capsys.readouterr().err)


def test_the_experiment_says_which_examples_are_taken(tmp_path):
    """The later file on top of the earlier, and an experiment that is null is none."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(
        "experiments:\n  a: {task: moons, source: generated, noise: 0.1}\n  b: {task: moons, source: x}\n"
    )
    second.write_text("datasets: {mirror: there}\nexperiments: {a: {noise: 0.3}, c: null}\n")
    said, mirror = command._experiment([first, second], "moons")
    assert (said["noise"], said["source"], mirror) == (0.3, "generated", "there")
    second.write_text("experiments: {a: null}\n")
    assert command._experiment([first, second], "moons")[0]["source"] == "x"
    assert command._experiment([first, second], "digits")[0] is None


@pytest.mark.parametrize(
    ("imported", "words"),
    [
        pytest.param(lambda _: SimpleNamespace(), "there is no TASK; end it with TASK = ", id="no-TASK"),
        pytest.param(lambda _: SimpleNamespace(TASK=Task), "TASK is the class Task; make one", id="class"),
        pytest.param(lambda _: SimpleNamespace(TASK=3), "TASK is of int, which must be made from", id="int"),
        pytest.param(lambda _: SimpleNamespace(TASK=Task()), "Task has no function examples", id="bare"),
        pytest.param(lambda _: compile("def a(:", "digits/task.py", "exec"), "Python cannot read", id="text"),
    ],
)
def test_a_file_that_holds_no_task_is_named_where_it_is_imported(monkeypatch, imported, words):
    """By any job, whether or not someone ran the command."""
    monkeypatch.setattr(registry, "import_module", imported)
    with pytest.raises(TaskError, match=rf"codesign/tasks/digits/task\.py: {words}"):
        registry.task_named("digits")


class Gives(Task):
    """A task with one loss."""

    def __init__(self, loss):
        self.given = loss

    def loss(self, output, batch):
        return self.given


def number(value=0.5):
    return torch.tensor(value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(number(), r"it gives a tensor of shape \(\)", id="tensor"),
        pytest.param((number(),), "it gives 1 things", id="one"),
        pytest.param(None, "it gives None", id="nothing"),
        pytest.param((0.5, 3), r"a tensor of one number, got 0\.5", id="plain"),
        pytest.param((number([0.5, 0.5]), 2), r"one number, got a tensor of shape \(2,\)", id="several"),
        pytest.param((number(), 0), "of how many examples it is the mean, got 0", id="none"),
        pytest.param((number(), 2.5), r"is the mean, got 2\.5", id="half"),
        pytest.param((number(), number(2.0)), "is the mean, got tensor", id="float-tensor"),
    ],
)
def test_a_loss_that_is_no_mean_of_examples_is_named(given, words):
    """With the class that gives it."""
    with pytest.raises(TaskError, match=rf"loss of .*Gives must .*{words}"):
        loss_of(Gives(given), None, None)


def test_a_loss_and_its_count_pass():
    """A count may be any whole number."""
    assert loss_of(Gives((number(), number(3))), None, None) == (number(), 3)
