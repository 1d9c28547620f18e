"""A training stopped and gone on with is the training that was never stopped."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from codesign.models.network import network_of
from codesign.models.weights import read_weights
from codesign.tasks.classification import Labelled
from codesign.training.job import history_rows
from codesign.training.loop import TrainingError, TrainingSettings
from tests.unit.training.conftest import (
    generator,
    perceptron,
    pictures,
    points,
    small_resnet,
    train_on,
    weight_noise,
)

REPOSITORY = Path(__file__).resolve().parents[3]


class Killed(BaseException):
    """Stands for whatever ends a process; nothing catches it."""


def killing(after):
    """A loss that raises at its `after`-th training batch."""
    calls = []

    def loss(logits, targets):
        if logits.requires_grad:
            calls.append(1)
            if len(calls) == after:
                raise Killed
        return torch.nn.functional.cross_entropy(logits, targets)

    return loss


def attempt(settings, path, *, network=perceptron, data=points, loss=None, **more):
    """One process's worth of training: everything made anew, as a rerun script would."""
    order, noise = generator(7), generator(8)
    made = network()
    result = train_on(
        made,
        data(100, 1),
        data(50, 2),
        settings=settings,
        order=order,
        noise=noise,
        injection=weight_noise(noise, 0.3),
        loss=loss,
        checkpoint=path,
        **more,
    )
    return made.module, result, order, noise


@pytest.mark.parametrize(
    ("changes", "network", "data"),
    [
        pytest.param({"optimiser": "sgd"}, perceptron, points, id="sgd"),
        pytest.param({"optimiser": "sgd", "momentum": 0.0}, perceptron, points, id="plain-sgd"),
        pytest.param({"optimiser": "adam"}, perceptron, points, id="adam"),
        pytest.param({"optimiser": "adamw", "warmup_epochs": 2}, perceptron, points, id="adamw-warmup"),
        pytest.param(
            {"options": {"augmentation": "crop-flip"}},
            small_resnet,
            pictures,
            id="augmented-resnet",
        ),
        pytest.param({"patience": 2, "learning_rate": 0.5}, perceptron, points, id="early-stopping"),
    ],
)
@pytest.mark.parametrize("batch", [10, 21])
def test_a_training_goes_on_bit_for_bit(settings, tmp_path, changes, network, data, batch):
    """Weights, history, best epoch and the state of every generator; stopped in the middle of the
    second and at the end of the third epoch (7 batches each)."""
    more = {"network": network, "data": data, "options": changes.get("options")}
    how = settings(**{name: value for name, value in changes.items() if name != "options"})
    whole = attempt(how, None, **more)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        attempt(how, path, loss=killing(batch), **more)
    gone_on = attempt(how, path, **more)
    assert gone_on[1].resumed_after == (batch - 1) // 7
    assert gone_on[1].history == whole[1].history
    rows, expected = (history_rows(each[1].history, network=1) for each in (gone_on, whole))
    assert rows == expected, "in the same order"
    assert (gone_on[1].best_epoch, gone_on[1].stopped_early) == (whole[1].best_epoch, whole[1].stopped_early)
    for name, value in whole[1].weights.items():
        assert torch.equal(value, gone_on[1].weights[name])
        assert torch.equal(whole[0].state_dict()[name], gone_on[0].state_dict()[name])
    for k in (2, 3):
        assert torch.equal(whole[k].get_state(), gone_on[k].get_state())


def test_a_finished_training_is_not_done_again(settings, tmp_path):
    """The result comes from the checkpoint."""
    path = tmp_path / "checkpoint.safetensors"
    first = attempt(settings(), path)[1]
    again = attempt(settings(), path, loss=killing(1))[1]
    assert again.history == first.history and again.resumed_after == 4 and again.seconds == []
    for name, value in first.weights.items():
        assert torch.equal(value, again.weights[name])


def long_training(path, *, stops=False):
    """Forty epochs; one that stops does not end, once there is a checkpoint."""

    def loss(logits, targets):
        while stops and path.is_file():
            time.sleep(1)
        return torch.nn.functional.cross_entropy(logits, targets)

    settings = TrainingSettings(
        epochs=40,
        batch_size=16,
        learning_rate=0.05,
        optimiser="adam",
        momentum=0.0,
        weight_decay=0.0,
        schedule="cosine",
        warmup_epochs=0,
        ramp=0.0,
        patience=None,
        select="loss",
        amp=False,
        compile=False,
    )
    return attempt(settings, path, loss=loss)[1]


def test_a_killed_process_leaves_a_checkpoint_to_go_on_from(tmp_path):
    """SIGKILL while it trains; what goes on from it ends with the bits of an undisturbed training."""
    path = tmp_path / "checkpoint.safetensors"
    script = (
        "from pathlib import Path; from tests.unit.training.test_checkpoint import long_training; "
        f"long_training(Path({str(path)!r}), stops=True)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY) as process:
        limit = time.monotonic() + 300
        while not path.is_file() and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    gone_on, whole = long_training(path), long_training(None)
    assert 0 < gone_on.resumed_after < 40 and whole.resumed_after == 0
    assert gone_on.history == whole.history
    for name, value in whole.weights.items():
        assert torch.equal(value, gone_on.weights[name])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"identity": {"method": "dropout"}}, "different: identity", id="method"),
        pytest.param({"settings": {"learning_rate": 0.01}}, "different: settings", id="settings"),
        pytest.param({"network": lambda: perceptron_of(2)}, "different: model", id="model"),
        pytest.param({"data": lambda n, s: points(n, s + 1)}, "different: training, validation", id="data"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(settings, tmp_path, changes, words):
    """The message says what differs; nothing is continued by accident."""
    path = tmp_path / "checkpoint.safetensors"
    attempt(settings(epochs=1), path, identity={"method": "erm", "p": (0.1, 0.2)})
    attempt(settings(epochs=1), path, identity={"method": "erm", "p": (0.1, 0.2)})
    how = settings(epochs=1, **changes.pop("settings", {}))
    given = {"identity": {"method": "erm", "p": (0.1, 0.2)}} | changes
    with pytest.raises(TrainingError, match=words):
        attempt(how, path, **given)


def perceptron_of(width):
    from codesign.models.build import build_model, initialise

    module = build_model("perceptron", classes=2, features=2, width=width)
    return network_of(initialise(module, generator(0)))


def test_a_truncated_checkpoint_is_named(settings, tmp_path):
    """It is not silently started afresh."""
    path = tmp_path / "checkpoint.safetensors"
    attempt(settings(epochs=1), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors.*delete it"):
        attempt(settings(epochs=1), path)


def test_a_checkpoint_is_one_plain_file(settings, tmp_path):
    """Tensors and JSON; no temporary file stays beside it."""
    path = tmp_path / "checkpoint.safetensors"
    attempt(settings(epochs=2, optimiser="adam"), path)
    assert list(tmp_path.iterdir()) == [path]
    tensors, metadata = read_weights(path)
    assert {name.split("/")[0] for name in tensors} == {"model", "best", "generator", "optimiser"}
    assert [row["epoch"] for row in metadata["history"]] == [1, 2]


def test_one_example_is_a_training_set(settings):
    """The smallest split there is."""
    one = Labelled(torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))
    result = train_on(perceptron(), one, one, settings=settings(epochs=1), order=generator(0))
    assert result.history[0]["validation"]["accuracy"] in (0.0, 1.0)
