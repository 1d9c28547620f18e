"""Instrument files to measurements: text formats, units, cycles, sidecars, pulse series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers.cycles import split_cycles
from codesign.iv.importers.filename import conditions_in
from codesign.iv.importers.headers import read_header

UP = np.round(np.linspace(0, 2, 11), 3)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])  # 0 -> 2 -> 0 -> -2 -> 0 V


def _current(voltage, cycle):
    return np.asarray(voltage) * 1e-6 * cycle


def _write(folder, text, name="a.csv", sidecar=None):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    if sidecar is not None:
        path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return path


def _long(cycles=3, *, header="Voltage (V),Current (A)", delimiter=",", comma=False):
    rows = [
        delimiter.join((f"{v:.6g}", f"{_current(v, n):.6e}")) for n in range(1, cycles + 1) for v in SWEEP
    ]
    text = "\n".join(rows)
    return f"{header}\n{text.replace('.', ',') if comma else text}\n"


def _wide(scale=1.0, unit=""):
    rows = [",".join([f"{v:.6g}", *(f"{_current(v, n) * scale:.9e}" for n in (1, 2, 5))]) for v in SWEEP]
    return "\n".join([f"voltage,current_cycle1{unit},current_cycle2{unit},current_cycle5{unit}", *rows])


@pytest.mark.parametrize(
    ("text", "quantity", "scale", "cycle"),
    [
        ("Voltage (V)", "voltage", 1, None),
        ("U/V", "voltage", 1, None),
        (" I/A", "current", 1, None),
        ("I [mA]", "current", 1e-3, None),
        ("Current(µA)", "current", 1e-6, None),
        ("current_uA", "current", 1e-6, None),
        ("V, mV", "voltage", 1e-3, None),
        ("current_cycle12 (nA)", "current", 1e-9, 12),
        ("I3", "current", 1, 3),
        ("AV", "voltage", 1, None),
        ("R/Ohm", "resistance", 1, None),
        ("Voltage (A)", "", 1, None),
        ("Temperature (C)", "", 1, None),
        ("vgs_min_V", "", 1, None),
        ("id_on_A", "", 1, None),
        ("Dev0/Ai0", "", 1, None),
    ],
)
def test_a_header_says_quantity_unit_and_cycle(text, quantity, scale, cycle):
    """A wrong guess here would put a wrong number into every table after it."""
    found = read_header(text)
    assert (found.quantity, found.cycle) == (quantity, cycle)
    if quantity:
        assert found.scale == scale


@pytest.mark.parametrize(
    ("delimiter", "comma"),
    [(",", False), (";", False), (";", True), ("\t", False), ("\t", True), (" ", False)],
)
def test_delimiter_and_decimal_comma_are_found(tmp_path, delimiter, comma):
    """The same numbers come out of every dialect."""
    header = delimiter.join(("V", "I"))
    m = import_file(_write(tmp_path, _long(header=header, delimiter=delimiter, comma=comma)), device="a")
    assert np.unique(m.cycle).tolist() == [1, 2, 3]
    np.testing.assert_allclose(m.voltage, np.tile(SWEEP, 3), atol=1e-12)
    np.testing.assert_allclose(
        m.current, np.concatenate([_current(SWEEP, n) for n in (1, 2, 3)]), rtol=1e-6, atol=1e-20
    )
    assert any("split into 3 cycles" in note for note in m.metadata.notes)


@pytest.mark.parametrize(("unit", "scale"), [("(mA)", 1e3), (" [uA]", 1e6), ("/nA", 1e9), (" (µA)", 1e6)])
def test_units_are_converted_and_said(tmp_path, unit, scale):
    """Amperes come out whatever the header's unit, and the note names it."""
    m = import_file(_write(tmp_path, _wide(scale, unit)), device="a")
    cycles, _, current = m.grid()
    assert cycles.tolist() == [1, 2, 5]
    np.testing.assert_allclose(current, [_current(SWEEP, n) for n in (1, 2, 5)], rtol=1e-8, atol=1e-20)
    assert any("converted from" in note and unit.strip(" ()[]/") in note for note in m.metadata.notes)


def test_a_preamble_and_a_row_of_units_are_no_data(tmp_path):
    """Instruments write settings first; some write units on a line of their own."""
    text = "Keithley run 12, 2024\nNPLC, 1, 10\n\n" + _long(header="V,I\nV,mA")
    m = import_file(_write(tmp_path, text), device="a")
    np.testing.assert_allclose(m.voltage, np.tile(SWEEP, 3))
    np.testing.assert_allclose(m.current[1], 1e-3 * 0.2 * 1e-6, rtol=1e-6)
    assert m.metadata.extra["preamble"][0].startswith("Keithley run 12")


def test_a_cycle_column_numbers_the_cycles(tmp_path):
    """It counts more than the shape of the voltage."""
    rows = [f"{n},{v},{_current(v, n)}" for n in (3, 7) for v in SWEEP]
    m = import_file(_write(tmp_path, "\n".join(["cycle,V,I", *rows])), device="a")
    assert np.unique(m.cycle).tolist() == [3, 7]
    assert m.grid()[2].shape == (2, SWEEP.size)


def test_pairs_of_columns_are_cycles(tmp_path):
    """Voltage and current side by side, once a cycle."""
    rows = [f"{v},{_current(v, 1)},{v},{_current(v, 2)}" for v in SWEEP]
    m = import_file(_write(tmp_path, "\n".join(["V,I,V,I", *rows])), device="a")
    np.testing.assert_allclose(m.grid()[2][1], _current(SWEEP, 2))


def test_keithley_6487_text_is_read(tmp_path):
    """Free first line, settings, `U/V, I/A, R/Ohm`, 9.91e37 as not-a-number, rows of two columns."""
    text = "\n 0.0, 2.0, 0.2, 10\n U/V, I/A, R/Ohm\n"
    for k, v in enumerate(SWEEP):
        text += f"{v:+.6E},{_current(v, 1):+.6E}" + (",+9.910000E+37" if k % 2 else "") + "\n"
    text = text.replace(f"{SWEEP[3]:+.6E},{_current(SWEEP[3], 1):+.6E}", f"{SWEEP[3]:+.6E},+9.910000E+37", 1)
    m = import_file(_write(tmp_path, text, "run.txt"), device="run")
    assert m.voltage.size == SWEEP.size
    assert np.flatnonzero(np.isnan(m.current)).tolist() == [3]
    assert any("missing values" in note for note in m.metadata.notes)


@given(
    points=st.integers(4, 30),
    cycles=st.integers(1, 6),
    shape=st.sampled_from(["bipolar", "unipolar", "sawtooth"]),
    seam=st.booleans(),
)
def test_cycles_end_to_end_are_cut_where_they_were_joined(points, cycles, shape, seam):
    """Whatever the sweep shape, and whether the seam holds the start value once or twice."""
    up = np.linspace(0, 1.7, points)
    one = {
        "bipolar": np.concatenate([up, up[-2::-1], -up[1:], -up[-2:0:-1]]),
        "unipolar": np.concatenate([up, up[-2:0:-1]]),
        "sawtooth": up,
    }[shape]
    if seam and shape != "sawtooth":
        one = np.append(one, 0.0)
    record = np.tile(one, cycles)
    np.testing.assert_array_equal(split_cycles(record), np.arange(cycles) * one.size)


def test_cycles_of_different_height_are_cut(tmp_path):
    """A programme with growing maximum is not periodic, but returns to its start."""
    parts = [np.concatenate([UP, UP[-2:0:-1]]) * factor for factor in (1, 1, 2)]
    np.testing.assert_array_equal(split_cycles(np.concatenate(parts)), [0, 20, 40])


def test_the_sidecar_wins_over_the_file_name_and_says_so(tmp_path):
    """A typing error in a name can be mended without renaming the device."""
    name = "1.5um_length_200nm_diameter_15min_Pb_ED_3h_180C_MAI_no_200nm_Ag.csv"
    sidecar = (
        "length_um: 1.2\ncompliance_a: 1e-3\nmeasured_at: 2024-05-01\nextra: {wafer: 7}\nnotes: [re-bonded]\n"
    )
    meta = import_file(_write(tmp_path, _wide(), name, sidecar), device="a").metadata
    assert (meta.length_um, meta.diameter_nm, meta.perovskite, meta.compliance_a) == (
        1.2,
        200,
        "MAPbI3",
        1e-3,
    )
    assert meta.measured_at == "2024-05-01"
    assert meta.extra["wafer"] == 7
    assert any("1.5" in note and "1.2" in note for note in meta.notes)
    assert "re-bonded" in meta.notes


def test_columns_are_mapped_by_the_sidecar(tmp_path):
    """By name, or by number where there is no header; scales replace the header's unit."""
    rows = "\n".join(f"{v},{_current(v, 1) * 1e3}" for v in SWEEP)
    named = "columns: {voltage: AI0, current: AI1}\ncurrent_scale: 0.001\n"
    first = import_file(_write(tmp_path, f"AI0,AI1\n{rows}", "named.csv", named), device="a")
    numbered = "columns: {voltage: 1, current: 2}\ncurrent_scale: 0.001\n"
    second = import_file(_write(tmp_path, rows, "numbered.csv", numbered), device="a")
    for m in (first, second):
        np.testing.assert_allclose(m.current, _current(SWEEP, 1), atol=1e-20)
    with pytest.raises(ImportRefused, match="AI7"):
        import_file(_write(tmp_path, f"AI0,AI1\n{rows}", "c.csv", "columns: {voltage: AI7}"), device="a")


def test_points_per_cycle_cuts_a_record(tmp_path):
    """For sources whose read-back never returns exactly."""
    m = import_file(_write(tmp_path, _long(2), sidecar=f"points_per_cycle: {SWEEP.size}"), device="a")
    assert np.unique(m.cycle).size == 2


def test_a_current_against_time_record_needs_its_voltage(tmp_path):
    """Without voltage there is no conductance; the error says what to write."""
    text = "# Time, s,1,2\n0,1e-3,2e-3\n2,1.1e-3,2.1e-3\n"
    with pytest.raises(ImportRefused, match="voltage_v"):
        import_file(_write(tmp_path, text), device="a")
    m = import_file(_write(tmp_path, text, "b.csv", "voltage_v: 0.5"), device="b")
    cycles, voltage, current = m.grid()
    assert cycles.tolist() == [1, 2]
    assert np.all(voltage == 0.5)
    np.testing.assert_allclose(current, [[1e-3, 1.1e-3], [2e-3, 2.1e-3]])


def test_a_pulse_series_becomes_current_at_the_read_voltage(tmp_path):
    """Potentiation then depression is one cycle; the turning point is the branch."""
    g = np.concatenate([np.linspace(1, 5, 9), np.linspace(4.5, 1, 6)])
    text = "pulse,conductance (uS)\n" + "\n".join(f"{k},{x}" for _ in range(2) for k, x in enumerate(g))
    with pytest.raises(ImportRefused, match="read_voltage_v"):
        import_file(_write(tmp_path, text), device="a")
    m = import_file(_write(tmp_path, text, "b.csv", "pulse: {read_voltage_v: 0.2}"), device="b")
    assert (m.metadata.kind, m.metadata.branch_points) == ("pulse", 9)
    np.testing.assert_allclose(m.grid()[2], np.tile(g * 1e-6 * 0.2, (2, 1)))


def test_normalised_pulses_are_mapped_to_siemens(tmp_path):
    """The affine map is the sidecar's; a conductance that is not positive after it is refused."""
    text = "-1.0,1.0\n0.0,0.0\n1.0,-1.2\n"
    settings = "kind: pulse\npulse: {{columns: [up, down], normalised: [-1, 1], "
    settings += "g_min_s: {}, g_max_s: 3e-6, read_voltage_v: 0.5}}"
    m = import_file(_write(tmp_path, text, sidecar=settings.format("1e-6")), device="a")
    np.testing.assert_allclose(m.current / 0.5, [1e-6, 2e-6, 3e-6, 3e-6, 2e-6, 0.8e-6])
    assert m.metadata.branch_points == 3
    with pytest.raises(ImportRefused, match=r"column 2.*not positive"):
        import_file(_write(tmp_path, text, "b.csv", settings.format("1e-7")), device="b")


def test_a_sidecar_cannot_run_code(tmp_path):
    """Files come from anywhere; YAML tags are refused."""
    path = _write(tmp_path, _wide(), sidecar="!!python/object/apply:os.system ['true']")
    with pytest.raises(ImportRefused, match="not YAML"):
        import_file(path, device="a")


def test_a_file_name_gives_the_fabrication():
    """Every part of the laboratory's pattern."""
    name = (
        "I-V_data_1.5um_length_200nm_diameter_BT_2V_annealing_500C_5hrs_20s_third_etch_15min_Pb_ED_10h_180+210C_FAI_PMMA_"
        "200nm_Ag_memory_4V_carbon_paste_wait_1min_2.xlsx"
    )
    assert conditions_in(name) == {
        "length_um": 1.5, "diameter_nm": 200, "barrier_thinning_v": 2, "third_etch_s": 20, "pb_min": 15,
        "growth_h": 10, "growth_min": 600, "growth_c": "180+210", "ag_nm": 200, "v_max_v": 4, "wait_min": 1,
        "repeat": 2,
        "perovskite": "FAPbI3", "contact": "carbon paste", "pmma": True, "annealing": True,
    }  # fmt: skip
    assert conditions_in("sample_12.csv") == {}
