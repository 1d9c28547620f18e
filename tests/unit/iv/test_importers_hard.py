"""Files as they come: damaged, ambiguous, noisy, hostile. Each is read right or refused, never misread."""

import pickle
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers.cycles import split_cycles
from codesign.iv.importers.device_list import read_device_list
from codesign.iv.importers.sidecar import read_sidecar

ROOT = Path(__file__).resolve().parents[3]
UP = np.linspace(0, 2, 21)
LOOP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])
LVM = (
    "LabVIEW Measurement\t\nWriter_Version\t2\nSeparator\tTab\nDecimal_Separator\t{sign}\n"
    "X_Columns\t{columns}\n"
    "***End_of_Header***\t\n\t\nChannels\t2\t\t\nSamples\t4\t4\t\nY_Unit_Label\tV\tmA\t\n***End_of_Header***\t\t\t\n"
    "X_Value\tVoltage\tCurrent\tComment\n{rows}\n"
)


def _write(folder, content, name="a.csv", sidecar=None):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if sidecar is not None:
        path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return path


def _lvm(rows, *, sign=".", columns="No"):
    return LVM.format(sign=sign, columns=columns, rows="\n".join(rows))


def _tdms(path, *, voltage=LOOP, current=LOOP * 1e-3):
    nptdms = pytest.importorskip("nptdms")
    with nptdms.TdmsWriter(str(path)) as writer:
        writer.write_segment(
            [
                nptdms.ChannelObject("sweep", "Voltage", voltage, properties={"unit_string": "V"}),
                nptdms.ChannelObject("sweep", "Current", current, properties={"unit_string": "mA"}),
            ]
        )
    return path


@settings(max_examples=60, deadline=None)
@given(
    dialect=st.sampled_from(
        [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), (" ", "."), (" ", ",")]
    ),
    preamble=st.lists(
        st.sampled_from(["# a remark", "Model 2400", "Date: 2024-05-01", "", "1.5", "NPLC 1"]), max_size=4
    ),
    unit=st.sampled_from([("A", 1.0), ("mA", 1e-3), ("uA", 1e-6), ("nA", 1e-9)]),
    style=st.sampled_from(["{} ({})", "{} [{}]", "{}/{}"]),
    cycles=st.integers(1, 4),
    points=st.integers(3, 12),
    end=st.sampled_from(["\n", "\r\n"]),
    values=st.randoms(use_true_random=False),
)
def test_every_dialect_gives_the_numbers_that_were_written(
    tmp_path_factory, dialect, preamble, unit, style, cycles, points, end, values
):
    """Delimiter, decimal sign, preamble, header style and unit are all found; nothing is asked for."""
    delimiter, sign = dialect
    voltage = np.linspace(0, 1.5, points)
    stored = np.array([[values.uniform(-900, 900) for _ in voltage] for _ in range(cycles)])
    header = delimiter.join(
        [
            style.format("Voltage", "V"),
            *(style.format(f"current_cycle{n + 1}", unit[0]) for n in range(cycles)),
        ]
    )
    rows = [
        delimiter.join(f"{x:.9e}" for x in (v, *stored[:, k])).replace(".", sign)
        for k, v in enumerate(voltage)
    ]
    folder = tmp_path_factory.mktemp("dialect")
    m = import_file(_write(folder, end.join([*preamble, header, *rows, ""]), "a.txt"), device="a")
    np.testing.assert_allclose(m.grid()[1][0], voltage, atol=1e-9)
    np.testing.assert_allclose(m.grid()[2], stored * unit[1], rtol=1e-8)


def test_names_with_blanks_above_aligned_columns_stay_whole(tmp_path):
    """Two blanks part names; a unit in brackets belongs to the name before it."""
    rows = "\n".join(f"{v:9.3f}  {v * 2e-3:12.5e}" for v in UP)
    for header in ("  Bias Voltage (V)   Measured Current (mA)", "Voltage (V) Current (mA)"):
        m = import_file(_write(tmp_path, f"{header}\n{rows}\n", "a.txt"), device="a")
        np.testing.assert_allclose(m.current, UP * 2e-6, atol=1e-12)


def test_quoted_decimal_commas_between_commas_are_read(tmp_path):
    """Spreadsheets write `"0,5","1,2"` in countries with a decimal comma."""
    rows = "\n".join(f'"{v:.2f}","{v * 1e-3:.3e}"'.replace(".", ",") for v in UP)
    m = import_file(_write(tmp_path, f'"V","I"\n{rows}\n'), device="a")
    np.testing.assert_allclose(m.current, UP * 1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("text", "row"),
    [("V,I\n0,1,1,5e-6\n0,5,2,5e-6\n", 2), ("V,I\n0,1e-6\n1,2e-6,7\n2,3e-6\n", 3)],
    ids=["decimal comma as delimiter", "one value too many"],
)
def test_a_row_wider_than_its_header_is_refused(tmp_path, text, row):
    """0,1,1,5e-6 may be (0.1, 1.5e-6) or four columns: a guess would be a wrong measurement."""
    with pytest.raises(
        ImportRefused, match=rf"row {row}: the row has .* values, the header 2 names.*decimal sign"
    ):
        import_file(_write(tmp_path, text), device="a")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_read_back_noise_does_not_move_the_cuts(seed, ratio):
    """A meter's noise of up to a whole step: cycles are cut to the programme's exact length."""
    one = np.concatenate([np.linspace(0, 1, 101), np.linspace(1, -1, 201), np.linspace(-1, 0, 101)])
    noise = np.random.default_rng(seed).normal(0, ratio * 0.01, 4 * one.size)
    np.testing.assert_array_equal(split_cycles(np.tile(one, 4) + noise), np.arange(4) * one.size)


def test_a_record_cut_off_in_a_cycle_keeps_what_was_measured(tmp_path):
    """The incomplete cycle is a cycle, and the note says how long it is."""
    record = np.concatenate([LOOP, LOOP, LOOP[:30]])
    text = "V,I\n" + "\n".join(f"{v:.4f},{v * 1e-6:.6e}" for v in record) + "\n"
    m = import_file(_write(tmp_path, text), device="a")
    assert np.unique(m.cycle, return_counts=True)[1].tolist() == [LOOP.size, LOOP.size, 30]
    assert any("30 of" in note for note in m.metadata.notes)


def test_a_cycle_number_that_fits_no_integer_column_is_refused(tmp_path):
    """It would wrap round to another cycle."""
    with pytest.raises(ImportRefused, match="99999999999 is no cycle number"):
        import_file(_write(tmp_path, "cycle,V,I\n1,0,1\n99999999999,1,1\n"), device="a")


@pytest.mark.parametrize(
    ("sign", "columns", "label"), [(".", "No", ""), (",", "No", ""), (".", "One", "0.1")]
)
def test_labview_text_with_known_channel_names_needs_no_sidecar(tmp_path, sign, columns, label):
    """Point or comma, with and without a time column; the unit stands in a line of its own."""
    rows = [f"{label}\t{v:.3f}\t{v * 2:.3f}".replace(".", sign) for v in UP]
    m = import_file(_write(tmp_path, _lvm(rows, sign=sign, columns=columns), "a.lvm"), device="a")
    np.testing.assert_allclose(m.voltage, UP)
    np.testing.assert_allclose(m.current, UP * 2e-3)
    assert any("converted from mA" in note for note in m.metadata.notes)


def test_text_in_a_labview_channel_is_refused_and_a_comment_is_not(tmp_path):
    """The reader beneath takes any text for a missing value; the file's line is named."""
    rows = ["\t0.0\t0.0\tstarted", "\t1.0\tOVERLOAD", "\t2.0\t3.0\tOK"]
    lines = _lvm(rows).splitlines()
    line = next(k for k, text in enumerate(lines, start=1) if "OVERLOAD" in text)
    with pytest.raises(ImportRefused, match=rf"column Current, row {line}: 'OVERLOAD' is not a number"):
        import_file(_write(tmp_path, _lvm(rows), "a.lvm"), device="a")
    m = import_file(_write(tmp_path, _lvm([rows[0], "\t1.0\t", rows[2]]), "b.lvm"), device="b")
    assert np.isnan(m.current).tolist() == [False, True, False]


class _Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_beside_a_labview_file_is_never_loaded(tmp_path):
    """`NAME.lvm.pkl` is a cache of the library's own `read`; loading one from a data folder runs its code."""
    path = _write(tmp_path, _lvm([f"\t{v}\t{v}" for v in UP]), "a.lvm")
    (tmp_path / "a.lvm.pkl").write_bytes(pickle.dumps(_Hostile(tmp_path / "ran")))
    import_file(path, device="a")
    assert not (tmp_path / "ran").exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.lvm", "a.lvm.pkl"]


def test_tdms_channels_are_told_by_name_and_unit(tmp_path):
    """Written by the library's own writer, read back in amperes."""
    m = import_file(_tdms(tmp_path / "a.tdms"), device="a")
    np.testing.assert_allclose(m.voltage, LOOP)
    np.testing.assert_allclose(m.current, LOOP * 1e-6)


@pytest.mark.parametrize("kept", [20, 100, 0.5, 0.99])
def test_a_tdms_file_cut_short_is_refused(tmp_path, kept, capsys):
    """The library reads on with what is there; half a sweep is no sweep."""
    whole = _tdms(tmp_path / "a.tdms").read_bytes()
    path = _write(tmp_path, whole[: kept if kept > 1 else int(kept * len(whole))], "b.tdms")
    with pytest.raises(ImportRefused, match="not a complete TDMS file"):
        import_file(path, device="b")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".csv", ".lvm", ".tdms", ".xlsx"])
def test_a_damaged_file_is_refused_or_read_but_never_breaks_the_import(tmp_path, suffix):
    """Cut anywhere, or with bytes changed: the only exception is a refusal that names the file."""
    draw = random.Random(suffix)
    if suffix == ".tdms":
        whole = _tdms(tmp_path / "whole.tdms").read_bytes()
    elif suffix == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for v in UP:
            book.active.append([v, v * 1e-6] if v else ["voltage", "current_cycle1"])
        book.save(tmp_path / "whole.xlsx")
        whole = (tmp_path / "whole.xlsx").read_bytes()
    else:
        rows = [f"\t{v}\t{v}" for v in UP]
        whole = (_lvm(rows) if suffix == ".lvm" else "V;I\n" + "\n".join(f"{v};{v}" for v in UP)).encode()
    for k in range(80):
        damaged = bytearray(whole[: draw.randrange(len(whole))] if k % 2 else whole)
        for _ in range(draw.choice([0, 1, 10]) if k % 2 else draw.choice([1, 3, 20])):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path = _write(tmp_path, bytes(damaged), f"damaged{suffix}")
        try:
            import_file(path, device="a")
        except ImportRefused as refusal:
            assert refusal.remedy
            assert path.name in str(refusal)


def test_a_broken_conditions_workbook_stops_no_device(tmp_path):
    """It describes every device; the import says that the compliance is unknown and goes on."""
    name = "1.5um_length_200nm_diameter_15min_Pb_ED_3h_180C_MAI_no_200nm_Ag.csv"
    path = _write(tmp_path, "V,I\n0,0\n1,1e-6\n", name)
    workbook = _write(tmp_path, b"PK\x03\x04 cut", "conditions.xlsx")
    meta = import_file(path, device="a", conditions=[workbook]).metadata
    assert meta.compliance_a is None
    assert any("no compliance current" in note and "conditions.xlsx" in note for note in meta.notes)


def test_a_hand_typed_sheet_that_contradicts_the_file_name_is_recorded(tmp_path):
    """The name wins; what was typed stays readable beside it."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["voltage", "current_cycle1"], [0, 0], [1, 1e-6]):
        book.active.append(row)
    sheet = book.create_sheet("typed")
    sheet.append(["AAO_diameter", "Pb_time", "Ag_thickness", "scanning_range "])
    sheet.append(["250nm", "15min", "0mim", "6V"])
    path = tmp_path / "1.5um_length_200nm_diameter_15min_Pb_ED_3h_180C_MAI_no_200nm_Ag_memory_8V_probe.xlsx"
    book.save(path)
    meta = import_file(path, device="a").metadata
    assert meta.diameter_nm == 200
    assert meta.extra["contradictions"] == [
        "typed, AAO_diameter: 250nm, the file name says 200 nm",
        "typed, scanning_range: 6V, the file name says 8 V",
    ]


def test_a_pulse_series_may_hold_currents(tmp_path):
    """Currents at the read voltage are what is stored anyway."""
    text = "pulse,current (uA)\n0,1\n1,2\n2,3\n3,2\n"
    sidecar = "kind: pulse\npulse: {read_voltage_v: 0.1, potentiation_points: 3}\n"
    m = import_file(_write(tmp_path, text, sidecar=sidecar), device="a")
    np.testing.assert_allclose(m.current, [1e-6, 2e-6, 3e-6, 2e-6])
    assert m.metadata.branch_points == 3


@pytest.mark.parametrize("key", ["voltage_scale", "current_scale"])
def test_a_scale_of_zero_is_refused(tmp_path, key):
    """It would turn a measurement into zeros."""
    with pytest.raises(ImportRefused, match=key):
        import_file(_write(tmp_path, "V,I\n0,0\n1,1\n", sidecar=f"{key}: 0\n"), device="a")


def test_the_sidecars_of_the_guide_are_valid(tmp_path):
    """A guide whose examples are refused is worse than none."""
    guide = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert len(examples) >= 3
    (of_folder,) = [example for example in examples if "mappings:" in example]
    for number, example in enumerate(examples):
        folder = tmp_path / str(number)
        folder.mkdir()
        if "mapping:" in example:
            (folder / "folder.meta.yaml").write_text(of_folder, encoding="utf-8")
        if example != of_folder:
            (folder / "a.meta.yaml").write_text(example, encoding="utf-8")
        assert read_sidecar(folder / "a.csv")


def test_the_files_of_the_guide_import(tmp_path):
    """The same holds for its measurements; the numbers are those a reader sees there."""
    guide = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    examples = re.findall(r"```text\n(.*?)```", guide, re.DOTALL)
    found = [import_file(_write(tmp_path, text, f"{k}.txt"), device="a") for k, text in enumerate(examples)]
    wide, long, keithley = (m.grid()[2] for m in found)
    np.testing.assert_allclose(wide[:, 1:3], [[0.41e-6, 1.32e-6], [0.39e-6, 1.27e-6]])
    np.testing.assert_allclose(long[:, 1:], [[0.41e-3, 1.32e-3], [0.39e-3, 1.27e-3]])
    np.testing.assert_allclose(keithley, [[1.2e-12, 4.1e-7, np.nan]])
    assert found[2].metadata.extra["preamble"] == ["nanowires, tip 3", "Start=0 Stop=1 Step=0.5 Delay=0.1"]


ONE, OTHER = [0, 0.41e-6, 1.32e-6, 0.66e-6], [0, 0.39e-6, 1.27e-6, 0.61e-6]
NAMED_EXAMPLES = {
    "titled.csv": [ONE, OTHER],
    "array.csv": [[0, 8.2e-7, 2.6e-6, 1.3e-6]],
    "arrays.json": [ONE, OTHER],
    "ltp.csv": [[2e-7, 4e-7, 2.5e-7, 2e-7]],
    **{name: [ONE] for name in ("b1500.csv", "k2450.csv", "eclab.mpt", "qcodes.dat", "origin.txt")},
    "labview.lvm": [ONE],
}


def test_the_named_files_of_the_guide_import(tmp_path):
    """With their sidecars, where the guide gives one."""
    guide = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    pattern = r"```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)```"
    files = dict(re.findall(pattern, guide, re.DOTALL))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert {name for name in files if not name.endswith((".yaml", "devices.csv"))} == NAMED_EXAMPLES.keys()
    assert read_device_list(tmp_path / "devices.csv").rows["second"].facts["diameter_nm"] == 200
    for name, expected in NAMED_EXAMPLES.items():
        found = import_file(tmp_path / name, device="a").grid()[2]
        np.testing.assert_allclose(found, expected, atol=1e-18, err_msg=name)
