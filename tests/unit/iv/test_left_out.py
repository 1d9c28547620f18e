"""Files that nothing reads, and things that are called like files and are none."""

import os
from pathlib import Path

import pytest

from codesign.files import trouble_with
from codesign.iv.check import check_files, files_in
from codesign.iv.discovery import find_left_out, find_measurements
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.measurement import MeasurementError, read_measurement

GOOD = "voltage,current_cycle1\n0,0\n1,1e-6\n2,3e-6\n"


@pytest.fixture
def data(tmp_path):
    """A folder with iv and raw, one good file in it."""
    for name in ("iv", "raw/batch", "iv/old"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "raw/good.csv").write_text(GOOD)
    return tmp_path


@pytest.mark.parametrize(
    ("place", "why", "remedy"),
    [
        ("raw/batch/a.csv", "folders of", "move it to"),
        ("raw/a.parquet", "a canonical file", "iv"),
        ("raw/good.meta.yml", "no sidecar", "good.meta.yaml"),
        ("raw/a.qqq", "no importer reads .qqq", ".csv"),
        ("iv/a.csv", "an instrument file", "raw"),
        ("iv/a.PARQUET", "NAME.parquet", "call it"),
        ("iv/old/a.parquet", "folders of", "move it"),
    ],
)
def test_what_nothing_reads_is_told_with_where_it_belongs(data, place, why, remedy):
    """By the check as a warning, and nothing else is said of it; a run does not find it."""
    (data / place).write_text(GOOD)
    [left] = find_left_out(iv=data / "iv", raw=data / "raw")
    assert left.path == data / place and why in left.why and remedy in left.remedy
    said = [found for found in check_files(files_in([data])) if found.file == str(data / place)]
    wrong = ["error"] if place.lower().endswith(".parquet") else []  # it holds text
    assert [found.level for found in said] == ["warning", *wrong] and why in said[0].what
    assert find_measurements(iv=data / "iv", raw=data / "raw").devices == ["good"]


@pytest.mark.parametrize(
    "name", ["README.md", "notes.pdf", ".hidden", "~$lock.xlsx", "good.meta.yaml", "README"]
)
def test_documents_locks_and_sidecars_are_left_alone(data, name):
    """Nobody takes them for measurements."""
    (data / "raw" / name).write_text("x: 1\n")
    assert find_left_out(iv=data / "iv", raw=data / "raw") == []


def _folder(path):
    path.mkdir()


def _pipe(path):
    os.mkfifo(path)


def _link(path):
    path.symlink_to("nowhere")


def _circle(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "said"),
    [(_folder, "a folder"), (_pipe, "a pipe"), (_link, "a link to"), (_circle, "cannot be read")],
    ids=["folder", "pipe", "link-to-nothing", "link-to-itself"],
)
def test_what_is_called_like_a_measurement_and_is_none_says_what_it_is(data, make, said):
    """Without waiting for a pipe, on both ways in; the devices beside it are found."""
    for path in (data / "raw/x.csv", data / "iv/y.parquet"):
        make(path)
        assert said in trouble_with(path)
    with pytest.raises(ImportRefused, match=said) as refused:
        import_file(data / "raw/x.csv", device="x")
    assert refused.value.remedy
    with pytest.raises(MeasurementError, match=said):
        read_measurement(data / "iv/y.parquet")
    assert find_measurements(iv=data / "iv", raw=data / "raw").devices == ["good", "x", "y"]


def test_a_file_that_may_not_be_read_says_so(data, monkeypatch):
    """Root may read everything, so permission is asked for and not tried."""
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "good.csv")
    with pytest.raises(ImportRefused, match=r"Permission denied.*permissions"):
        import_file(data / "raw/good.csv", device="good")


def test_a_good_file_has_no_trouble(data):
    """'' stands for none."""
    assert trouble_with(data / "raw/good.csv") == ""
    assert trouble_with(data / "raw/gone.csv") == "not there"


@pytest.mark.parametrize("make", [_link, _folder], ids=["link", "folder"])
@pytest.mark.parametrize("name", ["good.meta.yaml", "folder.meta.yaml"])
def test_a_sidecar_that_is_no_file_is_refused(data, make, name):
    """A link to a share that is not mounted may hold the scale of every current."""
    make(data / "raw" / name)
    with pytest.raises(ImportRefused, match=r"the sidecar is a (link|folder)"):
        import_file(data / "raw/good.csv", device="good")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("length_um: 1\nextra: {a: µ}\n".encode("utf-16"), "line 1: no UTF-8 text but UTF-16"),
        (b"length_um: .inf\n", "length_um: found Infinity; must be a finite number"),
    ],
)
def test_a_sidecar_is_refused_with_line_or_key(data, content, words):
    """And with what to do."""
    (data / "raw/good.meta.yaml").write_bytes(content)
    with pytest.raises(ImportRefused, match=words):
        import_file(data / "raw/good.csv", device="good")


def test_a_fault_of_an_importer_stops_no_check(data, monkeypatch):
    """The other files are told of all the same."""
    (data / "raw/other.csv").write_text(GOOD)

    def fail(paths, **_):
        if paths[0].name == "other.csv":
            raise OverflowError("int too large")
        return import_file(paths[0], device="good")

    monkeypatch.setattr("codesign.iv.check.import_one", fail)
    found = {(Path(f.file).name, f.level) for f in check_files(files_in([data]))}
    assert ("other.csv", "error") in found and ("good.csv", "warning") in found


def test_a_folder_of_ones_own_called_raw_is_read_at_any_depth(tmp_path):
    """Only a project's data are read from one folder alone."""
    folder = tmp_path / "share/raw/2024"
    folder.mkdir(parents=True)
    (folder / "bad.csv").write_text("voltage,current (MA)\n0,0\n1,1\n")
    [found] = [f for f in check_files(files_in([folder])) if f.level == "error"]
    assert "MA" in f"{found.what} {found.where}"
