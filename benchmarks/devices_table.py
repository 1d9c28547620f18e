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
    print("| | perovskite | µm | nm | min Pb | nm Ag | contact | U | 95 % interval | η | σ upper | ref. U |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for rank, row in enumerate(rows, start=1):
        made = " | ".join(row[k] for k in MADE)
        if row["status"] != "ok":
            print(f"| {rank} | {made} | {row['reason']} | | | | |")
            continue
        u, low, high, eta, sigma = (
            float(row[k]) for k in ("usability", "usability_low", "usability_high", "eta", "sigma_upper")
        )
        reference = float(row["usability_reference"])
        numbers = f"{u:.3f} | {low:.3f}–{high:.3f} | {eta:.2f} | {sigma:.2f} | {reference:.4f}"
        print(f"| {rank} | {made} | {numbers} |")


if __name__ == "__main__":
    main()
