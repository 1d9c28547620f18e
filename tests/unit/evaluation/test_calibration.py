"""Calibration after programming: closed forms, what a network cannot have, nothing left behind."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from codesign.evaluation.calibration import (
    EXAMPLES,
    KINDS,
    PLACES,
    CalibrationError,
    calibration,
    calibration_batch,
    mean_factor,
)
from codesign.evaluation.job import evaluate_networks, plan_of
from codesign.evaluation.montecarlo import EvaluationPlan, evaluate, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.aims import Aim
from codesign.models.network import Network, network_of
from codesign.models.selection import Selection
from codesign.models.weights import write_weights
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.classification import ClassificationTask, Labelled
from codesign.tasks.contract import Task
from codesign.tasks.experiment import Experiment

CURVED, SPREAD = (
    synthetic_profiles([0.5], Trend(share, 0.7, 9, "measured"), min_operative_fraction=0.35)[0]
    for share in (0.14, 0.0)
)
MEMSIM = {"mapping": "relative", "analog": "weights"}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def filled(module: nn.Module, *, seed=1) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.4, generator=generator)
    return module.eval()


def mixed() -> Network:
    """Convolutions, normalisation and linear layers."""
    module = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3, bias=False), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 3)),
    )
    return network_of(filled(module))


class Plain(Task):
    """A batch is a tensor."""

    def batch(self, examples, indices):
        return examples[indices]


IMAGES = Labelled(random(60, 1, 6, 6), torch.arange(60) % 3)
IMAGE_TASK = ClassificationTask("t", classes=3, shape=(1, 6, 6), read=None)


def state(module: nn.Module) -> dict:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(module: nn.Module, before: dict) -> bool:
    hooks = any(part._forward_hooks for part in module.modules())
    return not hooks and all(torch.equal(before[name], each) for name, each in module.state_dict().items())


@torch.no_grad()
def calibrated_output(kind, network, change, inputs, *, seen=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs for `inputs` of the clean network, and of the changed one after calibration."""
    found = calibration(kind, network, Plain(), inputs if seen is None else seen, analog="weights")
    clean = network.module(inputs)
    change(network.module)
    with found.calibrated(CURVED, "lognormal"):
        return clean, network.module(inputs)


def test_offset_takes_a_factor_that_all_weights_share_out_again():
    """c W x + b becomes W x + b by the gain 1 / c and the offset b - b / c, whatever is behind it."""

    def change(module):
        for k, factor in ((0, 0.3), (3, 4.0), (6, 1.7), (8, 0.6)):
            module[k].weight.mul_(factor)

    clean, found = calibrated_output("offset", mixed(), change, random(50, 1, 6, 6))
    assert found == pytest.approx(clean, rel=1e-4, abs=1e-5)


class Half(Selection):
    """The numbers of the half of the rows with the largest first value, ascending."""

    def forward(self, rows):
        return rows[:, 0].argsort(descending=True)[: len(rows) // 2].sort().values


class Choosing(nn.Module):
    """Two linear layers; the second sees the rows that the first one's values choose."""

    def __init__(self, *, times=1):
        super().__init__()
        self.first, self.best, self.second = nn.Linear(6, 5), Half(), nn.Linear(5, 4)
        self.times = times

    def forward(self, rows):
        rows = self.first(rows)
        for _ in range(self.times):
            rows = rows[self.best(rows)]
        return self.second(rows)


def test_offset_compares_the_rows_that_the_clean_network_chose():
    """The first layer's sign is turned, so that the programmed network would choose the other half; gains of
    -1 and its like are found all the same, and afterwards it chooses for itself."""
    network = network_of(filled(Choosing()))

    def change(module):
        module.first.weight.mul_(-1)
        module.second.weight.mul_(0.3)

    inputs = random(60, 6)
    clean, found = calibrated_output("offset", network, change, inputs)
    assert found == pytest.approx(clean, rel=1e-4, abs=1e-5)
    assert not network.module.best._forward_hooks


def test_offset_refuses_a_choice_that_is_made_twice():
    """It would not be known which of the two is meant."""
    with pytest.raises(CalibrationError, match=r"best \(Half\) is called more than once"):
        calibration("offset", network_of(filled(Choosing(times=2))), Plain(), random(60, 6), analog="weights")


def test_offset_takes_known_errors_of_channels_out_again():
    """A gain and an offset of its own in each channel of two linear layers; also on inputs never seen."""
    network = network_of(filled(nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4, bias=False))))
    gains = torch.tensor([0.2, -1.0, 3.0, 1.0, 0.7])

    def change(module):
        module[0].weight.mul_(gains[:, None])
        module[0].bias.copy_(module[0].bias * gains + torch.arange(5.0))
        module[1].weight.mul_(gains[:4, None])

    clean, found = calibrated_output("offset", network, change, random(90, 6), seen=random(200, 6, seed=9))
    assert found == pytest.approx(clean, rel=1e-4, abs=1e-5)


def test_offset_is_the_least_squares_line_of_each_channel():
    """The slope and intercept of numpy's polyfit, of the clean channel on the programmed one."""
    network = network_of(filled(nn.Sequential(nn.Linear(6, 3))))
    inputs = random(40, 6)
    other = random(3, 6, seed=4)
    clean, found = calibrated_output("offset", network, lambda module: module[0].weight.copy_(other), inputs)
    with torch.no_grad():
        programmed = network.module(inputs)
    for k in range(3):
        gain, offset = np.polyfit(programmed[:, k].double(), clean[:, k].double(), 1)
        assert found[:, k].numpy() == pytest.approx(gain * programmed[:, k].numpy() + offset, abs=1e-5)


def test_a_channel_that_gives_one_value_ends_at_the_clean_mean():
    """Devices that store nothing leave no line to fit."""
    network = network_of(filled(nn.Sequential(nn.Linear(6, 3))))
    inputs = random(40, 6)
    clean, found = calibrated_output("offset", network, lambda module: module[0].weight.zero_(), inputs)
    assert found == pytest.approx(clean.mean(dim=0).expand(40, 3), abs=1e-5)


def test_places_of_large_images_are_few_and_spread():
    """A factor is found from `PLACES` of 400 places as from all: the fit is exact, and sees all rows."""
    network = network_of(filled(nn.Sequential(nn.Conv2d(1, 2, 1))))
    inputs = random(3, 1, 20, 20)
    assert PLACES < 400
    clean, found = calibrated_output("offset", network, lambda module: module[0].weight.mul_(0.1), inputs)
    assert found == pytest.approx(clean, rel=1e-4, abs=1e-5)


def test_scale_divides_the_mean_factor_out_on_average():
    """Weights programmed on a device that reaches every level, with spread: their mean comes back.

    Each of 400 programmings of 600 weights has a factor of its own; sd of one is sqrt(exp(s^2) - 1).
    """
    network = network_of(filled(nn.Sequential(nn.Linear(30, 20))))
    weight = network.module[0].weight
    clean, before, ratios = weight.detach().clone(), state(network.module), []
    found = calibration("scale", network, Plain(), None, analog="weights")
    with PerovskiteMemSim(network, MemSimSettings(**MEMSIM, noise="lognormal")) as simulator:
        for number in range(400):
            simulator.program(SPREAD, noise_generator("p", number))
            programmed = weight.detach().clone()
            with found.calibrated(SPREAD, "lognormal"):
                ratios.append(float((weight.detach() / clean).mean()))
            assert torch.equal(weight, programmed)
    sd = math.sqrt(math.exp(SPREAD.sigma**2) - 1)
    assert SPREAD.sigma > 0.5
    assert np.mean(ratios) == pytest.approx(1.0, abs=3 * sd / math.sqrt(400 * 600))
    assert same(network.module, before)


def test_the_mean_factor_is_that_of_the_noise():
    """Closed form, the profile's own ratios, nothing."""
    profile = replace(CURVED, log_ratio=np.log([0.5, 1.0, 3.0]))
    assert mean_factor(profile, "lognormal") == pytest.approx(math.exp(CURVED.sigma**2 / 2))
    assert mean_factor(profile, "resampled") == pytest.approx(1.5)
    assert mean_factor(profile, "none") == 1.0


def test_scale_leaves_a_digital_bias_alone():
    """(W x) / m + b, and not (W x + b) / m."""
    network = network_of(filled(nn.Sequential(nn.Linear(6, 3))))
    factor = mean_factor(CURVED, "lognormal")
    clean, found = calibrated_output(
        "scale", network, lambda module: module[0].weight.mul_(factor), random(9, 6)
    )
    assert found == pytest.approx(clean, rel=1e-5, abs=1e-6)


def test_statistics_are_those_of_the_programmed_network():
    """Mean and variance of the convolution's output over examples and places, n - 1."""
    network, inputs = mixed(), random(50, 1, 6, 6)
    found = calibration("statistics", network, Plain(), inputs, analog="weights")
    with torch.no_grad():
        network.module[0].weight.mul_(2.5).add_(0.1)
        seen = network.module[0](inputs).double()
    norm = network.module[1]
    with found.calibrated(CURVED, "lognormal"):
        assert not any(part.training for part in network.module.modules())
        assert norm.running_mean == pytest.approx(seen.mean(dim=(0, 2, 3)), rel=1e-4, abs=1e-5)
        assert norm.running_var == pytest.approx(seen.var(dim=(0, 2, 3)), rel=1e-4)
    assert norm.running_mean.tolist() == [0.0] * 4 and norm.num_batches_tracked == 0


def plan(**changes) -> EvaluationPlan:
    said = {"experiment": "t", "method": "erm", "network": "n", "stands_for": "level", "memsim": MEMSIM}
    said |= {"noises": ["lognormal"], "programmings": (0, 1), "metrics": ["accuracy"]}
    return EvaluationPlan(**said | changes)


def scored(network, **changes):
    return evaluate(
        network,
        IMAGE_TASK,
        IMAGES,
        [CURVED, replace(SPREAD, profile="spread")],
        plan(**changes),
        calibrating=IMAGES,
        progress=False,
    )


def test_rows_without_calibration_are_what_they_are_alone_and_the_network_is_as_before():
    """Every other kind beside `none`, before and after it; weights, statistics, modes, no hook left."""
    network = mixed()
    network.module.train()
    before = state(network.module)
    alone = scored(network)
    assert {row["calibration"] for row in alone} == {"none"}
    for kinds in (KINDS, KINDS[::-1]):
        rows = scored(network, calibrations=kinds)
        assert [row["calibration"] for row in rows] == [*kinds] * 4
        assert [row for row in rows if row["calibration"] == "none"] == alone
        assert same(network.module, before) and all(part.training for part in network.module.modules())


def test_the_network_is_as_before_after_an_error_too():
    """Scoring fails while a calibration is on."""
    network = mixed()
    before = state(network.module)
    for kind in KINDS:
        found = calibration(kind, network, IMAGE_TASK, IMAGES, analog="weights")
        with pytest.raises(ArithmeticError), found.calibrated(CURVED, "lognormal"):
            raise ArithmeticError
        assert same(network.module, before), kind


class Attending(nn.Module):
    """Attention and what follows it."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.attention(x, x, x)[0])


class Pair(nn.Linear):
    """A layer whose output is no tensor."""

    def forward(self, x):
        return super().forward(x), x


class First(nn.Module):
    """The first of what a part gives."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, x):
        return self.part(x)[0]


class Twice(nn.Module):
    """One layer, two passes; or its weight alone."""

    def __init__(self, *, called):
        super().__init__()
        self.layer, self.called = nn.Linear(4, 4), called

    def forward(self, x):
        if self.called:
            return self.layer(self.layer(x))
        return x @ self.layer.weight


@pytest.mark.parametrize(
    ("module", "kind", "words"),
    [
        pytest.param(nn.Linear(4, 3), "statistics", "Linear has no batch normalisation", id="no-statistics"),
        pytest.param(First(nn.LSTM(4, 3)), "offset", r"part \(LSTM\) has 2 matrices", id="recurrent"),
        pytest.param(
            Attending(), "offset", r"attention \(MultiheadAttention\) gives tuple, no tensor", id="attention"
        ),
        pytest.param(First(Pair(4, 3)), "offset", r"part \(Pair\) gives tuple, no tensor", id="no-tensor"),
        pytest.param(Twice(called=True), "offset", r"layer \(Linear\) is called more than once", id="twice"),
        pytest.param(Twice(called=False), "offset", "layer is not called, only its weight", id="not-called"),
    ],
)
def test_what_a_network_cannot_have_is_refused_with_the_module(module, kind, words):
    """By a clear error; in an evaluation by a sentence, and the other kinds go on."""
    network = network_of(module.eval())
    inputs = random(5, 2, 4)
    before = state(module)
    with pytest.raises(CalibrationError, match=words):
        calibration(kind, network, Plain(), inputs, analog="weights")
    assert same(module, before)


def test_devices_are_calibrated_under_each_kind_of_noise():
    """Ratios of their own cycles, too; rows as programmed are what they are alone."""
    device = replace(SPREAD, profile="d", level=None, log_ratio=np.log([0.3, 0.7, 1.0, 1.9]))

    def rows(**changes):
        how = plan(stands_for="device", noises=["resampled", "lognormal"], **changes)
        given = {"calibrating": IMAGES, "progress": False}
        return evaluate(mixed(), IMAGE_TASK, IMAGES, [device], how, **given)

    found = rows(calibrations=["none", "offset"])
    assert [row for row in found if row["calibration"] == "none"] == rows()
    assert [(row["noise"], row["calibration"]) for row in found] == [
        (noise, kind) for noise in ("resampled", "lognormal") for _ in range(2) for kind in ("none", "offset")
    ]


def test_an_evaluation_leaves_a_kind_out_and_says_so(capsys):
    """In the middle of a run of many experiments an error would stop all of them."""
    network = network_of(filled(nn.Sequential(nn.Flatten(), nn.Linear(36, 3))))
    rows = scored(network, calibrations=["none", "statistics", "offset"])
    assert {row["calibration"] for row in rows} == {"none", "offset"}
    said = "t erm: calibration statistics is left out: Sequential has no batch normalisation"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: plan(calibrations=["gain"]), "must be among none, .* got gain", id="kind"),
        pytest.param(lambda: plan(calibrations=["none", "none"]), "each calibration must", id="two"),
        pytest.param(
            lambda: calibration("offset", mixed(), Plain(), None, analog="weights"),
            "offset needs training examples",
            id="no-examples",
        ),
        pytest.param(
            lambda: calibration("gain", mixed(), Plain(), None, analog="weights"), "got 'gain'", id="unknown"
        ),
    ],
)
def test_what_is_not_understood_is_refused(call, words):
    """A plan with a wrong kind ends before anything is programmed."""
    with pytest.raises(ValueError, match=words):
        call()


def test_every_parameter_on_memristors_is_put_right_too():
    """`analog: all`: biases and the gains of normalisation are on devices, and each module has an output."""
    network = mixed()
    rows = scored(network, memsim=MEMSIM | {"analog": "all"}, calibrations=KINDS)
    assert {row["calibration"] for row in rows} == set(KINDS)


SAID = {
    "task": "moons", "source": "generated", "network": "perceptron", "epochs": 3, "batch_size": 20,
    "learning_rate": 0.02, "train_size": 300, "test_size": 50, "noise": 0.2,
}  # fmt: skip
MOONS = Experiment.make("moons", SAID, data={"seed": 5, "validation_fraction": 0.2})


class Watched:
    """Examples that write down which of them are asked for."""

    def __init__(self, examples, asked):
        self.examples, self.asked = examples, asked

    def __getattr__(self, name):
        return getattr(self.examples, name)

    def __len__(self):
        return len(self.examples)

    def chosen(self, indices):
        self.asked.append(indices)
        return self.examples.chosen(indices)


def test_calibration_sees_training_examples_and_no_test_example(tmp_path, monkeypatch):
    """Other test examples, same calibration: 200 training examples are asked for once; and when the
    calibration is fitted, no test example has been asked for at all."""
    write_weights(MOONS.fresh_network(seed=5).module.state_dict(), tmp_path / "w.safetensors", metadata={})
    asked, parts, seen = [], [], []
    original = ClassificationTask.examples

    def examples(self, settings, *names):
        parts.append(names)
        found = original(self, settings, *names)
        return tuple(Watched(each, asked) for each in found) if names == ("train",) else found

    def batch(task, found, generator):
        assert parts == [("train",)]
        seen.append(calibration_batch(task, found, generator))
        return seen[-1]

    monkeypatch.setattr(ClassificationTask, "examples", examples)
    monkeypatch.setattr("codesign.evaluation.job.calibration_batch", batch)
    how = plan_of(
        MOONS, method="erm", stands_for="level", memsim=MEMSIM, noises=["lognormal"], programmings=1,
        calibrations=["none", "offset"],
    )  # fmt: skip
    evaluate_networks({Aim("panel"): tmp_path / "w.safetensors"}, MOONS, [CURVED], how)
    assert parts == [("train",), ("test",)]
    assert [len(indices) for indices in asked] == [EXAMPLES] and len(seen) == 1
    training, test = original(MOONS.definition, MOONS.data, "train", "test")
    rows = {tuple(row) for row in seen[0].inputs.tolist()}
    assert rows <= {tuple(row) for row in training.inputs.tolist()}
    assert not rows & {tuple(row) for row in test.inputs.tolist()}


def test_files_sorted_by_class_calibrate_as_well_as_shuffled_ones():
    """Examples are drawn evenly over the classes, whatever order they lie in.

    Both samples are of 200 of 600; the share of right decisions on 600 others may differ by three standard
    errors of a difference of two such shares, the worst case p = 1/2.
    """
    generator = torch.Generator().manual_seed(3)
    targets = torch.arange(600) // 200
    centres = 1.2 * random(3, 8, seed=2)
    inputs = centres[targets] + torch.randn(600, 8, generator=generator)
    test = Labelled(centres[targets] + torch.randn(600, 8, generator=generator), targets)
    task = ClassificationTask("t", classes=3, shape=(8,), read=None)
    module = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)).eval()
    network = network_of(filled(module))
    with torch.no_grad():  # nearest centre, by way of a layer that hardly bends
        module[0].weight.copy_(0.05 * torch.eye(8))
        module[0].bias.zero_()
        module[2].weight.copy_(20 * centres)
        module[2].bias.copy_(-centres.square().sum(dim=1) / 2)
    order = torch.randperm(600, generator=generator)
    shares = []
    for examples in (Labelled(inputs, targets), Labelled(inputs[order], targets[order])):
        batch = calibration_batch(task, examples, torch.Generator().manual_seed(1))
        assert torch.bincount(batch.targets).tolist() == [67, 67, 66]
        how = plan(calibrations=["none", "offset"], programmings=range(5))
        rows = evaluate(network, task, test, [CURVED], how, calibrating=batch, progress=False)
        by_kind = {
            kind: np.mean([row["value"] for row in rows if row["calibration"] == kind])
            for kind in ("none", "offset")
        }
        shares.append(by_kind["offset"])
        assert by_kind["offset"] > by_kind["none"]
    assert shares[0] == pytest.approx(shares[1], abs=3 * math.sqrt(2 * 0.25 / 600))
