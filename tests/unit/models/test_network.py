"""One definition of a network: what is on memristors is what was trained under weight noise."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.lognormal import LognormalNoise
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.crossbar.network import CrossbarNetwork, NetworkSettings
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim, programmed_parameters
from codesign.models.network import Network, NetworkError, network_of
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.about import about_of, task_names
from codesign.tasks.classification import ClassificationTask
from codesign.tasks.contract import DataSettings
from codesign.tasks.registry import task_named

HALF = synthetic_profiles([0.5], Trend(0.4, 0.6, 9, "measured"), min_operative_fraction=0.35)[0]
SPREAD = LognormalNoise(0.3)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def initialised(module: nn.Module) -> nn.Module:
    generator = seeded(0)
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    return module


def under_noise(network: Network, seed: int = 2, *, site: str = "weight") -> Injection:
    return Injection(network, NoiseSpec("m", site, (SPREAD,) * len(network.places(site))), seeded(seed))


def bytes_of(module: nn.Module) -> dict[str, bytes]:
    return {name: tensor.detach().numpy().tobytes() for name, tensor in module.state_dict().items()}


class Recurrent(nn.Module):
    """Two recurrent layers, both directions, and a matrix that reads the mean state."""

    def __init__(self, kind: type[nn.RNNBase] = nn.GRU) -> None:
        super().__init__()
        self.memory = kind(3, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.out = nn.Linear(10, 2)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        return self.out(self.memory(sequences)[0].mean(dim=1))


def recurrent_names() -> list[str]:
    sides = [f"l{layer}{side}" for layer in (0, 1) for side in ("", "_reverse")]
    return [f"memory.weight_{kind}_{side}" for side in sides for kind in ("ih", "hh")] + ["out.weight"]


SEQUENCES = torch.randn(4, 6, 3, generator=seeded(1))


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_every_matrix_of_a_recurrent_network_is_named(kind):
    """Input and state matrices of each layer and direction; biases stay digital."""
    network = network_of(initialised(Recurrent(kind)))
    assert list(network.analog) == recurrent_names()
    assert network.activation_noise == ("out",)
    for analog in ("weights", "differential"):
        assert programmed_parameters(network, analog) == recurrent_names()


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
def test_weight_noise_in_a_recurrent_network_is_the_network_with_noisy_weights(kind):
    """Against a second network that holds the same draws as its own weights; gradients are finite."""
    network, other = (network_of(initialised(Recurrent(kind))) for _ in range(2))
    before = bytes_of(network.module)
    clean = network.module(SEQUENCES)
    generator = seeded(2)
    with torch.no_grad():
        for name in network.analog:
            parameter = other.module.get_parameter(name)
            parameter.mul_(SPREAD.factor(parameter, generator))
    with under_noise(network):
        found = network.module(SEQUENCES)
        found.square().sum().backward()
        assert bytes_of(network.module) == before
        network.module.eval()
        assert torch.equal(network.module(SEQUENCES), clean)
    assert not torch.allclose(found, clean)
    torch.testing.assert_close(found, other.module(SEQUENCES))
    assert bytes_of(network.module) == before
    assert torch.equal(network.module(SEQUENCES), clean)
    assert all(parameter.grad.isfinite().all() for parameter in network.module.parameters())


@pytest.mark.parametrize("name", recurrent_names())
def test_noise_on_one_recurrent_matrix_alone_changes_the_output(name):
    """None of them is named and then read from elsewhere."""
    module = initialised(Recurrent())
    network = Network(module, (name,), ())
    with under_noise(network):
        assert not torch.allclose(module(SEQUENCES), initialised(Recurrent())(SEQUENCES))


def test_an_optimiser_trains_a_recurrent_network_under_noise():
    """The steps reach the parameters that the next forward pass uses."""
    network = network_of(initialised(Recurrent()))
    module, target = network.module, torch.tensor([0, 1, 0, 1])
    optimiser = torch.optim.Adam(module.parameters(), lr=0.05)
    losses = []
    with under_noise(network):
        for _ in range(60):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(module(SEQUENCES), target)
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    assert nn.functional.cross_entropy(module(SEQUENCES), target) < 0.5 * losses[0]


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_recurrent_network_has_its_weights_back_after_an_exception(error):
    """While every matrix is noisy; the next pass reads the clean ones."""
    network = network_of(initialised(Recurrent()))
    module, before = network.module, bytes_of(network.module)
    objects, clean = [id(parameter) for parameter in module.parameters()], module(SEQUENCES)

    def failing(*_):
        assert not isinstance(module.memory.weight_hh_l0, nn.Parameter)
        raise error

    hook = module.out.register_forward_pre_hook(failing)
    with pytest.raises(type(error)), under_noise(network):
        module(SEQUENCES)
    hook.remove()
    assert bytes_of(module) == before and [id(parameter) for parameter in module.parameters()] == objects
    assert torch.equal(module(SEQUENCES), clean)


def test_a_recurrent_network_is_programmed_and_given_back():
    """Programming changes each matrix, the output and nothing else; afterwards all is as it was."""
    network = network_of(initialised(Recurrent()))
    module, before = network.module, bytes_of(network.module)
    clean = module(SEQUENCES)
    with PerovskiteMemSim(network, MemSimSettings("relative", "weights", "lognormal")) as simulator:
        simulator.program(HALF, seeded(3))
        changed = [name for name, value in bytes_of(module).items() if value != before[name]]
        assert sorted(changed) == sorted(network.analog)
        assert not torch.allclose(module(SEQUENCES), clean)
    assert bytes_of(module) == before and torch.equal(module(SEQUENCES), clean)


def test_the_output_projection_of_attention_has_noise():
    """Its module is never called: attention reads its weight. Noise on it alone reaches the output."""
    module = initialised(nn.MultiheadAttention(4, 2, batch_first=True))
    assert network_of(module).analog == ("in_proj_weight", "out_proj.weight")
    x = torch.randn(2, 3, 4, generator=seeded(1))
    calls = []
    module.out_proj.register_forward_hook(lambda *_: calls.append(1))
    clean, before = module(x, x, x)[0], bytes_of(module)
    with under_noise(Network(module, ("out_proj.weight",), ())):
        noisy = module(x, x, x)[0]
    factor = SPREAD.factor(module.out_proj.weight, seeded(2))
    read = torch.linalg.solve(module.out_proj.weight, (clean - module.out_proj.bias).mT)
    expected = ((module.out_proj.weight * factor) @ read).mT + module.out_proj.bias
    torch.testing.assert_close(noisy, expected, rtol=1e-3, atol=1e-5)
    assert not calls and not torch.allclose(noisy, clean)
    assert bytes_of(module) == before and torch.equal(module(x, x, x)[0], clean)


class Branches(nn.Module):
    """Two inputs, each with layers of its own; the second branch is registered first."""

    def __init__(self) -> None:
        super().__init__()
        self.right = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4))
        self.left = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 4))
        self.join = nn.Linear(8, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.join(torch.cat([self.left(left), self.right(right)], dim=1))


def test_a_network_with_two_branches_says_itself_which_inputs_are_data():
    """Both branches are noised, each with its own draw; neither input is."""
    module = initialised(Branches()).double()
    analog = network_of(module).analog
    network = Network(module, analog, activation_noise=("left.2", "right.2", "join"))
    left, right = (torch.randn(6, n, generator=seeded(n)).double() for n in (5, 3))
    seen = {}

    def looking(name):
        def look(_module, inputs, _output):
            seen[name] = inputs[0].detach().clone()

        return look

    for name in ("left.0", "right.0", "left.2", "right.2"):
        module.get_submodule(name).register_forward_hook(looking(name))
    noise = MultinomialNoise(0.3, 0.3)
    with Injection(network, NoiseSpec("m", "activation", (noise,) * 3), seeded(2)):
        found = module(left, right)
    assert torch.equal(seen["left.0"], left) and torch.equal(seen["right.0"], right)
    generator = seeded(2)

    def branch(layers, inputs):
        hidden = torch.relu(layers[0](inputs))
        return hidden * noise.factor(hidden, generator)

    clean_right = module.right[0](right).relu()
    hidden = [branch(layers, x) for layers, x in ((module.left, left), (module.right, right))]
    assert torch.equal(seen["left.2"], hidden[0]) and torch.equal(seen["right.2"], hidden[1])
    assert not torch.equal(seen["right.2"], clean_right)
    joined = torch.cat([module.left[2](hidden[0]), module.right[2](hidden[1])], dim=1)
    expected = module.join(joined * noise.factor(joined, generator))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_the_usual_reading_would_noise_the_second_input():
    """Why such a network names its places: the usual reading leaves out the first module alone."""
    assert "left.0" in network_of(Branches()).activation_noise


def test_a_layer_used_twice_in_a_pass_sees_one_draw_of_its_weights():
    """As a programmed matrix does; the next pass sees another."""
    shared = nn.Linear(4, 4, bias=False)
    module = initialised(nn.Sequential(shared, nn.Tanh(), shared)).double()
    network = network_of(module)
    x = torch.randn(3, 4, generator=seeded(1)).double()
    generator = seeded(2)
    with under_noise(network):
        for _ in range(2):
            noisy = shared.weight * SPREAD.factor(shared.weight, generator)
            torch.testing.assert_close(module(x), torch.tanh(x @ noisy.T) @ noisy.T, rtol=1e-12, atol=1e-12)


EVERY = [
    (task, network)
    for task in task_names()
    if isinstance(task_named(task), ClassificationTask)
    for network in about_of(task).networks
]
"""Networks of the tasks whose batches are plain tensors; the others have tests of their own."""
SOURCES = {"moons": "generated"}


def network_named(task: str, network: str) -> Network:
    options = {"width": 0.125} | ({"depth": 0.25} if network.startswith("res") else {})
    settings = DataSettings(SOURCES.get(task, next(iter(about_of(task).sources))), 0.1, 0, {})
    return task_named(task).network(network, options, settings, seeded(0))


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_noise_simulator_and_crossbar_mean_the_same_matrices(task, name):
    """One definition: places of weight noise, programmed parameters, matrices laid out on an array."""
    network = network_named(task, name)
    places = list(network.places("weight"))
    noisy = []

    def look(module, _inputs):
        for part, inner in module.named_modules():
            for leaf, held in inner._parameters.items():
                if held is not None and not isinstance(held, nn.Parameter):
                    noisy.append(f"{part}.{leaf}")

    with under_noise(network):
        network.module.register_forward_pre_hook(look)
        network.module(torch.zeros(4, *task_named(task).shape))
    assert noisy == places
    for analog in ("weights", "differential"):
        assert programmed_parameters(network, analog) == places
    matrices = [
        f"{where}.weight"
        for where, module in network.module.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    assert places == matrices
    reading = {place.removesuffix(".weight") for place in places[1:]}
    depthwise = {
        where
        for where, module in network.module.named_modules()
        if isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels
    }
    assert set(network.activation_noise) == reading - depthwise
    assert bool(depthwise) == (name == "mobilenetv2")
    array = SimpleNamespace(rows=64, columns=64)
    how = NetworkSettings(g_min_s=1e-6, g_max_s=1e-5, read_voltage_v=0.1, reads=1)
    if about_of(task).networks[name].get("crossbar", False):
        laid_out = CrossbarNetwork(network, array, settings=how, writing=None)
        assert [f"{layer.name}.weight" for layer in laid_out.layers] == places
    else:
        with pytest.raises(ValueError, match="an array holds networks of linear layers"):
            CrossbarNetwork(network, array, settings=how, writing=None)


def test_an_array_refuses_a_network_of_which_it_would_hold_more():
    """A matrix that the network says is digital was trained without noise."""
    module = initialised(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
    how = NetworkSettings(g_min_s=1e-6, g_max_s=1e-5, read_voltage_v=0.1, reads=1)
    with pytest.raises(ValueError, match=r"on memristors are 0\.weight; an array would hold 0\.weight, 2"):
        CrossbarNetwork(
            Network(module, ("0.weight",), ()), SimpleNamespace(rows=8, columns=8), settings=how, writing=None
        )


def test_tables_and_normalisation_are_digital_and_own_matrices_are_not():
    """A matrix that a module holds itself counts by its name; a table that is read does not."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.norm = nn.Embedding(7, 4), nn.LayerNorm((5, 4))
            self.weight_relation = nn.Parameter(torch.zeros(3, 4, 4))
            self.position = nn.Parameter(torch.zeros(5, 4))
            self.out = nn.Linear(4, 2)

    network = network_of(Odd())
    assert network.analog == ("weight_relation", "out.weight")
    # the network itself holds the first
    assert network.activation_noise == ("out",)
    assert set(network.programmable()) == {name for name, _ in network.module.named_parameters()}


def test_a_parameter_that_is_not_floating_point_is_not_on_memristors():
    """It is an index, not a weight."""
    module = nn.Module()
    module.table = nn.Parameter(torch.zeros(2, 2, dtype=torch.int64), requires_grad=False)
    with pytest.raises(NetworkError, match="table is not floating point"):
        Network(module, ("table",), ())


def with_frozen() -> Network:
    body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    module = initialised(nn.Sequential(body, nn.ReLU(), nn.Linear(4, 2)))
    return network_of(module, frozen={"0": "ab" * 32})


def test_what_is_frozen_is_neither_programmed_nor_noised_nor_kept():
    """Its parameters are in no list; its sha256 is."""
    network = with_frozen()
    assert network.analog == ("2.weight",) and network.activation_noise == ()
    assert network.programmable() == ["2.weight", "2.bias"]
    assert set(network.state()) == {"2.weight", "2.bias"}
    assert network.frozen == {"0": "ab" * 32}
    assert [p.requires_grad for p in network.module.parameters()] == [False] * 4 + [True] * 2
    for analog in ("weights", "all", "differential"):
        assert not [name for name in programmed_parameters(network, analog) if name.startswith("0.")]


def test_what_is_frozen_stays_in_evaluation_mode_while_the_rest_trains():
    """No running mean moves and nothing is dropped."""
    network = with_frozen()
    before = bytes_of(network.module)
    network.train()
    body, _, out = network.module
    assert network.module.training and out.training and not any(part.training for part in body.modules())
    x = torch.randn(9, 3, generator=seeded(1))
    assert torch.equal(network.module(x), network.module(x))
    assert bytes_of(network.module) == before


def test_a_name_that_only_begins_like_a_frozen_one_is_not_frozen():
    """`body` is frozen, `body2` is not."""
    module = nn.Module()
    module.body, module.body2 = nn.Linear(2, 2), nn.Linear(2, 2)
    network = network_of(module, frozen={"body": "0" * 64})
    assert network.analog == ("body2.weight",)
    assert module.body2.weight.requires_grad and not module.body.weight.requires_grad


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "worked_out",
    [
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.weight_norm,
        lambda layer: prune.random_unstructured(layer, "weight", 0.5),
    ],
    ids=["weight-norm", "spectral-norm", "old-weight-norm", "pruned"],
)
def test_a_weight_that_is_worked_out_is_refused_by_name(worked_out):
    """Left digital without a word, half of the network would not be on memristors."""
    module = nn.Sequential(nn.Linear(4, 4), worked_out(nn.Linear(4, 3)))
    with pytest.raises(NetworkError, match=r"1 \(.*Linear\) works out its weight"):
        network_of(module)
    assert network_of(module, frozen={"1": "kept as it is"}).analog == ("0.weight",)
