"""Each network of a method at every usability level; an evaluation takes the one for the nearest fidelity.

    python benchmarks/networks_by_level.py EXPERIMENT METHOD --metric NAME --configfile config.yaml ...

After a run with `search.for: level`. Shows what a finer panel or another choice would change: a network that
would have done better at a level than the one taken there. Bold and italic are above and below ERM, as
evaluated, by more than the 95 % interval of the paired difference over programmings.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
import yaml
from snakemake.utils import update_config

from benchmarks.accuracy_table import level_table
from codesign.evaluation.job import evaluate_networks, plan_of
from codesign.evaluation.statistics import summarise
from codesign.models.family import read_family
from codesign.nonideality.profile import read_profiles
from codesign.tasks.experiment import Experiment, use_threads

ERM = "erm"


def main() -> None:
    """Print a table, a row a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("experiment", help="as the configuration calls it")
    parser.add_argument("method", help="with something to choose, e.g. bayesmulti")
    parser.add_argument("--metric", default="accuracy", help="one of the task's")
    parser.add_argument(
        "--configfile", type=Path, nargs="+", default=[Path("config.yaml")], help="of the run"
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="its folder")
    asked = parser.parse_args()
    use_threads(1)
    config: dict = {}
    for path in asked.configfile:
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    data = {"seed": config["seed"], "validation_fraction": config["training"]["validation_fraction"]}
    entry = config["experiments"][asked.experiment]
    experiment = Experiment.make(asked.experiment, entry, data=data, cache=asked.results / "datasets")
    profiles = read_profiles(asked.results / "profiles" / "levels.parquet")
    levels = {profile.profile: profile.level for profile in profiles}

    evaluated = pd.read_parquet(asked.results / "evaluation" / asked.experiment / f"{ERM}.parquet")
    evaluated = evaluated[(evaluated.stands_for == "level") & (evaluated.calibration == "none")]
    rows = evaluated[(evaluated.metric == asked.metric) & (evaluated.repeat == 1)].to_dict("records")
    spec = asked.results / "models" / asked.experiment / asked.method / "repeat-1" / "spec.json"
    family = read_family(spec, experiment=asked.experiment, method=asked.method, repeat=1)
    plan = plan_of(
        experiment,
        method=asked.method,
        stands_for="level",
        memsim=config["memsim"],
        noises=["lognormal"],
        programmings=config["evaluation"]["programmings"],
    )
    seen: dict[bytes, str] = {}
    for aim, weights in family.items():
        called = seen.setdefault(weights.read_bytes(), f"for {aim.name}")
        if called != f"for {aim.name}":
            print(f"{aim.name}: the network {called}")
            continue
        scored, _ = evaluate_networks({aim: weights}, experiment, profiles, plan)
        rows += [row | {"method": called} for row in scored if row["metric"] == asked.metric]
    for row in rows:  # the network differs, not what is compared
        row["aim"] = None
    found = summarise(
        rows,
        baseline=ERM,
        resamples=config["evaluation"]["resamples"],
        confidence=config["evaluation"]["confidence"],
        seed=config["seed"],
    )
    print("\n".join(level_table([row | {"level": levels[row["profile"]]} for row in found])))


if __name__ == "__main__":
    main()
