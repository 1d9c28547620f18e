"""Text files cut short: no half number goes in silently, and no good measurement is lost."""

import numpy as np
import pytest

from codesign.iv.check import check_file
from codesign.iv.importers import import_file

UP = np.round(np.linspace(0, 2, 21), 3)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])  # 81 points


def current(voltage, cycle):
    return 1e3 * voltage * abs(voltage) * cycle  # nA


def numbered(cycles=3) -> str:
    """With a cycle column, and currents of two decimals."""
    rows = [f"{n}\t{v:.3f}\t{current(v, n):.2f}" for n in range(1, cycles + 1) for v in SWEEP]
    return "\n".join(["cycle\tvoltage (V)\tcurrent (nA)", *rows])


def unnumbered(cycles=3) -> str:
    """Cycles end to end, with numbers as Python writes them."""
    rows = [f"{v}\t{current(v, n)}" for n in range(1, cycles + 1) for v in SWEEP]
    return "\n".join(["voltage (V)\tcurrent (nA)", *rows])


def wide(cycles=3) -> str:
    rows = ["\t".join([f"{v:.3f}", *(f"{current(v, n):.2f}" for n in range(1, cycles + 1))]) for v in SWEEP]
    return "\n".join(
        ["\t".join(["voltage (V)", *(f"current_cycle{n} (nA)" for n in range(1, cycles + 1))]), *rows]
    )


def pairs(cycles=3) -> str:
    rows = ["\t".join(f"{v:.3f}\t{current(v, n):.2f}" for n in range(1, cycles + 1)) for v in SWEEP]
    header = "\t".join(f"V{n} (V)\tI{n} (nA)" for n in range(1, cycles + 1))
    return "\n".join([header, *rows])


def read(tmp_path, text, name="a.txt"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return import_file(path, device="a")


def warnings(tmp_path, name="a.txt"):
    return [
        f.what for f in check_file(tmp_path / name) if f.level == "warning" and f.where == "end of the file"
    ]


@pytest.mark.parametrize("layout", [numbered, unnumbered, wide, pairs])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["no-line-break", "line-break", "dos"])
@pytest.mark.parametrize("cycles", [1, 3])
def test_a_complete_file_passes_untouched(tmp_path, layout, end, cycles):
    """Many instruments write no line break at the end."""
    m = read(tmp_path, layout(cycles) + end)
    assert m.current.size == cycles * SWEEP.size
    np.testing.assert_allclose(m.current[-2], current(SWEEP[-2], cycles) * 1e-9)
    assert not warnings(tmp_path)


@pytest.mark.parametrize("layout", [numbered, unnumbered])
@pytest.mark.parametrize("lost", range(1, 17))
def test_no_value_of_a_file_cut_anywhere_in_its_last_cycle_is_wrong(tmp_path, layout, lost):
    """Whatever is in is what was measured, and the check says that the file is short."""
    text = layout()
    text = text[: text.rindex("\n", 0, len(text) - 400) - lost]
    m = read(tmp_path, text)
    for cycle in (1, 2, 3):
        mine = m.cycle == cycle
        expected = current(SWEEP[: mine.sum()], cycle) * 1e-9
        np.testing.assert_allclose(m.voltage[mine], SWEEP[: mine.sum()])
        np.testing.assert_allclose(m.current[mine], expected, atol=6e-12)
    assert 0 < (m.cycle == 3).sum() < SWEEP.size
    assert any("the last cycle has" in said for said in warnings(tmp_path))
    assert not any("missing" in note for note in m.metadata.notes)


@pytest.mark.parametrize("layout", [wide, pairs])
@pytest.mark.parametrize("lost", [1, 2, 5, 8])
def test_a_row_cut_in_columns_side_by_side_is_left_out(tmp_path, layout, lost):
    """It lacks values or decimals that all the others have."""
    text = layout()
    text = text[: text.rindex("\n", 0, len(text) - 200) - lost]
    m = read(tmp_path, text)
    voltage, measured = m.grid()[1][0], m.grid()[2]
    np.testing.assert_allclose(voltage, SWEEP[: voltage.size])
    for cycle in (1, 2, 3):
        np.testing.assert_allclose(measured[cycle - 1], current(voltage, cycle) * 1e-9, atol=6e-12)
    assert any("is left out: the file ends within it" in said for said in warnings(tmp_path))


def test_a_file_cut_between_rows_is_imported_with_a_warning(tmp_path):
    """Nothing tells it from a measurement that was stopped; whoever checks is told."""
    text = "\n".join(numbered().split("\n")[:-24]) + "\n"
    m = read(tmp_path, text)
    assert np.unique(m.cycle, return_counts=True)[1].tolist() == [81, 81, 57]
    assert warnings(tmp_path) == ["the last cycle has 57 of 81 points"]


def test_a_line_break_brings_the_row_back(tmp_path):
    """The remedy for a measurement that was really stopped there."""
    text = "\n".join(unnumbered().split("\n")[:-24])
    assert (read(tmp_path, text).cycle == 3).sum() == 56
    assert (read(tmp_path, text + "\n").cycle == 3).sum() == 57


def test_a_last_number_of_fewer_decimals_than_all_others_is_cut(tmp_path):
    """One cycle has no other to compare with; its way of writing numbers tells."""
    text = numbered(1)
    assert read(tmp_path, text[:-1]).voltage.size == SWEEP.size - 1


def test_a_last_value_that_was_not_recorded_is_no_cut(tmp_path):
    """`NaN` is no half number."""
    text = numbered(1).removesuffix("-0.00").removesuffix("0.00") + "NaN"
    m = read(tmp_path, text)
    assert m.voltage.size == SWEEP.size and np.isnan(m.current[-1])


def test_rows_of_a_column_that_is_often_empty_are_no_cut(tmp_path):
    """The resistance of a Keithley export is missing where it overflows."""
    rows = [f"{v:.3f},{current(v, 1):.2f}" + (f",{1 + k:.2f}" if k % 3 else "") for k, v in enumerate(SWEEP)]
    m = read(tmp_path, "\n".join(["U/V, I/nA, R/Ohm", *rows]))
    assert m.voltage.size == SWEEP.size


@pytest.mark.parametrize("lost", [1, 4, 9, 14])
def test_a_labview_text_file_cut_in_a_number_is_no_other(tmp_path, lost):
    """`.lvm` is text, too."""
    head = (
        "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nDecimal_Separator\t.\n"
        "Multi_Headings\tNo\nX_Columns\tNo\nTime_Pref\tRelative\n***End_of_Header***\t\n\t\nChannels\t2\n"
        "Samples\t243\t243\nY_Unit_Label\tVolts\tAmps\n***End_of_Header***\t\t\n"
        "X_Value\tvoltage\tcurrent\tComment\n"
    )
    rows = "\n".join(f"\t{v:.6f}\t{current(v, n) * 1e-9:.6e}" for n in (1, 2, 3) for v in SWEEP)
    whole = read(tmp_path, head + rows + "\n", "whole.lvm")
    text = head + rows
    cut = read(tmp_path, text[: text.rindex("\n", 0, len(text) - 500) - lost], "cut.lvm")
    n = cut.current.size
    assert 2 * SWEEP.size < n < 3 * SWEEP.size
    np.testing.assert_array_equal(cut.current, whole.current[:n])


@pytest.mark.parametrize(
    ("header", "cycles"),
    [
        ("run\tvoltage (V)\tcurrent (nA)", 3),
        ("Run No.\tvoltage (V)\tcurrent (nA)", 3),
        ("repeat\tvoltage (V)\tcurrent (nA)", 3),
        ("loop number\tvoltage (V)\tcurrent (nA)", 3),
    ],
)
def test_names_of_a_cycle_column(tmp_path, header, cycles):
    """As docs/measurements.md lists them."""
    m = read(tmp_path, numbered(cycles).replace("cycle\tvoltage (V)\tcurrent (nA)", header))
    assert np.unique(m.cycle).tolist() == [1, 2, 3]
    assert not any("split" in note or "not used" in note for note in m.metadata.notes)


def test_one_run_number_for_a_whole_file_is_no_cycle_number(tmp_path):
    """The voltage tells the cycles apart, or a column called cycle does."""
    lines = numbered().split("\n")
    one = "\n".join(
        ["run\tvoltage (V)\tcurrent (nA)", *("7\t" + line.partition("\t")[2] for line in lines[1:])]
    )
    assert np.unique(read(tmp_path, one).cycle).tolist() == [1, 2, 3]
    both = "\n".join([f"run\t{lines[0]}", *(f"{k}\t{line}" for k, line in enumerate(lines[1:]))])
    m = read(tmp_path, both)
    assert np.unique(m.cycle).tolist() == [1, 2, 3]
    assert "columns not used: run" in m.metadata.notes


def test_values_too_large_for_a_memristor_are_said_in_the_notes(tmp_path):
    """They stand in the usability table, too; mA in place of nA is a factor of a million."""
    m = read(tmp_path, numbered().replace("(nA)", "(mA)"))
    assert "the largest current is 12 A: is its unit right?" in m.metadata.notes
    said = [f for f in check_file(tmp_path / "a.txt") if "is its unit right" in f.what]
    assert [(f.level, f.where) for f in said] == [("warning", "current")]
