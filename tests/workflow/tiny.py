"""A copy of the workflow in a temporary folder, run by the real Snakemake on tiny inputs."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from codesign.iv.measurement import write_measurement
from codesign.iv.virtual_lab import VirtualLab, make_device

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
}
CONDITIONS = [
    {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200.0, "pb_min": 15.0, "ag_nm": 200.0},
    {"perovskite": "MAPbBr3", "length_um": 1.0, "diameter_nm": 250.0, "pb_min": 10.0, "ag_nm": 100.0},
    {"perovskite": "MAPbI3", "length_um": 2.0, "diameter_nm": 100.0, "pb_min": 15.0, "ag_nm": 100.0},
    {"perovskite": "MAPbI3", "length_um": 0.7, "diameter_nm": 200.0, "pb_min": 10.0, "ag_nm": 100.0},
]


TARGETS = ("usability", "proposals", "figures", "--omit-from", "run_campaign")
"""Everything that is made of measured devices; the campaign is not."""


@dataclass(frozen=True)
class Project:
    """A working copy of the workflow."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake here and give back its output, both streams in `stdout`."""
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
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
        collecting = {"all", "import_raw", "usability", "proposals", "campaign", "figures"}
        return {name: int(count) for name, count in lines if name not in collecting}

    def configure(self, changes: dict) -> None:
        """Change config.yaml, nested keys one by one."""
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
        """Bytes of every table a run leaves."""
        found = sorted(self.folder.glob("results/**/*.csv")) + sorted(
            self.folder.glob("results/**/*.parquet")
        )
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in found
            if "benchmarks" not in path.parts
        }

    def copy(self, folder: Path) -> "Project":
        """The same state elsewhere, time stamps kept."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


def _merge(config: dict, changes: dict) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict) and key != "space":
            _merge(config[key], value)
        else:
            config[key] = value


def measured_file(path: Path, *, conditions: dict, seed: int) -> None:
    """A small measurement file as a laboratory would drop it; made by the sweep model, labelled measured."""
    settings = VirtualLab(cycles=6, points=41, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.0)
    made = make_device(
        path.stem,
        conditions,
        window=14 - seed,
        sigma=0.1 * seed,
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
