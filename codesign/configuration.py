"""The configuration: its schema with what tasks and methods declare, and what no schema can check."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codesign.bayesmulti.methods import given_schema, limits_schema, method_names, method_of
from codesign.settings import SettingsError, read_schema
from codesign.tasks.about import About, Scale, about_of, task_names
from codesign.tasks.declaration import check_declaration, source_problems
from codesign.training.epochs import epochs_of
from codesign.words import nearest

LARGEST_NOISE = 0.9
"""Largest p1 + p2 of the multinomial noise."""
SHARED = (
    "optimiser",
    "momentum",
    "weight_decay",
    "schedule",
    "warmup_epochs",
    "ramp",
    "select",
    "patience",
    "precision",
    "compile",
    "start",
    "further",
)
"""Keys of `training` that every method and experiment shares."""
RENAMED = {
    "tasks": "experiments",
    "experiments.*.model": "network",
    "experiments.*.gpu": "scale, e.g. scale: full",
    "crossbar.task": "experiment",
    "crossbar.usability": "level (of profiles.panel)",
    "measurements.source": "origin",
    "search.draws": "programmings",
    "evaluation.seeds": "programmings",
    "training.select=accuracy": "metric",
    "experiments.*.source=embedded": "generated",
}
"""Words of older configurations to today's: a key by its place, or a value after `=`."""


def configuration_schema(path: Path | str) -> dict:
    """The schema of the configuration: what is written down, and what tasks and methods declare.

    Args:
        path: Schema of everything that is the same for every task and method.

    Returns:
        A schema in which an experiment may say what its task's `about.yaml` allows, and nothing else.

    Raises:
        AboutError: A declaration is wrong, of a task that no experiment has too: its name is offered.
    """
    schema = read_schema(path)
    names = task_names()
    for name in names:
        check_declaration(name)
    experiment = schema["properties"]["experiments"]["additionalProperties"]
    common = experiment["properties"]
    experiment["properties"] = {"task": {"enum": names, "description": common["task"]["description"]}}
    experiment["allOf"] = [
        _experiment_schema(about_of(name), common, experiment["required"]) for name in names
    ]
    experiment["required"] = ["task"]
    methods = {"enum": list(method_names())}
    schema["properties"]["training"]["properties"]["methods"]["items"] = methods
    schema["properties"]["crossbar"]["properties"]["methods"]["items"] = methods
    schema["properties"]["evaluation"]["properties"]["device_methods"]["items"] = methods
    limits = limits_schema()
    unsearched = set(method_names()) - set(limits["properties"])
    limits["properties"] |= {
        name: {"not": {}, "description": f"{name} is not searched, so there is no limit to it"}
        for name in sorted(unsearched)
    }
    schema["properties"]["search"]["properties"]["limits"] = limits
    schema["properties"]["search"]["properties"]["given"] = given_schema()
    return schema


def _experiment_schema(about: About, common: Mapping, required: Sequence[str]) -> dict:
    """What an experiment may say where its task is this one."""
    own = {
        "task": {"const": about.name},
        "source": {"enum": list(about.sources), "description": f"where {about.title} come from"},
        "network": {"enum": list(about.networks), "description": f"network for {about.title}"},
        "scale": {"enum": list(about.scales), "description": common["scale"]["description"]},
    }
    return {
        "if": {"properties": {"task": {"const": about.name}}, "required": ["task"]},
        "then": {
            "properties": {**common, **own, **about.options},
            "required": [*required, *about.required],
            "additionalProperties": False,
        },
    }


def experiments(settings: Mapping) -> dict[str, dict]:
    """Experiments that are not left out, as `codesign.tasks.experiment.Experiment.make` takes them.

    `scale` is not among what they say: it is about how their jobs run, not what they compute.
    """
    return {
        name: {key: value for key, value in said.items() if key != "scale"}
        for name, said in settings["experiments"].items()
        if said is not None
    }


def scales(settings: Mapping) -> dict[str, Scale]:
    """What a job of each experiment may use: the scale it names, or its task's first."""
    found = {}
    for name, said in settings["experiments"].items():
        if said is not None:
            known = about_of(said["task"]).scales
            found[name] = known[said.get("scale", next(iter(known)))]
    return found


def shared_training(settings: Mapping) -> dict:
    """What every training shares, as `codesign.training.job.training_settings` takes it.

    `further` is None where nothing goes on from ERM: a change of it then trains nothing again.
    """
    shared = {name: settings["training"][name] for name in SHARED}
    return shared if shared["start"] == "erm" else shared | {"further": None}


def trial_training(settings: Mapping) -> dict:
    """What every trial of a search shares: `share` of the epochs, and a patience of its own where it has one.

    A whole trial says the same as a training, so that the network it leaves is the one trained later.
    """
    search, shared = settings["search"], shared_training(settings)
    if search["epochs"] < 1:
        shared["share"] = search["epochs"]
    if search["patience"] is not None:
        shared["patience"] = search["patience"]
    return shared


def refuse_old_words(settings: Mapping) -> None:
    """End with today's words where a configuration has those of an older version.

    Raises:
        SettingsError: One line a word.
    """
    lines = []
    for place, now in RENAMED.items():
        key, _, value = place.partition("=")
        for found, holder, last in _at(settings, key.split(".")):
            if value and holder[last] != value:
                continue
            if value == "embedded" and holder.get("task") != "moons":
                continue
            said = f"{found}: {value} is" if value else f"{found}: this key is"
            lines.append(f"{said} now called {now}")
    if lines:
        raise SettingsError(
            "\n  ".join([f"the configuration has {len(lines)} word(s) of an older version:", *lines])
        )


def _at(settings: Any, keys: Sequence[str], before: str = "") -> Iterator[tuple[str, Mapping, str]]:
    """Place, mapping and key of everything at a path in which * is any key."""
    if not isinstance(settings, Mapping):
        return
    for key in list(settings) if keys[0] == "*" else [k for k in keys[:1] if k in settings]:
        place = f"{before}{key}"
        if len(keys) == 1:
            yield place, settings, key
        else:
            yield from _at(settings[key], keys[1:], f"{place}.")


def check_experiments(settings: Mapping) -> None:
    """Check what no schema can: whether experiments, training and crossbar go together here.

    Args:
        settings: The configuration, already checked against its schema; what is null is left out.

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
    known = experiments(settings)
    if not known:
        problems.append("experiments: every experiment is null; at least one must be left")
    for task in dict.fromkeys(said["task"] for said in known.values()):
        about = about_of(task)
        problems += source_problems(about)
        problems += [
            f"task {task}, details.methods of its about.yaml: no method is called {method}"
            f"{nearest(method, list(method_names()))}; there are {', '.join(method_names())}"
            for method in (about.details or {}).get("methods", ())
            if method not in method_names()
        ]
    for name, said in known.items():
        place = f"experiments.{name}"
        problems += [
            f"{place}.task: {said['task']} needs the package {package}, which is not installed; {command}"
            for package, command in about_of(said["task"]).missing_packages().items()
        ]
        refusal = about_of(said["task"]).refusal(said["source"], said["network"])
        if refusal:
            problems.append(f"{place}.source: {said['source']} with the network {said['network']}: {refusal}")
        problems += _network_problems(about_of(said["task"]), said, place)
        shown = (about_of(said["task"]).details or {}).get("levels", ())
        problems += [
            f"profiles.synthetic: {level:g} is missing; figures of {place} show this usability level"
            for level in shown
            if level not in settings["profiles"]["synthetic"]
        ]
        problems += _warmup_problems(settings, said["epochs"], place)
    if settings["memsim"]["analog"] in settings["evaluation"]["analog_beside"]:
        problems.append(
            f"evaluation.analog_beside: {settings['memsim']['analog']} is what memsim.analog says already; "
            "take it off the list"
        )
    problems += [
        f"evaluation.device_methods: {name} is not among training.methods "
        f"({', '.join(training['methods'])}), so there is no network of it; add it there, or take it off "
        "this list"
        for name in settings["evaluation"]["device_methods"] or ()
        if name not in training["methods"]
    ]
    problems += [
        f"search.limits.{name}: missing; it says how far the search of {name} may go "
        f"({method_of(name).limit.meaning})"
        for name in training["methods"]
        if method_of(name).searched and name not in settings["search"]["limits"]
    ]
    if settings["search"]["calibration"] not in settings["evaluation"]["calibrations"]:
        problems.append(
            f"search.calibration: {settings['search']['calibration']} is not among evaluation.calibrations "
            f"({', '.join(settings['evaluation']['calibrations'])}), so networks would be chosen for what "
            "nothing scores; add it there, or take one of these"
        )
    problems += _given_problems(settings)
    problems += _crossbar_problems(settings, known)
    problems += beyond_limits(settings["crossbar"], settings["crossbar"]["limits"])
    if problems:
        raise SettingsError("\n  ".join([f"the configuration has {len(problems)} problem(s):", *problems]))


def _network_problems(about: About, said: Mapping, place: str) -> Iterator[str]:
    """Whether an experiment gives the options that its network needs, and none that it has no use for."""
    network = said["network"]
    for option in about.needs(network):
        if said.get(option) is None:
            meaning = about.options[option].get("description", "docs/training.md")
            yield f"{place}.{option}: missing; the network {network} needs it ({meaning})"
    for option in about.useless(network):
        if option in said:
            needed = " and ".join(other for other in about.networks if option in about.needs(other))
            yield f"{place}.{option}: the network {network} has no use for it, {needed} has; leave it out"


def _given_problems(settings: Mapping) -> list[str]:
    """Whether a list of trials is as long as the search, and starts as trainings may."""
    search, scales = settings["search"], settings["training"]["initial_scale"]
    wanted = search["rounds"] * search["slots"]
    problems = []
    for method, trials in search["given"].items():
        place = f"search.given.{method}"
        if len(trials) != wanted:
            problems.append(
                f"{place}: {len(trials)} trial(s), but search.rounds times search.slots makes {wanted}; "
                "the two must be alike"
            )
        problems += [
            f"{place}[{number}].initial_scale: {trial['initial_scale']:g} is not in training.initial_scale "
            f"({', '.join(f'{scale:g}' for scale in scales)})"
            for number, trial in enumerate(trials)
            if trial.get("initial_scale", scales[0]) not in scales
        ]
    return problems


def _warmup_problems(settings: Mapping, epochs: int, place: str) -> list[str]:
    """Whether a training, and a trial of it, has epochs left after those in which the rate rises."""
    warmup = settings["training"]["warmup_epochs"]
    shares = ["training.further"] if settings["training"]["start"] == "erm" else []
    trained = [(epochs_of(epochs, shared_training(settings)), shares)]
    if settings["search"]["epochs"] < 1:
        trained.append((epochs_of(epochs, trial_training(settings)), [*shares, "search.epochs"]))
    for count, named in trained:
        if warmup >= count:
            share = f" ({' times '.join(named)} of them)" if named else ""
            return [
                f"training.warmup_epochs: {warmup} leaves none of the {count} epochs of {place}{share}; "
                f"lower it or raise {place}.epochs"
            ]
    return []


def beyond_limits(crossbar: Mapping, limits: Mapping, *, whose: str = "crossbar.limits") -> list[str]:
    """What the crossbar's settings ask for beyond its limits, or against each other, a line each.

    Args:
        crossbar: The section `crossbar` of the configuration.
        limits: read_voltage_v, pulse_voltage_v, pulse_seconds: of the configuration, or of a wiring file.
        whose: Where the limits stand.
    """
    write, conductance = crossbar["write"], crossbar["conductance"]
    asked = [
        ("read_voltage_v", crossbar["read_voltage_v"], "read_voltage_v"),
        ("write.set_voltage_v", write["set_voltage_v"], "pulse_voltage_v"),
        ("write.reset_voltage_v", abs(write["reset_voltage_v"]), "pulse_voltage_v"),
        ("write.pulse_seconds", write["pulse_seconds"], "pulse_seconds"),
    ]
    problems = [
        f"crossbar.{key}: {value:g} is beyond {whose}.{limit} ({limits[limit]:g}); lower the one, or raise "
        "the other if the devices bear it"
        for key, value, limit in asked
        if value > limits[limit]
    ]
    if write["shortest_seconds"] > write["pulse_seconds"]:
        problems.append(
            f"crossbar.write.shortest_seconds: {write['shortest_seconds']:g} is longer than pulse_seconds "
            f"({write['pulse_seconds']:g}), the longest"
        )
    low, high = conductance["g_min_s"], conductance["g_max_s"]
    if low is not None and high is not None and low >= high:
        problems.append(f"crossbar.conductance: g_min_s ({low:g}) is not below g_max_s ({high:g})")
    return problems


def _crossbar_problems(settings: Mapping, known: Mapping[str, Mapping]) -> list[str]:
    """Whether an array can hold the crossbar's experiment."""
    on_array, there = settings["crossbar"]["experiment"], list(settings["experiments"])
    if on_array not in there:
        near = nearest(on_array, there)
        return [
            f"crossbar.experiment: no experiment is called {on_array}{near}; there are {', '.join(there)}"
        ]
    if on_array not in known:
        return []
    if not any(level < 1 for level in settings["profiles"]["panel"]):
        return [
            "profiles.panel: level 1 alone is the ideal device, which no cell of the crossbar can follow; "
            f"add a level below 1, or leave the crossbar out with experiments.{on_array}: null"
        ]
    said = known[on_array]
    networks = about_of(said["task"]).networks
    if networks[said["network"]].get("crossbar", False):
        return []
    fit = [name for name, traits in networks.items() if traits.get("crossbar", False)]
    return [
        f"crossbar.experiment: {on_array} has the network {said['network']}; an array holds linear layers "
        f"alone, {' or '.join(fit) or 'which no network of this task is'}"
    ]
