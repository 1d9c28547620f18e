"""Parts of a network that were trained elsewhere: not trained, not saved, pinned."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from codesign.bayesmulti.specification import method_spec
from codesign.models.network import Network, network_of
from codesign.models.weights import WeightsError, load_weights, put_weights, read_weights, write_weights
from codesign.tasks import experiment as experiments
from codesign.tasks.experiment import Experiment
from codesign.tasks.moons.task import TASK as MOONS
from codesign.training.job import train_experiment
from tests.unit.training.conftest import generator

SHARED = {
    "optimiser": "adam", "momentum": 0.0, "weight_decay": 0.01, "schedule": "constant", "warmup_epochs": 0,
    "ramp": 0.0, "select": "loss", "patience": None, "compile": False, "precision": "auto",
    "start": "scratch", "further": 0.5,
}  # fmt: skip
SAID = {
    "task": "moons", "source": "generated", "network": "perceptron", "epochs": 3, "batch_size": 20,
    "learning_rate": 0.05, "train_size": 60, "test_size": 30, "noise": 0.1,
}  # fmt: skip
PIN, OTHER = "ab" * 32, "cd" * 32


def network(seed=0, pin=PIN, body_seed=9) -> Network:
    """A body that somebody else has trained, with statistics and dropout, and a head of our own."""
    body = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5))
    module = nn.Module()
    module.body, module.head = body, nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))
    for part, draw in ((body, generator(body_seed)), (module.head, generator(seed))):
        for parameter in part.parameters():
            parameter.data.normal_(0, 0.5, generator=draw)
    module.forward = lambda inputs: module.head(module.body(inputs))
    return network_of(module, frozen={"body": pin})


@pytest.fixture
def experiment(monkeypatch):
    """Two moons, read by the network above."""
    pins = SimpleNamespace(pin=PIN)
    task = type(MOONS)("moons", classes=2, shape=(2,), read=MOONS.read, stream="divide")
    task.network = lambda name, options, settings, generator: network(pin=pins.pin)
    monkeypatch.setattr(experiments, "task_named", lambda _name: task)
    made = Experiment.make("frozen", SAID, data={"seed": 5, "validation_fraction": 0.2})
    return SimpleNamespace(made=made, pins=pins)


def trained(experiment, method="erm", **more):
    parameters = {"erm": {}, "bayesmulti": {"p_zero": 0.2, "p_half": 0.2}}[method]
    places = len(experiment.made.blank_network().places("weight"))
    spec = method_spec(method, parameters, places, site="weight")
    return train_experiment(experiment.made, spec, shared=SHARED, seed=5, **more)


def bits(network, prefix):
    return {
        name: tensor.detach().numpy().tobytes()
        for name, tensor in network.module.state_dict().items()
        if name.startswith(prefix)
    }


@pytest.mark.parametrize("method", ["erm", "bayesmulti"])
def test_a_training_leaves_what_is_frozen_bit_for_bit(experiment, method):
    """Weights and running statistics; the head has learnt. Weight decay does not reach it either."""
    made = trained(experiment, method)
    assert bits(made.network, "body") == bits(network(), "body")
    assert bits(made.network, "head") != bits(network(), "head")
    losses = [row["train"]["loss"] for row in made.result.history]
    assert losses[-1] < losses[0]


def test_what_is_frozen_is_in_evaluation_mode_in_every_training_batch(experiment):
    """Looked at from inside; nothing is dropped and no statistic moves."""
    modes = []
    build = experiment.made.definition.network

    def watched(*arguments):
        found = build(*arguments)
        found.module.body.register_forward_pre_hook(
            lambda module, _inputs: modes.append(
                (torch.is_grad_enabled(), any(part.training for part in module.modules()))
            )
        )
        return found

    experiment.made.definition.network = watched
    trained(experiment)
    # three training batches an epoch with gradients, then one of validation
    assert modes == [*[(True, False)] * 3, (False, False)] * 3


def test_what_is_frozen_is_not_saved(experiment, tmp_path):
    """Neither with the weights nor in a checkpoint; the checkpoint says what it was trained around."""
    path = tmp_path / "c.safetensors"
    made = trained(experiment, checkpoint=path)
    assert set(made.result.weights) == {
        f"head.{layer}.{what}" for layer in (0, 2) for what in ("weight", "bias")
    }
    tensors, metadata = read_weights(path)
    assert not [name for name in tensors if "body" in name]
    assert metadata["identity"]["identity"]["frozen"] == {"body": PIN}


def test_a_checkpoint_around_other_frozen_parts_is_made_again(experiment, tmp_path, capsys):
    """The head would go on as if it had learnt to read another body."""
    path = tmp_path / "c.safetensors"
    trained(experiment, checkpoint=path)
    experiment.pins.pin = OTHER
    made = trained(experiment, checkpoint=path)
    assert "different: identity" in capsys.readouterr().out and made.result.resumed_after == 0


def test_saved_weights_are_loaded_around_the_same_frozen_parts(experiment, tmp_path):
    """Outputs are those of the trained network."""
    made = trained(experiment)
    path = tmp_path / "w.safetensors"
    write_weights(made.result.weights, path, metadata={"frozen": dict(made.network.frozen)})
    loaded = experiment.made.saved_network(path)
    assert loaded.frozen == {"body": PIN} and not loaded.module.training
    inputs = made.validation.inputs
    assert torch.equal(loaded.module(inputs), made.network.module(inputs))


@pytest.mark.parametrize(
    "said", [{"frozen": {"body": OTHER}}, {"frozen": {}}, {}], ids=["other", "none", "nothing"]
)
def test_weights_trained_around_other_frozen_parts_are_refused(tmp_path, said):
    """The message names both digests: of what it was trained around, and of what is here."""
    here, before = network(seed=1), bits(network(seed=1), "")
    path = tmp_path / "w.safetensors"
    write_weights(network().state(), path, metadata=said)
    words = rf"w\.safetensors: trained around frozen parts .*those here.*{PIN}"
    with pytest.raises(WeightsError, match=words):
        load_weights(here, path)
    assert bits(here, "") == before


def test_weights_that_would_overwrite_what_is_frozen_are_refused(tmp_path):
    """Whatever the file says of itself; the network stays as it was."""
    here, before = network(body_seed=1), bits(network(body_seed=1), "")
    whole = replace(network(), frozen={})
    with pytest.raises(WeightsError, match=r"elsewhere: of another network \(body\.0\.weight is frozen"):
        put_weights(here, whole.state(), "elsewhere")
    path = tmp_path / "w.safetensors"
    write_weights(whole.state(), path, metadata={"frozen": {}})
    with pytest.raises(WeightsError, match="trained around frozen parts"):
        load_weights(here, path)
    assert bits(here, "") == before


def test_weights_of_a_head_alone_are_no_weights_of_a_whole_network():
    """Where nothing is frozen, everything must be there."""
    whole = replace(network(), frozen={})
    with pytest.raises(WeightsError, match=r"body\.0\.weight is missing"):
        put_weights(whole, network().state(), "elsewhere")
