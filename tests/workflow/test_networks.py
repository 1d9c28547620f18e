"""Networks in the workflow: what rests on what, what is made again, and what is never read."""

import os
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from codesign.tables import read_metadata, read_object
from tests.workflow.tiny import CONDITIONS, NETWORK_TARGETS, REPOSITORY, TARGETS, TINY, measured_file

SHARED = Path(os.environ.get("CODESIGN_MIRROR", REPOSITORY.parent / "shared" / "data"))
SEARCH = "results/search/moons/bayesmulti"


def rows_of(project, method):
    """Scores of one method, a tuple a row."""
    rows = pq.read_table(project.folder / f"results/evaluation/moons/{method}.parquet").to_pylist()
    return [tuple(row.values()) for row in rows], [row for row in rows if row["stands_for"] == "device"]


def test_a_second_run_trains_nothing(trained):
    """Devices, search, networks, scores and figures are there."""
    assert trained.scheduled(*TARGETS, *NETWORK_TARGETS) == {}


def test_a_search_is_unrolled_round_by_round(trained):
    """Round 2 rests on all trials of round 1; a trial made again is the same and moves nothing."""
    trial = f"{SEARCH}/round-1-slot-2.parquet"
    before = trained.tables()
    for name in (trial, f"{SEARCH}/round-2.json"):
        (trained.folder / name).unlink()
    assert trained.scheduled(*NETWORK_TARGETS) == {}, "what rests on them is there"
    summary = trained.snakemake("-n", f"{SEARCH}/round-2.json").stdout
    assert f"output: {trial}" not in summary and "run_noise_trials" in summary
    assert trained.done(f"{SEARCH}/round-2.json") == {"run_noise_trials": 1, "propose_noise": 1}
    assert trained.tables() == before
    assert trained.scheduled(*NETWORK_TARGETS) == {}
    asked = [
        read_metadata(trained.folder / f"{SEARCH}/round-{round}-slot-{slot}.parquet")["asked"]["parameters"]
        for round in (1, 2)
        for slot in (1, 2)
    ]
    assert all(each["p_zero"] + each["p_half"] > 0 for each in asked)
    assert len({tuple(each.values()) for each in asked}) == 4


def test_how_many_trials_a_job_makes_changes_nothing(trained):
    """Neither what is there, nor the bytes of what is made again."""
    trained.configure({"search": {"trials_per_job": 1}})
    assert trained.scheduled(*NETWORK_TARGETS) == {}
    trial = trained.folder / f"{SEARCH}/round-1-slot-2.parquet"
    before = trial.read_bytes()
    trial.unlink()
    assert trained.done(f"{SEARCH}/round-1-slot-2.parquet") == {"run_noise_trials_2": 1}
    assert trial.read_bytes() == before


def test_what_the_configuration_says_of_other_methods_and_starts_trains_nothing(trained):
    """ERM and a searched method have no fixed noise, and nothing goes on from ERM."""
    trained.configure({"training": {"fixed": [0.1, 0.2], "site": "weight", "further": 0.3}})
    assert trained.scheduled(*NETWORK_TARGETS) == {}


def test_trials_go_on_from_one_training_and_listed_ones_wait_for_no_other(trained):
    """The training without noise has a job of its own; who knows how its trials start needs no scores."""
    noise = {"site": "weight", "p_zero": 0.1, "p_half": 0.1}
    given = [noise, noise | {"p_zero": 0.3}]
    listed = {"rounds": 1, "slots": 2, "trials_per_job": 1, "given": {"bayesmulti": given}}
    trained.configure({"training": {"start": "erm"}, "search": listed})
    trials = [f"{SEARCH}/round-1-slot-{slot}.parquet" for slot in (1, 2)]
    assert trained.scheduled(*trials) == {
        "train_start": 2, "run_corner_trial": 2, "propose_noise": 1, "run_noise_trials_1": 1,
        "run_noise_trials_2": 1,
    }  # fmt: skip
    listed["given"] = {"bayesmulti": [each | {"initial_scale": 1.0} for each in given]}
    trained.configure({"search": listed})
    alone = {"train_start": 2, "propose_noise": 1, "run_noise_trials_1": 1, "run_noise_trials_2": 1}
    assert trained.done(*trials) == alone
    kept = sorted((trained.folder / "results/search/moons/trained").glob("*.safetensors"))
    logs = sorted((trained.folder / "results/logs/run_noise_trials").glob("moons-bayesmulti-1-*.log"))
    assert len(logs) == 2
    for log in logs:
        [before] = re.findall(r"trained before: (\S+)", log.read_text())
        assert trained.folder / before in kept
    assert trained.done("results/search/moons/erm/chosen.json")["run_corner_trial"] == 2


def test_what_else_is_on_memristors_moves_no_other_table(trained):
    """Levels of both methods once more and a table of their own; what was there stays, byte for byte."""
    before = trained.tables()
    trained.configure({"evaluation": {"analog_beside": ["all"]}})
    assert trained.done(*NETWORK_TARGETS) == {"evaluate_beside": 2, "summarise_beside": 1}
    after = trained.tables()
    assert {name: after[name] for name in before} == before
    rows = pq.read_table(trained.folder / "results/evaluation/moons-analog.parquet").to_pylist()
    assert {(row["analog"], row["method"]) for row in rows} == {
        (analog, method) for analog in ("weights", "all") for method in ("erm", "bayesmulti")
    }


def test_some_methods_alone_are_evaluated_on_devices(trained):
    """Levels stay with all methods; every table and figure is made without the others' devices."""
    before = {method: rows_of(trained, method)[0] for method in ("erm", "bayesmulti")}
    trained.configure({"evaluation": {"device_methods": ["erm"]}})
    done = trained.done(*NETWORK_TARGETS)
    assert not {"evaluate_levels", "evaluate_devices", "train_network"} & set(done)
    assert done["stack_evaluation"] == 1 and done["summarise_evaluation"] == 1
    assert done["draw_scores"] == 1 and done["draw_correlation"] == 1
    assert rows_of(trained, "erm")[0] == before["erm"]
    rows, devices = rows_of(trained, "bayesmulti")
    assert not devices and rows == [row for row in before["bayesmulti"] if "level" in row]
    summary = pq.read_table(trained.folder / "results/evaluation/moons-summary.parquet").to_pylist()
    assert {row["method"] for row in summary if row["stands_for"] == "device"} == {"erm"}
    assert {row["method"] for row in summary if row["stands_for"] == "level"} == {"erm", "bayesmulti"}
    points = (trained.folder / "results/evaluation/correlation-points.csv").read_text()
    assert ",erm," in points and "bayesmulti" not in points
    assert trained.scheduled(*NETWORK_TARGETS) == {}


@pytest.mark.parametrize(
    ("sigma", "levels"),
    [pytest.param(0.12, 0, id="same-trend"), pytest.param(0.3, 2, id="another-trend")],
)
def test_a_new_device_trains_nothing(trained, sigma, levels):
    """It is programmed on the networks there are; the panel stays, and levels where the trend does."""
    before = {method: rows_of(trained, method) for method in ("erm", "bayesmulti")}
    networks = {
        name: data for name, data in trained.tables().items() if "/models/" in name or "/search/" in name
    }
    measured_file(
        trained.folder / "data/iv/device-9.parquet",
        conditions=CONDITIONS[1] | {"ag_nm": 200.0},
        seed=1,
        window=13,
        sigma=sigma,
    )
    levels = {"evaluate_levels": levels, "detail_network": levels, "draw_details": 1} if levels else {}
    assert trained.done("evaluation", "network_figures") == levels | {
        "extract_nonidealities": 1,
        "tabulate_usability": 1,
        "choose_panel": 1,
        "profile_devices": 1,
        "evaluate_devices": 2,
        "stack_evaluation": 2,
        "summarise_evaluation": 1,
        "correlate_usability": 1,
        "draw_scores": 1,
        "draw_calibrated": 1,
        "draw_correlation": 1,
    }
    assert {name: trained.tables()[name] for name in networks} == networks
    for method, (rows, _) in before.items():
        found, devices = rows_of(trained, method)
        assert sum(row["profile"] == "device-9" for row in devices) == 2  # programmings
        if not levels:
            assert [row for row in found if "device-9" not in row] == rows
    assert trained.scheduled(*NETWORK_TARGETS) == {}


@pytest.mark.slow
def test_a_killed_training_goes_on_and_a_run_repeats(trained):
    """Search, training and evaluation from nothing, killed in an epoch: the bytes of an undisturbed run."""
    again = "results/models/moons/erm/repeat-2/spec.json"  # the one training that no trial has made before
    trained.snakemake(again)
    expected = trained.tables()
    details = [name for name in expected if name.endswith("/details.parquet")]
    for name in ("search", "models", "evaluation"):
        shutil.rmtree(trained.folder / "results" / name)
    checkpoints = "results/models/moons/erm/repeat-2.*.checkpoint.safetensors"
    trained.kill_at(
        "codesign/training/checkpoint.py",
        "    write_weights(tensors, path, metadata=metadata)",
        again,
        once=checkpoints,
    )
    assert not (trained.folder / again).exists() and list(trained.folder.glob(checkpoints))
    trained.snakemake("--unlock")
    trained.snakemake(again, "--rerun-incomplete")
    trained.snakemake("evaluation", *details)
    log = (trained.folder / "results/logs/train_network/moons-erm-2.log").read_text()
    assert "resumed after epoch" in log
    assert not list(trained.folder.glob(checkpoints))
    assert trained.tables() == expected


def test_a_network_taken_from_the_search_is_the_one_that_training_makes(trained):
    """With and without what trials have left: the same bytes."""
    spec = trained.folder / "results/models/moons/bayesmulti/repeat-1/spec.json"
    before = {path.name: path.read_bytes() for path in spec.parent.iterdir() if path.is_file()}
    weights = {f"weights-{level}.safetensors" for level in TINY["profiles"]["panel"]}
    assert weights | {"history.parquet", "spec.json"} == set(before)
    networks = {each["network"]: each for each in read_object(spec)["networks"]}
    log = trained.folder / "results/logs/train_network/moons-bayesmulti-1.log"
    assert log.read_text().count("trained before") == len(networks)
    kept = trained.folder / "results/search/moons/bayesmulti/trained"
    noisy = [each for each in networks.values() if each["specification"]["layers"]]
    assert len(list(kept.iterdir())) == len(noisy), "those that were not chosen are gone"
    for folder in (kept, trained.folder / "results/search/moons/trained", spec.parent):
        shutil.rmtree(folder)
    assert trained.done(str(spec.relative_to(trained.folder))) == {"train_network": 1}
    assert "trained before" not in log.read_text()
    for name, content in before.items():
        assert (spec.parent / name).read_bytes() == content


def test_a_mirror_that_moved_trains_nothing(measured, tmp_path):
    """Where a data set lies is no part of what rests on it: its content is pinned."""
    if not (SHARED / "mnist").is_dir():
        pytest.skip(f"no folder {SHARED / 'mnist'}")
    digits = {
        "task": "digits", "source": "mnist", "network": "mlp", "width": 0.05, "train_size": 100,
        "test_size": 50, "epochs": 1, "batch_size": 50, "learning_rate": 1e-3,
    }  # fmt: skip
    measured.configure(
        {"experiments": TINY["experiments"] | {"digits": digits}, "datasets": {"mirror": str(SHARED)}}
    )
    networks = "results/models/digits/erm/repeat-1/spec.json"
    assert measured.done(networks)["train_network"] == 1
    (tmp_path / "elsewhere").symlink_to(SHARED)
    measured.configure({"datasets": {"mirror": str(tmp_path / "elsewhere")}})
    assert measured.scheduled(networks) == {}


def test_no_test_example_is_read_before_the_evaluation(trained):
    """Where reading them is an error, searches and trainings work and the evaluation does not."""
    trained.configure({"search": {"rounds": 1, "slots": 1}})
    trained.edit(
        "codesign/tasks/moons/task.py",
        '    if part == "test":\n',
        '    if part == "test":\n        raise RuntimeError("test examples were read")\n',
    )
    made = trained.done("networks")
    assert made["train_network"] == 2 and made["run_noise_trials"] == 1
    done = trained.snakemake("evaluation", check=False)
    assert done.returncode != 0 and "test examples were read" in done.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"training": {"methods": ["erm", "bayes-multi"]}},
            ["training.methods.1", "bayes-multi", "bayesmulti-fixed"],
            id="unknown-method",
        ),
        pytest.param(
            {"training": {"methods": ["bayesmulti"]}}, ["training.methods", "must contain erm"], id="no-erm"
        ),
        pytest.param(
            {"experiments": {"two": {"task": "moons", "epoch": 3}}},
            [
                "experiments.two.epoch: unknown key",
                "did you mean epochs?",
                "experiments.two.network: missing",
            ],
            id="experiment-key",
        ),
        pytest.param(
            {"evaluation": {"device_noises": ["lognormal"]}},
            ["evaluation.device_noises", "must contain resampled"],
            id="noise",
        ),
        pytest.param(
            {"evaluation": {"calibrations": ["offset"]}},
            ["evaluation.calibrations", "must contain none"],
            id="calibrated-alone",
        ),
        pytest.param(
            {"evaluation": {"device_calibrations": ["offset"]}},
            ["evaluation.device_calibrations", "must contain none"],
            id="calibrated-devices-alone",
        ),
        pytest.param(
            {"crossbar": {"calibrations": ["none", "scale"]}},
            ["crossbar.calibrations", "scale"],
            id="crossbar-calibration",
        ),
    ],
)
def test_a_wrong_network_configuration_is_told_in_words(project, changes, words):
    """The error names the key, the value and what is allowed, and nothing has run."""
    project.configure(changes)
    done = project.snakemake("networks", check=False)
    assert done.returncode != 0
    for word in words:
        assert word in done.stdout
    assert not any((project.folder / "results").iterdir())
