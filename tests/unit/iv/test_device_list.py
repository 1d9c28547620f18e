"""The list of devices: what it says reaches its files and no others, and no row is lost."""

import datetime
import re

import numpy as np
import pytest

from codesign.iv.__main__ import main
from codesign.iv.check import check_file, check_files, files_in
from codesign.iv.discovery import find_left_out, find_measurements
from codesign.iv.importers import ImportRefused, describe_refused, import_file
from codesign.iv.importers.device_list import row_digest
from codesign.iv.template import write_template

UP = np.linspace(0, 1, 11)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])


def write(folder, *names, header="voltage (V),current (mA)"):
    for name in names:
        rows = [f"{v},{v}" for v in SWEEP]
        (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def facts(path):
    m = import_file(path, device="d").metadata
    return m.perovskite, m.length_um, m.diameter_nm, m.pb_min, m.ag_nm, m.compliance_a, m.measured_at


@pytest.mark.parametrize(
    "text",
    [
        "file,perovskite,length_um,diameter_nm,pb_min,ag_nm,compliance_a,measured_at,operator\n"
        "a.csv,MAPbI3,1.5,200,15,100,2.7e-5,2024-05-01,Ada\nB,CsPbI3,,,,,,,\n",
        "FILE;Perovskite;Length um;diameter_nm;pb_min;ag_nm;compliance_a;measured_at;operator\r\n"
        "data\\raw\\a.csv;MAPbI3;1,5;200;15;100;2,7E-05;2024-05-01;Ada\r\nb.csv;CsPbI3;;;;;;;\r\n",
        "perovskite\tfile\tlength_um\tdiameter_nm\tpb_min\tag_nm\tcompliance_a\tmeasured_at\toperator\n"
        "MAPbI3\ta\t1.5\t200\t15\t100\t2.7e-5\t2024-05-01\tAda\n\nCsPbI3\tb\n",
    ],
)
def test_a_row_says_what_a_sidecar_would(tmp_path, text):
    """Whatever parts its cells; other columns are kept as typed; empty cells say nothing."""
    write(tmp_path, "a.csv", "b.csv", "c.csv")
    (tmp_path / "devices.csv").write_bytes(text.encode("utf-8-sig"))
    assert facts(tmp_path / "a.csv") == ("MAPbI3", 1.5, 200, 15, 100, 2.7e-5, "2024-05-01")
    m = import_file(tmp_path / "a.csv", device="a").metadata
    assert m.extra == {"list": {"operator": "Ada"}}
    assert any(note.startswith("from devices.csv: ag_nm, compliance_a") for note in m.notes)
    assert "kept as typed in devices.csv: operator; fabrication.variables may use them" in m.notes
    assert facts(tmp_path / "b.csv") == ("CsPbI3", None, None, None, None, None, "")
    assert facts(tmp_path / "c.csv") == (None,) * 6 + ("",)


def test_a_workbook_of_numbers_and_dates(tmp_path):
    """Cells that the spreadsheet holds as numbers and dates."""
    openpyxl = pytest.importorskip("openpyxl")
    write(tmp_path, "a.csv")
    book = openpyxl.Workbook()
    book.active.append(["file", "length_um", "measured_at", "wafer"])
    book.active.append(["a.csv", 2, datetime.date(2024, 5, 1), 7])
    book.save(tmp_path / "devices.xlsx")
    assert facts(tmp_path / "a.csv") == (None, 2, None, None, None, None, "2024-05-01")
    assert import_file(tmp_path / "a.csv", device="a").metadata.extra == {"list": {"wafer": "7"}}


def test_the_files_own_sidecar_goes_first_and_the_folders_last(tmp_path):
    """Key by key; null takes a key off."""
    write(tmp_path, "a.csv", "b.csv")
    (tmp_path / "folder.meta.yaml").write_text("length_um: 1\nag_nm: 50\ninstrument: K\n")
    (tmp_path / "devices.csv").write_text("file,length_um,ag_nm,pb_min\na,2,100,5\nb,2,,\n")
    (tmp_path / "a.meta.yaml").write_text("ag_nm: 200\npb_min: null\n")
    m = import_file(tmp_path / "a.csv", device="a").metadata
    assert (m.length_um, m.ag_nm, m.pb_min, m.instrument) == (2, 200, None, "K")
    assert {"from folder.meta.yaml: instrument", "from devices.csv: length_um"} <= set(m.notes)
    b = import_file(tmp_path / "b.csv", device="b").metadata
    assert (b.length_um, b.ag_nm, b.pb_min) == (2, 50, None)


def test_a_row_may_say_how_its_file_is_read(tmp_path):
    """Scales and sheets as in a sidecar; a precursor is its compound, the column's unit no fault."""
    write(tmp_path, "a.csv", header="voltage (V),current (A)")
    (tmp_path / "devices.csv").write_text(
        "file,current_scale,perovskite,diameter_nm,length_um\na,1e-9,MAI,200 nm,1.5µm\n", encoding="utf-8"
    )
    m = import_file(tmp_path / "a.csv", device="a")
    assert m.current.max() == 1e-9
    assert (m.metadata.perovskite, m.metadata.diameter_nm, m.metadata.length_um) == ("MAPbI3", 200, 1.5)
    _workbook(tmp_path / "b.xlsx", {"north": (("V (V)", "I (A)"), 1.0), "south": (("V (V)", "I (A)"), 2.0)})
    (tmp_path / "devices.csv").write_text("file,sheets\nb,all\n")
    assert set(import_file(tmp_path / "b.xlsx", device="b").cycle) == {1, 2}


@pytest.mark.parametrize("date", ["2024", "2024-05", "2024-05-01", "2024-05-01T12:30", "2024-05-01 12:30:00"])
def test_dates_of_iso_are_taken(tmp_path, date):
    """From the year on."""
    write(tmp_path, "a.csv")
    (tmp_path / "devices.csv").write_text(f"file,measured_at\na,{date}\n")
    assert import_file(tmp_path / "a.csv", device="a").metadata.measured_at == date


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("05.03.2026", "2026-03-05"),
        ("5.3.2026 14:30:00", "2026-03-05 14:30:00"),
        ("2026-03-05", "2026-03-05"),
    ],
    ids=["day first", "with a time", "ISO"],
)
def test_a_spreadsheet_that_writes_decimal_commas_writes_dates_with_points(tmp_path, typed, taken):
    """It makes 05.03.2026 of whatever is typed; with semicolons the day comes first."""
    write(tmp_path, "a.csv")
    (tmp_path / "devices.csv").write_text(f"file;length_um;measured_at\na;1,5;{typed}\n")
    assert facts(tmp_path / "a.csv")[6] == taken
    (tmp_path / "devices.csv").write_text("file;measured_at\na;31.02.2026\n")
    with pytest.raises(ImportRefused, match=r"measured_at '2026-02-31' is no date"):
        import_file(tmp_path / "a.csv", device="a")


def test_a_first_line_says_what_parts_the_cells(tmp_path):
    """Excel reads it, and keeps it where a person wrote it; rows are counted with it."""
    write(tmp_path, "a.csv", "b.csv")
    (tmp_path / "devices.csv").write_text("sep=;\r\nfile;length_um\r\na;1,5\r\nb;long\r\n", newline="")
    assert facts(tmp_path / "a.csv")[1] == 1.5
    with pytest.raises(ImportRefused, match="row 4: length_um: 'long' is no number"):
        import_file(tmp_path / "b.csv", device="b")


def test_what_may_be_thousands_is_no_condition_of_ones_own(tmp_path):
    """A thickness of 1.200 is 1200 to one person and 1.2 to another; the check names the cell."""
    write(tmp_path, "a.csv")
    path = tmp_path / "devices.csv"
    path.write_text("file;thickness_nm;anneal_c\na;1.200;1,5\n")
    metadata = import_file(tmp_path / "a.csv", device="a").metadata
    assert metadata.conditions == {"anneal_c": "1.5"}
    [finding] = check_file(path)
    assert finding.where == "row 2, column thickness_nm" and "'1.200' may be 1200 or 1,200" in finding.what


@pytest.mark.parametrize("date", ["05.03.2026", "32.13.2026", "2026-13-01", "yesterday", "3/5/2026"])
def test_other_dates_are_refused(tmp_path, date):
    """They would come in a wrong order, in the list and in a sidecar."""
    write(tmp_path, "a.csv")
    (tmp_path / "devices.csv").write_text(f"file,measured_at\na,{date}\n")
    with pytest.raises(
        ImportRefused, match=r"devices.csv: measured_at .* is no date; write it as 2026-03-05"
    ):
        import_file(tmp_path / "a.csv", device="a")
    (tmp_path / "devices.csv").unlink()
    (tmp_path / "a.meta.yaml").write_text(f"measured_at: '{date}'\n")
    with pytest.raises(ImportRefused, match=r"a.meta.yaml: measured_at"):
        import_file(tmp_path / "a.csv", device="a")


def test_a_refused_file_keeps_what_stands_beside_it(tmp_path):
    """A device that failed is not to be proposed again for want of its conditions."""
    (tmp_path / "a.csv").write_text("nothing\n")
    (tmp_path / "devices.csv").write_text("file,perovskite,ag_nm\na,MAPbI3,100\n")
    said = describe_refused(tmp_path / "a.csv", device="a")
    assert (said.perovskite, said.ag_nm) == ("MAPbI3", 100)
    (tmp_path / "devices.csv").write_text("file,ag_nm\na,-1\n")
    assert describe_refused(tmp_path / "a.csv", device="a").ag_nm is None


def test_a_row_names_a_mapping(tmp_path):
    """Files of two kinds in one folder."""
    write(tmp_path, "a.csv", "b.csv", header="AI0,AI1")
    (tmp_path / "folder.meta.yaml").write_text(
        "mapping: x\nmappings:\n  x: {columns: {voltage: AI0, current: AI1}}\n"
        "  y: {columns: {voltage: AI0, current: AI1}, current_scale: 1e-6}\n"
    )
    (tmp_path / "devices.csv").write_text("file,mapping\na,y\n")
    assert import_file(tmp_path / "a.csv", device="a").current.max() == 1e-6
    assert import_file(tmp_path / "b.csv", device="b").current.max() == 1
    (tmp_path / "devices.csv").write_text("file,mapping\na,zz\n")
    with pytest.raises(ImportRefused, match=r"devices.csv: there is no mapping 'zz'"):
        import_file(tmp_path / "a.csv", device="a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,length_um\na,long\n", r"devices.csv, row 2: length_um: 'long' is no number"),
        (
            "file,length_um,ag_nm\na,1,5,100\n",
            r"row 2: 4 cells, the header has 3: a comma in a number.*semicolons",
        ),
        ('file,length_um\na,"1,5"\n', r"row 2: length_um: '1,5' is no number here; write 1.5"),
        (
            "file;length_um\na;1.200\n",
            r"row 2: length_um: '1.200' may be 1200 or 1,200; write numbers without",
        ),
        ("file;length_um\na;1.200.000\n", r"row 2: length_um: '1.200.000' may be 1200000; write"),
        ("file;length_um\na;1.200,5\n", r"row 2: length_um: '1.200,5' is no number"),
        ("file,length_um\nb,1\na,-1\n", r"devices.csv, row 3.*length_um"),
        ("file,length_um\na,1\nb,2\na.csv,2\n", r"devices.csv, row 2: rows 2 and 4 are of one file"),
        ("file,polarity\na,up\n", r"devices.csv, row 2.*polarity"),
    ],
)
def test_a_wrong_row_refuses_its_file_alone(tmp_path, text, said):
    """File, row and key are named."""
    write(tmp_path, "a.csv", "b.csv")
    (tmp_path / "devices.csv").write_text(text)
    with pytest.raises(ImportRefused, match=said):
        import_file(tmp_path / "a.csv", device="a")
    import_file(tmp_path / "b.csv", device="b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,length_um\na,1\n", "no column file"),
        ("file,ag_nm,ag_nm\na,1,2\n", "column ag_nm stands twice"),
        ('file,contact\na,"open\n', "not a table"),
        ("", "empty"),
        ("file,length_um,ag_nm;;\na;1,5;100\n", "no column file.*first cell.*--template --workbook"),
    ],
)
def test_a_list_that_cannot_be_read_is_an_error_of_the_check_too(tmp_path, text, said):
    """Its files wait until it is mended: half of what is known about them is no measurement."""
    write(tmp_path, "a.csv")
    path = tmp_path / "devices.csv"
    path.write_text(text)
    with pytest.raises(ImportRefused, match=rf"devices.csv.*{said}"):
        import_file(tmp_path / "a.csv", device="a")
    [finding] = check_file(path)
    assert (
        finding.level == "error" and re.search(said, f"{finding.what}; {finding.remedy}") and finding.remedy
    )


def test_two_lists_are_refused(tmp_path):
    """Nobody knows which counts."""
    write(tmp_path, "a.csv")
    for name in ("devices.csv", "devices.xlsx"):
        (tmp_path / name).write_text("file\na\n")
    with pytest.raises(ImportRefused, match="both lists of devices"):
        import_file(tmp_path / "a.csv", device="a")


def test_the_check_tells_of_rows_and_columns_that_nobody_reads(tmp_path):
    """A misspelt column with what it was probably meant to be, rows without a file by number."""
    write(tmp_path, "a.csv")
    path = tmp_path / "devices.csv"
    path.write_text("file,Lenght um,operator\na,1,x\ngone.csv,2,y\n")
    column, rows = check_file(path)
    assert (column.where, column.remedy) == ("column Lenght um", "call it length_um, if it is that")
    assert rows.what == "no instrument file belongs to 1 of its 2 rows: 3"
    assert {finding.level for finding in (column, rows)} == {"warning"}


def test_a_list_is_no_measurement_and_a_misplaced_one_is_told(tmp_path):
    """Other spellings of its name and the wrong folder."""
    raw, iv = tmp_path / "raw", tmp_path / "iv"
    raw.mkdir(), iv.mkdir()
    write(raw, "a.csv")
    (raw / "devices.csv").write_text("file\na\n")
    found = find_measurements(iv=iv, raw=raw)
    assert found.devices == ["a"] and found.device_lists == [str(raw / "devices.csv")]
    assert find_left_out(iv=iv, raw=raw) == []
    (raw / "devices.csv").rename(raw / "Devices.CSV")
    (iv / "devices.xlsx").write_text("")
    told = {left.path.name: left.remedy for left in find_left_out(iv=iv, raw=raw)}
    assert told == {"Devices.CSV": "call it devices.csv", "devices.xlsx": f"move it to {raw}"}


def test_only_the_changed_row_counts_as_changed(tmp_path):
    """Rows of others, their order and remarks outside them do not."""
    write(tmp_path, "a.csv", "b.csv")
    path, a, b = (tmp_path / name for name in ("devices.csv", "a.csv", "b.csv"))
    assert row_digest(a) == ""
    path.write_text("file,ag_nm\na,50\nb,60\n")
    before = row_digest(a), row_digest(b)
    path.write_text("file,ag_nm\nnew,10\nb,600\na,50\n")
    assert row_digest(a) == before[0] and row_digest(b) != before[1]
    path.write_text("no list\n")
    assert row_digest(a) not in ("", before[0])


def test_a_template_asks_for_what_is_not_known(tmp_path, capsys):
    """A row a file, with what its name says; later files are added, and what was typed stays."""
    name = "1.5um_length_200nm_diameter_15min_Pb_ED_MAI_200nm_Ag.csv"
    write(tmp_path, "a.csv", name)
    assert main(["check", str(tmp_path), "--template"]) == 0
    path = tmp_path / "devices.csv"
    assert "2 file(s) added" in capsys.readouterr().err
    header, first, second = path.read_text().splitlines()
    assert header == "file,perovskite,length_um,diameter_nm,pb_min,ag_nm,compliance_a,measured_at"
    assert (first, second) == (f"{name},MAPbI3,1.5,200,15,200,,", "a.csv,,,,,,,")
    typed = path.read_text().replace("a.csv,,,", "a.csv,MAPbI3,2,50")
    path.write_text(typed)
    write(tmp_path, "b.csv")
    assert write_template(tmp_path) == (path, ["b.csv"])
    assert path.read_text() == f"{typed}b.csv,,,,,,,\n"
    assert write_template(tmp_path) == (path, [])
    assert not [f for f in check_files(files_in([tmp_path])) if f.file == str(path)]


def test_a_template_keeps_signs_of_the_list_that_is_there(tmp_path):
    """Semicolons, decimal commas, line ends and a last line without one."""
    name = "1.5um_length_200nm_diameter_15min_Pb_ED_MAI_200nm_Ag.csv"
    write(tmp_path, "a.csv", name)
    path = tmp_path / "devices.csv"
    path.write_bytes(b"file;remark;length_um\r\na.csv;x;2,5")
    write_template(tmp_path)
    assert path.read_bytes() == f"file;remark;length_um\r\na.csv;x;2,5\r\n{name};;1,5\r\n".encode()
    assert facts(tmp_path / "a.csv")[1] == 2.5 and facts(tmp_path / name)[1] == 1.5


def test_a_template_does_not_write_into_a_workbook(tmp_path, capsys):
    """Formats and formulas in it would be lost."""
    openpyxl = pytest.importorskip("openpyxl")
    write(tmp_path, "a.csv")
    book = openpyxl.Workbook()
    book.active.append(["file"])
    book.save(tmp_path / "devices.xlsx")
    assert main(["check", str(tmp_path), "--template"]) == 2
    assert "a.csv" in capsys.readouterr().err


def test_a_workbook_to_fill_in_has_numbers_that_no_spreadsheet_takes_for_others(tmp_path, capsys):
    """The way for a spreadsheet with decimal commas: cells are numbers, not text."""
    openpyxl = pytest.importorskip("openpyxl")
    name = "1.5um_length_200nm_diameter_15min_Pb_ED_MAI_200nm_Ag.csv"
    write(tmp_path, "a.csv", name)
    assert main(["check", str(tmp_path), "--template", "--workbook"]) == 0
    path = tmp_path / "devices.xlsx"
    book = openpyxl.load_workbook(path)
    header, first, second = book.worksheets[0].iter_rows(values_only=True)
    assert header == (
        "file",
        "perovskite",
        "length_um",
        "diameter_nm",
        "pb_min",
        "ag_nm",
        "compliance_a",
        "measured_at",
    )
    assert first == (name, "MAPbI3", 1.5, 200, 15, 200, None, None) and second == ("a.csv", *(None,) * 7)
    book.worksheets[0]["B3"], book.worksheets[0]["C3"] = "MAPbBr3", 0.7
    book.worksheets[0]["H3"] = datetime.datetime(2024, 5, 1)
    book.save(path)
    assert facts(tmp_path / "a.csv") == ("MAPbBr3", 0.7, None, None, None, None, "2024-05-01")
    assert write_template(tmp_path, workbook=True) == (path, [])
    path.unlink()
    (tmp_path / "devices.csv").write_text("file\n")
    capsys.readouterr()
    assert main(["check", str(tmp_path), "--template", "--workbook"]) == 2
    assert "save it as devices.xlsx" in capsys.readouterr().err


def test_a_workbook_gets_columns_of_other_variables(tmp_path):
    """Under their names, empty."""
    openpyxl = pytest.importorskip("openpyxl")
    write(tmp_path, "a.csv")
    path, _ = write_template(tmp_path, ("oxide", "anneal_c"), workbook=True)
    header, row = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    assert header[1:3] == ("oxide", "anneal_c") and row == ("a.csv", None, None, None, None)


def _workbook(path, sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, (header, scale) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(header)
        for v in SWEEP:
            sheet.append([float(v), *[float(v) * scale] * (len(header) - 1)])
    book.save(path)


def test_stated_sheets_are_cycles(tmp_path):
    """`all` that name voltage and current, or a list in its order; without it one sheet is read and said."""
    path, header = tmp_path / "a.xlsx", ("V (V)", "I (A)")
    _workbook(path, {"north": (header, 1.0), "south": (header, 2.0), "remarks": (("by", "on"), 1.0)})
    assert set(import_file(path, device="a").cycle) == {1}
    [warning] = [finding for finding in check_file(path) if finding.where == "sheets"]
    assert "sheets: all" in warning.remedy
    sidecar = tmp_path / "a.meta.yaml"
    for sheets, largest in (("all", [1, 2]), ("[south, north]", [2, 1]), ("[south]", [2])):
        sidecar.write_text(f"sheets: {sheets}\n")
        m = import_file(path, device="a")
        assert [m.current[m.cycle == k].max() for k in np.unique(m.cycle)] == largest
    sidecar.write_text("sheets: [east]\n")
    with pytest.raises(ImportRefused, match="no filled sheet 'east'"):
        import_file(path, device="a")


def test_stated_sheets_that_differ_are_refused(tmp_path):
    """In names or units; and a text file has none."""
    path = tmp_path / "a.xlsx"
    _workbook(path, {"one": (("V (V)", "I (A)"), 1.0), "two": (("V (V)", "I (mA)"), 1.0)})
    (tmp_path / "a.meta.yaml").write_text("sheets: all\n")
    with pytest.raises(ImportRefused, match="sheet two has other columns or units than one"):
        import_file(path, device="a")
    _workbook(path, {"one": (("V (V)", "I (A)", "I2 (A)"), 1.0), "two": (("V (V)", "I (A)", "I2 (A)"), 1.0)})
    with pytest.raises(
        ImportRefused, match="where each has one column of currents; one has 2; put all cycles"
    ):
        import_file(path, device="a")
    write(tmp_path, "b.csv")
    (tmp_path / "b.meta.yaml").write_text("sheets: all\n")
    with pytest.raises(ImportRefused, match=r"a .csv file has no sheets"):
        import_file(tmp_path / "b.csv", device="b")
