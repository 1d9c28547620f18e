"""Parts of the search's model left out, on landscapes of the virtual laboratory and on measured devices.

    python benchmarks/search_design.py landscapes --out results/benchmarks/search_design.csv
    python benchmarks/search_design.py devices results/usability.parquet
    python benchmarks/search_design.py cost results/usability.parquet

The first searches the same landscapes with each variant, from the same first devices, and prints mean regret
with the paired difference to the model as it is. The second predicts each measured device from all others,
and from the devices of other conditions, hyperparameters inferred again each time. The third times what a
batch of proposals takes after imports, the card left out.
"""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import yaml
from optimisers import KINDS, OPTIMISERS, compare, first_devices, search_landscapes, summarise, with_project

from codesign.bayesopt.levels import Prior
from codesign.fabrication.choice import choose_batch
from codesign.fabrication.encoding import Encoding
from codesign.fabrication.model import view_of
from codesign.fabrication.observations import read_observations
from codesign.fabrication.propose import Grid, propose
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.schemas.device import DEVICE
from codesign.seeds import generator
from codesign.tables import read_table, write_csv
from codesign.variables import Variables

VARIANTS = {
    "as it is": Prior(),
    "no bowl": Prior(slope=(0.0, 0.0), tilt_variance=0.0),
    "its centre in the middle": Prior(tilt_variance=0.0),
    "no compound offset": Prior(offset_variance=0.0),
    "independent lengthscales": Prior(log_lengthscale=(float(np.log(0.6)), 0.0, 1.0)),
}


def settings_of_search() -> tuple[Space, Search, int]:
    """Space, search and seed of config.yaml."""
    settings = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
    fabrication = dict(settings["fabrication"])
    return (
        Space(
            fabrication.pop("space"), fabrication.pop("exclude"), Variables.of(fabrication.pop("variables"))
        ),
        Search(**fabrication),
        settings["seed"],
    )


def landscapes(chosen) -> None:
    """Search landscapes with each variant."""
    space, search, _ = settings_of_search()
    OPTIMISERS.update({name: _with(VARIANTS[name]) for name in chosen.variants})
    every = []
    for kind in chosen.landscapes:
        began = time.process_time()
        rows = list(
            search_landscapes(
                chosen.variants, space, search, repeats=chosen.repeats, evaluations=24, noise=0.03,
                seed=chosen.seed, first=first_devices(space, search, 1), kind=kind,
            )
        )  # fmt: skip
        print(f"{kind}: {time.process_time() - began:.0f} s of processor time")
        for line in summarise(rows):
            print("  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{v}" for k, v in line.items()))
        for line in compare(rows, chosen.variants[0]):
            print(line)
        every += [row | {"landscapes": kind} for row in rows]
    if chosen.out:
        write_csv(every, chosen.out)


def _with(prior: Prior):
    def searched(space, search, laboratory, evaluations, seed, first):
        return with_project(space, replace(search, prior=prior), laboratory, evaluations, seed, first)

    return searched


def devices(chosen) -> None:
    """Predict measured devices with each variant."""
    space, search, seed = settings_of_search()
    table = read_table(chosen.usability, schema=DEVICE)
    for name in chosen.variants:
        card = propose(table, space, replace(search, prior=VARIANTS[name]), seed=seed).card
        for left_out in ("loo", "loo_condition"):
            found = card[left_out]
            holds = ", ".join(f"{level} %: {share:.2f}" for level, share in found["coverage"].items())
            print(
                f"{name}, {left_out}, n = {found['n']}: error {found['rmse']:.3f}, "
                f"log score {found['log_score']:+.3f}, holds {holds}"
            )


def cost(chosen) -> None:
    """Processor time of reading the table's rows, fitting and choosing a batch; the median of many times."""
    space, search, seed = settings_of_search()
    table = read_table(chosen.usability, schema=DEVICE)
    encoding = Encoding(search.encoding, space.levels, space.variables)
    times = []
    for _ in range(chosen.times):
        began = time.process_time()
        seen, _ = read_observations(table, encoding, space, reading=search.reading)
        grid = Grid.of(space, seen, search.pending)
        view = view_of(
            search.surrogate, search.encoding, space.levels, seen.conditions, varied=space.variables
        )
        surrogate = view.fit(view.encode(seen.conditions), seen.value, seen.std, generator(seed, "surrogate"))
        points = view.encode(grid.conditions)
        choose_batch(surrogate, points, grid.forbidden, search, search.batch, chance=grid.chance)
        times.append(time.process_time() - began)
    quick, middle, slow = np.quantile(times, [0.05, 0.5, 0.95])
    print(
        f"{search.batch} proposals after {len(seen)} devices: {1e3 * middle:.0f} ms of processor time "
        f"({1e3 * quick:.0f} ... {1e3 * slow:.0f} in nine of ten of {chosen.times})"
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    searched = commands.add_parser("landscapes")
    searched.add_argument("--landscapes", nargs="+", choices=list(KINDS), default=list(KINDS))
    searched.add_argument("--repeats", type=int, default=20, help="landscapes of a kind (20)")
    searched.add_argument("--seed", type=int, default=77, help="root seed of landscapes and noise (77)")
    searched.add_argument("--out", type=Path, help="CSV file, a row an evaluation")
    searched.set_defaults(run=landscapes)
    measured = commands.add_parser("devices")
    measured.add_argument("usability", type=Path, help="usability table of measured devices")
    measured.set_defaults(run=devices)
    timed = commands.add_parser("cost")
    timed.add_argument("usability", type=Path, help="usability table of measured devices")
    timed.add_argument("--times", type=int, default=100, help="repetitions (100)")
    timed.set_defaults(run=cost)
    for command in (searched, measured):
        command.add_argument(
            "--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), help="of the model (all)"
        )
    chosen = parser.parse_args()
    chosen.run(chosen)


if __name__ == "__main__":
    main()
