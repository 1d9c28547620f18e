"""What importing and checking many instrument files costs, and whether it grows with their number alone.

    python benchmarks/import_files.py --files 500 4000

For each number of files: a copy of the project with so many text files of 53 kB (20 cycles, 163 points), then
`python -m codesign.iv check` and `snakemake --cores 1 import_raw` there, then again with one more file.
Printed as Markdown: processor and wall-clock seconds, milliseconds a file. Nothing else should run beside it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from tests.workflow.tiny import PARTS, REPOSITORY

CYCLES, RISE = 20, 82
"""Cycles of a file, and voltages on the way up."""


def write_file(path: Path, rng: np.random.Generator) -> None:
    """A table of one voltage and a current a cycle, as a laboratory exports it."""
    up = np.linspace(0, 2, RISE)
    voltage = np.concatenate([up, up[-2::-1]])
    spread = np.exp(rng.normal(0, 0.1, (voltage.size, CYCLES)))
    current = 1e-6 * voltage[:, None] * spread * np.linspace(1, 1.5, CYCLES)
    lines = ["voltage (V)," + ",".join(f"current_cycle{cycle} (A)" for cycle in range(1, CYCLES + 1))]
    lines += [
        f"{v:.4f}," + ",".join(f"{i:.9e}" for i in row) for v, row in zip(voltage, current, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Processor and wall-clock seconds of a command and its children."""
    before, start = os.times(), time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, time.perf_counter() - start


def measure(count: int, *, seed: int) -> list[tuple[str, float, float]]:
    """Name, processor seconds and wall-clock seconds of each step with `count` files."""
    name = "sample{:05d} MAI 1.5um_length 200nm_diameter 15min_Pb_ED 200nm_Ag.csv"
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / part)
        raw = folder / "data/raw"
        raw.mkdir(parents=True)
        for number in range(count):
            write_file(raw / name.format(number), rng)
        check = [sys.executable, "-m", "codesign.iv", "check", "data/raw"]
        imports = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", "--", "import_raw"]
        steps = [("check", *timed(check, folder)), ("import", *timed(imports, folder))]
        write_file(raw / name.format(count), rng)
        return [*steps, ("import of one more", *timed(imports, folder))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="+", default=[500, 4000])
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print("| files | step | processor, s | clock, s | ms a file |\n|---|---|---|---|---|")
    for count in chosen.files:
        for step, spent, clock in measure(count, seed=chosen.seed):
            print(
                f"| {count} | {step} | {spent:.1f} | {clock:.1f} | {1000 * spent / count:.0f} |", flush=True
            )


if __name__ == "__main__":
    main()
