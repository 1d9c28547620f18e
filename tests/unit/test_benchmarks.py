"""Benchmarks are run by hand; that each still finds what it imports is seen here."""

import ast
import importlib
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


def imports(script: Path) -> list[tuple[str, str]]:
    """Modules of the project that a script imports, in functions too, each with a name it takes from them."""
    found = []
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.module, each.name) for each in node.names]
    return [(module, name) for module, name in found if module.partition(".")[0] in ("codesign", "tests")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_is_there(script):
    """A function that was renamed shows here, not when somebody repeats a number of the pages."""
    missing = [
        f"{module}.{name}"
        for module, name in imports(script)
        if not hasattr(importlib.import_module(module), name) and find_spec(f"{module}.{name}") is None
    ]
    assert missing == []


def test_benchmarks_import_the_project():
    """The test above has something to look at."""
    assert sum(bool(imports(script)) for script in SCRIPTS) > 10
