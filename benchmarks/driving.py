"""Driving on generated scenes: average precision against scenes and epochs, without noise.

    python benchmarks/driving.py [--scenes 800] [--epochs 18] [--batch 2] [--cache FOLDER]

Trains the network of config.driving.yaml without noise, with another number of scenes, epochs or scenes a
step where asked, and says what each epoch scores on validation scenes; then what the network of the best one
scores on the test scenes, and the processor time of a scene in training and of the test scenes in an
evaluation.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml
from snakemake.utils import update_config

from codesign.bayesmulti.noise import PLAIN
from codesign.configuration import shared_training
from codesign.evaluation.montecarlo import ScoredNetwork
from codesign.tasks.driving.precision import CLASSES
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.job import train_experiment

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("bev-moderate", *(f"{view}-{name}-moderate" for view in ("bev", "3d") for name in CLASSES))


def configuration() -> dict:
    """config.yaml with the overlay on top."""
    config: dict = {}
    for name in ("config.yaml", "config.driving.yaml"):
        update_config(config, yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))
    return config


def said(scores: dict) -> str:
    """Some of the metrics, in hundredths."""
    return "  ".join(f"{name.removesuffix('-moderate')} {100 * scores[name]:.0f}" for name in SHOWN)


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    config = configuration()
    entry = config["experiments"]["driving"]
    parser.add_argument("--scenes", type=int, default=entry["train_size"], help="to train on")
    parser.add_argument("--epochs", type=int, default=entry["epochs"], help="passes over them")
    parser.add_argument("--batch", type=int, default=entry["batch_size"], help="scenes a step")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "results" / "datasets", help="folder where scenes are kept"
    )
    asked = parser.parse_args()
    use_threads(1)
    entry = entry | {"train_size": asked.scenes, "epochs": asked.epochs, "batch_size": asked.batch}
    data = {"seed": config["seed"], "validation_fraction": config["training"]["validation_fraction"]}
    experiment = Experiment.make("driving", entry, data=data, cache=asked.cache)
    experiment.examples("train", "validation", "test")  # made and kept, so that training is timed alone
    start = time.process_time()
    trained = train_experiment(experiment, PLAIN, shared=shared_training(config), seed=config["seed"])
    spent = time.process_time() - start
    for epoch in trained.result.history:
        print(f"epoch {epoch['epoch']:2}  {said(epoch['validation'])}")
    network = trained.network
    network.module.eval()
    (test,) = experiment.examples("test")
    scored = ScoredNetwork(network, experiment.definition, test)
    start = time.process_time()
    found = scored.score().compute()
    seconds = time.process_time() - start
    print(
        f"test      {said(found)}  (epoch {trained.result.best_epoch}, {len(test)} scenes, {seconds:.2f} s)"
    )
    print(f"{1e3 * spent / asked.epochs / asked.scenes:.0f} ms a training scene, validation included")


if __name__ == "__main__":
    main()
