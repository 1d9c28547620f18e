"""The script that proposes the next devices."""

import json
import runpy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from codesign.fabrication.space import Space, key_of
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import PROPOSALS
from codesign.tables import read_table, write_table

ROOT = Path(__file__).parents[2]
FABRICATION = yaml.safe_load((ROOT / "config.yaml").read_text())["fabrication"]
main = runpy.run_path(str(ROOT / "workflow_scripts" / "propose_devices.py"))["main"]


def usability_table(path, count):
    """`count` measured devices spread over the grid, and one that was refused."""
    rng = np.random.default_rng(1)
    grid = Space(FABRICATION["space"]).grid()
    rows = []
    for k, index in enumerate(rng.choice(len(grid), count, replace=False)):
        rows.append(
            dict.fromkeys(DEVICE.names)
            | {"device": f"d{k:02d}", "origin": "measured", "kind": "sweep", "status": "ok"}
            | {"usability": float(rng.uniform(0.1, 0.8)), "usability_std": 0.03, "measured_at": ""}
            | grid[index]
        )
    rows.append(dict.fromkeys(DEVICE.names) | {"device": "bad", "origin": "measured", "status": "refused"})
    write_table(rows, path, schema=DEVICE)
    return path


def proposed(folder, usability, **change):
    """Paths of what the script writes into `folder`."""
    folder.mkdir()
    paths = {
        "proposals": folder / "proposals.csv",
        "table": folder / "proposals.parquet",
        "card": folder / "card.json",
    }
    main(usability=usability, **paths, fabrication=FABRICATION | change, seed=2412)
    return paths


def test_the_same_table_gives_the_same_bytes(tmp_path):
    """CSV, Parquet and card alike, and whatever the order of the rows."""
    usability = usability_table(tmp_path / "usability.parquet", 12)
    turned = tmp_path / "turned.parquet"
    table = pq.read_table(usability)
    pq.write_table(table.take(np.arange(table.num_rows)[::-1]), turned)
    one, two = proposed(tmp_path / "one", usability), proposed(tmp_path / "two", turned)
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one)


def test_a_batch_of_new_conditions_is_proposed(tmp_path):
    """As many as asked for, best first, with a prediction each; the card counts what was left out."""
    paths = proposed(tmp_path / "out", usability_table(tmp_path / "usability.parquet", 12), batch=3)
    rows = read_table(paths["table"], schema=PROPOSALS).to_pylist()
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert len({key_of({name: row[name] for name in CONDITION_COLUMNS}) for row in rows}) == 3
    assert all(row["predicted_std"] > 0 and np.isfinite(row["log_acquisition"]) for row in rows)
    assert len(paths["proposals"].read_text().splitlines()) == 4
    card = json.loads(paths["card"].read_text())
    assert card["counts"] == {
        **dict.fromkeys(("no_usability", "failed", "off_grid", "not_encodable", "not_finite"), 0),
        "used": 12,
        "refused": 1,
    }
    assert sum(entry["value"] for entry in card["relevance"]) == pytest.approx(1.0)


def test_a_table_without_a_usability_gets_the_start(tmp_path):
    """The paper's first device, and a batch around it."""
    paths = proposed(tmp_path / "out", usability_table(tmp_path / "usability.parquet", 0))
    rows = read_table(paths["table"], schema=PROPOSALS).to_pylist()
    assert key_of(rows[0]) == key_of(FABRICATION["start"]) and len(rows) == FABRICATION["batch"]
