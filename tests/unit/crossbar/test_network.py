"""A network on the array against the same network in torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from codesign.crossbar.network import CrossbarNetwork, NetworkSettings
from codesign.crossbar.programming import DriftError
from codesign.models.build import build_model, initialise
from codesign.models.network import Network, network_of

HOW = NetworkSettings(g_min_s=1e-6, g_max_s=1e-5, read_voltage_v=0.1, reads=1)
FINE = {"tolerance": 1e-4, "budget": 400, "shortest_seconds": 1e-7}


def draws(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def perceptron() -> nn.Module:
    model = initialise(build_model("perceptron", classes=2, features=2), draws())
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.5, generator=draws(4))
    return model


def on_array(made, module, array, *, writing=None, **circuit) -> CrossbarNetwork:
    driver = made.crossbar(array, **circuit)
    network = module if isinstance(module, Network) else network_of(module)
    return CrossbarNetwork(network, driver, settings=HOW, writing=writing or replace(made.writing, **FINE))


def points(number=50) -> torch.Tensor:
    return torch.randn(number, 2, generator=draws(1))


def test_on_ideal_cells_the_network_is_the_network(made):
    """No spread, no resistance: logits to the tolerance of programming."""
    model, inputs = perceptron(), points()
    network = on_array(made, model, made.cells(rows=10, columns=10))
    with network.driver:
        assert network.program().ok
        network.check_drift()
        found = network.forward(inputs)
    expected = model(inputs).detach().double()
    assert network.loads == 1
    assert found.shape == (50, 2)
    assert (found - expected).abs().max() < 5e-3 * expected.abs().max()


def test_every_multiplication_is_that_of_its_matrix(made):
    """Layer by layer, large and small inputs alike, because each is scaled to the read voltage."""
    network = on_array(made, perceptron(), made.cells(rows=10, columns=10))
    with network.driver:
        network.program()
        for layer in network.layers:
            inputs = np.random.default_rng(2).normal(size=(20, layer.weight.shape[1]))
            expected = inputs @ layer.weight.T
            for size in (1e-3, 1.0, 1e3):
                found = network.multiply(layer, inputs * size) / size
                assert found == pytest.approx(expected, abs=2e-3 * np.abs(expected).max())
            assert not network.multiply(layer, inputs * 0).any()


def test_a_network_larger_than_the_array_is_tiled_and_summed(made):
    """8-12-9-3 on 6 x 6 cells: several loads, a load programmed once for all inputs."""
    model = nn.Sequential(
        nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 9, bias=False), nn.ReLU(), nn.Linear(9, 3)
    )
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.5, generator=draws(int(parameter.numel())))
    inputs = torch.randn(11, 8, generator=draws(2))
    network = on_array(made, model, made.cells(rows=6, columns=6))
    with network.driver:
        found = network.forward(inputs)
    expected = model(inputs).detach().double()
    assert network.loads > 1 and len(network.reports) == network.loads
    assert all(report.ok for report in network.reports.values())
    assert (found - expected).abs().max() < 1e-2 * expected.abs().max()


def test_what_the_array_holds_is_what_it_multiplies_by(made):
    """Badly programmed cells: the product is that of the conductances reached, not of the targets."""
    network = on_array(
        made, perceptron(), made.cells(made.profile(sigma=0.5), rows=10, columns=10),
        writing=replace(made.writing, budget=3),
    )  # fmt: skip
    with network.driver:
        assert not network.program().ok
        layer = network.layers[1]
        inputs = np.random.default_rng(2).normal(size=(20, 10))
        found = network.multiply(layer, inputs)
    reached = network.reports[0].reached
    held = [
        reached[p.row : p.row + p.inputs.stop - p.inputs.start][
            :, p.column : p.column + 2 * (p.outputs.stop - p.outputs.start)
        ]
        for p in layer.places
    ]
    weight = layer.mapping.weights_of(held)
    assert np.abs(weight - layer.weight).max() > 0.1 * layer.mapping.largest
    assert found == pytest.approx(inputs @ weight.T, abs=1e-3)


def test_resistance_costs_accuracy(made):
    """Write-verify compensates for one row at a time; many rows together load the wires more."""
    errors = []
    for ohms in (0.0, 1e3, 1e4):
        model, inputs = perceptron(), points(20)
        network = on_array(
            made, model, made.cells(rows=10, columns=10), writing=made.writing,
            driver_resistance_ohm=ohms, sense_resistance_ohm=ohms,
        )  # fmt: skip
        with network.driver:
            network.program()
            errors.append(float((network.forward(inputs) - model(inputs).detach()).abs().mean()))
    assert errors[0] < errors[1] < errors[2]


def test_an_array_that_drifted_is_refused(made):
    """Before it is used; programming again helps."""
    array = made.cells(rows=10, columns=10, drift_exponent=0.1)
    network = on_array(made, perceptron(), array, writing=made.writing)
    with network.driver:
        network.program()
        network.driver.elapse(1e6)
        with pytest.raises(DriftError):
            network.check_drift()
        network.program()
        network.check_drift()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(lambda m, a: on_array(m, nn.Conv2d(1, 1, 3), a), "Conv2d", id="kind"),
        pytest.param(lambda m, a: on_array(m, nn.ReLU(), a), "no linear layer", id="no-matrix"),
        pytest.param(
            lambda m, a: on_array(m, Network(perceptron(), ("layers.linear1.weight",), ()), a),
            r"on memristors are layers\.linear1\.weight; an array would hold layers\.linear1\.weight, layers",
            id="digital-matrix",
        ),
        pytest.param(lambda m, a: on_array(m, perceptron(), a).check_drift(), r"program\(\)", id="early"),
        pytest.param(lambda m, a: on_array(m, perceptron(), a).program(1), "from 0 to 0", id="load"),
        pytest.param(lambda m, a: on_array(m, perceptron(), a).forward(torch.ones(2, 3)), r"\(n, 2\)",
                     id="width"),
        pytest.param(lambda m, a: on_array(m, perceptron(), a).forward(torch.full((2, 2), torch.nan)),
                     "finite", id="nan"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_on_an_array_is_refused(made, act, words):
    """With the reason."""
    with pytest.raises(ValueError, match=words):
        act(made, made.cells(rows=10, columns=10))
