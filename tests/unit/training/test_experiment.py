"""An entry of the configuration as data, network and training."""

import pytest
import torch
from codesign.training.experiment import Experiment
from codesign.training.weights import write_weights

from codesign.bayesmulti.specification import method_spec
from codesign.training.job import train_experiment
from codesign.training.loop import TrainingError

MOONS = Experiment(
    "two", "moons", "embedded", "perceptron", epochs=3, batch_size=20, learning_rate=0.02,
    train_size=40, test_size=30, noise=0.2,
)  # fmt: skip
SHARED = {
    "optimiser": "sgd", "momentum": 0.9, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
    "select": "accuracy", "patience": None, "compile": False,
}  # fmt: skip
DATA = {"seed": 5, "validation_fraction": 0.2, "mirror": None, "cache": None}
ERM = method_spec("erm", {}, 1, site="activation")
DROPOUT = method_spec("dropout", {"rate": 0.5}, 1, site="activation")


def trained(spec=ERM, experiment=MOONS, **more):
    return train_experiment(experiment, spec, data=DATA, shared=SHARED, seed=5, **more)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_networks_start_alike_for_a_task_and_differ_between_tasks():
    """Starting values depend on root seed and task alone."""
    first, again = (MOONS.fresh_network(seed=5).state_dict() for _ in range(2))
    other = MOONS.fresh_network(seed=6).state_dict()
    assert same(first, again) and not same(first, other)


def test_a_saved_network_is_the_trained_one(tmp_path):
    """Same outputs, in evaluation mode."""
    made = trained(DROPOUT)
    write_weights(made.result.weights, tmp_path / "w.safetensors", metadata={})
    loaded = MOONS.saved_network(tmp_path / "w.safetensors")
    assert not loaded.training
    assert torch.equal(loaded(made.validation.inputs), made.model(made.validation.inputs))


def test_methods_share_everything_but_the_noise():
    """ERM is dropout without dropout: the same bits; with dropout, others."""
    none = method_spec("dropout", {"rate": 0.0}, 1, site="activation")
    erm = trained().result.weights
    assert same(erm, trained(none).result.weights)
    assert not same(erm, trained(DROPOUT).result.weights)


def test_splits_do_not_depend_on_the_model_or_the_training():
    """Whatever is compared is compared on the same examples."""
    longer = Experiment(**(vars(MOONS) | {"name": "other", "epochs": 9, "batch_size": 7}))
    one, other = (each.test_data(each.data(**DATA)) for each in (MOONS, longer))
    assert torch.equal(one.inputs, other.inputs) and len(one) == 30


def test_a_mirror_given_as_text_is_a_path():
    """Configuration files hold text."""
    settings = MOONS.data(**DATA | {"mirror": "some/folder", "cache": "other"})
    assert settings.mirror.name == "folder" and settings.cache.name == "other"


@pytest.mark.parametrize("left", ["other-code", "not-a-checkpoint"])
def test_a_checkpoint_that_no_longer_fits_is_made_again(tmp_path, capsys, left):
    """Settings or code changed after a kill: the training starts anew and says why."""
    path = tmp_path / "c.safetensors"
    if left == "other-code":
        trained(checkpoint=path, code="before")
    else:
        path.write_bytes(b"half a file")
    made = trained(checkpoint=path, code="after")
    assert "starting from the first epoch" in capsys.readouterr().out
    assert made.result.resumed_after == 0 and same(made.result.weights, trained().result.weights)
    again = trained(checkpoint=path, code="after")
    assert again.result.resumed_after == 3 and same(again.result.weights, made.result.weights)


def test_a_training_that_diverges_is_an_error_that_says_where():
    """Not a network of NaN."""
    wild = Experiment(**(vars(MOONS) | {"learning_rate": 1e30, "epochs": 20}))
    with pytest.raises(TrainingError, match="epoch"):
        trained(experiment=wild)
