"""Two interleaved half circles, the task of the hardware demonstration."""

import math

import torch
from torch import Tensor
from torch.nn.functional import softmax

from codesign.seeds import derived_seed
from codesign.tasks.classification import AccuracyScorer, ClassificationTask, Labelled
from codesign.tasks.contract import DataSettings, DataSource


def read(part: str, settings: DataSettings) -> tuple[Tensor, Tensor, DataSource]:
    """Points drawn for `fit` or `test`: as many as training and validation need, or `test_size`."""
    if part == "test":
        return moons("test", settings.needed("test_size"), settings)
    total = math.ceil(settings.needed("train_size") / (1 - settings.validation_fraction)) + 1
    return moons("fit", total, settings)


def moons(part: str, number: int, settings: DataSettings) -> tuple[Tensor, Tensor, DataSource]:
    """`number` points (number, 2) and their half circle, drawn for `part`."""
    from sklearn.datasets import make_moons

    noise = settings.needed("noise")
    state = derived_seed(settings.seed, "moons", part) % 2**32
    points, labels = make_moons(number, noise=noise, random_state=state)
    source = DataSource("two moons", "generated", f"noise {noise:g}", "")
    return torch.from_numpy(points).float(), torch.from_numpy(labels).long(), source


class MoonsScorer(AccuracyScorer):
    """Accuracy, and for the task's own figure each point with what the network thinks of it."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[dict] = []

    def update(self, output: Tensor, batch: Labelled) -> None:
        """Count right decisions and keep the points."""
        super().update(output, batch)
        upper = softmax(output.double(), dim=1)[:, 1].nan_to_num(0.5)
        for (x, y), target, probability in zip(
            batch.inputs.tolist(), batch.targets.tolist(), upper.tolist(), strict=True
        ):
            self.points.append({"x": x, "y": y, "target": target, "probability": probability})

    def details(self) -> list[dict]:
        """x, y (normalised), target (0 or 1) and the probability given to class 1."""
        return self.points


class Moons(ClassificationTask):
    """A classification with a picture of its decisions."""

    def scorer(self, *, details: bool = False) -> AccuracyScorer:
        """Counts right decisions; with `details` keeps the points."""
        return MoonsScorer() if details else AccuracyScorer()


TASK = Moons("moons", classes=2, shape=(2,), read=read, stream="divide")
