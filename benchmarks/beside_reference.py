"""AlexNet on CIFAR-10 beside what the reference code's own outputs report, as a Markdown table.

    python benchmarks/beside_reference.py results [--experiment cifar-alexnet]

The reference code reads usability there as 1 - s, s the spread of a normal law fitted to the ratio of a
conductance to its mean, over the whole branch. Here levels have U = eta exp(-sigma), sigma the spread of
the ratio's logarithm. Rows are matched by relative spread: a log-normal ratio has s = sqrt(exp(sigma^2) - 1).
Ours is read off the straight line between the two levels whose sigma lies around that; it has the curve of
its level too, of which the reference has none. The reference reports the least of ten draws; here stand the
mean and the least of ten.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from codesign.nonideality.profile import read_profiles
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import read_table

REFERENCE = {
    0.407: (0.747, 0.780),
    0.363: (0.585, 0.744),
    0.337: (0.419, 0.718),
    0.310: (0.180, 0.598),
    0.228: (0.100, 0.426),
}
"""Its usability to accuracy with ERM and with BayesMulti, each the least of ten draws: its own outputs."""
METHODS = ("erm", "bayesmulti")


def scores_by_level(path: Path) -> dict[float, np.ndarray]:
    """Accuracies of all programmings, as programmed, by usability level."""
    rows = read_table(path, schema=EVALUATION).to_pylist()
    chosen = [
        row
        for row in rows
        if (row["stands_for"], row["calibration"], row["metric"]) == ("level", "none", "accuracy")
    ]
    levels = dict.fromkeys(row["level"] for row in chosen)
    return {level: np.array([row["value"] for row in chosen if row["level"] == level]) for level in levels}


def lines_of(results: Path, experiment: str) -> list[str]:
    """The table."""
    sigmas = {each.level: each.sigma for each in read_profiles(results / "profiles/levels.parquet")}
    ours = {
        method: scores_by_level(results / f"evaluation/{experiment}/{method}.parquet") for method in METHODS
    }
    levels = sorted(ours["erm"], key=sigmas.__getitem__)
    lines = [
        "| U there | s | ERM, BayesMulti there: least | U here | σ | ERM: mean, least | BayesMulti |",
        "|---|---|---|---|---|---|---|",
    ]
    along = [sigmas[level] for level in levels]
    for usability, there in REFERENCE.items():
        spread = 1 - usability
        sigma = float(np.sqrt(np.log1p(spread**2)))
        here = np.interp(sigma, along, levels)
        cells = [
            ", ".join(
                f"{np.interp(sigma, along, [of(found[level]) for level in levels]):.3f}"
                for of in (np.mean, np.min)
            )
            for found in (ours[method] for method in METHODS)
        ]
        reported = ", ".join(f"{value:.3f}" for value in there)
        row = (f"{usability:.3f}", f"{spread:.3f}", reported, f"{here:.2f}", f"{sigma:.3f}", *cells)
        lines.append(f"| {' | '.join(row)} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder with profiles and evaluation of a laboratory")
    parser.add_argument("--experiment", default="cifar-alexnet", help="whose networks are read")
    asked = parser.parse_args()
    print("\n".join(lines_of(asked.results, asked.experiment)))


if __name__ == "__main__":
    main()
