"""Rooms of the package import what docs/code.md says they may, and nothing else."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "codesign"
BESIDE = {path.stem for path in PACKAGE.glob("*.py")} | {"schemas"}
"""What every room may import."""
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", re.MULTILINE)


def table():
    """Room to the rooms it may import, in the order of the page."""
    text = (REPOSITORY / "docs/code.md").read_text(encoding="utf-8")
    section = text.partition("## The rooms of codesign")[2].partition("\n## ")[0]
    return {room: re.findall(r"`(\w+)`", allowed) for room, allowed in ROW.findall(section)}


TABLE = table()


def imported(path):
    """Rooms and modules beside them that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("codesign.")}
    return found


def is_drawing(path):
    """Whether a file is the figures of a task, which count with the room `figures`."""
    return path.parent.parent == PACKAGE / "tasks" and path.name == "figures.py"


def test_the_table_has_every_room():
    """A room that is not in the table would be held by nothing."""
    assert set(TABLE) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize("room", TABLE)
def test_a_room_imports_what_its_row_says(room):
    """Rooms that import whatever is near become one room, and an edit reaches every job."""
    used = set()
    for path in (PACKAGE / room).rglob("*.py"):
        if not is_drawing(path):
            used |= imported(path)
    assert used - {room} - BESIDE <= set(TABLE[room])


def test_the_figures_of_a_task_import_what_figures_may():
    """They are read by drawing jobs alone."""
    for path in filter(is_drawing, PACKAGE.rglob("figures.py")):
        assert imported(path) - BESIDE <= {"figures", *TABLE["figures"]}, path


def test_no_room_imports_one_that_imports_it():
    """Taken off one by one, always one that imports nothing that is left, all rooms go."""
    left = {room: set(allowed) for room, allowed in TABLE.items()}
    while left:
        ready = {room for room, allowed in left.items() if not allowed & set(left)}
        assert ready, left
        left = {room: allowed for room, allowed in left.items() if room not in ready}


def test_the_workflow_is_read_without_what_computes():
    """Every job on a cluster reads it once more: torch alone would double what that takes."""
    imports = [
        ast.unparse(node)
        for path in (REPOSITORY / "Snakefile", *sorted((REPOSITORY / "rules").rglob("*.smk")))
        for node in python_imports(path.read_text())
    ]
    assert any("codesign.tasks" in line for line in imports)
    heavy = ("torch", "scipy", "matplotlib", "pandas", "botorch", "sklearn")
    code = "\n".join(["import sys", *imports, f"print([name for name in {heavy!r} if name in sys.modules])"])
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def python_imports(rules: str) -> Iterator[ast.stmt]:
    """Import statements at the left margin of a rule file, of one line or several."""
    for found in re.finditer(r"^(?:from \S+ )?import (?:\([^)]*\)|.*)$", rules, re.MULTILINE):
        yield from ast.parse(found.group()).body
