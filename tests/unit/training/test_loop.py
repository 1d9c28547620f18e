"""The training loop."""

import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.schemas.training import HISTORY
from codesign.tables import read_table, write_table
from codesign.tasks.classification import Labelled
from codesign.training.job import history_rows
from codesign.training.loop import TrainingError, train
from codesign.training.schedule import learning_rate_factor
from tests.unit.training.conftest import (
    ABOUT,
    TwoClasses,
    generator,
    perceptron,
    pictures,
    points,
    small_resnet,
    train_on,
    weight_noise,
)


def run(model, settings, *, training=None, validation=None, seed=7, **more):
    return train_on(
        model,
        training or points(100, 1),
        validation or points(50, 2),
        settings=settings,
        order=generator(seed),
        **more,
    )


def test_a_full_batch_step_is_gradient_descent(settings):
    """A linear softmax layer after two steps against numpy: W - rate (p - y)^T X / n."""
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.3, -0.2], [0.1, 0.4]]))
        layer.bias.zero_()
    data = points(40, 3)
    x, y = data.inputs.double().numpy(), np.eye(2)[data.targets.numpy()]
    weight, bias = layer.weight.detach().double().numpy().copy(), np.zeros(2)
    for _ in range(2):
        logits = x @ weight.T + bias
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        weight -= 0.5 * (p - y).T @ x / len(x)
        bias -= 0.5 * (p - y).mean(axis=0)
    how = settings(
        epochs=2, batch_size=40, learning_rate=0.5, momentum=0, weight_decay=0, schedule="constant"
    )
    result = run(layer, how, training=data, validation=data)
    assert result.best_epoch == 2
    np.testing.assert_allclose(result.weights["weight"].numpy(), weight, rtol=1e-5)
    np.testing.assert_allclose(result.weights["bias"].numpy(), bias, atol=1e-6)


def test_it_reaches_the_best_possible_accuracy(settings):
    """Clouds four deviations apart: Phi(2) = 0.977 of points lie on the right side.

    Within three standard errors on 2000 points.
    """
    validation = points(2000, 5, separation=4.0)
    result = run(
        perceptron(), settings(epochs=10), training=points(500, 4, separation=4.0), validation=validation
    )
    best = 0.5 * (1 + math.erf(2 / math.sqrt(2)))
    found = result.history[result.best_epoch - 1]["validation"]["accuracy"]
    assert found == pytest.approx(best, abs=3 * math.sqrt(best * (1 - best) / 2000))


def test_the_history_is_a_table(settings, tmp_path):
    """Every column of the schema, nothing else, an epoch, part and quantity a row, and no time."""
    result = run(perceptron(), settings(epochs=3))
    write_table(history_rows(result.history, network=1), tmp_path / "h.parquet", schema=HISTORY)
    rows = read_table(tmp_path / "h.parquet", schema=HISTORY).to_pylist()
    found = {(row["epoch"], row["part"], row["quantity"]): row["value"] for row in rows}
    quantities = [("train", "learning_rate"), ("train", "loss")]
    quantities += [("validation", "accuracy"), ("validation", "loss")]
    assert list(found) == [(epoch, *each) for epoch in (1, 2, 3) for each in quantities]
    assert len(result.seconds) == 3
    for k, row in enumerate(result.history):
        rate = 0.05 * 0.5 * (1 + math.cos(math.pi * k / 3))
        assert found[k + 1, "train", "learning_rate"] == pytest.approx(rate)
        assert found[k + 1, "train", "loss"] == row["train"]["loss"]
        assert found[k + 1, "validation", "accuracy"] == row["validation"]["accuracy"]


def test_the_history_holds_what_the_kept_weights_give(settings):
    """Loss and accuracy of the best epoch are found again with the returned weights."""
    network, validation = perceptron(), points(50, 2)
    model = network.module
    result = run(network, settings(), validation=validation)
    row = result.history[result.best_epoch - 1]
    with torch.no_grad():
        logits = model(validation.inputs)
    loss = torch.nn.functional.cross_entropy(logits, validation.targets)
    assert float(loss) == pytest.approx(row["validation"]["loss"], rel=1e-6)
    right = (logits.argmax(dim=1) == validation.targets).double().mean()
    assert float(right) == pytest.approx(row["validation"]["accuracy"])
    assert not model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, result.weights[name])


def test_equal_seeds_give_equal_bits(settings):
    """And another order gives another network."""
    first, again, other = (run(perceptron(), settings(), seed=s) for s in (7, 7, 8))
    assert first.history == again.history != other.history
    for name, value in first.weights.items():
        assert torch.equal(value, again.weights[name])


def test_training_leaves_the_global_generator_alone(settings):
    """Order and augmentation have their own."""
    before = torch.get_rng_state()
    run(
        small_resnet(),
        settings(epochs=1),
        training=pictures(40, 1),
        validation=pictures(20, 2),
        options={"augmentation": "crop-flip"},
    )
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("augmentation", ["none", "crop-flip"])
def test_every_method_sees_the_same_examples_in_the_same_order(settings, augmentation):
    """With and without noise, batch for batch, augmented alike."""

    def seen(injection, noise):
        found = []
        model = small_resnet()
        model.module.conv.register_forward_hook(
            lambda module, arguments, _out: found.append(arguments[0].clone()) if module.training else None
        )
        run(
            model,
            settings(epochs=2),
            training=pictures(40, 1),
            validation=pictures(20, 2),
            options={"augmentation": augmentation},
            injection=injection,
            noise=noise,
        )
        return found

    @contextmanager
    def nothing(_model):
        yield

    draw = generator(9)
    plain, noisy = seen(nothing, None), seen(weight_noise(draw, 0.3), draw)
    assert len(plain) == 2 * 3 and all(torch.equal(a, b) for a, b in zip(plain, noisy, strict=True))


def test_an_epoch_sees_every_example_once(settings):
    """The last, smaller batch included; the second epoch in another order."""
    data = points(50, 1)
    seen = []

    def loss(logits, targets):
        if logits.requires_grad:
            seen.append(len(targets))
        return torch.nn.functional.cross_entropy(logits, targets)

    inputs = []
    model = perceptron()
    model.module.register_forward_hook(
        lambda module, arguments, _out: inputs.append(arguments[0]) if module.training else None
    )
    run(model, settings(epochs=2), training=data, loss=loss)
    assert seen == [16, 16, 16, 2] * 2
    first, second = torch.cat(inputs[:4]), torch.cat(inputs[4:])
    for epoch in (first, second):
        assert sorted(map(tuple, epoch.tolist())) == sorted(map(tuple, data.inputs.tolist()))
    assert not torch.equal(first, second)


def test_noise_is_in_training_only_and_gone_afterwards(settings):
    """Validation of the history is that of the clean weights; the model keeps its names."""
    draw, network, validation = generator(3), perceptron(), points(50, 2)
    model = network.module
    names = list(model.state_dict())
    result = run(network, settings(), validation=validation, injection=weight_noise(draw, 0.5), noise=draw)
    assert set(model.state_dict()) == set(names) == set(result.weights)
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(model(validation.inputs), validation.targets)
    assert float(loss) == pytest.approx(result.history[result.best_epoch - 1]["validation"]["loss"], rel=1e-6)
    assert result.history != run(perceptron(), settings(), validation=validation).history


def test_an_injection_that_exchanges_parameters_is_refused(settings):
    """The optimiser would train tensors the model no longer uses."""

    @contextmanager
    def exchanging(network):
        layer = network.module.layers.linear1
        layer.weight = torch.nn.Parameter(layer.weight.detach().clone())
        yield

    with pytest.raises(TrainingError, match=r"exchanged parameters: layers\.linear1\.weight"):
        run(perceptron(), settings(), injection=exchanging)


def test_a_tensor_under_two_names_is_learnt_once(settings):
    """One step with a rate of 1 is the whole gradient, not twice of it; both names keep one value."""
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    module[1].weight = module[0].weight
    for parameter in module.parameters():
        parameter.data.normal_(generator=generator(6))
    data, start = points(40, 3), module[0].weight.detach().clone()
    torch.nn.functional.cross_entropy(module(data.inputs), data.targets).backward()
    expected = start - module[0].weight.grad
    how = {"batch_size": 40, "learning_rate": 1.0, "momentum": 0, "weight_decay": 0, "schedule": "constant"}
    result = run(module, settings(epochs=1, **how), training=data, validation=data)
    torch.testing.assert_close(result.weights["0.weight"], expected)
    assert torch.equal(result.weights["0.weight"], result.weights["1.weight"])


def test_a_layer_with_several_outputs_is_named_where_one_is_not_finite(settings):
    """A recurrent layer gives a pair; it is the first that fails, not the layer that reads it."""

    class Recurrent(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.out = torch.nn.GRU(2, 4, batch_first=True), torch.nn.Linear(4, 2)

        def forward(self, inputs):
            return self.out(self.gru(inputs[:, None])[0][:, -1])

    model = Recurrent()
    with torch.no_grad():
        model.gru.weight_ih_l0[8:] = torch.nan  # the gate that makes the new state
    with pytest.raises(TrainingError, match=r"first output that is not finite: gru \(GRU\)"):
        run(model, settings())


def test_training_stops_when_validation_no_longer_improves(settings):
    """Random labels: after the best epoch, exactly `patience` more; the best weights are those a
    training of that length ends with."""
    data = Labelled(points(60, 1).inputs, torch.randint(0, 2, (60,), generator=generator(0)))
    other = Labelled(points(60, 2).inputs, torch.randint(0, 2, (60,), generator=generator(1)))
    how = {"schedule": "constant", "learning_rate": 0.2, "patience": 3}
    result = run(perceptron(), settings(epochs=60, **how), training=data, validation=other)
    assert result.stopped_early and len(result.history) == result.best_epoch + 3
    losses = [row["validation"]["loss"] for row in result.history]
    assert min(losses) == losses[result.best_epoch - 1]
    short = run(perceptron(), settings(epochs=result.best_epoch, **how), training=data, validation=other)
    for name, value in short.weights.items():
        assert torch.equal(value, result.weights[name])


def test_the_best_epoch_can_be_chosen_by_the_metric(settings):
    """The earliest epoch of largest accuracy."""
    result = run(perceptron(), settings(epochs=8, select="metric"))
    scores = [row["validation"]["accuracy"] for row in result.history]
    assert result.best_epoch == scores.index(max(scores)) + 1


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_every_optimiser_lowers_the_loss(settings, optimiser):
    """From the first to the last epoch."""
    history = run(perceptron(), settings(epochs=6, optimiser=optimiser)).history
    assert history[-1]["train"]["loss"] < history[0]["train"]["loss"]


def test_channels_last_changes_memory_order_and_not_the_result(settings):
    """Up to rounding; what is kept lies as every other tensor does."""
    how, found, orders = settings(epochs=1), {}, {}
    for last in (False, True):
        network, task = small_resnet(), TwoClasses((1, 8, 8))
        task.channels_last = last

        def look(_module, inputs, last=last):
            orders[last] = inputs[0].is_contiguous(memory_format=torch.channels_last)

        hook = network.module.stages.register_forward_pre_hook(look)
        found[last] = train(
            network, task, ABOUT, pictures(64, 1), pictures(32, 2), settings=how, order=generator(7)
        )
        hook.remove()
    assert orders == {False: False, True: True}
    plain, rearranged = (found[last].history[0]["validation"]["loss"] for last in (False, True))
    assert rearranged == pytest.approx(plain, rel=1e-3)
    assert all(tensor.is_contiguous() for tensor in found[True].weights.values())


def test_a_loss_that_is_not_finite_stops_with_epoch_batch_and_layer(settings):
    """The second layer's weight is infinite: the first output that fails is its own."""
    model = perceptron()
    with torch.no_grad():
        model.module.layers.linear2.weight[0, 0] = torch.inf
    with pytest.raises(TrainingError, match=r"epoch 1, batch 1 of 7.*layers\.linear2 \(Linear\)"):
        run(model, settings())


def test_a_diverging_training_says_so(settings):
    """Far too large a rate; the epoch and the batch where it happens are named, and the rate."""
    with pytest.raises(TrainingError, match=r"epoch \d+, batch \d+ of 7.*linear\d.*learning rate \(1e\+30\)"):
        run(perceptron(), settings(learning_rate=1e30, schedule="constant"))


def test_inputs_that_are_not_finite_are_blamed_on_the_inputs(settings):
    """Not on the first layer."""
    data = points(100, 1)
    data.inputs[3, 0] = torch.nan
    with pytest.raises(TrainingError, match="the inputs"):
        run(perceptron(), settings(), training=data)


def test_noise_that_breaks_one_batch_is_drawn_again_to_find_the_layer(settings):
    """The forward pass is repeated with the same noise; without that the layer would not fail."""
    draw = generator(0)

    @contextmanager
    def rare(network):
        def spoil(module, _arguments, output):
            if module.training and float(torch.rand((), generator=draw)) < 0.1:
                return output * torch.inf
            return output

        hook = network.module.layers.relu1.register_forward_hook(spoil)
        try:
            yield
        finally:
            hook.remove()

    model = perceptron()
    with pytest.raises(TrainingError, match=r"layers\.relu1 \(ReLU\)"):
        run(model, settings(epochs=20), injection=rare, noise=draw)
    assert not model.module.layers.relu1._forward_hooks


def test_validation_that_is_not_finite_stops_too(settings):
    """After the epoch that led to it."""
    validation = points(50, 2)
    validation.inputs[:] = 3e38
    with pytest.raises(TrainingError, match=r"validation loss is \w+ after epoch 1"):
        run(perceptron(), settings(), validation=validation)


def test_progress_is_quiet_where_there_is_no_terminal(settings, capfd):
    """A log is not filled with bars."""
    run(perceptron(), settings())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"optimiser": "lion"}, "optimiser must be one of sgd", id="optimiser"),
        pytest.param({"schedule": "poly"}, "schedule must be one of", id="schedule"),
        pytest.param({"select": "f1"}, "select must be one of", id="select"),
        pytest.param({"epochs": 0}, "epochs must be at least 1", id="epochs"),
        pytest.param({"batch_size": 0}, "batch_size must be", id="batch"),
        pytest.param({"learning_rate": 0.0}, "learning_rate must be positive", id="rate"),
        pytest.param({"momentum": 1.0}, "momentum must lie", id="momentum"),
        pytest.param({"weight_decay": -1.0}, "weight_decay must not", id="decay"),
        pytest.param({"warmup_epochs": 4}, "warmup_epochs must lie", id="warmup"),
        pytest.param({"patience": 0}, "patience must be", id="patience"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, changes, words):
    """The message names the key and the value."""
    with pytest.raises(ValueError, match=words):
        settings(**changes)


@pytest.mark.parametrize(
    ("schedule", "progress", "expected"),
    [
        ("constant", 0.7, 1.0),
        ("cosine", 0.0, 1.0),
        ("cosine", 0.5, 0.5),
        ("cosine", 1 / 3, 0.75),
        ("cosine-third", 0.0, 1.0),
        ("cosine-third", 0.5, 2 / 3),
        ("cosine-third", 1.0, 1 / 3),
        ("steps", 0.49, 1.0),
        ("steps", 0.5, 0.1),
        ("steps", 0.75, 0.01),
    ],
)
def test_schedules_follow_their_formula(schedule, progress, expected):
    """Cosine: (1 + cos pi t) / 2, or that between 1 and a third; steps: a tenth at half, a hundredth at three
    quarters."""
    assert learning_rate_factor(progress, schedule=schedule, warmup=0.0) == pytest.approx(expected)


def test_warm_up_is_linear():
    """A quarter of the way up at a quarter of the warm-up."""
    assert learning_rate_factor(0.025, schedule="constant", warmup=0.1) == pytest.approx(0.25)


@pytest.mark.slow
@pytest.mark.parametrize("site", ["none", "activation", "weight"])
def test_a_compiled_network_trains_alike(settings, site):
    """Up to rounding, with the same draws of noise; the compiler takes its time."""
    found = []
    for compiled in (False, True):
        torch.compiler.reset()
        network, draw = perceptron(), generator(3)
        before = [id(parameter) for parameter in network.module.parameters()]
        spec = NoiseSpec("m", site, (MultinomialNoise(0.2, 0.2),) * len(network.places(site)))
        result = run(
            network,
            settings(epochs=2, compile=compiled),
            injection=lambda inside, spec=spec, draw=draw: Injection(inside, spec, draw),
            noise=draw,
        )
        assert [id(parameter) for parameter in network.module.parameters()] == before
        found.append((result, draw.get_state()))
    (plain, drawn), (compiled, drawn_too) = found
    assert torch.equal(drawn, drawn_too)
    for name, value in plain.weights.items():
        torch.testing.assert_close(compiled.weights[name], value, rtol=1e-3, atol=1e-4)
    if site != "none":
        assert plain.history != run(perceptron(), settings(epochs=2)).history


def test_products_in_bfloat16_train_alike(settings):
    """On the processor: other numbers than in single precision, the same accuracy within three errors."""
    data = {"training": pictures(256, 1), "validation": pictures(256, 2)}
    single, mixed = (run(small_resnet(), settings(epochs=3, amp=amp), **data) for amp in (False, True))
    error = 3 * math.sqrt(2 * 0.25 / 256)
    accuracies = [found.history[-1]["validation"]["accuracy"] for found in (single, mixed)]
    assert accuracies[1] == pytest.approx(accuracies[0], abs=error)
    assert single.history != mixed.history
    assert all(tensor.dtype == single.weights[name].dtype for name, tensor in mixed.weights.items())


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_gpu_trains_like_the_processor(settings):
    """Mixed precision and channels-last reach the same accuracy within three standard errors."""
    data = {"training": pictures(512, 1), "validation": pictures(512, 2)}
    plain = run(small_resnet(), settings(epochs=4), **data)
    model = small_resnet()
    model.module.to("cuda")
    found = run(model, settings(epochs=4, amp=True), **data)
    error = 3 * math.sqrt(2 * 0.25 / 512)
    assert found.history[-1]["validation"]["accuracy"] == pytest.approx(
        plain.history[-1]["validation"]["accuracy"], abs=error
    )
