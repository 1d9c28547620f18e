"""Tasks by name, imported when they are asked for: a job's code is its own task's and no other's."""

from importlib import import_module
from inspect import signature

from codesign.tasks.about import FOLDER, About, about_of, module_of
from codesign.tasks.contract import Task, TaskError

PAGE = "docs/adding-a-task.md"


def task_named(name: str) -> Task:
    """The task called `name`, with all that the contract asks for.

    Raises:
        AboutError: There is none.
        TaskError: Its `task.py` cannot be read, or lacks something; the message names the file.
    """
    about = about_of(name)
    path = FOLDER / name / "task.py"
    try:
        module = import_module(module_of(name))
    except SyntaxError as error:
        raise TaskError(
            f"{path}: Python cannot read {error.filename}, line {error.lineno}: {error}"
        ) from None
    except ModuleNotFoundError as error:
        if error.name != module_of(name):
            raise
        raise TaskError(f"{path}: missing; it holds the functions of the task ({PAGE})") from None
    if not hasattr(module, "TASK"):
        raise TaskError(f"{path}: there is no TASK; end it with TASK = ... ({PAGE})")
    problem = _lacking(module.TASK, about)
    if problem:
        raise TaskError(f"{path}: {problem} ({PAGE})")
    return module.TASK


def _lacking(task: object, about: About) -> str:
    """What a task lacks of the contract and of what it declares; '' where nothing."""
    if isinstance(task, type):
        return f"TASK is the class {task.__name__}; make one of it: TASK = {task.__name__}()"
    if not isinstance(task, Task):
        return f"TASK is of {type(task).__name__}, which must be made from codesign.tasks.contract.Task"
    for function in ("examples", "collate", "network", "loss", "scorer"):
        own = getattr(type(task), function) is not getattr(Task, function)
        if not own and not (function == "collate" and type(task).batch is not Task.batch):
            arguments = str(signature(getattr(Task, function)))
            return f"{type(task).__name__} has no function {function}{arguments}; the contract has no default"
    try:
        signature(task.scorer).bind(details=True)
    except TypeError:
        return "scorer takes no details; write scorer(self, *, details=False)"
    if about.details is not None and not callable(getattr(task.scorer(details=True), "details", None)):
        return "about.yaml declares details, but what scorer(details=True) gives has no function details"
    if about.certificates and "ClassificationTask" not in (each.__name__ for each in type(task).__mro__):
        return "about.yaml declares certificates, but TASK is no ClassificationTask"
    return ""
