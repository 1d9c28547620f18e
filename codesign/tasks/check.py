"""One batch of a task through everything that the workflow will ask of it, before anything is trained."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from codesign.models.network import Network
from codesign.shipped import shipped
from codesign.tasks.about import DECLARATION, FOLDER, About, about_of
from codesign.tasks.contract import DataSettings, Scorer, Task, TaskError, loss_of, mapped, score_of, single
from codesign.tasks.declaration import PAGE, check_declaration, source_problems
from codesign.tasks.registry import task_named

BATCH = 32
"""Examples that are looked at."""
SEED, FRACTION = 1, 0.15
"""Of the examples that are looked at."""
SHOWN = ("erm", "bayesmulti")
"""Methods in the rows of a figure, where the declaration names none."""


@dataclass(frozen=True)
class Step:
    """What one step found."""

    name: str
    ok: bool
    said: str
    """What was seen, or what is wrong."""
    place: str = ""
    """Of a problem: file, line and page."""

    def __str__(self) -> str:
        """As the command prints it."""
        said = self.said.replace("\n", "\n        ")
        if self.ok:
            return f"ok      {self.name}{': ' if said else ''}{said}"
        return f"FAILED  {self.name}: {said}\n        {self.place}"


def check_task(
    name: str,
    *,
    networks: Sequence[str] = (),
    said: Mapping[str, Any] | None = None,
    mirror: Path | str | None = None,
    cache: Path | str | None = None,
) -> list[Step]:
    """Take one batch of training examples through a task, step by step.

    Declaration, examples, batch, each network from its generator, forward, loss, backward, scorer with
    every declared metric, details and figures. No test example is read.

    Args:
        name: Of the task.
        networks: Those to look at; where none is named, all that the task declares and that need the same
            options as the experiment's, or as the first.
        said: An experiment with this task, as a configuration says it: its source and options. Without
            one, the first source, and options that must be given have a value out of their range.
        mirror: Folder with local copies of public data sets.
        cache: Folder for downloads and decoded examples.

    Returns:
        What each step found. A step that rests on one that failed is left out.

    Raises:
        AboutError: There is no such task.
        ValueError: It has no such network.
    """
    if not (FOLDER / name / DECLARATION).is_file():
        about_of(name)  # says which tasks there are
    look = _Look(name)
    if look.at(DECLARATION, lambda: check_declaration(name) or True):
        about = about_of(name)
        unknown = sorted(set(networks) - set(about.networks))
        if unknown:
            raise ValueError(
                f"{name} has no network {', '.join(unknown)}; there are {', '.join(about.networks)}"
            )
        first = said["network"] if said and "network" in said else next(iter(networks or about.networks))
        # one that needs other options would not find them
        alike = networks or [name for name in about.networks if about.needs(name) == about.needs(first)]
        with torch.random.fork_rng(devices=[]):
            _functions(look, about, alike, said, {"mirror": mirror, "cache": cache})
    return look.steps


@dataclass
class _Look:
    """Steps so far, of one task."""

    task: str
    steps: list[Step] = field(default_factory=list)

    def at(self, name: str, step: Callable[[], Any], say: Callable[[Any], str] = lambda _: "") -> Any:
        """What a step gives; None where it raises, which is what it found then."""
        try:
            given = step()
            said = say(given)
        except Exception as error:
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            self.steps.append(Step(name, False, f"{kind}{error}", self._place(error)))
            return None
        self.steps.append(Step(name, True, said))
        return given

    def _place(self, error: Exception) -> str:
        """The last line of the task's own files that an error came through, and the page."""
        folder = FOLDER / self.task
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
        at = f"{own[-1].filename}, line {own[-1].lineno}" if own else str(folder)
        return f"{at}; {PAGE}"


def _functions(
    look: _Look, about: About, networks: Sequence[str], said: Mapping | None, folders: Mapping
) -> None:
    """Everything behind the declaration."""
    settings = settings_of(about, said, network=networks[0], **folders)
    if not look.at("files beside it", lambda: _refused(source_problems(about))):
        return
    task: Task | None = look.at("task.py", lambda: task_named(about.name), lambda _: "TASK has its functions")
    if task is None:
        return
    shown = ", ".join(f"{option} {value}" for option, value in settings.options.items())
    parts = look.at(
        "examples",
        lambda: _examples(task, settings),
        lambda found: (
            f"{len(found[0])} to train, {len(found[1])} to validate; source {settings.source}"
            + (f", {shown}" if shown else "")
        ),
    )
    if parts is None:
        return
    batch = look.at("batch", lambda: _batch(task, parts[0]), lambda _: f"of {min(BATCH, len(parts[0]))}")
    if batch is None:
        return
    output = None
    for name in networks:
        network = look.at(
            f"network {name}",
            lambda name=name: _network(task, name, settings),
            lambda found: f"{len(found.analog)} parameters on memristors",
        )
        if network is not None:
            found = look.at(
                f"learning with {name}",
                lambda network=network: _learn(task, network, batch),
                lambda found: f"loss {float(found[1].detach()):.4g} of {found[2]}",
            )
            output = output if found is None else found[0]
    if output is not None:
        _scores(look, task, about.of_source(settings.source), output, batch)


def _scores(look: _Look, task: Task, about: About, output: Any, batch: Any) -> None:
    """Metrics, details and figures from one output."""
    look.at(
        "scorer",
        lambda: _scored(task, about, output, batch),
        lambda found: ", ".join(f"{metric} {value:.4g}" for metric, value in found.items()),
    )
    if about.details is None:
        return
    rows = look.at("details", lambda: _details(task, output, batch), lambda found: f"{len(found)} rows")
    for figure in about.figures if rows else ():
        look.at(
            f"figure {figure}",
            lambda figure=figure: _drawn(about, figure, rows),
            lambda found: f"{len(found)} numbers",
        )


def settings_of(
    about: About, said: Mapping[str, Any] | None = None, *, network: str | None = None, **folders: Any
) -> DataSettings:
    """Which examples are looked at; arguments as in `check_task`, and the network whose options count."""
    if said is None:
        needed = (*about.required, *about.needs(network or next(iter(about.networks))))
        options = {option: _within(about.options[option]) for option in needed}
    else:
        options = {option: said[option] for option in about.options if option in said}
    source = next(iter(about.sources)) if said is None else said["source"]
    places = {key: None if value is None else Path(value) for key, value in folders.items()}
    return DataSettings(source, FRACTION, SEED, options, **places)


def _within(schema: Mapping[str, Any]) -> Any:
    """A value that an option's schema allows, small where there is a choice."""
    if "$ref" in schema:
        from codesign.settings import read_schema

        shared = read_schema(shipped("schemas/config.schema.yaml"))["$defs"]
        schema = shared[schema["$ref"].rpartition("/")[2]]
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    kinds = schema.get("type", "number")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 2))
    least = low if "minimum" in schema else int(low) + 1
    some = {"number": (low + high) / 2, "integer": least, "boolean": False, "string": "", "array": []}
    return some.get(kind)


def _refused(problems: Sequence[str]) -> bool:
    if problems:
        raise TaskError("\n".join(problems))
    return True


def _examples(task: Task, settings: DataSettings) -> tuple:
    """Training and validation examples."""
    parts = task.examples(settings, "train", "validation")
    if not isinstance(parts, tuple) or len(parts) != 2:
        raise TaskError("examples must give a tuple with the examples of each part asked for")
    for part in parts:
        if not len(part):
            raise TaskError("a part has no example")
        if not hasattr(part, "source"):
            raise TaskError(f"{type(part).__name__} has no source; it says where examples came from, or None")
    return parts


def _batch(task: Task, examples: Any) -> Any:
    """The first examples as a batch, the same from `batch` and from `collate`."""
    numbers = torch.arange(min(BATCH, len(examples)))
    batch = task.batch(examples, numbers)
    if not _tensors(batch):
        raise TaskError(
            "a batch has no tensor; collate must give tensors in tuples, lists, dicts or dataclasses"
        )
    if type(task).collate is not Task.collate:
        first, other = _tensors(batch), _tensors(task.collate([examples[int(k)] for k in numbers]))
        if len(first) != len(other) or not all(map(torch.equal, first, other)):
            raise TaskError("batch(examples, indices) is not what collate makes of the same examples")
    return batch


def _tensors(value: Any) -> list[Tensor]:
    """Every tensor of a batch or output."""
    found: list[Tensor] = []
    mapped(lambda tensor: found.append(tensor) or tensor, value)
    return found


def _network(task: Task, name: str, settings: DataSettings) -> Network:
    """A network at its starting values, which come from its generator alone."""
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(SEED)
        made.append(task.network(name, settings.options, settings, generator))
    for each in made:
        if not isinstance(each, Network):
            raise TaskError(
                f"network must give a codesign.models.network.Network, got {type(each).__name__}; "
                "network_of(module) makes one"
            )
    first, second = (each.state() for each in made)
    if list(first) != list(second):
        raise TaskError("a network has other parameters the second time it is made")
    for parameter, value in first.items():
        if not torch.equal(value, second[parameter]):
            raise TaskError(
                f"the network ignores its generator: {parameter} starts with other values the second time; "
                "draw every starting value with generator=generator, those of torch's own layers too"
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise TaskError(f"{parameter} starts with values that are not finite; give it some")
    blank = task.network(name, settings.options, settings, None)
    if list(blank.state()) != list(first):
        raise TaskError("without a generator, where weights are loaded next, a network has other parameters")
    return made[0]


def _learn(task: Task, network: Network, batch: Any) -> tuple[Any, Tensor, int]:
    """Output, loss and count of one step backwards."""
    calls = []
    handle = network.module.register_forward_hook(lambda *_: calls.append(1))
    network.train()
    try:
        output = single(task.forward(network.module, batch))
    finally:
        handle.remove()
    if not calls:
        raise TaskError(
            "forward does not call the module itself; noise on weights begins and ends with module(...)"
        )
    loss, count = loss_of(task, output, batch)
    if not torch.isfinite(loss).all():
        raise TaskError(f"the loss of a network that has learnt nothing is {float(loss.detach())}")
    loss.backward()
    parameters = dict(network.module.named_parameters())
    for name in network.analog:
        if parameters[name].grad is None:
            raise TaskError(f"{name} is on memristors and takes no part in the loss: it has no gradient")
    return mapped(Tensor.detach, output), loss, count


def _scored(task: Task, about: About, output: Any, batch: Any) -> dict[str, float]:
    """Every metric, of the output and of one that is no number."""
    metrics = list(about.metrics)
    scores = score_of(_counted(task, output, batch), metrics, of=f"task {about.name}")
    wild = mapped(lambda each: torch.full_like(each, torch.nan) if each.is_floating_point() else each, output)
    score_of(_counted(task, wild, batch), metrics, of=f"task {about.name}, where every output is no number")
    return scores


def _counted(task: Task, output: Any, batch: Any, *, details: bool = False) -> Scorer:
    scorer = task.scorer(details=details)
    scorer.update(output, batch)
    return scorer


def _details(task: Task, output: Any, batch: Any) -> list[dict]:
    """Rows of one batch."""
    if list(task.scorer(details=True).details()):
        raise TaskError("a scorer that has counted nothing gives rows")
    rows = list(_counted(task, output, batch, details=True).details())
    if not rows:
        raise TaskError("scorer(details=True) keeps no rows: details() gives none after a batch")
    for row in rows:
        if not isinstance(row, Mapping) or list(row) != list(rows[0]):
            raise TaskError("details() must give rows, each a dict with the same keys")
    return rows


def _drawn(about: About, figure: str, rows: Sequence[Mapping]) -> list[Mapping]:
    """Numbers of a figure drawn from the rows of one batch, as if each method had them on each level."""
    shown = [
        {"method": method, "profile": f"synthetic-{level:.2f}", "level": level}
        | {"usability": level, "programming": programming}
        | dict(row)
        for method in about.details.get("methods", SHOWN)
        for level in about.details["levels"]
        for programming in range(about.details["programmings"])
        for row in rows
    ]
    draw = getattr(import_module(f"codesign.tasks.{about.name}.figures"), figure.replace("-", "_"))
    drawing = draw(shown, experiment=about.name, origin="virtual")
    if not hasattr(drawing, "figure") or not hasattr(drawing, "numbers"):
        raise TaskError(
            f"a figure must give Drawing(figure, numbers), got {type(drawing).__name__} "
            "(codesign.figures.style)"
        )
    numbers = list(drawing.numbers)
    for row in numbers:
        if list(row) != list(numbers[0]):
            raise TaskError(
                f"rows of numbers must have the same columns: {', '.join(numbers[0])} and {', '.join(row)}"
            )
    return numbers
