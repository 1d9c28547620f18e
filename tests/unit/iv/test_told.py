"""What the check tells of many files: short, the worst first, and true at the end."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from codesign.iv.check import Finding, check_files, files_in
from codesign.iv.told import MANY, NAMED, summary, told, worst_first

ROOT = Path(__file__).resolve().parents[3]
GOOD = "voltage (mV),current_cycle1,current_cycle2\n0,0,0\n1000,1e-6,2e-6\n2000,3e-6,4e-6\n0,0,0\n"


@pytest.fixture
def many(tmp_path):
    """Twelve files without conditions, one of which cannot be read."""
    for k in range(MANY + 2):
        (tmp_path / f"wire {k}.csv").write_text(GOOD if k != 5 else "nothing\n", encoding="utf-8")
    return tmp_path


def test_errors_come_before_warnings_and_what_files_share_is_said_once(many):
    """A person mends the error first, and reads of conditions nobody wrote down once, not eleven times."""
    files = files_in([many])
    findings = check_files(files)
    error, conditions = told(findings, files=len(files), everything=False)
    assert (error.level, error.files) == ("error", (str(many / "wire 5.csv"),))
    assert (conditions.level, conditions.where, len(conditions.files)) == ("warning", "conditions", MANY + 1)
    assert "into NAME.meta.yaml beside it" in conditions.remedy
    names = conditions.named
    assert names[:NAMED] == [str(many / "wire 0.csv"), "wire 1.csv", "wire 10.csv"]
    assert names[NAMED:] == [f"and {MANY + 1 - NAMED} more"]


@pytest.mark.parametrize(("files", "everything"), [(MANY, False), (MANY + 1, True)], ids=["few", "asked for"])
def test_each_file_and_its_notes_are_told_where_they_are_few_or_asked_for(files, everything):
    """As typed, with the file's own name."""
    findings = [Finding("a.csv", level, "", f"a {level}", "into a.csv") for level in ("note", "warning")]
    said = told(findings * 2, files=files, everything=everything)
    assert [each.level for each in said] == ["warning", "warning", "note", "note"]
    assert {each.remedy for each in said} == {"into a.csv"}


def test_findings_of_one_file_keep_its_name_and_places_that_differ_are_left_out():
    """NAME stands for a file only where there are several; no word is taken for a name."""
    shared = [Finding(f"{name}.csv", "warning", f"cycle {name}", f"lost in {name}") for name in ("aa", "bb")]
    alone = Finding("lost.csv", "warning", "cycle 1", "lost.csv, lost, losts")
    [both, one] = told([*shared, alone], files=MANY + 1, everything=False)
    assert (both.files, both.where, both.what) == (("aa.csv", "bb.csv"), "", "lost in NAME")
    assert (one.where, one.what) == ("cycle 1", "lost.csv, lost, losts")


def test_the_last_line_counts_files_that_can_be_used(many):
    """Sidecars and documents are no measurements; two errors of one file lose one file."""
    (many / "folder.meta.yaml").write_text("ag_nm: 200\n", encoding="utf-8")
    (many / "README.md").write_text("x", encoding="utf-8")
    files = files_in([many])
    findings = check_files(files)
    again = [*findings, Finding(str(many / "wire 5.csv"), "error", "", "and more")]
    assert summary(files, again).startswith("11 of 12 measurement files can be used; 1 cannot: 2 errors, ")
    assert summary([], []) == "0 of 0 measurement files can be used: 0 errors, 0 warnings, 0 notes"


def test_files_of_a_folder_that_stops_the_run_cannot_be_used(tmp_path):
    """Two files claim one device: the error is the folder's; a file that nothing reads is lost, too."""
    files = [tmp_path / "raw" / name for name in ("a.csv", "A_.csv", "deep/b.csv")] + [tmp_path / "c.csv"]
    findings = [Finding(str(tmp_path / "raw"), "error", "", "two files have the device id 'a'")]
    assert summary(files, findings).startswith("1 of 4 measurement files can be used; 3 cannot: 1 error,")
    left = [Finding(str(files[2]), "warning", "", "the run leaves it out: a folder in data/raw")]
    assert summary(files, left).startswith("3 of 4 measurement files can be used; 1 cannot: 0 errors, 1 warn")
    assert worst_first([*left, *findings]) == [*findings, *left]


@pytest.mark.parametrize("options", [(), ("--all",)], ids=["short", "all"])
def test_a_terminal_is_told_little_unless_it_asks(many, options):
    """The table of many files has a row for what they share; with --all one a file."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "codesign.iv", "check", str(many), *options]
    done = subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "160"}, cwd=ROOT
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:  # the other end of a terminal is closed
        pass
    os.close(ours)
    assert done.wait() == 1
    lines = said.decode().splitlines()
    assert lines[-1].startswith("11 of 12 measurement files can be used; 1 cannot: 1 error, 11 warnings, ")
    assert lines[-1].endswith("--all shows each file and its notes") == (not options)
    assert ("mV" in said.decode()) == bool(options), "notes tell how units were converted"
    assert said.decode().count("not known:") == (11 if options else 1)
