"""What a script that stops says on the terminal."""

import errno
import os

import pytest
from safetensors import SafetensorError

from codesign.log import FORBIDDEN, FULL, log_to, remedy_of
from codesign.provenance.digest import content_digest


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), FULL, id="full"),
        pytest.param(
            SafetensorError("I/O error: No space left on device (os error 28)"), FULL, id="full-in-rust"
        ),
        pytest.param(OSError(errno.EROFS, "Read-only file system"), FORBIDDEN, id="read-only"),
        pytest.param(PermissionError(errno.EACCES, "Permission denied"), FORBIDDEN, id="no-permission"),
        pytest.param(ValueError("a curve has no points"), "", id="ours"),
    ],
)
def test_an_error_of_the_system_comes_with_what_to_do(tmp_path, capsys, error, remedy):
    """Messages of our own say it themselves."""
    assert remedy_of(error) == remedy
    with pytest.raises(type(error)), log_to(tmp_path / "log"):
        raise error
    printed = capsys.readouterr().err
    assert printed.startswith(f"{type(error).__name__}: ") and printed.endswith(f"(see {tmp_path / 'log'})\n")
    assert remedy in printed


def test_a_content_digest_follows_the_content_and_not_the_time(tmp_path):
    """An older file of other content counts, a newer one of the same content does not."""
    path = tmp_path / "a"
    assert content_digest([path]) == ""
    path.write_bytes(b"one")
    first = content_digest([path])
    os.utime(path, (2e9, 2e9))
    assert content_digest([path]) == first
    path.write_bytes(b"two")
    os.utime(path, (1e9, 1e9))
    assert content_digest([path]) not in ("", first)


def test_a_log_holds_no_control_characters(tmp_path):
    """What is printed may quote a file, and people print logs; line breaks stay, tabs are blanks."""
    with log_to(tmp_path / "log"):
        print("a\x1b[2Jb\tc\x07")
        print("µ second")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "a\N{REPLACEMENT CHARACTER}[2Jb    c" + (
        "\N{REPLACEMENT CHARACTER}\nµ second\n"
    )


def test_a_content_digest_takes_the_reason_for_what_cannot_be_read(tmp_path):
    """A pipe would be waited for, a folder cannot be opened."""
    path = tmp_path / "a"
    path.mkdir()
    first = content_digest([path])
    path.rmdir()
    os.mkfifo(path)
    assert first and content_digest([path]) not in ("", first)
