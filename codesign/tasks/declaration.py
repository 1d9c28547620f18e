"""What a task declares, checked while the workflow is read: without torch, and before anything runs.

`about.yaml` is held against its schema; what `task.py`, `figures.py` and `baselines.py` define is read from
their syntax trees. Jobs do not come here: they find everything checked.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import codesign
from codesign.settings import SettingsError, check_settings, read_schema
from codesign.shipped import shipped
from codesign.tasks.about import DECLARATION, FOLDER, About, AboutError, declared
from codesign.words import nearest

PAGE = "docs/adding-a-task.md"
ROOT = Path(codesign.__file__).parents[1]
"""The project, whose `envs` requirements name."""
CLASSIFICATION = ("codesign.tasks.classification", "ClassificationTask")
ANY_TASK = ("codesign.tasks.contract", "Task")


@cache
def declaration_schema() -> dict:
    """What `about.yaml` may say (JSON schema)."""
    return read_schema(shipped("schemas/task.schema.yaml"))


def check_declaration(name: str, folder: Path = FOLDER, *, root: Path = ROOT) -> None:
    """Check a task's `about.yaml`.

    Args:
        name: Of the task.
        folder: With the tasks.
        root: The project's folder.

    Raises:
        AboutError: One line a problem: the key with its place, the value found, what is allowed.
    """
    path = folder / name / DECLARATION
    said = declared(name, folder)
    try:
        check_settings(said, declaration_schema(), name=str(path))
    except SettingsError as error:
        raise AboutError(str(error)) from None
    problems = list(_disagreements(said, root))
    if problems:
        raise AboutError("\n  ".join([f"{path} has {len(problems)} problem(s):", *problems]))


def _disagreements(said: dict, root: Path) -> Iterator[str]:
    """What no schema can check of one declaration."""
    metrics, options = list(said["metrics"]), list(said.get("options", ()))
    if said["primary"] not in metrics:
        near = nearest(said["primary"], metrics)
        yield f"primary: {said['primary']} is no metric{near}; the metrics are {', '.join(metrics)}"
    for k, name in enumerate(said.get("required", ())):
        if name not in options:
            near = nearest(name, options)
            yield (
                f"required.{k}: {name} is not among options{near}; there are {', '.join(options) or 'none'}"
            )
    for network, traits in said["networks"].items():
        for k, name in enumerate((traits or {}).get("needs", ())):
            if name not in options:
                near = nearest(name, options)
                yield (
                    f"networks.{network}.needs.{k}: {name} is not among options{near}; there are "
                    f"{', '.join(options) or 'none'}"
                )
            elif name in said.get("required", ()):
                yield (
                    f"networks.{network}.needs.{k}: {name} is required with every network already; name it "
                    "once"
                )
    if said.get("figures") and "details" not in said:
        yield (
            f"figures: {', '.join(said['figures'])} is drawn from rows that the scorer keeps, and details is "
            "missing; it says which: details: {levels: [1.0, 0.5], programmings: 1}"
        )
    for name, source in said["sources"].items():
        for metric in source.get("metrics", ()):
            if metric not in metrics:
                near = nearest(metric, metrics)
                yield f"sources.{name}.metrics: {metric} is no metric{near}; there are {', '.join(metrics)}"
        if said["primary"] not in source.get("metrics", [said["primary"]]):
            yield f"sources.{name}.metrics: {said['primary']} is missing, the primary one"
        for network in source.get("refused", ()):
            if network not in said["networks"]:
                near = nearest(network, said["networks"])
                yield f"sources.{name}.refused: {network} is no network{near}"
    for package, how in said.get("requirements", {}).items():
        file = how if isinstance(how, str) else how["file"]
        if (root / "envs").is_dir() and not (root / file).is_file():  # an installation has no envs
            yield f"requirements.{package}: there is no file {file}; write it, with {package} and its version"


def source_problems(about: About, folder: Path = FOLDER) -> list[str]:
    """What is wrong with the files beside a declaration, as far as their syntax trees show.

    Args:
        about: What the task declares.
        folder: With the tasks.

    Returns:
        A line a problem, each with its file. What cannot be told from the text is told when a job imports it.
    """
    problems = []
    task, figures = folder / about.name / "task.py", folder / about.name / "figures.py"
    tree = _tree(task, problems, "the functions of the task")
    if tree is not None:
        if "TASK" not in _names(tree):
            problems.append(f"{task}: there is no TASK; end it with TASK = ... ({PAGE})")
        elif about.certificates and _is_classification(tree, folder) is False:
            problems.append(
                f"{task.with_name(DECLARATION)}: certificates is true, but TASK of task.py is no "
                "ClassificationTask, and only the decisions of one can be certified; set it to false"
            )
    if about.baselines:
        path = folder / about.name / "baselines.py"
        tree = _tree(path, problems, "the function that scores " + ", ".join(about.baselines))
        if tree is not None and "baselines" not in _names(tree):
            problems.append(f"{path}: there is no function baselines(settings) ({PAGE})")
    if about.figures:
        tree = _tree(figures, problems, "the functions that draw " + ", ".join(about.figures))
        there = set() if tree is None else _names(tree)
        for figure in about.figures if tree is not None else ():
            function = figure.replace("-", "_")
            if function not in there:
                near = nearest(function, sorted(there))
                problems.append(
                    f"{figures}: there is no function {function}{near}; about.yaml declares the figure "
                    f"{figure} ({PAGE})"
                )
    return problems


def _tree(path: Path, problems: list[str], what: str) -> ast.Module | None:
    """The syntax tree of a file; None with a problem where there is none."""
    if not path.is_file():
        problems.append(f"{path}: missing; it holds {what} ({PAGE})")
        return None
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        line = f", line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else f": {error}"
        problems.append(f"{path}{line}; Python cannot read it")
        return None


def _names(tree: ast.Module) -> set[str]:
    """What a module defines, assigns or imports, in branches too but not in functions and classes."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return found


def _is_classification(tree: ast.Module, folder: Path) -> bool | None:
    """Whether TASK is made from a ClassificationTask; None where the text does not show it."""
    for node in reversed(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "TASK" for target in targets):
            made = node.value
            return _class_is(made.func, tree, folder) if isinstance(made, ast.Call) else None
    return None


def _class_is(
    expression: ast.expr, tree: ast.Module, folder: Path, seen: frozenset = frozenset()
) -> bool | None:
    """Whether a class that a module names comes from ClassificationTask; None where that is not known."""
    if not isinstance(expression, ast.Name) or (id(tree), expression.id) in seen:
        return None
    seen = seen | {(id(tree), expression.id)}
    for node in reversed(tree.body):
        if isinstance(node, ast.ClassDef) and node.name == expression.id:
            answers = [_class_is(base, tree, folder, seen) for base in node.bases]
            return True if True in answers else None if None in answers else False
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == expression.id:
                    return _imported_is(node.module, alias.name, folder, seen)
    return None


def _imported_is(module: str, name: str, folder: Path, seen: frozenset) -> bool | None:
    if (module, name) in (CLASSIFICATION, ANY_TASK):
        return (module, name) == CLASSIFICATION
    package, _, rest = module.partition("codesign.tasks.")
    path = folder.joinpath(*rest.split(".")).with_suffix(".py")
    if package or not rest or not path.is_file():
        return None
    tree = _tree(path, [], "")
    return None if tree is None else _class_is(ast.Name(name), tree, folder, seen)
