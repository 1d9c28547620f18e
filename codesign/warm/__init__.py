"""Jobs that start warm: one server a run imports the libraries once, and each job is a fork of it.

A job of seconds spends most of them importing torch, SciPy or Matplotlib. The main Snakemake process
starts `server.py` (a program of its own, standard library alone), which imports the libraries that the
scripts of this run reach and waits at a socket. Snakemake starts each script through `client.py`, which
hands it to the server and waits for its exit code. Where that is not possible (another Python, other
settings of threads, no server any more) the client becomes the script's own process, as if there were
no server: what a job computes is the same either way.

The server imports this project's own modules too. A job that would import them from another folder, or one of
which has changed since, forgets them first and imports them anew, as they stand then.
"""

import atexit
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PACKAGE = FOLDER.parent
SWITCH = "CODESIGN_WARM"
"""Environment variable: 0 for none, or the socket of a server that runs already."""
THREADS = (
    "OMP_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Environment variables in which Snakemake tells a job how many threads it has."""
LONGEST = 100
"""Bytes of a socket's path; the kernel takes 107."""

ALLOCATOR = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Else Arrow's second allocator begins a thread of its own when it is loaded."""
EVERY_SCRIPT = ("snakemake.io", "snakemake.iocontainers", "snakemake.logging")
"""What Snakemake puts before a script needs these."""
AT_FIRST_USE = {
    "pyarrow": ("pandas", "pyarrow.pandas_compat", "pyarrow.vendored.version"),
    "torch": ("torch._dynamo", "torch.profiler"),
    "matplotlib.figure": ("matplotlib.style", "matplotlib.backends.backend_pdf"),
}
"""What a library imports not when it is imported, but when it is first used."""


@dataclass(frozen=True)
class Server:
    """A server that runs until `stop`, or until the process that started it is gone."""

    path: Path
    """Its socket, in a folder of its own that nobody else can enter."""
    process: subprocess.Popen

    def stop(self) -> None:
        """End it and every job in it."""
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.path.parent, ignore_errors=True)


def start(
    modules: Iterable[str], environment: Mapping[str, str] = os.environ, *, package: Path = PACKAGE
) -> Server | None:
    """A server that imports `modules` in this order, and what they use; None where there can be none.

    Those of `package` are found beside it, whatever the environment says.

    The socket takes jobs at once; they wait for the import that is going on, not for the others. The
    server is meant for jobs of one thread, started in this environment.
    """
    if sys.platform != "linux":
        return None  # elsewhere a job would outlive the process that waits for it
    folder = _private_folder()
    if folder is None:
        return None
    path = folder / "socket"
    wanted = [*EVERY_SCRIPT]
    for module in modules:
        wanted += [module, *AT_FIRST_USE.get(module, ())]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(128)
        process = subprocess.Popen(
            [
                sys.executable,
                FOLDER / "server.py",
                str(listening.fileno()),
                str(path),
                str(package),
                *wanted,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
            env=_environment(environment),
        )
    return Server(path, process)


def prefix(modules: Iterable[str], *, package: Path = PACKAGE) -> str | None:
    """What to put before a job's command so that it starts warm; None where jobs start as usual.

    Starts a server for the rest of this process, unless `SWITCH` names one.
    """
    chosen = os.environ.get(SWITCH, "")
    if chosen == "0":
        return None
    if not chosen:
        server = start(modules, package=package)
        if server is None:
            return None
        atexit.register(server.stop)
        chosen = str(server.path)
    client = shlex.join([sys.executable, "-I", "-S", str(FOLDER / "client.py"), chosen])
    return f"set -euo pipefail; exec {client}"


def _private_folder() -> Path | None:
    for place in (tempfile.gettempdir(), "/tmp"):
        if len(os.fsencode(place)) + len("/codesign-12345678/socket") <= LONGEST:
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix="codesign-", dir=place))
    return None


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a job of one thread, without the folders that only jobs import from."""
    without_threads = dict.fromkeys(THREADS, "1") | ALLOCATOR
    return {name: value for name, value in (dict(given) | without_threads).items() if name != "PYTHONPATH"}
