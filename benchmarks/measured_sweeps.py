"""What measured sweeps look like: the figures behind the constants of the virtual laboratory.

    python benchmarks/measured_sweeps.py FOLDER [--devices FILE.csv]
    python benchmarks/measured_sweeps.py --virtual 200

FOLDER holds workbooks; `--virtual N` describes N devices of the virtual laboratory in the
same way. Prints quantiles over devices, at the extraction of config.yaml.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import yaml

from codesign.iv.importers import import_file
from codesign.iv.measurement import Measurement
from codesign.iv.names import device_id
from codesign.iv.programme import rounding_of
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.tables import write_csv
from codesign.virtual_lab.devices import virtual_measurements
from codesign.virtual_lab.sweeps import VirtualLab

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
LAGS = (1, 2, 5, 10)
LOW_RANGE_A = 1e-4
"""The ammeter changes its range with the limit; devices below are limited at 10 or 27 uA."""
SMALLEST = 200
"""Distinct currents from which the ammeter's step is read."""
QUANTILES = (0, 10, 25, 50, 75, 90, 100)


def describe(measurement: Measurement) -> dict:
    """One device: a value a quantity, NaN where the sweep does not show it."""
    how = Extraction(**CONFIG["extraction"])
    row = extract(measurement, how, np.random.default_rng(1))
    _, voltage, current = measurement.grid()
    mean_voltage = np.nanmean(voltage, axis=0)
    top = int(np.argmax(mean_voltage > mean_voltage.max() - rounding_of(mean_voltage)))
    up = np.flatnonzero(mean_voltage[: top + 1] > 0)
    back = np.flatnonzero((mean_voltage > 0) & (np.arange(mean_voltage.size) > top))
    level = row["compliance_level_a"] or np.inf
    limited = current >= how.compliance_fraction * level
    reached = limited[:, up].any(axis=1)
    return {
        "cycles": row["cycles"],
        "branch points": row["branch_points"],
        "dropped cycles, share": 1 - row["cycles_used"] / row["cycles"],
        "open cycles, share": row["cycles_open"] / row["cycles"],
        "sigma": row["sigma"],
        "autocorrelation, points": row["autocorrelation_points"],
        **_correlation(row, voltage[:, up], current[:, up], limited[:, up]),
        "usable share of the branch": row["usable_points"] / row["branch_points"],
        # median over cycles of the share of the branch before the source limits
        "V_set / Vmax": float(np.median(np.where(reached, limited[:, up].argmax(axis=1), up.size) / up.size)),
        "V where the way back leaves compliance / Vmax": _leaves(mean_voltage, limited, back, reached),
        **_curve(row),
        "scatter of the limit, relative": _scatter_at_limit(current, limited, level),
        **_floor(current, up),
    }


def _correlation(row: dict, voltage, current, limited) -> dict:
    """Correlation of ln(G / mean) along the sweep at a few lags, pooled over cycles."""
    dropped = {part.split(":")[0] for part in row["cycles_dropped"].split("; ")}
    mean = np.array([np.nan if g is None else g for g in row["conductance_s"]])
    sample = np.isfinite(current) & (current > 0) & ~limited & np.array(row["usable"])
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(sample, np.log(current / voltage / mean), np.nan)
    x = x[[str(k) not in dropped for k in range(1, len(x) + 1)]]
    x = x - np.nanmean(x)
    whole = np.nanmean(x * x)
    return {f"correlation at lag {lag}": float(np.nanmean(x[:, lag:] * x[:, :-lag]) / whole) for lag in LAGS}


def _leaves(mean_voltage, limited, back, reached) -> float:
    """Share of Vmax, median over cycles that were in compliance at Vmax."""
    if not back.size or not reached.any():
        return np.nan
    held = limited[reached][:, back]
    held = held[held[:, 0]]
    free = np.where(held.all(axis=1), back.size - 1, (~held).argmax(axis=1))
    return float(np.median(mean_voltage[back][free])) / mean_voltage.max() if held.size else np.nan


def _curve(row: dict) -> dict:
    """Gain and steps back of the mean curve over usable points."""
    mean = np.array([np.nan if g is None else g for g in row["conductance_s"]])
    log_g = np.log(mean[np.array(row["usable"])])
    steps = np.diff(log_g)
    return {
        "decades between least and largest mean G": float(np.ptp(log_g) / np.log(10)),
        "decades from first to last usable point": float((log_g[-1] - log_g[0]) / np.log(10)),
        "share of steps back": float(np.mean(steps < 0)),
        "median step back of ln G": float(-np.median(steps[steps < 0])) if (steps < 0).any() else np.nan,
    }


def _scatter_at_limit(current, limited, level) -> float:
    # without the first and the last limited sample, which may still rise or fall
    held = np.where(limited & np.roll(limited, 1, axis=1) & np.roll(limited, -1, axis=1), current, np.nan)
    return float(np.nanmedian(np.nanstd(held, axis=1)) / level) if np.isfinite(held).any() else np.nan


def _floor(current, up) -> dict:
    """Smallest currents, by the range of the ammeter; NaN in the other range."""
    sizes = np.unique(np.abs(current[np.isfinite(current) & (current != 0)]))
    # second differences of three neighbours: what is left of a line through them
    first = current[:, up[:5]]
    rough = (first[:, 2:] - 2 * first[:, 1:-1] + first[:, :-2]) / np.sqrt(6)
    found = {
        "step of the ammeter [A]": float(np.median(np.diff(sizes[:SMALLEST]))),
        "scatter from sample to sample, 5 lowest V [A]": float(1.4826 * np.nanmedian(np.abs(rough))),
        "median |I| at the lowest V [A]": float(np.nanmedian(np.abs(current[:, up[0]]))),
    }
    low = sizes[-1] < LOW_RANGE_A
    return {
        f"{name}, currents {side} 0.1 mA": value if here else np.nan
        for side, here in (("below", low), ("above", not low))
        for name, value in found.items()
    }


def _measured(folder: Path) -> Iterator[Measurement]:
    for path in sorted(folder.glob("*.xlsx")):
        yield import_file(path, device=device_id(path.name))


def _virtual(count: int) -> Iterator[Measurement]:
    lab = {k: v for k, v in CONFIG["virtual_lab"].items() if k not in ("devices", "landscape")}
    yield from virtual_measurements(
        [f"virtual-{k:04d}" for k in range(count)],
        space=CONFIG["fabrication"]["space"],
        start=CONFIG["fabrication"]["start"],
        lab=VirtualLab(**lab),
        landscape=CONFIG["virtual_lab"]["landscape"],
        seed=CONFIG["seed"],
    )


def main() -> None:
    """Print a Markdown table of quantiles; write the devices as CSV where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of workbooks")
    parser.add_argument("--virtual", type=int, help="describe this many virtual devices instead")
    parser.add_argument("--devices", type=Path, help="CSV file for one row a device")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # means over columns that hold nothing
    if (chosen.folder is None) == (chosen.virtual is None):
        parser.error("give a folder of workbooks or --virtual N")
    measured = _virtual(chosen.virtual) if chosen.virtual else _measured(chosen.folder)
    rows = [{"device": m.metadata.device, **describe(m)} for m in measured]
    print(f"{len(rows)} devices; quantiles in %\n")
    print("| quantity | n | " + " | ".join(map(str, QUANTILES)) + " |\n|" + "---|" * (len(QUANTILES) + 2))
    for quantity in list(rows[0])[1:]:
        values = np.array([row[quantity] for row in rows], dtype=float)
        values = values[np.isfinite(values)]
        if not values.size:
            continue
        cells = " | ".join(f"{v:.3g}" for v in np.quantile(values, np.array(QUANTILES) / 100))
        print(f"| {quantity} | {values.size} | {cells} |")
    if chosen.devices:
        write_csv(rows, chosen.devices)


if __name__ == "__main__":
    main()
