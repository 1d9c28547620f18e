"""Noises: values, moments, gradients, resumption, refusals."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codesign.bayesmulti.noise import NoiseError, NoiseSpec
from codesign.bayesmulti.noises.dropout import DropoutNoise
from codesign.bayesmulti.noises.gaussian import GaussianNoise
from codesign.bayesmulti.noises.lognormal import LognormalNoise
from codesign.bayesmulti.noises.multinomial import MultinomialNoise

DISCRETE = [
    MultinomialNoise(0.3, 0.3),
    MultinomialNoise(0.6, 0.0),
    MultinomialNoise(0.0, 0.5),
    DropoutNoise(0.4),
]
EVERY = [*DISCRETE, GaussianNoise(0.1), LognormalNoise(0.5)]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p_zero, p_half", [(0.3, 0.3), (0.6, 0.2), (0.0, 0.9), (0.05, 0.0), (0.899, 0.1)])
def test_factors_have_their_three_values_with_their_probabilities(p_zero, p_half):
    """Counts of 200,000 draws within four binomial standard errors and the rounding to 1 / 65536."""
    n = 200_000
    factor = MultinomialNoise(p_zero, p_half).factor(torch.empty(n, dtype=torch.float64), seeded(1)).numpy()
    mean = 0.5 * p_half + 1 - p_zero - p_half
    values = np.array([0.0, 0.5, 1.0])
    shares = np.isclose(factor[:, None] * mean, values, atol=1e-3).mean(axis=0)
    assert shares.sum() == pytest.approx(1.0)
    for share, p in zip(shares, (p_zero, p_half, 1 - p_zero - p_half), strict=True):
        assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n) + 2e-5)


@pytest.mark.parametrize("noise", DISCRETE, ids=str)
def test_discrete_noise_is_unbiased(noise):
    """The mean of 400,000 factors is 1 within four standard errors; neighbours do not correlate."""
    factor = noise.factor(torch.empty(400_000, dtype=torch.float64), seeded(2)).numpy()
    error = 4 * factor.std() / np.sqrt(factor.size)
    assert factor.mean() == pytest.approx(1.0, abs=error)
    for lag in (1, 2, 3, 4):
        correlation = np.corrcoef(factor[:-lag], factor[lag:])[0, 1]
        assert abs(correlation) < 4 / np.sqrt(factor.size)


def test_unbiasedness_is_exact_at_the_probabilities_used():
    """Over all 65,536 values of the bits the factors average to exactly 1."""
    noise = MultinomialNoise(0.123456, 0.3)
    bits = np.arange(65536)
    used = 0.5 * (bits >= round(0.123456 * 65536)) + 0.5 * (bits >= round(0.423456 * 65536))
    draws = noise.factor(torch.empty(50_000, dtype=torch.float64), seeded(3)).numpy()
    assert np.unique(draws) == pytest.approx(np.unique(used / used.mean()), rel=1e-12)


def test_lognormal_factor_is_the_devices_own():
    """ln of the factor is N(0, sigma^2): mean and spread within four standard errors."""
    n, sigma = 200_000, 0.7
    logs = torch.log(LognormalNoise(sigma).factor(torch.empty(n, dtype=torch.float64), seeded(4))).numpy()
    assert logs.mean() == pytest.approx(0.0, abs=4 * sigma / np.sqrt(n))
    assert logs.std() == pytest.approx(sigma, abs=4 * sigma / np.sqrt(2 * n))


def test_gaussian_spread_is_relative_to_the_largest_weight():
    """w + std max|w| z: the spread of the difference within four standard errors."""
    weight = torch.linspace(-2.0, 1.0, 200_000, dtype=torch.float64)
    shift = (GaussianNoise(0.1)(weight, seeded(5)) - weight).numpy()
    assert shift.std() == pytest.approx(0.2, abs=4 * 0.2 / np.sqrt(2 * shift.size))


@pytest.mark.parametrize("noise", EVERY, ids=str)
def test_gradients_are_those_of_the_explicit_expression(noise):
    """Autograd through the noise against autograd of the written-out formula with the same draws."""
    x = torch.randn(7, 5, dtype=torch.float64, generator=seeded(6)).requires_grad_()
    upstream = torch.randn(7, 5, dtype=torch.float64, generator=seeded(7))
    (found,) = torch.autograd.grad((torch.tanh(noise(x, seeded(8))) * upstream).sum(), x)
    if isinstance(noise, GaussianNoise):
        z = torch.empty_like(x).normal_(generator=seeded(8))
        explicit = x + noise.std * float(x.detach().abs().max()) * z
    else:
        explicit = x * noise.factor(x.detach(), seeded(8))
    (expected,) = torch.autograd.grad((torch.tanh(explicit) * upstream).sum(), x)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("noise", [*DISCRETE, LognormalNoise(0.5)], ids=str)
def test_gradients_are_those_of_finite_differences(noise):
    """gradcheck with the draws held fixed by reseeding."""
    x = torch.randn(4, 3, dtype=torch.float64, generator=seeded(9)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: noise(v, seeded(10)), (x,))


@pytest.mark.parametrize("noise", EVERY, ids=str)
@pytest.mark.parametrize("shape", [(3,), (1, 5), (2, 3, 5, 7), ()], ids=str)
def test_shape_and_dtype_follow_the_tensor(noise, shape):
    """Odd sizes included: the bits come four to a word."""
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        y = noise(torch.ones(shape, dtype=dtype), seeded(11))
        assert y.shape == shape and y.dtype == dtype


@pytest.mark.parametrize("noise", EVERY, ids=str)
def test_a_restored_generator_goes_on_where_it_was(noise):
    """What resuming a run rests on."""
    generator, x = seeded(12), torch.ones(33)
    noise(x, generator)
    state = generator.get_state()
    first = noise(x, generator)
    generator.set_state(state)
    assert torch.equal(noise(x, generator), first)


@given(st.floats(0, 0.45), st.floats(0, 0.45), st.floats(0, 0.9), st.floats(0, 3), st.floats(0, 3))
def test_specifications_survive_json(p_zero, p_half, rate, std, sigma):
    """Through text and back, equal."""
    layers = (MultinomialNoise(p_zero, p_half), DropoutNoise(rate), GaussianNoise(std), LognormalNoise(sigma))
    spec = NoiseSpec("bayesmulti", "weight", layers)
    assert NoiseSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "make, message",
    [
        pytest.param(lambda: MultinomialNoise(0.6, 0.5), r"p_zero \+ p_half must lie", id="sum"),
        pytest.param(lambda: MultinomialNoise(-0.1, 0.5), "p_zero must lie", id="negative"),
        pytest.param(lambda: MultinomialNoise("a", 0.5), "p_zero must lie", id="text"),
        pytest.param(lambda: DropoutNoise(1.0), "rate must lie", id="rate"),
        pytest.param(lambda: DropoutNoise(float("nan")), "rate must lie", id="nan"),
        pytest.param(lambda: GaussianNoise(float("inf")), "std must be finite", id="infinite"),
        pytest.param(lambda: LognormalNoise(-1), "sigma must be finite", id="sigma"),
        pytest.param(lambda: NoiseSpec("erm", "none", (DropoutNoise(0.1),)), "takes no noise", id="none"),
        pytest.param(lambda: NoiseSpec("erm", "input", ()), "site must be", id="site"),
        pytest.param(lambda: NoiseSpec("erm", "weight", ("x",)), "must be noises", id="layer"),
        pytest.param(lambda: NoiseSpec.from_json({"method": "erm"}), "has the keys", id="keys"),
        pytest.param(
            lambda: NoiseSpec.from_json({"method": "m", "site": "weight", "layers": [{"noise": "salt"}]}),
            "noise must be one of",
            id="kind",
        ),
        pytest.param(
            lambda: NoiseSpec.from_json(
                {"method": "m", "site": "weight", "layers": [{"noise": "dropout", "p": 0.1}]}
            ),
            "has the parameters rate",
            id="parameter",
        ),
    ],
)
def test_refuses(make, message):
    """Each names the value and what is allowed."""
    with pytest.raises(NoiseError, match=message):
        make()
