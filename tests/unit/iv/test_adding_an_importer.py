"""Importers are found by their files; the example of docs/adding-an-importer.md in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codesign.iv.formats import FormatError, importers, importers_of, raw_suffixes
from codesign.iv.importers import ImportRefused, import_file

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "docs/examples/blocks"
IMPORT = """
import sys
from pathlib import Path
from codesign.iv.importers import ImportRefused, import_file
for name in sys.argv[1:]:
    try:
        m = import_file(name, device="wire")
        print("read", m.metadata.kind, len(set(m.cycle.tolist())), m.voltage.max(), repr(m.current[4].item()))
    except ImportRefused as refusal:
        print("refused", refusal)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A copy of the package with the example in it."""
    folder = tmp_path_factory.mktemp("importer")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("codesign", "schemas"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    shutil.copy2(EXAMPLE / "blocks.py", folder / "codesign/iv/importers/blocks.py")
    return folder / "codesign"


def imported(package: Path, *files: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *map(str, files)],
        env=os.environ | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=package.parent,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("suffix", [".blk", ".txt", ".TXT"])
def test_the_example_is_read_in_volts_and_amperes(package, tmp_path, suffix):
    """By its own suffix, and among text files by its first line."""
    path = tmp_path / f"wire{suffix}"
    text = (EXAMPLE / "wire.blk").read_text()
    path.write_text(text)
    current = float(re.search(r"^1000;(\S+)", text, re.MULTILINE).group(1))
    (said,) = imported(package, path)
    *words, ampere = said.split()
    assert words == ["read", "sweep", "3", "1.0"]
    assert float(ampere) == pytest.approx(current * 1e-9)


def test_other_text_files_go_to_the_general_reader(package, tmp_path):
    """An importer that recognises its own takes nothing from it."""
    path = tmp_path / "wire.txt"
    path.write_text("voltage (V)\tcurrent (A)\n0.0\t0.0\n0.5\t1e-6\n1.0\t2e-6\n0.5\t1e-6\n0.0\t0.0\n")
    assert imported(package, path)[0].startswith("read sweep 1 1.0")


def test_a_file_of_no_format_says_who_was_asked(package, tmp_path):
    """The suffix is known, the content is not."""
    path = tmp_path / "wire.blk"
    path.write_text("voltage (V)\tcurrent (A)\n0.0\t0.0\n")
    assert "no importer of .blk recognises its first lines (blocks)" in imported(package, path)[0]


def test_wherever_the_example_is_cut_it_is_refused(package, tmp_path):
    """Of every length but the whole, whether told by its suffix or by its first line."""
    raw = (EXAMPLE / "wire.blk").read_bytes().rstrip()
    cuts = []
    for length in range(1, len(raw), 5):
        cuts.append(tmp_path / f"cut-{length}{('.blk', '.txt')[length % 2]}")
        cuts[-1].write_bytes(raw[:length])
    said = imported(package, *cuts)
    assert len(said) == len(cuts) and all(line.startswith("refused cut-") for line in said), said


@pytest.mark.parametrize("units", ["mV MA", "mV a.u.", "mA nA", "V", "nA mV"])
def test_another_unit_is_refused_or_converted(package, tmp_path, units):
    """The reader hands on what the file says; the common part knows units."""
    path = tmp_path / "wire.blk"
    path.write_text((EXAMPLE / "wire.blk").read_text().replace("UNITS mV nA", f"UNITS {units}"))
    assert imported(package, path)[0].startswith("refused wire.blk: ")


def test_formats_there_are():
    """The general text reader comes last, and no suffix is lost."""
    assert {".csv", ".dat", ".h5", ".json", ".lvm", ".mat", ".mpt", ".ods", ".tdms", ".tsv", ".txt"} < set(
        raw_suffixes()
    )
    assert {".xls", ".xlsm", ".xlsx"} < set(raw_suffixes())
    assert [each.name for each in importers_of(".TXT")] == ["easyexpert", "text"]
    assert all(each.module.startswith("codesign.iv.importers.") for each in importers())


GENERAL = 'SUFFIXES = (".txt",)\n\ndef read(path, *, known=()):\n    pass\n'


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"a": GENERAL, "b": GENERAL}, "a.py and b.py read every .txt file", id="two-general"),
        pytest.param({"a": 'SUFFIXES = (".txt",)\n'}, "a.py: read is missing", id="no-read"),
        pytest.param({"a": GENERAL.replace(".txt", "txt")}, "with the point", id="no-point"),
        pytest.param({"a": GENERAL.replace(".txt", ".TXT")}, "in lower case", id="capitals"),
        pytest.param({"a": GENERAL.replace('(".txt",)', '".txt"')}, "must be written out", id="text"),
        pytest.param(
            {"a": GENERAL.replace('(".txt",)', "tuple(KNOWN)")}, "must be written out", id="computed"
        ),
        pytest.param({"a": GENERAL.replace(".txt", ".parquet")}, "none of .parquet, .yaml", id="taken"),
        pytest.param({"a": GENERAL + "def\n"}, "line 5: not Python", id="syntax"),
    ],
)
def test_a_mistake_is_said_when_the_workflow_is_read(tmp_path, files, message):
    """File and remedy, without running the file."""
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(FormatError, match=re.escape(message)):
        importers(tmp_path)


def test_those_that_recognise_are_asked_first(tmp_path):
    """Whatever their names, the general reader is the last."""
    (tmp_path / "a.py").write_text(GENERAL)
    (tmp_path / "z.py").write_text(GENERAL + "\ndef recognises(lines):\n    return False\n")
    assert [each.name for each in importers_of(".txt", tmp_path)] == ["z", "a"]


def test_two_that_recognise_one_file_are_refused(package, tmp_path):
    """Which of them is right nothing tells."""
    twin = package / "iv/importers/twin.py"
    shutil.copy2(EXAMPLE / "blocks.py", twin)
    try:
        said = imported(package, EXAMPLE / "wire.blk")
    finally:
        twin.unlink()
    assert "several importers take the file for theirs: blocks, twin" in said[0]


def test_a_suffix_nobody_reads_names_those_that_are_read(tmp_path):
    """As before there were importers in files of their own."""
    path = tmp_path / "a.wpk"
    path.write_text("0 0\n")
    with pytest.raises(ImportRefused, match=r"no importer reads .wpk; export it as one of .asc, .csv, .dat"):
        import_file(path, device="a")


def test_a_table_counts_its_cells():
    """A reader that loses a cell is a mistake of the reader, not of the file."""
    from codesign.iv.importers.table import Table

    with pytest.raises(ValueError, match="a table has a header a column and a cell a row"):
        Table(header=["V", "I"], columns=[np.zeros(3), np.zeros(2)], rows=[1, 2, 3])
