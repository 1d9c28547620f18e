"""Sidecars of files and folders, mappings with names, and what they may say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.iv.check import check_file
from codesign.iv.importers import ImportRefused, import_file
from codesign.iv.importers.sidecar import read_sidecar
from codesign.iv.names import sidecars_of

UP = np.linspace(0, 1, 11)
SWEEP = np.concatenate([UP, UP[-2::-1], -UP[1:], -UP[-2::-1]])


def write(folder, *, own=None, of_folder=None, header="AI0,AI1", rows=None):
    path = folder / "a.csv"
    lines = rows or [f"{v},{v}" for v in SWEEP]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    for name, text in (("a.meta.yaml", own), ("folder.meta.yaml", of_folder)):
        (folder / name).unlink(missing_ok=True)
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return path


def test_a_folder_has_one_sidecar_for_all_and_a_file_its_own(tmp_path):
    """The file's own goes first, key by key; remarks of both are kept; a note names the folder's."""
    of_folder = (
        "columns: {voltage: AI0, current: AI1}\ncurrent_scale: 1e-3\nlength_um: 2\nnotes: [bench 2]\n"
        "extra: {wafer: 7, lot: 1}\n"
    )
    m = import_file(write(tmp_path, of_folder=of_folder), device="a")
    np.testing.assert_allclose(m.current, SWEEP * 1e-3)
    own = "current_scale: 1e-6\ncolumns: {cycle: 3}\nnotes: [again]\nextra: {lot: 2}\n"
    path = write(
        tmp_path, own=own, of_folder=of_folder, header="AI0,AI1,n", rows=[f"{v},{v},1" for v in SWEEP]
    )
    m = import_file(path, device="a")
    np.testing.assert_allclose(m.current, SWEEP * 1e-6)
    assert m.metadata.length_um == 2
    assert m.metadata.extra == {"wafer": 7, "lot": 2}
    assert {"bench 2", "again"} <= set(m.metadata.notes)
    assert "from folder.meta.yaml: columns, extra, length_um, notes" in m.metadata.notes
    assert [path.name for path in sidecars_of(path)] == ["folder.meta.yaml", "a.meta.yaml"]


KEYS = st.fixed_dictionaries(
    {},
    optional={
        "length_um": st.integers(1, 9),
        "ag_nm": st.integers(1, 9),
        "contact": st.sampled_from(["probe", "paste"]),
        "voltage_scale": st.sampled_from([-1.0, 2.0]),
    },
)


@given(of_folder=KEYS, own=KEYS)
def test_the_file_goes_first_in_every_key(tmp_path_factory, of_folder, own):
    """What neither says is not there."""
    folder = tmp_path_factory.mktemp("sidecars")
    lines = ["\n".join(f"{key}: {value}" for key, value in each.items()) for each in (own, of_folder)]
    found = read_sidecar(write(folder, own=lines[0], of_folder=lines[1]))
    found.pop("notes", None)
    assert found == {**of_folder, **own}


MAPPINGS = (
    "mappings:\n  daq: {columns: {voltage: 1.0, current: 2.0}, current_scale: 1e-3}\n"
    "  swapped: {columns: {voltage: 2, current: 1}}\n"
)


@pytest.mark.parametrize(
    ("own", "of_folder"),
    [("mapping: daq", MAPPINGS), (None, "mapping: daq\n" + MAPPINGS),
     ("mapping: daq", "mapping: swapped\n" + MAPPINGS)],
    ids=["named by the file", "named for the folder", "the file goes first"],
)  # fmt: skip
def test_a_mapping_is_named_once_and_used_by_many(tmp_path, own, of_folder):
    """Formats of several instruments in one folder."""
    m = import_file(write(tmp_path, own=own, of_folder=of_folder), device="a")
    np.testing.assert_allclose(m.current, SWEEP * 1e-3)
    assert any("mapping daq" in note for note in m.metadata.notes)


@pytest.mark.parametrize(
    ("own", "of_folder", "said"),
    [
        ("mapping: dac", MAPPINGS, "a.meta.yaml: there is no mapping 'dac'.*daq, swapped"),
        ("mapping: daq", None, "there is no mapping 'daq'; define it under mappings: in folder.meta.yaml"),
        (None, "mapping: dac", "folder.meta.yaml: there is no mapping"),
        (None, "mappings: {daq: {colums: 1}}", r"folder.meta.yaml, mappings.daq: colums: unknown key"),
        (None, "mappings: {daq: {mapping: b}}", "mappings.daq: mapping inside a mapping"),
        ("mappings: {daq: {pb_min: 1}}", None, "a.meta.yaml, mappings: mappings are for all files"),
        (None, "- 1", "folder.meta.yaml: holds a list"),
        ("current_scale: null", None, "current_scale: found null"),
    ],
)
def test_a_sidecar_that_says_what_none_may_is_refused_by_name(tmp_path, own, of_folder, said):
    """Which of the two it is, and the key."""
    with pytest.raises(ImportRefused, match=said):
        import_file(write(tmp_path, own=own, of_folder=of_folder, header="V,I"), device="a")


def test_null_takes_a_key_of_the_folder_off(tmp_path):
    """One file that is in amperes among those in milliamperes."""
    path = write(tmp_path, own="current_scale: null", of_folder="current_scale: 1e-3", header="V,I")
    np.testing.assert_allclose(import_file(path, device="a").current, SWEEP)


@pytest.mark.parametrize(
    ("own", "of_folder", "left"),
    [
        ("columns: {cycle: null}", "columns: {voltage: 1, cycle: 3}", {"columns": {"voltage": 1}}),
        ("only: {device: null}", "only: {device: D3}", {}),
        ("pulse: {read_voltage_v: null}", "pulse: {read_voltage_v: 0.1}\npb_min: 1", {"pb_min": 1}),
        ("mapping: null", "pb_min: 1\nmapping: daq\n" + MAPPINGS, {"pb_min": 1}),
        ("current_scale: null", "mapping: daq\n" + MAPPINGS, {"columns": {"voltage": 1, "current": 2}}),
    ],
    ids=[
        "inside columns",
        "the only key of one",
        "inside pulse",
        "the mapping for all",
        "a key of a mapping",
    ],
)
def test_null_takes_off_whatever_the_folder_says(tmp_path, own, of_folder, left):
    """Inside keys, and of a mapping, too."""
    found = read_sidecar(write(tmp_path, own=own, of_folder=of_folder))
    found.pop("notes", None)
    assert found == left


@pytest.mark.parametrize("own", ["mapping: null", "columns: {voltage: null}", "pb_min: null"])
def test_null_that_takes_nothing_off_is_refused(tmp_path, own):
    """A value was forgotten."""
    with pytest.raises(ImportRefused, match="found null"):
        read_sidecar(write(tmp_path, own=own, of_folder="ag_nm: 200"))


def test_the_check_reads_the_sidecar_of_a_folder(tmp_path):
    """A mistake in it is an error of its own file, too; one without instrument files is a warning."""
    path = write(tmp_path, of_folder="colums: 1", header="V,I")
    assert [f.level for f in check_file(tmp_path / "folder.meta.yaml")] == ["error"]
    path.unlink()
    (tmp_path / "folder.meta.yaml").write_text("pb_min: 1")
    assert [f.level for f in check_file(tmp_path / "folder.meta.yaml")] == ["warning"]


@pytest.mark.parametrize(
    "sidecar",
    [
        "columns: {voltage: 1.0, current: 2.0}",
        "columns: {voltage: 1.0, current: [2.0]}",
        "points_per_cycle: 41.0",
    ],
)
def test_a_whole_number_with_a_point_is_one(tmp_path, sidecar):
    """Column 1.0 is column 1."""
    m = import_file(write(tmp_path, own=sidecar, header="V,I"), device="a")
    np.testing.assert_allclose(m.current, SWEEP)


@pytest.mark.parametrize(
    ("sidecar", "key"),
    [
        ("columns: {voltage: 1.5}", "columns.voltage: found 1.5"),
        ("points_per_cycle: 3.2", "points_per_cycle: found 3.2"),
    ],
)
def test_another_number_with_a_point_is_refused_by_its_key(tmp_path, sidecar, key):
    """Sidecar and key are named."""
    with pytest.raises(ImportRefused, match=f"a.meta.yaml: {key}"):
        import_file(write(tmp_path, own=sidecar, header="V,I"), device="a")


@given(
    series=st.floats(1, 1e5),
    conductance=st.lists(st.floats(1e-8, 5e-6), min_size=1, max_size=4),
)
def test_a_series_resistance_leaves_the_voltage_of_the_device(tmp_path_factory, series, conductance):
    """Ohm's law of two resistors, whatever their values: the device has I / G."""
    folder = tmp_path_factory.mktemp("series")
    measured = [v / (1 / g + series) for g in conductance for v in SWEEP.tolist()]
    lines = [f"{v!r},{i!r}" for v, i in zip(np.tile(SWEEP, len(conductance)).tolist(), measured, strict=True)]
    path = write(folder, own=f"series_resistance_ohm: {series!r}", header="V,I", rows=lines)
    m = import_file(path, device="a")
    expected = m.current / np.repeat(conductance, SWEEP.size)
    np.testing.assert_allclose(m.voltage, expected, rtol=1e-6, atol=1e-9)
    assert any("series resistance" in note for note in m.metadata.notes)


def test_a_series_resistance_that_turns_the_voltage_round_is_refused(tmp_path):
    """More than the whole voltage, or so much that a jump of the current turns the sweep."""
    path = write(tmp_path, own="series_resistance_ohm: 2", header="V,I")
    with pytest.raises(ImportRefused, match=r"takes more than the whole voltage of .* leave -0.1 V"):
        import_file(path, device="a")
    jump = [f"{v:.1f},{v * (1e-6 if v < 0.55 else 1e-4)}" for v in UP]
    path = write(tmp_path, own="series_resistance_ohm: 5000", header="V,I", rows=jump)
    with pytest.raises(
        ImportRefused, match=r"turns the voltage round at 1 sample\(s\): 0.6 V and 6e-05 A leave 0.3"
    ):
        import_file(path, device="a")


def test_samples_without_a_current_have_no_voltage_of_the_device(tmp_path):
    """They are left out, and their number is said."""
    lines = [f"{v:.1f},{'' if k == 3 else v * 1e-6}" for k, v in enumerate(UP)]
    m = import_file(write(tmp_path, own="series_resistance_ohm: 1e5", header="V,I", rows=lines), device="a")
    np.testing.assert_allclose(m.voltage, np.delete(UP, 3) * 0.9)
    assert m.point.tolist() == list(range(10))
    assert any(note.startswith("1 samples without a current") for note in m.metadata.notes)
