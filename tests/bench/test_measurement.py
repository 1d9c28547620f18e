"""The bench's rule through dwfpy: what a measurement leaves, and what it never does."""

import pytest

from codesign.crossbar.record import RecordError, read_measured, read_record
from tests.bench.conftest import REPOSITORY

MEASURE = f"""
import importlib.util, json, yaml
from pathlib import Path
import torch
from codesign.bayesmulti.methods import method_spec
from codesign.crossbar.networks import train_runs, write_runs
from codesign.training.experiment import Experiment

torch.set_num_threads(1)
found = importlib.util.spec_from_file_location(
    "measure", Path("{REPOSITORY}") / "workflow_scripts/measure_crossbar.py"
)
measure = importlib.util.module_from_spec(found)
found.loader.exec_module(measure)
config = yaml.safe_load(Path("{REPOSITORY}", "config.yaml").read_text())
names = ("optimiser", "momentum", "weight_decay", "schedule", "warmup_epochs", "patience", "select")
shared = {{name: config["training"][name] for name in names}}
experiment = Experiment(
    "moons", task="moons", source="embedded", model="perceptron", epochs=2, batch_size=30,
    learning_rate=0.02, train_size=60, test_size=20, noise=0.2,
)
data = dict(seed=1, validation_fraction=0.2, mirror=None, cache=None)
trained = train_runs(experiment, method_spec("erm", {{}}, 0), runs=2, data=data, shared=shared, seed=1)
write_runs({{run: weights for run, weights, _ in trained}}, "erm.safetensors", metadata={{}})
crossbar = config["crossbar"] | dict(
    test_points=4, conductance=dict(g_min_s=5e-6, g_max_s=4e-5),
)
crossbar["write"] |= dict(budget=15, reads=1)
measure.main(
    networks={{"erm": Path("erm.safetensors")}}, wiring=Path(sys.argv[1]),
    record=Path("data/crossbar/a.parquet"), experiment=experiment, crossbar=crossbar,
    bench=dict(array="chip 3"), data=data,
    repository=Path("{REPOSITORY}"),
)
"""
LONGEST_S = 300.0


def test_a_measurement_says_what_made_it_and_is_never_written_over(bench):
    """Instrument, serial, wiring and commit; a second one of the name leaves the first as it was."""
    outcome = bench.run(MEASURE, scene="unlabelled", longest_s=LONGEST_S)
    assert outcome.status == 0, outcome.err
    path = bench.folder / "data/crossbar/a.parquet"
    table, said = read_measured(path)
    assert table["run"].to_pylist() == [1, 2] and said["array"] == "chip 3"
    assert said["serial"] == "210321000000" and said["wiring_sha256"] == bench.wiring.digest
    assert len(said["git_commit"].removesuffix("-dirty")) == 40
    assert outcome.record.safe
    before = path.read_bytes()
    again = bench.run(MEASURE, scene="unlabelled", longest_s=LONGEST_S)
    assert again.status != 0 and "only ever added" in again.error
    assert path.read_bytes() == before


def test_an_interruption_keeps_what_was_measured(bench):
    """The cable is pulled in the second run: the first is kept, and says so."""
    whole = bench.run(MEASURE, scene="unlabelled", longest_s=LONGEST_S)
    path = bench.folder / "data/crossbar/a.parquet"
    first = sum(read_measured(path)[0]["cell_pulses"].to_pylist()[0])
    path.unlink()
    (bench.folder / "record").unlink()  # a fresh array: the same pulses again
    scene = f"unlabelled; unplugged pulses {(first + whole.record.pulses) // 2}"
    outcome = bench.run(MEASURE, scene=scene, longest_s=LONGEST_S)
    assert outcome.status != 0 and "InstrumentLostError" in outcome.error
    [kept] = (bench.folder / "data/crossbar").glob("*.parquet")
    table, said = read_measured(kept)
    assert "-interrupted-" in kept.name and table["run"].to_pylist() == [1]
    assert "InstrumentLostError" in said["interrupted"]


def test_an_instrument_that_says_it_is_simulated_measures_nothing(bench):
    """The test library's own name: no file appears among the measurements."""
    outcome = bench.run(MEASURE, longest_s=LONGEST_S)
    assert outcome.status != 0 and "says it is simulated" in outcome.error
    assert not list(bench.folder.glob("data/crossbar/*"))
    assert outcome.record.safe
    with pytest.raises((RecordError, FileNotFoundError)):
        read_record(bench.folder / "data/crossbar/a.parquet")
