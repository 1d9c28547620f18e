"""PerovskiteMemSim against closed forms, a slow loop of its own, and the promise to give weights back."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from codesign.memsim.simulator import (
    BLOCK,
    MemSimSettings,
    PerovskiteMemSim,
    SimulatorError,
    programmed_parameters,
)
from codesign.models.network import network_of
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.nonideality.profile import DeviceProfile

IDEAL, HALF = synthetic_profiles([1.0, 0.5], Trend(0.4, 0.6, 9, "measured"), min_operative_fraction=0.35)


def profile(curve, reached, *, sigma=0.0, g_min_s=None, g_max_s=None, log_ratio=()) -> DeviceProfile:
    """A profile with any curve."""
    n = len(curve)
    return DeviceProfile(
        profile="p", kind="device", origin="measured", level=None, usability=0.5, usability_low=None,
        usability_high=None, eta=0.5, sigma=sigma, branch_points=n, window_start=0, window_length=n,
        lcis_start=0, lcis_length=n, g_min_s=g_min_s, g_max_s=g_max_s, curve=np.array(curve),
        reached=np.array(reached), log_ratio=np.array(log_ratio),
    )  # fmt: skip


CROOKED = profile([0.3, 0.0, 0.4, 0.9, 0.6, 1.0, 0.2], [False, True, True, True, False, False, False])


def how(mapping="relative", analog="weights", noise="lognormal") -> MemSimSettings:
    return MemSimSettings(mapping=mapping, analog=analog, noise=noise)


def network(seed=0) -> nn.Sequential:
    """Convolution, normalisation, two matrices; weights from a generator of their own."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 64), nn.Linear(64, 3)
    )
    for name, parameter in model.named_parameters():
        if not name.startswith("1."):
            parameter.data.normal_(0, 0.1, generator=draws(seed))
    return model


def draws(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def copied(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def identical(a, b) -> bool:
    """Bit for bit, NaN and signed zeros included."""
    return all(a[k].contiguous().numpy().tobytes() == b[k].contiguous().numpy().tobytes() for k in a)


def programmed(weight, on, settings=None, generator=None) -> torch.Tensor:
    """One matrix programmed."""
    model = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    model.weight.data.copy_(weight)
    with PerovskiteMemSim(network_of(model), settings or how()) as simulator:
        simulator.program(on, generator)
        return model.weight.detach().clone()


def slow(weight, on, mapping, factors=None, pairs=None) -> np.ndarray:
    """Steps 1 to 3 for one matrix, weight by weight, in plain Python floats."""
    w = max(abs(float(x)) for x in weight.ravel())
    last = len(on.curve) - 1

    def level(t):
        place = t * last
        k = min(int(place), last - 1)
        if on.reached[k] and on.reached[k + 1]:
            return t if mapping == "relative" else None
        return on.curve[k] + (place - k) * (on.curve[k + 1] - on.curve[k])

    def conductance(x):
        """What |x| ends at, in units of the weights."""
        g = level(abs(x) / w)
        if mapping == "relative":
            return w * g
        return abs(x) if g is None else abs(x) * g

    out = np.empty(weight.size)
    for i, x in enumerate(map(float, weight.ravel())):
        sign = (x > 0) - (x < 0)
        if pairs is None:
            out[i] = sign * conductance(x) * (1 if factors is None else factors[i])
        else:
            floor = w * on.g_min_s / (on.g_max_s - on.g_min_s)
            off = conductance(0.0) if mapping == "relative" else 0.0
            difference = (conductance(x) + floor) * pairs[0][i] - (off + floor) * pairs[1][i]
            out[i] = -difference if x < 0 else difference
    return out.reshape(weight.shape)


@pytest.mark.parametrize("mapping", ["relative", "ratio"])
@pytest.mark.parametrize("on", [CROOKED, HALF], ids=["crooked", "synthetic"])
def test_the_blocks_do_what_a_slow_loop_does(mapping, on):
    """Every weight on its own; float32 against float64: 1e-5 of the largest weight."""
    weight = torch.randn(40, 50, generator=draws())
    found = programmed(weight, on, how(mapping, noise="none"))
    expected = slow(weight.numpy().astype(float), on, mapping)
    assert found.numpy() == pytest.approx(expected, abs=1e-5 * float(weight.abs().max()))


@pytest.mark.parametrize("mapping", ["relative", "ratio"])
def test_noise_is_an_independent_factor_on_every_cell(mapping):
    """The loop with the generator's own log-normal factors gives the same weights in float64."""
    on = profile(CROOKED.curve, CROOKED.reached, sigma=0.7)
    weight = torch.randn(120, 100, generator=draws(), dtype=torch.float64)
    assert BLOCK < weight.numel() < 2 * BLOCK
    g = draws(5)
    blocks = [
        torch.empty(n, dtype=torch.float64).normal_(0, 0.7, generator=g) for n in (BLOCK, 12000 - BLOCK)
    ]
    factors = torch.cat(blocks).exp().numpy()
    found = programmed(weight, on, how(mapping), draws(5))
    assert found.numpy() == pytest.approx(
        slow(weight.numpy(), on, mapping, factors=factors), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("mapping", ["relative", "ratio"])
def test_a_pair_is_two_cells_with_noise_of_their_own(mapping):
    """Both conduct g_min below their level, and the cell at level 0 is noisy too."""
    on = profile(CROOKED.curve, CROOKED.reached, sigma=0.4, g_min_s=1e-6, g_max_s=5e-6)
    weight = torch.randn(30, 40, generator=draws(), dtype=torch.float64)
    weight[0, :5] = 0
    g = draws(5)
    pairs = [torch.empty(1200, dtype=torch.float64).normal_(0, 0.4, generator=g).exp().numpy() for _ in "+-"]
    found = programmed(weight, on, how(mapping, "differential"), draws(5))
    assert found.numpy() == pytest.approx(slow(weight.numpy(), on, mapping, pairs=pairs), rel=1e-9, abs=1e-12)
    assert (found[0, :5] != 0).all()


def test_the_moments_are_those_of_a_log_normal_factor():
    """Mean exp(s^2 / 2), second moment exp(2 s^2), ln of standard deviation s; three standard errors."""
    s, n = 0.5, 200_000
    on = profile([0.0, 1.0], [True, True], sigma=s)
    found = programmed(torch.ones(400, 500), on, generator=draws(3)).double().numpy().ravel()
    variance = (math.exp(s**2) - 1) * math.exp(s**2)
    assert found.mean() == pytest.approx(math.exp(s**2 / 2), abs=3 * math.sqrt(variance / n))
    fourth = math.exp(8 * s**2) - math.exp(4 * s**2)
    assert (found**2).mean() == pytest.approx(math.exp(2 * s**2), abs=3 * math.sqrt(fourth / n))
    assert np.log(found).mean() == pytest.approx(0, abs=3 * s / math.sqrt(n))
    assert np.log(found).std() == pytest.approx(s, abs=3 * s / math.sqrt(2 * n))


def test_a_pair_without_signal_is_symmetric_noise():
    """Zero weights beside a large one: mean 0, variance 2 floor^2 (e^(2 s^2) - e^(s^2))."""
    s, n = 0.3, 100_000
    on = profile([0.0, 1.0], [True, True], sigma=s, g_min_s=1.0, g_max_s=3.0)
    weight = torch.zeros(1000, 101)
    weight[:, 0] = 2.0
    found = programmed(weight, on, how(analog="differential"), draws(3))[:, 1:].double().numpy().ravel()
    floor = 2.0 * 0.5
    variance = 2 * floor**2 * (math.exp(2 * s**2) - math.exp(s**2))
    assert found.mean() == pytest.approx(0, abs=3 * math.sqrt(variance / n))
    kurtosis = ((found / found.std()) ** 4).mean()
    assert found.var() == pytest.approx(variance, rel=3 * math.sqrt((kurtosis - 1) / n))


@pytest.mark.parametrize("mapping", ["relative", "ratio"])
@pytest.mark.parametrize("analog", ["weights", "all", "differential"])
def test_an_ideal_device_gives_the_weights_themselves(mapping, analog):
    """Bit for bit: every level is reached and nothing varies."""
    model = network()
    clean = copied(model)
    with PerovskiteMemSim(network_of(model), how(mapping, analog)) as simulator:
        assert simulator.deterministic(IDEAL)
        simulator.program(IDEAL)
        assert identical(clean, copied(model))


def test_a_linear_curve_beyond_the_lcis_is_the_identity_too():
    """Eq. 6 on a straight line is t itself; float32 rounding only."""
    weight = torch.randn(50, 50, generator=draws())
    straight = profile(np.linspace(0, 1, 21), [False] * 21)
    found = programmed(weight, straight)
    assert found.numpy() == pytest.approx(weight.numpy(), abs=1e-5 * float(weight.abs().max()))


def test_levels_inside_the_lcis_window_are_reached_bit_for_bit():
    """Half the window is LCIS; weights below half of the largest do not change, those above do."""
    on = profile(np.linspace(0, 1, 11) ** 2, np.arange(11) <= 5)
    weight = torch.rand(60, 60, generator=draws()) - 0.5
    weight[0, 0] = 1.0
    weight[1:].mul_(2)
    found = programmed(weight, on)
    low, high = weight.abs() < 0.499, (weight.abs() > 0.501) & (weight.abs() < 0.999)
    assert low.any() and high.any()
    assert torch.equal(found[low], weight[low])
    assert (found[high].abs() < weight[high].abs()).all()


curves = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0, 1), min_size=n, max_size=n), st.lists(st.booleans(), min_size=n, max_size=n)
    )
)
values = st.floats(-10, 10, width=32)


@settings(max_examples=60, deadline=None)
@given(
    curves,
    st.lists(values, min_size=4, max_size=4),
    st.sampled_from(["relative", "ratio"]),
    st.sampled_from([0.0, 0.6]),
)
def test_signs_are_kept_zeros_stay_zero_and_nothing_leaves_the_range(drawn, weight, mapping, sigma):
    """Whatever the curve; with noise, no sign turns either."""
    weight = torch.tensor(weight).reshape(2, 2)
    found = programmed(weight, profile(*drawn, sigma=sigma), how(mapping), draws())
    assert torch.isfinite(found).all()
    assert (found * weight.sign() >= 0).all()
    assert (found[weight == 0] == 0).all()
    if sigma == 0:
        assert (found.abs() <= weight.abs().max()).all()


@pytest.mark.parametrize("noise", ["lognormal", "resampled"])
@pytest.mark.parametrize("analog", ["weights", "all", "differential"])
def test_clean_weights_come_back_bit_for_bit(noise, analog):
    """After restore(), after the block, and after an error inside it."""
    on = profile(CROOKED.curve, CROOKED.reached, sigma=0.7, log_ratio=[-0.4, 0.1, 0.3])
    model = network().to(memory_format=torch.channels_last)
    model[4].weight.data[0, :3] = torch.tensor([-0.0, 1e-42, 0.0])
    clean = copied(model)
    with PerovskiteMemSim(network_of(model), how(analog=analog, noise=noise)) as simulator:
        simulator.program(on, draws())
        assert not torch.equal(model[4].weight, clean["4.weight"])
        simulator.restore()
        assert identical(clean, copied(model))
        simulator.program(on, draws())
    assert identical(clean, copied(model))
    with (
        pytest.raises(ZeroDivisionError),
        PerovskiteMemSim(network_of(model), how(analog=analog, noise=noise)) as simulator,
    ):
        simulator.program(on, draws())
        raise ZeroDivisionError
    assert identical(clean, copied(model))


def test_a_programming_depends_on_its_generator_and_on_nothing_before_it():
    """Same seed, same weights, also after another programming; another seed, others."""
    model, found = network(), []
    with PerovskiteMemSim(network_of(model), how()) as simulator:
        for seed in (1, 2, 1):
            simulator.program(HALF, draws(seed))
            found.append(copied(model))
    assert identical(found[0], found[2]) and not identical(found[0], found[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("noise", ["lognormal", "resampled"])
@pytest.mark.parametrize("mapping", ["relative", "ratio"])
@pytest.mark.parametrize("analog", ["weights", "all", "differential"])
def test_the_third_programming_on_a_device_is_what_a_first_one_would_be(analog, mapping, noise, dtype):
    """What is kept from one programming to the next changes nothing, whatever comes between."""
    on = profile(
        CROOKED.curve, CROOKED.reached, sigma=0.7, g_min_s=1e-6, g_max_s=1e-5, log_ratio=[-0.4, 0.1, 0.3]
    )
    other = profile(
        [0.0, 0.7, 1.0], [True, True, False], sigma=0.2, g_min_s=1e-6, g_max_s=1e-5, log_ratio=[0.1]
    )
    model = network().to(dtype)
    model[5].weight.data.zero_()
    clean = copied(model)
    settings = how(mapping, analog, noise)

    def first(device, seed):
        with PerovskiteMemSim(network_of(model), settings) as simulator:
            simulator.program(device, draws(seed))
            return copied(model)

    turns = [(on, 1), (on, 2), (on, 3), (other, 4), (on, 5), (on, 6), (other, 7), (other, 8), (other, 9)]
    expected = [first(device, seed) for device, seed in turns]
    with PerovskiteMemSim(network_of(model), settings) as simulator:
        for k, (device, seed) in enumerate(turns):
            if k == 2:
                simulator.restore()
            simulator.program(device, draws(seed))
            found = copied(model)
            assert all(torch.equal(found[name], expected[k][name]) for name in found)
    assert all(torch.equal(value, clean[name]) for name, value in copied(model).items())


def test_resampled_factors_are_the_devices_own_ratios():
    """Each with equal share: chi-square over five ratios stays under its 99.9 % quantile, 18.47."""
    ratios = np.array([-1.0, -0.5, 0.0, 0.4, 0.9])
    on = profile([0.0, 1.0], [True, True], sigma=9.0, log_ratio=ratios)
    found = programmed(torch.ones(200, 100, dtype=torch.float64), on, how(noise="resampled"), draws()).numpy()
    assert set(np.unique(found)) <= set(np.exp(ratios))
    counts = np.array([(found == factor).sum() for factor in np.exp(ratios)])
    assert ((counts - 4000) ** 2 / 4000).sum() < 18.47


def test_half_precision_is_programmed_in_single_and_rounded_once():
    """A bfloat16 matrix gives the rounded float32 result."""
    weight = torch.randn(20, 30, generator=draws()).bfloat16()
    wide = programmed(weight.float(), HALF, generator=draws(4))
    assert torch.equal(programmed(weight, HALF, generator=draws(4)), wide.bfloat16())


class Odd(nn.Module):
    """Tied, graph-convolution-like, recurrent, attention and digital parameters."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.weight_relation = nn.Parameter(torch.randn(3, 4, 4))
        self.position = nn.Parameter(torch.randn(5, 4))
        self.norm = nn.LayerNorm((5, 4))
        self.attention = nn.MultiheadAttention(4, 2)
        self.recurrent = nn.LSTM(4, 4)
        self.first = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.first.weight
        self.table = nn.Parameter(torch.ones(2, 2, dtype=torch.int64), requires_grad=False)


def test_weight_matrices_of_any_module_are_found():
    """Linear, graph, attention and recurrent matrices once each; tables, norms, biases stay digital."""
    assert programmed_parameters(network_of(Odd()), "weights") == [
        "weight_relation", "attention.in_proj_weight", "attention.out_proj.weight",
        "recurrent.weight_ih_l0", "recurrent.weight_hh_l0", "first.weight",
    ]  # fmt: skip
    everything = programmed_parameters(network_of(Odd()), "all")
    assert "norm.bias" in everything and "embedding.weight" in everything and "table" not in everything


def test_biases_and_normalisation_stay_digital_unless_all_is_analog():
    """`all` is what the reference code does."""
    model = network()
    clean = copied(model)
    for analog, changed in (
        ("weights", {"0.weight", "4.weight", "5.weight"}),
        ("all", {name for name, _ in network().named_parameters()} - {"1.bias"}),
    ):
        with PerovskiteMemSim(network_of(model), how(analog=analog)) as simulator:
            simulator.program(HALF, draws())
            now = copied(model)
        # the bias of the fresh normalisation is 0, and zero stays zero
        assert {name for name in clean if not torch.equal(clean[name], now[name])} == changed


def test_an_empty_matrix_stays_empty():
    """All weights 0: no range to place them in, nothing to do, also as pairs."""
    for analog in ("weights", "differential"):
        found = programmed(torch.zeros(3, 4), HALF, how(analog=analog), draws())
        assert not found.any()


def test_the_autograd_graph_notices_a_programming():
    """Backward through weights changed in between is an error of torch, not a wrong gradient."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 1))
    with PerovskiteMemSim(network_of(model), how()) as simulator:
        loss = model(torch.ones(2, 4)).sum()
        simulator.program(HALF, draws())
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def _gaps():
    model = nn.Linear(4, 4)
    model.weight = nn.Parameter(torch.randn(4, 8)[:, ::2])
    return model


def _not_finite():
    model = nn.Linear(4, 4)
    model.weight.data[0, 0] = float("nan")
    return model


def _use(model, on=HALF, noise="lognormal", generator=None):
    with PerovskiteMemSim(network_of(model), how(noise=noise)) as simulator:
        simulator.program(on, generator)


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        pytest.param(lambda: how(mapping="x"), ValueError, "mapping must be", id="mapping"),
        pytest.param(lambda: how(noise="x"), ValueError, "noise must be", id="noise"),
        pytest.param(lambda: programmed_parameters(network_of(nn.ReLU()), "all"), SimulatorError,
                     "no parameter", id="none"),
        pytest.param(lambda: programmed_parameters(network_of(nn.Linear(2, 2)), "x"), ValueError,
                     "analog must", id="analog"),
        pytest.param(lambda: _use(nn.Linear(4, 4)), SimulatorError, "needs a generator", id="no-generator"),
        pytest.param(lambda: _use(nn.Linear(4, 4), noise="resampled", generator=draws()), SimulatorError,
                     "no ratios", id="no-ratios"),
        pytest.param(lambda: _use(_gaps()), SimulatorError, "gaps", id="gaps"),
        pytest.param(lambda: _use(_not_finite()), SimulatorError, "not finite", id="not-finite"),
        pytest.param(lambda: PerovskiteMemSim(network_of(nn.Linear(4, 4)), how()).program(HALF, draws()),
                     SimulatorError, "inside", id="outside-the-block"),
    ],
)  # fmt: skip
def test_what_cannot_be_programmed_is_refused(act, error, words):
    """With what to do."""
    with pytest.raises(error, match=words):
        act()
