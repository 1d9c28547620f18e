"""The whole chain on real points: a network of generated scenes learns fourteen frames of KITTI by heart."""

from dataclasses import replace

import pytest
import torch

from codesign.bayesmulti.noise import PLAIN
from codesign.tasks.about import about_of
from codesign.tasks.driving import kitti
from codesign.tasks.driving.scenes import Scenes
from codesign.tasks.driving.task import TASK, area_of
from codesign.tasks.experiment import Experiment
from codesign.training.job import train_experiment
from codesign.training.loop import TrainingSettings, train
from tests.unit.tasks.driving.test_kitti import MINI, of_mini

SAID = {
    "task": "driving", "source": "synthetic", "network": "pointpillars", "area": "near", "stride": 2,
    "width": 0.25, "layers": [2, 3, 3], "train_size": 400, "test_size": 20, "epochs": 8, "batch_size": 4,
    "learning_rate": 3e-3,
}  # fmt: skip
SHARED = {
    "optimiser": "adamw", "momentum": 0.9, "weight_decay": 0.01, "schedule": "cosine", "warmup_epochs": 1,
    "ramp": 0.0, "select": "metric", "patience": None, "compile": False, "precision": "auto",
    "start": "scratch", "further": 0.5,
}  # fmt: skip
EPOCHS = 130


@pytest.mark.slow
def test_a_network_of_generated_scenes_learns_real_frames_by_heart(frames):
    """Readers, targets, losses, decoding and scores agree, or it could not; three minutes of one core."""
    folder = of_mini(frames)
    whole = [frame for frame in MINI if kitti.may_be_scored(folder, frame)]
    assert len(whole) == 14
    experiment = Experiment.make("driving", SAID, data={"seed": 1, "validation_fraction": 0.05})
    network = train_experiment(experiment, PLAIN, shared=SHARED, seed=1).network
    scenes = Scenes.of([kitti.scene_of(folder / "training", frame) for frame in whole])
    scenes = replace(scenes, area=area_of(SAID), fixed=True)
    settings = TrainingSettings(
        epochs=EPOCHS, batch_size=2, amp=False,
        **{name: value for name, value in SHARED.items() if name not in ("start", "further", "precision")},
        learning_rate=3e-3,
    )  # fmt: skip
    found = train(
        network, TASK, about_of("driving"), scenes, scenes, settings=settings,
        order=torch.Generator().manual_seed(1), statistics=torch.Generator().manual_seed(1),
    )  # fmt: skip
    best = found.history[found.best_epoch - 1]["validation"]
    assert best["bev-pedestrian-moderate"] > 0.95 and best["bev-cyclist-moderate"] > 0.95
    assert best["bev-car-moderate"] > 0.8
