"""The side that charges a device, and a current that runs against its voltage: told apart."""

import numpy as np
import pytest

from codesign.iv.check import check_file
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.measurement import MeasurementError, Metadata, read_measurement, write_measurement

UP = np.linspace(0, 2, 21)
WHOLE = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])
QUADRANT = np.concatenate([UP, UP[-2::-1]])


def _file(folder, voltage, current, *, form="long", sidecar=None):
    """Four cycles, one after the other (long), in columns (wide) or as pairs of columns (pairs)."""
    if form == "long":
        lines = ["Voltage (V),Current (A)"] + 4 * [
            f"{v:.6g},{i:.6e}" for v, i in zip(voltage, current, strict=True)
        ]
    elif form == "wide":
        lines = ["voltage," + ",".join(f"current_cycle{n}" for n in range(1, 5))]
        lines += [f"{v:.6g}" + 4 * f",{i:.6e}" for v, i in zip(voltage, current, strict=True)]
    else:
        lines = [",".join(f"V{n},I{n}" for n in range(1, 5))]
        lines += [",".join(4 * [f"{v:.6g},{i:.6e}"]) for v, i in zip(voltage, current, strict=True)]
    path = folder / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    if sidecar:
        (folder / "a.meta.yaml").write_text(sidecar)
    return path


@pytest.mark.parametrize("form", ["long", "wide", "pairs"])
def test_a_file_of_the_negative_quadrant_says_that_both_signs_turn(tmp_path, form):
    """Or the side, which turns both; each remedy is followed and works."""
    path = _file(tmp_path, -QUADRANT, -1e-6 * QUADRANT, form=form)
    with pytest.raises(ImportRefused) as refused:
        import_file(path, device="a")
    for word in ("voltage_scale: -1", "current_scale: -1", "polarity: negative"):
        assert word in refused.value.remedy
    stored = _file(tmp_path, -QUADRANT, -1e-6 * QUADRANT, form=form, sidecar="polarity: negative\n")
    stated = import_file(stored, device="a")
    assert stated.metadata.polarity == "negative" and stated.voltage.min() == -2
    scales = "voltage_scale: -1\ncurrent_scale: -1\n"
    turned = import_file(_file(tmp_path, -QUADRANT, -1e-6 * QUADRANT, form=form, sidecar=scales), device="a")
    np.testing.assert_allclose(turned.voltage, -stated.voltage)
    np.testing.assert_allclose(turned.current, -stated.current)
    assert not [f for f in check_file(stored) if f.level == "error"]


def test_a_stated_side_that_the_voltage_never_reaches_is_refused(tmp_path):
    """It would leave no charging branch."""
    path = _file(tmp_path, QUADRANT, 1e-6 * QUADRANT, sidecar="polarity: negative\n")
    with pytest.raises(ImportRefused, match="never negative") as refused:
        import_file(path, device="a")
    assert "remove polarity" in refused.value.remedy


@pytest.mark.parametrize("polarity", ["", "polarity: positive\n", "polarity: negative\n"])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_check_warns_of_a_current_against_the_voltage(tmp_path, polarity, sign):
    """Whatever the side; and of no other."""
    found = check_file(_file(tmp_path, WHOLE, sign * 1e-6 * WHOLE, sidecar=polarity or None))
    warned = [f for f in found if f.where == "column current"]
    assert len(warned) == (sign < 0)
    assert all("against the voltage" in f.what and "current_scale: -1" in f.remedy for f in warned)


def test_the_side_is_kept_with_the_measurement(tmp_path):
    """And no other word is one."""
    path = _file(tmp_path, WHOLE, 1e-6 * WHOLE, sidecar="polarity: negative\n")
    write_measurement(import_file(path, device="a"), tmp_path / "a.parquet")
    assert read_measurement(tmp_path / "a.parquet").metadata.polarity == "negative"
    with pytest.raises(MeasurementError, match="polarity 'down'"):
        Metadata(device="a", polarity="down")
    with pytest.raises(ImportRefused, match="polarity"):
        import_file(_file(tmp_path, WHOLE, 1e-6 * WHOLE, sidecar="polarity: down\n"), device="a")
