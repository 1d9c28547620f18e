"""The warm server: imports libraries once, runs each job as a fork.

    python server.py LISTENING_FD SOCKET PACKAGE MODULE...

It imports one module after the other, those of the package in the folder PACKAGE too, and takes
the jobs that wait in between. It has one thread, since a fork has no other than the one that forked,
and computes nothing. It ends, and its jobs with it, when its standard input closes: the process that
started it is gone then.
"""

import atexit
import builtins
import contextlib
import fcntl
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import traceback
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ARRIVED = b"+"
"""Said to the client when its job begins here; before, it can still begin elsewhere."""
AT_START = (
    "PYTHON",
    "OMP_",
    "GOTO_",
    "OPENBLAS_",
    "MKL_",
    "KMP_",
    "VECLIB_",
    "NUMEXPR_",
    "LD_",
    "LC_",
    "LANG",
)
AT_IMPORT = ("MPL", "TORCH", "PYTORCH", "CUDA", "ARROW")
"""Beginnings of the environment variables that Python and the libraries read once."""
FREE = ("PYTHONPATH",)
"""Of these, what may differ from job to job."""


OWN: dict[str, tuple[int, int]] = {}
"""Files of the package that are imported here: time of change and size before they were."""


class Refused(Exception):
    """The job has to run in a process of its own."""


@dataclass(frozen=True)
class Job:
    """What a client asks for."""

    cwd: str
    argv: list[str]
    environment: dict[str, str]


def read_only_once(environment: dict[str, str]) -> dict[str, str]:
    """The part of an environment in which a job must not differ from the server."""
    beginnings = AT_START + AT_IMPORT
    return {k: v for k, v in environment.items() if k.startswith(beginnings) and k not in FREE}


STARTED_WITH = read_only_once(dict(os.environ))
SEARCHED = [place for place in sys.path if place != str(Path(__file__).parent)]
"""Where every Python like this one looks for modules: without the folder of the program it runs."""
SIGNALS = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
"""What a terminal or a scheduler sends to a whole group of processes, and what each did at the start."""


def serve(listening: socket.socket, package: Path, modules: list[str]) -> None:
    """Import, and take jobs, until standard input closes."""
    before = {str(path): changed_at(path) for path in package.rglob("*.py")}
    waiting = list(modules)
    jobs: set[int] = set()
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    poll.register(0, select.POLLIN)
    try:
        while True:
            ready = dict(poll.poll(0 if waiting else None))
            if 0 in ready:
                return
            if ready:
                with contextlib.suppress(OSError):  # no memory, or nobody there any more: the client goes on
                    jobs.add(begin(listening, package))
                jobs -= ended(jobs)
            elif waiting:
                module = waiting.pop(0)
                prepare(module, package)
                if module.partition(".")[0] == package.name:
                    files = [own.__file__ for own in own_modules(package).values()]
                    OWN.update((file, before.get(file)) for file in files)
                if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208  a library began a thread
                    waiting.clear()  # a fork would wait for ever for what that thread holds
                    poll.unregister(listening)
                    listening.close()
    finally:
        for pid in jobs - ended(jobs):
            os.kill(pid, signal.SIGKILL)


def changed_at(path: str | Path) -> tuple[int, int] | None:
    """Time of change and size of a file, None where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116  called for a hundred files of every job: Path.stat is slower
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def own_modules(package: Path) -> dict[str, types.ModuleType]:
    """What is imported of the package."""
    name = package.name
    return {
        key: module
        for key, module in list(sys.modules.items())
        if (key == name or key.startswith(f"{name}.")) and getattr(module, "__file__", None)
    }


def prepare(module: str, package: Path) -> None:
    """Import one module; one that cannot be imported is left to the jobs that want it."""
    own = module.partition(".")[0] == package.name
    if own:
        sys.path.insert(0, str(package.parent))
    with contextlib.suppress(BaseException):
        importlib.import_module(module)
    if own:
        sys.path[:] = SEARCHED
    for finalizer in list(weakref.finalize._registry):
        finalizer.atexit = False  # of the libraries: thousands, and nothing that outlives a process
    dynamo = sys.modules.get("torch._dynamo.utils")
    atexit.unregister(getattr(dynamo, "dump_compile_times", None))  # looks at all that was compiled
    gc.freeze()  # what is imported stays: a job's garbage collection need not touch, and so copy, it


def ended(jobs: set[int]) -> set[int]:
    """Processes among `jobs` that are over."""
    return {pid for pid in jobs if os.waitpid(pid, os.WNOHANG)[0]}


def begin(listening: socket.socket, package: Path) -> int:
    """Fork for the next client; gives the process that takes its job."""
    connection, _ = listening.accept()
    with connection:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                listening.close()
                code = take(connection, package)
            finally:
                os._exit(code)
    return pid


def take(connection: socket.socket, package: Path) -> int:
    """Run the job of a client in this process, and tell the client its exit code."""
    try:
        job = received(connection)
    except (Refused, OSError, ValueError):
        return 1
    end_with(connection)
    become(job)
    if not imports_the_same(package):
        forget(package)
    connection.sendall(ARRIVED)
    code = ran(lambda: run_script(job.argv[0]))
    code = max(code, ran(finish))
    connection.sendall(bytes([code]))
    return code


def received(connection: socket.socket) -> Job:
    """The request of a client, its files in the place of our own standard ones.

    Raises:
        Refused: It comes from somebody else, from another Python, or needs other settings.
    """
    connection.settimeout(10)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    if struct.unpack("3i", credentials)[1] != os.getuid():
        raise Refused("another user")
    message, fds, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while len(message) < 8 or len(message) < 8 + int.from_bytes(message[:8], "big"):
        more = connection.recv(1 << 16)
        if not more:
            raise Refused("cut off")
        message += more
    connection.settimeout(None)
    executable, version, cwd, count, *rest = (os.fsdecode(part) for part in message[8:].split(b"\0"))
    argv, variables = rest[: int(count)], rest[int(count) :]
    environment = dict(variable.split("=", 1) for variable in variables)
    same = (executable, version) == (sys.executable, sys.version)
    if not same or read_only_once(environment) != STARTED_WITH:
        raise Refused("another Python or other settings")
    for place, fd in enumerate(fds):
        os.dup2(fd, place)
        os.close(fd)
    return Job(cwd, argv, environment)


def end_with(connection: socket.socket) -> None:
    """Let the kernel end this process when the client is gone: SIGIO does, at once, whatever runs.

    The client sends nothing more, so nothing but its end makes the connection readable.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([connection], [], [], 0)[0]:
        os._exit(1)  # it went before the kernel was told


def become(job: Job) -> None:
    """Take over folder, environment, search path, arguments, files and signals of a process of its own."""
    os.chdir(job.cwd)
    os.environ.clear()
    os.environ.update(job.environment)
    tempfile.tempdir = None
    script = Path(job.argv[0])
    given = [place for place in job.environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [str(script.resolve().parent), *given, *SEARCHED]
    sys.argv[:] = job.argv
    for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        old = getattr(sys, name)
        new = open(fd, mode, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115
        if name == "stderr":
            new.reconfigure(line_buffering=True)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    for number, handler in SIGNALS.items():
        signal.signal(number, handler)
    gc.enable()


def imports_the_same(package: Path) -> bool:
    """Whether this job would import the package from the same folder, and nothing has changed in it."""
    found = (finder.find_spec(package.name, None) for finder in sys.meta_path)
    spec = next((each for each in found if each), None)
    same_place = spec is not None and spec.origin == str(package / "__init__.py")
    return same_place and all(changed_at(path) == before for path, before in OWN.items())


def forget(package: Path) -> None:
    """Let the package be imported anew."""
    for name in [key for key in sys.modules if key == package.name or key.startswith(f"{package.name}.")]:
        del sys.modules[name]


def run_script(name: str) -> None:
    """The script as the main module of this process."""
    main = types.ModuleType("__main__")
    main.__file__ = name
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    exec(compile(Path(name).read_bytes(), name, "exec"), main.__dict__)


def finish() -> None:
    """What Python does before it ends: wait for threads, call what asked for it, write what is left."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def ran(work: Callable[[], None]) -> int:
    """Exit code of `work`, an error that it ends with told as Python tells it."""
    try:
        work()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
    except BaseException as error:
        own = error.__traceback__
        while own and own.tb_frame.f_code.co_filename == __file__:
            own = own.tb_next
        traceback.print_exception(type(error), error, own)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    else:
        return 0
    return 1


def main() -> None:
    """Serve, then take the socket away."""
    fd, path, package, *modules = sys.argv[1:]
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # it ends with the process that started it, not before
    sys.path[:] = SEARCHED
    gc.disable()
    try:
        with socket.socket(fileno=int(fd)) as listening:
            serve(listening, Path(package), modules)
    finally:
        shutil.rmtree(Path(path).parent, ignore_errors=True)
        os._exit(0)


if __name__ == "__main__":
    main()
