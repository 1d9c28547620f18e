"""Two interleaved half circles, the task of the hardware demonstration."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.seeds import derived_seed
from codesign.tasks.splits import divide, normalised, statistics
from codesign.tasks.task import DataSettings, Origin, Split, Task, accuracy


def load_fit(settings: DataSettings) -> tuple[Split, Split]:
    """Training and validation points, drawn apart from the test points."""
    points, targets, origin = _fit_points(settings)
    train, validation = _divided(targets, settings)
    moments = statistics(points[train])
    return (
        Split(normalised(points[train], moments), targets[train], origin),
        Split(normalised(points[validation], moments), targets[validation], origin),
    )


def load_test(settings: DataSettings) -> Split:
    """`test_size` points of their own, normalised with the statistics of the training points."""
    points, targets, _ = _fit_points(settings)
    moments = statistics(points[_divided(targets, settings)[0]])
    if settings.test_size is None:
        raise ValueError("moons are generated: test_size must say how many")
    points, targets, origin = moons("test", settings.test_size, settings)
    return Split(normalised(points, moments), targets, origin)


def _fit_points(settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    if settings.train_size is None:
        raise ValueError("moons are generated: train_size must say how many")
    total = math.ceil(settings.train_size / (1 - settings.validation_fraction)) + 1
    return moons("fit", total, settings)


def _divided(targets: Tensor, settings: DataSettings) -> tuple[Tensor, Tensor]:
    return divide(
        targets,
        validation_fraction=settings.validation_fraction,
        train_size=settings.train_size,
        generator=torch.Generator().manual_seed(derived_seed(settings.seed, "moons", "divide")),
    )


def moons(part: str, number: int, settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    """`number` points (number, 2) and their half circle, drawn for `part`."""
    from sklearn.datasets import make_moons

    if settings.source != "embedded":
        raise ValueError(f"moons are generated: source must be embedded, got {settings.source}")
    if settings.noise is None:
        raise ValueError("moons need noise, the standard deviation of the points' displacement")
    state = derived_seed(settings.seed, "moons", part) % 2**32
    points, labels = make_moons(number, noise=settings.noise, random_state=state)
    origin = Origin("two moons", "generated", f"noise {settings.noise:g}", "")
    return torch.from_numpy(points).float(), torch.from_numpy(labels).long(), origin


MOONS = Task(
    name="moons",
    models=("perceptron",),
    classes=2,
    shape=(2,),
    loss=cross_entropy,
    metric="accuracy",
    score=accuracy,
    chance=0.5,
    augmented=False,
    load_fit=load_fit,
    load_test=load_test,
)
