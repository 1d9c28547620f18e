"""Checked settings: a mapping against a JSON schema, with errors a person can act on."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

LARGEST_NOISE = 0.9
"""Largest p1 + p2 of the multinomial noise."""
GOES_WITH = {
    "moons": (("embedded",), ("perceptron",)),
    "digits": (("embedded", "mnist"), ("mlp", "lenet5")),
    "objects": (("cifar10",), ("alexnet", "resnext", "mobilenetv2", "resnet18", "resnet50", "resnet101")),
}
"""Sources and networks of the tasks that take only some; a task that is not here takes any."""
SHARED = (
    "optimiser",
    "momentum",
    "weight_decay",
    "schedule",
    "warmup_epochs",
    "select",
    "patience",
    "compile",
)
"""Keys of `training` that every method and task shares."""
ON_A_CROSSBAR = ("mlp", "perceptron")
"""Networks of linear layers alone, which an array of memristors holds."""


class SettingsError(ValueError):
    """Settings are not what the schema allows; the message names key, value and what is allowed."""


def read_schema(path: Path | str) -> dict:
    """A JSON schema written as YAML."""
    import yaml

    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def check_settings(settings: Mapping, schema: Mapping, *, name: str) -> None:
    """Check `settings` against `schema` (JSON schema, draft 2020-12).

    Args:
        settings: What a person wrote.
        schema: What is allowed; `description` of each key is quoted in errors.
        name: The file the settings came from, named in errors.

    Raises:
        SettingsError: One line a problem: the key with its place, the value found,
            what is allowed. A misspelt key is told its nearest neighbour.
    """
    from jsonschema import Draft202012Validator

    errors = sorted(
        Draft202012Validator(schema).iter_errors(settings),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    if errors:
        lines = [line for error in errors for line in _lines(error)]
        raise SettingsError("\n  ".join([f"{name} has {len(lines)} problem(s):", *lines]))


def experiments(settings: Mapping) -> dict[str, dict]:
    """Tasks that are not left out, each as `codesign.training.experiment.Experiment` takes it.

    `gpu` is not among it: it says how a task's jobs run, not what they compute.
    """
    return {
        name: {key: value for key, value in task.items() if key != "gpu"}
        for name, task in settings["tasks"].items()
        if task is not None
    }


def shared_training(settings: Mapping) -> dict:
    """What every training shares, as `codesign.training.experiment.Experiment.settings` takes it."""
    return {name: settings["training"][name] for name in SHARED}


def check_tasks(settings: Mapping) -> None:
    """Check what no schema can: whether data, network and training of each task go together.

    Args:
        settings: The configuration, already checked against its schema. A task that is null is left out.

    Raises:
        SettingsError: One line a problem, with its place and a remedy.
    """
    training = settings["training"]
    problems = []
    if sum(training["fixed"]) > LARGEST_NOISE + 1e-9:
        problems.append(
            f"training.fixed: p1 + p2 = {sum(training['fixed']):g}; at most {LARGEST_NOISE} "
            "(beyond it hardly a value survives)"
        )
    tasks = experiments(settings)
    if not tasks:
        problems.append("tasks: every task is null; at least one must be left")
    for name, task in tasks.items():
        place = f"tasks.{name}"
        sources, models = GOES_WITH.get(task["task"], ((), ()))
        if sources and task["source"] not in sources:
            problems.append(
                f"{place}.source: {task['task']} come from {' or '.join(sources)}, not {task['source']}"
            )
        if models and task["model"] not in models:
            problems.append(
                f"{place}.model: {task['model']} cannot take the inputs of {task['task']}; "
                f"use {' or '.join(models)}"
            )
        if task["task"] == "moons":
            problems += [
                f"{place}.{key}: missing; moons are generated and need it"
                for key in ("train_size", "test_size", "noise")
                if key not in task
            ]
        if training["warmup_epochs"] >= task["epochs"]:
            problems.append(
                f"training.warmup_epochs: {training['warmup_epochs']} leaves none of the "
                f"{task['epochs']} epochs of {place}; lower it or raise {place}.epochs"
            )
    on_array = settings["crossbar"]["task"]
    if on_array not in settings["tasks"]:
        problems.append(
            f"crossbar.task: no task is called {on_array}{_nearest(on_array, list(settings['tasks']))}; "
            f"there are {', '.join(settings['tasks'])}"
        )
    elif on_array in tasks and tasks[on_array]["model"] not in ON_A_CROSSBAR:
        problems.append(
            f"crossbar.task: {on_array} has the model {tasks[on_array]['model']}; an array holds "
            f"linear layers alone, {' or '.join(ON_A_CROSSBAR)}"
        )
    if problems:
        raise SettingsError("\n  ".join([f"the configuration has {len(problems)} problem(s):", *problems]))


def _lines(error) -> list[str]:
    place = ".".join(str(part) for part in error.absolute_path)
    prefix = f"{place}." if place else ""
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema.get("properties", {}))
        return [
            f"{prefix}{key}: unknown key{_nearest(key, allowed)}; allowed here: {', '.join(allowed)}"
            for key in error.instance
            if key not in allowed
        ]
    if error.validator == "required":
        return [
            f"{prefix}{key}: missing{_meaning(error.schema['properties'].get(key, {}))}"
            for key in error.validator_value
            if key not in error.instance
        ]
    found = json.dumps(error.instance, default=str)
    return [f"{place}: found {found}; {_allowed(error)}{_meaning(error.schema)}"]


def _nearest(key: str, allowed: list[str]) -> str:
    close = get_close_matches(str(key), allowed, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _meaning(schema: Mapping) -> str:
    description = schema.get("description")
    return f" ({description})" if description else ""


def _allowed(error) -> str:
    """What the failed keyword asks for, in words."""
    value = error.validator_value
    words = {
        "enum": lambda: f"allowed: {', '.join(map(str, value))}",
        "const": lambda: f"allowed: {value}",
        "type": lambda: f"must be of type {value if isinstance(value, str) else ' or '.join(value)}",
        "minimum": lambda: f"must be at least {value}",
        "exclusiveMinimum": lambda: f"must be greater than {value}",
        "maximum": lambda: f"must be at most {value}",
        "exclusiveMaximum": lambda: f"must be less than {value}",
        "contains": lambda: f"must contain {value.get('const', value)}",
        "minItems": lambda: f"needs at least {value} entries",
        "uniqueItems": lambda: "entries must differ",
        "pattern": lambda: f"must match {value}",
        "minProperties": lambda: f"needs at least {value} keys",
    }
    return words.get(error.validator, lambda: error.message)()
