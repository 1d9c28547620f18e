"""Checked readers and atomic writers."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codesign.files import remove_unfinished, replacing
from codesign.tables import TableError, read_metadata, read_table, write_csv, write_table

SCHEMA = pa.schema([pa.field("a", pa.int32()), pa.field("b", pa.float64())])


def test_a_table_comes_back_as_written(tmp_path):
    """Rows, types and metadata."""
    write_table([{"a": 1, "b": 0.5}], tmp_path / "t.parquet", schema=SCHEMA, metadata={"k": [1, "µ"]})
    assert read_table(tmp_path / "t.parquet", schema=SCHEMA).to_pylist() == [{"a": 1, "b": 0.5}]
    assert read_metadata(tmp_path / "t.parquet") == {"k": [1, "µ"]}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    """The name only ever stands for a complete file."""
    path = tmp_path / "t.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_killed_writers_left_can_be_removed(tmp_path):
    """Temporary files of that target and of no other."""
    others = [tmp_path / name for name in ("a.b.txt", "c.txt", ".a.hidden.txt", ".a.txt")]
    for path in others:
        path.write_text("kept")
    killed, other = replacing(tmp_path / "a.b.txt"), replacing(tmp_path / "c.txt")
    left, kept = killed.__enter__(), other.__enter__()  # a killed process never leaves the block
    assert left.is_file() and kept.is_file()
    remove_unfinished(tmp_path / "a.b.txt")
    assert sorted(tmp_path.iterdir()) == sorted([*others, kept])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param([{"a": 1}], "missing", id="column-missing"),
        pytest.param([{"a": 1, "b": 1.0, "c": 2}], "unknown", id="column-unknown"),
        pytest.param([{"a": "x", "b": 1.0}], "does not fit", id="wrong-type"),
    ],
)
def test_rows_that_do_not_fit_are_not_written(tmp_path, rows, words):
    """The writer enforces the schema."""
    with pytest.raises(TableError, match=words):
        write_table(rows, tmp_path / "t.parquet", schema=SCHEMA)
    assert not list(tmp_path.iterdir())


def test_a_truncated_file_is_named(tmp_path):
    """The message says which file and what to do."""
    path = tmp_path / "t.parquet"
    write_table([{"a": 1, "b": 0.5}], path, schema=SCHEMA)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(TableError, match=r"t\.parquet.*delete it"):
        read_table(path, schema=SCHEMA)


def test_a_foreign_table_is_refused_with_every_difference(tmp_path):
    """Missing, unknown and mistyped columns in one message."""
    pq.write_table(pa.table({"a": [0.5], "z": [1]}), tmp_path / "t.parquet")
    with pytest.raises(TableError, match=r"b is missing.*z is unknown.*a is double, expected int32"):
        read_table(tmp_path / "t.parquet", schema=SCHEMA)


def test_a_csv_has_no_rounding_noise(tmp_path):
    """Nine digits, empty for null."""
    write_csv([{"x": 0.1 + 0.2, "y": None, "z": "a,b"}], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == 'x,y,z\n0.3,,"a,b"\n'
