"""Tasks by name."""

from codesign.tasks.digits import DIGITS
from codesign.tasks.moons import MOONS
from codesign.tasks.objects import OBJECTS
from codesign.tasks.task import Task

TASKS = {task.name: task for task in (DIGITS, OBJECTS, MOONS)}


def task_named(name: str) -> Task:
    """The task called `name`.

    Raises:
        ValueError: There is none.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; known: {', '.join(TASKS)}")
    return TASKS[name]
