"""Text of small programs: names in comments, settings above a table, words below it, names of terminals."""

import numpy as np
import pytest

from codesign.iv.check import check_file
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers.dialect import dialect_of, split, whole

UP = np.round(np.linspace(0, 1, 11), 3)
VOLTAGE = np.tile(np.concatenate([UP, UP[-2::-1]]), 2)
CURRENT = np.round(1e-6 * VOLTAGE**2, 12)


def rows(form, *more, scale=1.0):
    """The two sweeps, with further columns."""
    return "".join(form.format(*each) + "\n" for each in zip(VOLTAGE, CURRENT * scale, *more, strict=True))


def read(tmp_path, text, name="a.txt", sidecar=""):
    path = tmp_path / name
    path.write_bytes(text.encode())
    if sidecar:
        path.with_name("a.meta.yaml").write_text(sidecar)
    return import_file(path, device="a")


def right(measurement):
    np.testing.assert_allclose(measurement.voltage, VOLTAGE, atol=1e-12)
    np.testing.assert_allclose(measurement.current, CURRENT, atol=1e-15)
    assert measurement.cycle.max() == 2


HEADS = {
    "savetxt": ("# voltage current", 1.0),
    "savetxt, no blank": ("#voltage current", 1.0),
    "letters": ("# V I", 1.0),
    "units in brackets": ("# V(V) I(A)", 1.0),
    "units behind a stroke": ("# V/V I/uA", 1e6),
    "a word of MATLAB": ("% voltage current", 1.0),
    "a comment of C": ("// voltage current", 1.0),
    "commas above blanks": ("# voltage, current", 1.0),
    "commas and units": ("# Voltage (V), Current (uA)", 1e6),
    "two blanks": ("#  voltage  current", 1.0),
    "settings before": ("# sample: 12\n# date: 2024-05-01\n# voltage current", 1.0),
    "units below": ("# voltage current\n# V uA", 1e6),
    "no comment": ("voltage current", 1.0),
}


@pytest.mark.parametrize(("head", "scale"), HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("form", ["{} {}", "{:.9e}   {:.9e}"], ids=["one-blank", "aligned"])
def test_names_in_a_comment_above_blanks_are_read(tmp_path, head, scale, form):
    """`numpy.savetxt` writes its header so."""
    right(read(tmp_path, f"{head}\n{rows(form, scale=scale)}", "a.dat"))


def test_a_comment_sign_may_name_a_column_of_numbers(tmp_path):
    """`# V I` above three columns."""
    text = "# V I\n" + "".join(
        f"{k} {v} {i}\n" for k, (v, i) in enumerate(zip(VOLTAGE, CURRENT, strict=True))
    )
    right(read(tmp_path, text))


def test_names_that_are_more_than_the_numbers_are_refused(tmp_path):
    """Nothing tells which of the three words belong together."""
    with pytest.raises(ImportRefused, match="2 values"):
        read(tmp_path, "# bias voltage current\n" + rows("{} {}"))


def test_a_comment_with_a_number_is_no_row_of_names(tmp_path):
    """`# sample 12` has as many words as there are columns; it stays among the settings."""
    m = read(tmp_path, "# sample 12\n" + rows("{} {}"), sidecar="columns: {voltage: 1, current: 2}\n")
    right(m)
    assert m.metadata.extra["preamble"] == ["# sample 12"]


TABLES = {
    "numbers in a setting": "Start 0 Stop 1 Points 20\n",
    "a date": "Date 2024 05 14\n",
    "numbers alone": "20 1\n",
    "numbers in a comment": "# 20 1 30 2 40\n",
}


@pytest.mark.parametrize("setting", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("sign", ["\t", ";"], ids=["tab", "semicolon"])
@pytest.mark.parametrize("gap", [5, None], ids=["one-cell-empty", "column-empty"])
def test_numbers_above_a_table_with_gaps_do_not_choose_its_delimiter(tmp_path, setting, sign, gap):
    """Between blanks nothing would tell which cell is missing."""
    times = ["" if gap in (k, None) else str(k) for k in range(VOLTAGE.size)]
    head = sign.join(["Voltage (V)", "Current (A)", "Time (s)"])
    right(read(tmp_path, f"{setting}{head}\n{rows(sign.join(['{}'] * 3), times)}"))


def test_blanks_stay_the_delimiter_where_a_tab_stands_among_them():
    """Only some lines have a tab."""
    lines = ["V I", *("0.1 0.2 0.3" for _ in range(6)), "0.1\t0.2 0.3", *("0.1\t0.2\t0.3" for _ in range(4))]
    assert dialect_of(lines) == (" ", False)


QCODES = '# {}\tsmu_volt\tsmu_curr\n# "{}"\t"Voltage (V)"\t"Current (nA)"\n# 2\t21\n'


def loops(outer):
    """Two blocks of a sweep each, with the value of the outer loop before it."""
    each = np.repeat(outer, VOLTAGE.size // 2)
    blocks = rows("{2}\t{0}\t{1}", each, scale=1e9).splitlines()
    return "\n".join([*blocks[:21], "", *blocks[21:], ""])


def test_a_loop_that_counts_sweeps_is_the_cycle(tmp_path):
    """QCoDeS writes a column a setpoint, and a blank line behind each turn of the inner loop."""
    right(read(tmp_path, QCODES.format("cycle", "Cycle") + loops([1, 2]), "a.dat"))


@pytest.mark.parametrize(("name", "label"), [("dac1", "Temperature (K)"), ("pos", "Position")])
def test_a_loop_over_something_else_is_refused_until_it_is_said_what_to_read(tmp_path, name, label):
    """Sweeps at two temperatures are no two cycles."""
    text = QCODES.format(name, label) + loops([77, 300])
    with pytest.raises(ImportRefused, match=rf"{name}.*only: .*cycle: ") as refusal:
        read(tmp_path, text, "a.dat")
    assert "2 values of it: 77, 300" in str(refusal.value)
    assert read(tmp_path, text, "a.dat", sidecar=f"only: {{{name}: 77}}\n").current.size == 21
    assert set(read(tmp_path, text, "a.dat", sidecar=f"columns: {{cycle: {name}}}\n").cycle) == {77, 300}


def test_a_loop_over_another_voltage_is_refused(tmp_path):
    """A gate has volts, too."""
    with pytest.raises(ImportRefused, match="2 voltage columns"):
        read(tmp_path, QCODES.format("gate", "Gate (V)") + loops([0, 1]), "a.dat")


@pytest.mark.parametrize("volts", [0, -0.5])
def test_a_voltage_that_never_moves_is_told_as_what_it_is(tmp_path, volts):
    """That it is never positive would send to the polarity."""
    with pytest.raises(ImportRefused, match=f"stays at {volts:g} V"):
        read(tmp_path, "voltage,current\n" + "".join(f"{volts},{i}\n" for i in CURRENT))


FOOTERS = {
    "words": ("{},{}", "End of measurement\n"),
    "one word": ("{},{}", "End\n\n"),
    "a setting": ("{},{}", "Elapsed time,12 s\n"),
    "several lines": ("{},{}", "\nMeasured by: lab\nEnd of measurement\n"),
    "no line break": ("{},{}", "End of measurement"),
    "between blanks": ("{} {}", "End of measurement\n"),
}


@pytest.mark.parametrize(("form", "footer"), FOOTERS.values(), ids=FOOTERS)
def test_words_below_the_last_number_are_noted(tmp_path, form, footer):
    """Programs say at the end that it is one."""
    m = read(tmp_path, form.format("voltage", "current") + "\n" + rows(form) + footer)
    right(m)
    assert [note for note in m.metadata.notes if note.startswith("below the numbers, from row ")]


@pytest.mark.parametrize("last", ["OVLD,OVLD", "OVLD,1e-6", "Max,1.0", "nan,OVLD"])
def test_a_last_row_that_may_be_data_is_refused(tmp_path, last):
    """A meter that overflowed is no footer."""
    with pytest.raises(ImportRefused, match="is not a number"):
        read(tmp_path, "voltage,current\n" + rows("{},{}") + last + "\n")


def test_a_short_exponent_that_can_lack_no_digit_stays(tmp_path):
    """5.00E-9 among E-10: one more digit would make a current below 1E-90."""
    shown = [f"{v:.2f},{1e-10 + i * 1e-5:.2E}" for v, i in zip(VOLTAGE, CURRENT, strict=True)]
    text = "voltage,current\n" + "\n".join([*shown[:-1], "0.00,5.00E-9"])
    m = read(tmp_path, text)
    assert m.current.size == VOLTAGE.size
    assert m.current[-1] == pytest.approx(5e-9)
    assert not any("row " in note for note in m.metadata.notes)


def test_a_short_exponent_that_may_lack_a_digit_is_left_out_with_a_warning(tmp_path):
    """5.00E-1 may be 5.00E-10."""
    shown = [f"{v:.2f},{1e-10 + i * 1e-5:.2E}" for v, i in zip(VOLTAGE, CURRENT, strict=True)]
    m = read(tmp_path, "voltage,current\n" + "\n".join([*shown[:-1], "0.00,5.00E-1"]))
    assert m.current.size == VOLTAGE.size - 1
    assert any(
        found.level == "warning" and "is left out" in found.what for found in check_file(tmp_path / "a.txt")
    )


@pytest.mark.parametrize("remark", ['4" wafer', '"', '"4"" wafer"', '"tip, 2"'])
def test_an_inch_sign_among_remarks_joins_no_rows(tmp_path, remark):
    """Two of them are no quotes of one cell over two lines."""
    right(read(tmp_path, "voltage,current,remark\n" + rows("{},{}," + remark), "a.csv"))


def test_a_quoted_name_over_lines_is_one():
    """Spreadsheets break long names."""
    assert whole(['"Voltage', '(V)","Current', '(A)"', "0,1"]) == [
        '"Voltage (V)","Current (A)"',
        "",
        "",
        "0,1",
    ]
    assert split('"Voltage (V)","Current (A)"', ",") == ["Voltage (V)", "Current (A)"]


TERMINALS = [("smua.V", "smua.I"), ("Vanode", "Ianode"), ("V_drain", "I_drain"), ("V_TE (V)", "I_TE (A)"),
             ("V_smu1", "I_smu1"), ("Vanode", "Icathode")]  # fmt: skip


@pytest.mark.parametrize(("voltage", "current"), TERMINALS)
def test_voltage_and_current_of_a_terminal_are_known(tmp_path, voltage, current):
    """As scripts of the 2600 series and the B1500A name them."""
    right(read(tmp_path, f"Timestamp,{voltage},{current}\n" + rows("{2},{0},{1}", np.arange(42)), "a.csv"))


def test_lone_numbers_above_a_table_are_no_column(tmp_path):
    """As many settings as rows: the table is as wide as its rows."""
    path = tmp_path / "a.txt"
    path.write_text("1.5\n1.5\n1.5\nVoltage/V current_cycle1/A\n0 0\n1 1e-6\n0 0\n")
    assert import_file(path, device="a").current.tolist() == [0, 1e-6, 0]
