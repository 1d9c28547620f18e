"""Several devices in one file are never one device of all their cycles."""

import json

import numpy as np
import openpyxl
import pytest

from codesign.iv.importers import ImportRefused, import_file

UP = np.linspace(0, 1, 9)
SWEEP = np.concatenate([UP, UP[-2::-1]])


def read(folder, text, sidecar="", name="a.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    if sidecar:
        path.with_name(f"{path.stem}.meta.yaml").write_text(sidecar, encoding="utf-8")
    return import_file(path, device="a")


def table(head, places, *, cycles=2):
    lines = [
        f"{place},{n},{v},{v * 1e-6 * (k + 1)}"
        for k, place in enumerate(places)
        for n in range(1, cycles + 1)
        for v in SWEEP
    ]
    return "\n".join([f"{head},cycle,voltage,current", *lines]) + "\n"


@pytest.mark.parametrize(
    ("head", "places", "where"),
    [
        ("device", ["D0", "D1", "D2"], "column device"),
        ("Device ID", [0, 1], "column Device ID"),
        ("sample", ["a", "b"], "column sample"),
        ("WL,BL", ["1,1", "1,2", "2,1"], "column WL and BL"),
        ("Word line,Bit line", ["0,3", "1,3"], "column Word line and Bit line"),
        ("row,col", ["1,1", "2,1"], "column col and row"),
    ],
)
def test_a_column_of_devices_is_refused(tmp_path, head, places, where):
    """Their cycles have the same numbers; joined end to end they made one device, with a usability."""
    with pytest.raises(ImportRefused, match=f"{where}: {len(places)} devices in one file.*only:"):
        read(tmp_path, table(head, places))


def test_the_sidecar_chooses_one_of_them(tmp_path):
    """A copy of the file for each device, and a sidecar beside each copy."""
    text = table("WL,BL", ["1,1", "1,2", "2,1"])
    m = read(tmp_path, text, "only: {WL: 1.0, BL: 2}")
    np.testing.assert_allclose(m.grid()[2], np.tile(SWEEP * 2e-6, (2, 1)))
    assert any("rows of WL = 1.0, BL = 2 alone" in note and "34 of 102" in note for note in m.metadata.notes)
    with pytest.raises(ImportRefused, match=r"no row has BL = 7.*choose one of: 1, 2"):
        read(tmp_path, text, "only: {BL: 7}")
    with pytest.raises(ImportRefused, match="no row has all these values together"):
        read(tmp_path, text, "only: {WL: 2, BL: 2}")


def test_a_column_of_one_device_or_an_index_is_none(tmp_path):
    """`sample` counts points in many programs."""
    m = read(tmp_path, table("device", ["D0"]))
    assert np.unique(m.cycle).tolist() == [1, 2]
    text = "sample,voltage,current\n" + "\n".join(f"{k},{v},{v * 1e-6}" for k, v in enumerate(SWEEP))
    assert read(tmp_path, text).voltage.size == SWEEP.size


def test_a_column_that_the_sidecar_takes_for_cycles_is_none_of_devices(tmp_path):
    """The way out where the name means something else."""
    lines = [f"{n},{v},{v * 1e-6}" for n in (1, 2, 3) for v in SWEEP]
    text = "\n".join(["sample,voltage,current", *lines])
    with pytest.raises(ImportRefused, match=r"columns: \{cycle: sample\}"):
        read(tmp_path, text)
    assert np.unique(read(tmp_path, text, "columns: {cycle: sample}").cycle).tolist() == [1, 2, 3]


def test_cycle_numbers_that_begin_again_are_refused(tmp_path):
    """Nothing says how many devices it is."""
    text = "\n".join(line.partition(",")[2] for line in table("device", ["a", "b"]).splitlines())
    with pytest.raises(ImportRefused, match="column cycle, row 36: cycle 1 begins again: several devices"):
        read(tmp_path, text)


def test_cycles_in_turn_and_cycles_in_two_pieces_are_one_device(tmp_path):
    """A table sorted by voltage, and one of ways up, then ways down."""
    turn = [f"{v},{n},{v * n}e-6" for v in UP for n in (1, 2, 3)]
    m = read(tmp_path, "\n".join(["voltage,cycle,current", *turn]))
    np.testing.assert_allclose(m.grid()[1], np.tile(UP, (3, 1)))
    pieces = [f"{n},{v},{v * n}e-6" for way in (UP, UP[-2::-1]) for n in (1, 2) for v in way]
    m = read(tmp_path, "\n".join(["cycle,voltage,current", *pieces]))
    np.testing.assert_allclose(m.grid()[1], np.tile(SWEEP, (2, 1)))


def sections(titles, *, behind=""):
    rows = "\n".join(f"{v},{v * 1e-6}" for v in SWEEP)
    return "".join(f"{title}\n{behind}voltage,current\n{rows}\n" for title in titles)


@pytest.mark.parametrize("titles", [["Sweep 1", "Sweep 2", "Sweep 3"], ["Run #1", "Run #2"], ["IV", "IV"]])
@pytest.mark.parametrize("behind", ["", "NPLC,1\n\n"], ids=["title", "title and settings"])
def test_titled_sections_of_one_device_are_its_cycles(tmp_path, titles, behind):
    """One below the other, each with the header again."""
    m = read(tmp_path, sections(titles, behind=behind))
    np.testing.assert_allclose(m.grid()[2], np.tile(SWEEP * 1e-6, (len(titles), 1)))
    assert any("sections below each other" in note for note in m.metadata.notes)


@pytest.mark.parametrize(
    ("titles", "said"),
    [(["Device 1", "Device 2"], "sections of several devices"), (["A1", "A2"], "sections are titled A1, A2")],
)
def test_titles_that_may_name_devices_are_refused(tmp_path, titles, said):
    """Sweeps are to be titled as such."""
    with pytest.raises(ImportRefused, match=f"{said}.*save each device as a file of its own"):
        read(tmp_path, sections(titles))


def test_sections_in_other_units_are_refused(tmp_path):
    """Whether a setting or a row of units says it."""
    text = sections(["Sweep 1", "Sweep 2"], behind="Units: V, nA\n")
    np.testing.assert_allclose(read(tmp_path, text).grid()[2], np.tile(SWEEP * 1e-15, (2, 1)))
    at = text.rindex("nA")
    with pytest.raises(ImportRefused, match=r"row 21: .* current in uA, those above the first nA"):
        read(tmp_path, text[:at] + "uA" + text[at + 2 :])
    text = sections(["Sweep 1", "Sweep 2"]).replace("current\n", "current\nV,nA\n")
    at = text.rindex("nA")
    with pytest.raises(ImportRefused, match="row 23: a row of units stands among the numbers"):
        read(tmp_path, text[:at] + "uA" + text[at + 2 :])


def test_halves_of_cycles_titled_apart_are_joined(tmp_path):
    """SET to the positive side, RESET to the negative."""
    half = "".join(f"Sweep {k}\nV,I\n" + "".join(f"{s * v},{s * v}e-6\n" for v in SWEEP)
                   for k, s in enumerate((1, -1, 1, -1), start=1))  # fmt: skip
    m = read(tmp_path, half)
    assert np.unique(m.cycle, return_counts=True)[1].tolist() == [2 * SWEEP.size] * 2


@pytest.mark.parametrize(
    "titles",
    [
        ["Sweep D1", "Sweep D2"],
        ["Run 1, device A", "Run 1, device B"],
        ["Run 1, A3", "Run 2, A4"],
        ["Measurement of pad 3", "Measurement of pad 4"],
        ["Test device 1", "Test device 2"],
        ["Test 1 of sample 1", "Test 2 of sample 2"],
    ],
)
def test_a_counting_word_before_the_name_of_a_device_counts_no_cycles(tmp_path, titles):
    """The number is to stand directly behind it, and no device may be named anywhere."""
    text = sections(titles)
    with pytest.raises(ImportRefused, match=r"sections (of several devices|are titled)"):
        read(tmp_path, text)


@pytest.mark.parametrize("titles", [["Sweep 1 of pad 3", "Sweep 2 of pad 3"], ["Run 1, SET", "Run 2, RESET"]])
def test_sweeps_of_one_named_device_are_its_cycles(tmp_path, titles):
    """The device is the same in each title."""
    assert np.unique(read(tmp_path, sections(titles)).cycle).tolist() == [1, 2]


def test_titles_in_comments_between_numbers(tmp_path):
    """Devices are refused, sweeps are cycles, and other remarks say nothing."""
    rows = "".join(f"{v},{v * 1e-6}\n" for v in SWEEP)

    def text(*comments):
        return "voltage,current\n" + "".join(f"# {comment}\n{rows}" for comment in comments)

    for comments in (("device 1", "device 2"), ("D1", "D2")):
        with pytest.raises(ImportRefused, match=r"sections (of several devices|are titled)"):
            read(tmp_path, text(*comments))
    for comments in (("sweep 1", "sweep 2"), ("compliance reached", "paused")):
        assert np.unique(read(tmp_path, text(*comments)).cycle).tolist() == [1, 2]


def test_titles_of_groups_of_columns(tmp_path):
    """One row above the names titles each pair of columns."""
    rows = "".join(f"{v},{v * 1e-6},{v},{v * 2e-6}\n" for v in SWEEP)
    for title in ("Device 1,,Device 2,", "A3,,A4,"):
        with pytest.raises(ImportRefused, match=r"sections (of several devices|are titled)"):
            read(tmp_path, f"{title}\nV,I,V,I\n{rows}")
    assert np.unique(read(tmp_path, f"Sweep 1,,Sweep 2,\nV,I,V,I\n{rows}").cycle).tolist() == [1, 2]


def test_settings_of_sections_that_name_devices_are_refused(tmp_path):
    """Titles count, settings below them tell."""
    rows = "".join(f"{v},{v * 1e-6}\n" for v in SWEEP)
    text = "".join(f"Sweep {k}\nDevice: D{k}\nV,I\n{rows}" for k in (1, 2))
    with pytest.raises(ImportRefused, match=r"several devices in one file: .*D1, .*D2"):
        read(tmp_path, text)


def test_groups_of_arrays_are_cycles_only_where_their_names_count_them(tmp_path):
    """Of JSON; HDF5 takes the same way."""
    one = {"voltage": SWEEP.tolist(), "current": (SWEEP * 1e-6).tolist()}
    with pytest.raises(ImportRefused, match=r"several groups hold .*: D1, D2.*columns: \{voltage: D1/NAME"):
        read(tmp_path, json.dumps({"D1": one, "D2": one}), name="a.json")
    with pytest.raises(ImportRefused, match="several groups"):
        read(tmp_path, json.dumps({"D1": {"cycle1": one}, "D2": {"cycle1": one}}), name="a.json")
    m = read(tmp_path, json.dumps({"cycle1": one, "cycle2": one}), name="a.json")
    assert np.unique(m.cycle).tolist() == [1, 2]
    sidecar = "columns: {voltage: D1/voltage, current: D1/current}"
    assert (
        read(tmp_path, json.dumps({"D1": one, "D2": one}), sidecar, name="a.json").voltage.size == SWEEP.size
    )


def test_groups_of_channels_are_cycles_only_where_their_names_count_them(tmp_path):
    """A TDMS file with a group a device."""
    from nptdms import ChannelObject, TdmsWriter

    for groups, refused in ((("D1", "D2"), True), (("Cycle 1", "Cycle 2"), False)):
        with TdmsWriter(str(tmp_path / "a.tdms")) as writer:
            for group in groups:
                writer.write_segment(
                    [ChannelObject(group, "Voltage", SWEEP), ChannelObject(group, "Current", SWEEP * 1e-6)]
                )
        if refused:
            with pytest.raises(ImportRefused, match="several groups hold"):
                import_file(tmp_path / "a.tdms", device="a")
        else:
            m = import_file(tmp_path / "a.tdms", device="a")
            assert np.unique(m.cycle).tolist() == [1, 2]


def test_sheets_of_runs_whose_settings_name_devices_are_refused(tmp_path):
    """Sheets Run1 and Run2 of one device are its cycles, of two devices they are refused."""
    for devices, refused in ((("A", "B"), True), (("A", "A"), False)):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for k, device in enumerate(devices, start=1):
            sheet = book.create_sheet(f"Run{k}")
            for row in [["Device", device], ["V", "I"], *([v, v * 1e-6] for v in SWEEP.tolist())]:
                sheet.append(row)
        book.save(tmp_path / "a.xlsx")
        if refused:
            with pytest.raises(ImportRefused, match="the sheets are of several devices"):
                import_file(tmp_path / "a.xlsx", device="a")
        else:
            assert np.unique(import_file(tmp_path / "a.xlsx", device="a").cycle).tolist() == [1, 2]


@pytest.mark.parametrize("name", ["Scan Number", "Scan", "Sweep Index", "Run", "Sample", "Sample No."])
@pytest.mark.parametrize("begins_again", [False, True])
def test_a_column_that_changes_on_every_row_is_an_index(tmp_path, name, begins_again):
    """It counts points, and is neither a cycle nor a device."""
    rows = [
        f"{k + 1 + (0 if begins_again else n * SWEEP.size)},{v},{v * 1e-6 * n}"
        for n in (1, 2, 3, 4, 5)
        for k, v in enumerate(SWEEP)
    ]
    m = read(tmp_path, "\n".join([f"{name},voltage,current", *rows]))
    np.testing.assert_allclose(m.grid()[1], np.tile(SWEEP, (5, 1)))
    assert any(f"columns not used: {name}" in note for note in m.metadata.notes)


def test_devices_in_turn_are_no_index(tmp_path):
    """At each voltage every device was read."""
    rows = [f"{n},{v},{v * 1e-6 * n}" for v in SWEEP for n in (1, 2, 3, 4, 5)]
    with pytest.raises(ImportRefused, match="column sample: 5 devices in one file"):
        read(tmp_path, "\n".join(["sample,voltage,current", *rows]))


def test_a_second_channel_at_zero_volts_is_told_as_what_it_is(tmp_path):
    """It never moves; its sign convention is not what is wrong."""
    rows = "".join(f"{k / 10},{k * 1e-7},0,{-k * 1e-7}\n" for k in range(9))
    (tmp_path / "a.csv").write_text("SMU1 V (V),SMU1 I (A),SMU2 V (V),SMU2 I (A)\n" + rows)
    with pytest.raises(ImportRefused, match="the voltage stays at 0 V, so this pair is no sweep"):
        import_file(tmp_path / "a.csv", device="a")
