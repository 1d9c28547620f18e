"""Scores at usability levels as a Markdown table, for docs/images.md.

python benchmarks/accuracy_table.py results/evaluation/mnist-mlp-summary.csv [--metric accuracy]
"""

import argparse
import csv
from pathlib import Path


def rows_of(path: Path, metric: str) -> list[dict]:
    """Rows of one metric without calibration: those at usability levels, and those on devices."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == metric]
    return [row for row in rows if row["calibration"] == "none"]


def level_table(rows: list[dict]) -> list[str]:
    """Mean ± standard deviation, a row a method; bold above ERM and italic below it, beyond the interval."""
    rows = [row for row in rows if row["stands_for"] == "level"]
    levels = sorted({float(row["level"]) for row in rows}, reverse=True)
    lines = ["| U | " + " | ".join(f"{level:g}" for level in levels) + " |", "|---" * (len(levels) + 1) + "|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        found = {float(row["level"]): row for row in rows if row["method"] == method}
        lines.append(f"| {method} | " + " | ".join(_cell(found[level]) for level in levels) + " |")
    return lines


def _cell(row: dict) -> str:
    text = f"{float(row['mean']):.3f} ± {float(row['std']):.3f}"
    if row["method"] == "erm" or not row["difference_low"]:
        return text
    low, high = float(row["difference_low"]), float(row["difference_high"])
    return f"**{text}**" if low > 0 else f"_{text}_" if high < 0 else text


def device_lines(rows: list[dict]) -> list[str]:
    """On the devices: mean, and how often a method is above or below ERM by more than the interval."""
    rows = [row for row in rows if row["stands_for"] == "device"]
    lines = ["| | noise | devices | mean | above ERM | below ERM |", "|---|---|---|---|---|---|"]
    for method, noise in dict.fromkeys((row["method"], row["noise"]) for row in rows):
        found = [row for row in rows if (row["method"], row["noise"]) == (method, noise)]
        mean = sum(float(row["mean"]) for row in found) / len(found)
        sure = [row for row in found if row["difference_low"]]
        above = sum(float(row["difference_low"]) > 0 for row in sure)
        below = sum(float(row["difference_high"]) < 0 for row in sure)
        lines.append(f"| {method} | {noise} | {len(found)} | {mean:.3f} | {above} | {below} |")
    return lines


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("summary", type=Path, help="results/evaluation/{experiment}-summary.csv")
    parser.add_argument("--metric", default="accuracy")
    given = parser.parse_args()
    rows = rows_of(given.summary, given.metric)
    print("\n".join([*level_table(rows), "", *device_lines(rows)]))


if __name__ == "__main__":
    main()
