"""A workbook holds the table: numbers as numbers, text as text, and the same bytes each time."""

import time

import pyarrow as pa
import pytest

from codesign.schemas.fields import field
from codesign.spreadsheet import write_workbook

SCHEMA = pa.schema(
    [
        field("device", pa.string(), "", "device id"),
        field("usability", pa.float64(), "", "how good it is"),
        field("ag_nm", pa.float64(), "nm", "thickness"),
        field("cycles", pa.int32(), "", "cycles"),
        field("curve", pa.list_(pa.float64()), "V", "left out"),
    ]
)
ROWS = [
    {"device": "a", "usability": 0.123456789012, "ag_nm": None, "cycles": 3, "curve": [1.0]},
    {"device": "=1+1", "usability": float("nan"), "ag_nm": 5.0, "cycles": None, "curve": None},
    {"device": "http://x.y", "usability": 1.0, "ag_nm": float("inf"), "cycles": 0, "curve": []},
]


def test_a_workbook_holds_the_table(tmp_path):
    """Read back by another library; a formula and an address stay text."""
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "t.xlsx"
    write_workbook({"devices": pa.Table.from_pylist(ROWS, schema=SCHEMA)}, path)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["devices", "columns"]
    assert [*book["devices"].values] == [
        ("device", "usability", "ag_nm", "cycles"),
        ("a", 0.123456789012, None, 3),
        ("=1+1", None, 5, None),
        ("http://x.y", 1, None, 0),
    ]
    assert book["devices"]["A3"].data_type == "s" and book["devices"].auto_filter.ref == "A1:D4"
    assert [*book["columns"].values][3] == ("ag_nm", "nm", "thickness")


def test_the_same_table_gives_the_same_bytes(tmp_path):
    """Whenever it is written; an empty one, too."""
    for rows in (ROWS, []):
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        write_workbook({"s": table}, tmp_path / "one.xlsx")
        time.sleep(1.1 if rows else 0)
        write_workbook({"s": table}, tmp_path / "two.xlsx")
        assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name not in ("one.xlsx", "two.xlsx")]
