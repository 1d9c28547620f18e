"""Run a command, a Python script in the warm server where that is possible.

    python -I -S client.py SOCKET COMMAND ARGUMENT...

Starts with every job, so it imports next to nothing.
"""

# pathlib, signal and socket would take several times as long to import as everything here
import _signal
import _socket
import os
import sys

ARRIVED = b"+"
REFUSED = None
FDS = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (0, 1, 2))


def request(script: list[str]) -> bytes:
    """What the server needs to know of a job, its length first."""
    told = [sys.executable, sys.version, os.getcwd(), str(len(script)), *script]  # noqa: PTH109
    parts = [os.fsencode(part) for part in told]
    parts += [name + b"=" + value for name, value in os.environb.items()]
    body = b"\0".join(parts)
    return len(body).to_bytes(8, "big") + body


def handed_over(path: str, script: list[str]) -> int | None:
    """Exit code of the script; None where the server does not take it."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
        message = request(script)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, FDS)]
        sent = connection.sendmsg([message], rights)
        connection.sendall(message[sent:])
        if connection.recv(1) != ARRIVED:
            return REFUSED
    except OSError:
        return REFUSED
    # the job is in the same process group: an interrupt reaches it too, and it ends by itself
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    try:
        code = connection.recv(1)
    except OSError:
        code = b""
    if not code:
        os.write(2, b"the job's process was killed\n")
        return 137
    return code[0]


def main() -> None:
    """Hand the command over, or become it."""
    path, *command = sys.argv[1:]
    if len(command) > 1 and command[0] == sys.executable and not command[1].startswith("-"):
        code = handed_over(path, command[1:])
        if code is not REFUSED:
            os._exit(code)
    os.execvp(command[0], command)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        os._exit(130)
