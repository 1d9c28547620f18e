"""Usability table as Markdown, best device first.

python benchmarks/devices_table.py results/usability.csv
"""

import argparse
import csv
from pathlib import Path

MADE = ("perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm", "contact")


def main() -> None:
    """Print one line a device."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", type=Path, help="usability.csv")
    with parser.parse_args().table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    heads = (
        "",
        "perovskite",
        "µm",
        "nm",
        "min Pb",
        "nm Ag",
        "contact",
        "U",
        "95 % interval",
        "F",
        "95 % interval",
    )
    print("| " + " | ".join((*heads, "η", "σ upper", "ref. U")) + " |")
    print("|---" * 14 + "|")
    for rank, row in enumerate(rows, start=1):
        made = " | ".join(row[k] for k in MADE)
        if row["status"] != "ok":
            print(f"| {rank} | {made} | {row['reason']} | | | | | | |")
            continue
        u, f = (
            f"{float(row[name]):.3f} | {float(row[f'{name}_low']):.3f}–{float(row[f'{name}_high']):.3f}"
            for name in ("usability", "fidelity")
        )
        reference = float(row["usability_reference"])
        factors = f"{float(row['eta']):.2f} | {float(row['sigma_upper']):.2f}"
        numbers = f"{u} | {f} | {factors} | {reference:.4f}"
        print(f"| {rank} | {made} | {numbers} |")


if __name__ == "__main__":
    main()
