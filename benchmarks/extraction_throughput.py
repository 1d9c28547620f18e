"""Devices extracted a second, memory against their number, and the ratio to the reference code's method.

    python benchmarks/extraction_throughput.py [--workbooks FOLDER]

The library path is Parquet in, row out and written, with the bootstrap of
config.yaml, on one core. Every figure is given for processor time, which other
jobs on the machine distort less, and for the clock, which also waits for the
disk and for the other jobs; each device counts with the best of its repeats,
the means stand beside it. The reference code's method reads the workbook for
every device, takes rows 1 to 100, smooths with a Kalman filter whose observation
noise is 0 (an identity), finds the window and fits a normal law to the ratio.
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
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.schemas.device import DEVICE
from codesign.tables import write_table
from codesign.virtual_lab.devices import virtual_measurements
from codesign.virtual_lab.sweeps import VirtualLab

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())


STEPS = ("read", "extract", "write")


def now() -> tuple[float, float]:
    """Processor time and the clock, seconds."""
    return time.process_time(), time.perf_counter()


def library_path(files: list[Path]) -> np.ndarray:
    """Seconds that each device and step took, shape (devices, steps, processor | clock)."""
    how = Extraction(**CONFIG["extraction"])
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            marks = [now()]
            measurement = read_measurement(path)
            marks.append(now())
            row = extract(measurement, how, np.random.default_rng(1))
            marks.append(now())
            write_table([row], Path(folder) / path.name, schema=DEVICE)
            marks.append(now())
            times.append(np.diff(marks, axis=0))
    return np.array(times)


def report(name: str, files: list[Path], *, repeats: int) -> float:
    """Print devices a second, the time of each step and memory; give the processor time of all."""
    runs = np.array([library_path(files) for _ in range(repeats)])  # (repeats, devices, steps, 2)
    # a device takes a few milliseconds: the least of its repeats is one that nothing interrupted
    least = runs.sum(axis=2).min(axis=0).sum(axis=0)
    mean = runs.sum(axis=(1, 2)).mean(axis=0)
    steps = 1e3 * runs[..., 0].min(axis=0).mean(axis=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = len(files)
    print(
        f"{count} {name} devices, best of {repeats}: {count / least[0]:.0f} devices/s of processor time, "
        f"{count / least[1]:.0f} by the clock (means {count / mean[0]:.0f}, {count / mean[1]:.0f}); "
        f"ms a device: {', '.join(f'{step} {took:.2f}' for step, took in zip(STEPS, steps, strict=True))}; "
        f"peak memory {peak:.0f} MiB"
    )
    return float(least[0])


def compare(books: list[Path], library: float) -> None:
    """Print how much longer the reference code's method takes on the same devices."""
    took = np.min([reference_path(books) for _ in range(3)], axis=0).sum()
    print(
        f"  the reference code's method: {1e3 * took / len(books):.0f} ms a device, "
        f"{took / library:.0f} times as long (processor time)"
    )


def reference_path(files: list[Path]) -> list[float]:
    """Processor seconds that the reference code's way took on each workbook."""
    import pandas as pd
    from scipy import stats

    times = []
    for path in files:
        start = time.process_time()
        frame = pd.read_excel(path, engine="openpyxl").iloc[1:101]
        voltage = frame.iloc[:, 0].to_numpy(float)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            conductance = frame.iloc[:, 1:].to_numpy(float) / voltage
            mean = kalman(np.nanmean(conductance, axis=1))
            window = longest(mean)
            ratio = (conductance[window] / mean[window][:, None]).ravel()
        stats.norm.fit(ratio[np.isfinite(ratio)])
        times.append(time.process_time() - start)
    return times


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
        library_path(files[:20])  # imports and caches
        for count in sorted({min(100, chosen.devices), chosen.devices}):
            report("virtual", files[:count], repeats=5)
        books = [folder / f"{path.stem}.xlsx" for path in files[:20]]
        for source, book in zip(files, books, strict=False):
            as_workbook(source, book)
        reference_path(books[:1])  # imports
        compare(books, report("virtual", files[:20], repeats=20))
        if chosen.workbooks:
            from codesign.iv.importers import import_file
            from codesign.iv.names import device_id

            books = sorted(chosen.workbooks.glob("*.xlsx"))
            real = [folder / f"{device_id(path.name)}.parquet" for path in books]
            for book, target in zip(books, real, strict=True):
                write_measurement(import_file(book, device=target.stem), target)
            compare(books, report("real", real, repeats=20))


if __name__ == "__main__":
    main()
