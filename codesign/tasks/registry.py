"""Tasks by name, imported when they are asked for: a job's code is its own task's and no other's."""

from importlib import import_module

from codesign.tasks.about import about_of
from codesign.tasks.contract import Task


def module_of(name: str) -> str:
    """Where a task's functions are; part of the digest of every job that computes with it."""
    return f"codesign.tasks.{name}.task"


def task_named(name: str) -> Task:
    """The task called `name`.

    Raises:
        AboutError: There is none.
    """
    about_of(name)
    return import_module(module_of(name)).TASK
