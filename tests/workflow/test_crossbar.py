"""The crossbar in the workflow: the twin anywhere, the instrument on the bench, its files everywhere."""

import csv

import pytest

from codesign.crossbar.record import write_record
from tests.workflow.tiny import CONDITIONS, measured_file

TARGETS = ("crossbar", "energy")
FIGURES = ("crossbar-accuracy", "crossbar-errors", "crossbar-conductances", "energy")


def _records(project, record_row, said, name="a"):
    rows = [record_row(method, run) for run in (1, 2) for method in ("erm", "bayesmulti")]
    path = project.folder / f"data/crossbar/{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(rows, path, metadata=said)


def test_the_twin_stands_in_for_the_instrument_and_says_so(trained):
    """Every figure is there and simulated; nothing measured appears; a second run does nothing."""
    made = trained.done(*TARGETS)
    assert made == {
        "train_crossbar": 2,
        "simulate_crossbar": 2,
        "summarise_crossbar": 1,
        "count_energy": 1,
        "draw_crossbar": 1,
        "draw_energy": 1,
    }
    for name in FIGURES:
        for suffix in ("pdf", "png", "svg", "csv"):
            assert (trained.folder / f"results/figures/{name}-simulated.{suffix}").stat().st_size > 0
    for name in ("summary", "runs", "errors", "energy"):
        path = trained.folder / f"results/crossbar/simulated/{name}.csv"
        assert {line["evidence"] for line in csv.DictReader(path.open(encoding="utf-8"))} == {"simulated"}
    assert not list(trained.folder.glob("data/crossbar/*.parquet"))
    assert trained.scheduled(*TARGETS) == {}
    trained.configure({"crossbar": {"bins": 21}})
    assert trained.scheduled(*TARGETS) == {"summarise_crossbar": 1, "draw_crossbar": 1}
    measured_file(
        trained.folder / "data/iv/device-9.parquet",
        conditions=CONDITIONS[1] | {"ag_nm": 200.0},
        seed=1,
        window=13,
        sigma=0.12,
    )
    trained.configure({"crossbar": {"bins": 61}})
    assert set(trained.done(*TARGETS)) == {"extract_nonidealities", "tabulate_usability", "choose_panel"}


def test_a_measurement_is_drawn_anywhere_and_measured_nowhere_else(project, record_row, said_of_evidence):
    """The bench's file is an ordinary input: no network is trained for it, and no panel asked."""
    _records(project, record_row, said_of_evidence["measured"])
    figures = [f"results/figures/{name}-measured-a.pdf" for name in FIGURES]
    assert project.done(*figures) == {
        "summarise_crossbar": 1,
        "count_energy": 1,
        "draw_crossbar": 1,
        "draw_energy": 1,
    }
    path = project.folder / "results/crossbar/measured-a/summary.csv"
    assert {line["evidence"] for line in csv.DictReader(path.open(encoding="utf-8"))} == {"measured"}
    assert project.scheduled(*figures) == {}
    dry = project.snakemake("-n", *TARGETS).stdout
    assert "results/virtual_lab/figures/energy-simulated.pdf" in dry, "the twin's figures stand beside"
    refused = project.snakemake("data/crossbar/b.parquet", check=False)
    assert refused.returncode != 0 and "MissingRuleException" in refused.stdout


def test_a_simulated_file_among_measurements_stops_its_figures(project, record_row, said_of_evidence):
    """Copied there by mistake, it must not be drawn as measured."""
    _records(project, record_row, said_of_evidence["simulated"])
    done = project.snakemake("results/figures/energy-measured-a.pdf", check=False)
    assert done.returncode != 0 and "is simulated, not measured" in done.stdout


def test_the_bench_measures_once_and_under_a_name(project, record_row, said_of_evidence):
    """Without a name nothing runs; with one it is measured; where its file is, it never is again."""
    profile = ("--profile", "profiles/bench", "--cores", "1")
    done = project.snakemake(*profile, "-n", *TARGETS, check=False)
    assert done.returncode != 0 and "bench.run must name this measurement" in done.stdout
    overlay = project.folder / "profiles/bench/bench.yaml"
    text = overlay.read_text(encoding="utf-8")
    assert text.count("run: null") == 1
    overlay.write_text(text.replace("run: null", "run: a"), encoding="utf-8")
    assert project.scheduled(*profile, *TARGETS)["measure_crossbar"] == 1
    _records(project, record_row, said_of_evidence["measured"])
    assert "measure_crossbar" not in project.scheduled(*profile, *TARGETS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"crossbar": {"cells": {"stuck": 0.1}}}, ["crossbar.cells.stuck: unknown key"], id="unknown-key"
        ),
        pytest.param({"bench": {"run": "a/b"}}, ["bench.run", "a/b"], id="name-with-a-folder"),
        pytest.param({"energy": {"seconds": 0}}, ["energy.seconds", "greater than 0"], id="no-pulse"),
    ],
)
def test_a_wrong_configuration_is_told_in_words(project, changes, words):
    """The error names the key and what is allowed, and nothing has run."""
    project.configure(changes)
    done = project.snakemake("crossbar", check=False)
    assert done.returncode != 0
    for word in words:
        assert word in done.stdout
