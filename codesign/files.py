"""Files that appear only when they are complete, and their checksums."""

import errno
import glob
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sha256_of(path: Path | str) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trouble_with(path: Path | str) -> str:
    """Why nothing can be read from `path`, in a few words; '' where a file is there and can be read.

    It is not opened: reading from a pipe would wait for ever.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "a link to a file that is not there" if path.is_symlink() else "not there"
    except OSError as error:  # links in a circle, a folder that cannot be entered
        return f"cannot be read: {error.strerror}"
    if stat.S_ISDIR(mode):
        return "a folder, not a file"
    if not stat.S_ISREG(mode):
        return "no file but a pipe, socket or device"
    return "" if os.access(path, os.R_OK) else f"cannot be read: {os.strerror(errno.EACCES)}"


def remedy_for(trouble: str) -> str:
    """What a person can do about what `trouble_with` says."""
    if trouble.startswith("cannot be read"):
        return "check the file's permissions"
    return "put the file itself there, or move this elsewhere"


@contextmanager
def replacing(path: Path | str, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds.

    Args:
        path: Target file.
        durable: Whether the content must be on the disk first, so that a power cut leaves it or nothing.

    Yields:
        A path in the same folder with the same suffix; the block writes there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_unfinished(path), suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def hold_same(source: Path | str, path: Path | str) -> None:
    """Let `path` hold what `source` does: as a second name of one file where the file system can."""
    with replacing(path) as temporary:
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def remove_unfinished(path: Path | str) -> None:
    """Remove what killed writers of `path` left beside it; only where nobody else writes it now."""
    path = Path(path)
    for left in path.parent.glob(f"{glob.escape(_unfinished(path))}????????{glob.escape(path.suffix)}"):
        left.unlink(missing_ok=True)


def _unfinished(path: Path) -> str:
    """How the names of temporary files beside `path` begin."""
    return f".{path.stem[:80]}."
