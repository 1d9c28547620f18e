"""What tasks are called and declare: `about.yaml` of each folder, read without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from codesign.yaml_text import read_yaml

FOLDER = Path(__file__).parent
DECLARATION = "about.yaml"
DIRECTIONS = ("higher", "lower")
EXAMPLE = "docs/adding-a-task.md has one"


class AboutError(ValueError):
    """A task's declaration is wrong, or there is no such task; the message says what to do."""


@dataclass(frozen=True)
class Metric:
    """One number that says how good a set of outputs is."""

    name: str
    """As tables write it."""
    title: str
    """As figures write it."""
    better: str
    """higher | lower."""
    chance: float | None = None
    """Value of a network that has learnt nothing; None where there is no such value."""

    def __post_init__(self) -> None:
        if self.better not in DIRECTIONS:
            raise AboutError(f"metric {self.name}: better must be higher or lower, got {self.better!r}")

    def gain(self, value: float) -> float:
        """The value, turned so that larger is better.

        Example:
            >>> Metric("error", "error", "lower").gain(0.25)
            -0.25
        """
        return value if self.better == "higher" else -value


@dataclass(frozen=True)
class Scale:
    """What a job with a network of this task may use."""

    memory_mb: int
    minutes: int
    gpus: int = 0


@dataclass(frozen=True)
class Source:
    """Where a task's examples may come from."""

    title: str
    published: str | None = None
    """The file as published, below a mirror."""
    stand_in: str | None = None
    """A file with other content that a mirror may hold in its place: results say which was used."""
    metrics: Sequence[str] | None = None
    """Those that its examples have; None: all."""
    refused: Mapping[str, str] | None = None
    """Networks that are not given its examples, each with the reason."""


@dataclass(frozen=True)
class Baseline:
    """A way to answer that needs no network."""

    title: str
    """As figures write it."""


@dataclass(frozen=True)
class About:
    """One task as it declares itself."""

    name: str
    title: str
    primary: str
    """The metric that chooses epochs, noise and networks, and is drawn first."""
    metrics: Mapping[str, Metric]
    """Every metric, the primary one first."""
    sources: Mapping[str, Source]
    networks: Mapping[str, Mapping[str, Any]]
    """Name to what is true of it: `crossbar`: linear layers one after the other, which an array holds;
    `needs`: options that an experiment must give with it, and only with it or another that needs them."""
    options: Mapping[str, Mapping] = field(default_factory=dict)
    """JSON schema of each option of an experiment with this task."""
    required: tuple[str, ...] = ()
    """Options that must be given."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """What a job may use, by name; an experiment that names none has the first."""
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    """Answers that need no network; `baselines.py` beside it scores them."""
    prepared: bool = False
    """Whether its examples take long to make, so that a job of its own makes them before all others."""
    certificates: bool = False
    """Whether its decisions are right or wrong, so that they can be certified."""
    requirements: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    """Packages that only this task needs (import name) to the file that installs them; or to `file` and
    `command`, where the file alone is not enough."""
    details: Mapping[str, Any] | None = None
    """levels and programmings for which rows are kept for the task's own figures, and of which methods where
    not of all; None keeps none."""
    figures: Mapping[str, str] = field(default_factory=dict)
    """The task's own figures, to what the report says under each; `figures.py` beside it draws them."""

    @property
    def metric(self) -> Metric:
        """The primary one."""
        return self.metrics[self.primary]

    @property
    def chance_right(self) -> float:
        """Share of right decisions of a network that has learnt nothing; 0 where no metric is that share."""
        found = self.metrics.get("accuracy")
        return 0.0 if found is None or found.chance is None else found.chance

    @property
    def computing(self) -> dict:
        """What results rest on: not titles, memory and captions, which change nothing."""
        return {
            "primary": self.primary,
            "metrics": {name: metric.better for name, metric in self.metrics.items()},
            "sources": sorted(self.sources),
            "networks": sorted(self.networks),
        }

    def methods_shown(self, compared: Sequence[str]) -> list[str]:
        """Methods that rows are kept of: those of `details`, or all where none or one of them is compared.

        Example:
            >>> shown = {"levels": [1.0], "programmings": 1, "methods": ["erm", "bayesmulti"]}
            >>> about = About("a", "a", "b", {}, {}, {}, details=shown)
            >>> about.methods_shown(["erm", "dropout", "bayesmulti"]), about.methods_shown(["erm", "dropout"])
            (['erm', 'bayesmulti'], ['erm', 'dropout'])
        """
        named = (self.details or {}).get("methods", compared)
        shown = [name for name in compared if name in named]
        return shown if len(shown) == len(named) or len(shown) > 1 else list(compared)

    def missing_packages(self) -> dict[str, str]:
        """Packages of `requirements` that are not installed, to the command that installs them."""
        return {
            package: f"python -m pip install -c envs/constraints.txt -r {said}"
            if isinstance(said, str)
            else said["command"]
            for package, said in self.requirements.items()
            if find_spec(package) is None
        }

    def of_source(self, source: str) -> "About":
        """The same with the metrics that examples of a source have, the primary one first."""
        names = self.sources[source].metrics
        if names is None:
            return self
        return replace(self, metrics={key: each for key, each in self.metrics.items() if key in names})

    def needs(self, network: str) -> tuple[str, ...]:
        """Options that an experiment must give with a network, beside those of `required`."""
        return tuple(self.networks[network].get("needs", ()))

    def useless(self, network: str) -> list[str]:
        """Options that other networks need and this one does not: it would not look at them.

        Example:
            >>> networks = {"small": {"needs": ["pixels"]}, "large": {"needs": ["language"]}}
            >>> about = About("a", "a", "b", {}, {}, networks)
            >>> about.needs("large"), about.useless("large")
            (('language',), ['pixels'])
        """
        named = {option: None for other in self.networks for option in self.needs(other)}
        return [option for option in named if option not in self.needs(network)]

    def refusal(self, source: str, network: str) -> str:
        """Why a network is not given examples of a source; '' where it is."""
        return (self.sources[source].refused or {}).get(network, "")


def task_names(folder: Path = FOLDER) -> list[str]:
    """Every task there is: the folders that hold a declaration."""
    return sorted(path.parent.name for path in folder.glob(f"*/{DECLARATION}"))


def module_of(name: str) -> str:
    """Where a task's functions are; part of the digest of every job that computes with it."""
    return f"codesign.tasks.{name}.task"


def baselines_module_of(name: str) -> str:
    """Where a task's answers without a network are; only the job that scores them imports it."""
    return f"codesign.tasks.{name}.baselines"


def declared(name: str, folder: Path = FOLDER) -> dict:
    """What `about.yaml` of a task says, as it is written; `codesign.tasks.declaration` checks it.

    Raises:
        AboutError: There is no such task, or no mapping in its file.
    """
    path = folder / name / DECLARATION
    if not path.is_file():
        raise AboutError(f"unknown task {name!r}; known: {', '.join(task_names(folder))}")
    try:
        said = read_yaml(path)
    except ValueError as error:
        raise AboutError(f"{path}: not a task's declaration ({error}); {EXAMPLE}") from None
    if not isinstance(said, dict):
        raise AboutError(f"{path}: not a task's declaration ({said!r} has no keys); {EXAMPLE}")
    return said


@cache
def about_of(name: str, folder: Path = FOLDER) -> About:
    """What the task `name` declares.

    Raises:
        AboutError: There is no such task, or its declaration lacks something or has something unknown.
    """
    said, path = declared(name, folder), folder / name / DECLARATION
    try:
        return _about(name, said)
    except AboutError as error:
        raise AboutError(f"{path}: {error}") from None
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise AboutError(f"{path}: not a task's declaration ({error}); {EXAMPLE}") from error


def _about(name: str, said: Mapping) -> About:
    primary = said["primary"]
    metrics = {key: Metric(key, **value) for key, value in said["metrics"].items()}
    if primary not in metrics:
        raise AboutError(f"primary is {primary!r}; the metrics are {', '.join(metrics)}")
    known = {
        "metrics": {primary: metrics[primary]} | metrics,
        "sources": {key: Source(**(value or {})) for key, value in said["sources"].items()},
        "networks": {key: dict(value or {}) for key, value in said["networks"].items()},
        "scales": {key: Scale(**value) for key, value in said["scales"].items()},
        "required": tuple(said.get("required", ())),
        "baselines": {key: Baseline(**value) for key, value in said.get("baselines", {}).items()},
    }
    if not known["scales"]:
        raise AboutError("scales: at least one must say how much memory and how many minutes a job may use")
    return About(name=name, **(dict(said) | known))
