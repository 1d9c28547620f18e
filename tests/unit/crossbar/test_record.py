"""Records: written once, never over another, never taken for what they are not."""

import errno
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from codesign.crossbar.record import (
    REQUIRED,
    RecordError,
    cells_said,
    git_commit,
    journal_of,
    keep_record,
    note,
    read_measured,
    read_record,
    read_records,
    receipt_file,
    recover,
    require_measured,
    require_room,
    write_record,
)
from codesign.schemas.crossbar import CROSSBAR, UNCALIBRATED
from codesign.tables import TableError, write_table


def test_a_measured_record_comes_back_with_what_it_says(tmp_path, record_row, said_of_evidence):
    """Rows and metadata, bit for bit."""
    rows = [record_row(run=1), record_row("bayesmulti", run=1)]
    write_record(rows, tmp_path / "a.parquet", metadata=said_of_evidence["measured"])
    table, metadata = read_measured(tmp_path / "a.parquet")
    assert table.to_pylist() == rows and metadata == said_of_evidence["measured"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_measured_record_is_never_written_over(tmp_path, record_row, said_of_evidence):
    """A bench cannot be run again from a cache; the message says what to do."""
    path = tmp_path / "a.parquet"
    write_record([record_row()], path, metadata=said_of_evidence["measured"])
    before = path.read_bytes()
    with pytest.raises(RecordError, match=r"only ever added.*bench\.run"):
        write_record([record_row(run=2)], path, metadata=said_of_evidence["measured"])
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_a_simulated_record_is_written_anew_and_refused_as_measured(tmp_path, record_row, said_of_evidence):
    """Results may be made again; they never pass for the bench's."""
    path = tmp_path / "a.parquet"
    for run in (1, 2):
        write_record([record_row(run=run)], path, metadata=said_of_evidence["simulated"])
    assert read_record(path)[0]["run"].to_pylist() == [2]
    with pytest.raises(RecordError, match="is simulated, not measured"):
        read_measured(path)


@pytest.mark.parametrize("evidence", sorted(REQUIRED))
def test_a_record_that_does_not_say_enough_is_refused(evidence, tmp_path, record_row, said_of_evidence):
    """Each thing it must say, one missing at a time."""
    for name in REQUIRED[evidence]:
        said = {key: value for key, value in said_of_evidence[evidence].items() if key != name}
        with pytest.raises(RecordError, match=name):
            write_record([record_row()], tmp_path / "a.parquet", metadata=said)
    assert not list(tmp_path.iterdir())


def test_files_of_one_record_say_the_same(tmp_path, record_row, said_of_evidence):
    """A simulated record is a file a method; two arrays are not one record."""
    paths = [tmp_path / "erm.parquet", tmp_path / "bayesmulti.parquet"]
    for path in paths:
        write_record([record_row(path.stem)], path, metadata=said_of_evidence["simulated"])
    rows, metadata = read_records(paths, measured=False)
    assert [row["method"] for row in rows] == ["erm", "bayesmulti"]
    assert metadata == said_of_evidence["simulated"]
    write_record([record_row()], paths[1], metadata=said_of_evidence["simulated"] | {"usability": 0.5})
    with pytest.raises(RecordError, match="not of one record"):
        read_records(paths, measured=False)


def test_measured_and_simulated_never_stand_for_each_other(tmp_path, record_row, said_of_evidence):
    """Asked for one, given the other."""
    for evidence, other in (("measured", False), ("simulated", True)):
        path = tmp_path / f"{evidence}.parquet"
        write_record([record_row()], path, metadata=said_of_evidence[evidence])
        with pytest.raises(RecordError, match="no place among"):
            read_records([path], measured=other)
    with pytest.raises(RecordError, match="no file"):
        read_records([], measured=False)


@pytest.mark.parametrize("evidence", sorted(REQUIRED))
def test_a_record_of_an_earlier_version_is_read_as_it_is(evidence, tmp_path, record_row, said_of_evidence):
    """What is now `evidence` was called `source`; a measurement's file is never written again."""
    path, said = tmp_path / "a.parquet", said_of_evidence[evidence]
    old = {"source": said["evidence"]} | {name: value for name, value in said.items() if name != "evidence"}
    write_table([record_row()], path, schema=CROSSBAR, metadata=old)
    before = path.read_bytes()
    assert read_records([path], measured=evidence == "measured") == ([record_row()], said)
    with pytest.raises(RecordError, match="no place among"):
        read_records([path], measured=evidence != "measured")
    assert path.read_bytes() == before
    with pytest.raises(RecordError, match="evidence must be one of"):
        write_record([record_row()], tmp_path / "b.parquet", metadata=old)


def test_a_record_from_before_there_was_a_calibration_is_one_without(tmp_path, record_row, said_of_evidence):
    """The file stays as it is; a file with some of the columns is of no version and refused."""
    path, said = tmp_path / "a.parquet", said_of_evidence["measured"]
    write_record([record_row(run=1), record_row(run=2)], path, metadata=said)
    whole = pq.read_table(path)
    pq.write_table(whole.drop_columns(list(UNCALIBRATED)), path)
    before = path.read_bytes()
    table, metadata = read_measured(path)
    assert table.schema.equals(CROSSBAR) and metadata == said
    assert table.to_pylist() == [record_row(run=1), record_row(run=2)]
    assert set(table["calibration"].to_pylist()) == {"none"}
    assert path.read_bytes() == before
    pq.write_table(whole.drop_columns(["calibration"]), path)
    with pytest.raises(TableError, match="column calibration is missing"):
        read_measured(path)


def test_a_simulated_instrument_is_no_instrument():
    """Its name is in the message; a real one passes."""
    require_measured("measured", "Analog Discovery 2")
    with pytest.raises(RecordError, match="Demo is no instrument but a simulated one"):
        require_measured("simulated", "Demo")


def test_figures_say_what_the_cells_are(said_of_evidence):
    """Instrument and time of a measurement; device and usability of a model."""
    assert "SN:210321ABCDEF" in cells_said(said_of_evidence["measured"])
    assert cells_said(said_of_evidence["simulated"]) == "modelled on virtual-0001 (virtual), U = 0.60"


def test_the_commit_says_whether_files_differ_from_it(tmp_path):
    """A measurement made with edited code must not name the clean commit."""
    with pytest.raises(RecordError, match="no git commit"):
        git_commit(tmp_path)

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.hooksPath=/dev/null"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "first")
    clean = git_commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == f"{clean}-dirty"


def test_a_record_is_written_where_there_are_no_hard_links(
    tmp_path, record_row, said_of_evidence, monkeypatch
):
    """FAT and many network folders have none; nothing is written over there either."""

    def refuse(source, target, **_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a.parquet"
    write_record([record_row()], path, metadata=said_of_evidence["measured"])
    assert read_measured(path)[0].num_rows == 1 and path.stat().st_mode & 0o222 == 0
    with pytest.raises(RecordError, match="only ever added"):
        write_record([record_row(run=2)], path, metadata=said_of_evidence["measured"])
    assert [each.name for each in tmp_path.iterdir()] == ["a.parquet"]


def test_a_full_disk_sends_the_record_elsewhere(tmp_path, record_row, said_of_evidence, monkeypatch):
    """It is whole there, under a name that nobody takes for another measurement."""
    monkeypatch.chdir(tmp_path)
    real = os.link

    def full(source, target, **words):
        if Path(target).parent.name == "crossbar":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target, **words)

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(Path, "open", _full_in("crossbar", Path.open))
    wanted = tmp_path / "data/crossbar/a.parquet"
    kept = keep_record([record_row()], wanted, metadata=said_of_evidence["measured"])
    assert kept != wanted and kept.parent == tmp_path and read_measured(kept)[0].num_rows == 1
    assert not wanted.exists()


def _full_in(folder, real):
    def opened(path, mode="r", **words):
        if path.parent.name == folder and "x" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, mode, **words)

    return opened


def test_where_there_is_no_room_at_all_the_rows_are_printed(
    tmp_path, record_row, said_of_evidence, monkeypatch, capsys
):
    """The log is the last place."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(Path, "cwd", lambda: blocked / "x")
    monkeypatch.setattr(Path, "home", lambda: blocked / "x")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(blocked / "x"))
    with pytest.raises(OSError, match="Not a directory"):
        keep_record([record_row()], blocked / "a.parquet", metadata=said_of_evidence["measured"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["rows"] == [record_row()] and printed["metadata"] == said_of_evidence["measured"]


def test_room_is_asked_for_before_anything_is_measured(tmp_path, record_row, said_of_evidence, monkeypatch):
    """The trial leaves nothing; a name that is taken and a folder that takes nothing are told."""
    path = tmp_path / "data/crossbar/a.parquet"
    require_room(path)
    assert list(path.parent.iterdir()) == []
    write_record([record_row()], path, metadata=said_of_evidence["measured"])
    with pytest.raises(RecordError, match=r"bench\.run"):
        require_room(path)
    monkeypatch.setattr(Path, "open", _full_in("crossbar", Path.open))
    with pytest.raises(RecordError, match=r"No space left.*Nothing was put on the array"):
        require_room(path.with_name("b.parquet"))


def test_a_receipt_tells_which_bytes_were_measured(tmp_path, record_row, said_of_evidence):
    """It may be removed with the results; the measurement stays."""
    path = tmp_path / "a.parquet"
    write_record([record_row()], path, metadata=said_of_evidence["measured"])
    receipt_file(path, tmp_path / "results/receipt.json")
    said = json.loads((tmp_path / "results/receipt.json").read_text())
    assert said["record"] == str(path) and len(said["sha256"]) == 64


def test_a_folder_that_cannot_be_asked_for_is_no_reason_to_lose_a_record(
    tmp_path, record_row, said_of_evidence, monkeypatch
):
    """A container without a home, a disk on which no folder takes temporary files."""

    def none():
        raise RuntimeError("no home, no room")

    monkeypatch.setattr(Path, "home", none)
    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.chdir(tmp_path)
    said = said_of_evidence["measured"]
    path = tmp_path / "data/a.parquet"
    path.parent.mkdir()
    assert keep_record([record_row()], path, metadata=said) == path
    blocked = tmp_path / "file"
    blocked.write_text("")
    kept = keep_record([record_row()], blocked / "b.parquet", metadata=said)
    assert kept.parent == tmp_path and read_measured(kept)[0].num_rows == 1


def test_a_file_system_without_write_protection_takes_a_record(
    tmp_path, record_row, said_of_evidence, monkeypatch
):
    """The record is there; that it cannot be protected is no failure."""

    def refuse(path, mode):
        raise OSError(errno.EPERM, "Operation not permitted")

    real = Path.chmod
    monkeypatch.setattr(Path, "chmod", lambda p, m: refuse(p, m) if p.name == "a.parquet" else real(p, m))
    path = tmp_path / "a.parquet"
    assert keep_record([record_row()], path, metadata=said_of_evidence["measured"]) == path


def test_a_killed_measurement_is_recovered_from_its_journal(tmp_path, record_row, said_of_evidence):
    """Every whole row; the line in which the process died is left out, and the journal is gone afterwards."""
    record = tmp_path / "a.parquet"
    assert recover(record) is None
    rows = [record_row(run=1), record_row("bayesmulti", run=1)]
    for line in (said_of_evidence["measured"], *rows):
        note(line, journal_of(record))
    with journal_of(record).open("a") as file:
        file.write('{"method": "er')
    kept = recover(record)
    assert kept.name.startswith("a-interrupted-") and not journal_of(record).exists()
    table, said = read_measured(kept)
    assert table.to_pylist() == rows and "killed" in said["interrupted"]
    note(said_of_evidence["measured"], journal_of(record))
    assert recover(record) is None and not journal_of(record).exists()
