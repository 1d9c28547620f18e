"""A laboratory of oxide memristors: the example of the documentation, from instrument files to proposals."""

import csv
import json
import shutil

import numpy as np

from codesign.schemas.device import DEVICE
from codesign.tables import read_table
from tests.workflow.tiny import REPOSITORY

EXAMPLE = REPOSITORY / "docs/examples/oxides"
OWN = ["oxide", "thickness_nm", "anneal_c", "top_electrode"]
PROPOSED = "results/fabrication/proposals.csv"
PAGES = ["results/report/proposals.html", "results/report/usability.html"]
FIGURES = ["results/figures/proposals.pdf", "results/figures/usability_conditions.pdf"]


def sweeps(path, seed):
    """Six cycles up to 3 V and back, their spread a tenth of the seed."""
    rng, up = np.random.default_rng(seed), np.linspace(0, 3, 31)
    lines = ["cycle,voltage (V),current (A)"]
    for cycle in range(1, 7):
        gain = 1e-6 * np.exp(0.1 * seed * rng.standard_normal())
        lines += [f"{cycle},{v:.2f},{gain * v * v:.6e}" for v in (*up, *up[-2::-1])]
    path.write_text("\n".join(lines) + "\n")


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_oxide_laboratory_gets_proposals_in_its_own_variables(project):
    """Table, card, figures and pages name them; a value that does not fit is told."""
    raw = project.folder / "data/raw"
    shutil.copy(EXAMPLE / "devices.csv", raw)
    listed = rows_of(EXAMPLE / "devices.csv")
    for seed, row in enumerate(listed, start=1):
        sweeps(raw / row["file"], seed)
    (raw / "h1.meta.yaml").write_text("conditions: {thickness_nm: 3}\n")
    overlay = ("--configfile", "config.yaml", str(EXAMPLE / "oxides.yaml"))
    project.snakemake("usability", PROPOSED, *PAGES, *FIGURES, *overlay)

    table = read_table(project.folder / "results/usability.parquet", schema=DEVICE).to_pylist()
    first = {row["device"]: json.loads(row["conditions"]) for row in table}["h1"]
    assert first["thickness_nm"] == 3 and first["anneal_c"] == "400" and first["wafer"] == "W3"
    proposed = rows_of(project.folder / PROPOSED)
    assert list(proposed[0])[1:5] == OWN and len(proposed) == 2
    assert {row["oxide"] for row in proposed} <= {"HfO2", "TaOx"} and proposed[0]["predicted_mean"]
    card = json.loads((project.folder / "results/fabrication/card.json").read_text(encoding="utf-8"))
    assert card["counts"]["used"] == 5 and card["counts"]["off_grid"] == 1
    assert card["notes"] == ["t3: anneal_c 'hot' is no number, and counts as unknown"]
    assert card["called"]["t1"]["label"] == "TaOx, oxide thickness 5 nm, anneal 300 °C, top electrode Pt"
    log = (project.folder / "results/logs/propose_devices/proposals.log").read_text(encoding="utf-8")
    assert card["notes"][0] in log
    for name in ("proposals", "usability_conditions"):
        drawn = rows_of(project.folder / f"results/figures/{name}.csv")
        assert {row["variable"] for row in drawn} >= set(OWN), name
    for page in PAGES:
        said = (project.folder / page).read_text(encoding="utf-8")
        assert '<th scope="col" class="number">oxide thickness / nm</th>' in said
        assert "HfO<sub>2</sub>" in said and "perovskite" not in said.partition("<body>")[2]
    assert card["notes"][0] in (project.folder / PAGES[0]).read_text(encoding="utf-8").replace("&#x27;", "'")
    said = project.snakemake("-n", "results/virtual_lab/fabrication/proposals.csv", *overlay).stdout
    assert "propose_devices" in said
