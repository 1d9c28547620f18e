"""A script's messages, warnings and traceback into the rule's log."""

import errno
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from codesign.terminal import shown

FULL = "the disk is full: free some space and run again; what is finished stays, measurements are untouched"
FORBIDDEN = "results cannot be written there: make the folder writable, or run in a copy of the project"
REMEDIES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EROFS: FORBIDDEN,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
}
"""What to do about an error of the operating system."""


def remedy_of(error: BaseException) -> str:
    """What a person can do about an error that no message of ours explains; '' where nothing is known."""
    number = error.errno if isinstance(error, OSError) else None
    stated = re.search(r"\(os error (\d+)\)", str(error))  # as libraries written in Rust say it
    return REMEDIES.get(int(stated.group(1)) if stated else number, "")


class _Clean:
    """A text file that takes no control characters: what is printed may quote files."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        self._file.write(shown(text.replace("\t", "    ")))
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@contextmanager
def log_to(path: str | Path) -> Iterator[None]:
    """Send everything the block prints, logs or warns to `path`.

    An error is written there with its traceback and goes on to the caller, so
    that Snakemake removes half-made outputs; its last line also goes to the
    real standard error, where a person looks first, with what to do about it
    where the disk is full or the folder cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr
    with path.open("w", encoding="utf-8", buffering=1) as file:
        log = _Clean(file)
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        warnings.simplefilter("default")
        try:
            with redirect_stdout(log), redirect_stderr(log):
                yield
        except BaseException as error:
            remedy = remedy_of(error)
            said = f"{type(error).__name__}: {error}" + (f"\n{remedy}" if remedy else "")
            print(f"{shown(said)}\n(see {path})", file=terminal)
            logging.getLogger("codesign").exception("the script stopped")
            raise
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)
            root.setLevel(level)
