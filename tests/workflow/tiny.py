"""A copy of the workflow in a temporary folder, run by the real Snakemake on tiny inputs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from codesign.iv.measurement import write_measurement
from codesign.virtual_lab.sweeps import VirtualLab, make_device

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = (
    "Snakefile",
    "rules",
    "codesign",
    "workflow_scripts",
    "schemas",
    "profiles",
    "envs",
    "report",
    "config.yaml",
)
TINY = {
    "virtual_lab": {"devices": 5, "cycles": 6, "points": 41},
    "extraction": {"bootstrap": 20},
    "fabrication": {
        "space": {
            "perovskite": ["MAPbI3", "MAPbBr3"],
            "length_um": [1, 1.5, 2],
            "diameter_nm": [100, 200, 250],
            "pb_min": [10, 15],
            "ag_nm": [100, 200],
        },
        "batch": 2,
        "space_filling": 2,
    },
    "campaign": {"repeats": 1, "evaluations": 3},
    "profiles": {"panel": [0.7, 0.4], "synthetic": [1.0, 0.5, 0.3]},
    "experiments": {
        "moons": {
            "task": "moons",
            "source": "generated",
            "network": "perceptron",
            "train_size": 60,
            "test_size": 80,
            "noise": 0.2,
            "epochs": 150,
            "batch_size": 30,
            "learning_rate": 0.02,
        }
    },
    "training": {"methods": ["erm", "bayesmulti"]},
    "search": {"rounds": 2, "slots": 2, "programmings": 2},
    "evaluation": {"programmings": 2, "devices_per_job": 3, "resamples": 100},
    "certificates": {"examples": 20, "draws": 50, "programmings": 10},
    "crossbar": {"runs": 2, "test_points": 20, "write": {"budget": 20}},
}
CONDITIONS = [
    {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200.0, "pb_min": 15.0, "ag_nm": 200.0},
    {"perovskite": "MAPbBr3", "length_um": 1.0, "diameter_nm": 250.0, "pb_min": 10.0, "ag_nm": 100.0},
    {"perovskite": "MAPbI3", "length_um": 2.0, "diameter_nm": 100.0, "pb_min": 15.0, "ag_nm": 100.0},
    {"perovskite": "MAPbI3", "length_um": 0.7, "diameter_nm": 200.0, "pb_min": 10.0, "ag_nm": 100.0},
]


TARGETS = ("usability", "proposals", "device_figures")
"""Everything that measured devices make without networks."""
NETWORK_TARGETS = ("evaluation", "network_figures")
"""Everything that networks make."""
COLLECTING = (
    "all",
    "first",
    "import_raw",
    "usability",
    "proposals",
    "campaign",
    "profiles",
    "networks",
    "evaluation",
    "ablation",
    "certificates",
    "crossbar",
    "energy",
    "device_figures",
    "network_figures",
    "figures",
    "pages",
)
"""Rules that only collect files."""


LONGEST_S = 1800
"""Of a run of Snakemake: minutes where cores are free, many times that where others use them too."""
MAIN = 'if __name__ == "__main__":'
"""The line of a script where its job begins."""
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Project:
    """A working copy of the workflow."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake here and give back its output, both streams in `stdout`."""
        with tempfile.NamedTemporaryFile("r") as output:
            asked = {
                "folder": str(self.folder),
                "arguments": ["--cores", "2", *arguments],
                "environment": dict(ENVIRONMENT),
                "output": output.name,
            }
            starter = _starter()
            print(json.dumps(asked), file=starter.stdin, flush=True)
            status = int(starter.stdout.readline())
            done = subprocess.CompletedProcess(arguments, status, stdout=output.read())
        if check and done.returncode != 0:
            raise AssertionError(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-6000:]}")
        return done

    def scheduled(self, *targets: str) -> dict[str, int]:
        """Jobs a dry run would do: rule name to count, collecting rules left out."""
        output = self.snakemake("-n", *targets).stdout
        found = re.search(r"Job stats:\n(.*?)\ntotal", output, re.DOTALL)
        if not found:
            assert "Nothing to be done" in output, output[-3000:]
            return {}
        lines = (line.split() for line in found.group(1).splitlines()[2:])
        return {name: int(count) for name, count in lines if name not in COLLECTING}

    def done(self, *targets: str) -> dict[str, int]:
        """Run, and count the jobs that were done: after a checkpoint fewer than were scheduled."""
        output = self.snakemake(*targets).stdout
        names = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)$", output, re.MULTILINE)
        return {name: count for name, count in Counter(names).items() if name not in COLLECTING}

    def start(self, *arguments: str, cores: int = 2) -> subprocess.Popen:
        """Snakemake in a session of its own, so that it can be killed with its jobs."""
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @contextmanager
    def held(self, name: str, line: str, *, once: str = "Snakefile") -> Iterator[Path]:
        """A gate: in the block, jobs that come to a line of a file stay there.

        Args:
            name: The file of the project; the line must occur in it once.
            line: The last line that is done.
            once: Only where a file of this pattern is there; others go on.

        Yields:
            A file that appears with the first job at the gate.
        """
        indent = line[: len(line) - len(line.lstrip())] + ("    " if line.endswith(":") else "")
        with (self.folder / name).open() as file:
            assert line in file.read().splitlines()
        gate = (
            "import pathlib, time",
            f"while list(pathlib.Path().glob({once!r})) and not pathlib.Path('go-on').exists():",
            "    pathlib.Path('at-the-gate').touch()",
            "    time.sleep(0.01)",
        )
        self.edit(name, f"{line}\n", "\n".join([line, *(indent + each for each in gate), ""]))
        try:
            yield self.folder / "at-the-gate"
        finally:
            (self.folder / "go-on").touch()

    def kill_at(self, name: str, line: str, *targets: str, once: str) -> None:
        """Run one job at a time, and kill Snakemake and its job where it is at the gate of `held`."""
        with self.held(name, line, once=once) as at_the_gate:
            running = self.start(*targets, cores=1)
            wait_for(at_the_gate.exists, running)
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()

    def configure(self, changes: dict) -> None:
        """Change config.yaml, nested keys one by one; `space` and `experiments` as a whole."""
        path = self.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        _merge(config, changes)
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text that occurs once in a file."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))

    def tables(self) -> dict[str, bytes]:
        """Bytes of every table a run leaves, and of every network; not of records about jobs.

        Nor of networks that trials leave for the final training, on which nothing rests; nor of hidden
        temporary files, which a writer that was killed may leave.
        """
        found = [
            path
            for suffix in ("csv", "parquet", "json", "safetensors")
            for path in sorted(self.folder.glob(f"results/**/*.{suffix}"))
        ]
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in found
            if not {"benchmarks", "imports", "provenance", "trained"} & set(path.parts)
            and not path.name.startswith(".")
        }

    def copy(self, folder: Path) -> "Project":
        """The same state elsewhere, time stamps kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


@cache
def _starter() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / "tests/workflow/starter.py")],
        env=ENVIRONMENT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def wait_for(condition: Callable[[], bool], running: subprocess.Popen) -> None:
    """Return as soon as something is so."""
    deadline = time.time() + 300
    while not condition():
        assert time.time() < deadline and running.poll() is None, "the run ended too early"
        time.sleep(0.002)


def _merge(config: dict, changes: dict) -> None:
    whole = ("space", "experiments")
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict) and key not in whole:
            _merge(config[key], value)
        else:
            config[key] = value


def measured_file(
    path: Path, *, conditions: dict, seed: int, window: int | None = None, sigma: float | None = None
) -> None:
    """A small measurement file as a laboratory would drop it; made by the sweep model, labelled measured.

    Window and spread follow from the seed where they are not given.
    """
    settings = VirtualLab(cycles=6, points=41, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.0)
    made = make_device(
        path.stem,
        conditions,
        window=14 - seed if window is None else window,
        sigma=0.1 * seed if sigma is None else sigma,
        tolerated_drops=2,
        settings=settings,
        rng=np.random.default_rng(seed),
        truth={},
    )
    write_measurement(replace(made, metadata=replace(made.metadata, origin="measured", extra={})), path)


def fresh(folder: Path) -> Project:
    """An unused copy of the workflow with the tiny configuration."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    for name in ("data/iv", "data/raw", "results"):
        (folder / name).mkdir(parents=True)
    project = Project(folder)
    project.configure(TINY)
    return project
