"""Objects in 32 x 32 colour images: CIFAR-10."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.seeds import derived_seed
from codesign.tasks.data import read_cifar10
from codesign.tasks.splits import divide, normalised, statistics, stratified
from codesign.tasks.task import DataSettings, Origin, Split, Task, accuracy


def load_fit(settings: DataSettings) -> tuple[Split, Split]:
    """Training and validation images; no test example is read."""
    images, targets, origin = _raw("train", settings)
    train, validation = _divided(targets, settings)
    moments = statistics(images[train])
    return (
        Split(normalised(images[train], moments), targets[train], origin),
        Split(normalised(images[validation], moments), targets[validation], origin),
    )


def load_test(settings: DataSettings) -> Split:
    """Test images, normalised with the statistics of the training images."""
    images, targets, _ = _raw("train", settings)
    moments = statistics(images[_divided(targets, settings)[0]])
    images, targets, origin = _raw("test", settings)
    if settings.test_size is not None:
        generator = torch.Generator().manual_seed(derived_seed(settings.seed, "objects", "test"))
        chosen = stratified(targets, settings.test_size, generator=generator)
        images, targets = images[chosen], targets[chosen]
    return Split(normalised(images, moments), targets, origin)


def _divided(targets: Tensor, settings: DataSettings) -> tuple[Tensor, Tensor]:
    return divide(
        targets,
        validation_fraction=settings.validation_fraction,
        train_size=settings.train_size,
        generator=torch.Generator().manual_seed(derived_seed(settings.seed, "objects", "fit")),
    )


def _raw(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, Origin]:
    if settings.source != "cifar10":
        raise ValueError(f"objects come from cifar10; no package ships such images ({settings.source})")
    return read_cifar10(part, settings)


OBJECTS = Task(
    name="objects",
    models=("alexnet", "resnext", "mobilenetv2", "resnet18", "resnet50", "resnet101"),
    classes=10,
    shape=(3, 32, 32),
    loss=cross_entropy,
    metric="accuracy",
    score=accuracy,
    chance=0.1,
    augmented=True,
    load_fit=load_fit,
    load_test=load_test,
)
