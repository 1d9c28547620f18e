"""What can be reached without a network: each task's own baselines, scored on the test examples."""

import math
from collections.abc import Mapping
from importlib import import_module

from codesign.tasks.about import About, baselines_module_of
from codesign.tasks.contract import DataSettings, TaskError
from codesign.words import nearest


def score_baselines(about: About, settings: DataSettings) -> list[dict]:
    """Scores of every baseline that a task declares.

    Args:
        about: What the task declares.
        settings: Which examples: baselines are fitted to those that are not tested on.

    Returns:
        Rows with baseline, metric and value, in the order of the declaration. A baseline that says nothing of
        its own with these examples, and a metric that a baseline cannot have (an area under a curve of
        answers without a score), have no row.

    Raises:
        TaskError: The task's baselines.py has other baselines or metrics than declared, or a value that is
            not finite; the message names it.
    """
    module = import_module(baselines_module_of(about.name))
    found: Mapping[str, Mapping[str, float]] = module.baselines(settings)
    problem = _disagreement(about, found)
    if problem:
        raise TaskError(f"{module.__file__}: {problem}")
    return [
        {"baseline": name, "metric": metric, "value": float(found[name][metric])}
        for name in about.baselines
        for metric in about.metrics
        if metric in found.get(name, ())
    ]


def _disagreement(about: About, found: Mapping[str, Mapping[str, float]]) -> str:
    """Where what was scored is not what was declared; '' where it is."""
    if not found or set(found) - set(about.baselines):
        return (
            f"baselines(settings) scores {', '.join(found) or 'none'}; about.yaml declares "
            f"{', '.join(about.baselines)}"
        )
    for name, scores in found.items():
        if not scores:
            return f"the baseline {name} has no score"
        for metric, value in scores.items():
            if metric not in about.metrics:
                near = nearest(metric, about.metrics)
                return f"{name} has {metric}, which is no metric{near}; there are {', '.join(about.metrics)}"
            if not math.isfinite(value):
                return f"the {metric} of {name} is {value}; leave out a metric that a baseline cannot have"
    return ""
