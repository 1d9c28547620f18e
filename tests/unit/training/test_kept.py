"""What the search has trained is not trained again, and is never taken for something else."""

import pytest
import torch

import codesign.training.job
import codesign.training.loop
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.bayesmulti.specification import method_spec
from codesign.tasks.experiment import Experiment
from codesign.training.job import train_experiment
from codesign.training.kept import Keeping, keep_only

SHARED = {
    "optimiser": "adam", "momentum": 0.9, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
    "ramp": 0.0, "select": "metric", "patience": None, "compile": False, "precision": "auto",
    "start": "scratch", "further": 0.5,
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


PLAIN = method_spec("erm", {}, 0)


def kept(folder, *, leave=False) -> Keeping:
    """A method's own folder; networks without noise lie beside it."""
    return Keeping(own=folder, plain=folder.parent / "plain", leave=leave)


def attempt(
    keeping=None,
    *,
    said=MOONS,
    noise=None,
    scale=1.0,
    code="1",
    plain_code="1",
    seed=4,
    shared=SHARED,
    checkpoint=None,
    **data,
):
    experiment = Experiment.make("named", said, data={"seed": 5, "validation_fraction": 0.2} | data)
    places = len(experiment.blank_network().places("activation"))
    noise = noise or NoiseSpec("bayesmulti", "activation", spec().layers * places)
    how = {"initial_scale": scale, "shared": shared, "seed": seed, "keeping": keeping}
    how["checkpoint"] = checkpoint
    return train_experiment(experiment, noise, code=code, plain_code=plain_code, **how)


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
    """Weights, layout in memory, history; found by whoever looks into the method's folder."""
    plain = attempt(said=said)
    left = attempt(kept(tmp_path / "a", leave=True), said=said)
    assert len(trainings) == 2 and same(plain, left)
    found = attempt(kept(tmp_path / "a"), said=said)
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
    attempt(kept(tmp_path / "a", leave=True))
    attempt(kept(tmp_path / "a"), **other)
    assert len(trainings) == 2


def test_a_network_trained_without_noise_is_kept_for_every_method(tmp_path, trainings):
    """Also where networks with noise are not; of other code without noise it is another training."""
    left = attempt(kept(tmp_path / "a"), noise=PLAIN, code="of one method")
    assert not (tmp_path / "a").exists() and len([*(tmp_path / "plain").iterdir()]) == 1
    assert same(attempt(kept(tmp_path / "b"), noise=PLAIN, code="of another"), left)
    assert len(trainings) == 1
    attempt(kept(tmp_path / "b"), noise=PLAIN, plain_code="2")
    attempt(kept(tmp_path / "b"), noise=PLAIN, scale=0.4)
    assert len(trainings) == 3


def test_a_network_with_noise_is_left_only_by_a_trial(tmp_path, trainings):
    """The final training finds what is kept, and keeps nothing itself."""
    attempt(kept(tmp_path / "a"))
    assert not (tmp_path / "a").exists() and not (tmp_path / "plain").exists()


def test_all_methods_that_start_from_erm_take_the_same_network(tmp_path, trainings):
    """It is trained once: by the first one that needs it, and then it lies there."""
    further = SHARED | {"start": "erm"}
    attempt(kept(tmp_path / "a"), shared=further)
    attempt(kept(tmp_path / "b"), shared=further, noise=PLAIN)
    attempt(kept(tmp_path / "b"), shared=further, noise=spec(0.2))
    assert len(trainings) == 4
    attempt(kept(tmp_path / "c"), noise=PLAIN)
    attempt(kept(tmp_path / "c"), shared=further, noise=PLAIN)
    assert len(trainings) == 4


def test_a_training_killed_in_the_network_without_noise_goes_on_there(tmp_path, monkeypatch):
    """Its checkpoint stands beside that of the training, until the network is kept."""
    shared, checkpoint = SHARED | {"start": "erm"}, tmp_path / "repeat-1.1.checkpoint.safetensors"
    whole = attempt(kept(tmp_path / "whole/a"), shared=shared)
    write = codesign.training.loop.write_checkpoint

    def killed(path, progress, **state):
        write(path, progress, **state)
        if len(progress.history) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(codesign.training.loop, "write_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        attempt(kept(tmp_path / "a"), shared=shared, checkpoint=checkpoint)
    assert [path.name for path in tmp_path.glob("*.safetensors")] == ["repeat-1.1.checkpoint-erm.safetensors"]
    monkeypatch.undo()
    results, train = [], codesign.training.job.train

    def noted(*args, **given):
        results.append(train(*args, **given))
        return results[-1]

    monkeypatch.setattr(codesign.training.job, "train", noted)
    assert same(attempt(kept(tmp_path / "a"), shared=shared, checkpoint=checkpoint), whole)
    assert [each.resumed_after for each in results] == [2, 0]
    assert [*tmp_path.glob("*.safetensors")] == [checkpoint]


def test_a_file_that_is_cut_or_of_another_training_is_not_used(tmp_path, trainings):
    """Nothing rests on it: the network is trained."""
    tmp_path /= "a"
    plain = attempt(kept(tmp_path, leave=True))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert same(attempt(kept(tmp_path)), plain)
    attempt(kept(tmp_path / "b", leave=True), code="2")
    (other,) = (tmp_path / "b").iterdir()
    path.write_bytes(other.read_bytes())  # under a name that is not its own
    assert same(attempt(kept(tmp_path)), plain)
    assert len(trainings) == 4


def test_what_was_chosen_stays(tmp_path):
    """Each of several; the others go, and what is no network of this search too."""
    tmp_path /= "a"
    for share in (0.1, 0.2, 0.3):
        attempt(kept(tmp_path, leave=True), noise=spec(share))
    (tmp_path / "cut.safetensors").write_bytes(b"half")
    keep_only(tmp_path, [(spec(0.2).to_json(), 1.0), (spec(0.3).to_json(), 1.0), (PLAIN.to_json(), 1.0)])
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2 and "cut.safetensors" not in left
    keep_only(tmp_path / "missing", [(spec(0.2).to_json(), 1.0)])
    keep_only(tmp_path, [(spec(0.2).to_json(), 1.0), (spec(0.3).to_json(), 0.4)])
    assert len([*tmp_path.iterdir()]) == 1
    keep_only(tmp_path, [])
    assert not list(tmp_path.iterdir())
