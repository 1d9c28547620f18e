"""Units wherever a file says them: applied, or the file is refused; never taken for volts and amperes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.iv.check import check_file
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers.head import stated_units
from codesign.iv.importers.headers import read_header
from codesign.iv.importers.units import unit_of

UP = np.linspace(0, 2, 11)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])
CURRENT = (SWEEP + 0.3 * SWEEP**3) * 1e-6


def rows(sign=",", *, volts=1.0, amperes=1.0):
    return "".join(f"{v * volts:.6f}{sign}{i * amperes:.9e}\n" for v, i in zip(SWEEP, CURRENT, strict=True))


def read(folder, text, sidecar="", name="a.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if sidecar:
        path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return import_file(path, device="a")


def right(measurement):
    np.testing.assert_allclose(measurement.voltage, SWEEP, atol=1e-9)
    np.testing.assert_allclose(measurement.current, CURRENT, rtol=1e-6, atol=1e-15)


HEADS = {
    "below": "Voltage,Current\nV,nA\n",
    "below, in brackets": "Voltage,Current\n(V),(nA)\n",
    "below, square brackets": "Voltage,Current\n[V],[nA]\n",
    "below, as a comment": "Voltage,Current\n# V,nA\n",
    "below, then remarks": "Voltage,Current\nV,nA\n,device 3\n",
    "remarks, then units": "Voltage,Current\n,device 3\nV,nA\n",
    "above": "V,nA\nVoltage,Current\n",
    "above, in brackets": "[V],[nA]\nVoltage,Current\n",
    "twice, the same": "Voltage (V),Current (nA)\nV,nA\n",
    "behind a remark": "Voltage (set),Current (measured)\nV,nA\n",
    "in a setting": "Sample 3\nUnits: V, nA\nVoltage,Current\n",
    "in a setting of its own": "Current unit,nA\nNPLC,1\nVoltage,Current\n",
    "in settings like names": "Voltage: V\nCurrent: nA\nVoltage,Current\n",
    "below, with a comma behind": "Voltage,Current\nV,nA,\n",
    "in words of a setting": "Voltage in V, Current in nA\nVoltage,Current\n",
    "in a setting with an underscore": "current_unit=nA\nVoltage,Current\n",
    "in a comment": "# unit_current: nA\nVoltage,Current\n",
    "in a sentence": "All currents in nA\nVoltage,Current\n",
    "in words below the names": "Voltage,Current\nunit: V,unit: nA\n",
    "names of Agilent": "V1,I1\nV,nA\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_unit_counts_wherever_it_stands(tmp_path, head):
    """Nanoamperes taken for amperes are wrong by a thousand million."""
    m = read(tmp_path, head + rows(amperes=1e9))
    right(m)
    assert any("converted from nA" in note for note in m.metadata.notes)


DOUBTFUL = {
    "unknown, below": ("Voltage,Current\nV,a.u.\n", "'a.u.' is no unit"),
    "mega or milli, below": ("Voltage,Current\nV,MA\n", "'MA' is no unit"),
    "NA, not available or nano": ("Voltage,Current\nV,NA\n", "'NA' is no unit"),
    "two units": ("Voltage (V),Current (mA)\nV,nA\n", "'mA or nA' is no unit"),
    "words below the names": ("Voltage,Current\nstored as V,stored as nA\n", "'nA in a remark' is no unit"),
    "two units in settings": ("Units: V, nA, mA\nVoltage,Current\n", "'nA and mA' is no unit"),
    "factor in the name": ("Voltage (V),Current x1e-6 (A)\n", "'x1e-6' is no unit"),
    "factor behind the name": ("Voltage (V),Current*1000 (A)\n", r"'\*1000' is no unit"),
    "power in the name": ("Voltage (V),Current 10^-6 (A)\n", r"'10\^-6' is no unit"),
    "power in the unit": ("Voltage (V),Current (10^-6 A)\n", "is no unit"),
    "factor without unit": ("V,I x 1e6\n", "is no unit"),
    "factor in a sentence": ("Current multiplied by 1e6\nVoltage,Current\n", "'factor 1e6' is no unit"),
    "factor in a setting": ("Current scale factor: 1e-6\nVoltage,Current\n", "'factor 1e-6' is no unit"),
}


@pytest.mark.parametrize(("head", "said"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_unit_or_factor_that_may_mean_two_things_is_refused(tmp_path, head, said):
    """Stored times 1e-6, or multiplied by it before? A sidecar says it, and then the file is read."""
    text = head + rows(amperes=1e6)
    with pytest.raises(ImportRefused, match=f"column .*{said}.*current_scale"):
        read(tmp_path, text)
    right(read(tmp_path, text, "current_scale: 1e-6\nvoltage_scale: 1\n"))


def test_a_unit_of_the_settings_counts_for_columns_that_the_sidecar_maps(tmp_path):
    """`AI1` says nothing; the settings do."""
    text = "Units: V, nA\nAI0,AI1\n" + rows(amperes=1e9)
    right(read(tmp_path, text, "columns: {voltage: AI0, current: AI1}\n"))


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["Units: V, nA"], {"voltage": "V", "current": "nA"}),
        (["Einheit Strom: uA"], {"current": "uA"}),
        (["Compliance unit: mA"], {}),
        (["Current scale: 1"], {}),
        (["Current: 5"], {}),
        (["Units: nA, na"], {"current": "nA"}),
        (["Current range: 1 mA", "Current limit: mA"], {}),
        (["Current in uA; tip 3"], {"current": "uA"}),
    ],
)
def test_what_settings_state(lines, found):
    """A unit of the compliance is none of the columns."""
    assert stated_units(lines) == found


@given(
    prefix=st.sampled_from([("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p", 1e-12), ("f", 1e-15)]),
    unit=st.sampled_from([("V", "voltage"), ("A", "current"), ("S", "conductance"), ("Ohm", "resistance")]),
    behind=st.sampled_from(["", " DC"]),
)
def test_a_prefix_is_its_factor(prefix, unit, behind):
    """Whatever it measures."""
    assert unit_of(prefix[0] + unit[0] + behind) == (unit[1], prefix[1])


@pytest.mark.parametrize(
    ("text", "quantity", "scale", "cycle"),
    [
        ("AnodeV", "voltage", 1, None),
        ("AnodeI", "current", 1, None),
        ("Ewe/V", "voltage", 1, None),
        ("<I>/mA", "current", 1e-3, None),
        ("Smu1.V[1][3]", "voltage", 1, 3),
        ("Smu1.I[1][3]", "current", 1, 3),
        ('"Voltage (V)"', "voltage", 1, None),
        ('# "Current (nA)"', "current", 1e-9, None),
        ("WE(1).Current (A)", "current", 1, None),
        ("Potential/V", "voltage", 1, None),
        ("E (V)", "voltage", 1, None),
        ("E (V vs. Ag/AgCl)", "voltage", 1, None),
        ("E", "", 1, None),
        ("Index1", "", 1, None),
        ("R (MOhm)", "resistance", 1e6, None),
    ],
)
def test_names_that_instruments_write(text, quantity, scale, cycle):
    """A Keithley 4200, EC-Lab, QCoDeS, NOVA and CHI."""
    found = read_header(text)
    assert (found.quantity, found.scale, found.cycle, found.foreign_unit) == (quantity, scale, cycle, False)


def test_units_in_a_column_of_their_own(tmp_path):
    """A buffer of a Keithley 2450; a unit that changes from row to row is refused."""
    head = "Index,Reading,Unit,Range Digits,Source,Source Unit\n"
    lines = [
        f"{k},{i * 1e9:.6e},nA,6.5,{v:.6f},Volt DC"
        for k, (v, i) in enumerate(zip(SWEEP, CURRENT, strict=True))
    ]
    right(read(tmp_path, head + "\n".join(lines)))
    unnamed = head.replace("Source,Source Unit", "Value,Unit")
    right(read(tmp_path, unnamed + "\n".join(lines)))
    lines[3] = lines[3].replace("nA", "uA")
    with pytest.raises(ImportRefused, match="column Unit: the unit changes from row to row: nA, uA"):
        read(tmp_path, head + "\n".join(lines))


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("suffix", [".dat", ".txt", ".asc"])
def test_text_in_every_coding_is_read(tmp_path, coding, suffix):
    """UTF-16 with its mark or without."""
    text = "Voltage (V)\tCurrent (nA)\r\n" + rows("\t", amperes=1e9)
    right(read(tmp_path, text.encode(coding), name=f"a{suffix}"))


@pytest.mark.parametrize(
    ("unit", "factor", "said"),
    [
        ("A", 1e9, "the largest current is 4400 A"),
        ("nA", 1e-9, "the largest current is 4.4e-24 A"),
        ("V", 1e3, "the largest voltage is 2000 V"),
    ],
)
def test_currents_and_voltages_that_no_device_has_are_a_warning(tmp_path, unit, factor, said):
    """The number is said, so that a person sees by how much the unit is wrong."""
    if unit == "V":
        read(tmp_path, "voltage (V),current (A)\n" + rows(volts=factor))
    else:
        read(tmp_path, f"voltage (V),current ({unit})\n" + rows(amperes=factor))
    found = [f for f in check_file(tmp_path / "a.csv") if said in f.what]
    assert [f.level for f in found] == ["warning"]


@pytest.mark.parametrize("key", ["unit_string", "Unit", "NI_UnitDescription"])
def test_a_unit_among_the_properties_of_a_channel_counts(tmp_path, key):
    """Programs write it under names of their own."""
    nptdms = pytest.importorskip("nptdms")
    with nptdms.TdmsWriter(str(tmp_path / "a.tdms")) as writer:
        writer.write_segment(
            [
                nptdms.ChannelObject("g", "Voltage", SWEEP),
                nptdms.ChannelObject("g", "Current", CURRENT * 1e9, properties={key: "nA"}),
            ]
        )
    right(import_file(tmp_path / "a.tdms", device="a"))


def test_counts_of_a_converter_that_no_scale_turns_into_volts_are_refused(tmp_path):
    """npTDMS knows some scales; with another it gives the counts."""
    nptdms = pytest.importorskip("nptdms")
    scale = {
        "unit_string": "V",
        "NI_Number_Of_Scales": 1,
        "NI_Scaling_Status": "unscaled",
        "NI_Scale[0]_Scale_Type": "Divider",
    }
    with nptdms.TdmsWriter(str(tmp_path / "a.tdms")) as writer:
        writer.write_segment(
            [
                nptdms.ChannelObject("g", "Voltage", SWEEP * 50, properties=scale),
                nptdms.ChannelObject("g", "Current", CURRENT, properties={"unit_string": "A"}),
            ]
        )
    with pytest.raises(ImportRefused, match=r"scale type Divider is unknown.*voltage_scale"):
        import_file(tmp_path / "a.tdms", device="a")
    (tmp_path / "a.meta.yaml").write_text("voltage_scale: 0.02")
    right(import_file(tmp_path / "a.tdms", device="a"))


PLACES = {
    "in the name": "{n}Voltage ({v}){d}Current ({i})\n",
    "in a row below": "{n}Voltage{d}Current\n{v}{d}{i}\n",
    "in a row above": "{n}{v}{d}{i}\nVoltage{d}Current\n",
    "in a setting": "{n}Units: {v}, {i}\nVoltage{d}Current\n",
    "in two settings": "{n}Voltage unit: {v}\nCurrent unit: {i}\nVoltage{d}Current\n",
}


@given(
    place=st.sampled_from(sorted(PLACES)),
    volts=st.sampled_from([("V", 1.0), ("mV", 1e3), ("uV", 1e6)]),
    amperes=st.sampled_from([("A", 1.0), ("mA", 1e3), ("µA", 1e6), ("nA", 1e9), ("pA", 1e12)]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    settings=st.lists(st.sampled_from(["NPLC,1", "Tip 3", "Compliance: 5 mA", "# remark", ""]), max_size=3),
)
def test_units_of_every_prefix_count_in_every_place(
    tmp_path_factory, place, volts, amperes, delimiter, settings
):
    """Whatever the delimiter, and whatever settings stand above."""
    above = "".join(f"{line}\n" for line in settings)
    head = PLACES[place].format(n=above, v=volts[0], i=amperes[0], d=delimiter)
    folder = tmp_path_factory.mktemp("units")
    right(read(folder, head + rows(delimiter, volts=volts[1], amperes=amperes[1]), name="a.txt"))


SAID_ABOVE = {
    "against the name: unit": "Current unit: uA",
    "against the name: words": "# Current in uA",
    "against the name: factor": "Current scale factor: 1e-6",
}


@pytest.mark.parametrize("line", SAID_ABOVE.values(), ids=SAID_ABOVE)
def test_a_setting_that_contradicts_the_name_is_refused(tmp_path, line):
    """Nobody can tell which of the two is right; the sidecar says it."""
    text = f"{line}\nVoltage (V),Current (A)\n{rows()}"
    with pytest.raises(ImportRefused, match=r"'A or .*' is no unit.*current_scale"):
        read(tmp_path, text)
    right(read(tmp_path, text, "current_scale: 1"))


@pytest.mark.parametrize("line", ["V,uA", "all currents in uA"], ids=["units", "remark"])
@pytest.mark.parametrize("names", ["Voltage (V),Current (A)\n", "Voltage,Current\nV,A\n"])
def test_a_row_below_that_contradicts_the_names_is_refused(tmp_path, line, names):
    """A second row of units, or a remark."""
    with pytest.raises(ImportRefused, match=r"'A or uA.*' is no unit"):
        read(tmp_path, f"{names}{line}\n{rows()}")


def test_settings_that_agree_with_the_names_are_no_contradiction(tmp_path):
    """The same unit twice, in whatever words."""
    for line in ("Current in microamperes", "Current unit: uA", "(values in uA)"):
        right(read(tmp_path, f"{line}\nVoltage (V),Current (uA)\n{rows(amperes=1e6)}"))


@pytest.mark.parametrize(
    "line",
    [
        "Y-Axis Unit: uA",
        "X unit,V\nY unit,uA",
        "Units (x,y): V, uA",
        "Y_Unit_Label,V,uA",
        "ChannelUnits,V,uA",
        "y_units: uA",
        "##YUNITS=uA",
        "(values in uA)",
        "I(uA) vs V(V)",
        "Currents times 1e-6 A",
        "Current x1e-6",
        "Multiply current by 1e-6",
        "V,a.u.",
    ],
)
def test_a_unit_above_the_table_that_is_not_understood_is_a_refusal(tmp_path, line):
    """Never is it left out in silence."""
    with pytest.raises(ImportRefused, match="is no unit this import knows"):
        read(tmp_path, f"{line}\nVoltage,Current\n{rows(amperes=1e6)}")


@pytest.mark.parametrize("line", ["Current.Unit=uA", "Currents are given in microamperes"])
def test_more_settings_that_say_a_unit(tmp_path, line):
    """Applied as any other."""
    right(read(tmp_path, f"{line}\nVoltage,Current\n{rows(amperes=1e6)}"))


@pytest.mark.parametrize(
    "line",
    [
        "Current range: uA",
        "Compliance (mA): 10",
        "Limit,mA",
        "Scan rate (mV/s): 50",
        "Read voltage 100 mV",
        "Amplitude (mV) = 10",
        "Gain: nA/V",
        "Device,A",
    ],
)
def test_settings_of_the_instrument_say_nothing_about_the_columns(tmp_path, line):
    """Units of ranges, of limits, and of values of their own."""
    right(read(tmp_path, f"{line}\nVoltage,Current\n{rows()}"))


@pytest.mark.parametrize("inside", ["u", "1000", "10"])
def test_a_prefix_or_a_factor_in_brackets_is_no_remark(tmp_path, inside):
    """`Current (u)` may be in microamperes."""
    with pytest.raises(ImportRefused, match=f"'{inside}' is no unit"):
        read(tmp_path, f"Voltage,Current ({inside})\n{rows()}")
