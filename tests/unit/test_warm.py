"""Jobs that start warm: what a job sees and says is what it would in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesign import warm
from codesign.warm.server import read_only_once

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs start warm on Linux alone")
PATIENCE_S = 60
WARM = "import sys; print('wave' in sys.modules)"


@pytest.fixture(scope="module", autouse=True)
def hang_up():
    """A program that `nohup` began, these tests for one, ignores it, and so would all that they start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One that has imported a module no script of these tests asks for."""
    started = warm.start(["wave"])
    script = tmp_path_factory.mktemp("warm") / "script.py"
    script.write_text(WARM)
    until(lambda: begin(started.path, script).communicate(timeout=PATIENCE_S)[0] == "True\n")
    yield started
    started.stop()


def environment(**changes: str) -> dict[str, str]:
    """What Snakemake gives a job of one thread."""
    return os.environ | dict.fromkeys(warm.THREADS, "1") | changes


def begin(path: Path, script: Path, *arguments: str, **given) -> subprocess.Popen:
    """Start a job as Snakemake does."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", warm.FOLDER / "client.py", path, sys.executable, script, *arguments],
        **{"env": environment(), "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | given,
    )


@pytest.fixture
def job(tmp_path, server):
    """Runs code as a script: its exit code, output and errors."""

    def run(code: str, *arguments: str, path: Path = server.path, **given):
        script = tmp_path / "script.py"
        script.write_text(code)
        process = begin(path, script, *arguments, **given)
        output, errors = process.communicate(timeout=PATIENCE_S)
        return process.returncode, output, errors

    return run


def until(condition) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("code", "exit_code", "errors"),
    [
        pytest.param("", 0, "", id="end"),
        pytest.param("raise SystemExit", 0, "", id="exit"),
        pytest.param("raise SystemExit(3)", 3, "", id="exit-3"),
        pytest.param("raise SystemExit('no more')", 1, "no more\n", id="exit-text"),
        pytest.param("import os; os._exit(4)", 4, "", id="at-once"),
        pytest.param("raise KeyboardInterrupt", 130, None, id="interrupt"),
    ],
)
def test_a_job_ends_as_its_script_does(job, code, exit_code, errors):
    """Exit codes and last words are Python's own; a job that leaves without a word was killed."""
    ended, output, said = job(f"{WARM}\nsys.stdout.flush()\n{code}")
    if "_exit" in code:
        assert ended != 0
    else:
        assert ended == exit_code
        assert errors is None or said == errors
    assert output == "True\n"


def test_a_traceback_begins_in_the_script(job):
    """Nothing of the server stands in it."""
    code, _, errors = job("def f():\n    return 1 / 0\n\n\nf()\n")
    cold = job("def f():\n    return 1 / 0\n\n\nf()\n", path=Path("/nowhere"))
    assert code == 1
    assert errors == cold[2]
    assert "server.py" not in errors


SEEN = """
import os, sys, warnings, signal, tempfile, threading, atexit
print(__name__, __file__, sys.argv, os.getcwd(), sys.path, sys.modules["__main__"].__dict__ is globals())
print(sorted(os.environ.items()), tempfile.gettempdir(), threading.active_count(), sys.stdin.read())
print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), warnings.filters)
print(sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors, sys.stdout.line_buffering, sys.flags)
print(sorted(os.listdir("/proc/self/fd"))[:3], __import__("neighbour").WHO)
atexit.register(print, "the end")
threading.Thread(target=lambda: print("a thread")).start()
"""


def test_a_job_sees_what_it_would_see_without_a_server(job, tmp_path):
    """Arguments, folders, environment, search path, signals, files: all as in a process of its own."""
    (tmp_path / "neighbour.py").write_text("WHO = 'beside the script'\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings = {
        "cwd": elsewhere,
        "env": environment(PYTHONPATH=str(elsewhere), CHANGED="yes", TMPDIR=str(elsewhere)),
        "stdin": subprocess.DEVNULL,
    }
    cold = job(SEEN, "a", "b c", path=Path("/nowhere"), **settings)
    assert job(SEEN, "a", "b c", **settings) == cold


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"OMP_NUM_THREADS": "2"}, id="threads"),
        pytest.param({"PYTHONHASHSEED": "7"}, id="hash-seed"),
        pytest.param({"PYTHONOPTIMIZE": "1"}, id="optimised"),
    ],
)
def test_a_job_that_needs_other_settings_runs_in_its_own_process(job, changes):
    """What Python and the libraries read when they start cannot be changed afterwards."""
    assert job(WARM, env=environment(**changes)) == (0, "False\n", "")


def test_without_a_server_a_job_runs_in_its_own_process(job, tmp_path):
    """Nobody at the socket, or no socket at all."""
    started = warm.start([])
    started.stop()
    assert job(WARM, path=started.path) == (0, "False\n", "")
    assert job(WARM, path=tmp_path / "none") == (0, "False\n", "")


def test_another_command_runs_as_it_is(server):
    """A program that is not this Python is none of the server's business."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", warm.FOLDER / "client.py", server.path, "sh", "-c", "echo $0; exit 7"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (7, "sh\n")


def test_one_server_serves_two_folders(server, tmp_path):
    """Each job imports the code beside it, as it stands when the job begins."""
    said = []
    for name, text in (("one", "first"), ("two", "second"), ("one", "changed")):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "shared_name.py").write_text(f"SAYS = {text!r}\n")
        (folder / "script.py").write_text("import shared_name; print(shared_name.SAYS)\n")
        process = begin(server.path, folder / "script.py", env=environment(PYTHONDONTWRITEBYTECODE="1"))
        said.append(process.communicate(timeout=PATIENCE_S)[0])
    assert said == ["first\n", "second\n", "changed\n"]


LASTING = (
    "import os, time; print(os.getpid(), os.getppid(), flush=True); [time.sleep(0.1) for _ in range(6000)]"
)
"""Short sleeps: a signal that comes right before one is only seen after it."""


@pytest.fixture
def lasting(tmp_path, server):
    """A job that would last ten minutes: its client, and the process it runs in."""
    script = tmp_path / "lasting.py"
    script.write_text(LASTING)
    client = begin(server.path, script)
    pid, parent = map(int, client.stdout.readline().split())
    assert parent == server.process.pid
    yield client, pid
    client.kill()
    client.communicate()


def ignores_interrupts(pid: int) -> bool:
    """Whether a process leaves them to others."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.split("SigIgn:")[1].split()[0], 16) & 1 << signal.SIGINT - 1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_job_ends_with_its_client(lasting, number):
    """Whatever Snakemake, the kernel or a person does to the process that they see, happens to the job."""
    client, pid = lasting
    client.send_signal(number)
    client.wait(PATIENCE_S)
    until(lambda: not alive(pid))


def test_a_client_says_that_its_job_was_killed(lasting):
    """As where memory runs out: the run must not take the job for done."""
    client, pid = lasting
    os.kill(pid, signal.SIGKILL)
    _, errors = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 137
    assert errors == "the job's process was killed\n"


def test_an_interrupt_of_all_ends_the_job_as_an_interrupt_does(tmp_path):
    """Ctrl-C reaches the whole process group; the job clears up and its client waits for that."""
    script = tmp_path / "script.py"
    script.write_text(f"try:\n    {LASTING}\nfinally:\n    print('cleared up')\n".replace("; ", "\n    "))
    starter = tmp_path / "starter.py"
    starter.write_text(
        "import signal, subprocess, sys\n"
        "from codesign import warm\n"
        "signal.signal(signal.SIGINT, lambda *_: None)  # from the beginning: it may come at any moment\n"
        "server = warm.start([])\n"
        "command = [sys.executable, '-I', '-S', warm.FOLDER / 'client.py', server.path, sys.executable]\n"
        "client = subprocess.Popen([*command, sys.argv[1]])\n"
        "open(sys.argv[2], 'w').write(str(client.pid))\n"
        "code = client.wait()\n"
        "server.stop()\n"
        "print(code)\n"
    )
    started = subprocess.Popen(
        [sys.executable, starter, script, tmp_path / "client"],
        env=environment(PYTHONPATH=str(warm.FOLDER.parents[1])),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started.stdout.readline()
    until(lambda: (tmp_path / "client").is_file() and (tmp_path / "client").read_text())
    client = int((tmp_path / "client").read_text())
    until(lambda: ignores_interrupts(client))
    os.killpg(started.pid, signal.SIGINT)
    assert started.communicate(timeout=PATIENCE_S)[0] == "cleared up\n130\n"


def test_nothing_stays_when_the_main_process_is_killed(tmp_path):
    """The server sees that its standard input closes: it ends, with its jobs and its folder."""
    script, starter = tmp_path / "script.py", tmp_path / "starter.py"
    script.write_text(LASTING)
    starter.write_text(
        "import subprocess, sys\n"
        "from codesign import warm\n"
        "server = warm.start([])\n"
        "print(server.path, flush=True)\n"
        "command = [sys.executable, '-I', '-S', warm.FOLDER / 'client.py', server.path, sys.executable]\n"
        "subprocess.run([*command, sys.argv[1]])\n"
    )
    started = subprocess.Popen(
        [sys.executable, starter, script],
        env=environment(PYTHONPATH=str(warm.FOLDER.parents[1])),
        stdout=subprocess.PIPE,
        text=True,
    )
    path = Path(started.stdout.readline().strip())
    pids = list(map(int, started.stdout.readline().split()))
    started.kill()
    until(lambda: not any(map(alive, pids)))
    until(lambda: not path.parent.exists())
    started.communicate()


def test_the_socket_is_nobody_elses(server):
    """Who could connect could run code as the user."""
    assert server.path.parent.stat().st_mode & 0o777 == 0o700
    assert server.path.parent.stat().st_uid == os.getuid()


def test_a_server_that_cannot_import_something_goes_on(job):
    """A module may be missing, or end Python."""
    started = warm.start(["no_such_module", "wave"])
    try:
        until(lambda: job(WARM, path=started.path) == (0, "True\n", ""))
    finally:
        started.stop()


@pytest.fixture
def with_package(tmp_path, monkeypatch):
    """A server that has imported a package's modules, and a job that says what it finds in them."""
    package = tmp_path / "here/lab"
    for name, text in {
        "__init__": "",
        "inner/__init__": "",
        "inner/deep": "import os\nBY = os.getpid()\nSAYS = 1\n",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / f"{name}.py").write_text(text)
    script = tmp_path / "asks.py"
    script.write_text("import os\nfrom lab.inner.deep import BY, SAYS\nprint(BY != os.getpid(), SAYS)\n")
    started = warm.start(["lab.inner.deep"], package=package)

    def said(folder: Path = package.parent) -> str:
        given = environment(PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1")
        output, errors = begin(started.path, script, env=given).communicate(timeout=PATIENCE_S)
        assert not errors
        return output.strip()

    until(lambda: said() == "True 1")
    yield package, said
    started.stop()


def test_a_module_of_the_package_is_imported_once(with_package):
    """By the server, not by the job."""
    _, said = with_package
    assert said() == "True 1"


def test_a_module_that_changed_is_imported_anew(with_package):
    """A job computes with the code as it stands when the job begins."""
    package, said = with_package
    (package / "inner/deep.py").write_text("BY = 0\nSAYS = 22\n")
    assert said() == "True 22"
    (package / "inner/deep.py").write_text("import os\nBY, SAYS = os.getpid(), 333\n")
    assert said() == "False 333"


def test_a_job_with_another_copy_of_the_package_imports_that(with_package, tmp_path):
    """Where the job's search path leads is what it gets, the same content or not."""
    package, said = with_package
    shutil.copytree(package, tmp_path / "elsewhere/lab")
    assert said(tmp_path / "elsewhere") == "False 1"
    assert said() == "True 1"


def test_a_library_with_a_thread_ends_the_warm_starts(job, tmp_path, monkeypatch):
    """A fork has one thread: what the others held would be held for ever."""
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.path.append(" + repr(str(tmp_path)) + ")\n")
    kept = warm._environment
    monkeypatch.setattr(warm, "_environment", lambda given: kept(given) | {"PYTHONPATH": str(tmp_path)})
    started = warm.start(["wave", "threaded"])
    try:
        until(lambda: job(WARM, path=started.path) == (0, "False\n", ""))
    finally:
        started.stop()


def test_long_paths_of_temporary_folders_are_avoided(monkeypatch, tmp_path):
    """The path of a socket has at most 107 bytes."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(warm.tempfile, "tempdir", str(deep))
    started = warm.start([])
    try:
        assert len(os.fsencode(started.path)) <= warm.LONGEST
    finally:
        started.stop()


@pytest.mark.parametrize(
    ("value", "expected"), [("0", None), ("/tmp/some/socket", "/tmp/some/socket")], ids=["off", "shared"]
)
def test_the_environment_chooses(monkeypatch, value, expected):
    """CODESIGN_WARM turns it off, or names a server that runs already."""
    monkeypatch.setenv(warm.SWITCH, value)
    command = warm.prefix([])
    assert command is None if expected is None else command.endswith(f"client.py {expected}")


def test_elsewhere_jobs_start_as_usual(monkeypatch):
    """The kernel of another system would not end a job whose client is gone."""
    monkeypatch.setattr(warm.sys, "platform", "darwin")
    assert warm.start(["wave"]) is None


def test_what_is_read_once_is_what_a_job_may_not_change():
    """The search path of Python is put together anew for each job, so it may differ."""
    given = {
        "PYTHONPATH": "a",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "HOME": "/",
        "MPLBACKEND": "agg",
    }
    assert sorted(read_only_once(given)) == ["MPLBACKEND", "OMP_NUM_THREADS", "PYTHONHASHSEED"]
