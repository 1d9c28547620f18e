"""Small problems to train on."""

from contextlib import contextmanager

import pytest
import torch

from codesign.models.build import build_model, initialise
from codesign.tasks.task import Split
from codesign.training.loop import TrainingSettings


def generator(seed):
    return torch.Generator().manual_seed(seed)


def points(number, seed, *, separation=2.0):
    """Two Gaussian clouds `separation` apart."""
    draw = generator(seed)
    targets = torch.randint(0, 2, (number,), generator=draw)
    inputs = torch.randn(number, 2, generator=draw)
    inputs[:, 0] += separation * (targets - 0.5)
    return Split(inputs, targets)


def pictures(number, seed):
    """8 x 8 images whose class is the brighter half."""
    draw = generator(seed)
    targets = torch.randint(0, 2, (number,), generator=draw)
    inputs = torch.randn(number, 1, 8, 8, generator=draw)
    inputs[targets == 1, :, :4] += 1
    return Split(inputs, targets)


def perceptron(seed=0):
    return initialise(build_model("perceptron", classes=2, features=2), generator(seed))


def small_resnet(seed=0):
    model = build_model("resnet18", classes=2, in_channels=1, image_size=8, width=0.0625, depth=0.5)
    return initialise(model, generator(seed))


def weight_noise(draw, spread):
    """An injection that multiplies each linear weight by exp(spread z) in training."""

    class Noisy(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer = [layer]

        def forward(self, weight):
            if not self.layer[0].training:
                return weight
            return weight * torch.exp(spread * torch.randn(weight.shape, generator=draw))

    @contextmanager
    def injection(model):
        layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        for layer in layers:
            torch.nn.utils.parametrize.register_parametrization(layer, "weight", Noisy(layer))
        try:
            yield
        finally:
            for layer in layers:
                torch.nn.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)

    return injection


@pytest.fixture
def settings():
    """Settings with the changes a test asks for."""

    def make(**changes):
        given = {
            "epochs": 4,
            "batch_size": 16,
            "learning_rate": 0.05,
            "optimiser": "sgd",
            "momentum": 0.9,
            "weight_decay": 1e-4,
            "schedule": "cosine",
            "warmup_epochs": 0,
            "patience": None,
            "select": "loss",
            "augmentation": "none",
            "amp": False,
            "channels_last": False,
            "compile": False,
        }
        return TrainingSettings(**given | changes)

    return make
