"""What a job took, as Snakemake's own benchmark would say it of a process.

Snakemake measures the process it started, which of a job that starts warm is only the one that waits
for it. So the job says it itself: since its process began, imports included where they are its own.
"""

import os
import resource
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from codesign.files import replacing

_LOADED = time.monotonic()


@dataclass(frozen=True)
class Cost:
    """Of one job."""

    wall_s: float
    """Since its process began, or was divided from the warm one."""
    cpu_s: float
    """User and system time of the process and of those it waited for."""
    memory_mb: float
    """Largest resident set of the process; of a warm one with the libraries it shares with others."""


def cost_so_far() -> Cost:
    """What the running process took until now."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(
        wall_s=_age_s(),
        cpu_s=own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        memory_mb=own.ru_maxrss * unit / 2**20,
    )


def write_cost(cost: Cost, path: Path) -> None:
    """One row with the columns that Snakemake gives a benchmark: seconds, MB, seconds of processor time."""
    duration = timedelta(seconds=int(cost.wall_s))
    row = f"{cost.wall_s:.2f}\t{duration}\t{cost.memory_mb:.2f}\t{cost.cpu_s:.2f}"
    with replacing(path) as temporary:
        temporary.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{row}\n", encoding="utf-8")


def _age_s() -> float:
    """Seconds since this process began; where the system does not say it, since this module was loaded."""
    try:
        began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _LOADED
