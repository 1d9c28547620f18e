"""What an installation brings is what the package imports, and the files it reads."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from codesign.shipped import PACKAGE, shipped

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ALONE = (
    "iv",
    "nonideality",
    "virtual_lab",
    "bayesopt",
    "fabrication",
    "export",
    "schemas",
    "provenance",
    "pages",
)
"""Rooms that `pip install codesign` is enough for; of `interface` and `evaluation` the modules below."""
ALONE_MODULES = {
    "interface": ("__init__", "standard", "steps", "device"),
    "evaluation": ("__init__", "lookup", "predict"),
}
OF_NETWORKS = {"bayesopt/surrogate.py"}
"""Of the rooms above: BoTorch's fit, loaded inside the function that fits (`surrogate: map`)."""
OF_THE_BENCH = {"crossbar/discovery2.py"}
OF_VISION_AND_LANGUAGE = "tasks/vision_language/"
OPTIONAL = {"accelerate", "gguf", "protobuf", "sentencepiece"}
"""Distributions that transformers imports where a language model or its tokenizer is read, and no file
here."""


def distribution(name: str) -> str:
    """A name of a distribution as package indices compare them."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~;\[ ]", name)[0]).lower()


BASE = {distribution(name) for name in PROJECT["dependencies"]}
EXTRAS = {
    extra: {distribution(name) for name in names} for extra, names in PROJECT["optional-dependencies"].items()
}
DISTRIBUTIONS = packages_distributions()
BROUGHT_ALONG = {"gpytorch": "botorch"}
"""Distributions that come with one that is named, and are its interface."""


def half(path: Path) -> str:
    """base, networks, vlm or bench: what a file of the package may import from."""
    place = path.relative_to(PACKAGE)
    if str(place).startswith(OF_VISION_AND_LANGUAGE):
        return "vlm"
    if str(place) in OF_THE_BENCH:
        return "bench"
    room = place.parts[0] if len(place.parts) > 1 else ""
    alone = room in (*ALONE, "") or path.stem in ALONE_MODULES.get(room, ())
    return "base" if alone and str(place) not in OF_NETWORKS else "networks"


def tops(path: Path) -> set[str]:
    """Top-level modules of other packages that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        found |= {name.partition(".")[0] for name in names}
    return found - set(sys.stdlib_module_names) - {"codesign"}


def imported(path: Path) -> set[str]:
    """Distributions that a file imports."""
    known = {distribution(DISTRIBUTIONS.get(top, [top])[0]) for top in tops(path)}
    return {BROUGHT_ALONG.get(name, name) for name in known}


FILES = sorted(PACKAGE.rglob("*.py"))


def test_files_import_what_their_half_brings():
    """A package that is missing would be missed only when the function runs, at a user's."""
    brought = {"base": BASE} | {extra: BASE | names for extra, names in EXTRAS.items()}
    brought["vlm"] |= EXTRAS["networks"]
    missing = {str(path): imported(path) - brought[half(path)] for path in FILES}
    assert {path: names for path, names in missing.items() if names} == {}


def test_nothing_is_brought_that_no_file_imports():
    """Each package costs an installation time and room."""
    used: dict[str, set[str]] = {"base": set(), "networks": set(), "vlm": set(OPTIONAL), "bench": set()}
    for path in FILES:
        used[half(path)] |= imported(path)
    assert used["base"] == BASE
    assert used["networks"] - BASE == EXTRAS["networks"]
    assert used["vlm"] - BASE - EXTRAS["networks"] == EXTRAS["vlm"]
    assert used["bench"] - BASE == EXTRAS["bench"]


def test_requirements_of_the_workflow_hold_every_one():
    """The environment that the published numbers come from has them pinned."""
    named, vlm = (
        {
            distribution(line)
            for line in (ROOT / f"envs/{name}.txt").read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")
        }
        for name in ("requirements", "requirements-vlm")
    )
    pinned = {
        distribution(line)
        for line in (ROOT / "envs/constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    wanted = BASE.union(*(names for extra, names in EXTRAS.items() if extra != "vlm"))
    assert wanted <= named and wanted <= pinned
    assert named - wanted == {"snakemake"}
    assert EXTRAS["vlm"] <= vlm <= pinned


WITHOUT = """
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("not installed: " + name, name=name)
sys.meta_path.insert(0, Absent())
for name in {modules!r}:
    importlib.import_module(name)
"""


def test_the_devices_half_is_loaded_without_the_networks():
    """As where torch, Matplotlib and the others were not installed."""
    alone = set().union(*(tops(path) for path in FILES if half(path) == "base"))
    blocked = sorted(set().union(*map(tops, FILES)) - alone)
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in FILES
        if half(path) == "base" and path.name != "__main__.py"
    )
    assert "torch" in blocked and "codesign.interface.steps" in modules
    code = WITHOUT.format(blocked=blocked, modules=modules)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["hold", "program", "noisy"])
def test_what_is_not_installed_is_said_with_the_remedy(name):
    """The extra has the rest."""
    code = f"import sys; sys.modules['torch'] = None; import codesign; codesign.{name}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert f"codesign.{name} needs torch: pip install '.[networks]' in a checkout" in done.stderr


@pytest.mark.parametrize("name", ["config.yaml", "schemas/measurement.schema.yaml"])
def test_files_beside_the_package_are_found(name, tmp_path, monkeypatch):
    """In a checkout where they lie, in an installation inside the package."""
    assert shipped(name) == ROOT / name
    inside = tmp_path / "codesign/data" / name
    inside.parent.mkdir(parents=True)
    inside.write_text("a: 1\n")
    monkeypatch.setattr("codesign.shipped.PACKAGE", tmp_path / "codesign")
    assert shipped(name) == inside


INSTALLED = """
import codesign, sys
from pathlib import Path
assert Path(codesign.__file__).is_relative_to(sys.argv[1]), codesign.__file__
from codesign.crossbar.wiring import read_wiring
from codesign.interface.standard import extraction_of
from codesign.iv.importers.sidecar import sidecar_schema
from codesign.tasks.about import task_names
from codesign.tasks.check import check_task
from codesign.tasks.declaration import check_declaration
extraction_of(None), sidecar_schema(), read_wiring(sys.argv[2])
for name in task_names():
    check_declaration(name)
failed = [str(step) for step in check_task("moons") if not step.ok]
assert not failed, failed
"""
"""Everything that reads a file from beside the package."""


def test_a_wheel_holds_them_and_what_reads_them_finds_them(tmp_path):
    """Built by the hook of setup.py alone, without a network, from a copy that is gone when it is used."""
    pytest.importorskip("setuptools", reason="setuptools is not installed; pip brings it when it builds")
    here = tmp_path / "copy"
    for name in ("codesign", "schemas"):
        shutil.copytree(ROOT / name, here / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "config.yaml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, here)
    command = [sys.executable, "setup.py", "--quiet", "build", "--build-base", str(tmp_path / "build")]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (data,) = (tmp_path / "build").glob("lib*/codesign/data")
    for name in ("config.yaml", *(f"schemas/{path.name}" for path in (ROOT / "schemas").glob("*.yaml"))):
        assert (data / name).read_bytes() == (ROOT / name).read_bytes()
    shutil.rmtree(here)
    wiring = shutil.copy(ROOT / "profiles/bench/wiring.yaml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED, str(data.parent), str(wiring)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(data.parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
