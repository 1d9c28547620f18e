"""A project submitted to SLURM through the shipped profile, and ways for its jobs to come to harm."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from tests.workflow.tiny import ENVIRONMENT, Project

SCRIPT = Path(__file__).with_name("slurm.sh")
PATIENCE_S = 1800
"""Longest wait for anything; on a quiet machine all of it happens in seconds, on a busy one in minutes."""


@dataclass(frozen=True)
class Submission:
    """What SLURM says of one submitted job."""

    job: str
    state: str
    node: str
    cpus: int
    memory_mb: int
    minutes: int
    gpus: int
    began: str
    ended: str
    """Both as ISO 8601 to the second; meaningless before it began or ended."""
    comment: str
    """Rule or group, with wildcards."""

    def rule(self) -> str:
        """Its rule; empty for a group."""
        found = re.match(r"rule_(\w+?)(_wildcards_|$)", self.comment)
        return found[1] if found else ""


class Run:
    """A Snakemake that submits to SLURM, in the background."""

    def __init__(self, project: Project, *arguments: str, site: dict) -> None:
        """Start it with profiles/slurm, a site's own file, and these arguments."""
        self.folder = project.folder
        self.output = project.folder.parent / f"{project.folder.name}-{time.time_ns()}.out"
        own = self.output.with_suffix(".site.yaml")
        quick = {"slurm-status-command": "squeue", "slurm-init-seconds-before-status-checks": 1}
        own.write_text(yaml.safe_dump(quick | site))
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--profile", str(own)]
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=self.folder,
                env=ENVIRONMENT,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        """Everything it has said."""
        return self.output.read_text()

    def name(self) -> str:
        """Name that all its jobs have in SLURM."""
        mark = "SLURM run ID: "
        until(lambda: mark in self.text() or self.process.poll() is not None, "the run has a name", self.text)
        return self.text().split(mark)[1].split()[0]

    def ended(self) -> int:
        """Exit status, when it has one."""
        until(lambda: self.process.poll() is not None, "the run ends", self.text)
        return self.process.returncode

    def jobs(self) -> list[Submission]:
        """Every submission of this run, in order."""
        names = "JobID State NodeList NumCPUs MinMemory TimeLimit tres-per-job StartTime EndTime Comment"
        form = ",".join(f"{name}:|" for name in names.split())
        lines = slurm("squeue", "--states=all", "--noheader", "--name", self.name(), "--Format", form)
        rows = sorted(
            (line.strip("|").split("|") for line in lines.splitlines()), key=lambda row: int(row[0])
        )
        return [
            Submission(
                job=job,
                state=state,
                node=node,
                cpus=int(cpus),
                memory_mb=_memory_mb(memory),
                minutes=_minutes(limit),
                gpus=_gpus(per_job),
                began=began,
                ended=ended,
                comment=comment,
            )
            for job, state, node, cpus, memory, limit, per_job, began, ended, comment in rows
        ]

    def running(self) -> Submission:
        """Its first job that runs, when one does."""
        found = []

        def runs() -> bool:
            found[:] = [job for job in self.jobs() if job.state == "RUNNING"]
            return bool(found)

        until(runs, "a job runs", self.text)
        return found[0]

    def computing(self) -> psutil.Process:
        """A script of one of its jobs at work on a node, when there is one."""
        found = []

        def computes() -> bool:
            found[:] = scripts_in(self.folder)
            return bool(found)

        until(computes, "a script is at work", self.text, every_s=0.1)
        return found[0]

    def kill(self) -> None:
        """End it at once, as a restarted login node does; its jobs are not told."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def clear(self) -> None:
        """Leave nothing running, where a test ended before the run did."""
        if self.process.poll() is None:
            self.kill()
            slurm("scancel", "--name", self.name())


def scripts_in(folder: Path) -> list[psutil.Process]:
    """Rule bodies at work in a project."""
    found = []
    for process in psutil.process_iter():
        try:
            arguments = process.cmdline()
            if any(".snakemake/scripts/" in each for each in arguments[1:2]) and process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(
    happens: Callable[[], bool], what: str, context: Callable[[], str], *, every_s: float = 0.3
) -> None:
    """Wait for something; after PATIENCE_S say what did not happen."""
    deadline = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}\n{context()[-4000:]}"
        time.sleep(every_s)


def slurm(*command: str) -> str:
    """Ask or tell SLURM."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def node(action: str, name: str) -> None:
    """`fail` or `start` a node."""
    subprocess.run([SCRIPT, action, name], check=True, timeout=120)


def _memory_mb(text: str) -> int:
    return int(float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]])


def _gpus(text: str) -> int:
    found = re.search(r"\bgpu:(\d+)", text)
    return int(found[1]) if found else 0


def _minutes(text: str) -> int:
    days, _, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes = parts[-3] if len(parts) > 2 else 0, parts[-2]
    return int(days or 0) * 1440 + hours * 60 + minutes
