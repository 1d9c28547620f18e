"""Calibration after programming: what kinds and fits are worth, and what they take.

    python benchmarks/calibration.py [--experiments digits-mlp digits-lenet] [--method erm]

Trains the networks of config.yaml, ordinarily or under the fixed multinomial noise, programs them on
synthetic profiles along the trend of the 43 measured devices, and scores them on the test data. Beside the
kinds of `codesign.evaluation.calibration` stand two fits that `offset` does not use: channels brought to the
clean mean and standard deviation, and offsets without gains. Then the processor time of an evaluation job on
the levels of config.yaml, without calibration and with `offset`: median of five in turns.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import yaml

from codesign.bayesmulti.specification import method_spec
from codesign.configuration import experiments, shared_training
from codesign.evaluation import calibration as module
from codesign.evaluation.job import evaluate_networks, plan_of
from codesign.models.aims import PANEL, Aim
from codesign.models.weights import write_weights
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.job import train_experiment

LEVELS = (1.0, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
CONFIGURATION = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text(encoding="utf-8"))
NOISES = {
    "erm": {},
    "bayesmulti-fixed": dict(zip(("p_zero", "p_half"), CONFIGURATION["training"]["fixed"], strict=True)),
}


class Fitted(module._Channels):
    """Another fit in the place of least squares."""

    stretched = True

    def __call__(self, layer, inputs, output):
        """Fit at the first output, then correct."""
        if self.gain is None:
            found = module._Sample(output, self.axis)
            clean = self.clean.values
            widths = [each.deviation.square().mean(dim=0).sqrt() for each in (clean, found.values)]
            gain = torch.where(widths[1] > 0, widths[0] / widths[1], 0.0)
            gain = gain if self.stretched else torch.ones_like(gain)
            self.gain = gain.view(found.shape)
            self.offset = (clean.mean - gain * found.values.mean).view(found.shape)
        return super().__call__(layer, inputs, output)


class Shifted(Fitted):
    """An offset and no gain."""

    stretched = False


def trained(name: str, method: str, weights: Path) -> Experiment:
    """The experiment of config.yaml, its network trained into `weights`."""
    data = {
        "seed": CONFIGURATION["seed"],
        "validation_fraction": CONFIGURATION["training"]["validation_fraction"],
    }
    experiment = Experiment.make(name, experiments(CONFIGURATION)[name], data=data)
    layers = len(experiment.blank_network().activation_noise)
    spec = method_spec(method, NOISES[method], layers, site="activation")
    found = train_experiment(
        experiment, spec, shared=shared_training(CONFIGURATION), seed=CONFIGURATION["seed"]
    )
    write_weights(found.result.weights, weights, metadata={})
    return experiment


def rows(experiment: Experiment, method: str, weights: Path, levels, programmings: int, kinds) -> list[dict]:
    """Rows of an evaluation on these levels."""
    trend = Trend(0.14, 0.68, 43, "measured")
    profiles = synthetic_profiles(levels, trend, min_operative_fraction=0.35)
    plan = plan_of(
        experiment,
        method=method,
        stands_for="level",
        memsim=CONFIGURATION["memsim"],
        noises=["lognormal"],
        programmings=programmings,
        calibrations=kinds,
    )
    return evaluate_networks({Aim(PANEL): weights}, experiment, profiles, plan)[0]


def line(name: str, found: list[dict]) -> str:
    """Mean and standard deviation at each level."""
    cells = []
    for level in LEVELS:
        values = [row["value"] for row in found if row["level"] == level]
        cells.append(f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print a table an experiment, and the times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--experiments", nargs="+", default=["digits-mlp", "digits-lenet"])
    parser.add_argument("--method", choices=list(NOISES), default="erm")
    parser.add_argument("--programmings", type=int, default=10)
    given = parser.parse_args()
    use_threads(1)
    for name in given.experiments:
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "weights.safetensors"
            experiment = trained(name, given.method, weights)
            job = (experiment, given.method, weights)
            kinds = ("none", "scale", "offset", "statistics")
            found = rows(*job, LEVELS, given.programmings, kinds)
            print(f"\n{name}, {given.method}\n| U | {' | '.join(f'{level:g}' for level in LEVELS)} |")
            print("|---" * (len(LEVELS) + 1) + "|")
            for kind in kinds:
                mine = [row for row in found if row["calibration"] == kind]
                if mine:
                    print(line(kind, mine))
            for said, fit in (("mean and standard deviation", Fitted), ("offset without gain", Shifted)):
                with patch.object(module, "_Channels", fit):
                    print(line(said, rows(*job, LEVELS, given.programmings, ["offset"])))
            with patch.object(module, "PLACES", 1 << 30):
                print(line("offset, all places", rows(*job, LEVELS, given.programmings, ["offset"])))
            taken: dict[tuple, list[float]] = {("none",): [], ("none", "offset"): []}
            for _ in range(5):
                for kinds, seconds in taken.items():
                    before = time.process_time()
                    rows(*job, CONFIGURATION["profiles"]["synthetic"], given.programmings, kinds)
                    seconds.append(time.process_time() - before)
            bare, both = (statistics.median(seconds) for seconds in taken.values())
            print(f"levels: {bare:.2f} s without, {both:.2f} s with offset: {both / bare:.2f} times")


if __name__ == "__main__":
    main()
