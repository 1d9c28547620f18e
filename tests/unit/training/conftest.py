"""Small problems to train on."""

from contextlib import contextmanager

import pytest
import torch

from codesign.models.build import build_model, initialise
from codesign.models.network import Network, network_of
from codesign.tasks.about import About, Metric
from codesign.tasks.classification import ClassificationTask, Labelled
from codesign.training.loop import TrainingSettings, train


def generator(seed):
    return torch.Generator().manual_seed(seed)


def points(number, seed, *, separation=2.0):
    """Two Gaussian clouds `separation` apart."""
    draw = generator(seed)
    targets = torch.randint(0, 2, (number,), generator=draw)
    inputs = torch.randn(number, 2, generator=draw)
    inputs[:, 0] += separation * (targets - 0.5)
    return Labelled(inputs, targets)


def pictures(number, seed):
    """8 x 8 images whose class is the brighter half."""
    draw = generator(seed)
    targets = torch.randint(0, 2, (number,), generator=draw)
    inputs = torch.randn(number, 1, 8, 8, generator=draw)
    inputs[targets == 1, :, :4] += 1
    return Labelled(inputs, targets)


ABOUT = About(
    name="two",
    title="two classes",
    primary="accuracy",
    metrics={"accuracy": Metric("accuracy", "accuracy", "higher", 0.5)},
    sources={},
    networks={},
)


class TwoClasses(ClassificationTask):
    """Points or pictures of two classes; its loss can be exchanged."""

    def __init__(self, shape=(2,), loss=None):
        super().__init__("two", classes=2, shape=shape, read=None)
        self.exchanged = loss

    def loss(self, output, batch):
        if self.exchanged is None:
            return super().loss(output, batch)
        return self.exchanged(output, batch.targets), len(batch)


def perceptron(seed=0):
    return network_of(initialise(build_model("perceptron", classes=2, features=2), generator(seed)))


def small_resnet(seed=0):
    model = build_model("resnet18", classes=2, in_channels=1, image_size=8, width=0.0625, depth=0.5)
    return network_of(initialise(model, generator(seed)))


def train_on(network, training, validation, *, settings, loss=None, **more):
    """A training of a classification in two classes; pictures are laid out channels last."""
    if not isinstance(network, Network):
        network = network_of(network)
    task = TwoClasses(training.inputs.shape[1:], loss)
    return train(network, task, ABOUT, training, validation, settings=settings, **more)


def weight_noise(draw, spread):
    """An injection of its own: each analog parameter times exp(spread z) in a training pass."""

    @contextmanager
    def injection(network):
        module, clean = network.module, {}

        def before(module, _arguments):
            if not module.training:
                return
            for name in network.analog:
                owner, _, leaf = name.rpartition(".")
                parameters = module.get_submodule(owner)._parameters
                clean[name] = parameters, leaf, parameters[leaf]
                noise = torch.exp(spread * torch.randn(parameters[leaf].shape, generator=draw))
                parameters[leaf] = parameters[leaf] * noise

        def after(*_):
            for parameters, leaf, value in clean.values():
                parameters[leaf] = value
            clean.clear()

        hooks = (
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after, always_call=True),
        )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

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
            "ramp": 0.0,
            "patience": None,
            "select": "loss",
            "amp": False,
            "compile": False,
        }
        return TrainingSettings(**given | changes)

    return make
