"""Exports of instruments and programs, written as they write them."""

import base64
import lzma
import zipfile

import numpy as np
import pytest

from codesign.iv.check import check_file
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers import text as text_reader
from codesign.iv.importers.limits import MOST_CELLS

UP = np.round(np.linspace(0, 1, 11), 6)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])


def current(n):
    return SWEEP * abs(SWEEP) * n * 1e-6


def read(folder, content, name="a.csv", sidecar=""):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if sidecar:
        path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return import_file(path, device="a")


def right(measurement, cycles=2):
    grid = measurement.grid()
    assert grid[0].size == cycles
    np.testing.assert_allclose(grid[1], np.tile(SWEEP, (cycles, 1)), atol=1e-9)
    expected = [current(n) for n in range(1, cycles + 1)]
    np.testing.assert_allclose(grid[2], expected, rtol=1e-6, atol=1e-18)


def lines(form, cycles=2):
    """`form` gets the row, cycle, voltage and current."""
    pairs = [(n, v, i) for n in range(1, cycles + 1) for v, i in zip(SWEEP, current(n), strict=True)]
    return "\n".join(form(k, n, float(v), float(i)) for k, (n, v, i) in enumerate(pairs, start=1)) + "\n"


def easyexpert(first=1, last=1, *, sign=", ", target="D1", names=("Vte", "Ite"), settings=5):
    """One block of a B1500A, cycles `first` to `last` in it; channel 2 is grounded."""
    points = (last - first + 1) * SWEEP.size
    channels = {"UnitType": ("SMU", "SMU"), "IName": (names[1], "I2"), "VName": (names[0], "V2"),
                "Mode": ("V", "COMMON"), "Func": ("VAR1", "CONST")}  # fmt: skip
    head = [["SetupTitle", "Double sweep"], ["PrimitiveTest", "I/V Sweep"],
            *(["TestParameter", f"Channel.{key}", *words] for key, words in channels.items()),
            *(["TestParameter", f"Output.S{k}", str(k)] for k in range(settings)),
            ["MetaData", "TestRecord.TestTarget", target], ["Dimension1", str(points), str(points)],
            ["Dimension2", "1", "1"], ["DataName", *names, "V2", "I2"]]  # fmt: skip
    data = [["DataValue", f"{v}", f"{i:.6E}", "0", f"{-i:.6E}"]
            for n in range(first, last + 1) for v, i in zip(SWEEP, current(n), strict=True)]  # fmt: skip
    return "".join(sign.join(row) + "\n" for row in [*head, *data])


@pytest.mark.parametrize("names", [("Vte", "Ite"), ("V1", "I1"), ("Vanode", "Ianode")])
@pytest.mark.parametrize(("sign", "suffix"), [(", ", ".csv"), (",", ".csv"), ("\t", ".txt")])
@pytest.mark.parametrize("settings", [5, 1500])
def test_an_export_of_easyexpert_needs_no_sidecar(tmp_path, names, sign, suffix, settings):
    """Its settings name the swept channel; V1 is a channel, no cycle, however many settings there are."""
    text = easyexpert(1, 2, sign=sign, names=names, settings=settings)
    m = read(tmp_path, text, f"a{suffix}")
    right(m)
    assert any("columns not used: V2 (V), I2 (A)" in note for note in m.metadata.notes)


def test_appended_blocks_of_easyexpert_are_further_cycles(tmp_path):
    """Each with its settings again; those of another device are refused."""
    right(read(tmp_path, easyexpert() + easyexpert(2, 2)))
    with pytest.raises(ImportRefused, match=r"TestRecord.TestTarget: 2 devices in one file: D1, D2"):
        read(tmp_path, easyexpert() + easyexpert(2, 2, target="D2"))
    with pytest.raises(ImportRefused, match="another block holds other columns: Va"):
        read(tmp_path, easyexpert() + easyexpert(names=("Va", "Ia")))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Func, VAR1, CONST",
            "Func, CONST, VAR1",
            "Channel.Func: block 2 says CONST, VAR1, the first VAR1, CONST",
        ),
        ("VName, Vte, V2", "VName, V2, Vte", "Channel.VName: block 2 says V2, Vte, the first Vte, V2"),
        ("IName, Ite, I2", "IName, I2, Ite", "Channel.IName: block 2"),
        ("TestTarget, D1", "TestTarget, ", r"2 devices in one file: D1, \(not stated\)"),
    ],
)
def test_blocks_that_set_their_channels_otherwise_are_refused(tmp_path, old, new, said):
    """The second block was read by the settings of the first: another channel was swept in it."""
    other = easyexpert(2, 2).replace(old, new)
    with pytest.raises(ImportRefused, match=said):
        read(tmp_path, easyexpert() + other)
    bare_block = easyexpert(2, 2)
    right(read(tmp_path, easyexpert() + bare_block[bare_block.index("Dimension1") :]))


def test_remarks_that_are_names_count_where_no_target_is_stated(tmp_path):
    """An empty target says nothing of the device."""

    def blocks(*remarks, target=""):
        return "".join(
            easyexpert(k, k, target=target).replace(
                "Dimension1", f"MetaData, TestRecord.Remarks, {remark}\nDimension1"
            )
            for k, remark in enumerate(remarks, start=1)
        )

    with pytest.raises(ImportRefused, match=r"TestRecord.Remarks: 2 devices in one file: dev1, dev2"):
        read(tmp_path, blocks("dev1", "dev2"))
    right(read(tmp_path, blocks("dev1", "dev1")))
    right(read(tmp_path, blocks("fresh", "after an hour")))
    right(read(tmp_path, blocks("Sweep 1", "Sweep 2")))
    right(read(tmp_path, blocks("dev1", "dev2", target="D1")))


def test_curves_at_several_values_of_var2_are_no_cycles(tmp_path):
    """A gate, or a second terminal; one of them is chosen by its value."""
    block = (
        easyexpert(1, 2).replace("VAR1, CONST", "VAR1, VAR2").replace("Dimension2, 1, 1", "Dimension2, 2, 2")
    )
    head, _, data = block.partition("DataName")
    rows = data.splitlines()
    stepped = [rows[0], *(",".join([*row.split(",")[:3], f" {1 + (k >= SWEEP.size)}", *row.split(",")[4:]])
                   for k, row in enumerate(rows[1:]))]  # fmt: skip
    text = head + "DataName" + "\n".join(stepped) + "\n"
    with pytest.raises(
        ImportRefused, match=r"column V2 \(V\): the sweeps were taken at 2 values of it: 1, 2.*only: "
    ):
        read(tmp_path, text)
    m = read(tmp_path, text, sidecar="only: {V2: 2}\n")
    np.testing.assert_allclose(m.current, current(2), rtol=1e-6, atol=1e-18)
    with pytest.raises(ImportRefused, match=r"its unit is V; name a column without a unit in columns\.cycle"):
        read(tmp_path, text, sidecar="columns: {cycle: V2}\n")
    without = text.replace("V2, I2\nDataV", "W2, I2\nDataV").replace("IName, Ite, I2", "IName, Ite, J2")
    with pytest.raises(ImportRefused, match="curves at 2 values of VAR2"):
        read(tmp_path, without)


def test_the_sidecar_goes_before_the_swept_channel(tmp_path):
    """A current measured at ground, counted the other way."""
    text = easyexpert(1, 2)
    right(read(tmp_path, text, sidecar="columns: {current: I2}\ncurrent_scale: -1\n"))


def test_an_export_of_easyexpert_cut_short_is_told_by_its_dimension(tmp_path):
    """It announces how many values follow."""
    text = easyexpert(1, 2)
    read(tmp_path, text[: text.rindex("DataValue")])
    found = [f for f in check_file(tmp_path / "a.csv") if f.where == "end of the file"]
    assert "the file announces 82 values in block 1, it holds 81" in [f.what for f in found]


def in_nanoamperes(k, n, v, i):
    return f"{v}\t{i * 1e9:.9e}"


TEXTS = {
    "Keithley 4200": ("AnodeV,AnodeI,Time\n", lambda k, n, v, i: f"{v},{i:.9e},{k / 10}", ".csv"),
    "4200, current first": ("AnodeI\tAnodeV\n", lambda k, n, v, i: f"{i:.9e}\t{v}", ".txt"),
    "4200, ground": ("AnodeV\tCathodeI\n", lambda k, n, v, i: f"{v}\t{i:.9e}", ".txt"),
    "Keithley 2450": (
        "Index,Relative Time,Reading,Unit,Range Digits,Source,Source Unit\n",
        lambda k, n, v, i: f"{k},{k / 10},{i:.9e},Amp DC,6.5,{v},Volt DC",
        ".csv",
    ),
    "EC-Lab": (
        "EC-Lab ASCII FILE\nNb header lines : 4\n\n"
        "mode\terror\ttime/s\tcontrol/V\tEwe/V\t<I>/mA\tcycle number\n",
        lambda k, n, v, i: f"2\t0\t{k / 10:.7E}\t{v:.7E}\t{v:.7E}\t{i * 1e3:.9E}\t{n:.7E}",
        ".mpt",
    ),
    "NOVA": (
        "Potential applied (V)\tTime (s)\tWE(1).Current (A)\tWE(1).Potential (V)\tScan\tIndex\n",
        lambda k, n, v, i: f"{v + 0.001:.6f}\t{k / 10}\t{i:.9e}\t{v:.6f}\t{n}\t{k}",
        ".txt",
    ),
    "NOVA, applied only": (
        "Potential applied (V);WE(1).Current (A)\n", lambda k, n, v, i: f"{v:.6f};{i:.9e}", ".csv"
    ),
    "CHI": (
        "Dec. 1, 2024\nCyclic Voltammetry\nHigh E (V) = 1\nSensitivity (A/V) = 1e-6\n\n"
        "Potential/V, Current/A\n\n",
        lambda k, n, v, i: f"{v:.3f}, {i:.6e}",
        ".txt",
    ),
    "QCoDeS": (
        '# smu_volt\tsmu_curr\n# "Voltage (V)"\t"Current (nA)"\n# 82\n', in_nanoamperes, ".dat"
    ),
    "Origin": ("Voltage\tCurrent\nV\tnA\n\tdevice 3, tip 2\n", in_nanoamperes, ".txt"),
    "Origin, comments first": (
        "Voltage\tCurrent\nup\ttip 2\nV\tnA\n", in_nanoamperes, ".txt"
    ),
    "settings that list the names": (
        "Setup title,IV\nOutput.List.Data,V1,I1\nContext.Count,2\nV1,I1\n",
        lambda k, n, v, i: f"{v},{i:.9e}",
        ".csv",
    ),
    "long settings": (
        "".join(f"Setting {k}: on\n" for k in range(700)) + "Voltage;Current\n",
        lambda k, n, v, i: f"{v:.6f};{i:.9e}".replace(".", ","),
        ".txt",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("head", "form", "suffix"), TEXTS.values(), ids=TEXTS)
def test_text_of_a_program_is_read_as_it_is(tmp_path, head, form, suffix):
    """Names, units and settings as it writes them."""
    right(read(tmp_path, head + lines(form), f"a{suffix}"))


def test_names_with_a_cycle_index_are_cycles(tmp_path):
    """`Smu1.V[1][n]` of a 4200."""
    head = "Item," + ",".join(f"Smu1.V[1][{n}],Smu1.I[1][{n}]" for n in (1, 2)) + ",\n"
    rows = [
        f"{k},{v},{a:.9e},{v},{b:.9e},"
        for k, (v, a, b) in enumerate(zip(SWEEP, current(1), current(2), strict=True))
    ]
    right(read(tmp_path, head + "\n".join(rows)))


def book(path, sheets):
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def sheet(n, header=("AV", "AI")):
    return [list(header), *([float(v), float(i)] for v, i in zip(SWEEP, current(n), strict=True))]


@pytest.mark.parametrize(
    "names",
    [("Data", "Append1"), ("Run1", "Run2"), ("Append2", "Data"), ("Run10", "Run9"), ("Cycle 1", "Cycle 2")],
)
def test_sheets_of_further_runs_are_further_cycles(tmp_path, names):
    """In the order of their numbers, `Data` first, wherever they stand."""
    number = {name: 2 if name in ("Append1", "Run2", "Append2", "Run10", "Cycle 2") else 1 for name in names}
    sheets = {name: sheet(number[name]) for name in names} | {"Settings": [["Test", "ivsweep"]]}
    m = import_file(book(tmp_path / "a.xlsx", sheets), device="a")
    right(m)
    assert any("2 sheets read as runs of one device" in note for note in m.metadata.notes)


def test_sheets_that_are_not_read_are_a_warning(tmp_path):
    """Two devices, or a run with other columns: the check says which."""
    path = book(tmp_path / "a.xlsx", {"D1": sheet(1), "D2": sheet(2)})
    right(import_file(path, device="a"), cycles=1)
    (said,) = [f for f in check_file(path) if f.where == "sheets"]
    assert said.level == "warning" and said.what.endswith("are not: D2")


def test_names_repeated_over_empty_columns_are_no_columns(tmp_path):
    """The row of names was filled to the right; a cycle of which nothing was recorded stays one."""
    names = ["voltage", "current_cycle1", "current_cycle2", "", "voltage", "current_cycle1", "current_cycle2"]
    rows = [[float(v), float(i), None] for v, i in zip(SWEEP, current(1), strict=True)]
    m = import_file(book(tmp_path / "a.xlsx", {"IV": [names, *rows]}), device="a")
    assert np.unique(m.cycle).tolist() == [1, 2]
    assert any("columns without a value" in note for note in m.metadata.notes)


XLS = (
    "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;1&M@VqE}eGrk;#Fn3_|q=YI!3><bRg7T4u+=$92y5XR=#sm{*o6VTHX*Crpnc)M|#"
    "puk@^h-b4s3P%T*|5j%FV#XmrK5@>cY#$Aa2quG5BsCaW&p=w%`2#&kRg|02D)j%jT4>Y+yZn(K4%~yY9`1c0%7w(4v|Z}nr"
    "LA`>;w$VO;r?<19ccjgRxr3)z7axT?AbxTIP@5BN-!-22#rB_YF2qxExMFoz5amw+roq%B-KtLIqWJsh5orKi4?juidCeym}"
    "T1_xf1=LOEkmuGQA&Cl_|hO}g*6Ew_$d^Ah7?BdaH7mSDzvU%TLWQKdq2U1~Y4)d*_Y)$2?oLE1jX=G4RV5J?LDj-;;fqa&i"
    "-92UQh9@wKN_6Igi$tirCwBLVtm=<puuVP3c^uctOfEaDY-?lX{Bw~RBG{q(oP{sZ;;!8BW@6{E<@g&@npk3~P65k`Ix0Uu;"
    "I*gAqR{HGrMqg_(_aHN@)yO$dMDNIF-!a!hI!DkVL8*{we_r5xrl|3!Q4Xmk&N<p$kb7b7Ppl!de9KklR?4|30qQ+LB{9=23"
    "!*PywQr$ZWzx&;Hc!97tpK1&AVlCPs`Q5s#X7gZ<p(}vSE>Lk?7}!gk~=<CIKsqZOWf-47&!~95EEBXni=wO$|SX9_oX2RB!"
    "`8K>%~({;e5DJsn(9N(?fl!8i=Y}WXslVAIjz{{pAZF<gbs|KW`we7QUJd$U*&1=oIR(k5gnoT@br-gKiSvqagKWB-N>-@|C"
    "cgjFBLN>5DstSQf(ysb~6GF?<&ovZf(JsQ>@~0ry5VuVc%J00I64fGhw2%L7BjvBYQl0ssI200dcD"
)
"""A workbook of Excel 97 with sheets Data and Append1, each AnodeV and AnodeI: 0, 0.5, 1, 0.5, 0 V, n uA/V.

xlwt 1.3.0 wrote it; lzma and base 85.
"""


def test_a_workbook_of_excel_97_is_read(tmp_path):
    """As older 4200 write it."""
    m = read(tmp_path, lzma.decompress(base64.b85decode(XLS)), "a.xls")
    volts = np.array([0, 0.5, 1, 0.5, 0])
    np.testing.assert_allclose(m.grid()[2], [volts * 1e-6, volts * 2e-6])
    with pytest.raises(ImportRefused, match=r"not a .xls workbook; rename it"):
        read(tmp_path, "V\tI\n0\t0\n1\t1\n", "b.xls")


URN = "urn:oasis:names:tc:opendocument:xmlns"
ODS = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{urn}:office:1.0" '
    'xmlns:table="{urn}:table:1.0" xmlns:text="{urn}:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="A">{rows}<table:table-row table:number-rows-repeated="1048000">'
    '<table:table-cell table:number-columns-repeated="9999"/></table:table-row></table:table>'
    "</office:spreadsheet></office:body></office:document-content>"
)


def ods(path, *, repeated=1):
    """One sheet, written as LibreOffice writes it: empty rows fill it to the end."""
    cell = '<table:table-cell office:value-type="{}"{}><text:p>{}</text:p></table:table-cell>'.format
    names = "".join(cell("string", "", name) for name in ("voltage", "current (nA)"))
    rows = f"<table:table-row>{names}</table:table-row>"
    for v, i in zip(SWEEP, current(1) * 1e9, strict=True):
        cells = "".join(cell("float", f' office:value="{x:.9g}"', "") for x in (v, i))
        rows += f'<table:table-row table:number-rows-repeated="{repeated}">{cells}</table:table-row>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS.format(urn=URN, rows=rows))
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{URN}:manifest:1.0"/>')
    return path


def test_an_opendocument_workbook_is_read(tmp_path):
    """The empty rows that fill its sheet to the end do not count; rows repeated into the millions do."""
    right(import_file(ods(tmp_path / "a.ods"), device="a"), cycles=1)
    with pytest.raises(ImportRefused, match=f"cells, more than {MOST_CELLS}"):
        import_file(ods(tmp_path / "b.ods", repeated=9_000_000), device="b")
    whole = (tmp_path / "a.ods").read_bytes()
    with pytest.raises(ImportRefused, match=r"not a complete .ods workbook"):
        read(tmp_path, whole[: len(whole) // 2], "c.ods")


def test_a_text_of_too_many_cells_is_refused_before_it_is_taken_apart(tmp_path, monkeypatch):
    """Lines times delimiters tell; the cells would fill the memory."""
    monkeypatch.setattr(text_reader, "_Cells", None)
    monkeypatch.setattr("codesign.iv.importers.text.MOST_CELLS", 1000)
    with pytest.raises(ImportRefused, match="302 lines hold 1205 cells, more than 1000"):
        read(tmp_path, "voltage,current_cycle1,current_cycle2,time\n\n" + "1,2,3,4\n" * 300)


def test_a_wide_table_of_thousands_of_cycles_is_read(tmp_path):
    """Every one of them."""
    n = 3000
    text = "voltage," + ",".join(f"current_cycle{k}" for k in range(1, n + 1)) + "\n"
    text += "".join(f"{v}," + ",".join(f"{v * k}e-9" for k in range(1, n + 1)) + "\n" for v in (0, 1, 2))
    grid = read(tmp_path, text).grid()
    np.testing.assert_allclose(grid[2][:, 2], 2e-9 * np.arange(1, n + 1))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("V,I\n0,0.0e+00\n1,1.5e-06\n2,2.25e-06\n3,3.5e-0", 3),
        ("V,I\n0,0.0e+00\n1,1.5e-06\n2,2.25e-06\n3,3.5", 3),
        ("V,I\n0,1.0e-07\n1,1.5e-06\n2,2.25e-06\n3,0", 4),
        ("V,I\n0,0.012\n1,0.1234\n2,0.22345\n3,0.3", 4),
    ],
    ids=["exponent cut", "exponent gone", "a zero is written short", "fewer decimals than any"],
)
def test_a_last_number_without_its_exponent_is_cut(tmp_path, text, kept):
    """Where it cannot be told, the check says that it may be."""
    m = read(tmp_path, text)
    assert m.voltage.size == kept
    assert [f.level for f in check_file(tmp_path / "a.csv") if f.where == "end of the file"] == ["warning"]
