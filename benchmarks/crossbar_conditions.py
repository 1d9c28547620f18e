"""Accuracy of the crossbar's networks on simulated arrays that are better and worse than the configured one.

    snakemake --cores 2 crossbar
    python benchmarks/crossbar_conditions.py [--runs 10] [--lab results/virtual_lab]

Takes the trained networks and the panel of that run and changes one thing at a time. Each line of the
table: mean accuracy in software and on the array over runs, and the mean drop with its standard error, of
networks as they are programmed and after each calibration.
"""

import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CONDITIONS = {
    "as configured": {},
    "no stuck cells": {"cells.stuck_low": 0.0, "cells.stuck_high": 0.0},
    "5 + 5 % stuck": {"cells.stuck_low": 0.05, "cells.stuck_high": 0.05},
    "device of F = 0.55": {"level": 0.55},
    "tolerance 20 %": {"write.tolerance": 0.2},
    "read noise 10 %": {"cells.read_noise": 0.1, "write.tolerance": 0.2},
    "tolerance 50 %, 12 pulses": {"write.tolerance": 0.5, "write.budget": 12},
}
"""Condition to what it changes in section `crossbar`."""


def changed(crossbar: dict, changes: dict) -> dict:
    """The section with nested keys changed."""
    found = copy.deepcopy(crossbar)
    for place, value in changes.items():
        *above, last = place.split(".")
        section = found
        for name in above:
            section = section[name]
        section[last] = value
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--lab", type=Path, default=Path("results/virtual_lab"))
    parser.add_argument("--only", nargs="*", default=list(CONDITIONS))
    given = parser.parse_args()

    from codesign.configuration import experiments
    from codesign.crossbar.experiment import calibration_examples, programmable, simulate
    from codesign.crossbar.networks import network_with, read_runs
    from codesign.nonideality.profile import nearest_level, read_profiles
    from codesign.tasks.experiment import Experiment, use_threads

    use_threads(1)
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    on_array = config["crossbar"]["experiment"]
    data = {"seed": config["seed"], "validation_fraction": config["training"]["validation_fraction"]}
    experiment = Experiment.make(on_array, experiments(config)[on_array], data=data)
    (test,) = experiment.examples("test")
    profiles = read_profiles(given.lab / "profiles/panel.parquet")
    calibrating = calibration_examples(experiment, config["crossbar"])
    print("| condition | method | calibration | software | array | drop |\n|---|---|---|---|---|---|")
    for name in given.only:
        crossbar = changed(config["crossbar"], CONDITIONS[name])
        profile = nearest_level(programmable(profiles, crossbar=crossbar), crossbar["level"])
        for method in crossbar["methods"]:
            began = time.process_time()
            weights = read_runs(given.lab / f"crossbar/{method}/networks.safetensors")[0]
            networks = {run: network_with(experiment, weights[run]) for run in weights if run <= given.runs}
            rows = list(
                simulate(
                    networks,
                    test,
                    profile=profile,
                    crossbar=crossbar,
                    task=experiment.definition,
                    method=method,
                    seed=config["seed"],
                    calibrating=calibrating,
                )
            )
            for calibration in config["crossbar"]["calibrations"]:
                mine = [row for row in rows if row["calibration"] == calibration]
                software, array = (
                    np.array([row[f"{kind}_accuracy"] for row in mine]) for kind in ("software", "array")
                )
                drop = software - array
                error = drop.std(ddof=1) / len(drop) ** 0.5
                scores = f"{software.mean():.3f} | {array.mean():.3f} | {drop.mean():.3f} ± {error:.3f}"
                print(f"| {name} | {method} | {calibration} | {scores} |", flush=True)
            print(f"{time.process_time() - began:.1f} s processor time", file=sys.stderr)


if __name__ == "__main__":
    main()
