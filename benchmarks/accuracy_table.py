"""Scores at usability levels as a Markdown table, for docs/images.md.

python benchmarks/accuracy_table.py results/evaluation/mnist-mlp-summary.csv [--claim bayesmulti]
python benchmarks/accuracy_table.py results/evaluation/driving-analog.csv --metric bev-moderate --analog all

With --claim, a table of where that method is held against ERM: nowhere below it by more than the interval,
and above it by more than the interval wherever ERM has lost more than 0.02 of its clean score and is more
than 0.02 above chance.
"""

import argparse
import csv
from pathlib import Path


def rows_of(path: Path, metric: str, *, calibration: str = "none", analog: str | None = None) -> list[dict]:
    """Rows of one metric and calibration: those at usability levels, and those on devices.

    `analog` picks what lies on memristors in a file `{experiment}-analog.csv`, which has rows of each.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == metric]
    found = [row for row in rows if row["calibration"] == calibration and row.get("analog") == analog]
    if not found:
        there = {key: sorted({row[key] for row in rows if key in row}) for key in ("calibration", "analog")}
        raise SystemExit(
            f"{path}: no row of {metric}, {calibration}, {analog}; of {metric} there are {there}"
        )
    return found


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
    if not rows:
        return []
    lines = ["| | noise | devices | mean | above ERM | below ERM |", "|---|---|---|---|---|---|"]
    for method, noise in dict.fromkeys((row["method"], row["noise"]) for row in rows):
        found = [row for row in rows if (row["method"], row["noise"]) == (method, noise)]
        mean = sum(float(row["mean"]) for row in found) / len(found)
        sure = [row for row in found if row["difference_low"]]
        above = sum(float(row["difference_low"]) > 0 for row in sure)
        below = sum(float(row["difference_high"]) < 0 for row in sure)
        lines.append(f"| {method} | {noise} | {len(found)} | {mean:.3f} | {above} | {below} |")
    return lines


LOST = 0.02
"""What ERM must have lost, and must be above chance by, where a method should be above it."""


def share_lines(rows: list[dict]) -> list[str]:
    """Share of the variance of a score that lies between trainings, a row a method."""
    rows = [row for row in rows if row["stands_for"] == "level"]
    levels = sorted({float(row["level"]) for row in rows}, reverse=True)
    lines = ["| U | " + " | ".join(f"{level:g}" for level in levels) + " |", "|---" * (len(levels) + 1) + "|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        found = {float(row["level"]): row["training_share"] for row in rows if row["method"] == method}
        told = [f"{float(found[level]):.2f}" if found[level] else "" for level in levels]
        lines.append(f"| {method} | " + " | ".join(told) + " |")
    return lines


def claim_lines(rows: list[dict], method: str, *, chance: float) -> list[str]:
    """Where the method is held against ERM, on levels and on devices, a row each."""
    erm = {_place(row): float(row["mean"]) for row in rows if row["method"] == "erm"}
    clean = max(value for (kind, _, _), value in erm.items() if kind == "level")
    lines = [
        f"| {method} against ERM | points | below, beyond the interval | where ERM lost | of them above |",
        "|---|---|---|---|---|",
    ]
    for kind in ("level", "device"):
        mine = [row for row in rows if row["method"] == method and row["stands_for"] == kind]
        mine = [row for row in mine if row["difference_low"]]
        below = [row for row in mine if float(row["difference_high"]) < 0]
        lost = [row for row in mine if erm[_place(row)] < clean - LOST and erm[_place(row)] > chance + LOST]
        above = [row for row in lost if float(row["difference_low"]) > 0]
        lines.append(f"| {kind}s | {len(mine)} | {len(below)} | {len(lost)} | {len(above)} |")
        for row in (*below, *(row for row in lost if row not in above)):
            what = "below" if row in below else "not above"
            lines.append(
                f"| {what}: {row['profile']}, F = {float(row['fidelity']):.3f} | | "
                f"{float(row['difference']):+.4f} ({float(row['difference_low']):+.4f} to "
                f"{float(row['difference_high']):+.4f}) | ERM {erm[_place(row)]:.3f} | |"
            )
    return lines


def _place(row: dict) -> tuple[str, str, str]:
    return row["stands_for"], row["profile"], row["noise"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("summary", type=Path, help="results/evaluation/{experiment}-summary.csv")
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--calibration", default="none", help="none, or one that the run has made")
    parser.add_argument("--analog", help="of {experiment}-analog.csv: what is on memristors, weights or all")
    parser.add_argument("--claim", help="the method that is held against ERM")
    parser.add_argument(
        "--chance", type=float, default=0.1, help="score of a network that has learnt nothing"
    )
    given = parser.parse_args()
    rows = rows_of(given.summary, given.metric, calibration=given.calibration, analog=given.analog)
    print("\n".join([*level_table(rows), "", *device_lines(rows), "", *share_lines(rows)]))
    if given.claim:
        print("\n".join(["", *claim_lines(rows, given.claim, chance=given.chance)]))


if __name__ == "__main__":
    main()
