"""Examples that take long to make: one job keeps them, the others read them."""

import json

import pyarrow.parquet as pq

from codesign.files import sha256_of

DRIVING = {
    "task": "driving", "source": "synthetic", "network": "pointpillars", "area": "near", "stride": 2,
    "width": 0.0625, "layers": [0, 0, 0], "train_size": 10, "test_size": 10,
    "epochs": 1, "batch_size": 1, "learning_rate": 0.001,
}  # fmt: skip
SCORES = "results/evaluation/driving/erm/levels-1.parquet"


def test_prepared_once_read_by_all_and_made_again_where_it_is_lost(measured):
    """A few scans, the whole way from examples to scores."""
    measured.configure(
        {
            "experiments": {"moons": None, "driving": DRIVING},
            "training": {"initial_scale": [1.0]},
            "profiles": {"synthetic": [1.0, 0.8, 0.6]},
        }
    )
    done = measured.done(SCORES)
    assert done == {
        "choose_panel": 1, "prepare_examples": 2, "run_corner_trial": 1, "choose_noise": 1,
        "train_network": 1, "evaluate_levels": 1,
    }  # fmt: skip
    rows = pq.read_table(measured.folder / SCORES).to_pylist()
    assert {row["level"] for row in rows} == {1.0, 0.8, 0.6}
    said = {
        part: json.loads((measured.folder / f"results/examples/driving/{part}.json").read_text())
        for part in ("fit", "test")
    }
    assert set(said["fit"]["examples"]) == {"train", "validation"} and said["fit"]["examples"]["train"] == 10
    assert said["test"]["examples"] == {"test": 10}
    kept = said["fit"]["kept"] | said["test"]["kept"]
    for name, digest in kept.items():
        assert sha256_of(measured.folder / "results/datasets" / name) == digest
    assert len(kept) == 3 and not set(said["fit"]["kept"]) & set(said["test"]["kept"])

    # what was kept is lost: nothing has to run, and whoever wants it makes it again, the same
    before = (measured.folder / SCORES).read_bytes()
    for name in kept:
        (measured.folder / "results/datasets" / name).unlink()
    assert measured.scheduled(SCORES) == {}
    (measured.folder / SCORES).unlink()
    assert measured.done(SCORES) == {"evaluate_levels": 1}
    assert (measured.folder / SCORES).read_bytes() == before

    # a job that prepares the same again makes nothing run; other test examples run the evaluation alone
    record = measured.folder / "results/examples/driving/test.json"
    record.unlink()
    assert measured.done(str(record.relative_to(measured.folder))) == {"prepare_examples": 1}
    assert measured.scheduled(SCORES) == {}
    record.write_text(record.read_text().replace('"test": 10', '"test": 11'))
    assert measured.scheduled(SCORES) == {"evaluate_levels": 1}
