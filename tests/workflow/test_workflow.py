"""The whole workflow on tiny inputs: virtual laboratory, raw files, configuration errors."""

import pyarrow.parquet as pq
import pytest


@pytest.mark.slow
def test_the_virtual_laboratory_runs_end_to_end_and_again_does_nothing(project):
    """Without any measurement `all` makes tables, proposals, campaign, networks and figures."""
    project.configure({"search": {"rounds": 1}, "evaluation": {"devices_per_job": 8}})
    done = project.snakemake()
    assert "devices of the virtual laboratory" in done.stdout
    lab = project.folder / "results/virtual_lab"
    assert set(pq.read_table(lab / "usability.parquet")["origin"].to_pylist()) == {"virtual"}
    assert (lab / "fabrication/proposals.csv").read_text().count("\n") == 3
    scores = pq.read_table(lab / "evaluation/moons-summary.parquet").to_pylist()
    assert {row["method"] for row in scores} == {"erm", "bayesmulti"}
    for name in (
        "proposals",
        "campaign",
        "usability_ranking",
        "accuracy-moons",
        "decisions-moons",
        "search-moons",
        "correlation",
    ):
        for suffix in ("pdf", "png", "svg", "csv"):
            assert (lab / f"figures/{name}.{suffix}").stat().st_size > 0
    assert not (project.folder / "results/usability.parquet").exists()
    assert project.scheduled() == {}


def test_the_same_configuration_gives_the_same_bytes(project, tmp_path):
    """Two runs from nothing: every table is the same, byte for byte."""
    twin = project.copy(tmp_path / "twin")
    for each in (project, twin):
        each.snakemake("proposals", "campaign", "--until", "propose_devices", "tabulate_campaign")
    assert project.tables() == twin.tables()
    assert "results/virtual_lab/fabrication/proposals.csv" in project.tables()


def test_instrument_files_are_imported_on_the_way(project):
    """A CSV in data/raw becomes a canonical file and a row; a bad one a row with a reason."""
    cycles = 4
    rows = ["Voltage (V);" + ";".join(f"current_cycle{c + 1} [mA]" for c in range(cycles))]
    for k in range(31):
        v = 0.1 * k
        rows.append(
            ";".join([f"{v:.2f}"] + [f"{1e-3 * v * (1 + v) * (1 + 0.01 * c):.8f}" for c in range(cycles)])
        )
    (project.folder / "data/raw/Device A.csv").write_text("\n".join(rows).replace(".", ","))
    (project.folder / "data/raw/notes.txt").write_text("nothing to see\n")
    project.snakemake("usability")
    table = {
        row["device"]: row for row in pq.read_table(project.folder / "results/usability.parquet").to_pylist()
    }
    assert table["device-a"]["status"] == "ok" and "mA" in table["device-a"]["notes"]
    assert table["notes"]["status"] == "refused" and table["notes"]["reason"]
    assert (project.folder / "data/iv/device-a.parquet").is_file()
    assert project.scheduled("usability") == {}


def test_two_raw_files_with_one_device_id_are_refused_by_name(project):
    """Neither is taken; the row names both."""
    for name in ("Cell 1.csv", "cell-1.txt"):
        (project.folder / "data/raw" / name).write_text("voltage,current_cycle1\n0,0\n1,1e-6\n")
    project.snakemake("usability")
    [row] = pq.read_table(project.folder / "results/usability.parquet").to_pylist()
    assert row["status"] == "refused" and "Cell 1.csv" in row["reason"] and "cell-1.txt" in row["reason"]


def test_a_raw_file_never_overwrites_a_measurement(measured):
    """An instrument file with the id of a measurement from elsewhere stops the run and touches nothing."""
    before = (measured.folder / "data/iv/device-1.parquet").read_bytes()
    (measured.folder / "data/raw/device 1.csv").write_text("voltage,current_cycle1\n0,0\n1,1e-6\n")
    done = measured.snakemake("usability", check=False)
    assert done.returncode != 0 and "two files have the device id 'device-1'" in done.stdout
    assert (measured.folder / "data/iv/device-1.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"extraction": {"tolerated_drop": 1}},
            ["extraction.tolerated_drop", "tolerated_drops"],
            id="unknown-key",
        ),
        pytest.param(
            {"extraction": {"estimator": "median"}},
            ["extraction.estimator", "median", "mle, robust"],
            id="value",
        ),
        pytest.param({"fabrication": {"batch": 0}}, ["fabrication.batch", "0", "at least 1"], id="range"),
        pytest.param({"measurements": {"origin": "measured"}}, ["data/iv", "data/raw"], id="no-measurement"),
    ],
)
def test_a_wrong_configuration_is_told_in_words(project, changes, words):
    """The error names the key, the value and what is allowed, and nothing has run."""
    project.configure(changes)
    done = project.snakemake(check=False)
    assert done.returncode != 0
    for word in words:
        assert word in done.stdout
    assert not any((project.folder / "results").iterdir())


def test_a_misspelt_target_is_told_with_what_is_meant(project):
    """Words among the values of options are none, and a file's name stays Snakemake's matter."""
    for arguments, said in (
        (["evalution", "-n"], "there is no target 'evalution' (did you mean evaluation?). Targets are"),
        (
            ["--rerun-triggers", "mtime", "code", "--", "nonsense"],
            "there is no target 'nonsense'. Targets are",
        ),
    ):
        done = project.snakemake(*arguments, check=False)
        assert done.returncode != 0 and said in done.stdout and "--list-target-rules" in done.stdout
    done = project.snakemake("-n", "--rerun-triggers", "mtime", "code", "--", "usability")
    assert "extract_nonidealities" in done.stdout


def test_a_first_answer_trains_no_network(measured):
    """Usability, proposals and their figures, nothing that takes longer."""
    assert set(measured.scheduled("first")) <= {
        "extract_nonidealities",
        "tabulate_usability",
        "propose_devices",
        "draw_usability",
        "draw_proposals",
    }
    measured.snakemake("first")
    for name in ("usability.xlsx", "fabrication/proposals.csv", "figures/proposals.pdf"):
        assert (measured.folder / "results" / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["figures/usability_ranking.pdf", "profiles/devices-all.parquet"])
def test_measured_results_without_a_measurement_are_refused_when_asked_for(project, name):
    """A dry run says so, too, and where the virtual ones are."""
    done = project.snakemake("-n", f"results/{name}", check=False)
    assert done.returncode != 0
    assert "data/iv and data/raw hold no measurement" in done.stdout
    assert "results/virtual_lab/..." in done.stdout
