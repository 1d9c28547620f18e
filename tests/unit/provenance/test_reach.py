"""How far an edit reaches: which jobs have another code digest, and so run again.

Too far, and a new column trains every network again; not far enough, and a result stays that its
formula no longer gives. Who really uses a module is found out here without the digest's own
reading of imports: by Python's bytecode, and by importing every script.
"""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

import codesign
from codesign.bayesmulti.methods import METHOD_FILES, method_module, method_names, noise_module
from codesign.provenance.digest import BOOKKEEPING, code_digest
from codesign.tasks.about import module_of

REPOSITORY = Path(__file__).parents[3]
SCRIPTS = {path.stem: path for path in sorted((REPOSITORY / "workflow_scripts").glob("*.py"))}

NOISES = "codesign.bayesmulti.noises"
OF_THE_NOISE = ("run_noise_trials", "train_network", "ablate_start", "train_crossbar", "certify_network")
"""Jobs of one method that load its noise by name."""
OF_THE_METHOD = ("propose_noise", "choose_noise")
"""Jobs of one method that compute: they load both by name, and are told what they rest on of the method."""
OF_DRAWN_METHODS = (
    "draw_calibrated",
    "draw_gained",
    "draw_starts",
    "draw_certificates",
    "draw_correlation",
    "draw_crossbar",
    "draw_details",
    "draw_energy",
    "draw_noise",
    "draw_scores",
    "draw_search",
)
"""Figures that load the methods they draw."""
WITHOUT_NOISE = ("run_corner_trial", "train_start")
"""Jobs that train without noise, whatever the method."""
OF_NO_NOISE = ("measure_crossbar", "simulate_crossbar", "draw_search")
"""Jobs that could load a noise and load none: networks that are trained already, and parameters."""
OF_THE_TASK = (
    *OF_THE_NOISE,
    "propose_noise",
    "choose_noise",
    "run_corner_trial",
    "train_start",
    "evaluate_network",
    "detail_network",
    "measure_crossbar",
    "simulate_crossbar",
    "score_baselines",
    "prepare_examples",
)
"""Jobs that load an experiment's task."""


def loaded_by_name(script: str, method: str) -> list[str]:
    """What a job of one method loads by name, as a rule says it to `code_digest`."""
    found = []
    if script in OF_THE_TASK:
        found.append(module_of("moons"))
    if script == "import_measurements":
        found.append("codesign.iv.importers.text")
    if script == "draw_details":
        found.append("codesign.tasks.moons.figures")
    if script in WITHOUT_NOISE:
        found += [METHOD_FILES, noise_module("erm")]
    if script in OF_THE_METHOD:
        found.append(METHOD_FILES)
    if script in OF_DRAWN_METHODS:
        found.append(method_module(method))
    if script in (*OF_THE_NOISE, *OF_THE_METHOD, "draw_noise"):
        found.append(noise_module(method))
    if script in OF_NO_NOISE:
        found.append(NOISES)
    return found


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A copy of the package, to edit."""
    folder = tmp_path_factory.mktemp("reach") / "codesign"
    return Path(
        shutil.copytree(REPOSITORY / "codesign", folder, ignore=shutil.ignore_patterns("__pycache__"))
    )


def told(package: Path, script: str, method: str) -> dict | None:
    """What a job of one method is told of it, as `computing_code` of rules/common.smk says it."""
    asked = method if script in OF_THE_METHOD else "erm" if script in WITHOUT_NOISE else None
    if asked is None:
        return None
    file = package / f"bayesmulti/methods/{asked.replace('-', '_')}.py"
    return runpy.run_path(str(file))["METHOD"].computing


def digests(package: Path, method: str) -> dict[str, str]:
    return {
        script: code_digest(
            path,
            package=package,
            modules=loaded_by_name(script, method),
            data=told(package, script, method),
        )
        for script, path in SCRIPTS.items()
    }


def reached(package: Path, name: str, edit, *, method: str = "dropout") -> set[str]:
    """Scripts whose digest for a method's job changes when one file is edited; the edit is undone."""
    path = package / name
    before = digests(package, method)
    text = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(edit(text))
    after = digests(package, method)
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    return {script for script in SCRIPTS if before[script] != after[script]}


def another_formula(text: str) -> str:
    """The text with one more statement in its first function, or at its end where it has none."""
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    (functions[0] if functions else tree).body.append(ast.parse("CHANGED = 1").body[0])
    return ast.unparse(tree)


def new_file(_text: None) -> str:
    return "CHANGED = 1\n"


def another(before: str, after: str):
    """An edit that puts one piece of text in the place of another, which must be there."""

    def edit(text: str) -> str:
        assert before in text
        return text.replace(before, after)

    return edit


@pytest.mark.parametrize(
    ("name", "edit", "expected"),
    [
        pytest.param("schemas/another.py", new_file, "", id="a-new-table"),
        pytest.param("schemas/energy.py", another_formula, "count_energy draw_energy", id="a-new-column"),
        pytest.param("provenance/records.py", another_formula, "", id="what-is-written-down-of-a-job"),
        pytest.param("bayesmulti/methods/another.py", new_file, "", id="a-new-method"),
        pytest.param("bayesmulti/noises/another.py", new_file, "", id="a-new-noise"),
        pytest.param(
            "bayesmulti/methods/gaussian.py", another_formula, "", id="another-method-than-the-jobs-own"
        ),
        pytest.param("bayesmulti/noises/gaussian.py", another_formula, "", id="another-noise"),
        pytest.param(
            "bayesmulti/noises/dropout.py",
            another_formula,
            "ablate_start certify_network choose_noise draw_noise propose_noise run_noise_trials "
            "train_crossbar train_network",
            id="the-jobs-own-noise",
        ),
        pytest.param(
            "bayesmulti/methods/dropout.py",
            another('colour="green"', 'colour="#009E73"'),
            " ".join(OF_DRAWN_METHODS),
            id="the-colour-of-the-jobs-own-method",
        ),
        pytest.param(
            "bayesmulti/methods/dropout.py",
            another('title="Dropout (BayesFT)"', 'title="BayesFT"'),
            " ".join(OF_DRAWN_METHODS),
            id="its-title",
        ),
        pytest.param(
            "bayesmulti/methods/dropout.py",
            another('sites=("activation", "weight")', 'sites=("weight",)'),
            " ".join((*OF_DRAWN_METHODS, *OF_THE_METHOD)),
            id="where-its-noise-acts",
        ),
        pytest.param(
            "bayesmulti/methods/erm.py",
            another('colour="black"', 'colour="sky"'),
            "",
            id="the-colour-of-another-method",
        ),
        pytest.param("iv/importers/another.py", new_file, "", id="a-new-importer"),
        pytest.param("iv/importers/labview.py", another_formula, "", id="an-importer-of-another-suffix"),
        pytest.param(
            "iv/importers/text.py", another_formula, "import_measurements", id="the-importer-of-the-jobs-file"
        ),
        pytest.param("tasks/another/task.py", new_file, "", id="a-new-task"),
        pytest.param("tasks/digits/task.py", another_formula, "", id="another-task-than-the-jobs-own"),
        pytest.param("tasks/moons/task.py", another_formula, " ".join(OF_THE_TASK), id="the-jobs-own-task"),
        pytest.param(
            "nonideality/usability.py",
            another_formula,
            "choose_panel correlate_usability draw_usability extract_nonidealities make_virtual_devices "
            "run_campaign",
            id="the-usability-formula",
        ),
        pytest.param(
            "nonideality/device.py",
            another_formula,
            "extract_nonidealities make_virtual_devices run_campaign",
            id="the-extraction",
        ),
        pytest.param("nonideality/levels.py", another_formula, "choose_panel", id="the-trend-of-the-devices"),
        pytest.param(
            "nonideality/fidelity.py",
            another_formula,
            "choose_panel extract_nonidealities make_virtual_devices run_campaign",
            id="the-fidelity",
        ),
        pytest.param(
            "evaluation/lookup.py", another_formula, "draw_scores", id="how-a-score-is-read-off-the-levels"
        ),
        pytest.param(
            "fabrication/choice.py",
            another_formula,
            "propose_devices run_campaign tabulate_campaign",
            id="the-fabrication-search",
        ),
        pytest.param(
            "noise_search/search.py", another_formula, "choose_noise propose_noise", id="the-noise-search"
        ),
        pytest.param(
            "noise_search/rounds.py", another_formula, "choose_noise propose_noise", id="how-a-choice-is-made"
        ),
    ],
)
def test_an_edit_reaches_the_jobs_that_use_it(package, name, edit, expected):
    """The numbers that a change of the layout must not let grow."""
    assert reached(package, name, edit) == set(expected.split())


def test_a_job_whose_rule_does_not_say_what_it_loads_counts_every_method(package):
    """Forgetting to say it runs jobs too often, never too seldom."""
    script = SCRIPTS["train_network"]
    before = code_digest(script, package=package)
    another = package / "bayesmulti/noises/another.py"
    another.write_text("CHANGED = 1\n")
    after = code_digest(script, package=package)
    another.unlink()
    assert after != before


def test_the_network_half_does_not_rest_on_how_devices_are_read_and_made():
    """No edit in fabrication or extraction tries another noise, or scores a network again."""
    for script in ("propose_noise", "choose_noise", "train_network", "run_noise_trials", "evaluate_network"):
        used = used_by(SCRIPTS[script])
        rooms = {name.split(".")[1] for name in used if name.count(".")}
        assert not rooms & {"fabrication", "virtual_lab", "iv", "pages", "figures"}, script
        assert {name for name in used if ".nonideality." in name} <= {
            "codesign.nonideality.curve",
            "codesign.nonideality.profile",
        }, script


def test_the_package_itself_hands_on_names_and_nothing_else():
    """Its `__init__` counts with no job, so that a new name there trains no network; nor may it do more."""
    tree = ast.parse((REPOSITORY / "codesign/__init__.py").read_text())
    docstring, importing, *rest = tree.body
    assert isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant)
    assert ast.unparse(importing) == "from importlib import import_module"
    names = [node.targets[0].id if isinstance(node, ast.Assign) else node.name for node in rest]
    assert names == ["_PLACES", "__all__", "__getattr__", "__dir__"]


def test_no_module_or_script_takes_a_name_from_the_package_itself():
    """The digest would not see what stands behind it."""
    handed_on = set(codesign.__all__)
    for path in (*(REPOSITORY / "codesign").rglob("*.py"), *SCRIPTS.values()):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "codesign":
                assert not handed_on & {alias.name for alias in node.names}, path
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "codesign":
                assert node.attr not in handed_on, path
    for path in (REPOSITORY / "Snakefile", *(REPOSITORY / "rules").rglob("*.smk")):
        for names in re.findall(r"^\s*from codesign import (.*)$", path.read_text(), re.MULTILINE):
            assert not handed_on & set(re.findall(r"\w+", names)), path


@cache
def used_by(script: Path) -> set[str]:
    """Modules of the package that a script's bytecode imports, in functions too, and what those import."""
    finder = ModuleFinder(path=[str(REPOSITORY)])  # other packages are not looked for
    finder.run_script(str(script))
    return {name for name in finder.modules if name.split(".")[0] == "codesign"}


IMPORT_ALL = """
import json, os, runpy, sys
for name in ("numpy", "scipy.stats", "pyarrow.parquet", "yaml", "jsonschema", "torch", "matplotlib.figure"):
    __import__(name)
sys.dont_write_bytecode = True
found = {}
for script in sys.argv[1:]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        runpy.run_path(script, run_name="imported")
        names = [name for name in sys.modules if name.split(".")[0] == "codesign"]
        os.write(writing, json.dumps(names).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found[script] = json.loads(pipe.read() or b"null")
    os.wait()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Modules of the package that are there once a script is imported, asked of Python itself."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *map(str, SCRIPTS.values())],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return {Path(path).stem: set(names) for path, names in json.loads(done.stdout).items()}


ROOMS = {
    "bayesmulti": "bayesmulti/injection.py",
    "bayesopt": "bayesopt/acquisition.py",
    "certificates": "certificates/bounds.py",
    "crossbar": "crossbar/mapping.py",
    "evaluation": "evaluation/statistics.py",
    "fabrication": "fabrication/encoding.py",
    "figures": "figures/style.py",
    "iv": "iv/measurement.py",
    "memsim": "memsim/simulator.py",
    "models": "models/build.py",
    "noise_search": "noise_search/rounds.py",
    "nonideality": "nonideality/spread.py",
    "pages": "pages/html.py",
    "schemas": "schemas/evaluation.py",
    "tasks": "tasks/contract.py",
    "training": "training/loop.py",
    "virtual_lab": "virtual_lab/landscape.py",
}
"""A module of each room that holds formulas."""
COMMANDS = {"export", "interface"}
"""Rooms that a person's commands use, and no job."""


def test_every_room_is_tried():
    """A room that is built later belongs into the table."""
    rooms = {path.parent.name for path in (REPOSITORY / "codesign").glob("*/__init__.py")}
    assert set(ROOMS) == rooms - set(BOOKKEEPING) - COMMANDS


def test_a_room_of_commands_runs_no_job_again(imported):
    """Whoever changes what is exported computes nothing anew."""
    for script, path in SCRIPTS.items():
        assert not {name.split(".")[1] for name in imported[script] | used_by(path) if "." in name} & COMMANDS


@pytest.mark.parametrize("name", ROOMS.values(), ids=list(ROOMS))
def test_a_changed_formula_reaches_every_script_that_uses_it(package, imported, name):
    """Neither a script that imports its module, nor one that does so later in a function, is left out."""
    module = "codesign." + name.removesuffix(".py").replace("/", ".")
    users = {script for script, path in SCRIPTS.items() if module in imported[script] | used_by(path)}
    assert users, f"{module} is used by no script: try another one"
    assert reached(package, name, another_formula) >= users


def test_no_module_that_a_script_imports_is_hidden(imported):
    """Bytecode, not the digest's own reading, says what a script imports; Python agrees."""
    for script, path in SCRIPTS.items():
        assert imported[script] <= used_by(path), script


MAKE_NOISES = """
import os, sys
from codesign.bayesmulti.methods import method_names, method_of
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.specification import method_spec
for method in method_names():
    if os.fork() == 0:
        before = set(sys.modules)
        parameters = dict.fromkeys(method_of(method).parameters, 0.1)
        spec = method_spec(method, parameters, 2, site="activation")
        assert NoiseSpec.from_json(spec.to_json()) == spec
        new = sorted(name for name in set(sys.modules) - before if name.startswith("codesign"))
        print(method, *new, flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_method_and_its_noise_are_all_that_is_loaded_by_name():
    """What a rule says to the digest is what a job loads, seen in processes that make each method's noise."""
    done = subprocess.run(
        [sys.executable, "-c", MAKE_NOISES],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = {method: set(new) for method, *new in map(str.split, done.stdout.splitlines())}
    assert loaded == {name: {method_module(name), noise_module(name)} - {NOISES} for name in method_names()}


def test_nothing_is_run_that_no_import_shows():
    """`importlib` brings in its folder; other ways to run code by name would pass the digest by."""
    package = REPOSITORY / "codesign"
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] in BOOKKEEPING:
            continue
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"__import__", "exec", "eval", "runpy"}, path
