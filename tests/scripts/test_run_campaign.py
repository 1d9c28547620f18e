"""The scripts that close the loop on the virtual laboratory and summarise it."""

import csv
import runpy
from pathlib import Path

import pytest
import yaml

from codesign.fabrication.space import key_of
from codesign.schemas.campaign import CAMPAIGN
from codesign.tables import read_table

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SCRIPTS = ROOT / "workflow_scripts"
run = runpy.run_path(str(SCRIPTS / "run_campaign.py"))["main"]
tabulate = runpy.run_path(str(SCRIPTS / "tabulate_campaign.py"))["main"]


def campaign(path, strategy, repeats, count=6):
    """Rows of short searches, one a repeat."""
    run(
        evaluations=path,
        strategy=strategy,
        repeats=repeats,
        count=count,
        fabrication=CONFIG["fabrication"],
        virtual_lab=CONFIG["virtual_lab"] | {"cycles": 6, "points": 31},
        extraction=CONFIG["extraction"] | {"bootstrap": 20},
        seed=2412,
    )
    return read_table(path, schema=CAMPAIGN).to_pylist()


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    """Two strategies on two landscapes, and where their tables are."""
    folder = tmp_path_factory.mktemp("campaign")
    names = [(strategy, repeat) for strategy in ("bayesian", "random") for repeat in (0, 1)]
    paths = {name: folder / f"{name[0]}-{name[1]}.parquet" for name in names}
    return paths, {name: campaign(path, name[0], [name[1]]) for name, path in paths.items()}


def test_strategies_share_the_landscape_and_the_first_device(searches):
    """Common random numbers: the same first condition gives the same measurement, to the last digit."""
    _, rows = searches
    for repeat in (0, 1):
        ours, theirs = rows["bayesian", repeat][0], rows["random", repeat][0]
        assert key_of(ours) == key_of(theirs) == key_of(CONFIG["fabrication"]["start"])
        assert ours | {"strategy": ""} == theirs | {"strategy": ""}
    assert rows["random", 0][0]["optimum"] != rows["random", 1][0]["optimum"]


def test_a_search_repeats(searches, tmp_path):
    """The same seed gives the same rows; the best so far is what it says."""
    _, rows = searches
    again = campaign(tmp_path / "again.parquet", "bayesian", [1])
    assert again == rows["bayesian", 1]
    assert [row["best_hidden"] for row in again] == [
        max(row["usability_hidden"] for row in again[: k + 1]) for k in range(len(again))
    ]
    assert all(row["best_hidden"] <= row["optimum"] for row in again)


def test_searches_of_one_job_are_those_of_jobs_of_their_own(searches, tmp_path):
    """Each repeat has draws of its own, whatever was made before it."""
    _, rows = searches
    both = campaign(tmp_path / "both.parquet", "bayesian", [1, 0])
    assert both == rows["bayesian", 1] + rows["bayesian", 0]


def test_the_table_holds_every_evaluation_and_the_summary_every_step(searches, tmp_path):
    """24 rows stacked; 2 strategies x 6 evaluations summarised over 2 repeats."""
    paths, _ = searches
    tabulate(
        evaluations=list(paths.values()), table=tmp_path / "campaign.parquet", csv=tmp_path / "campaign.csv"
    )
    assert read_table(tmp_path / "campaign.parquet", schema=CAMPAIGN).num_rows == 24
    with (tmp_path / "campaign.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["strategy"], line["evaluation"]) for line in lines] == [
        (strategy, str(k)) for strategy in ("bayesian", "random") for k in range(1, 7)
    ]
    assert {line["n"] for line in lines} == {"2"}
