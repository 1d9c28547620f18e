"""Write-verify on the simulated crossbar: how patience and budget tell, device by device.

    python benchmarks/write_verify.py [--arrays 5] [--usability 0.8 0.6] [--settings 4,60 10,100] [--stuck]

Arrays as `crossbar` in config.yaml has them, of cells that follow devices of config.yaml's virtual
laboratory (made here; nothing is read or written), without stuck cells unless asked for: those are wrong
whatever the settings are. Every cell gets a target of its own, uniform over the range; targets, cells and
noise of array k are the same for all settings. A row: the device, `patience` and `budget` of crossbar.write,
the share of cells within tolerance, the error of all cells (root mean square over the range), pulses a
cell, and the processor time of one programming. The whole takes a minute and a half of one core.
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

from codesign.crossbar.cells import CellSettings
from codesign.crossbar.driver import Limits
from codesign.crossbar.experiment import circuit_of, conductances, programmable, twin, writing
from codesign.crossbar.programming import write_verify
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.levels import choose_panel
from codesign.nonideality.profile import DeviceProfile, nearest_level
from codesign.nonideality.profiling import profile_of
from codesign.seeds import generator
from codesign.virtual_lab.devices import virtual_measurements
from codesign.virtual_lab.sweeps import VirtualLab

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text(encoding="utf-8"))
CROSSBAR, SEED = CONFIG["crossbar"], CONFIG["seed"]
SETTINGS = ((4, 60), (4, 100), (10, 60), (10, 100), (20, 100))
"""Patience and budget."""


def panel() -> list[DeviceProfile]:
    """The panel of config.yaml's virtual laboratory, those devices that the array can program."""
    sweeps = {k: v for k, v in CONFIG["virtual_lab"].items() if k not in ("devices", "landscape")}
    made = virtual_measurements(
        [f"virtual-{k:04d}" for k in range(1, CONFIG["virtual_lab"]["devices"] + 1)],
        space=CONFIG["fabrication"]["space"],
        start=CONFIG["fabrication"]["start"],
        lab=VirtualLab(**sweeps),
        landscape=CONFIG["virtual_lab"]["landscape"],
        seed=SEED,
    )
    how = Extraction(**CONFIG["extraction"])
    rows = [extract(one, how, generator(SEED, "bootstrap", one.metadata.device)) for one in made]
    chosen = choose_panel(rows, CONFIG["profiles"]["panel"])
    least = how.min_operative_fraction
    profiles = [profile_of(row, min_operative_fraction=least, level=level) for level, row in chosen]
    return programmable(profiles, crossbar=CROSSBAR)


def programmed(
    profile: DeviceProfile, *, patience: int, budget: int, arrays: int, stuck: bool
) -> dict[str, np.ndarray]:
    """Share of cells right, mean squared error, pulses a cell and processor time, one entry an array."""
    shape = (CROSSBAR["array"]["rows"], CROSSBAR["array"]["columns"])
    read = {"read_voltage_v": CROSSBAR["read_voltage_v"]}
    span = conductances(profile, **CROSSBAR["conductance"])
    write = writing(CROSSBAR["write"] | {"patience": patience, "budget": budget}, span=span, **read)
    cells = CellSettings(**CROSSBAR["cells"])
    if not stuck:
        cells = replace(cells, stuck_low=0.0, stuck_high=0.0)
    circuit = circuit_of(CROSSBAR["circuit"], span=span, sigma=profile.sigma, rows=shape[0], **read)
    found: dict[str, list[float]] = {name: [] for name in ("right", "square", "pulses", "seconds")}
    for array in range(1, arrays + 1):
        share = generator(SEED, "write-verify-targets", array).random(shape)
        targets = span.g_min_s + share * write.range_s
        driver = twin(
            profile, run=array, **CROSSBAR["array"], cells=cells, circuit=circuit,
            limits=Limits(**CROSSBAR["limits"]), span=span, seed=SEED,
        )  # fmt: skip
        began = time.process_time()
        with driver:
            report = write_verify(driver, targets, settings=write)
        found["seconds"].append(time.process_time() - began)
        found["right"].append(float(np.mean([cell.ok for cell in report.cells])))
        found["square"].append(float(np.mean(((report.reached - targets) / write.range_s) ** 2)))
        found["pulses"].append(report.pulses / targets.size)
    return {name: np.array(values) for name, values in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--arrays", type=int, default=5)
    parser.add_argument("--usability", type=float, nargs="+", default=[0.8, 0.6], help="levels of the panel")
    parser.add_argument("--settings", nargs="+", default=[f"{p},{b}" for p, b in SETTINGS], metavar="P,B")
    parser.add_argument("--stuck", action="store_true", help="with the stuck cells of config.yaml")
    given = parser.parse_args()
    devices = panel()
    print("| device | patience, budget | cells right | error, rms of the range | pulses a cell | time |")
    print("|---|---|---|---|---|---|")
    for level in given.usability:
        profile = nearest_level(devices, level)
        name = f"{profile.profile}, U = {profile.usability:.2f}, window of {profile.curve.size} points"
        for pair in given.settings:
            patience, budget = (int(part) for part in pair.split(","))
            found = programmed(
                profile, patience=patience, budget=budget, arrays=given.arrays, stuck=given.stuck
            )
            error = found["square"].mean() ** 0.5
            cells = f"{found['right'].mean():.1%} | {error:.3f} | {found['pulses'].mean():.1f}"
            seconds = found["seconds"].mean()
            print(f"| {name} | {patience}, {budget} | {cells} | {seconds:.2f} s |", flush=True)
            name = ""


if __name__ == "__main__":
    main()
