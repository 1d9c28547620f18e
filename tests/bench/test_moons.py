"""The whole experiment through dwfpy: the bench rule's script programs, checks for drift and multiplies."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from codesign.bayesmulti.specification import method_spec
from codesign.configuration import experiments, shared_training
from codesign.crossbar.networks import train_runs, write_runs
from codesign.crossbar.record import read_measured
from codesign.crossbar.summary import as_programmed
from codesign.tasks.experiment import Experiment, use_threads
from tests.bench.conftest import REPOSITORY, Bench, Outcome

RANGE_S, POINTS, EXAMPLES = 3.5e-5, 40, 20
LONGEST_S = 300.0
METHODS = ("erm", "bayesmulti-fixed")
MEASURE = """
import json
from pathlib import Path
from codesign.tasks.experiment import Experiment, use_threads
from workflow_scripts.measure_crossbar import main

use_threads(1)
given = json.loads(Path("given.json").read_text())
main(
    networks={method: Path(f"{method}.safetensors") for method in given["methods"]},
    wiring=Path(sys.argv[1]),
    record=Path("data/crossbar/test-a.parquet"),
    receipt=Path("results/crossbar/measured-test-a/receipt.json"),
    experiment=Experiment.make("moons", given["experiment"], data=given["data"]),
    crossbar=given["crossbar"],
    bench={"array": "simulated 10 x 10"},
    repository=Path(),
)
"""


@dataclass(frozen=True)
class Measured:
    """A bench with trained networks, and the measurement made there."""

    bench: Bench
    outcome: Outcome
    file: Path
    tolerance: float
    """Of write-verify, as a share of the conductance range."""


@pytest.fixture(scope="module")
def measured(library, tmp_path_factory) -> Measured:
    """One network of each method, trained as the workflow does, and measured by its script."""
    import json

    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    training, crossbar = config["training"], config["crossbar"]
    crossbar |= {"calibrations": ["none", "offset"], "calibration_examples": EXAMPLES}
    crossbar |= {"test_points": POINTS, "conductance": {"g_min_s": 5e-6, "g_max_s": 5e-6 + RANGE_S}}
    crossbar["write"]["reads"] = 2
    shared = shared_training(config)
    data = {"seed": config["seed"], "validation_fraction": training["validation_fraction"]}
    said = experiments(config)["moons"]
    experiment = Experiment.make("moons", said, data=data)
    p_zero, p_half = training["fixed"]
    specs = (
        method_spec("erm", {}, 1),
        method_spec("bayesmulti-fixed", {"p_zero": p_zero, "p_half": p_half}, 1, site="activation"),
    )
    folder = tmp_path_factory.mktemp("moons")
    use_threads(1)
    for spec in specs:
        trained = train_runs(experiment, spec, initial_scale=1.0, runs=1, shared=shared, seed=config["seed"])
        weights = {run: weights for run, weights, _ in trained}
        write_runs(
            weights,
            folder / f"{spec.method}.safetensors",
            metadata={"experiment": "moons", "method": spec.method},
        )
    given = {"methods": METHODS, "experiment": said, "crossbar": crossbar, "data": data}
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
    commit(folder)
    bench = Bench(library, folder)
    # the library does not say that it is simulated here: what follows must be able to tell a measurement
    outcome = bench.run(MEASURE, scene="unlabelled", longest_s=LONGEST_S)
    assert outcome.status == 0, outcome.err
    return Measured(bench, outcome, folder / "data/crossbar/test-a.parquet", crossbar["write"]["tolerance"])


def commit(folder: Path) -> None:
    """A checkout for the measurement to name."""
    me = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (("init", "-q"), ("add", "given.json"), (*me, "commit", "-q", "-m", "given")):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True, timeout=60)


def test_every_network_is_programmed_and_multiplied(measured):
    """Two methods by turns on the same array, each calibrated too, all of it by way of dwfpy."""
    rows = read_measured(measured.file)[0].to_pylist()
    assert [(row["method"], row["run"], row["calibration"]) for row in rows] == [
        (method, 1, calibration) for method in METHODS for calibration in ("none", "offset")
    ]
    for row in rows:
        assert row["examples"] == POINTS
        assert np.mean(row["cell_ok"]) > 0.95
        assert row["software_accuracy"] > 0.8
    programmed = [row for row in rows if row["calibration"] == "none"]
    assert measured.outcome.record.pulses == sum(sum(row["cell_pulses"]) for row in programmed)
    for row in rows:
        calibrated = row["calibration"] == "offset"
        assert row["calibration_examples"] == EXAMPLES * calibrated
        assert (row["calibration_reads"] > 0) == calibrated


def test_the_measurement_says_what_made_it(measured):
    """Instrument, wiring and code, so that a number can be traced years later."""
    _, said = read_measured(measured.file)
    assert said["instrument"] == "Analog Discovery 2"
    assert said["serial"] == "210321000000"
    assert said["wiring_sha256"] == measured.bench.wiring.digest
    assert len(said["git_commit"].removesuffix("-dirty")) == 40
    assert said["array"] == "simulated 10 x 10"


def test_the_array_computes_the_network(measured):
    """Products differ from software's by what the writing tolerates.

    A cell ends within 5 % of the range, spread evenly, so a weight, the difference of two, is off by
    sqrt(2 / 3) x 5 % of the largest weight. Products add errors as they add weights: their relative error
    is that of the weights, doubled here for what reading and cells outside their tolerance add.
    """
    for row in as_programmed(read_measured(measured.file)[0].to_pylist()):
        software, array = np.array(row["product_software"]), np.array(row["product_array"])
        target = np.array(row["cell_target_s"])
        weight = (target[0::2] - target[1::2]) / RANGE_S
        tolerated = np.sqrt(2 / 3) * measured.tolerance / np.sqrt(np.mean(weight**2))
        assert np.sqrt(np.mean((array - software) ** 2)) < 2 * tolerated * np.sqrt(np.mean(software**2))
        assert abs(row["array_accuracy"] - row["software_accuracy"]) <= 0.1


def test_it_stays_within_its_limits_and_ends_safe(measured):
    """The worst that cells ever saw is in the record of the pins, and so is the last thing they did."""
    record = measured.outcome.record
    assert record.peak_read_cell_v <= 0.2 + 1e-9
    assert record.peak_pulse_cell_v <= 1.8
    assert record.peak_half_selected_v <= 0.9 + 1e-9
    assert record.failed_calls == 0
    assert record.safe
    assert not record.open


def test_unplugged_while_the_first_network_is_calibrated(measured):
    """Its row as programmed is kept in a file that says why it is alone; nothing stays on the array."""
    scene = "unlabelled; unplugged reads 0"
    again = MEASURE.replace("test-a", "test-b")
    outcome = measured.bench.run(again, scene=scene, pull=True, longest_s=LONGEST_S)
    assert outcome.status == 1
    assert "InstrumentLostError" in outcome.error
    assert outcome.record.safe
    (kept,) = measured.file.parent.glob("test-b-interrupted-*.parquet")
    table, said = read_measured(kept)
    assert table["calibration"].to_pylist() == ["none"]
    assert "InstrumentLostError" in said["interrupted"]


def test_a_simulated_instrument_measures_nothing(measured):
    """It is refused before anything is put on the array, and no file is written."""
    before = sorted(measured.file.parent.iterdir())
    outcome = measured.bench.run(MEASURE.replace("test-a", "test-c"))
    assert "RecordError" in outcome.error
    assert "is no instrument but a simulated one" in outcome.error
    assert outcome.record.pulses == 0
    assert sorted(measured.file.parent.iterdir()) == before
