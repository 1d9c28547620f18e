"""Objects in 32 x 32 colour images: CIFAR-10."""

from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.tasks.data import read_cifar10
from codesign.tasks.splits import fitting_splits, testing_split
from codesign.tasks.task import DataSettings, Origin, Split, Task, accuracy


def load_fit(settings: DataSettings) -> tuple[Split, Split]:
    """Training and validation images; no test example is read."""
    return fitting_splits(_raw, settings, task="objects")


def load_test(settings: DataSettings) -> Split:
    """Test images, normalised with the statistics of the training images."""
    return testing_split(_raw, settings, task="objects")


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
