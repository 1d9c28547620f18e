"""An entry of the configuration as data, network and training."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import codesign.training.job
from codesign.bayesmulti.specification import method_spec
from codesign.models.weights import write_weights
from codesign.tasks.experiment import Experiment
from codesign.training.job import (
    history_rows,
    seed_of_repeat,
    train_experiment,
    training_settings,
)
from codesign.training.loop import TrainingError

SAID = {
    "task": "moons", "source": "generated", "network": "perceptron", "epochs": 3, "batch_size": 20,
    "learning_rate": 0.02, "train_size": 40, "test_size": 30, "noise": 0.2,
}  # fmt: skip
SHARED = {
    "optimiser": "sgd", "momentum": 0.9, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
    "ramp": 0.0, "select": "metric", "patience": None, "compile": False, "precision": "auto",
    "start": "scratch", "further": 0.5,
}  # fmt: skip


def moons(name="two", **changes):
    return Experiment.make(name, SAID | changes, data={"seed": 5, "validation_fraction": 0.2})


MOONS = moons()
ERM = method_spec("erm", {}, 1, site="activation")
DROPOUT = method_spec("dropout", {"rate": 0.5}, 1, site="activation")


def trained(spec=ERM, experiment=MOONS, *, seed=5, shared=SHARED, **more):
    return train_experiment(experiment, spec, shared=shared, seed=seed, **more)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_networks_start_alike_for_an_experiment_and_differ_between_experiments():
    """Starting values depend on root seed and experiment alone."""
    first, again = (MOONS.fresh_network(seed=5).state() for _ in range(2))
    others = [MOONS.fresh_network(seed=6).state(), moons("three").fresh_network(seed=5).state()]
    assert same(first, again) and not any(same(first, other) for other in others)


def test_a_saved_network_is_the_trained_one(tmp_path):
    """Same outputs, in evaluation mode."""
    made = trained(DROPOUT)
    write_weights(made.result.weights, tmp_path / "w.safetensors", metadata={})
    loaded = MOONS.saved_network(tmp_path / "w.safetensors")
    assert not loaded.module.training
    inputs = made.validation.inputs
    assert torch.equal(loaded.module(inputs), made.network.module(inputs))


def test_the_best_value_is_that_of_the_best_epoch():
    """By the task's primary metric."""
    made = trained()
    values = [row["validation"]["accuracy"] for row in made.result.history]
    assert made.metric.name == "accuracy" and made.best == values[made.result.best_epoch - 1] == max(values)


def test_methods_share_everything_but_the_noise():
    """ERM is dropout without dropout: the same bits; with dropout, others."""
    none = method_spec("dropout", {"rate": 0.0}, 1, site="activation")
    erm = trained().result.weights
    assert same(erm, trained(none).result.weights)
    assert not same(erm, trained(DROPOUT).result.weights)


def test_splits_do_not_depend_on_the_model_or_the_training():
    """Whatever is compared is compared on the same examples."""
    longer = moons("other", epochs=9, batch_size=7, width=2)
    for part in ("train", "validation", "test"):
        [one], [other] = (each.examples(part) for each in (MOONS, longer))
        assert torch.equal(one.inputs, other.inputs) and torch.equal(one.targets, other.targets)
    assert len(one) == 30


def test_what_an_experiment_says_beyond_what_all_do_are_its_options():
    """And all of it, but for where data lie, is what its results rest on."""
    placed = Experiment.make(
        "two", SAID, data={"seed": 5, "validation_fraction": 0.2, "stand_in": True}, mirror="m", cache="c"
    )
    assert placed.options == {"train_size": 40, "test_size": 30, "noise": 0.2}
    assert placed.said() == MOONS.said()
    assert placed.said() == {
        "name": "two", "task": "moons", "network": "perceptron", "epochs": 3, "batch_size": 20,
        "learning_rate": 0.02, "source": "generated", "validation_fraction": 0.2, "seed": 5,
        "options": {"train_size": 40, "test_size": 30, "noise": 0.2},
    }  # fmt: skip


def test_an_experiment_is_read_from_a_job(monkeypatch):
    """Its name from the wildcard, where there is none from a parameter; its places from the machine."""
    monkeypatch.delenv("CODESIGN_MIRROR", raising=False)
    params = SimpleNamespace(experiment=SAID, data={"seed": 5, "validation_fraction": 0.2}, name="named")
    for wildcards, name in (({"experiment": "two"}, "two"), ({}, "named")):
        job = SimpleNamespace(wildcards=wildcards, params=params, config={"datasets": {"mirror": "m"}})
        found = Experiment.of(job)
        assert found.name == name and found.said() == moons(name).said()
        assert (found.data.mirror, found.data.cache) == (Path("m"), Path("results/datasets"))


def test_a_mirror_given_as_text_is_a_path():
    """Configuration files hold text."""
    data = {"seed": 5, "validation_fraction": 0.2}
    settings = Experiment.make("two", SAID, data=data, mirror="some/folder", cache="other").data
    assert settings.mirror.name == "folder" and settings.cache.name == "other"


@pytest.mark.parametrize("left", ["other-code", "not-a-checkpoint"])
def test_a_checkpoint_that_no_longer_fits_is_made_again(tmp_path, capsys, left):
    """Settings or code changed after a kill: the training starts anew and says why."""
    path = tmp_path / "c.safetensors"
    if left == "other-code":
        trained(checkpoint=path, plain_code="before")
    else:
        path.write_bytes(b"half a file")
    made = trained(checkpoint=path, plain_code="after")
    assert "starting from the first epoch" in capsys.readouterr().out
    assert made.result.resumed_after == 0 and same(made.result.weights, trained().result.weights)
    again = trained(checkpoint=path, plain_code="after")
    assert again.result.resumed_after == 3 and same(again.result.weights, made.result.weights)


@pytest.mark.parametrize(
    ("epochs", "further", "expected"), [(8, 0.5, 4), (3, 0.5, 2), (3, 0.01, 1), (5, 1.0, 5)]
)
def test_a_training_from_erm_takes_a_share_of_the_epochs(epochs, further, expected):
    """Rounded up, so that there is always one; a training from scratch takes all."""
    shared = SHARED | {"further": further}
    experiment = moons(epochs=epochs)
    assert training_settings(experiment, shared, on_gpu=False).epochs == epochs
    assert training_settings(experiment, shared | {"start": "erm"}, on_gpu=False).epochs == expected


@pytest.mark.parametrize(
    ("precision", "on_gpu", "mixed"),
    [("auto", False, False), ("auto", True, True), ("single", True, False), ("bfloat16", False, True)],
)
def test_precision_is_the_configurations_and_auto_that_of_the_machine(precision, on_gpu, mixed):
    settings = training_settings(moons(), SHARED | {"precision": precision}, on_gpu=on_gpu)
    assert settings.amp is mixed


@pytest.mark.parametrize("spec", [ERM, DROPOUT], ids=["erm", "dropout"])
def test_a_training_from_erm_begins_with_the_bits_that_erm_ends_with(monkeypatch, spec):
    """ERM as well: every method has then seen as many examples."""
    begun, train = [], codesign.training.job.train

    def watched(network, *arguments, **more):
        begun.append(({name: value.clone() for name, value in network.state().items()}, more["settings"]))
        return train(network, *arguments, **more)

    monkeypatch.setattr(codesign.training.job, "train", watched)
    erm = trained().result.weights
    begun.clear()
    further = trained(spec, shared=SHARED | {"start": "erm"})
    (_, first), (start, second) = begun
    assert same(start, erm) and (first.epochs, second.epochs) == (3, 2)
    assert len(further.result.history) == 2 and not same(further.result.weights, erm)


def test_a_repeated_training_differs_in_its_weights_and_not_in_its_examples():
    """Start, order and noise come from another seed; the first one is that of the search."""
    assert seed_of_repeat(5, 1) == 5
    assert len({seed_of_repeat(5, repeat) for repeat in range(1, 50)}) == 49
    one, two = (trained(DROPOUT, seed=seed_of_repeat(5, repeat)) for repeat in (1, 2))
    assert same(one.result.weights, trained(DROPOUT).result.weights)
    assert not any(same({"w": a}, {"w": b}) for a, b in _matrices(one, two))
    assert torch.equal(one.validation.inputs, two.validation.inputs)
    starts = [MOONS.fresh_network(seed=seed_of_repeat(5, repeat)).state() for repeat in (1, 2)]
    assert not same(*starts)


def _matrices(one, two):
    """Weights of the same name, without vectors: those may start at 0."""
    mine, other = one.result.weights, two.result.weights
    return [(mine[name], other[name]) for name in mine if mine[name].ndim > 1]


def test_rows_of_a_history_say_whose_it_is():
    """Several networks of a method are in one table; quantities by name, the learning rate first."""
    epoch = {
        "epoch": 1,
        "learning_rate": 0.1,
        "train": {"loss": 0.5},
        "validation": {"loss": 0.6, "accuracy": 0.7},
    }
    assert [tuple(row.values()) for row in history_rows([epoch], network=2)] == [
        (2, 1, "train", "learning_rate", 0.1),
        (2, 1, "train", "loss", 0.5),
        (2, 1, "validation", "accuracy", 0.7),
        (2, 1, "validation", "loss", 0.6),
    ]


def test_a_training_that_diverges_is_an_error_that_says_where():
    """Not a network of NaN."""
    wild = moons(learning_rate=1e30, epochs=20)
    with pytest.raises(TrainingError, match="epoch"):
        trained(experiment=wild)
