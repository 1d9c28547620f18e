"""What the extraction finds of the eta and sigma that the virtual laboratory put in.

    python benchmarks/virtual_lab_recovery.py [--devices 100] [--cycles 20] [--out FILE.csv]

The sweep and the extraction are those of config.yaml, without dead cycles.
`--landscapes N` describes N hidden landscapes instead.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import yaml

from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.usability import length_of, nonmonotonic_factor, usability_of
from codesign.seeds import generator
from codesign.tables import write_csv
from codesign.virtual_lab.landscape import Landscape
from codesign.virtual_lab.sweeps import VirtualLab, make_device

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
SPACE, START = CONFIG["fabrication"]["space"], CONFIG["fabrication"]["start"]
ETA = (0.3, 0.5, 0.7, 0.9, 1.0)
SIGMA = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.6)


def recovery(devices: int, cycles: int, seed: int) -> list[dict]:
    """One row a pair (eta, sigma): means over `devices` extracted devices."""
    how = Extraction(**CONFIG["extraction"])
    settings = {k: v for k, v in CONFIG["virtual_lab"].items() if k not in ("devices", "landscape")}
    lab = VirtualLab(**settings | {"cycles": cycles, "dead_cycle_fraction": 0.0})
    branch, least, drops = lab.points - 1, how.min_operative_fraction, how.tolerated_drops
    table = []
    for eta in ETA:
        window = length_of(eta, branch, min_operative_fraction=least)
        realised = float(nonmonotonic_factor(window, branch, min_operative_fraction=least))
        for sigma in SIGMA:
            rows = []
            for k in range(devices):
                made = make_device(
                    "virtual", START, window=window, sigma=sigma, tolerated_drops=drops, settings=lab,
                    rng=generator(seed, "device", eta, sigma, k), truth={},
                )  # fmt: skip
                rows.append(extract(made, how, generator(seed, "bootstrap", k)))
            found = {
                n: np.array([row[n] for row in rows])
                for n in ("lcis_length", "eta", "sigma", "sigma_upper", "usability")
            }
            hidden = usability_of(realised, sigma)
            table.append(
                {
                    "eta": realised,
                    "sigma": sigma,
                    "window_found": float(np.mean(np.abs(found["lcis_length"] - window) <= 1)),
                    "eta_bias": float(found["eta"].mean() - realised),
                    "eta_scatter": float(found["eta"].std(ddof=1)),
                    "sigma_bias": float(found["sigma"].mean() / sigma - 1),
                    "sigma_scatter": float(found["sigma"].std(ddof=1) / sigma),
                    "bound_above": float(np.mean(found["sigma_upper"] >= sigma)),
                    "usability": float(hidden),
                    "usability_found": float(found["usability"].mean()),
                    "usability_scatter": float(found["usability"].std(ddof=1)),
                }
            )
    return table


def landscapes(count: int, seed: int) -> list[dict]:
    """One row a quantity: its quantiles over `count` draws."""
    rows = []
    for k in range(count):
        landscape = Landscape.draw(SPACE, generator(seed, "landscape", k), START)
        conditions, values = landscape.grid()
        columns = [[c[name] == level for c in conditions] for name in SPACE for level in SPACE[name]]
        design = np.array(columns, dtype=float).T
        rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        rows.append(
            {
                "least": values.min(),
                "median": np.median(values),
                "optimum": values.max(),
                "start": landscape.usability([START])[0],
                "share within 5 %": np.mean(values >= 0.95 * values.max()),
                "share within 10 %": np.mean(values >= 0.9 * values.max()),
                "variance of interactions": rest.var() / values.var(),
            }
        )
    return [
        {
            "quantity": name,
            **{f"q{q}": float(np.quantile([r[name] for r in rows], q / 100)) for q in (0, 10, 50, 90, 100)},
        }
        for name in rows[0]
    ]


def main() -> None:
    """Print a Markdown table; write it as CSV where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--devices", type=int, default=100, help="devices a pair (default 100)")
    parser.add_argument("--cycles", type=int, default=20, help="cycles a device (default 20)")
    parser.add_argument("--landscapes", type=int, help="describe this many hidden landscapes instead")
    parser.add_argument("--seed", type=int, default=2412, help="root seed (default 2412)")
    parser.add_argument("--out", type=Path, help="CSV file for the table")
    chosen = parser.parse_args()
    start = time.perf_counter()
    if chosen.landscapes:
        table = landscapes(chosen.landscapes, chosen.seed)
    else:
        table = recovery(chosen.devices, chosen.cycles, chosen.seed)
    print("| " + " | ".join(table[0]) + " |\n|" + "---|" * len(table[0]))
    for row in table:
        cells = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values())
        print("| " + " | ".join(cells) + " |")
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    if chosen.out:
        write_csv(table, chosen.out)


if __name__ == "__main__":
    main()
