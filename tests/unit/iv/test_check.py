"""The check command and the import refuse the same files, and say where and what to do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codesign.iv.__main__ import main
from codesign.iv.check import check_file, check_files, check_layout, files_in
from codesign.iv.importers import ImportRefused, import_file, import_one
from codesign.iv.measurement import Measurement, Metadata, read_measurement, write_measurement
from codesign.iv.names import device_id

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("CODESIGN_MIRROR", ROOT / ".." / "shared" / "data"))
GOOD = "voltage,current_cycle1,current_cycle2\n0,0,0\n1,1e-6,2e-6\n2,3e-6,4e-6\n1,2e-6,3e-6\n0,0,0\n"
CONDITIONS = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200.0, "pb_min": 15.0, "ag_nm": 200.0}
KNOWN = "perovskite: MAPbI3\nlength_um: 1.5\ndiameter_nm: 200\npb_min: 15\nag_nm: 200\n"
"""A sidecar with all five conditions."""


def _xlsx(path, rows):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def _measurement(device="a", **changes):
    return Measurement.from_grid(
        Metadata(device=device, **CONDITIONS | changes),
        cycles=[1, 2],
        voltage=[0.0, 1.0, 0.0],
        current=np.ones((2, 3)),
    )


def _text(text, name="a.csv"):
    def make(folder):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def _truncated_parquet(folder):
    path = folder / "a.parquet"
    write_measurement(_measurement(), path)
    path.write_bytes(path.read_bytes()[:-40])
    return path


def _wrong_schema(folder):
    pq.write_table(pa.table({"V": [1.0], "I": [1.0]}), folder / "a.parquet")
    return folder / "a.parquet"


def _no_metadata(folder):
    path = folder / "a.parquet"
    write_measurement(_measurement(), path)
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    return path


def _truncated_workbook(folder):
    _xlsx(folder / "a.xlsx", [["voltage", "current_cycle1"], *([v, v] for v in range(200))])
    path = folder / "a.xlsx"
    path.write_bytes(path.read_bytes()[:2000])
    return path


def _text_in_workbook(folder):
    _xlsx(folder / "a.xlsx", [["voltage", "current_cycle1"], [0, 0], [1, "overflow"], [2, 1]])
    return folder / "a.xlsx"


def _empty_workbook(folder):
    _xlsx(folder / "a.xlsx", [])
    return folder / "a.xlsx"


def _unknown_key(folder):
    (folder / "a.meta.yaml").write_text("lenght_um: 1.5\n", encoding="utf-8")
    return _text(GOOD)(folder)


def _sidecar(sidecar, text=GOOD):
    def make(folder):
        (folder / "a.meta.yaml").write_text(sidecar, encoding="utf-8")
        return _text(text)(folder)

    return make


def _rates(folder):
    nptdms = pytest.importorskip("nptdms")
    with nptdms.TdmsWriter(str(folder / "a.tdms")) as writer:
        writer.write_segment(
            [
                nptdms.ChannelObject(
                    "g", name, np.arange(n) / n, {"unit_string": unit, "wf_increment": 1 / n}
                )
                for name, unit, n in (("Voltage", "V", 1000), ("Current", "A", 100))
            ]
        )
    return folder / "a.tdms"


def _two_files(folder):
    (folder / "A_.csv").write_text(GOOD, encoding="utf-8")
    return _text(GOOD)(folder)


def _binary(folder):
    (folder / "a.csv").write_bytes(bytes(range(256)))
    return folder / "a.csv"


def _broken(name):
    def make(folder):
        (folder / name).write_bytes(b"LabVIEW Measurement\t\n")
        return folder / name

    return make


REFUSED = {
    "no voltage column": (
        _text("time,current_cycle1\n0,1\n1,2\n"),
        "no voltage column",
        "header time, current_cycle1",
    ),
    "no current column": (
        _text("voltage,temperature\n0,1\n1,2\n"),
        "no current column",
        "header voltage, temperature",
    ),
    "text in numbers": (
        _text(GOOD.replace("3e-6", "OVERFLOW", 1)),
        "'OVERFLOW' is not a number",
        "column current_cycle1, row 4",
    ),
    "text in a workbook": (_text_in_workbook, "'overflow' is not a number", "column current_cycle1, row 3"),
    "text in the first row": (_text("V,I\n0,abc\n1,2\n2,3\n"), "'abc' is not a number", "column I, row 2"),
    "empty file": (_text(""), "the file is empty", ""),
    "blank file": (_text("\n \n"), "the file is empty", ""),
    "empty workbook": (_empty_workbook, "the workbook is empty", ""),
    "header only": (_text("voltage,current_cycle1\n"), "no rows below the header", ""),
    "truncated xlsx": (_truncated_workbook, "not a complete .xlsx workbook", ""),
    "broken lvm": (_broken("a.lvm"), "not a complete LabVIEW measurement file", ""),
    "broken tdms": (_broken("a.tdms"), "not a complete TDMS file", ""),
    "duplicate cycle names": (
        _text(GOOD.replace("current_cycle2", "current_cycle1")),
        "duplicate cycle: cycle 1 occurs more than once",
        "columns 2, 3",
    ),
    "same name twice": (
        _text(GOOD.replace("current_cycle1,current_cycle2", "I,I")),
        "duplicate cycle",
        "columns 2, 3",
    ),
    "infinite": (_text(GOOD.replace("3e-6", "inf", 1)), "inf is not finite", "column current_cycle1, row 4"),
    "voltage never positive": (_text("V,I\n0,1\n-1,2\n-2,3\n"), "the voltage is never positive", "column V"),
    "voltage missing": (
        _text(GOOD.replace("2,3e-6", ",3e-6")),
        "1 voltage(s) are missing",
        "column voltage, row 4",
    ),
    "nothing recorded": (_text("V,I\n0,nan\n1,\n2,9.91e37\n"), "no current was recorded", "column(s) I"),
    "unknown sidecar key": (_unknown_key, "unknown key (did you mean length_um?)", "a.meta.yaml"),
    "two files one id": (_two_files, "2 files have the device id 'a': a.csv, A_.csv", ""),
    "units of some cycles only": (
        _text(GOOD.replace("cycle1", "cycle1 (mA)")),
        "some current columns are in mA, others have no unit",
        "column(s) current_cycle2",
    ),
    "unknown unit": (
        _text(GOOD.replace("cycle1", "cycle1 (A/cm2)")),
        "'A/cm2' is no unit this import knows",
        "column current_cycle1 (A/cm2)",
    ),
    "mega or milli": (_text("V,I (MA)\n0,1\n1,2\n"), "'MA' is no unit this import knows", "column I (MA)"),
    "logarithm": (_text("V,lg I (A)\n0,-9\n1,-8\n"), "no current column", "header V, lg I (A)"),
    "third column without a name": (
        _text("V,I,\n0,0,1e5\n1,1e-6,1e6\n"),
        "there are values without a header: a further cycle, or another quantity",
        "column(s) 3",
    ),
    "thousands or decimals": (
        _text("U (V);I (nA)\n0,1;1.234\n0,2;1.301\n"),
        "'1.234' can be read in two ways: '.' may be a decimal sign or part thousands",
        "column I (nA), row 2",
    ),
    "gap between blanks": (
        _text("V I R\n0 1e-6 1e5\n1      1e6\n2 3e-6 1e6\n", "a.txt"),
        "the row has 2 values for 3 columns, and blanks do not tell which is missing",
        "row 3",
    ),
    "units parted by blanks": (
        _text("Voltage mV Current nA Resistance Ohm\n0 1 1e5\n1 2 1e6\n", "a.txt"),
        "the row has 3 values for 6 columns, and blanks do not tell which is missing",
        "row 2",
    ),
    "second block in other units": (
        _text("V,I\n0,0\n1,1e-6\nV,I (mA)\n0,0\n1,1\n"),
        "another header with other names or units begins here",
        "row 4",
    ),
    "gate voltage beside": (
        _text("V1,I1,V2,I2\n0,0,1,1e-9\n1,1e-6,1,1e-9\n"),
        "the voltage stays at 1 V, so this pair is no sweep",
        "column V2",
    ),
    "cycle number beyond": (
        _text(GOOD.replace("cycle2", "cycle99999999999")),
        "99999999999 is no cycle number",
        "column current_cycle99999999999",
    ),
    "impossible date": (
        _sidecar("measured_at: 2024-13-45\n"),
        "not YAML: month must be in 1..12",
        "a.meta.yaml",
    ),
    "bytes in the sidecar": (
        _sidecar("extra: {a: !!binary aGVsbG8=}\n"),
        "holds what is neither text, number, list nor keys with text",
        "a.meta.yaml",
    ),
    "pulses in arbitrary units": (
        _sidecar("pulse: {read_voltage_v: 0.1}\n", "pulse,G (a.u.)\n0,1\n1,2\n"),
        "'a.u.' is no unit this import knows",
        "column G (a.u.)",
    ),
    "long line with an open quote": (
        _text('V,I\n0,0\n1,1\n"' + "x" * 200_000 + "\n"),
        "is not a number",
        "column V, row 4",
    ),
    "different sampling rates": (
        _rates,
        "voltage and current were sampled at different steps (0.001 s, 0.01 s)",
        "column(s) Voltage (V), Current (A)",
    ),
    "prose": (_text("These are my notes.\nOn 12 May we measured.\n", "a.txt"), "not a measurement", ""),
    "binary": (_binary, "not a measurement", ""),
    "unknown suffix": (_text("%PDF", "a.pdf"), "not a measurement: no importer reads .pdf", ""),
}
PARQUET = {
    "truncated parquet": (_truncated_parquet, "not a complete Parquet file"),
    "wrong schema": (_wrong_schema, "column cycle is missing"),
    "no metadata": (_no_metadata, "the file has no metadata"),
}


def _import(path):
    """What the rule does with it."""
    same = sorted(
        f for f in path.parent.iterdir() if f.suffix != ".yaml" and device_id(f.name) == device_id(path.name)
    )
    return import_one([path, *(f for f in same if f != path)], device=device_id(path.name))


@pytest.mark.parametrize(("make", "what", "where"), REFUSED.values(), ids=REFUSED)
def test_the_import_and_the_check_refuse_with_place_and_remedy(tmp_path, make, what, where):
    """One code path: what the command says is what the run would record."""
    path = make(tmp_path)
    with pytest.raises(ImportRefused) as refused:
        _import(path)
    (finding,) = check_file(path)
    assert finding.level == "error"
    assert what in finding.what
    assert finding.where == where
    assert finding.remedy
    assert (refused.value.what, refused.value.where) == (finding.what, finding.where)
    assert path.name in str(refused.value)


@pytest.mark.parametrize(("make", "what"), PARQUET.values(), ids=PARQUET)
def test_a_bad_canonical_file_is_an_error_with_a_remedy(tmp_path, make, what):
    """Files written by other programs land in data/iv, too."""
    path = make(tmp_path)
    with pytest.raises(ValueError, match=what):
        read_measurement(path)
    (finding,) = check_file(path)
    assert finding.level == "error"
    assert what in finding.what
    assert finding.remedy


def test_a_recorded_refusal_is_an_error_of_the_canonical_file(tmp_path):
    """It has no rows to use, and says why."""
    path = tmp_path / "a.parquet"
    write_measurement(Measurement.refused(Metadata(device="a"), "no voltage column; name one"), path)
    (finding,) = check_file(path)
    assert finding.level == "error"
    assert "no voltage column" in finding.what


def test_a_good_canonical_file_is_in_order(tmp_path):
    """And a voltage that is never positive is an error there, too."""
    write_measurement(_measurement(), tmp_path / "a.parquet")
    assert check_file(tmp_path / "a.parquet") == []
    bad = _measurement("b")
    write_measurement(
        Measurement(bad.metadata, bad.cycle, bad.point, -bad.voltage, bad.current), tmp_path / "b.parquet"
    )
    (finding,) = check_file(tmp_path / "b.parquet")
    assert (finding.level, finding.what) == ("error", "the voltage is never positive")


ACCEPTED = {
    "mA header": (re.sub(r"(cycle\d)", r"\1 (mA)", GOOD), "note", "current converted from mA to A"),
    "mV header": (GOOD.replace("voltage", "voltage (mV)"), "note", "voltage converted from mV to V"),
    "one cycle only": ("V,I\n0,0\n1,1e-6\n2,2e-6\n", "warning", "one cycle only"),
    "NaN column": (
        "voltage,current_cycle1,current_cycle2\n0,0,nan\n1,1,\n2,2,NaN\n",
        "warning",
        "cycles without any value",
    ),
    "partly NaN": (GOOD.replace("4e-6", "NaN"), "warning", "cycles with missing values"),
    "volts that are millivolts": (GOOD.replace("\n2,", "\n2000,"), "warning", "largest voltage is 2000 V"),
    "amperes that are microamperes": (GOOD.replace("4e-6", "4"), "warning", "largest current is 4 A"),
    "unused column": (GOOD.replace("current_cycle2", "temperature"), "note", "columns not used: temperature"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "level", "what"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_import_mends_or_keeps_is_said(tmp_path, text, level, what):
    """Accepted by both; never silently."""
    path = _text(text)(tmp_path)
    assert import_file(path, device="a").metadata.status == "ok"
    found = [finding for finding in check_file(path) if what in finding.what]
    assert [finding.level for finding in found] == [level]


def test_a_folder_is_searched_and_nothing_changes(tmp_path, capsys):
    """Errors in one file do not hide the others; the exit status is 1."""
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "good.csv").write_text(GOOD, encoding="utf-8")
    (raw / "good.meta.yaml").write_text(KNOWN, encoding="utf-8")
    (raw / "bad.csv").write_text("nothing\n", encoding="utf-8")
    (raw / "good.csv.meta.yaml").write_text("length_um: 1\n", encoding="utf-8")
    (raw / "~$lock.xlsx").write_text("", encoding="utf-8")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in raw.iterdir()}
    assert main(["check", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in raw.iterdir()} == before
    rows = [line.split("\t") for line in printed.splitlines()]
    assert rows[0] == ["file", "level", "where", "what", "remedy"]
    assert {(Path(row[0]).name, row[1]) for row in rows[1:-1]} == {
        ("bad.csv", "error"), ("good.csv.meta.yaml", "warning"), ("~$lock.xlsx", "note"),
    }  # fmt: skip
    assert printed.splitlines()[-1] == (
        "1 of 2 measurement files can be used; 1 cannot: 1 error, 1 warning, 1 note"
    )


def test_a_canonical_file_of_another_origin_is_found_beside_the_instrument_file(tmp_path):
    """Importing would overwrite a measurement; the run refuses it, so the command says it."""
    for name in ("iv", "raw"):
        (tmp_path / name).mkdir()
    (tmp_path / "raw" / "a.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "raw" / "a.meta.yaml").write_text(KNOWN, encoding="utf-8")
    write_measurement(_measurement(source_file="elsewhere.csv"), tmp_path / "iv" / "a.parquet")
    (finding,) = check_files(files_in([tmp_path]))
    assert finding.level == "error"
    assert "two files have the device id 'a'" in finding.what


def test_no_error_means_status_zero_and_a_missing_path_two(tmp_path, capsys):
    """A script can rely on the status."""
    (tmp_path / "good.csv").write_text(GOOD, encoding="utf-8")
    assert main(["check", str(tmp_path / "good.csv")]) == 0
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_command_prints_long_names_in_full_when_piped(tmp_path):
    """A cut-off remedy helps nobody; run as a user runs it."""
    name = f"{'long_' * 30}name.csv"
    (tmp_path / name).write_text(GOOD.replace("voltage", "tension"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "codesign.iv", "check", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert str(tmp_path / name) in done.stdout
    assert "columns: {voltage: NAME, current: NAME}" in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(not (SHARED / "iv_perovskite").is_dir(), reason="no folder iv_perovskite")
def test_the_43_real_workbooks_have_no_error():
    """Missing cells are warnings; every file imports, with its conditions from the folder above."""
    files = files_in([SHARED / "iv_perovskite"])
    findings = check_files(files)
    assert sum(file.suffix == ".xlsx" for file in files) == 44
    assert not [finding for finding in findings if finding.level == "error"]
    assert not [finding for finding in findings if "no row of the conditions workbook" in finding.what]
    assert sum(finding.level == "warning" for finding in findings) == 11


def test_an_empty_folder_is_named(tmp_path, capsys):
    """Most often it is a mistyped path."""
    assert main(["check", str(tmp_path)]) == 0
    assert f"no files in {tmp_path}" in capsys.readouterr().err


def test_strict_counts_warnings(tmp_path, capsys):
    """For a folder that must be in order before it is handed on."""
    (tmp_path / "a.csv").write_text("V,I\n0,0\n1,1e-6\n", encoding="utf-8")
    (tmp_path / "a.meta.yaml").write_text(KNOWN, encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 0
    assert main(["check", "--strict", str(tmp_path)]) == 1
    assert "1 of 1 measurement file can be used: 0 errors, 1 warning, 0 notes" in capsys.readouterr().out


@pytest.mark.skipif(not (SHARED / "iv_perovskite").is_dir(), reason="no folder iv_perovskite")
def test_a_conditions_workbook_may_lie_elsewhere(tmp_path, capsys):
    """As it does where raw files are sorted into folders of their own."""
    workbook = SHARED / "iv_perovskite" / "fabrication_and_characterization_conditions.xlsx"
    path = tmp_path / "1.5um_length_999nm_diameter_15min_Pb_ED_3h_180C_MAI_no_200nm_Ag.csv"
    path.write_text(GOOD, encoding="utf-8")
    main(["check", str(path)])
    assert "conditions workbook" not in capsys.readouterr().out
    main(["check", "--conditions", str(workbook), str(path)])
    assert "no row of the conditions workbook" in capsys.readouterr().out


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path, capsys):
    """A cell with an escape sequence could hide or forge a line of the table."""
    (tmp_path / "a.csv").write_text("V,I\n0,\x1b[2Jgone\n1,2\n", encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "gone" in printed
    assert "\x1b" not in printed


def test_missing_conditions_are_a_warning_that_says_what_to_write_where(tmp_path, capsys):
    """The likeliest way to useless proposals: measured, but the search does not learn from it."""
    path = tmp_path / "1.5um_length_200nm_diameter_MAI.csv"
    path.write_text(GOOD, encoding="utf-8")
    (finding,) = check_file(path)
    assert (finding.level, finding.where) == ("warning", "conditions")
    assert "not known: pb_min, ag_nm;" in finding.what and "does not count for the proposals" in finding.what
    assert "1.5um_length_200nm_diameter_MAI.meta.yaml" in finding.remedy
    assert "pb_min as 15min_Pb_ED, ag_nm as 200nm_Ag" in finding.remedy
    assert main(["check", str(path)]) == 0
    path.with_suffix(".meta.yaml").write_text("pb_min: 15\nag_nm: 200\n", encoding="utf-8")
    assert check_file(path) == []
    path.with_suffix(".meta.yaml").unlink()
    renamed = path.rename(tmp_path / "1.5um_length_200nm_diameter_MAI_15min_Pb_ED_200nm_Ag.csv")
    assert check_file(renamed) == [], "the examples of the remedy are read"


def test_missing_conditions_of_a_canonical_file_go_into_its_metadata(tmp_path):
    """It may have no instrument file any more."""
    write_measurement(_measurement(ag_nm=None, source_file="a.csv"), tmp_path / "a.parquet")
    (finding,) = check_file(tmp_path / "a.parquet")
    assert (finding.level, finding.where) == ("warning", "conditions")
    assert "not known: ag_nm;" in finding.what
    assert "metadata" in finding.remedy and "a.csv" in finding.remedy


def test_missing_conditions_are_said_once_a_device(tmp_path):
    """Of an instrument file and its import, the file a person can mend; in folders of their own, each."""
    for name in ("iv", "raw", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "raw" / "a.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "elsewhere" / "a.csv").write_text(GOOD, encoding="utf-8")
    write_measurement(import_file(tmp_path / "raw" / "a.csv", device="a"), tmp_path / "iv" / "a.parquet")
    findings = check_files(files_in([tmp_path]))
    assert [finding.file for finding in findings] == [
        str(tmp_path / "elsewhere" / "a.csv"),
        str(tmp_path / "raw" / "a.csv"),
    ]


@pytest.fixture
def laboratory(tmp_path):
    """A folder with an instrument file and what was imported from it."""
    for name in ("iv", "raw"):
        (tmp_path / name).mkdir()
    raw = tmp_path / "raw" / "old.csv"
    raw.write_text(GOOD, encoding="utf-8")
    raw.with_suffix(".meta.yaml").write_text(KNOWN, encoding="utf-8")
    write_measurement(import_file(raw, device="old"), tmp_path / "iv" / "old.parquet")
    return tmp_path


def _rename(laboratory):
    for suffix in (".csv", ".meta.yaml"):
        (laboratory / f"raw/old{suffix}").rename(laboratory / f"raw/new{suffix}")


@pytest.mark.parametrize("imported", [False, True], ids=["before its import", "after its import"])
@pytest.mark.parametrize("looked_at", ["", "iv"], ids=["whole folder", "iv"])
def test_a_renamed_instrument_file_leaves_a_second_device_behind(laboratory, imported, looked_at):
    """The old canonical file is named; it is for a person to remove, and then all is well."""
    assert check_files(files_in([laboratory])) == []
    _rename(laboratory)
    if imported:
        measurement = import_file(laboratory / "raw/new.csv", device="new")
        write_measurement(measurement, laboratory / "iv/new.parquet")
    old = laboratory / "iv/old.parquet"
    (finding,) = check_files(files_in([laboratory / looked_at]))
    assert (finding.level, finding.file) == ("warning", str(old))
    assert "new.csv" in finding.what and "two devices" in finding.what
    assert f"remove {old}" in finding.remedy and "new" not in finding.remedy
    assert old.exists()
    old.unlink()
    assert check_files(files_in([laboratory])) == []


def test_a_copied_instrument_file_is_two_devices_of_which_either_may_go(laboratory):
    """Which name is right only a person knows; every file of each is named."""
    for suffix in (".csv", ".meta.yaml"):
        (laboratory / f"raw/a{suffix}").write_bytes((laboratory / f"raw/old{suffix}").read_bytes())
    (finding,) = check_files(files_in([laboratory]))
    assert "2 devices come from instrument files with one content: a, old" in finding.what
    for name in ("raw/a.csv", "iv/old.parquet and", "raw/old.csv"):
        assert name in finding.remedy
    assert main(["check", str(laboratory)]) == 0
    for file in laboratory.glob("raw/*.csv"):
        file.unlink()
    assert check_layout(laboratory) == [], "one canonical file is one device"


def test_canonical_files_that_say_no_source_are_no_copies(tmp_path):
    """Other programs write none, and an unknown source is like no other."""
    (tmp_path / "iv").mkdir()
    for name in ("a", "b"):
        write_measurement(_measurement(name), tmp_path / f"iv/{name}.parquet")
    assert check_files(files_in([tmp_path])) == []
