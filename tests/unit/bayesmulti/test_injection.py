"""Noise put into unchanged models: where it acts, and that nothing of it stays."""

import copy

import pytest
import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.methods import method_names, method_of, site_of
from codesign.bayesmulti.noise import NoiseError, NoiseSpec
from codesign.bayesmulti.noises.dropout import DropoutNoise
from codesign.bayesmulti.noises.gaussian import GaussianNoise
from codesign.bayesmulti.noises.lognormal import LognormalNoise
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.bayesmulti.specification import method_spec
from codesign.models.network import Network, NetworkError, network_of

NOISE = MultinomialNoise(0.3, 0.3)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def initialised(model: nn.Module) -> nn.Module:
    generator = seeded(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


class Block(nn.Module):
    """A residual block with batch normalisation and a projected shortcut."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=2, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


def mlp() -> nn.Module:
    return initialised(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)))


def residual() -> nn.Module:
    layers = [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), Block(4, 4), nn.MaxPool2d(2)]
    return initialised(nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 3)))


MODELS = {"mlp": (mlp, (9, 6)), "residual": (residual, (9, 2, 6, 6))}


def some(method: str) -> dict[str, float]:
    """Noise that shows, within what any method's search may reach."""
    limit = method_of(method).limit
    largest = None if limit is None else limit.largest
    return dict.fromkeys(method_of(method).parameters, 0.3 if largest is None else min(0.3, largest / 3))


PLACES = [(m, s) for m in method_names() for s in method_of(m).sites]


def spec_for(model: nn.Module, method: str, site: str) -> NoiseSpec:
    return method_spec(method, some(method), len(network_of(model).places(site)), site=site)


def traces(model: nn.Module) -> tuple:
    """Everything an injection could leave behind, by identity where identity matters."""
    return (
        list(model.state_dict()),
        [(name, id(parameter)) for name, parameter in model.named_parameters()],
        [type(module) for module in model.modules()],
        [sorted(vars(module)) for module in model.modules()],
        [
            (dict(m._forward_pre_hooks), dict(m._forward_hooks), dict(m._forward_hooks_always_called))
            for m in model.modules()
        ],
    )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method, site", PLACES)
def test_nothing_remains(name, method, site):
    """Keys, parameter objects and order, classes, hooks and exact weights are as before."""
    make, shape = MODELS[name]
    model, x = make(), torch.randn(shape, generator=seeded(1))
    before, weights = traces(model), copy.deepcopy(dict(model.named_parameters()))
    with Injection(network_of(model), spec_for(model, method, site), seeded(2)):
        model(x).sum().backward()
        assert list(model.state_dict()) == before[0]
        assert [(n, id(p)) for n, p in model.named_parameters()] == before[1]
    assert traces(model) == before
    assert all(torch.equal(p, weights[n]) for n, p in model.named_parameters())
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


class Failing(nn.Module):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("method, site", PLACES)
def test_nothing_remains_after_an_exception(method, site, error):
    """Between layers, and in the very layer whose weight is noisy."""
    model = nn.Sequential(mlp(), Failing(error))
    before = traces(model)
    with (
        pytest.raises(type(error)),
        Injection(network_of(model), spec_for(model, method, site), seeded(2)),
    ):
        model(torch.ones(2, 6))
    assert traces(model) == before


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_layer_that_fails_gets_its_own_weight_back(error, monkeypatch):
    """The failure happens while the noisy weight is in place; the block's exit mends it."""
    model = mlp()
    before = traces(model)

    def failing(x):
        assert not isinstance(model[2].weight, nn.Parameter)
        raise error

    spec = spec_for(model, "lognormal", "weight")
    with monkeypatch.context() as patch:
        patch.setattr(model[2], "forward", failing)
        with pytest.raises(type(error)), Injection(network_of(model), spec, seeded(2)):
            model(torch.ones(2, 6))
    assert traces(model) == before


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method, site", PLACES)
def test_noise_acts_in_training_only(name, method, site):
    """In eval mode the outputs are bitwise the clean ones and the generator is untouched."""
    make, shape = MODELS[name]
    model, x = make().eval(), torch.randn(shape, generator=seeded(1))
    generator = seeded(2)
    state = generator.get_state()
    clean = model(x)
    spec = spec_for(model, method, site)
    with Injection(network_of(model), spec, generator):
        assert torch.equal(model(x), clean)
        assert torch.equal(generator.get_state(), state)
        model.train()
        assert torch.equal(model(x), model(x)) == (method_of(method).noise is None)
    model.eval()
    with Injection(network_of(model), spec, generator, when="always"):
        assert torch.equal(model(x), model(x)) == (method_of(method).noise is None)


def test_activation_noise_is_the_written_out_network():
    """Outputs and gradients of an MLP against the explicit expression with the same draws."""
    model, x = mlp().double(), torch.randn(9, 6, dtype=torch.float64, generator=seeded(1))
    with Injection(network_of(model), spec_for(model, "bayesmulti", "activation"), seeded(2)):
        found = model(x)
        gradients = torch.autograd.grad(found.square().sum(), list(model.parameters()))
    generator = seeded(2)
    h = torch.relu(x @ model[0].weight.T + model[0].bias)
    h = h * NOISE.factor(h.detach(), generator)
    h = torch.relu(h @ model[2].weight.T + model[2].bias)
    h = h * NOISE.factor(h.detach(), generator)
    expected = h @ model[4].weight.T + model[4].bias
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    for g, e in zip(
        gradients, torch.autograd.grad(expected.square().sum(), list(model.parameters())), strict=True
    ):
        assert torch.allclose(g, e, rtol=1e-10, atol=1e-12)


def test_weight_noise_is_the_written_out_network():
    """Each layer sees W * factor, the gradient reaches W through the factor."""
    model, x = mlp().double(), torch.randn(9, 6, dtype=torch.float64, generator=seeded(1))
    with Injection(network_of(model), spec_for(model, "bayesmulti", "weight"), seeded(2)):
        found = model(x)
        gradients = torch.autograd.grad(found.square().sum(), list(model.parameters()))
    generator, h = seeded(2), x
    for k in (0, 2, 4):
        weight = model[k].weight * NOISE.factor(model[k].weight.detach(), generator)
        h = h @ weight.T + model[k].bias
        h = torch.relu(h) if k < 4 else h
    assert torch.allclose(found, h, rtol=1e-12, atol=1e-12)
    for g, e in zip(gradients, torch.autograd.grad(h.square().sum(), list(model.parameters())), strict=True):
        assert torch.allclose(g, e, rtol=1e-10, atol=1e-12)


def test_factors_before_or_after_a_relu_are_the_same():
    """Multiplicative noise >= 0 commutes with ReLU: why the choice does not matter there."""
    z = torch.randn(100, 7, generator=seeded(3))
    assert torch.equal(NOISE(torch.relu(z), seeded(4)), torch.relu(NOISE(z, seeded(4))))


def test_what_the_next_weights_read_is_unbiased_after_pooling():
    """The mean over 4,000 draws of a convolution's response is the clean one, four standard errors."""
    model = initialised(nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2)))
    model.double()
    x = torch.randn(1, 1, 6, 6, dtype=torch.float64, generator=seeded(1))
    with torch.no_grad():
        clean = model(x)
        with Injection(network_of(model), spec_for(model, "bayesmulti", "activation"), seeded(2)):
            noisy = model(x.expand(4000, -1, -1, -1))
    error = 4 * noisy.std(dim=0) / 4000**0.5
    assert ((noisy.mean(dim=0) - clean[0]).abs() <= error).all()


def test_noise_at_the_activation_site_does_not_touch_the_data():
    """The first layer reads clean inputs; both convolutions of a shortcut draw their own noise."""
    model = residual()
    seen = {}
    handles = [
        module.register_forward_hook(lambda m, inputs, output, n=name: seen.__setitem__(n, inputs[0]))
        for name, module in model.named_modules()
        if name in ("0", "3.conv1", "3.shortcut")
    ]
    x = torch.randn(9, 2, 6, 6, generator=seeded(1))
    with Injection(network_of(model), spec_for(model, "dropout", "activation"), seeded(2)):
        model(x)
    for handle in handles:
        handle.remove()
    assert torch.equal(seen["0"], x)
    assert not torch.equal(seen["3.conv1"], seen["3.shortcut"])


def test_a_layer_used_twice_and_nested_injections_give_back_in_order():
    """Each pass draws anew; two injections around one layer unwind to its own parameter."""
    shared = nn.Linear(4, 4)
    model = initialised(nn.Sequential(shared, nn.ReLU(), shared))
    parameter = shared.weight
    spec = NoiseSpec("m", "weight", (NOISE,))
    assert network_of(model).analog == ("0.weight",)
    with Injection(network_of(model), spec, seeded(1)), Injection(network_of(model), spec, seeded(2)):
        model(torch.ones(2, 4)).sum().backward()
        assert shared.weight is parameter
    assert shared.weight is parameter and shared.weight.grad is not None


class Tied(nn.Module):
    """A table whose rows are read at the start and multiplied with at the end: one tensor in two modules."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.first = nn.Linear(4, 4)
        self.out = nn.Linear(4, 5, bias=False)
        self.out.weight = self.table.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.out(self.first(self.table(tokens)))


def test_a_tensor_shared_by_two_modules_is_one_draw_in_both():
    """Its cells are programmed once: what is read and what multiplies is the same noisy matrix."""
    model, tokens = initialised(Tied()).double(), torch.arange(5)
    network = network_of(model)
    assert network.analog == ("first.weight", "out.weight")
    before = traces(model)
    with Injection(network, NoiseSpec("m", "weight", (NOISE, NOISE)), seeded(2)):
        found = model(tokens)
    generator = seeded(2)
    first, shared = (w * NOISE.factor(w, generator) for w in (model.first.weight, model.table.weight))
    expected = (shared @ first.T + model.first.bias) @ shared.T
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert traces(model) == before and model.out.weight is model.table.weight


def test_training_resumes_bitwise_from_the_generators_state():
    """Ten steps against five, a saved state, and five more with a new injection."""

    def steps(model, optimiser, generator, first, last):
        with Injection(network_of(model), spec_for(model, "bayesmulti", "activation"), generator):
            for k in range(first, last):
                optimiser.zero_grad()
                model(torch.randn(8, 6, generator=seeded(100 + k))).square().mean().backward()
                optimiser.step()

    whole = mlp()
    steps(whole, torch.optim.Adam(whole.parameters()), seeded(3), 0, 10)
    half = mlp()
    optimiser, generator = torch.optim.Adam(half.parameters()), seeded(3)
    steps(half, optimiser, generator, 0, 5)
    weights, moments, state = (
        copy.deepcopy(half.state_dict()),
        copy.deepcopy(optimiser.state_dict()),
        generator.get_state(),
    )
    again = mlp()
    again.load_state_dict(weights)
    optimiser = torch.optim.Adam(again.parameters())
    optimiser.load_state_dict(moments)
    generator = seeded(99)
    generator.set_state(state)
    steps(again, optimiser, generator, 5, 10)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_global_generator_is_left_alone():
    """Nothing draws from torch's own generator."""
    model = residual()
    before = torch.get_rng_state()
    for method, site in PLACES:
        with Injection(network_of(model), spec_for(model, method, site), seeded(2)):
            model(torch.ones(4, 2, 6, 6))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_module_that_is_not_called_is_named():
    """Attention reads its output projection's weight without calling the module: said, not silent."""
    model = nn.TransformerEncoderLayer(4, 1, 8, dropout=0.0, batch_first=True)
    spec = spec_for(model, "bayesmulti", "activation")
    with (
        pytest.warns(RuntimeWarning, match=r"no noise in self_attn\.out_proj: .*activation_noise"),
        Injection(network_of(model), spec, seeded(1)),
    ):
        model(torch.ones(1, 2, 4))


@pytest.mark.parametrize("method, site", [("bayesmulti", "activation"), ("lognormal", "weight")])
def test_a_compiled_network_draws_the_same_noise(method, site):
    """Outputs of the compiled network against the plain one; afterwards both are clean."""
    model, x = mlp(), torch.randn(9, 6, generator=seeded(1))
    clean, spec = model(x), spec_for(model, method, site)
    with Injection(network_of(model), spec, seeded(2)):
        expected = [model(x), model(x)]
    with Injection(network_of(model), spec, seeded(2)):
        compiled = torch.compile(model, backend="aot_eager")
        for output in expected:
            found = compiled(x)
            found.sum().backward()
            assert torch.allclose(found, output, atol=1e-6)
    assert torch.allclose(compiled(x), clean, atol=1e-6) and torch.equal(model(x), clean)


def test_the_places_can_be_named():
    """A part of a network: what the network says, and no other."""
    model = mlp()
    network = Network(model, analog=("2.weight",), activation_noise=("4",))
    for site in ("activation", "weight"):
        with Injection(network, NoiseSpec("m", site, (NOISE,)), seeded(1)):
            out = model(torch.ones(50, 6))
        assert torch.allclose(out[0], out[1]) == (site == "weight")
        assert not torch.allclose(out, model(torch.ones(50, 6)))


@pytest.mark.parametrize(
    "make, error, message",
    [
        pytest.param(lambda n: n.places("input"), NetworkError, "site must be", id="site"),
        pytest.param(
            lambda n: Injection(n, NoiseSpec("bayesmulti", "weight", (NOISE,)), seeded(1)),
            NoiseError,
            "has 1 noises for 3 places of weight noise .*n_layers=3",
            id="count",
        ),
        pytest.param(
            lambda n: Network(n.module, ("1.weight",), ()),
            NetworkError,
            r"analog: the network has no parameter '1\.weight'; there are 0\.weight, ",
            id="parameter",
        ),
        pytest.param(
            lambda n: Network(n.module, (), ("5",)),
            NetworkError,
            "activation_noise: the network has no module '5'; there are 0, 1, 2, 3, 4",
            id="module",
        ),
        pytest.param(
            lambda n: Network(n.module, (), (), {"5": "0" * 64}),
            NetworkError,
            "frozen: the network has no module '5'",
            id="frozen",
        ),
        pytest.param(
            lambda n: Network(n.module, ("0.weight",), (), {"0": "0" * 64}),
            NetworkError,
            r"analog: 0\.weight is frozen",
            id="analog-and-frozen",
        ),
        pytest.param(
            lambda n: Network(n.module, ("0.weight",) * 2, ()),
            NetworkError,
            "analog names .* twice",
            id="twice",
        ),
        pytest.param(
            lambda _: Network(Tied(), ("table.weight", "out.weight"), ()),
            NetworkError,
            "one tensor twice: table",
            id="tied-twice",
        ),
        pytest.param(
            lambda n: Injection(n, NoiseSpec("erm", "none", ()), seeded(1), when="eval"),
            NoiseError,
            "when must be",
            id="when",
        ),
    ],
)
def test_refuses(make, error, message):
    """Each names the value and the remedy."""
    with pytest.raises(error, match=message):
        make(network_of(mlp()))


def test_an_active_injection_is_not_entered_again():
    """Its hooks would be put in twice; after leaving it may be used anew."""
    model = mlp()
    injection = Injection(network_of(model), spec_for(model, "dropout", "activation"), seeded(1))
    with injection, pytest.raises(NoiseError, match="active already"):
        injection.__enter__()
    with injection:
        model(torch.ones(2, 6))


def test_every_method_has_its_noise_and_site():
    """The table of methods against the papers they stand for."""
    kinds = {
        "dropout": (DropoutNoise(0.3), "activation"),
        "gaussian": (GaussianNoise(0.3), "weight"),
        "lognormal": (LognormalNoise(0.3), "weight"),
    }
    for method, (noise, site) in kinds.items():
        assert method_spec(method, some(method), 2, site=site) == NoiseSpec(method, site, (noise, noise))
    assert method_spec("erm", {}, 0) == NoiseSpec("erm", "none", ())
    searched = {name for name in method_names() if method_of(name).searched}
    assert searched >= {"bayesmulti", "dropout", "gaussian", "lognormal"}
    assert not searched & {"erm", "bayesmulti-fixed"}
    assert site_of("gaussian", "activation") == "weight" and site_of("bayesmulti", "weight") == "weight"


@pytest.mark.parametrize(
    "method, parameters, site, message",
    [
        pytest.param("bayes", {}, None, "method must be one of .*bayesmulti, ", id="method"),
        pytest.param("erm", {"p": 1}, None, "takes no parameters", id="erm"),
        pytest.param(
            "bayesmulti", {"p_zero": 0.1}, "weight", "takes p_zero, p_half; got p_zero", id="missing"
        ),
        pytest.param("bayesmulti", {"p_zero": 0.1, "p_half": 0.1}, None, "needs a site", id="site"),
        pytest.param("dropout", {"rate": [0.1]}, "weight", "rate has 1 values for 2", id="length"),
        pytest.param("dropout", {"rate": "0.1"}, "weight", "a number or a list", id="text"),
        pytest.param("dropout", {"rate": [0.1, None]}, "weight", "must be numbers", id="entry"),
        pytest.param("dropout", {"rate": 2}, "weight", "rate must lie in 0", id="range"),
    ],
)
def test_refuses_a_specification(method, parameters, site, message):
    """Each names the value and what is allowed."""
    with pytest.raises(NoiseError, match=message):
        method_spec(method, parameters, 2, site=site)
