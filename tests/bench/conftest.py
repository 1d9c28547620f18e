"""Runs programs with the real dwfpy on the test library, found by LD_LIBRARY_PATH in their own process."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from codesign.crossbar.wiring import Wiring, read_wiring
from tests.bench.library import build
from tests.bench.record import Record
from tests.signals import heed_signals

REPOSITORY = Path(__file__).parents[2]
WIRING = REPOSITORY / "profiles/bench/wiring.yaml"
PREAMBLE = """
import logging, sys
import numpy as np
from codesign.crossbar.discovery2 import Discovery2
from codesign.crossbar.safety import Guarded
from codesign.crossbar.wiring import read_wiring
logging.basicConfig(format="%(levelname)s %(message)s")
wiring = read_wiring(sys.argv[1])
driver = Discovery2(wiring)
"""
"""What every program starts with."""
LONGEST_S = 120.0
"""Time a program has; on a quiet machine it needs one or two."""


@dataclass(frozen=True)
class Outcome:
    """How a program ended, and what it left on the pins."""

    status: int
    out: str
    err: str
    record: Record
    seconds: float

    @property
    def error(self) -> str:
        """Last line of the traceback: what a person reads first."""
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


class Bench:
    """A board with its instrument; the array keeps its conductances from program to program."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library, self.folder = library, folder
        self.settings = yaml.safe_load(WIRING.read_text(encoding="utf-8"))

    @property
    def wiring(self) -> Wiring:
        return read_wiring(self._write_wiring())

    @property
    def record(self) -> Record:
        """Of the last program, or of an array that was never used."""
        if not (self.folder / "record").exists():
            self.run("import dwfpy")
        return Record(self.folder / "record", self.wiring)

    def start(self, program: str, *, scene: str = "") -> subprocess.Popen:
        """Start a program; `driver` and `wiring` are there, and nothing is open."""
        environment = os.environ | {
            "LD_LIBRARY_PATH": str(self.library),
            "DWF_RECORD": str(self.folder / "record"),
            "DWF_SCENE": scene,
            "PYTHONPATH": str(REPOSITORY),
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        source = PREAMBLE + textwrap.dedent(program)
        return subprocess.Popen(
            [sys.executable, "-c", source, str(self._write_wiring())],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,
        )

    def run(
        self,
        program: str,
        *,
        scene: str = "",
        end: signal.Signals | None = None,
        pull: bool = False,
        longest_s: float = LONGEST_S,
    ) -> Outcome:
        """Run a program to its end.

        Args:
            program: Source.
            scene: What is plugged in and what goes wrong; see device.c.
            end: Signal sent once the program has printed a line.
            pull: Let the scene's fault strike once the program has printed a line; it says `reads 0`.
            longest_s: Time it has.
        """
        began = time.monotonic()
        process = self.start(program, scene=scene)
        try:
            first = ""
            if end is not None or pull:
                first = process.stdout.readline()
            if end is not None:
                process.send_signal(end)
            if pull:
                (self.folder / "pull").touch()
            out, err = process.communicate(timeout=longest_s)
        finally:
            process.kill()
        record = Record(self.folder / "record", self.wiring)
        return Outcome(process.returncode, first + out, err, record, time.monotonic() - began)

    def _write_wiring(self) -> Path:
        path = self.folder / "wiring.yaml"
        path.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a libdwf.so for the board of profiles/bench."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed: the library that stands in for the instrument cannot be built")
    return build(tmp_path_factory.mktemp("libdwf"), read_wiring(WIRING))


@pytest.fixture
def bench(library: Path, tmp_path: Path) -> Bench:
    """A board that was never used."""
    return Bench(library, tmp_path)


@pytest.fixture
def built(tmp_path: Path) -> Callable[[Bench], Bench]:
    """Rebuilds the library for a board that is soldered otherwise."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed: the library that stands in for the instrument cannot be built")

    def rebuild(bench: Bench) -> Bench:
        bench.library = build(tmp_path / "libdwf", bench.wiring)
        return bench

    return rebuild
