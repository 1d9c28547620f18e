"""What tasks declare of themselves, read without torch."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codesign.tasks.about import AboutError, Metric, about_of, task_names
from codesign.tasks.contract import Task
from codesign.tasks.registry import task_named

REPOSITORY = Path(__file__).resolve().parents[3]
GOOD = {
    "title": "a task",
    "primary": "error",
    "metrics": {
        "accuracy": {"title": "accuracy", "better": "higher", "chance": 0.5},
        "error": {"title": "error", "better": "lower"},
    },
    "sources": {"generated": {"title": "drawn"}, "files": {"title": "files", "published": "a.gz"}},
    "networks": {"small": None, "flat": {"crossbar": True}},
    "scales": {"small": {"memory_mb": 100, "minutes": 5}},
}


def declared(folder, changes=(), *, without=()):
    """A declaration with some keys changed or left out."""
    said = {key: value for key, value in (GOOD | dict(changes)).items() if key not in without}
    (folder / "mine").mkdir()
    (folder / "mine" / "about.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return about_of("mine", folder)


@pytest.mark.parametrize("name", task_names())
def test_every_task_declares_itself(name):
    """Its primary metric comes first; its functions are there; a scorer that counted nothing has no rows."""
    about = about_of(name)
    assert next(iter(about.metrics)) == about.primary == about.metric.name
    assert about.name == name and about.title and about.sources and about.networks and about.scales
    assert set(about.required) <= set(about.options)
    assert isinstance(task_named(name), Task)
    if about.details is not None:
        assert task_named(name).scorer(details=True).details() == []
    # an optional package may be missing, and then its command is known
    assert all("envs/" in how or how.startswith("make ") for how in about.missing_packages().values())


def test_declarations_are_read_without_torch():
    """The workflow reads them each time it is looked at; a second of importing would be felt."""
    script = (
        "import sys\nfrom codesign.tasks.about import about_of, task_names\n"
        "print([about_of(name).name for name in task_names()])\nassert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(task_names())


def test_a_declaration_is_what_was_written(tmp_path):
    """What need not be said is empty; the primary metric is moved to the front."""
    about = declared(tmp_path)
    assert list(about.metrics) == ["error", "accuracy"] and about.metric.better == "lower"
    assert (about.sources["files"].published, about.sources["generated"].published) == ("a.gz", None)
    assert about.networks == {"small": {}, "flat": {"crossbar": True}}
    assert about.scales["small"].gpus == 0
    assert (about.certificates, about.required, about.details) == (False, (), None)


def test_gains_grow_as_a_metric_gets_better():
    """An error of 0.1 is better than one of 0.2, an accuracy of 0.1 is not."""
    error, accuracy = Metric("e", "e", "lower"), Metric("a", "a", "higher")
    assert error.gain(0.1) > error.gain(0.2) and accuracy.gain(0.1) < accuracy.gain(0.2)


@pytest.mark.parametrize(
    ("changes", "without", "words"),
    [
        pytest.param({"colour": "red"}, (), "colour", id="unknown-key"),
        pytest.param({}, ("primary",), "primary", id="no-primary"),
        pytest.param({"primary": "f1"}, (), "primary is 'f1'; the metrics are accuracy, error", id="primary"),
        pytest.param({}, ("metrics",), "metrics", id="no-metrics"),
        pytest.param({}, ("title",), "title", id="no-title"),
        pytest.param({}, ("networks",), "networks", id="no-networks"),
        pytest.param(
            {"metrics": {"error": {"title": "error", "better": "smaller"}}},
            (),
            "metric error: better must be higher or lower, got 'smaller'",
            id="direction",
        ),
        pytest.param({"metrics": {"error": {"title": "error"}}}, (), "better", id="no-direction"),
        pytest.param(
            {"metrics": {"error": {"title": "e", "better": "lower", "unit": "m"}}},
            (),
            "unit",
            id="metric-key",
        ),
        pytest.param({"sources": {"a": {"title": "a", "url": "x"}}}, (), "url", id="source-key"),
        pytest.param({"scales": {"small": {"memory_mb": 1}}}, (), "minutes", id="scale"),
        pytest.param({"scales": {}}, (), "at least one must say how much memory", id="no-scale"),
        pytest.param({"networks": {"flat": "crossbar"}}, (), "not a task's declaration", id="network"),
        pytest.param({"networks": ["flat"]}, (), "not a task's declaration", id="networks-as-list"),
        pytest.param({"metrics": 3}, (), "not a task's declaration", id="metrics-as-number"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_with_its_file(tmp_path, changes, without, words):
    """Whoever wrote it finds the file, and what is wrong in it."""
    with pytest.raises(AboutError, match=words) as refusal:
        declared(tmp_path, changes, without=without)
    assert str(tmp_path / "mine" / "about.yaml") in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["", "- a\n", "title: [", "just words"], ids=["empty", "list", "broken", "text"]
)
def test_a_file_that_is_no_declaration_is_refused_with_its_name(tmp_path, text):
    """Also where it is no YAML at all."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "about.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(AboutError, match=r"about\.yaml: not a task's declaration"):
        about_of("mine", tmp_path)


def test_a_task_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    """A folder without a declaration is no task."""
    declared(tmp_path)
    (tmp_path / "draft").mkdir()
    assert task_names(tmp_path) == ["mine"]
    with pytest.raises(AboutError, match="unknown task 'draft'; known: mine"):
        about_of("draft", tmp_path)


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(tmp_path):
    """Those that are there are not named."""
    needs = {"yaml": "envs/yaml.txt", "no_such_package_of_anyone": "envs/rare.txt"}
    about = declared(tmp_path, {"requirements": needs})
    assert about.missing_packages() == {
        "no_such_package_of_anyone": "python -m pip install -c envs/constraints.txt -r envs/rare.txt"
    }


def test_a_package_that_a_file_is_not_enough_for_has_a_command_of_its_own(tmp_path):
    """One that must come without what it asks for, say."""
    needs = {"no_such_package_of_anyone": {"file": "envs/rare.txt", "command": "make setup-rare"}}
    about = declared(tmp_path, {"requirements": needs})
    assert about.missing_packages() == {"no_such_package_of_anyone": "make setup-rare"}


def test_examples_of_a_source_may_have_fewer_metrics(tmp_path):
    """The primary one stays first; a source that says nothing has all."""
    sources = {"drawn": {"title": "drawn", "metrics": ["error"]}, "files": {"title": "files"}}
    about = declared(tmp_path, {"sources": sources})
    assert list(about.of_source("drawn").metrics) == ["error"]
    assert about.of_source("drawn").metric.name == "error"
    assert about.of_source("files") is about


def test_a_source_is_refused_to_a_network_with_the_reason(tmp_path):
    """And given to the others."""
    sources = {"drawn": {"title": "drawn", "refused": {"small": "too large for it"}}}
    about = declared(tmp_path, {"sources": sources})
    assert about.refusal("drawn", "small") == "too large for it"
    assert about.refusal("drawn", "flat") == ""


def test_titles_and_captions_are_nothing_results_rest_on(tmp_path):
    """A network is not trained again because a figure is called otherwise; with another metric it is."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    worded = {"title": "another", "figures": {"a": "b"}, "scales": {"big": {"memory_mb": 9, "minutes": 9}}}
    plain, other = declared(tmp_path / "a"), declared(tmp_path / "b", worded)
    assert plain.computing == other.computing
    assert declared(tmp_path / "c", {"primary": "accuracy"}).computing != plain.computing


OURS = ["erm", "bayesmulti"]


@pytest.mark.parametrize(
    ("named", "compared", "shown"),
    [
        pytest.param(None, ["erm", "mine"], ["erm", "mine"], id="all-where-none-is-named"),
        pytest.param(OURS, ["erm", "dropout", "bayesmulti"], OURS, id="those-named"),
        pytest.param(OURS, ["erm", "mine"], ["erm", "mine"], id="a-rival-where-one-of-them-is-left"),
        pytest.param(["bayesmulti"], ["erm", "bayesmulti"], ["bayesmulti"], id="one-alone"),
        pytest.param(["bayesmulti"], ["erm", "mine"], ["erm", "mine"], id="none-of-them"),
        pytest.param(OURS, ["erm"], ["erm"], id="one-to-show"),
    ],
)
def test_a_figure_shows_the_methods_that_are_compared(tmp_path, named, compared, shown):
    """A rival of one's own appears; a figure made for two of many stays one of two."""
    details = {"levels": [1.0], "programmings": 1} | ({"methods": named} if named else {})
    assert declared(tmp_path, {"details": details}).methods_shown(compared) == shown
