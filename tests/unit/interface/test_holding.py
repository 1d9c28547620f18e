"""A caller's network on a device: scored as an independent hand does it, and left as it was."""

import copy
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from torch import nn
from torch.nn.utils import prune

import codesign
from codesign.evaluation.montecarlo import EvaluationPlan, evaluate, noise_generator
from codesign.interface.device import DeviceError
from codesign.interface.given import HoldError
from codesign.interface.holding import Held
from codesign.models.network import network_of
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.schemas.holding import HELD
from codesign.tables import write_table
from codesign.tasks.classification import ClassificationTask, Labelled


def linear(weight) -> nn.Linear:
    """A layer of these weights, without bias."""
    made = nn.Linear(len(weight[0]), len(weight), bias=False)
    made.weight.data.copy_(torch.tensor(weight))
    return made


def test_a_device_with_exact_levels_keeps_the_ideal_score(made_profile, small, images):
    """Every level is reached and nothing spreads: programming gives the weights back."""
    targets = torch.arange(len(images)) % 3
    held = codesign.hold(small, images, targets, made_profile())
    small.eval()
    with torch.no_grad():
        expected = float((small(images).argmax(1) == targets).double().mean())
    assert held.ideal == pytest.approx(expected, abs=1e-12)
    assert held.scores().tolist() == [held.ideal] * 10


def test_programming_by_hand_gives_the_same_scores(made_profile):
    """Log-normal factors of the same generator on |w|, drawn here one after the other in numpy's terms."""
    profile = made_profile(sigma=0.7)
    weight = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    x = np.random.default_rng(2).normal(size=(200, 8)).astype(np.float32)
    targets = (x @ weight.T).argmax(1)
    held = codesign.hold(linear(weight.tolist()), x, targets, profile, programmings=4, seed=7)
    assert held.ideal == 1.0
    for number, found in enumerate(held.scores()):
        z = torch.empty(24).normal_(generator=noise_generator("given-1", number, 7)).numpy()
        programmed = weight * np.exp(0.7 * z).reshape(3, 8)
        assert found == pytest.approx(((x @ programmed.T).argmax(1) == targets).mean(), abs=1 / 200 + 1e-9)


def test_the_expected_score_of_one_layer(made_profile):
    """Two classes, one weight each: right where 1.5 f1 > f2, of log-normal factors.

    That is so with probability Phi(ln 1.5 / (sigma sqrt 2)); four standard errors.
    """
    sigma, n = 0.6, 600
    layer = linear([[1.5], [1.0]])
    held = codesign.hold(layer, [[1.0]], [0], made_profile(sigma=sigma), programmings=n)
    expected = float(ndtr(np.log(1.5) / (sigma * np.sqrt(2))))
    assert held.scores().mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)


def test_it_is_the_evaluation_of_the_workflow(sweeps, small, images):
    """Same draws, same rows: with seed 1 as in `results/evaluation`, other seeds are other trainings'."""
    targets = torch.arange(len(images)) % 3
    measured = codesign.import_file(sweeps)
    profile = codesign.profile(codesign.extract(measured), measured)
    task = ClassificationTask("t", classes=3, shape=(1, 6, 6), read=None)
    task.channels_last = False
    for seed in (1, 3):
        plan = EvaluationPlan(
            experiment="t", method="erm", network="small", stands_for="device",
            memsim={"mapping": "relative", "analog": "weights"}, noises=["resampled"], programmings=range(5),
            metrics=["accuracy"], repeat=seed,
        )  # fmt: skip
        rows = evaluate(
            network_of(copy.deepcopy(small)), task, Labelled(images, targets), [profile], plan, progress=False
        )
        held = codesign.hold(small, images, targets, sweeps, programmings=5, seed=seed)
        assert held.scores().tolist() == [row["value"] for row in rows]


def everything(model):
    """Weights, buffers, gradients, modes, hooks of a module, by name."""
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors |= {f"{n}.grad": p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    others = {name: (part.training, dict(part._forward_hooks)) for name, part in model.named_modules()}
    return tensors, others, [(n, id(p), p.requires_grad) for n, p in model.named_parameters()]


def unchanged(before, after):
    assert before[0].keys() == after[0].keys() and before[1:] == after[1:]
    assert all(torch.equal(before[0][name], after[0][name]) for name in before[0])


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="plain"),
        pytest.param({"analog": "all", "noise": "lognormal"}, id="all-parameters"),
        pytest.param({"calibration": ["scale", "offset", "statistics"]}, id="calibrated"),
        pytest.param({"digital": ["linear"]}, id="digital-part"),
    ],
)
def test_the_model_is_left_as_it_was_bit_for_bit(sweeps, small, images, asked):
    """Training mode, dropout, batch statistics, a counting buffer, a hook and a gradient among it."""
    before, state = everything(small), torch.get_rng_state()
    codesign.hold(
        small, images[:20], torch.arange(20) % 3, sweeps, programmings=2, calibrate=images[20:], **asked
    )
    unchanged(before, everything(small))
    assert torch.equal(state, torch.get_rng_state())


def test_the_model_is_left_as_it_was_after_an_error(made_profile, small, images):
    """In the middle of the third programming, by the score."""
    before, calls = everything(small), []

    def breaks(outputs, targets):
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        codesign.hold(small, images, torch.zeros(40), made_profile(sigma=0.3), score=breaks)
    unchanged(before, everything(small))


def test_the_same_seed_gives_the_same_table_and_another_another(sweeps, small, images):
    """Whatever torch's own generator is at."""
    targets = torch.arange(len(images)) % 3
    one = codesign.hold(small, images, targets, sweeps, score=first_output, seed=4)
    torch.manual_seed(99)
    two = codesign.hold(small, images, targets, sweeps, score=first_output, seed=4)
    other = codesign.hold(small, images, targets, sweeps, score=first_output, seed=5)
    assert one.table.equals(two.table)
    assert not np.intersect1d(one.scores(), other.scores()).size


def first_output(outputs, targets):
    """A score that tells any two programmings apart."""
    return float(outputs[0, 0])


def test_the_table_has_the_words_of_the_evaluation(sweeps, small, images, tmp_path):
    """Columns as in `results/evaluation` where they are there; what is written is checked against a "
    "schema."""
    held = codesign.hold(
        small, images[:30], np.arange(30) % 3, sweeps, programmings=3, calibrate=(images[30:], None)
    )
    table = held.table
    assert list(table.columns) == HELD.names
    assert table["calibration"].tolist() == ["none", "offset"] * 3
    assert table["programming"].tolist() == [0, 0, 1, 1, 2, 2]
    assert set(table["noise"]) == {"resampled"} and set(table["origin"]) == {"virtual"}
    assert held.calibrating == 10 and held.examples == 30
    write_table(held.rows, tmp_path / "held.parquet", schema=HELD)


def test_offsets_put_right_what_a_constant_factor_does(made_profile):
    """A curve half as high everywhere: each weight is halved, and a gain of two gives the outputs back.

    Above the level 0 the curve is straight, and no point is reached exactly.
    """
    profile = made_profile(curve=[0.0, 0.5, 1.0], reached=[False] * 3, log_ratio=[np.log(0.5)])
    layer = nn.Linear(6, 2)
    rng = np.random.default_rng(8)
    x, targets = rng.normal(size=(50, 6)), rng.normal(size=50)
    targets = layer(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    held = codesign.hold(
        layer, x, targets, profile, score="rmse", calibrate=rng.normal(size=(60, 6)), programmings=2
    )
    weight = layer.weight.detach().numpy()
    expected = np.sqrt(np.mean((x @ (0.5 * weight.T)) ** 2))
    assert held.ideal == pytest.approx(0, abs=1e-6)
    assert held.scores() == pytest.approx(np.full(2, expected), rel=1e-5)
    assert held.scores("offset") == pytest.approx(np.zeros(2), abs=1e-5)


def test_a_programmed_copy_is_that_of_the_row(sweeps, small, images):
    """`program` gives the network behind a score; the biases stay digital."""
    targets = torch.arange(len(images)) % 3
    held = codesign.hold(small, images, targets, sweeps, programmings=3, score=first_output, seed=2)
    made = codesign.program(small, sweeps, programming=2, seed=2)
    assert made.training and torch.equal(made.linear.bias, small.linear.bias)
    assert not torch.equal(made.linear.weight, small.linear.weight)
    with torch.no_grad():
        assert float(made.eval()(images)[0, 0]) == pytest.approx(held.scores()[2], rel=1e-5)


@settings(max_examples=25)
@given(batch_size=st.integers(1, 45), seed=st.integers(-(2**63), 2**63 - 1))
def test_batches_do_not_count(batch_size, seed):
    """How many examples go through at once is a matter of memory; the draws are those of any batch size."""
    torch.manual_seed(1)
    model, x = nn.Linear(5, 3), torch.randn(40, 5)
    profile = DeviceProfile(
        profile="p", kind="device", origin="measured", level=None, usability=0.5, usability_low=None,
        usability_high=None, eta=1.0, sigma=0.5, branch_points=2, window_start=0, window_length=2,
        lcis_start=0, lcis_length=2, g_min_s=1e-7, g_max_s=1e-6, curve=[0.0, 1.0], reached=[True, True],
    )  # fmt: skip
    asked = {"score": "rmse", "programmings": 2, "seed": seed}
    one = codesign.hold(model, x, torch.zeros(40, 3), profile, batch_size=batch_size, **asked)
    all_at_once = codesign.hold(model, x, torch.zeros(40, 3), profile, **asked)
    assert one.scores() == pytest.approx(all_at_once.scores(), rel=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_on_a_gpu_the_same_errors_are_met(sweeps, small, images):
    """The copy runs where the model is, which stays there; outputs differ by rounding."""
    targets = torch.arange(len(images)) % 3
    expected = codesign.hold(small, images, targets, sweeps, score=first_output).scores()
    on_gpu = small.to("cuda")
    found = codesign.hold(on_gpu, images, targets, sweeps, score=first_output, calibrate=images[:30] + 1)
    assert found.scores() == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert {parameter.device.type for parameter in small.parameters()} == {"cuda"}


def test_parts_that_stay_digital_are_not_programmed(sweeps, small):
    """By the name of a submodule."""
    made = codesign.program(small, sweeps, digital="convolution")
    assert torch.equal(made.convolution.weight, small.convolution.weight)
    assert not torch.equal(made.linear.weight, small.linear.weight)


class Two(nn.Module):
    """Two inputs by name, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, a, b):
        """(batch, 3) each."""
        return {"sum": self.layer(a + b), "first": self.layer(a)}


@pytest.mark.parametrize("inputs", [dict, tuple])
def test_a_network_of_several_inputs_and_outputs(made_profile, inputs):
    """By name or by place; the score is given what the network gives."""
    torch.manual_seed(1)
    model, a, b = Two(), torch.randn(30, 3), torch.randn(30, 3)
    given = {"a": a, "b": b} if inputs is dict else (a, b)

    def agreement(outputs, targets):
        return 1 - (outputs["sum"] - targets["sum"]).abs().max()

    targets = {name: value.detach() for name, value in model(a, b).items()}
    held = codesign.hold(model, given, targets, made_profile(), score=agreement, batch_size=7)
    assert held.ideal == 1 and held.scores().tolist() == [1.0] * 10
    said = str(held)
    assert said.startswith(
        "As programmed agreement 1, 1 without a device (sd 0 over 10 programmings, 1 to 1)"
    )


@pytest.mark.parametrize(
    ("score", "reference"),
    [
        ("rmse", lambda o, t: np.sqrt(np.mean((o - t) ** 2))),
        ("mae", lambda o, t: np.mean(np.abs(o - t))),
        ("r2", lambda o, t: 1 - np.sum((o - t) ** 2) / np.sum((t - t.mean()) ** 2)),
    ],
)
@pytest.mark.parametrize("column", [True, False])
def test_scores_of_a_regression(made_profile, score, reference, column):
    """Against numpy; targets (n,) or (n, 1) beside outputs (n, 1)."""
    torch.manual_seed(3)
    layer = nn.Linear(4, 1)
    x, t = np.random.default_rng(1).normal(size=(20, 4)), np.random.default_rng(2).normal(size=20)
    o = layer(torch.tensor(x, dtype=torch.float32)).detach().numpy()[:, 0]
    held = codesign.hold(layer, x, t[:, None] if column else t, made_profile(), score=score, programmings=1)
    assert held.ideal == pytest.approx(reference(o, t), rel=1e-5)
    assert held.scores()[0] == pytest.approx(held.ideal, rel=1e-12)


@pytest.mark.parametrize(
    ("score", "targets", "expected"),
    [
        pytest.param("accuracy", [0, 1, 1, 1, 0], 3 / 5, id="largest-class"),
        pytest.param(
            "rmse", [[1.0, 5.0], [3.0, 5.0], [2.0, 5.0], [9.0, 5.0], [0.0, 5.0]], 10**0.5 / 2**0.5, id="mean"
        ),
        pytest.param("mae", [[1.0, 5.0], [3.0, 5.0], [2.0, 5.0], [9.0, 5.0], [0.0, 5.0]], 1.1, id="median"),
        pytest.param("r2", [[1.0, 5.0], [3.0, 5.0], [2.0, 5.0], [9.0, 5.0], [0.0, 5.0]], 0.0, id="variance"),
        pytest.param(lambda outputs, targets: 0.5, [0] * 5, None, id="of-the-caller"),
    ],
)
def test_what_one_answer_for_all_scores(made_profile, score, targets, expected):
    """By hand: of 1, 3, 2, 9, 0 the squares about the mean 3 sum to 50, the distances from the median 2 to
    11; the second output is constant.
    """
    held = codesign.hold(nn.Linear(2, 2), np.ones((5, 2)), targets, made_profile(), score=score)
    assert held.constant == (expected if expected is None else pytest.approx(expected))
    assert ("without a network" in str(held)) == (expected is not None)
    assert held.table["constant"].isna().all() == (expected is None)


def test_a_network_no_better_than_one_answer_says_so(made_profile):
    """One that always says the first class, and one that is right."""
    x, asked = [[1.0], [-1.0], [1.0]], {"device": made_profile(), "programmings": 1}
    assert "no better than the largest class" in str(
        codesign.hold(linear([[0.0], [0.0]]), x, [0, 1, 0], **asked)
    )
    assert "no better" not in str(codesign.hold(linear([[1.0], [-1.0]]), x, [0, 1, 0], **asked))


def test_what_is_said_fits_ten_seconds(sweeps, small, images):
    """What is kept of what, on which device, how it spreads, what it rests on."""
    held = codesign.hold(small, images, torch.arange(40) % 3, sweeps)
    first, second, third, *_, last = str(held).splitlines()
    mean, worst = held.scores().mean(), held.scores().min()
    assert first.startswith(f"As programmed {mean:.3g} of {held.ideal:.3g} accuracy (sd ")
    assert first.endswith(f"over 10 programmings, worst {worst:.3g})")
    assert re.fullmatch(
        r"Small on wire-1 \(F 0\.\d\d \(0\.\d\d-\d\.\d\d\), U 0\.\d\d \(0\.\d\d-\d\.\d\d\)\)", second
    )
    assert third.startswith("  as programmed ") and f"worst {worst:.3g}" in third
    assert "device of the virtual laboratory" in last and "Not modelled: drift" in last
    assert "inside the LCIS window are reached exactly" in last and "a limited number of levels." in last


def test_the_answer_stands_first(made_profile):
    """By hand: three scores as programmed and three calibrated, of a network that scores 0.954."""
    shared = {"network": "Net", "noise": "resampled", "metric": "accuracy", "ideal": 0.954, "constant": 0.1}
    values = {"none": (0.1, 0.41, 0.72), "offset": (0.885, 0.9, 0.915)}
    rows = [
        shared | {"programming": k, "calibration": kind, "value": values[kind][k]}
        for k in range(3)
        for kind in values
    ]
    asked = {"better": "higher", "examples": 9, "calibrating": 50}
    held = Held(rows, made_profile(), analog="differential", digital=("head",), **asked)
    first, second, third, fourth, *_ = str(held).splitlines()
    assert first == (
        "As programmed 0.41 of 0.954 accuracy (sd 0.31 over 3 programmings, worst 0.1); calibrated (offset) "
        "0.9 (worst 0.885)"
    )
    assert second == (
        "Net on given-1 (F 0.90 (0.85-0.95), U 0.80 (0.70-0.90)); on memristors: "
        "differential pairs, head digital"
    )
    assert "0.41 (median 0.41), sd 0.31" in third  # 0.31 is more than half of 0.41 - 0.1
    assert "0.9, sd 0.015 over 3 programmings, worst 0.885" in fourth


def test_what_rounding_leaves_is_no_number(made_profile):
    """Three equal scores whose standard deviation is not exactly 0."""
    shared = {"network": "Net", "noise": "none", "metric": "rmse", "ideal": 1e-17, "constant": 1.0}
    rows = [shared | {"calibration": "none", "value": 0.1 + 0.2 + k * 1e-16} for k in range(3)]
    held = Held(rows, made_profile(), "lower", "all", (), examples=9, calibrating=0)
    first, second, *_ = str(held).splitlines()
    assert first == "As programmed rmse 0.3, 0 without a device (sd 0 over 3 programmings, worst 0.3)"
    assert second.endswith("on memristors: all parameters") and "e-1" not in str(held)


def test_what_is_on_memristors_stands_in_the_table(made_profile, small, images):
    """With the names of digital parts."""
    asked = {"device": made_profile(), "programmings": 1, "digital": "convolution"}
    held = codesign.hold(small, images, torch.zeros(40, dtype=torch.int64), analog="all", **asked)
    assert set(held.table["analog"]) == {"all"} and set(held.table["digital"]) == {"convolution"}
    assert "on memristors: all parameters, convolution digital" in str(held)
    plain = codesign.hold(small, images, torch.zeros(40, dtype=torch.int64), **asked)
    assert str(plain).splitlines()[1].endswith("; convolution digital")


def test_the_place_on_the_curve_of_an_experiment(made_profile, tmp_path):
    """Levels at F = 0.8 and 1 score 0.5 and 0.9: a device at F = 0.9 is at 0.7, its interval at 0.6 to "
    "0.8."""
    rows = [
        dict.fromkeys(EVALUATION_SUMMARY.names)
        | {"experiment": "mine", "method": "erm", "network": "mlp", "stands_for": "level", "profile": f"s{f}"}
        | {"usability": f, "level": f, "fidelity": f, "noise": "lognormal", "calibration": "none"}
        | {"metric": "accuracy", "mean": mean, "trainings": 1, "n": 10}
        for f, mean in ((0.8, 0.5), (1.0, 0.9))
    ]
    write_table(rows, tmp_path / "evaluation/mine-summary.parquet", schema=EVALUATION_SUMMARY)
    layer = linear([[1.0], [-1.0]])
    asked = {"device": made_profile(), "results": tmp_path, "programmings": 1}
    held = codesign.hold(layer, [[1.0], [-1.0]], [0, 1], experiment="mine", **asked)
    [read] = held.place
    assert (read.method, read.metric) == ("erm", "accuracy")
    assert read.prediction[:3] == pytest.approx((0.7, 0.6, 0.8))
    assert "mine, erm accuracy read off at this F: 0.7 (0.6 ... 0.8)" in str(held)
    with pytest.raises(HoldError, match=r"no scores of an experiment mien.*did you mean mine"):
        codesign.hold(layer, [[1.0], [-1.0]], [0, 1], experiment="mien", **asked)


NAN = nn.Linear(2, 2)
NAN.bias.data.fill_(torch.nan)
X = np.ones((4, 2), dtype=np.float32)
LOADER = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4, 2), torch.zeros(4)))


def old_norm():
    """Torch's older norm, which keeps the weight as a tensor that cannot be copied."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.Linear(2, 2))


def pruned():
    """Half of the weights masked."""
    return prune.l1_unstructured(nn.Linear(2, 2), "weight", 0.5)


HUGE = nn.Linear(2, 2)
HUGE.weight.data.fill_(1.0)
NORMED = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"targets": [0, 1]}, "targets have another length than inputs: 2 and 4", id="length"),
        pytest.param({"inputs": np.ones((0, 2)), "targets": []}, "inputs are empty", id="empty"),
        pytest.param({"inputs": {"a": X, "b": X[:2]}}, r"inputs differ in length \(2, 4\)", id="unequal"),
        pytest.param({"targets": ["cat"] * 4}, "targets are no numbers.*numbered 0, 1", id="words"),
        pytest.param({"model": nn.ReLU()}, "ReLU: layers with weights are missing", id="no-weights"),
        pytest.param({"model": nn.LayerNorm(2)}, "layers with weights are missing", id="normalisation-alone"),
        pytest.param(
            {"model": nn.Sequential(nn.Linear(2, 2)), "digital": "0"}, "are all in what", id="all-digital"
        ),
        pytest.param({"digital": ["encoder"]}, "no module 'encoder'", id="no-such-part"),
        pytest.param({"model": "net"}, "model is str, not a torch.nn.Module", id="no-module"),
        pytest.param({"model": nn.LazyLinear(2)}, "has no values yet: load the weights", id="lazy"),
        pytest.param({"model": nn.Linear(2, 2, device="meta")}, "has no values yet", id="meta"),
        pytest.param({"model": NORMED}, "remove_parametrizations", id="parametrised"),
        pytest.param({"model": NAN}, "not finite without any device; look at its weights", id="nan-network"),
        pytest.param({"inputs": X * np.nan}, "and at the inputs: NaN", id="nan-inputs"),
        pytest.param({"inputs": np.ones((4, 3))}, "does not take these inputs.*shape, type", id="shape"),
        pytest.param({"model": nn.Linear(2, 1)}, 'give score="rmse"', id="one-output"),
        pytest.param({"targets": [0.0, 1.0, 0.0, 1.0]}, "class numbers of shape", id="float-targets"),
        pytest.param({"targets": np.eye(2)[[0, 1, 0, 1]]}, r"take targets.argmax\(1\)", id="one-hot"),
        pytest.param({"targets": [1, 2, 1, 2]}, "run from 1 to 2, but the network tells 2", id="from-one"),
        pytest.param({"score": "acuracy"}, "did you mean accuracy", id="score-name"),
        pytest.param({"score": "rmse"}, r"shape \(4, 2\), targets \(4,\)", id="rmse-shape"),
        pytest.param(
            {"score": "r2", "targets": np.ones((4, 2))}, "needs targets that differ", id="r2-constant"
        ),
        pytest.param({"score": 3}, "score is a name or a function", id="score-kind"),
        pytest.param({"score": lambda o, t: o.missing}, "cannot be had: AttributeError", id="score-fails"),
        pytest.param({"score": lambda o, t: float("nan")}, "is nan; give a function", id="score-nan"),
        pytest.param({"programmings": 0}, "programmings must be a whole number of at least 1", id="none"),
        pytest.param({"seed": 1.5}, "seed must be a whole number", id="seed"),
        pytest.param({"batch_size": 0}, "batch_size must be at least 1", id="batch"),
        pytest.param({"analog": "some"}, "analog must be weights, all or differential", id="analog"),
        pytest.param({"noise": "resampled"}, "has no ratios of the device's own cycles", id="ratios"),
        pytest.param({"noise": "gauss"}, "noise must be", id="noise"),
        pytest.param({"calibration": "offset"}, "needs examples", id="no-examples"),
        pytest.param({"calibration": "ofset"}, "did you mean offset", id="calibration-name"),
        pytest.param({"calibrate": 2 * X, "calibration": "scale"}, "no calibration that uses", id="unused"),
        pytest.param({"calibrate": np.ones((9, 3))}, "not take the calibration inputs", id="odd-examples"),
        pytest.param(
            {"calibrate": np.concatenate([X[:3], 2 * X])},
            "3 of 7 calibration examples are among those scored",
            id="test-examples",
        ),
        pytest.param({"calibrate": 2 * X * np.nan}, "calibration inputs contain NaN", id="nan-examples"),
        pytest.param(
            {"calibrate": (2 * X, [0.0, 1.0, np.inf, 1.0])},
            "calibration targets contain NaN or inf",
            id="inf",
        ),
        pytest.param(
            {"model": HUGE, "calibrate": X * 3e38},
            "outputs for the calibration examples are not fin",
            id="huge",
        ),
        pytest.param(
            {"digital": "foo"}, "^digital: the network has no module 'foo'; there are", id="digital"
        ),
        pytest.param({"model": old_norm()}, "works out its weight.*remove_weight_norm", id="old-norm"),
        pytest.param({"model": pruned()}, r"works out its weight.*prune\.remove", id="pruned"),
        pytest.param({"inputs": LOADER}, "inputs are a DataLoader: concatenate its batches", id="loader"),
        pytest.param({"calibrate": LOADER}, "calibration inputs are a DataLoader", id="calibration-loader"),
        pytest.param({"calibrate": 200}, r"takes examples, e.g. \(inputs\[:200\],\)", id="count"),
        pytest.param(
            {"targets": np.full((4, 2), np.nan), "score": "rmse"}, "targets contain NaN", id="nan-targets"
        ),
        pytest.param(
            {"calibrate": 2 * X, "calibration": "statistics"}, "no batch normalisation", id="no-statistics"
        ),
        pytest.param({"calibrate": (2 * X, [1])}, "calibration targets have another length", id="pair"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(made_profile, change, said):
    """In one sentence, before anything is programmed."""
    given = {"model": nn.Linear(2, 2), "inputs": X, "targets": [0, 1, 0, 1], "device": made_profile()}
    with pytest.raises(HoldError, match=f"(?s){said}"):
        codesign.hold(**given | change)


def test_few_calibration_examples_are_noted(made_profile):
    """Nineteen are, twenty are not."""
    rng = np.random.default_rng(1)
    asked = {"model": nn.Linear(2, 2), "inputs": X, "targets": [0, 1, 0, 1], "device": made_profile()}
    few = codesign.hold(**asked, programmings=1, calibrate=rng.normal(size=(19, 2)))
    enough = codesign.hold(**asked, programmings=1, calibrate=rng.normal(size=(20, 2)))
    assert "Note: a calibration on 19 example(s)" in str(few) and not enough.notes


def test_a_fit_that_is_not_finite_is_refused(made_profile):
    """Each cell times exp(700): more than single precision holds, so that there is no gain back."""
    model = linear([[1.0], [0.5]])
    with pytest.raises(HoldError, match="not finite, nor is a fit on them"):
        codesign.hold(model, [[1.0]], [0], made_profile(log_ratio=[700.0]), calibrate=[[2.0], [3.0]] * 10)


def test_outputs_that_overflow_on_the_device_are_the_scores_affair(made_profile):
    """Accuracy counts them as wrong; an error of a regression has no number for them, and says so."""
    # a factor of exp(700) in each of two layers is more than double precision holds
    profile = made_profile(log_ratio=[700.0])
    model = nn.Sequential(linear([[1.0]]), linear([[1.0], [0.5]])).double()
    held = codesign.hold(model, [[1.0]], [0], profile, programmings=2)
    assert held.ideal == 1 and held.scores().tolist() == [0.0, 0.0]
    with pytest.raises(HoldError, match=r"rmse of outputs that are not finite is (inf|nan).*nan_to_num"):
        codesign.hold(model, [[1.0]], [[1.0, 0.5]], profile, score="rmse")


def test_a_device_without_enough_cycles_says_so(measurement, small, images):
    """The extraction's own reason, with what to do."""
    first = measurement.cycle <= 2
    few = type(measurement)(
        measurement.metadata,
        *(getattr(measurement, n)[first] for n in ("cycle", "point", "voltage", "current")),
    )
    with pytest.raises(DeviceError, match=r"2 usable cycle\(s\), 3 needed: measure more cycles"):
        codesign.hold(small, images, torch.zeros(40, dtype=torch.int64), few)
