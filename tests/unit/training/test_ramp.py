"""Noise that rises while training goes on, and statistics of normalisation that are taken without it."""

from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noises import noise_class, noise_kinds
from codesign.bayesmulti.specification import method_spec
from codesign.models.network import network_of
from codesign.models.normalisation import normalisations
from codesign.tasks.classification import Labelled
from codesign.training.statistics import retake_statistics
from tests.unit.training.conftest import TwoClasses, generator, perceptron, pictures, points, train_on

PARAMETERS = {
    "multinomial": {"p_zero": 0.2, "p_half": 0.4},
    "dropout": {"rate": 0.5},
    "gaussian": {"std": 0.1},
    "lognormal": {"sigma": 0.5},
}


class Recorder:
    """An injection that notes how strong it is asked to be."""

    def __init__(self):
        self.shares = []

    def strengthen(self, share):
        self.shares.append(share)

    @contextmanager
    def __call__(self, _network):
        yield self


def run(settings, **more):
    """Fifty examples in batches of 25: two a pass."""
    return train_on(perceptron(), points(50, 1), points(30, 2), settings=settings, order=generator(3), **more)


@pytest.mark.parametrize("kind", sorted(noise_kinds()))
def test_a_noise_at_a_share_has_its_parameters_times_the_share(kind):
    """All of it is the noise itself, none of it changes nothing."""
    noise = noise_class(kind)(**PARAMETERS[kind])
    half = noise.scaled(0.5)
    assert {name: getattr(half, name) for name in PARAMETERS[kind]} == {
        name: value / 2 for name, value in PARAMETERS[kind].items()
    }
    assert noise.scaled(1) is noise and noise.scaled(0).is_identity
    x = torch.randn(50, generator=generator(1))
    assert torch.equal(noise.scaled(0)(x, generator(2)), x)


@pytest.mark.parametrize(
    ("ramp", "expected"),
    [
        pytest.param(0.5, [0, 0.25, 0.5, 0.75, 1, 1, 1, 1], id="half"),
        pytest.param(1.0, [k / 8 for k in range(8)], id="whole"),
        pytest.param(0.0, [1] * 8, id="none"),
    ],
)
def test_the_noise_rises_batch_by_batch(settings, ramp, expected):
    """Linearly in what was learnt, over its share of the training."""
    recorder = Recorder()
    run(settings(epochs=4, batch_size=25, ramp=ramp), injection=recorder)
    assert recorder.shares == pytest.approx(expected)


def test_the_injection_is_as_strong_as_it_is_told():
    """Log-normal noise at a third of its strength scatters a third as widely; at none it changes nothing."""
    network = network_of(nn.Sequential(nn.Linear(200, 200, bias=False)))
    clean = network.module[0].weight.detach().clone()
    spec = method_spec("lognormal", {"sigma": 0.6}, 1)
    with Injection(network, spec, generator(1)) as injection:
        for share in (1, 1 / 3, 0):
            injection.strengthen(share)
            found = network.module(torch.eye(200)).detach().T
            assert float((found / clean).log().std()) == pytest.approx(0.6 * share, rel=0.02, abs=1e-6)


def test_weights_are_kept_of_an_epoch_that_saw_all_of_the_noise(settings):
    """However good the clean network was before: every method chooses among the same epochs."""
    result = run(settings(epochs=6, learning_rate=0.5, ramp=0.5))
    assert result.best_epoch >= 4
    assert run(settings(epochs=6, learning_rate=0.5, ramp=1.0)).best_epoch == 6
    assert settings(epochs=5, ramp=0.5).first_choice == 4 and settings(epochs=5, ramp=0.0).first_choice == 1


def test_patience_begins_when_the_noise_is_there(settings):
    """Epochs before do not count: none of them may be chosen."""
    result = run(settings(epochs=12, learning_rate=1e-12, schedule="constant", ramp=0.5, patience=2))
    assert len(result.history) == 9 and result.best_epoch == 7


@pytest.mark.parametrize("ramp", [-0.1, 1.1])
def test_a_ramp_is_a_share(settings, ramp):
    """Of the training."""
    with pytest.raises(ValueError, match=r"ramp must lie in \[0, 1\]"):
        settings(ramp=ramp)


def normalised(seed=0):
    """A convolution, its normalisation, a linear layer."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 2)]
    return network_of(nn.Sequential(*layers))


def test_statistics_are_those_of_the_clean_network():
    """The mean over batches of what the normalisation reads, whatever it kept before; momentum comes back."""
    network, data = normalised(), pictures(60, 1)
    norm = network.module[1]
    norm.running_mean.fill_(7.0)
    chosen = torch.arange(0, 60, 2)
    spec = method_spec("lognormal", {"sigma": 1.0}, 2)
    with Injection(network, spec, generator(1)):
        network.train()
        retake_statistics(network, TwoClasses((1, 8, 8)), data, chosen, at_once=10)
    with torch.no_grad():
        read = [network.module[0](data.inputs[chosen][k : k + 10]) for k in range(0, 30, 10)]
    mean = torch.stack([part.mean(dim=(0, 2, 3)) for part in read]).mean(dim=0)
    variance = torch.stack([part.var(dim=(0, 2, 3), unbiased=True) for part in read]).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(norm.running_var, variance, rtol=1e-5, atol=1e-6)
    assert norm.momentum == 0.1 and not any(module.training for module in network.module.modules())


def test_a_network_without_normalisation_is_not_run():
    """There is nothing to measure."""
    network = perceptron()
    network.module.register_forward_pre_hook(lambda *_: pytest.fail("it was run"))
    retake_statistics(network, TwoClasses(), points(20, 1), torch.arange(20), at_once=10)
    assert normalisations(network) == []


def test_what_is_kept_is_normalised_as_it_was_validated(settings):
    """History and kept weights agree, and a draw of examples changes nothing else of the training."""
    data, validation = pictures(120, 1), pictures(80, 2)
    found = []
    for statistics in (generator(5), generator(5), None):
        network = normalised()
        spec = method_spec("lognormal", {"sigma": 0.8}, 2)
        draw = generator(4)
        result = train_on(
            network, data, validation, settings=settings(epochs=3), order=generator(3), noise=draw,
            statistics=statistics, injection=lambda net, spec=spec, draw=draw: Injection(net, spec, draw),
        )  # fmt: skip
        with torch.no_grad():
            loss = nn.functional.cross_entropy(network.module(validation.inputs), validation.targets)
        kept = result.history[result.best_epoch - 1]["validation"]["loss"]
        assert float(loss) == pytest.approx(kept, rel=1e-5)
        found.append(result)
    assert found[0].history == found[1].history
    learnt = [[row["train"]["loss"] for row in result.history] for result in found]
    assert learnt[0] == learnt[2] and found[0].history != found[2].history


def test_the_order_of_the_files_does_not_matter():
    """Examples that lie class by class give the statistics that shuffled ones give."""
    data = pictures(2000, 1)
    by_class = data.targets.sort(stable=True).indices
    shuffled = torch.randperm(2000, generator=generator(6))
    found = []
    for order in (by_class, shuffled):
        network, lying = normalised(), data.chosen(order)
        task = TwoClasses((1, 8, 8))
        chosen = task.representative(lying, 1000, generator(7))
        assert int(lying.targets[chosen].sum()) == pytest.approx(500, abs=20)
        retake_statistics(network, task, lying, chosen, at_once=250)
        found.append(network.module[1])
    for name in ("running_mean", "running_var"):
        a, b = (getattr(norm, name) for norm in found)
        torch.testing.assert_close(a, b, rtol=0.03, atol=0.02)


def test_examples_that_stand_for_all_have_every_class_by_its_share():
    """As many as wanted, none twice, in the order they lie in."""
    targets = torch.tensor([0] * 900 + [1] * 100)
    data = Labelled(torch.zeros(1000, 2), targets)
    chosen = TwoClasses().representative(data, 50, generator(1))
    assert len(chosen) == 50 and int(targets[chosen].sum()) == 5
    assert all(a < b for a, b in pairwise(chosen.tolist()))
    assert len(TwoClasses().representative(data, 5000, generator(1))) == 1000
