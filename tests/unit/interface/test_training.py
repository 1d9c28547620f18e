"""Training noise in a caller's own loop: there in training mode alone, gone afterwards, the same by hand."""

import copy

import pytest
import torch
from torch import nn

import codesign
from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.specification import method_spec
from codesign.interface.given import HoldError
from codesign.models.network import network_of
from codesign.seeds import derived_seed

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model() -> nn.Sequential:
    """Two layers, in training mode."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))


@pytest.mark.parametrize("site", ["weight", "activation"])
@pytest.mark.parametrize("method", ["bayesmulti", "bayesmulti-fixed", "dropout"])
def test_noise_acts_in_training_mode_alone_and_leaves_nothing(model, method, site):
    """Weights are the same objects with the same values inside and after; torch's own draws stay."""
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    objects = [id(parameter) for parameter in model.parameters()]
    clean = model(X)
    with codesign.noisy(model, method, site):
        assert not torch.equal(model(X), clean) and not torch.equal(model(X), model(X))
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        model.eval()
        assert torch.equal(model(X), clean)
        model.train()
    assert torch.equal(model(X), clean) and torch.equal(state, torch.get_rng_state())
    assert [id(parameter) for parameter in model.parameters()] == objects
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_the_same_seed_draws_the_same_noise(model):
    """Another seed another."""

    def outputs(seed):
        with codesign.noisy(model, seed=seed):
            return model(X), model(X)

    one, again, other = outputs(4), outputs(4), outputs(5)
    assert all(map(torch.equal, one, again)) and not torch.equal(one[0], other[0])


def test_it_is_the_injection_made_by_hand(model):
    """Of the workflow's own parts, after three steps of training."""
    by_hand = copy.deepcopy(model)
    spec = method_spec("bayesmulti", {"p_zero": 0.1, "p_half": [0.1, 0.3]}, 2, site="weight")
    generator = torch.Generator().manual_seed(derived_seed(7, "noisy"))
    with Injection(network_of(by_hand), spec, generator):
        _train(by_hand)
    with codesign.noisy(model, seed=7, p_half=[0.1, 0.3]):
        _train(model)
    assert all(map(torch.equal, model.parameters(), by_hand.parameters()))


def _train(model):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        model(X).square().mean().backward()
        optimiser.step()


@pytest.mark.parametrize("method", ["gaussian", "lognormal", "erm"])
def test_methods_with_one_site(model, method):
    """Noise on weights, and none at all."""
    clean = model(X)
    with codesign.noisy(model, method):
        assert torch.equal(model(X), clean) == (method == "erm")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"method": "bayesmuli"}, "did you mean bayesmulti", id="method"),
        pytest.param({"site": "weights"}, "must be activation or weight, got 'weights'", id="site"),
        pytest.param({"method": "gaussian", "site": "activation"}, "must be weight, got", id="one-site"),
        pytest.param({"p_one": 0.1}, "no parameter p_one.*it takes p_zero, p_half", id="parameter"),
        pytest.param({"method": "erm", "rate": 0.1}, "takes no parameters", id="none"),
        pytest.param({"p_zero": 1.5}, "p_zero", id="range"),
        pytest.param({"p_zero": [0.1]}, "p_zero has 1 values for 2 noisy layers", id="length"),
        pytest.param({"seed": 0.5}, "seed must be a whole number", id="seed"),
        pytest.param({"model": "net"}, "model is str", id="no-module"),
        pytest.param({"model": nn.ReLU()}, "ReLU has no place for weight noise", id="no-weights"),
        pytest.param({"model": nn.LazyLinear(2)}, "has no values yet", id="lazy"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(model, change, said):
    """Before anything is touched."""
    with pytest.raises(HoldError, match=f"(?s){said}"):
        codesign.noisy(**{"model": model} | change)
