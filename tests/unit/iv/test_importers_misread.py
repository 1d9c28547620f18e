"""Files that could be read without complaint and wrongly: each gives the numbers that were measured."""

import json

import numpy as np
import pytest

from codesign.iv.importers import ImportRefused, describe_file, import_file
from codesign.iv.importers.columns import numbers
from codesign.iv.importers.conditions import HEADERS
from codesign.iv.importers.headers import read_header
from codesign.iv.measurement import write_measurement

UP = np.linspace(0, 2, 11)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])  # 0 -> 2 -> 0 -> -2 -> 0 V
CURRENT = (SWEEP + 0.3 * SWEEP**3) * 1e-6


def _write(folder, text, name="a.csv", sidecar=None):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    if sidecar is not None:
        path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return path


def _rows(form, *, volts=1.0, amperes=1.0):
    return "\n".join(form.format(v * volts, i * amperes) for v, i in zip(SWEEP, CURRENT, strict=True))


def _german(text):
    return text.translate(str.maketrans(",.", ".,"))


def _once(measurement):
    np.testing.assert_allclose(measurement.voltage, SWEEP, atol=1e-9)
    np.testing.assert_allclose(measurement.current, CURRENT, rtol=1e-3, atol=1e-12)


TEXTS = {
    "thousands in German": "U (V);I (nA)\n" + _german(_rows("{:.2f};{:,.3f}", amperes=1e9)),
    "thousands in English, quoted": 'V (mV),I (nA)\n' + _rows('"{:,.1f}","{:,.3f}"', volts=1e3, amperes=1e9),
    "thousands in French": "U (V);I (nA)\n"
    + _rows("{:.2f};{:,.3f}", amperes=1e9).replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ","),
    "comma for volts, point for amperes": "U;I\n"
    + "\n".join(f"{v:.2f}".replace(".", ",") + f";{i:.6e}" for v, i in zip(SWEEP, CURRENT, strict=True)),
    "exponent marked by D": "V,I\n" + _rows("{:.4e},{:.6e}").replace("e", "D"),
    "minus of typesetters": "V,I\n" + _rows("{:.4f},{:.6e}").replace("-", "\N{MINUS SIGN}"),
    "small letters as units": "Voltage (mv),Current (ua)\n" + _rows("{},{}", volts=1e3, amperes=1e6),
    "unit as a word": "Voltage (millivolt),Current (microamps)\n" + _rows("{},{}", volts=1e3, amperes=1e6),
    "unit after in": "Voltage in mV,Current in nA\n" + _rows("{},{}", volts=1e3, amperes=1e9),
    "unit after a blank": "Voltage mV;Current nA\n" + _rows("{};{}", volts=1e3, amperes=1e9),
    "German names": "Spannung [mV];Strom [uA]\n" + _rows("{};{}", volts=1e3, amperes=1e6),
    "remark in brackets": "Voltage (measured),Current (Ch1)\n" + _rows("{},{}"),
    "units in a row of their own with an index": "Index,V,I\n-,[mV],[uA]\n"
    + "\n".join(f"{k},{row}" for k, row in enumerate(_rows("{},{}", volts=1e3, amperes=1e6).splitlines())),
    "header on two lines": '"Voltage\n(mV)","Current\n(uA)"\n' + _rows("{},{}", volts=1e3, amperes=1e6),
    "index without a name": ",V,I\n"
    + "\n".join(f"{k},{row}" for k, row in enumerate(_rows("{},{}").splitlines())),
    "comments of three kinds": "V,I\n# one\n% two\n// three\n" + _rows("{},{}"),
    "numbered column, one cycle": "voltage,current_cycle7\n" + _rows("{},{}"),
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_numbers_measured_come_out(tmp_path, text):
    """Habits of laboratories and spreadsheets: a factor of a thousand, an index among the currents."""
    _once(import_file(_write(tmp_path, text), device="a"))


@pytest.mark.parametrize(
    ("text", "quantity", "scale", "foreign"),
    [
        ("Current (ma)", "current", 1e-3, False),
        ("Current (MA)", "current", 1, True),
        ("Current (x1e-6 A)", "current", 1, True),
        ("Voltage (Vpp)", "voltage", 1, True),
        ("Current (I)", "current", 1, False),
        ("log10(I) (A)", "", 1, False),
        ("Log Current (A)", "", 1, False),
        ("Current 1 (V)", "", 1, False),
        ("V2 (mV)", "voltage", 1e-3, False),
        ("Strom_Zyklus3_uA", "current", 1e-6, False),
    ],
)
def test_a_header_whose_unit_is_not_known_says_so(text, quantity, scale, foreign):
    """Amperes taken for granted would be wrong by orders of magnitude."""
    found = read_header(text)
    assert (found.quantity, found.foreign_unit) == (quantity, foreign)
    if quantity:
        assert found.scale == pytest.approx(scale)


@pytest.mark.parametrize(
    ("cells", "comma", "values"),
    [
        (["0,5", "1.234,5"], True, [0.5, 1234.5]),
        (["0,5", "1.234"], True, [0.5, 1234]),
        (["1.234.567", "1.234"], True, [1234567, 1234]),
        (["0.5", "1,234.5"], False, [0.5, 1234.5]),
        (["0,5", "1,234"], False, [0.5, 1.234]),
        (["1.5E-6", "1.234E-6"], True, [1.5e-6, 1.234e-6]),
        (["1,234", "12,5"], True, [1.234, 12.5]),
        (["1.234"], True, None),
        (["1,234"], False, None),
        (["0.5", "0,6"], False, None),
        (["0.5", "0.6"], True, None),
    ],
)
def test_a_sign_between_digits_is_read_in_the_one_way_it_can_be(cells, comma, values):
    """1.234 beside decimal commas may be 1234 or 1.234; a factor of a thousand is not guessed."""
    rows = range(1, len(cells) + 1)
    if values is None:
        with pytest.raises(ImportRefused, match="in two ways"):
            numbers(cells, column="I", rows=rows, decimal_comma=comma)
    else:
        assert numbers(cells, column="I", rows=rows, decimal_comma=comma).tolist() == pytest.approx(values)


def test_a_current_without_a_header_has_the_unit_of_its_neighbours(tmp_path):
    """Workbooks leave headers out; amperes beside microamperes would be wrong by a million."""
    text = "voltage,current_cycle1 (uA),\n0,0,0\n1,2,3\n"
    m = import_file(_write(tmp_path, text), device="a")
    np.testing.assert_allclose(m.grid()[2], [[0, 2e-6], [0, 3e-6]])
    with pytest.raises(ImportRefused, match="several units"):
        import_file(
            _write(tmp_path, text.replace("A),", "A),current_cycle2 (nA),").replace("3\n", "3,4\n")),
            device="a",
        )


def test_a_cycle_column_counts_beside_one_numbered_current(tmp_path):
    """`I1` may be channel 1; the cycle column says what the cycles are. So does points_per_cycle."""
    rows = [f"{n},{v},{v * n}" for n in (1, 2) for v in SWEEP]
    text = "\n".join(["cycle,V,I1", *rows])
    m = import_file(_write(tmp_path, text), device="a")
    assert m.grid()[2].shape == (2, SWEEP.size)
    text = "\n".join(["V,I1", *(row.split(",", 1)[1] for row in rows)])
    notes = import_file(_write(tmp_path, text, "c.csv"), device="c").metadata.notes
    assert any("though the voltage returns to its start" in note for note in notes)
    m = import_file(_write(tmp_path, text, "b.csv", f"points_per_cycle: {SWEEP.size}"), device="b")
    assert not any("though the voltage returns" in note for note in m.metadata.notes)
    assert m.grid()[2].shape == (2, SWEEP.size)


def test_cycles_of_different_length_are_pointed_out(tmp_path):
    """Loops to the positive side, then to the negative: where a cycle ends is for a person to say."""
    loop = np.concatenate([UP, UP[-2::-1]])
    record = np.concatenate([loop, loop, loop, -loop, -loop])
    text = "V,I\n" + "\n".join(f"{v},{v * 1e-6}" for v in record)
    notes = import_file(_write(tmp_path, text), device="a").metadata.notes
    assert any("cycles differ in length, 21 to 63 points" in note for note in notes)
    text = "V,I\n" + "\n".join(f"{v},{v * 1e-6}" for v in np.tile(loop, 3))
    notes = import_file(_write(tmp_path, text, "b.csv"), device="b").metadata.notes
    assert not any("differ in length" in note for note in notes)


def test_what_a_wide_file_does_not_use_is_said(tmp_path):
    """A cycle column or a cycle length has no meaning where every cycle has a column."""
    text = "cycle,V,current_1,current_2\n1,0,0,0\n1,1,2,3\n"
    m = import_file(_write(tmp_path, text, sidecar="points_per_cycle: 2"), device="a")
    assert "columns not used: cycle" in m.metadata.notes
    assert any("points_per_cycle is not used" in note for note in m.metadata.notes)


def test_numbered_pairs_keep_their_numbers_and_their_partners(tmp_path):
    """V2 belongs to I2, never to the voltage of the first cycle."""
    m = import_file(_write(tmp_path, "V,I1,V5,I5\n0,0,0,0\n1,1,2,4\n"), device="a")
    cycles, voltage, current = m.grid()
    assert cycles.tolist() == [1, 5]
    assert voltage.tolist() == [[0, 1], [0, 2]]
    assert current.tolist() == [[0, 1], [0, 4]]
    with pytest.raises(ImportRefused, match="column V2: the current beside it has the number 1"):
        import_file(_write(tmp_path, "V2,I1,V1,I2\n0,0,0,0\n1,1,2,4\n"), device="a")


def _workbook(path, sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


SHEET = [["voltage", "current_cycle1"], *([float(v), float(i)] for v, i in zip(SWEEP, CURRENT, strict=True))]


def test_the_sheet_of_sweeps_is_found_wherever_it_stands(tmp_path):
    """The typed sheet before it is kept; a second sheet of sweeps is named, not dropped in silence."""
    typed = [["AAO_diameter", "Pb_time"], ["250nm", "15min"]]
    sheets = {"typed": typed, "IV": SHEET, "copy": SHEET}
    m = import_file(_workbook(tmp_path / "a.xlsx", sheets), device="a")
    _once(m)
    assert m.metadata.extra["sheets"]["typed"]["AAO_diameter"] == "250nm"
    assert any("sheet IV is read" in note and "copy" in note for note in m.metadata.notes)


def test_decimal_commas_typed_as_text_into_a_workbook_are_read(tmp_path):
    """Cells pasted from a German export are text."""
    rows = [["voltage", "current_cycle1"], *([str(a).replace(".", ",") for a in row] for row in SHEET[1:])]
    _once(import_file(_workbook(tmp_path / "a.xlsx", {"IV": rows}), device="a"))


def test_dates_in_a_conditions_workbook_do_not_break_the_file(tmp_path):
    """They are kept as text: a cell of one device stopped the import of all."""
    import datetime

    name = "1.5um_length_200nm_diameter_15min_Pb_ED_3h_180C_MAI_no_200nm_Ag_memory_2V_probe_no_wait.csv"
    cells = {"AAO length (um)": 1.5, "AAO diameter (nm)": 200, "PbEd time (min)": 15, "CVD time (min)": 180,
             "CVD temperature (C)": 180, "perovskite type": "MAPbI3", "Ag thickness (nm)": 200,
             "max voltage (V)": 2, "contact type": "probe", "wait between cycles (min)": 0}  # fmt: skip
    header = ["", *HEADERS.values(), "compliance current", "made"]
    row = ["File1", *(cells.get(h) for h in HEADERS.values()), 1e-3, datetime.datetime(2024, 5, 1)]
    workbook = _workbook(tmp_path / "conditions.xlsx", {"all": [header, row]})
    m = import_file(_write(tmp_path, "V,I\n0,0\n1,1e-6\n", name), device="a", conditions=[workbook])
    assert m.metadata.compliance_a == 1e-3
    assert "2024-05-01" in m.metadata.extra["conditions"]["made"]
    write_measurement(m, tmp_path / "a.parquet")


def test_dates_as_keys_of_the_sidecar_are_kept_as_text(tmp_path):
    """YAML makes them dates, which no metadata can hold."""
    path = _write(tmp_path, "V,I\n0,0\n1,1e-6\n", sidecar="extra: {2024-05-01: first}")
    assert json.loads(json.dumps(dict(import_file(path, device="a").metadata.extra))) == {
        "2024-05-01": "first"
    }


def test_a_scaled_current_of_a_pulse_series_is_scaled(tmp_path):
    """`current_scale` counts for pulses as it does for sweeps, and both say what they did."""
    text, settings = "pulse,current\n0,1\n1,2\n2,1\n", "kind: pulse\npulse: {read_voltage_v: 0.1}\n"
    m = import_file(_write(tmp_path, text, sidecar=settings + "current_scale: 1e-6"), device="a")
    np.testing.assert_allclose(m.current, [1e-6, 2e-6, 1e-6])
    assert any("multiplied by 1e-06" in note for note in m.metadata.notes)
    m = import_file(_write(tmp_path, text.replace("current", "G (uS)"), "b.csv", settings), device="b")
    assert "conductance converted from uS to S (factor 1e-06)" in m.metadata.notes


def test_a_file_that_cannot_be_opened_is_a_refusal(tmp_path):
    """Any other error would stop the run for every device; its record has no digest."""
    folder = tmp_path / "a.csv"
    folder.mkdir()
    with pytest.raises(ImportRefused, match="a folder, not a file"):
        import_file(folder, device="a")
    assert describe_file(folder, device="a").source_sha256 == ""


@pytest.mark.parametrize(
    ("header", "factor"),
    [("up (uS),down (uS)", 1), ("G up [uS],G down [uS]", 1), ("I up (uA),I down (uA)", 0.1)],
)
def test_pulse_columns_are_converted_by_their_unit_whatever_their_name(tmp_path, header, factor):
    """`up (uS)` names no quantity, but microsiemens are no siemens."""
    text = header + "\n" + "\n".join(f"{g * factor},{g * factor}" for g in (1, 2, 3))
    sidecar = "pulse: {read_voltage_v: 0.1, columns: [up, down]}"
    m = import_file(_write(tmp_path, text, sidecar=sidecar), device="a")
    np.testing.assert_allclose(m.current, np.tile([1e-7, 2e-7, 3e-7], 2))
    assert any("converted from u" in note for note in m.metadata.notes)
    text = "up (us),down (us)\n1,1\n2,2\n"
    with pytest.raises(ImportRefused, match="'us' is no unit"):
        import_file(_write(tmp_path, text, sidecar=sidecar), device="a")
    m = import_file(_write(tmp_path, text.replace("us", "kOhm"), sidecar=sidecar), device="a")
    np.testing.assert_allclose(m.current / 0.1, [1e-3, 5e-4, 1e-3, 5e-4])


def test_a_list_of_currents_in_the_sidecar_is_one_cycle_each(tmp_path):
    """In the order of the list, as the guide says."""
    text = "Voltage (V),Forward (mA),Reverse (mA)\n0,0,0\n1,2,3\n"
    sidecar = "columns: {current: ['Reverse (mA)', 'Forward (mA)']}"
    m = import_file(_write(tmp_path, text, sidecar=sidecar), device="a")
    np.testing.assert_allclose(m.grid()[2], [[0, 3e-3], [0, 2e-3]])
    with pytest.raises(ImportRefused, match="named twice"):
        import_file(_write(tmp_path, text, sidecar="columns: {current: [2, 2]}"), device="a")


def test_a_voltage_mapped_to_a_current_needs_its_factor(tmp_path):
    """The voltage over a shunt: 2 mV are not 2 mA until the sidecar says so."""
    text, columns = "AI0 (V),AI1 (mV)\n0,0\n1,2\n", "columns: {voltage: 1, current: 2}\n"
    with pytest.raises(ImportRefused, match="takes the column for a current, its unit is mV"):
        import_file(_write(tmp_path, text, sidecar=columns), device="a")
    m = import_file(_write(tmp_path, text, sidecar=columns + "current_scale: 1e-6"), device="a")
    np.testing.assert_allclose(m.current, [0, 2e-6])


@pytest.mark.parametrize("header", ["Voltage (V)   Current (mA)", "Voltage (V),Current (mA)"])
def test_a_header_parted_by_other_signs_than_the_numbers_is_taken_apart(tmp_path, header):
    """Programs write tabs between numbers and a header by hand."""
    m = import_file(_write(tmp_path, f"{header}\n0.0\t0.0\n1.0\t2.0\n", "a.txt"), device="a")
    np.testing.assert_allclose(m.current, [0, 2e-3])


def test_a_setting_above_the_header_does_not_choose_the_decimal_sign(tmp_path):
    """`Version;2.1` stands above numbers with three decimals behind a comma."""
    text = "Version;2.1\nU [V];I [uA]\n1,200;5,001\n1,400;6,002\n"
    m = import_file(_write(tmp_path, text), device="a")
    np.testing.assert_allclose(m.current, [5.001e-6, 6.002e-6])
