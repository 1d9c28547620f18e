"""The worked example of docs/adding-a-method.md, followed in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codesign.bayesmulti.methods import method_module, method_names, method_of, noise_module
from codesign.provenance.digest import code_digest
from codesign.tasks.about import module_of

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "docs/examples/uniform"
USE = """
import math
import sys

from codesign.bayesmulti.methods import limits_schema, method_names, method_of, noise_module
assert limits_schema()["properties"]["uniform"]["maximum"] == 1.0
assert "torch" not in sys.modules, "methods are read while Snakemake reads the workflow"

import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.specification import method_spec
from codesign.figures.methods import in_order, look_of_method
from codesign.figures.style import VERMILION
from codesign.models.network import network_of
from codesign.noise_search.search import SearchSpace, propose_specification

space = SearchSpace("uniform", {"weight": 2}, "model", 0.9)
first = [
    propose_specification([], space, round=1, slots=2, slot=k, seed=1, candidates=64) for k in range(2)
]
assert all(0 < each["width"] <= 0.9 and each["site"] == "weight" for each in first)
model = nn.Sequential(nn.Linear(3, 400), nn.ReLU(), nn.Linear(400, 2))
network = network_of(model)
spec = method_spec("uniform", {"width": 0.6}, len(network.places("weight")))
assert NoiseSpec.from_json(spec.to_json()) == spec
x = torch.ones(1, 3)
with Injection(network, spec, torch.Generator().manual_seed(1)):
    model.train()
    first, second = model(x), model(x)
assert not torch.equal(first, second) and torch.equal(model.eval()(x), model(x))
n = 100_000
factor = spec.layers[0].factor(torch.empty(n), torch.Generator().manual_seed(2))
spread = 0.6 / math.sqrt(3)
assert abs(factor.mean() - 1) < 4 * spread / math.sqrt(n)
assert abs(factor.std() - spread) < 4 * spread / math.sqrt(2 * n)
assert look_of_method("uniform").colour == VERMILION
assert in_order(["bayesmulti", "uniform", "erm"]) == ["erm", "uniform", "bayesmulti"]
looks = {name: look_of_method(name) for name in method_names()}
told = [(look.colour, look.marker, str(look.line)) for look in looks.values()]
assert len(set(told)) == len(looks), "each method must be told from the others"
print(noise_module("uniform"))
"""


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package without the example, where the project has it."""
    ignored = shutil.ignore_patterns("__pycache__", "uniform.py")
    return Path(shutil.copytree(REPOSITORY / "codesign", tmp_path / "codesign", ignore=ignored))


def add_the_example(package: Path) -> None:
    for folder in ("methods", "noises"):
        shutil.copy2(EXAMPLE / folder / "uniform.py", package / "bayesmulti" / folder / "uniform.py")


def test_a_new_method_takes_under_sixty_lines_and_is_known_everywhere(package):
    """Search, specification, training and figures learn of it from its own files."""
    add_the_example(package)
    written = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".yaml")]
    assert sum(len(path.read_text().splitlines()) for path in written) < 60
    done = subprocess.run(
        [sys.executable, "-c", USE],
        env=os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=package.parent,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "codesign.bayesmulti.noises.uniform"


def test_a_new_method_trains_no_other_network_again(package):
    """A training is told which noise and task it loads, and has the same digest as before."""
    script = REPOSITORY / "workflow_scripts/train_network.py"
    task = module_of("moons")
    others = [name for name in method_names() if name != "uniform"]
    loaded = {name: [task, method_module(name), noise_module(name)] for name in others}
    before = {name: code_digest(script, package=package, modules=loaded[name]) for name in loaded}
    unsaid = code_digest(script, package=package)
    add_the_example(package)
    assert {name: code_digest(script, package=package, modules=loaded[name]) for name in loaded} == before
    assert code_digest(script, package=package) != unsaid


@pytest.mark.parametrize("name", method_names())
def test_a_method_and_its_noise_agree(name):
    """The names of the parameters stand in the method and in the fields of its noise."""
    from dataclasses import fields

    from codesign.bayesmulti.noises import noise_class

    method = method_of(name)
    named = [] if method.noise is None else [field.name for field in fields(noise_class(method.noise))]
    assert list(method.parameters) == named
