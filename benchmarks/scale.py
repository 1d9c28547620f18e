"""What the workflow costs against the number of devices, and how many jobs one new device schedules.

    python benchmarks/scale.py [--devices 100 500 2000] [--run 8 24 48] [--figure docs/figures/scale.png]

Measurement files come from the sweep model, labelled measured, in a temporary copy of the project
with the full configuration (config.paper.yaml: every experiment and method). Three dry runs each:

unused    nothing is there, everything is scheduled
complete  everything is there, nothing is scheduled
new       one more measurement: tables, proposals and device figures that rest on it

For `complete` every output is put in place as an empty file: a dry run looks at names and times, and
making 2,000 devices for good would take hours here. What `--run` measures is made for good: usability,
proposals and figures of that many devices by the real workflow. Seconds are given by the clock and as
processor time, which other jobs on the machine distort less; memory is the largest resident set of
Snakemake itself.
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from codesign.figures.style import BLUE, ORANGE, axes_mm, house_style, new_figure, text_mm
from codesign.iv.measurement import Measurement, write_measurement
from codesign.virtual_lab.devices import virtual_measurements
from codesign.virtual_lab.sweeps import VirtualLab
from tests.workflow.tiny import PARTS as TINY_PARTS

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = (*TINY_PARTS, "config.paper.yaml")
FULL = ("--configfile", "config.yaml", "config.paper.yaml")
DEVICE_HALF = ("usability", "proposals", "device_figures")
# the largest resident set from the kernel's own account: rusage would count this process too, before the exec
RUN = r"""
import atexit, re, sys
from pathlib import Path
from snakemake.cli import main
place = Path(sys.argv.pop(1))
status = Path("/proc/self/status")
atexit.register(lambda: place.write_text(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]))
main()
"""
NUMBERS = {"devices": int, "jobs": int, "wall_s": float, "cpu_s": float, "memory_mb": float}
COLUMNS = ("devices", "what", "jobs", "wall_s", "cpu_s", "memory_mb")


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    wall_s: float
    cpu_s: float
    """Of the command and of everything it started."""
    memory_mb: float
    """Largest resident set of Snakemake itself."""
    output: str


def snakemake(project: Path, *arguments: str) -> Cost:
    """Run Snakemake in `project` and say what it took.

    Raises:
        RuntimeError: It failed; the end of its output is quoted.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile("w+") as output, tempfile.NamedTemporaryFile("r") as peak:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, peak.name, "--cores", "2", *arguments],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
        memory_kb = int(peak.read() or 0)
    if process.returncode != 0:
        raise RuntimeError(f"snakemake {' '.join(arguments)} failed:\n{text[-3000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, memory_kb / 1024, text)


def jobs_of(cost: Cost) -> int:
    """Jobs that a run or dry run announced."""
    found = re.search(r"^total\s+(\d+)$", cost.output, re.MULTILINE)
    return int(found.group(1)) if found else 0


def measurements(count: int) -> list[Measurement]:
    """Devices over the fabrication grid, as a laboratory would have measured them."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    lab = {k: v for k, v in config["virtual_lab"].items() if k not in ("devices", "landscape")}
    made = virtual_measurements(
        [f"device-{k:04d}" for k in range(1, count + 1)],
        space=config["fabrication"]["space"],
        start=config["fabrication"]["start"],
        lab=VirtualLab(**lab),
        landscape=1,
        seed=1,
    )
    return [replace(m, metadata=replace(m.metadata, origin="measured", extra={})) for m in made]


def copied(folder: Path, devices: Sequence[Measurement]) -> Path:
    """An unused copy of the workflow with these devices."""
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy2(source, folder / part)
    for name in ("data/iv", "data/raw", "results"):
        (folder / name).mkdir(parents=True)
    for device in devices:
        write_measurement(device, folder / f"data/iv/{device.metadata.device}.parquet")
    return folder


def put_in_place(project: Path) -> None:
    """An empty file for every output, all of one time, later than every input."""
    summary = snakemake(project, "--summary", *FULL).output.split("output_file\t", 1)[1]
    now = time.time()
    for line in summary.splitlines()[1:]:
        if "\t" in line:
            path = project / line.split("\t")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (now, now))


def dry_runs(devices: Sequence[Measurement], new: Measurement) -> list[dict]:
    """Costs of the three dry runs with these devices."""
    dry = ("--dry-run", "--quiet", "all")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        project = copied(Path(name) / "project", devices)
        costs = {"unused": snakemake(project, *dry, *FULL)}
        put_in_place(project)
        costs["complete"] = snakemake(project, *dry, *FULL)
        time.sleep(0.05)
        write_measurement(new, project / f"data/iv/{new.metadata.device}.parquet")
        costs["new"] = snakemake(project, *dry, *FULL, "--", *DEVICE_HALF)
    for what, cost in costs.items():
        rows.append(_row(len(devices), what, cost))
    return rows


def real_run(devices: Sequence[Measurement]) -> list[dict]:
    """Cost of the usability table, and of all that measured devices make without networks."""
    with tempfile.TemporaryDirectory() as name:
        project = copied(Path(name) / "project", devices)
        return [
            _row(len(devices), "run-usability", snakemake(project, "--", "usability")),
            _row(len(devices), "run-figures", snakemake(project, "--", *DEVICE_HALF)),
        ]


def _row(devices: int, what: str, cost: Cost) -> dict:
    row = {
        "devices": devices,
        "what": what,
        "jobs": jobs_of(cost),
        "wall_s": round(cost.wall_s, 2),
        "cpu_s": round(cost.cpu_s, 2),
        "memory_mb": round(cost.memory_mb),
    }
    print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)
    return row


def draw(rows: Sequence[dict], path: Path) -> None:
    """Dry-run seconds, memory and real cost against the number of devices."""
    with house_style():
        figure = new_figure(180, 66)
        text_mm(figure, 4, 62, "Cost against the number of devices", fontsize=9, fontweight="bold", va="top")
        seconds = axes_mm(figure, 14, 13, 42, 38)
        memory = axes_mm(figure, 74, 13, 42, 38)
        real = axes_mm(figure, 134, 13, 42, 38)
        for what, color in (("unused", BLUE), ("complete", ORANGE)):
            chosen = sorted((r for r in rows if r["what"] == what), key=lambda r: r["devices"])
            count = [r["devices"] for r in chosen]
            seconds.plot(count, [r["cpu_s"] for r in chosen], "o-", color=color, label=what)
            seconds.plot(count, [r["wall_s"] for r in chosen], "o:", color=color, mfc="none", lw=0.8)
            memory.plot(count, [r["memory_mb"] for r in chosen], "o-", color=color, label=what)
        for what, color in (("run-usability", BLUE), ("run-figures", ORANGE)):
            chosen = sorted((r for r in rows if r["what"] == what), key=lambda r: r["devices"])
            label = {"run-usability": "usability table", "run-figures": "then figures, proposals"}[what]
            real.plot(
                [r["devices"] for r in chosen], [r["cpu_s"] for r in chosen], "o-", color=color, label=label
            )
        titles = ("dry run [s]: processor, dotted: clock", "dry run: memory [MB]", "real run: processor [s]")
        for axes, title in zip((seconds, memory, real), titles, strict=True):
            if not len(axes.lines[0].get_xdata()):
                axes.set_visible(False)  # not measured in these calls
                continue
            axes.set(title=title, xlabel="devices", ylim=(0, None), xlim=(0, None))
            axes.legend(loc="best")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=200)


def earlier(figure: Path) -> list[dict]:
    """Rows that the CSV beside `figure` holds from an earlier call."""
    path = figure.with_suffix(".csv")
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: value if name == "what" else NUMBERS[name](value) for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def main() -> None:
    """Measure, print, and draw where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--devices", type=int, nargs="*", default=[100, 500, 2000], help="of the dry runs")
    parser.add_argument("--run", type=int, nargs="*", default=[8, 24, 48], help="devices of the real runs")
    parser.add_argument("--figure", type=Path, help="PNG to draw, the numbers as CSV beside it")
    chosen = parser.parse_args()
    made = measurements(max([0, *chosen.devices, *chosen.run]) + 1)
    rows = []
    for count in chosen.devices:
        rows += dry_runs(made[:count], made[count])
    for count in chosen.run:
        rows += real_run(made[:count])
    if chosen.figure:
        made_now = {(row["devices"], row["what"]) for row in rows}
        rows += [r for r in earlier(chosen.figure) if (r["devices"], r["what"]) not in made_now]
        rows.sort(key=lambda row: (row["what"], row["devices"]))
        draw(rows, chosen.figure)
        with chosen.figure.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
