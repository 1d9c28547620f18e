"""What the search has trained is not trained again, and is never taken for something else."""

import pytest
import torch

import codesign.training.job
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.tasks.experiment import Experiment
from codesign.training.job import train_experiment
from codesign.training.kept import Keeping, keep_only

SHARED = {
    "optimiser": "adam", "momentum": 0.9, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
    "ramp": 0.0, "select": "metric", "patience": None, "compile": False,
}  # fmt: skip
MOONS = {
    "task": "moons", "source": "generated", "network": "perceptron", "train_size": 60, "test_size": 20,
    "noise": 0.2, "epochs": 3, "batch_size": 16, "learning_rate": 0.05,
}  # fmt: skip
DIGITS = {
    "task": "digits", "source": "embedded", "network": "lenet5", "width": 1, "train_size": 60,
    "epochs": 2, "batch_size": 20, "learning_rate": 0.01,
}  # fmt: skip


def spec(share=0.3) -> NoiseSpec:
    return NoiseSpec("bayesmulti", "activation", (MultinomialNoise(share, 0.1),))


def attempt(keeping=None, *, said=MOONS, noise=None, code="1", seed=4, shared=SHARED, **data):
    experiment = Experiment.make("named", said, data={"seed": 5, "validation_fraction": 0.2} | data)
    places = len(experiment.blank_network().places("activation"))
    noise = noise or NoiseSpec("bayesmulti", "activation", spec().layers * places)
    return train_experiment(experiment, noise, shared=shared, seed=seed, keeping=keeping, code=code)


def same(a, b) -> bool:
    mine, other = a.network.module.state_dict(), b.network.module.state_dict()
    return (
        a.result.history == b.result.history
        and a.result.best_epoch == b.result.best_epoch
        and all(torch.equal(mine[name], other[name]) for name in mine)
        and all(torch.equal(value, b.result.weights[name]) for name, value in a.result.weights.items())
    )


@pytest.fixture
def trainings(monkeypatch):
    """Counts them."""
    made, train = [], codesign.training.job.train
    monkeypatch.setattr(codesign.training.job, "train", lambda *a, **k: made.append(1) or train(*a, **k))
    return made


@pytest.mark.parametrize("said", [MOONS, DIGITS], ids=["moons", "lenet"])
def test_a_kept_training_is_the_training_itself(tmp_path, trainings, said):
    """Weights, layout in memory, history; found by whoever looks, in any of the folders."""
    plain = attempt(said=said)
    left = attempt(Keeping([tmp_path / "a"], leave=True), said=said)
    assert len(trainings) == 2 and same(plain, left)
    found = attempt(Keeping([tmp_path / "none", tmp_path / "a"]), said=said)
    assert len(trainings) == 2 and same(plain, found) and found.result.seconds == []
    assert (found.source, found.best) == (plain.source, plain.best)
    for name, tensor in found.network.module.state_dict().items():
        assert tensor.stride() == plain.network.module.state_dict()[name].stride()
    assert not found.network.module.training


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"code": "2"}, id="code"),
        pytest.param({"seed": 5}, id="seed"),
        pytest.param({"noise": spec(0.2)}, id="noise"),
        pytest.param({"said": MOONS | {"learning_rate": 0.04}}, id="settings"),
        pytest.param({"said": MOONS | {"noise": 0.3}}, id="data"),
        pytest.param({"shared": SHARED | {"weight_decay": 0.1}}, id="optimiser"),
        pytest.param({"validation_fraction": 0.3}, id="division"),
    ],
)
def test_another_training_is_not_taken(tmp_path, trainings, other):
    """Whatever differs."""
    attempt(Keeping([tmp_path], leave=True))
    attempt(Keeping([tmp_path]), **other)
    assert len(trainings) == 2


def test_a_file_that_is_cut_or_of_another_training_is_not_used(tmp_path, trainings):
    """Nothing rests on it: the network is trained."""
    plain = attempt(Keeping([tmp_path], leave=True))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert same(attempt(Keeping([tmp_path])), plain)
    attempt(Keeping([tmp_path / "b"], leave=True), code="2")
    (other,) = (tmp_path / "b").iterdir()
    path.write_bytes(other.read_bytes())  # under a name that is not its own
    assert same(attempt(Keeping([tmp_path])), plain)
    assert len(trainings) == 4


def test_the_chosen_one_stays(tmp_path):
    """The others go, and what is no network of this search too."""
    for share in (0.1, 0.2, 0.3):
        attempt(Keeping([tmp_path], leave=True), noise=spec(share))
    (tmp_path / "cut.safetensors").write_bytes(b"half")
    keep_only(tmp_path, spec(0.2).to_json(), 1.0)
    (left,) = tmp_path.iterdir()
    assert Keeping([tmp_path]).folders and left.name != "cut.safetensors"
    keep_only(tmp_path / "missing", spec(0.2).to_json(), 1.0)
    keep_only(tmp_path, spec(0.2).to_json(), 0.4)
    assert not list(tmp_path.iterdir())
