"""Real instrument files: all 43 workbooks, LabVIEW, Keithley and a pulse series."""

import os
from pathlib import Path

import numpy as np
import pytest

from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.names import device_id

SHARED = Path(
    os.environ.get("CODESIGN_MIRROR", Path(__file__).resolve().parents[3] / ".." / "shared" / "data")
)
PEROVSKITE, FORMATS = SHARED / "iv_perovskite", SHARED / "formats"
WORKBOOK = PEROVSKITE / "fabrication_and_characterization_conditions.xlsx"
needs_devices = pytest.mark.skipif(not PEROVSKITE.is_dir(), reason=f"no folder {PEROVSKITE}")
needs_formats = pytest.mark.skipif(not FORMATS.is_dir(), reason=f"no folder {FORMATS}")


def _beside(folder, source, sidecar):
    path = folder / source.name
    path.symlink_to(source.resolve())
    path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def devices():
    """All 43, imported once."""
    files = sorted((PEROVSKITE / "raw").glob("*.xlsx"))
    return {
        file.name: import_file(file, device=device_id(file.name), conditions=[WORKBOOK]) for file in files
    }


@needs_devices
def test_every_workbook_matches_its_own_row_of_conditions(devices):
    """43 files, 43 rows, one to one; a wrong row would give a wrong compliance current."""
    rows = {m.metadata.extra["conditions"]["row"] for m in devices.values()}
    assert len(devices) == 43
    assert rows == {f"File{k}" for k in range(1, 44)}
    assert all(m.metadata.compliance_a > 0 for m in devices.values())


@needs_devices
def test_the_matched_row_agrees_with_the_file_name(devices):
    """The five fabrication variables, read from the row by hand-written keys."""
    for name, m in devices.items():
        row, meta = m.metadata.extra["conditions"], m.metadata
        assert (row["AAO length (um)"], row["AAO diameter (nm)"]) == (meta.length_um, meta.diameter_nm), name
        assert (row["PbEd time (min)"], row["Ag thickness (nm)"]) == (meta.pb_min, meta.ag_nm), name
        assert row["perovskite type"] == meta.perovskite, name


@needs_devices
def test_repeats_take_rows_in_order_and_say_so(devices):
    """Two pairs of rows differ only in compliance; the current of File7's file stops at its own."""
    pairs = [m for m in devices.values() if any("agree in all but" in note for note in m.metadata.notes)]
    assert sorted(m.metadata.extra["conditions"]["row"] for m in pairs) == [
        "File25",
        "File26",
        "File6",
        "File7",
    ]
    seventh = next(m for m in pairs if m.metadata.extra["conditions"]["row"] == "File7")
    assert seventh.metadata.source_file.endswith("_2.xlsx")
    assert 0.99 < np.nanmax(seventh.current) / seventh.metadata.compliance_a < 1.01


@needs_devices
def test_columns_without_a_header_are_kept_as_cycles(devices):
    """Every cell that openpyxl sees filled is a current: nothing is lost or invented."""
    openpyxl = pytest.importorskip("openpyxl")
    for name in (
        n for n, m in devices.items() if any("without a header" in note for note in m.metadata.notes)
    ):
        sheet = openpyxl.load_workbook(PEROVSKITE / "raw" / name, read_only=True, data_only=True).worksheets[
            0
        ]
        rows = list(sheet.iter_rows(values_only=True))
        filled = [
            sum(isinstance(cell, int | float) for cell in column) for column in zip(*rows[1:], strict=True)
        ][1:]
        assert np.isfinite(devices[name].current).sum() == sum(filled)
        assert np.unique(devices[name].cycle).size == sum(count > 0 for count in filled)


@needs_devices
def test_the_hand_typed_sheet_is_kept_but_the_file_name_counts(devices):
    """Sheet 2 says 250 nm where the name and the conditions say 200 nm."""
    m = next(m for name, m in devices.items() if "0.7um" in name and "1V_carbon" in name)
    assert m.metadata.extra["sheets"]["Sheet2"]["AAO_diameter"] == "250nm"
    assert m.metadata.diameter_nm == 200


MAPPED = [
    ("lvm/short.lvm", "Excitation (Trigger)", "Response (Trigger)", 10, (0.914018, 1.204792)),
    ("lvm/short_new_line_end.lvm", "Excitation (Trigger)", "Response (Trigger)", 10, (0.914018, 1.204792)),
    ("lvm/with_comments.lvm", 2, 4, 9, (1.833787, 0.0)),
    ("lvm/no_decimal_separator.lvm", "ay", "az", 4, None),
    ("lvm/multi_time_column.lvm", "Acceleration", "Voltage", 3, (0.532608, -0.035229)),
    ("lvm/long_single_header_multi_ch_first60k.lvm", "m_1", "F", 2093, (0.234571, 0.052530)),
    ("lvm/with_empty_fields.lvm", "Dev0/Ai2", "Dev0/Ai0", 7, (7.254639, -0.011923)),
    ("tdms/raw1.tdms", "Second Chan", "Layer Data/Third Chan", 2000, (1.03030488, 1.73528245)),
    ("tdms/big_endian.tdms", "Amplitude sweep", "Phase sweep", 3500, (0.0, 0.0)),
]


@needs_formats
@pytest.mark.parametrize(
    ("name", "voltage", "current", "samples", "first"), MAPPED, ids=[row[0] for row in MAPPED]
)
def test_labview_files_import_with_a_mapping_and_not_without(
    tmp_path, name, voltage, current, samples, first
):
    """Real files that are no I-V: only a person can say which channel is which."""
    source = FORMATS / name
    with pytest.raises(ImportRefused, match=r"columns: \{"):
        import_file(source, device="a")
    volts = current in ("Voltage", "Layer Data/Third Chan")
    scale = "current_scale: 1\n" if volts else ""
    path = _beside(tmp_path, source, f"columns: {{voltage: {voltage!r}, current: {current!r}}}\n{scale}")
    if first is None:  # all accelerations negative: no sweep
        with pytest.raises(ImportRefused, match="never positive"):
            import_file(path, device="a")
        return
    m = import_file(path, device="a")
    assert m.voltage.size == samples
    np.testing.assert_allclose((m.voltage[0], m.current[0]), first, atol=1e-7)


@needs_formats
def test_a_photocurrent_record_needs_its_constant_voltage(tmp_path):
    """A Keithley 2636B I(t) export with six runs."""
    source = next((FORMATS / "keithley2636b").glob("*.csv"))
    with pytest.raises(ImportRefused, match="voltage_v"):
        import_file(source, device="a")
    m = import_file(_beside(tmp_path, source, "voltage_v: 1\n"), device="a")
    assert np.unique(m.cycle).tolist() == [1, 2, 3, 4, 5, 6]
    assert m.current[0] == 0.00143877


@pytest.mark.skipif(not (SHARED / "memristor").is_dir(), reason="no folder memristor")
def test_a_normalised_pulse_series_of_a_reram_imports(tmp_path):
    """1000 pulses up, 1000 down; stated bounds 0 and 1 would make conductances negative."""
    source = SHARED / "memristor" / "aihwkit_gong" / "gong_et_al.csv"
    text = "pulse: {columns: [up, down], normalised: [-1.4, 1.1], g_min_s: 1e-6, g_max_s: 1e-5, "
    text += "read_voltage_v: 0.1}"
    m = import_file(_beside(tmp_path, source, text), device="gong")
    stored = np.loadtxt(source, delimiter=",")
    expected = 1e-6 + (stored.T.ravel() + 1.4) / 2.5 * 9e-6
    np.testing.assert_allclose(m.current / 0.1, expected, rtol=1e-12)
    assert (m.metadata.branch_points, m.metadata.kind, np.unique(m.cycle).size) == (1000, "pulse", 1)
    (tmp_path / "gong_et_al.meta.yaml").write_text(text.replace("-1.4, 1.1", "0, 1"), encoding="utf-8")
    with pytest.raises(ImportRefused, match="not positive"):
        import_file(tmp_path / source.name, device="gong")


@needs_formats
@pytest.mark.parametrize("name", ["tdms/raw1.tdms", "tdms/big_endian.tdms"])
def test_a_cut_tdms_file_is_refused_not_shortened(tmp_path, name):
    """The reader would go on with what is there and only log a warning."""
    path = tmp_path / "a.tdms"
    path.write_bytes((FORMATS / name).read_bytes()[:-1000])
    path.with_name("a.meta.yaml").write_text("columns: {voltage: 1, current: 2}", encoding="utf-8")
    with pytest.raises(ImportRefused, match="not a complete TDMS file"):
        import_file(path, device="a")


@needs_formats
@pytest.mark.parametrize("name", ["tdms/raw1.tdms", "lvm/short.lvm", "lvm/with_empty_fields.lvm"])
def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path, name):
    """Any error but a refusal would stop the run for every other device."""
    rng = np.random.default_rng(20)
    whole = (FORMATS / name).read_bytes()
    path = tmp_path / Path(name).name
    path.with_name(f"{path.stem}.meta.yaml").write_text("columns: {voltage: 1, current: 2}", encoding="utf-8")
    outcomes = set()
    for _ in range(15):
        damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for at in rng.integers(0, len(damaged), 10):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            outcomes.add(import_file(path, device="a").metadata.status)
        except ImportRefused as refusal:
            assert path.name in str(refusal)
            outcomes.add("refused")
    assert outcomes <= {"ok", "refused"}
