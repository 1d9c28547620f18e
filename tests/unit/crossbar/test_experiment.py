"""The moons experiment on arrays whose answer is known."""

import logging
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
import torch

from codesign.crossbar.driver import CrossbarError
from codesign.crossbar.experiment import (
    ATTEMPTS,
    calibration_examples,
    circuit_of,
    conductances,
    first_points,
    programmable,
    run_alternately,
    run_networks,
    twin,
    writing,
)
from codesign.crossbar.network import NetworkSettings
from codesign.crossbar.programming import DriftError
from codesign.crossbar.simulated import SimulatedCrossbar
from codesign.crossbar.summary import programmed
from codesign.models.build import build_model, initialise
from codesign.models.network import network_of
from codesign.schemas.crossbar import CROSSBAR
from codesign.tables import write_table
from codesign.tasks.classification import Labelled
from codesign.tasks.experiment import Experiment
from codesign.tasks.moons.task import TASK as MOONS

WRITE = {
    "tolerance": 0.02,
    "budget": 100,
    "set_voltage_v": 2.0,
    "reset_voltage_v": -2.0,
    "pulse_seconds": 1e-3,
    "shortest_seconds": 1e-3 / 16,
    "reads": 1,
    "patience": 10,
}
CIRCUIT = {
    "wire_resistance_ohm": 0.0,
    "driver_resistance_ohm": 0.0,
    "sense_resistance_ohm": 0.0,
    "adc_bits": 24,
    "adc_range_a": None,
    "noise": 0.0,
    "read_seconds": 0.0,
}


@pytest.fixture
def network():
    """A perceptron of the moons at its starting values."""
    model = build_model("perceptron", classes=2, features=2)
    return network_of(initialise(model, torch.Generator().manual_seed(1)).eval().requires_grad_(False))


@pytest.fixture
def points():
    """Twenty points and their classes."""
    generator = torch.Generator().manual_seed(2)
    return Labelled(torch.randn(20, 2, generator=generator), torch.randint(2, (20,), generator=generator))


@pytest.fixture
def arrays(made):
    """Makes fresh arrays of 10 x 10 cells for a run."""

    def make(run, *, device=None, seed=5, **cells):
        device = made.profile() if device is None else device
        settings = replace(made.cells().settings, **cells)
        span = conductances(device, g_min_s=None, g_max_s=None)
        circuit = circuit_of(CIRCUIT, span=span, sigma=0.0, rows=10, read_voltage_v=0.1)
        array = {"rows": 10, "columns": 10, "cells": settings, "circuit": circuit, "limits": made.limits}
        return twin(device, run=run, span=span, seed=seed, **array)

    return make


@pytest.fixture
def shared(made):
    """What every run of these tests has in common."""
    span = conductances(made.profile(), g_min_s=None, g_max_s=None)
    return {
        "task": MOONS,
        "settings": NetworkSettings(span.g_min_s, span.g_max_s, read_voltage_v=0.1, reads=1),
        "write": writing(WRITE, span=span, read_voltage_v=0.1),
    }


def test_a_quiet_array_multiplies_as_software_does(network, points, arrays, shared, tmp_path):
    """Without noise and resistance an error is what the tolerance of programming leaves."""
    [row] = run_networks({1: network}, [arrays(1)], points, method="erm", **shared)
    software, array = np.array(row["product_software"]), np.array(row["product_array"])
    layer = np.array(row["product_layer"])
    for k, inputs in ((1, 2), (2, 10)):
        weight = network.state()[f"layers.linear{k}.weight"].abs().max().item()
        at = layer == k
        # each of a pair is off by the tolerance at most; inputs are of size 4 here
        largest = 2 * 0.02 * weight * inputs * max(points.inputs.abs().max().item(), 20.0)
        assert np.abs(array - software)[at].max() < largest
    first = points.inputs.double().numpy() @ network.module.layers.linear1.weight.double().numpy().T
    assert software[layer == 1] == pytest.approx(first.ravel())
    assert (
        row["software_accuracy"]
        == (network.module(points.inputs).argmax(1) == points.targets).double().mean()
    )
    assert all(row["cell_ok"]) and len(row["cell_ok"]) == 2 * (2 * 10 + 10 * 2)
    write_table([row], tmp_path / "r.parquet", schema=CROSSBAR)


def test_voltages_of_a_cell_are_those_of_its_row(network, points, arrays, shared):
    """Two inputs: the larger of each point is at the read voltage, the other in proportion."""
    [row] = run_networks({1: network}, [arrays(1)], points, method="erm", **shared)
    x = points.inputs.double().numpy()
    wanted = ((x / np.abs(x).max(axis=1, keepdims=True)) ** 2).mean(axis=0) * 0.1**2
    found = {
        square
        for layer, square in zip(row["cell_layer"], row["cell_mean_square_v2"], strict=True)
        if layer == 1
    }
    assert sorted(found) == pytest.approx(sorted(wanted))
    tiles = programmed([row], pulse_s=1e-6)["tiles"]
    assert sum(rows * columns for rows, columns in tiles) == 2 * (2 * 10 + 10 * 2)


def test_methods_of_one_run_meet_the_same_array(network, points, arrays, shared):
    """The same network on the array of run 1, twice: the same bits; on that of run 2: others."""
    made = [
        next(
            run_networks(
                {run: network}, [arrays(run, stuck_low=0.1, read_noise=0.01)], points, method=name, **shared
            )
        )
        for run, name in ((1, "erm"), (1, "bayesmulti"), (2, "erm"))
    ]
    assert made[0]["product_array"] == made[1]["product_array"] != made[2]["product_array"]


def test_stuck_cells_cost_accuracy_of_products(network, points, arrays, shared):
    """A cell that cannot be programmed is reported, and its error shows."""
    [row] = run_networks({1: network}, [arrays(1, stuck_high=0.3)], points, method="erm", **shared)
    assert not all(row["cell_ok"])
    error = np.subtract(row["product_array"], row["product_software"])
    assert np.abs(error).max() > 0.1


def test_cells_that_do_not_stay_are_programmed_again_and_then_given_up(network, points, made, shared, caplog):
    """Drift of a third a second, with seconds between programming and check."""

    class Slow(SimulatedCrossbar):
        reads = 0

        def read_currents(self, columns=None):
            self.reads += 1
            self.elapse(0.3)
            return super().read_currents(columns)

    array = made.cells(rows=10, columns=10, drift_exponent=0.5, drift_seconds=0.1)
    driver = made.crossbar(array, driver=Slow)
    with caplog.at_level(logging.WARNING), pytest.raises(DriftError):
        list(run_networks({1: network}, [driver], points, method="erm", **shared))
    assert caplog.text.count("programming again") == ATTEMPTS - 1


def test_methods_take_turns_on_one_array(network, points, arrays, shared):
    """An array that ages must not age for one of them."""
    networks = {"erm": {1: network, 2: network}, "bayesmulti": {1: network, 2: network}}
    rows = list(run_alternately(networks, arrays(1), points, **shared))
    assert [(row["run"], row["method"]) for row in rows] == [
        (1, "erm"),
        (1, "bayesmulti"),
        (2, "erm"),
        (2, "bayesmulti"),
    ]


def test_a_calibrated_row_stands_beside_the_one_as_programmed(network, points, arrays, shared, tmp_path):
    """`none` is the same bit for bit whether a calibration follows or not; a table holds both."""
    bad = {"stuck_high": 0.1, "read_noise": 0.01}
    [alone] = run_networks({1: network}, [arrays(1, **bad)], points, method="erm", **shared)
    examples = points.chosen(torch.arange(12))
    examples.inputs.neg_()
    rows = list(
        run_networks({1: network}, [arrays(1, **bad)], points, method="erm", calibrating=examples, **shared)
    )
    assert [row["calibration"] for row in rows] == ["none", "offset"]
    assert rows[0] == alone
    calibrated = rows[1]
    assert calibrated["calibration_examples"] == 12
    assert 12 * 2 <= calibrated["calibration_reads"] <= 12 * 4
    assert len(calibrated["calibration_gain"]) == len(calibrated["calibration_offset"]) == 10 + 2
    cells = [name for name in alone if name.startswith("cell_") and name != "cell_mean_square_v2"]
    assert all(calibrated[name] == alone[name] for name in cells)
    assert calibrated["product_example"] == alone["product_example"]
    write_table(rows, tmp_path / "r.parquet", schema=CROSSBAR)


def test_calibrated_products_are_nearer_to_software_on_an_array_with_stuck_cells(network, arrays, shared):
    """The last layer's, whose inputs are far from zero mean; on points that calibrated nothing."""
    draws = torch.Generator().manual_seed(3)
    drawn = Labelled(torch.randn(260, 2, generator=draws), torch.randint(2, (260,), generator=draws))
    test, examples = drawn.chosen(torch.arange(200)), drawn.chosen(torch.arange(200, 260))
    bad = {"stuck_high": 0.1}
    errors = [
        np.square(np.subtract(row["product_array"], row["product_software"]))[
            np.array(row["product_layer"]) == 2
        ].mean()
        for row in run_networks(
            {1: network}, [arrays(1, **bad)], test, method="erm", calibrating=examples, **shared
        )
    ]
    assert errors[1] < errors[0]


def _moons(seed=1) -> Experiment:
    said = {"task": "moons", "source": "generated", "network": "perceptron", "epochs": 1, "batch_size": 8}
    said |= {"learning_rate": 0.1, "train_size": 60, "test_size": 40, "noise": 0.2}
    return Experiment.make("moons", said, data={"seed": seed, "validation_fraction": 0.2})


@pytest.mark.parametrize("number", [7, 1000], ids=["some", "all-there-are"])
def test_what_calibrates_is_of_the_training_part(number):
    """No test point among them, the same every time, and no more than there are."""
    experiment = _moons()
    asked = {"calibrations": ["none", "offset"], "calibration_examples": number}
    found, again = (calibration_examples(experiment, asked) for _ in range(2))
    training, test = (
        {tuple(x) for x in part.inputs.tolist()} for part in experiment.examples("train", "test")
    )
    chosen = {tuple(x) for x in found.inputs.tolist()}
    assert len(found) == len(chosen) == min(number, len(training))
    assert chosen <= training and not chosen & test
    assert torch.equal(found.inputs, again.inputs)
    assert calibration_examples(experiment, asked | {"calibrations": ["none"]}) is None


def test_no_test_point_is_asked_for_to_calibrate(monkeypatch):
    """The test part is not even read."""
    experiment, asked = _moons(), []
    examples = type(experiment.definition).examples

    def watched(self, data, *parts):
        asked.extend(parts)
        return examples(self, data, *parts)

    monkeypatch.setattr(type(experiment.definition), "examples", watched)
    calibration_examples(experiment, {"calibrations": ["none", "offset"], "calibration_examples": 5})
    assert asked == ["train"]


def test_an_array_is_in_the_safe_state_after_an_error(network, points, arrays, shared):
    """Whoever stops the experiment, the rows are at 0 V and nothing is passed on."""
    driver = arrays(1)
    with pytest.raises(KeyboardInterrupt):
        for _ in run_networks({1: network, 2: network}, repeat(driver), points, method="erm", **shared):
            raise KeyboardInterrupt
    driver.close()
    with pytest.raises(CrossbarError):
        driver.read_currents()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(
            lambda: conductances(None, g_min_s=None, g_max_s=1e-6), "g_min_s and g_max_s", id="range"
        ),
        pytest.param(
            lambda: first_points(Labelled(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)), 4),
            "more than",
            id="points",
        ),
    ],
)
def test_what_is_missing_is_named(make, said):
    """The message says which key to set."""
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(
    ("sigma", "cells"), [pytest.param(0.3, 10, id="column"), pytest.param(1.0, np.exp(4.0), id="one-cell")]
)
def test_the_converter_takes_a_full_column_or_one_cell_far_out(sigma, cells):
    """Ten rows at g_max and the read voltage, or one cell four sigma above; noise is a share of that."""
    span = conductances(None, g_min_s=1e-6, g_max_s=1e-5)
    circuit = circuit_of(CIRCUIT | {"noise": 1e-3}, span=span, sigma=sigma, rows=10, read_voltage_v=0.2)
    assert circuit.adc_range_a == pytest.approx(cells * 2e-6)
    assert circuit.current_noise_a == pytest.approx(cells * 2e-9)


def array_of(*, series_ohm: float, current_a: float = 1.0) -> dict:
    return {
        "circuit": CIRCUIT
        | {"driver_resistance_ohm": series_ohm / 2, "sense_resistance_ohm": series_ohm / 2},
        "write": WRITE,
        "limits": {"current_a": current_a},
        "cells": {"threshold_v": 1.0},
        "conductance": {"g_min_s": None, "g_max_s": None},
    }


def test_cells_that_never_see_their_threshold_are_no_choice(made):
    weak = made.profile(g_max_s=1e-5)
    strong = replace(weak, profile="strong", g_max_s=1e-4)
    # of a pulse of 2 V the weak cell, behind half its resistance, sees 4/3 V; the strong one 1/3 V
    array = array_of(series_ohm=0.5 / weak.g_max_s)
    assert programmable([strong, weak], crossbar=array) == [weak]
    assert programmable([strong, weak], crossbar=array_of(series_ohm=0.0)) == [strong, weak]
    draws = array_of(series_ohm=0.0, current_a=2.0 * weak.g_max_s)
    assert programmable([strong, weak], crossbar=draws) == [weak]
    with pytest.raises(ValueError, match=r"no device of the panel \(strong\) can be programmed"):
        programmable([strong], crossbar=array)
    with pytest.raises(ValueError, match="the panel is the ideal device alone"):
        programmable([replace(weak, kind="synthetic")], crossbar=array)
