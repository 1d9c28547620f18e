"""Named arrays of MATLAB, HDF5 and JSON; the sidecar says which is which."""

import json
import sys

import numpy as np
import pytest

from codesign.iv.importers import ImportRefused, import_file

UP = np.linspace(0, 1, 11)
SWEEP = np.concatenate([UP, UP[-2::-1]])
CYCLES = np.array([SWEEP * n * 1e-6 for n in (1, 2, 3)])  # (cycles, points)
NAMED = "columns: {voltage: Vx, current: Ix}\n"


def mat(path, compressed=False, **arrays):
    import scipy.io

    scipy.io.savemat(path, arrays, do_compression=compressed)


def hdf5(path, **arrays):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip" if np.ndim(values) else None)


def as_json(path, **arrays):
    path.write_text(json.dumps({name: np.asarray(values).tolist() for name, values in arrays.items()}))


WRITERS = {".mat": mat, ".h5": hdf5, ".hdf5": hdf5, ".json": as_json}


def read(folder, suffix, sidecar="", **arrays):
    path = folder / f"a{suffix}"
    WRITERS[suffix](path, **arrays)
    if sidecar:
        path.with_name("a.meta.yaml").write_text(sidecar, encoding="utf-8")
    return import_file(path, device="a")


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("turned", [False, True], ids=["cycles by points", "points by cycles"])
def test_an_array_of_two_dimensions_is_one_current_a_cycle(tmp_path, suffix, turned):
    """Whichever of its dimensions is as long as the voltage."""
    m = read(tmp_path, suffix, NAMED, Vx=SWEEP, Ix=CYCLES.T if turned else CYCLES, other=np.eye(3))
    np.testing.assert_allclose(m.grid()[1], np.tile(SWEEP, (3, 1)))
    np.testing.assert_allclose(m.grid()[2], CYCLES)


@pytest.mark.parametrize("suffix", WRITERS)
def test_arrays_that_say_what_they_are_need_no_sidecar(tmp_path, suffix):
    """As columns do; others are refused with the names there are."""
    np.testing.assert_allclose(read(tmp_path, suffix, voltage=SWEEP, current=CYCLES[0]).current, CYCLES[0])
    with pytest.raises(ImportRefused, match=r"columns: \{voltage: NAME.*there are: .*Ix"):
        read(tmp_path, suffix, Vx=SWEEP, Ix=CYCLES[0])


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_scale_of_the_sidecar_counts(tmp_path, suffix):
    """Arrays have no headers for their units."""
    m = read(tmp_path, suffix, NAMED + "current_scale: 1e-3\n", Vx=SWEEP, Ix=CYCLES)
    np.testing.assert_allclose(m.grid()[2], CYCLES * 1e-3)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("sidecar", "arrays", "said"),
    [
        ("columns: {voltage: Vy, current: Ix}", {}, "there is no array 'Vy'"),
        (NAMED, {"Ix": CYCLES[:, :7]}, r"no dimension has the 21 values of the voltage: \(3, 7\)"),
        (NAMED, {"Vx": UP[:3], "Ix": np.eye(3)}, "both dimensions have the 3 values"),
        (NAMED, {"Ix": CYCLES[0, :7]}, r"arrays differ in length: Ix \(7\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, suffix, sidecar, arrays, said):
    """No dimension is guessed."""
    with pytest.raises(ImportRefused, match=said):
        read(tmp_path, suffix, sidecar, **{"Vx": SWEEP, "Ix": CYCLES, **arrays})


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("kept", [10, 200, 0.5, 0.9])
def test_a_file_cut_short_is_refused(tmp_path, suffix, kept):
    """Nothing of it is read."""
    path = tmp_path / f"whole{suffix}"
    WRITERS[suffix](path, voltage=SWEEP, current=CYCLES[0])
    whole = path.read_bytes().rstrip(b"\0")
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[: kept if kept > 1 else int(kept * len(whole))])
    with pytest.raises(ImportRefused, match=r"not a complete (MATLAB|HDF5|JSON) file"):
        import_file(cut, device="a")


def test_groups_and_units_of_hdf5_count(tmp_path):
    """`group/name`, or the name alone where one array has it; a unit is an attribute."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/voltage"] = SWEEP
        file["run/current"] = CYCLES * 1e9
        file["run/current"].attrs["units"] = "nA"
    np.testing.assert_allclose(import_file(tmp_path / "a.h5", device="a").grid()[2], CYCLES)
    (tmp_path / "a.meta.yaml").write_text("columns: {voltage: run/voltage, current: current}")
    np.testing.assert_allclose(import_file(tmp_path / "a.h5", device="a").grid()[2], CYCLES)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["run/current"].attrs["units"] = "a.u."
    with pytest.raises(ImportRefused, match=r"'a\.u\.' is no unit"):
        import_file(tmp_path / "a.h5", device="a")


def test_data_of_other_files_are_not_read(tmp_path):
    """A link out of the folder would make a measurement of any file."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["current"] = CYCLES[0]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["voltage"] = SWEEP
        file["current"] = h5py.ExternalLink("other.h5", "current")
        layout = h5py.VirtualLayout(shape=SWEEP.shape, dtype=float)
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "current", shape=SWEEP.shape)
        file.create_virtual_dataset("I", layout)
    with pytest.raises(ImportRefused, match=r"there are: voltage$"):
        import_file(tmp_path / "a.h5", device="a")


def test_fields_of_a_structure_and_rows_of_objects_are_arrays(tmp_path):
    """As programs nest them."""
    mat(tmp_path / "a.mat", run={"V": SWEEP, "I": CYCLES[0], "note": "x"})
    np.testing.assert_allclose(import_file(tmp_path / "a.mat", device="a").current, CYCLES[0])
    rows = [
        {"V": v, "I": None if k == 2 else i} for k, (v, i) in enumerate(zip(SWEEP, CYCLES[0], strict=True))
    ]
    (tmp_path / "b.json").write_text(json.dumps({"meta": {"tip": 3}, "data": rows}))
    m = import_file(tmp_path / "b.json", device="b")
    assert np.flatnonzero(np.isnan(m.current)).tolist() == [2]


def test_a_compressed_array_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    """By what it unpacks to, before it is unpacked."""
    mat(tmp_path / "a.mat", compressed=True, voltage=np.zeros(100_000), current=np.zeros(100_000))
    monkeypatch.setattr("codesign.iv.importers.arrays.LARGEST_BYTES", 1_000_000)
    with pytest.raises(ImportRefused, match="unpacked it is larger than 1000000 bytes"):
        import_file(tmp_path / "a.mat", device="a")
    monkeypatch.setattr("codesign.iv.importers.limits.MOST_CELLS", 1000)
    hdf5(tmp_path / "b.h5", voltage=np.zeros(2000), current=np.zeros(2000))
    with pytest.raises(ImportRefused, match="more than 1000"):
        import_file(tmp_path / "b.h5", device="b")


def test_without_h5py_the_refusal_says_how_to_get_it(tmp_path, monkeypatch):
    """It is loaded for such files alone."""
    hdf5(tmp_path / "a.h5", voltage=SWEEP, current=CYCLES[0])
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportRefused, match=r"pip install -c envs/constraints.txt h5py"):
        import_file(tmp_path / "a.h5", device="a")


IN_JSON = {
    "units of each": {"units": {"voltage": "V", "current": "uA"}},
    "a key of its own": {"current_unit": "uA"},
    "beside the values": {"current": {"data": "I", "unit": "uA"}},
}


def filled(value, current):
    """The current in place of `I`."""
    if isinstance(value, dict):
        return {key: filled(each, current) for key, each in value.items()}
    return current if value == "I" else value


@pytest.mark.parametrize("said", IN_JSON.values(), ids=IN_JSON)
def test_units_that_json_states_count(tmp_path, said):
    """Microamperes taken for amperes are wrong by a million."""
    volts = np.concatenate([np.linspace(0, 1, 9), np.linspace(0.875, 0, 8)]).tolist()
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"voltage": volts, "current": volts, **filled(said, volts)}))
    np.testing.assert_allclose(import_file(path, device="a").current, np.array(volts) * 1e-6)


def test_units_that_matlab_states_count_or_are_refused(tmp_path):
    """A variable of text, and a field of a structure."""
    import scipy.io

    volts = np.concatenate([np.linspace(0, 1, 9), np.linspace(0.875, 0, 8)])
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"voltage": volts, "current": volts, "current_unit": "uA"})
    np.testing.assert_allclose(import_file(path, device="a").current, volts * 1e-6)
    one = {"voltage": volts, "current": volts, "units": {"current": "uA"}}
    scipy.io.savemat(path, {"run": one})
    np.testing.assert_allclose(import_file(path, device="a").current, volts * 1e-6)
    scipy.io.savemat(path, {"probe": one})
    with pytest.raises(ImportRefused, match="'uA in a setting' is no unit"):
        import_file(path, device="a")


@pytest.mark.parametrize("where", ["file", "array", "array of bytes", "scale"])
def test_units_that_attributes_of_hdf5_state_count(tmp_path, where):
    """Of the file, and of an array as an array of bytes; a factor is refused."""
    import h5py

    volts = np.concatenate([np.linspace(0, 1, 9), np.linspace(0.875, 0, 8)])
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["voltage"], file["current"] = volts, volts
        if where == "file":
            file.attrs["current_unit"] = "uA"
        elif where == "scale":
            file["current"].attrs["Scale factor"] = 1e-6
        else:
            file["current"].attrs["units"] = "uA" if where == "array" else np.array([b"uA"])
    if where == "scale":
        with pytest.raises(ImportRefused, match="'factor 1e-06' is no unit"):
            import_file(path, device="a")
    else:
        np.testing.assert_allclose(import_file(path, device="a").current, volts * 1e-6)


@pytest.mark.parametrize(
    ("level", "key", "value", "applied"),
    [
        ("root", "current_unit", "uA", True),
        ("group", "current_unit", "uA", True),
        ("channel", "Unit Label", "uA", True),
        ("channel", "Scale factor", 1e-6, False),
        ("channel", "gain", 1e6, False),
        ("channel", "description", "current in uA", False),
    ],
)
def test_units_that_properties_of_tdms_state_count_or_are_refused(tmp_path, level, key, value, applied):
    """At each level of the file."""
    from nptdms import ChannelObject, GroupObject, RootObject, TdmsWriter

    volts = np.concatenate([np.linspace(0, 1, 9), np.linspace(0.875, 0, 8)])
    said = {each: {key: value} if each == level else {} for each in ("root", "group", "channel")}
    with TdmsWriter(str(tmp_path / "a.tdms")) as writer:
        writer.write_segment(
            [
                RootObject(said["root"]),
                GroupObject("g", said["group"]),
                ChannelObject("g", "Voltage", volts),
                ChannelObject("g", "Current", volts, said["channel"]),
            ]
        )
    if applied:
        np.testing.assert_allclose(import_file(tmp_path / "a.tdms", device="a").current, volts * 1e-6)
    else:
        with pytest.raises(ImportRefused, match="is no unit"):
            import_file(tmp_path / "a.tdms", device="a")


def test_a_whole_number_beyond_any_computer_is_refused(tmp_path):
    """Python reads 400 digits, and no float holds them."""
    (tmp_path / "a.json").write_text('{"voltage": [0, 1, 2], "current": [0, 1, ' + "9" * 400 + "]}")
    with pytest.raises(ImportRefused, match="array current: holds a whole number of more than 300 digits"):
        import_file(tmp_path / "a.json", device="a")


@pytest.mark.parametrize("inside", ["", '"run": {'], ids=["file", "group"])
def test_a_key_that_stands_twice_in_json_is_refused(tmp_path, inside):
    """The second would be taken without a word."""
    text = '"voltage": [0, 1, 2], "current": [1, 2, 3], "current": [4, 5, 6]'
    (tmp_path / "a.json").write_text("{" + inside + text + "}" * (2 if inside else 1))
    with pytest.raises(ImportRefused, match=r"the key 'current' stands more than once.*name of its own"):
        import_file(tmp_path / "a.json", device="a")


def test_only_the_datasets_that_are_needed_are_read(tmp_path, monkeypatch):
    """A camera's pictures beside a sweep are never unpacked, however many there are."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["voltage"], file["current"] = SWEEP, CYCLES[0]
        file.create_dataset(
            "pictures", shape=(100_000, 1000), dtype="f8", chunks=(1000, 100), compression="gzip"
        )
    taken = []
    whole = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda self, at: (taken.append(self.name), whole(self, at))[1]
    )
    np.testing.assert_allclose(import_file(tmp_path / "a.h5", device="a").current, CYCLES[0])
    assert sorted(taken) == ["/current", "/voltage"]


@pytest.mark.parametrize(
    ("shape", "chunk", "said"),
    [
        ((11_000_000,), (1_000_000,), "cells, more than"),
        ((21,), (40_000_000,), r"array current: a piece \(chunk\) of it has 320000000 bytes"),
    ],
)
def test_a_dataset_beyond_the_limits_is_refused_before_it_is_unpacked(
    tmp_path, monkeypatch, shape, chunk, said
):
    """A few bytes stand for any number of equal values."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("voltage", data=np.resize(SWEEP, 21))
        file.create_dataset(
            "current", shape=shape, maxshape=(None,), dtype="f8", chunks=chunk, compression="gzip"
        )
        if shape[0] > 21:
            del file["voltage"]
            file.create_dataset("voltage", shape=shape, dtype="f8", chunks=chunk, compression="gzip")

    def none(self, at):
        raise AssertionError(f"{self.name} was unpacked")

    monkeypatch.setattr(h5py.Dataset, "__getitem__", none if shape[0] > 21 else _but("current", none, h5py))
    with pytest.raises(ImportRefused, match=said):
        import_file(tmp_path / "a.h5", device="a")


def _but(name, none, h5py):
    """Reading of datasets, but of this one."""
    whole = h5py.Dataset.__getitem__
    return lambda self, at: none(self, at) if self.name == f"/{name}" else whole(self, at)
