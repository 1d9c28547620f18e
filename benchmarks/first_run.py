"""What a first run of the whole workflow takes, rule by rule.

    python benchmarks/first_run.py [--config config.yaml config.mnist.yaml] [--cores 2] [--json FILE] [TARGET]

The workflow runs once in a fresh copy, in a temporary folder. Processor time of a job is what the job
itself wrote down (results/benchmarks): since its process began, or was divided from the warm one. The
warm server's and Snakemake's own are what remains of the two, read off the kernel's account of processes
that were waited for: Snakemake's is that of its own process, the server's that of all its children less
the jobs, so that the clients of the jobs, about 12 ms each, count with the server. `CODESIGN_WARM=0` in
the environment measures a run without the warm start.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scale import copied

CARD = "results/**/figures/proposals.pdf"
# what Snakemake's own process took, written when it ends
RUN = r"""
import atexit, resource, sys
from pathlib import Path
from snakemake.cli import main
place = Path(sys.argv.pop(1))
def write():
    used = resource.getrusage(resource.RUSAGE_SELF)
    place.write_text(str(used.ru_utime + used.ru_stime))
atexit.register(write)
main()
"""


@dataclass(frozen=True)
class Share:
    """Jobs of one rule."""

    rule: str
    jobs: int
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Run:
    """One run of the workflow."""

    shares: list[Share]
    """Largest first."""
    snakemake_cpu_s: float
    """Of the process that plans and starts the jobs."""
    starting_cpu_s: float
    """Of the warm server and of starting the jobs; without a server of starting alone."""
    cpu_s: float
    """User and system time of everything."""
    wall_s: float
    card_s: float | None
    """Until the card of the next devices stood; None where it never did."""


def shares_of(results: Path) -> list[Share]:
    """What the jobs wrote down, summed over each rule, the largest first."""
    found: dict[str, list[dict]] = {}
    for path in sorted(results.glob("benchmarks/**/*.tsv")):
        with path.open(newline="", encoding="utf-8") as file:
            rule = path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
            found.setdefault(rule, []).extend(csv.DictReader(file, delimiter="\t"))
    shares = [
        Share(
            rule,
            len(rows),
            round(sum(float(row["s"]) for row in rows), 1),
            round(sum(float(row["cpu_time"]) for row in rows), 1),
        )
        for rule, rows in found.items()
    ]
    return sorted(shares, key=lambda share: (-share.cpu_s, share.rule))


def watch(project: Path, start: float, stood: list[float], stop: threading.Event) -> None:
    """Note when the card appears."""
    while not stop.wait(0.2):
        if any(project.glob(CARD)):
            stood.append(time.perf_counter() - start)
            return


def first_run(project: Path, *arguments: str) -> Run:
    """Run Snakemake in `project` and account for what it took.

    Raises:
        RuntimeError: It failed; the end of its output is quoted.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    stood, stop = [], threading.Event()
    with tempfile.TemporaryFile("w+") as output, tempfile.NamedTemporaryFile("r") as share:
        start = time.perf_counter()
        watcher = threading.Thread(target=watch, args=(project, start, stood, stop))
        watcher.start()
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, share.name, *arguments],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stop.set()
        watcher.join()
        if process.returncode != 0:
            output.seek(0)
            raise RuntimeError(f"snakemake {' '.join(arguments)} failed:\n{output.read()[-3000:]}")
        own = float(share.read())
    shares = shares_of(project / "results")
    total = used.ru_utime + used.ru_stime
    return Run(
        shares=shares,
        snakemake_cpu_s=round(own, 1),
        starting_cpu_s=round(total - own - sum(share.cpu_s for share in shares), 1),
        cpu_s=round(total, 1),
        wall_s=round(wall, 1),
        card_s=round(stood[0], 1) if stood else None,
    )


def say(run: Run) -> None:
    """Print one line a rule, then the sums."""
    print(f"{'rule':28}{'jobs':>6}{'wall s':>9}{'CPU s':>9}")
    for share in run.shares:
        print(f"{share.rule:28}{share.jobs:6d}{share.wall_s:9.1f}{share.cpu_s:9.1f}")
    jobs = sum(share.jobs for share in run.shares)
    print(f"{'all jobs':28}{jobs:6d}{'':9}{sum(share.cpu_s for share in run.shares):9.1f}")
    print(f"{'warm server, starting jobs':43}{run.starting_cpu_s:9.1f}")
    print(f"{'Snakemake itself':43}{run.snakemake_cpu_s:9.1f}")
    print(f"{'everything':34}{run.wall_s:9.1f}{run.cpu_s:9.1f}")
    print(f"card of the next devices after {run.card_s} s")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("target", nargs="*", help="what to make (default: everything)")
    parser.add_argument("--config", nargs="*", default=["config.yaml"], help="configuration and overlays")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for the same as JSON")
    chosen = parser.parse_args(arguments)
    configs = [str(Path(name).resolve()) for name in chosen.config]
    options = ["--cores", str(chosen.cores), "--configfile", *configs, "--", *chosen.target]
    with tempfile.TemporaryDirectory() as name:
        run = first_run(copied(Path(name) / "project", []), *options)
    say(run)
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
