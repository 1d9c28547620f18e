"""The pages about Python run as they stand, from top to bottom, and print what they say they print."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from codesign.__main__ import main

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^(?:<!-- ([a-z ]+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
NEAR = 0.1
"""Scores of networks trained on other processors differ by some examples."""


def alike(said: str, printed: str) -> bool:
    """The same words, numbers with a point as near as training on another machine is; whole numbers equal."""
    if NUMBER.sub("", " ".join(said.split())) != NUMBER.sub("", " ".join(printed.split())):
        return False
    pairs = zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True)
    return all(a == b or ("." in a + b and abs(float(a) - float(b)) <= NEAR) for a, b in pairs)


def run(page: str, *, command=None) -> list[tuple[str, str]]:
    """What each block of output says and what was printed before it."""
    names: dict = {"__name__": "page"}
    found, printed = [], ""
    for note, kind, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        if kind == "python" and note != "not run":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(text, page, "exec"), names)
            printed = out.getvalue()
        elif kind == "text":
            found.append((text, printed))
        elif note == "command":
            program, *words = shlex.split(text)
            assert program == "codesign" and main(words) == 0
    return found


@pytest.mark.parametrize("page", ["your-own-network.md", "python-api.md"])
def test_the_page_runs_and_prints_what_it_says(page, tmp_path, monkeypatch):
    """In a folder of its own, so that a reader can do the same."""
    monkeypatch.chdir(tmp_path)
    found = run(page)
    assert found
    for said, printed in found:
        assert alike(said, printed), printed
    if page == "your-own-network.md":
        assert (tmp_path / "your-own-network.png").stat().st_size > 10_000
        assert (tmp_path / "held/hold.csv").is_file()


def test_alike_tells_words_and_counts_apart():
    """A check that takes anything would hold nothing."""
    assert alike("a 0.91 of 10", "a 0.93  of 10")
    assert (
        not alike("a 0.91 of 10", "a 0.80 of 10") and not alike("a 0.91", "b 0.91") and not alike("10", "11")
    )
