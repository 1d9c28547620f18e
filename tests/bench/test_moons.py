"""The whole experiment through dwfpy: train, program, check for drift, multiply, compare with software."""

import json

import numpy as np
import pytest

from tests.bench.conftest import REPOSITORY, Bench

POINTS, RUNS = 60, 1
TOLERANCE, RANGE_S = 0.05, 3.5e-5
"""Of write-verify, as a share of the conductance range, and that range [S]."""
LONGEST_S = 300.0
EXPERIMENT = f"""
import json
import torch, yaml
from codesign.bayesmulti.methods import method_spec
from codesign.crossbar.experiment import Conductances, first_points, run_networks, writing
from codesign.crossbar.network import NetworkSettings
from codesign.crossbar.networks import network_of, train_runs
from codesign.training.experiment import Experiment

torch.set_num_threads(1)
config = yaml.safe_load(open("{REPOSITORY}/config.yaml"))
crossbar, training = config["crossbar"], config["training"]
experiment = Experiment("moons", **config["tasks"]["moons"])
data = dict(
    seed=config["seed"], validation_fraction=training["validation_fraction"], mirror=None, cache=None
)
names = ("optimiser", "momentum", "weight_decay", "schedule", "warmup_epochs", "patience", "select")
span = Conductances(5e-6, 5e-6 + {RANGE_S})
crossbar["write"].update(tolerance={TOLERANCE}, reads=2)
read = dict(read_voltage_v=crossbar["read_voltage_v"])
test = first_points(experiment.test_data(experiment.data(**data)), {POINTS})
p_zero, p_half = training["fixed"]
specs = [
    method_spec("erm", {{}}, 1),
    method_spec("bayesmulti-fixed", dict(p_zero=p_zero, p_half=p_half), 1, site="activation"),
]
shared = {{name: training[name] for name in names}}
rows = []
for spec in specs:
    trained = train_runs(experiment, spec, runs={RUNS}, data=data, shared=shared, seed=config["seed"])
    rows += run_networks(
        {{run: network_of(experiment, weights) for run, weights, _ in trained}},
        iter([Guarded(driver, wiring.limits)] * {RUNS}),
        test,
        task=experiment.definition,
        method=spec.method,
        settings=NetworkSettings(g_min_s=span.g_min_s, g_max_s=span.g_max_s, reads=1, **read),
        write=writing(crossbar["write"], span=span, **read),
    )
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def experiment(library, tmp_path_factory):
    """Rows of both methods, and the pins at the end."""
    outcome = Bench(library, tmp_path_factory.mktemp("moons")).run(EXPERIMENT, longest_s=LONGEST_S)
    assert outcome.status == 0, outcome.err
    return json.loads(outcome.out.splitlines()[-1]), outcome


def test_every_run_is_programmed_and_multiplied(experiment):
    """Two methods, each run on the same array, all of it by way of dwfpy."""
    rows, outcome = experiment
    assert [(row["method"], row["run"]) for row in rows] == [
        (method, run) for method in ("erm", "bayesmulti-fixed") for run in range(1, RUNS + 1)
    ]
    for row in rows:
        assert row["examples"] == POINTS
        assert np.mean(row["cell_ok"]) > 0.95
        assert row["software_accuracy"] > 0.8
    assert outcome.record.pulses == sum(sum(row["cell_pulses"]) for row in rows)


def test_the_array_computes_the_network(experiment):
    """Products differ from software's by what the writing tolerates.

    A cell ends within 5 % of the range, spread evenly, so a weight, the difference of two, is off by
    sqrt(2 / 3) x 5 % of the largest weight. Products add errors as they add weights: their relative error
    is that of the weights, doubled here for what reading and cells outside their tolerance add.
    """
    rows, _ = experiment
    for row in rows:
        software, array = np.array(row["product_software"]), np.array(row["product_array"])
        target = np.array(row["cell_target_s"])
        weight = (target[0::2] - target[1::2]) / RANGE_S
        tolerated = np.sqrt(2 / 3) * TOLERANCE / np.sqrt(np.mean(weight**2))
        assert np.sqrt(np.mean((array - software) ** 2)) < 2 * tolerated * np.sqrt(np.mean(software**2))
        assert abs(row["array_accuracy"] - row["software_accuracy"]) <= 0.1


def test_it_stays_within_its_limits_and_ends_safe(experiment):
    """The worst that cells ever saw is in the record, and so is the last thing the pins did."""
    _, outcome = experiment
    record = outcome.record
    assert record.peak_read_cell_v <= 0.2 + 1e-9
    assert record.peak_pulse_cell_v <= 1.8
    assert record.peak_half_selected_v <= 0.9 + 1e-9
    assert record.failed_calls == 0
    assert record.safe
    assert not record.open
