"""What tasks declare, checked before anything runs, and whether the configuration goes with it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codesign.configuration import check_experiments
from codesign.settings import SettingsError
from codesign.tasks.about import AboutError, about_of, task_names
from codesign.tasks.declaration import check_declaration, source_problems

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIG = REPOSITORY / "config.yaml"
GOOD = {
    "title": "points in clouds",
    "primary": "distance",
    "metrics": {"distance": {"title": "distance", "better": "lower"}},
    "sources": {"generated": {"title": "drawn"}},
    "networks": {"pooled": {}, "plain": None},
    "options": {"outliers": {"type": "number", "minimum": 0, "maximum": 0.5, "description": "share"}},
    "required": ["outliers"],
    "scales": {"small": {"memory_mb": 100, "minutes": 5}},
    "details": {"levels": [1.0, 0.5], "programmings": 1},
    "figures": {"cloud-errors": "Errors."},
}
TASK = """
from codesign.tasks.contract import Task


class Clouds(Task):
    pass


TASK = Clouds()
"""
FIGURES = "def cloud_errors(rows, *, experiment, origin): ...\n"


def put(said, place, value):
    """The declaration with a value at a place such as `metrics.distance.better`; None leaves it out."""
    *above, last = place.split(".")
    for key in above:
        said = said[key]
    if value is None:
        del said[last]
    else:
        said[last] = value


def written(folder, *changes, task=TASK, figures=FIGURES):
    """A folder of tasks with one task, and what its about.yaml says changed."""
    said = yaml.safe_load(yaml.safe_dump(GOOD))
    for place, value in changes:
        put(said, place, value)
    (folder / "clouds").mkdir()
    for name, text in (("about.yaml", yaml.safe_dump(said)), ("task.py", task), ("figures.py", figures)):
        if text is not None:
            (folder / "clouds" / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", task_names())
def test_every_task_is_declared_as_the_schema_says(name):
    """The files beside it hold what it promises."""
    check_declaration(name)
    assert source_problems(about_of(name)) == []


def test_a_good_declaration_passes(tmp_path):
    """Else the refusals below would show nothing."""
    written(tmp_path)
    check_declaration("clouds", tmp_path)
    assert source_problems(about_of("clouds", tmp_path), tmp_path) == []


@pytest.mark.parametrize("example", ["receptors", "tumours"])
def test_the_worked_examples_pass(example):
    """As they are copied from the documentation."""
    folder = REPOSITORY / "docs/examples"
    check_declaration(example, folder)
    assert source_problems(about_of(example, folder), folder) == []


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param(
            [("primary", None), ("primry", "distance")],
            [r"primry: unknown key \(did you mean primary\?\); allowed here: ", r"primary: missing \("],
            id="misspelt-key",
        ),
        pytest.param([("certificate", False)], [r"certificate: unknown key \(did you mean cert"], id="one"),
        pytest.param(
            [("metrics.distance.chanse", 1.0)],
            [r"metrics\.distance\.chanse: unknown key \(did you mean chance\?\)"],
            id="key-of-a-metric",
        ),
        pytest.param(
            [("metrics.distance.chance", "one")],
            [r'metrics\.distance\.chance: found "one"; must be of type number'],
            id="word-for-a-number",
        ),
        pytest.param(
            [("metrics.distance.better", "lowe")],
            [r'better: found "lowe"; allowed: higher, lower \(did you mean lower\?\)'],
            id="direction",
        ),
        pytest.param(
            [("details.programings", 1)], [r"details\.programings: unknown key \(did you"], id="details"
        ),
        pytest.param([("details.levels", [1.5])], [r"details\.levels\.0: found 1\.5; must be"], id="level"),
        pytest.param(
            [("options.outliers.type", "float")],
            [r'options\.outliers\.type: found "float"; allowed: number, integer, '],
            id="type",
        ),
        pytest.param(
            [("options.outliers.type", "nubmer")], [r"\(did you mean number\?\)"], id="misspelt-type"
        ),
        pytest.param(
            [("options.outliers.default", 0.1)],
            [r"options\.outliers\.default: found 0\.1; must be left out \(an option's value stands in the"],
            id="default",
        ),
        pytest.param(
            [("options.outliers.minimun", 0.1)],
            [r"options\.outliers\.minimun: unknown key \(did you mean minimum\?\)"],
            id="keyword",
        ),
        pytest.param(
            [("options.size", {"$ref": "#/$defs/widht"})],
            [r"options\.size\.\$ref: found .*did you mean #/\$defs/width\?"],
            id="reference",
        ),
        pytest.param(
            [("requirements", ["x"])], [r'requirements: found \["x"\]; must be of type object'], id="list"
        ),
        pytest.param([("scales.small.minutes", 0)], [r"scales\.small\.minutes: found 0"], id="minutes"),
        pytest.param([("scales", {})], [r"scales: found \{\}; needs at least 1 keys"], id="no-scale"),
        pytest.param([("sources.generated", None)], [r"sources: found \{\}"], id="no-source"),
        pytest.param([("networks", ["pooled"])], ["networks: found .*must be of type object"], id="networks"),
        pytest.param(
            [("figures", {"Cloud Errors": "E."})],
            [r"figures\.Cloud Errors: not a name here \(small letters"],
            id="name-of-a-figure",
        ),
        pytest.param(
            [("required", ["outlier"])],
            [r"required\.0: outlier is not among options \(did you mean outliers\?\); there are outliers"],
            id="required",
        ),
        pytest.param(
            [("networks.pooled", {"needs": ["outlier"]})],
            [r"networks\.pooled\.needs\.0: outlier is not among options \(did you mean outliers\?\)"],
            id="needed-option",
        ),
        pytest.param(
            [("networks.pooled", {"needs": ["outliers"]}), ("required", ["outliers"])],
            [r"networks\.pooled\.needs\.0: outliers is required with every network already; name it once"],
            id="needed-anyway",
        ),
        pytest.param(
            [("details", None)],
            [r"figures: cloud-errors is drawn from rows .* details is missing; it says which: details: \{"],
            id="figures-without-details",
        ),
        pytest.param(
            [("requirements", {"rare": "envs/rare.txt"})],
            [r"requirements\.rare: there is no file envs/rare\.txt; write it, with rare"],
            id="requirements-file",
        ),
        pytest.param(
            [("requirements", {"rare": {"file": "envs/rare.txt", "command": "make setup-rare"}})],
            [r"requirements\.rare: there is no file envs/rare\.txt; write it, with rare"],
            id="requirements-file-with-command",
        ),
        pytest.param(
            [("sources.generated.metrics", ["distanse"])],
            [
                r"sources\.generated\.metrics: distanse is no metric \(did you mean distance\?\)",
                r"sources\.generated\.metrics: distance is missing, the primary one",
            ],
            id="metrics-of-a-source",
        ),
        pytest.param(
            [("sources.generated.refused", {"poolled": "why"})],
            [r"sources\.generated\.refused: poolled is no network \(did you mean pooled\?\)"],
            id="refused-network",
        ),
        pytest.param(
            [("baselines", {"majority": {"titel": "commonest"}})],
            [r"baselines\.majority\.titel: unknown key \(did you mean title\?\)", "majority.title: missing"],
            id="baseline",
        ),
        pytest.param(
            [("primary", "distence")],
            [r"primary: distence is no metric \(did you mean distance\?\); the metrics are distance"],
            id="primary",
        ),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_key_by_key(tmp_path, changes, lines):
    """File, key, what is allowed and the nearest word, in the words of the configuration's messages."""
    written(tmp_path, *changes)
    with pytest.raises(AboutError) as refusal:
        check_declaration("clouds", tmp_path)
    head, *found = str(refusal.value).splitlines()
    assert head == f"{tmp_path}/clouds/about.yaml has {len(lines)} problem(s):"
    assert len(found) == len(lines)
    for line in lines:
        with pytest.raises(AboutError, match=rf"\n  .*{line}"):
            check_declaration("clouds", tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("def baselines(settings): ...\n", None, id="there"),
        pytest.param(None, r"baselines.py: missing; it holds the function that scores nearest", id="no-file"),
        pytest.param("def baseline(settings): ...\n", r"no function baselines\(settings", id="other"),
    ],
)
def test_baselines_need_their_function(tmp_path, text, problem):
    """Told while the workflow is read, not by a job hours later."""
    written(tmp_path, ("baselines", {"nearest": {"title": "nearest neighbour"}}))
    if text is not None:
        (tmp_path / "clouds/baselines.py").write_text(text, encoding="utf-8")
    found = source_problems(about_of("clouds", tmp_path), tmp_path)
    assert len(found) == (problem is not None)
    for said in found:
        assert re.search(problem, said)


CLASSIFICATION = """
from codesign.tasks.classification import ClassificationTask
{}
TASK = {}("clouds", classes=2, shape=(2,), read=None)
"""
OWN = "class Own(ClassificationTask):\n    pass\n\n\nclass Further(Own):\n    pass\n"


@pytest.mark.parametrize(
    ("task", "refused"),
    [
        pytest.param(TASK, True, id="another-task"),
        pytest.param(CLASSIFICATION.format("", "ClassificationTask"), False, id="classification"),
        pytest.param(CLASSIFICATION.format(OWN, "Further"), False, id="class-of-its-own"),
        pytest.param("from codesign.tasks.moons.task import Moons\nTASK = Moons()\n", False, id="of-another"),
        pytest.param("from codesign.tasks.clouds.task import TASK\n", False, id="not-shown"),
        pytest.param("from made import make\nTASK = make()\n", False, id="not-known"),
        pytest.param(
            "from codesign.tasks.contract import Task as T\nclass A(T): ...\nTASK: A = A()\n", True, id="as"
        ),
    ],
)
def test_certificates_take_a_classification(tmp_path, task, refused):
    """Told while the workflow is read; a file that does not show it is told when a job imports it."""
    (tmp_path / "moons").symlink_to(REPOSITORY / "codesign/tasks/moons")
    written(tmp_path, ("certificates", True), task=task)
    problems = source_problems(about_of("clouds", tmp_path), tmp_path)
    assert len(problems) == refused
    if refused:
        assert f"{tmp_path}/clouds/about.yaml: certificates is true, but TASK of task.py is no" in problems[0]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"task": None}, "task.py: missing; it holds the functions of the task", id="no-task-py"),
        pytest.param({"task": "A = 1\n"}, "task.py: there is no TASK; end it with TASK = ...", id="no-TASK"),
        pytest.param({"task": "def TASK(:\n"}, "task.py, line 1: ", id="syntax"),
        pytest.param({"figures": None}, "figures.py: missing; it holds the functions that draw", id="none"),
        pytest.param({"figures": "a ="}, "figures.py, line 1: ", id="syntax-of-figures"),
        pytest.param(
            {"figures": "def cloud_error(rows): ...\n"},
            "figures.py: there is no function cloud_errors (did you mean cloud_error?); about.yaml declares",
            id="no-function",
        ),
    ],
)
def test_what_is_missing_beside_a_declaration_is_told_with_its_file(tmp_path, files, message):
    """From the text alone, so before anything is trained."""
    written(tmp_path, **files)
    [problem] = source_problems(about_of("clouds", tmp_path), tmp_path)
    assert problem.startswith(f"{tmp_path}/clouds/{message}")


def test_figures_may_be_imported_or_assigned(tmp_path):
    """What counts is that the module has the name."""
    for k, text in enumerate(("from a import b as cloud_errors\n", "if True:\n    cloud_errors = print\n")):
        (tmp_path / str(k)).mkdir()
        written(tmp_path / str(k), figures=text)
        assert source_problems(about_of("clouds", tmp_path / str(k)), tmp_path / str(k)) == []


def test_declarations_are_checked_without_torch():
    """While the workflow is read: a second of importing would be felt each time."""
    script = (
        "import sys\nfrom codesign.tasks.about import about_of, task_names\n"
        "from codesign.tasks.declaration import check_declaration, source_problems\n"
        "for name in task_names():\n    check_declaration(name)\n    source_problems(about_of(name))\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_levels_that_a_figure_of_a_task_shows_must_be_there():
    """Else the run would end where the figure's rows are kept, after every training."""
    settings = yaml.safe_load(CONFIG.read_text())
    check_experiments(settings)
    settings["profiles"]["synthetic"] = [1.0, 0.4]
    with pytest.raises(SettingsError, match=r"profiles\.synthetic: 0\.5 is missing.*moons"):
        check_experiments(settings)
