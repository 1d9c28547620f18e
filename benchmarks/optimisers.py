"""This project's search against established optimisers, on the virtual laboratory's landscapes.

    python benchmarks/optimisers.py --out results/benchmarks/optimisers.csv

Every optimiser makes the same first device (the paper's), sees the same noisy
usabilities and searches the same landscapes. With `--design 6` all of them also
make five space-filling devices first, so that only what follows is compared; this
project too, whose own first devices are two. `--landscapes edge` are those of the
same laboratory whose optimum lies at the end of the range of two variables or more,
`deceptive` those with a hill of 0.4 or more far from it. Needs
benchmarks/requirements.txt; an optimiser that is not installed is left out and said so.
"""

import argparse
import csv
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import yaml
from scipy.stats import t as student

from codesign.fabrication.campaign import run_campaign
from codesign.fabrication.choice import spread_choice
from codesign.fabrication.encoding import Encoding
from codesign.fabrication.search import Search
from codesign.fabrication.space import NUMERIC, Space, key_of
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.seeds import generator
from codesign.tables import write_csv
from codesign.variables import Variables
from codesign.virtual_lab.landscape import Landscape


def first_devices(space, search, count):
    """The start and the space-filling devices after it, `count` in all."""
    encoding = Encoding(search.encoding, space.levels)
    grid = space.grid()
    points = encoding(grid)
    start = [key_of(condition) for condition in grid].index(key_of(search.start))
    made = np.arange(len(grid)) == start
    more = spread_choice(points, points[made], made, count - 1, numeric=encoding.numeric)
    return [grid[index] for index in (start, *more)]


def coded(condition, space):
    """Level indices in place of numbers."""
    return {
        n: condition[n] if n == "perovskite" else list(space.levels[n]).index(condition[n])
        for n in CONDITION_COLUMNS
    }


def with_project(space, search, laboratory, evaluations, seed, first):
    """This project's surrogate and acquisition; its own first devices unless more are given."""
    if len(first) > 1:
        search = replace(search, space_filling=len(first))
    rows = run_campaign(
        "bayesian", space, search, laboratory, evaluations=evaluations, rng=np.random.default_rng(seed)
    )
    return [{name: row[name] for name in CONDITION_COLUMNS} for row in rows]


def with_random(space, search, laboratory, evaluations, seed, first):
    """Uniform over the grid, without repetition."""
    grid = space.grid()
    made = {key_of(condition) for condition in first}
    left = [condition for condition in grid if key_of(condition) not in made]
    picks = np.random.default_rng(seed).choice(len(left), evaluations - len(first), replace=False)
    return [*first, *(left[k] for k in picks)]


def with_optuna(space, search, laboratory, evaluations, seed, first):
    """Tree-structured Parzen estimator, levels as categories for the perovskite and indices for numbers."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True)
    )
    for condition in first:
        study.enqueue_trial(coded(condition, space))
    made = []

    def objective(trial):
        condition = {"perovskite": trial.suggest_categorical("perovskite", list(space.levels["perovskite"]))}
        for name in NUMERIC:
            condition[name] = space.levels[name][trial.suggest_int(name, 0, len(space.levels[name]) - 1)]
        made.append(condition)
        return laboratory(len(made), condition)[0]

    study.optimize(objective, n_trials=evaluations)
    return made


def with_bayes_opt(space, search, laboratory, evaluations, seed, first):
    """bayesian-optimization: a Gaussian process over level indices, the perovskite a category."""
    from bayes_opt import BayesianOptimization
    from bayes_opt.acquisition import ExpectedImprovement

    bounds = {"perovskite": list(space.levels["perovskite"])}
    bounds |= {name: (0, len(space.levels[name]) - 1, int) for name in NUMERIC}
    optimiser = BayesianOptimization(
        f=None, pbounds=bounds, acquisition_function=ExpectedImprovement(xi=0.01), verbose=0,
        allow_duplicate_points=True, random_state=seed,
    )  # fmt: skip
    made = []
    for number in range(evaluations):
        if number < len(first):
            condition = dict(first[number])
        else:
            point = optimiser.suggest()
            condition = {
                n: point[n] if n == "perovskite" else space.levels[n][round(float(point[n]))]
                for n in CONDITION_COLUMNS
            }
        value, _ = laboratory(number + 1, condition)
        made.append(condition)
        optimiser.register(params=coded(condition, space), target=value)
    return made


def with_baybe(space, search, laboratory, evaluations, seed, first):
    """BayBE's default recommender on the discrete space, one device at a time."""
    import pandas as pd
    from baybe import Campaign
    from baybe.parameters import CategoricalParameter, NumericalDiscreteParameter
    from baybe.searchspace import SearchSpace
    from baybe.targets import NumericalTarget
    from baybe.utils.random import set_random_seed

    set_random_seed(seed)
    parameters = [CategoricalParameter("perovskite", list(space.levels["perovskite"]))]
    parameters += [
        NumericalDiscreteParameter(name, [float(v) for v in space.levels[name]]) for name in NUMERIC
    ]
    campaign = Campaign(SearchSpace.from_product(parameters), NumericalTarget("usability").to_objective())
    made = []
    for number in range(evaluations):
        if number < len(first):
            condition = {n: first[number][n] for n in CONDITION_COLUMNS}
            condition |= {n: float(condition[n]) for n in NUMERIC}
        else:
            condition = campaign.recommend(1).iloc[0][list(CONDITION_COLUMNS)].to_dict()
        value, _ = laboratory(number + 1, condition)
        made.append(condition)
        campaign.add_measurements(pd.DataFrame([{**condition, "usability": value}]))
    return made


OPTIMISERS = {
    "this project": with_project,
    "BayBE": with_baybe,
    "bayes_opt": with_bayes_opt,
    "Optuna TPE": with_optuna,
    "random": with_random,
}


def at_edge(landscape, condition, place):
    """Whether the best condition lies at the end of the range of two variables or more."""
    levels = landscape.space
    return sum(condition[name] in (min(levels[name]), max(levels[name])) for name in NUMERIC) >= 2


def deceptive(landscape, condition, place):
    """Whether a hill of 0.4 or more lies 0.6 or more of the unit cube away from the best condition."""
    centre, height = landscape.terms["hill"]
    return height >= 0.4 and np.linalg.norm(place - centre) >= 0.6


KINDS = {"all": lambda *_: True, "edge": at_edge, "deceptive": deceptive}


def landscapes_of(kind, space, start, seed, count):
    """The first `count` landscapes of a kind, each with its number among all that are drawn."""
    encoding = Encoding("onehot", space.levels)
    number = 0
    while count:
        landscape = Landscape.draw(space.levels, generator(seed, "landscape", number), start)
        best = landscape.optimum()[0]
        if KINDS[kind](landscape, best, encoding([best])[0][encoding.numeric]):
            yield number, landscape
            count -= 1
        number += 1


def search_landscapes(names, space, search, *, repeats, evaluations, noise, seed, first, kind="all"):
    """Yield one row an evaluation: optimiser, repeat, evaluation, hidden usability, best so far, optimum."""
    found = landscapes_of(kind, space, search.start, seed, repeats)
    for done, (repeat, landscape) in enumerate(found, start=1):
        optimum = landscape.optimum()[1]
        for name in names:

            def laboratory(evaluation, condition, repeat=repeat, landscape=landscape):
                draw = generator(seed, "noise", repeat, repr(key_of(condition))).standard_normal()
                return float(landscape.usability([condition])[0] + noise * draw), noise

            try:
                made = OPTIMISERS[name](space, search, laboratory, evaluations, repeat + 1, first)
            except ImportError as missing:
                if done == 1:
                    print(f"{name} left out: {missing}", file=sys.stderr)
                continue
            hidden = landscape.usability(made)
            for k, (value, best) in enumerate(
                zip(hidden, np.maximum.accumulate(hidden), strict=True), start=1
            ):
                yield {
                    "optimiser": name,
                    "repeat": repeat,
                    "evaluation": k,
                    "usability_hidden": float(value),
                    "best_hidden": float(best),
                    "optimum": optimum,
                }
        print(f"landscape {done} of {repeats}", file=sys.stderr, flush=True)


def summarise(rows, *, at=(12, 24), levels=(0.95, 0.99)):
    """A row an optimiser: mean regret with standard error, evaluations needed to each level."""
    found: dict[str, dict[int, list]] = {}
    for row in rows:
        found.setdefault(row["optimiser"], {}).setdefault(int(row["repeat"]), []).append(row)
    table = []
    for name, searches in found.items():
        best = np.array([[float(r["best_hidden"]) for r in search] for search in searches.values()])
        optimum = np.array([float(search[0]["optimum"]) for search in searches.values()])[:, None]
        line = {"optimiser": name, "repeats": len(best)}
        for evaluation in (e for e in at if e <= best.shape[1]):
            regret = (optimum - best)[:, evaluation - 1]
            error = float(regret.std(ddof=1) / np.sqrt(len(regret))) if len(regret) > 1 else float("nan")
            line |= {f"regret_{evaluation}": float(regret.mean()), f"regret_{evaluation}_se": error}
        for level in levels:
            there = best >= level * optimum
            needed = np.where(there.any(axis=1), there.argmax(axis=1) + 1, np.inf)
            line[f"median_to_{round(100 * level)}"] = float(np.median(needed))
            line[f"reached_{round(100 * level)}"] = float(np.isfinite(needed).mean())
        table.append(line)
    return table


def compare(rows, reference, *, at=(12, 24)):
    """A line an optimiser: difference of regret to the reference's on the landscapes that both searched."""
    best: dict[str, dict[int, dict[int, float]]] = {}
    for row in rows:
        of = best.setdefault(row["optimiser"], {}).setdefault(int(row["repeat"]), {})
        of[int(row["evaluation"])] = float(row["best_hidden"])
    for name, searches in best.items():
        both = sorted(set(searches) & set(best[reference]))
        if name == reference or len(both) < 2:
            continue
        line = f"{name} less {reference}, {len(both)} landscapes:"
        for evaluation in at:
            gained = [best[reference][r][evaluation] - searches[r][evaluation] for r in both]
            half = student.ppf(0.975, len(both) - 1) * np.std(gained, ddof=1) / np.sqrt(len(both))
            line += f"  after {evaluation} {np.mean(gained):+.3f} ± {half:.3f} (95 %)"
        yield line


def main() -> None:
    """Run the optimisers on the landscapes; print the comparison, write every evaluation."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=20, help="landscapes (default 20)")
    parser.add_argument("--evaluations", type=int, default=24, help="devices a search makes (default 24)")
    parser.add_argument("--noise", type=float, default=0.03, help="standard deviation of a usability (0.03)")
    parser.add_argument("--seed", type=int, default=5000, help="root seed of landscapes and noise (5000)")
    parser.add_argument(
        "--design",
        type=int,
        default=1,
        help="space-filling devices that all optimisers make first (1: the start)",
    )
    parser.add_argument("--landscapes", choices=list(KINDS), default="all", help="of which kind (all)")
    parser.add_argument("--against", help="paired differences of regret to this optimiser's")
    parser.add_argument("--only", nargs="*", choices=list(OPTIMISERS), help="these optimisers alone")
    parser.add_argument("--join", nargs="*", type=Path, default=[], help="CSV files of earlier runs to add")
    parser.add_argument("--out", type=Path, help="CSV file, a row an evaluation")
    chosen = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    settings = dict(yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())["fabrication"])
    space = Space(settings.pop("space"), settings.pop("exclude"), Variables.of(settings.pop("variables")))
    search = Search(**settings)
    rows = list(
        search_landscapes(
            list(OPTIMISERS) if chosen.only is None else chosen.only,
            space,
            search,
            repeats=chosen.repeats,
            evaluations=chosen.evaluations,
            noise=chosen.noise,
            seed=chosen.seed,
            first=first_devices(space, search, chosen.design),
            kind=chosen.landscapes,
        )
    )
    for path in chosen.join:
        with path.open(newline="", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))
    for line in summarise(rows):
        print("  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{v}" for k, v in line.items()))
    if chosen.against:
        for line in compare(rows, chosen.against):
            print(line)
    if chosen.out:
        write_csv(rows, chosen.out)


if __name__ == "__main__":
    main()
