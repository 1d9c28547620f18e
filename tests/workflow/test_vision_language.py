"""Vision and language through Snakemake, with the real encoder and language model: needs `make setup-vlm`."""

import json

import pyarrow.parquet as pq
import pytest

from codesign.models.weights import read_weights
from codesign.tasks.about import about_of

MISSING = about_of("vision_language").missing_packages()
SCENES = {
    "task": "vision_language", "source": "scenes", "network": "smollm2", "pixels": 64, "grid": 1,
    "train_size": 20, "test_size": 10, "epochs": 1, "batch_size": 10, "learning_rate": 0.003,
}  # fmt: skip
RECORD = "results/examples/scenes/fit.json"
SCORES = "results/evaluation/scenes/erm/levels-1.parquet"
BASELINES = "results/baselines/scenes.csv"
DIALOGUES = "results/figures/dialogues-scenes.pdf"


@pytest.mark.slow  # converts a language model of 135 million weights
@pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} missing: make setup-vlm")
def test_from_generated_scenes_to_scores_and_dialogues(measured):
    """Parts are prepared once, one projection is trained and programmed, answers are written and drawn."""
    measured.configure(
        {
            "experiments": {"moons": None, "scenes": SCENES},
            "training": {"methods": ["erm"], "initial_scale": [1.0]},
            "profiles": {"synthetic": [1.0, 0.5, 0.3, 0.1]},
        }
    )
    done = measured.done(SCORES, BASELINES, DIALOGUES)
    assert done.pop("choose_panel") == 1
    assert done == {
        "prepare_examples": 2, "score_baselines": 1, "run_corner_trial": 1, "choose_noise": 1,
        "train_network": 1, "evaluate_levels": 1, "detail_network": 1, "draw_details": 1,
    }  # fmt: skip
    kept = json.loads((measured.folder / RECORD).read_text())["kept"]
    assert {name.split("/")[1].split("-")[0] for name in kept} == {"encoder", "features", "language"}
    rows = pq.read_table(measured.folder / SCORES).to_pylist()
    assert {row["metric"] for row in rows} == {"accuracy", "shape", "count", "colour"}
    weights, _ = read_weights(
        next((measured.folder / "results/models/scenes/erm/repeat-1").glob("weights-*.safetensors"))
    )
    assert {name: tuple(each.shape) for name, each in weights.items()} == {
        "projection.weight": (576, 1280),
        "projection.bias": (576,),
    }
    assert (measured.folder / DIALOGUES).stat().st_size > 10_000
    assert measured.scheduled(SCORES, BASELINES, DIALOGUES) == {}
