"""A network on the array against the same network in torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from codesign.crossbar.driver import LimitError
from codesign.crossbar.network import CrossbarNetwork, NetworkSettings
from codesign.crossbar.programming import DriftError
from codesign.crossbar.simulated import SimulatedCrossbar
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


def test_what_the_array_holds_is_what_it_multiplies_by(made, weights_of):
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
    weight = weights_of(layer.mapping, held)
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


class Skewed(CrossbarNetwork):
    """Every output of every matrix off by a gain and an offset of its own, and nothing else."""

    gains, offsets = (np.linspace(0.3, 1.6, 10), np.array([-0.7, 1.2])), (np.linspace(-2, 2, 10), 0.4)

    def multiply(self, layer, inputs):
        k = self.layers.index(layer)
        return self.gains[k] * (inputs @ layer.weight.T) + self.offsets[k]


def test_gains_and_offsets_of_columns_are_taken_back_exactly(made):
    """Layer by layer, to rounding: the logits are the network's, and the corrections the errors' inverse."""
    model, inputs = perceptron().double(), points().double()
    driver = made.crossbar(made.cells(rows=10, columns=10))
    network = Skewed(network_of(model), driver, settings=HOW, writing=made.writing)
    found, corrections, _ = network.calibrated(inputs, points(30).double() * 0.7)
    expected = model(inputs).detach()
    assert (found - expected).abs().max() < 1e-12 * expected.abs().max()
    assert (network.forward(inputs) - expected).abs().max() > 0.1 * expected.abs().max()
    for k, correction in enumerate(corrections):
        assert correction.gain == pytest.approx(1 / Skewed.gains[k], rel=1e-10)
        assert correction.offset == pytest.approx(-Skewed.offsets[k] / Skewed.gains[k], abs=1e-10)


class Amplified(SimulatedCrossbar):
    """Each column's current times a gain of its own, with a current added; counts what is asked of it."""

    reads, gains, added_a, largest_v = 0, 1.0, 0.0, 0.0

    def set_voltages(self, rows):
        self.largest_v = max(self.largest_v, float(np.abs(rows).max()))
        super().set_voltages(rows)

    def read_currents(self, columns=None):
        self.reads += 1
        asked = list(range(self.columns)) if columns is None else columns
        return (
            super().read_currents(columns) * np.broadcast_to(self.gains, self.columns)[asked]
            + (np.broadcast_to(self.added_a, self.columns)[asked])
        )


def amplified(made, *, writing=None, rows=10, columns=10, model=None, **array) -> CrossbarNetwork:
    driver = made.crossbar(made.cells(rows=rows, columns=columns, **array), driver=Amplified, adc_bits=32)
    model = perceptron() if model is None else model
    return CrossbarNetwork(network_of(model), driver, settings=HOW, writing=writing or made.writing)


def test_amplifiers_of_known_gain_and_offset_are_calibrated_away(made):
    """Through driver and converter: a pair's gain is found, and its offset where the scaling is constant.

    One input is 1 and the largest of every vector, so that a current added to a column is always the same
    product. What is left is one step of the converter.
    """
    layer = nn.Linear(3, 2)
    layer.weight.data = torch.tensor([[0.5, -1.0, 0.2], [0.3, 0.4, -0.9]])
    inputs = torch.cat([torch.rand(40, 2, generator=draws(3)) * 1.6 - 0.8, torch.ones(40, 1)], dim=1)
    network = amplified(made, model=layer, writing=replace(made.writing, **FINE))
    driver = network.driver
    with driver:
        network.program()
        quiet = network.forward(inputs[20:])
        driver.gains = np.repeat([1.3, 0.8, 1, 1, 1], 2)
        driver.added_a = np.repeat([2e-8, -3e-8, 0, 0, 0], 2) * np.tile([1, -1], 5)
        skewed = network.forward(inputs[20:])
        found, [correction], _ = network.calibrated(inputs[20:], inputs[:20])
    expected = layer(inputs[20:]).detach().double()
    assert correction.gain == pytest.approx([1 / 1.3, 1 / 0.8], rel=1e-3)
    assert (skewed - expected).abs().max() > 0.1
    assert (found - expected).abs().max() <= (quiet - expected).abs().max() + 1e-4


def test_readings_of_a_calibration_are_counted_and_stay_at_the_read_voltage(made):
    """What the driver was asked for in all, less the test points' share; a vector of zeros is not read."""
    network = amplified(made)
    network.settings = replace(HOW, reads=3)
    examples = torch.cat([points(4), torch.zeros(1, 2)])
    with network.driver as driver:
        network.program()
        driver.reads, driver.largest_v = 0, 0.0
        network.forward(points(6))
        alone = driver.reads
        _, _, reads = network.calibrated(points(6), examples)
    assert reads == driver.reads - 2 * alone
    assert 0 < reads < 3 * len(examples) * sum(len(layer.places) for layer in network.layers)
    assert driver.largest_v == HOW.read_voltage_v


def test_calibration_reads_respect_the_limits(made):
    """A current beyond the limit is refused for a training example too, and the array is left safe."""
    network = amplified(made)
    with network.driver as driver:
        network.program()
        driver.limits = replace(driver.limits, current_a=1e-9)
        with pytest.raises(LimitError):
            network.calibrated(points(2), points(4))
        assert not driver._volts.any()


@pytest.mark.parametrize("seed", [1, 2])
def test_test_points_move_no_gain_and_no_offset(made, seed):
    """Other test points, wildly other ones too: the corrections are the same bit for bit."""
    wanted, found = [], []
    for inputs, keep in ((points(5), wanted), (1e3 * torch.randn(9, 2, generator=draws(seed)), found)):
        network = amplified(made, stuck_high=0.1)
        with network.driver:
            network.program()
            keep += network.calibrated(inputs, points(20))[1]
    for a, b in zip(wanted, found, strict=True):
        assert np.array_equal(a.gain, b.gain) and np.array_equal(a.offset, b.offset)


def test_examples_and_test_points_meet_the_same_programming_of_every_load(made):
    """8-12-3 on 6 x 6 cells: each load is programmed once for both."""
    model = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 3))
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.5, generator=draws(int(parameter.numel())))
    network, programmed = amplified(made, rows=6, columns=6, model=model, stuck_low=0.1), []
    program = network.program
    network.program = lambda load=0: programmed.append(load) or program(load)
    examples, inputs = torch.randn(60, 8, generator=draws(2)), torch.randn(200, 8, generator=draws(3))
    with network.driver:
        found, _, _ = network.calibrated(inputs, examples)
        assert sorted(programmed) == list(range(network.loads)) and network.loads > 1
        plain = network.forward(inputs)
    expected = model(inputs).detach().double()
    assert (found - expected).square().mean() < (plain - expected).square().mean()


def test_one_example_fits_no_gain(made):
    """Two unknowns an output."""
    with pytest.raises(ValueError, match="at least 2 examples, got 1"):
        amplified(made).calibrated(points(3), points(1))


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
