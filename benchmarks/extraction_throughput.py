"""Devices extracted a second, memory against their number, and the ratio to the reference code's method.

    python benchmarks/extraction_throughput.py [--workbooks FOLDER]

The library path is Parquet in, row out, with the bootstrap of config.yaml. The
reference code's method reads the workbook for every device, takes rows 1 to 100,
smooths with a Kalman filter whose observation noise is 0 (an identity), finds
the window and fits a normal law to the ratio.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import yaml

from codesign.iv.measurement import read_measurement, write_measurement
from codesign.iv.virtual_lab import VirtualLab
from codesign.nonideality.device import Extraction, extract
from codesign.nonideality.virtual import virtual_measurements
from codesign.tables import DEVICE, write_table

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())


def library_path(files: list[Path], folder: Path) -> float:
    """Seconds for Parquet in, row out."""
    how = Extraction(**CONFIG["extraction"])
    start = time.perf_counter()
    for path in files:
        row = extract(read_measurement(path), how, np.random.default_rng(1))
        write_table([row], folder / f"{path.stem}.row.parquet", schema=DEVICE)
    return time.perf_counter() - start


def reference_path(files: list[Path]) -> float:
    """Seconds for the reference code's way on workbooks."""
    import pandas as pd
    from scipy import stats

    start = time.perf_counter()
    for path in files:
        frame = pd.read_excel(path, engine="openpyxl").iloc[1:101]
        voltage = frame.iloc[:, 0].to_numpy(float)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            conductance = frame.iloc[:, 1:].to_numpy(float) / voltage
        mean = kalman(np.nanmean(conductance, axis=1))
        window = longest(mean)
        ratio = (conductance[window] / mean[window][:, None]).ravel()
        stats.norm.fit(ratio[np.isfinite(ratio)])
    return time.perf_counter() - start


def kalman(values: np.ndarray) -> np.ndarray:
    """Random-walk filter with observation noise 0: every estimate is the observation."""
    state, variance, result = values[0], 1.0, []
    for value in values:
        variance += 1e-5
        gain = variance / (variance + 0.0)
        state += gain * (value - state)
        variance *= 1 - gain
        result.append(state)
    return np.array(result)


def longest(mean: np.ndarray) -> slice:
    """Window of at most two non-increases, every start tried."""
    best = slice(0, 0)
    for start in range(mean.size):
        drops, stop = 0, start + 1
        while stop < mean.size:
            drops += mean[stop] <= mean[stop - 1]
            if drops > 2:
                break
            stop += 1
        if stop - start > best.stop - best.start:
            best = slice(start, stop)
    return best


def as_workbook(source: Path, path: Path) -> None:
    """The same sweeps as the laboratory saves them."""
    from openpyxl import Workbook

    cycles, voltage, current = read_measurement(source).grid()
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(["voltage", *(f"current_cycle{c}" for c in cycles)])
    for k in range(voltage.shape[1]):
        sheet.append([float(voltage[0, k]), *map(float, current[:, k])])
    book.save(path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--devices", type=int, default=1000, help="devices of the memory check (default 1000)"
    )
    parser.add_argument("--workbooks", type=Path, help="folder of real workbooks to extract as well")
    chosen = parser.parse_args()
    lab = {k: v for k, v in CONFIG["virtual_lab"].items() if k not in ("devices", "landscape")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = [f"virtual-{k:04d}" for k in range(chosen.devices)]
        space, first = CONFIG["fabrication"]["space"], CONFIG["fabrication"]["start"]
        made = virtual_measurements(ids, space=space, start=first, lab=VirtualLab(**lab), landscape=1, seed=1)
        for measurement in made:
            write_measurement(measurement, folder / f"{measurement.metadata.device}.parquet")
        files = [folder / f"{device}.parquet" for device in ids]
        library_path(files[:20], folder)
        for count in sorted({min(100, chosen.devices), chosen.devices}):
            seconds = min(library_path(files[:count], folder) for _ in range(2))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{count} devices: {count / seconds:.0f} devices/s, peak memory {peak:.0f} MiB")
        books = [folder / f"{path.stem}.xlsx" for path in files[:20]]
        for source, book in zip(files, books, strict=False):
            as_workbook(source, book)
        ratio = reference_path(books) / library_path(files[:20], folder)
        print(f"the reference code's method takes {ratio:.0f} times as long on the same 20 devices")
        if chosen.workbooks:
            from codesign.iv.importers import import_file
            from codesign.iv.names import device_id

            real = []
            for path in sorted(chosen.workbooks.glob("*.xlsx")):
                real.append(folder / f"{device_id(path.name)}.parquet")
                write_measurement(import_file(path, device=real[-1].stem), real[-1])
            seconds = min(library_path(real, folder) for _ in range(3))
            print(f"{len(real)} real devices: {len(real) / seconds:.0f} devices/s")
            ratio = reference_path(sorted(chosen.workbooks.glob("*.xlsx"))) / seconds
            print(f"the reference code's method takes {ratio:.0f} times as long on the same files")


if __name__ == "__main__":
    main()
