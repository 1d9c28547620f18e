"""The usability table: one row a device, and what is said of devices that are one measurement."""

import warnings

import numpy as np
import pytest

from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality.table import stack_devices
from codesign.schemas.device import DEVICE
from codesign.tables import read_table, write_table


@pytest.fixture
def devices(tmp_path):
    """Rows of refused devices by name and digest of their instrument file."""

    def make(digests):
        from codesign.nonideality.branch import Extraction
        from codesign.nonideality.device import extract

        quality = {"open_ratio": 1e-3, "short_fraction": 0.95, "flip_fraction": 0.5}
        how = Extraction(
            branch="up", compliance="mask", compliance_fraction=0.98, tolerated_drops=2,
            min_operative_fraction=0.35, estimator="mle", confidence=0.95, min_points=10, min_cycles=3,
            min_cycle_fraction=0.5, quality=quality, bootstrap=20,
        )  # fmt: skip
        paths = []
        for name, digest in digests.items():
            metadata = Metadata(device=name, source_file=f"{name}.csv", source_sha256=digest)
            row = extract(Measurement.refused(metadata, "nothing; measure"), how, np.random.default_rng(1))
            write_table([row], tmp_path / f"{name}.parquet", schema=DEVICE)
            paths.append(tmp_path / f"{name}.parquet")
        return paths

    return make


def _stack(paths, folder):
    return stack_devices(paths, table=folder / "t.parquet", csv=folder / "t.csv", workbook=folder / "t.xlsx")


def test_devices_of_one_instrument_file_are_warned_of(devices, tmp_path):
    """Both stay in the table; which of them to remove is for a person to say."""
    paths = devices({"old": "d1", "new": "d1", "other": "d2"})
    with pytest.warns(UserWarning, match=r"^new, old come from instrument files with one content") as said:
        counts = _stack(paths, tmp_path)
    assert len(said) == 1 and "codesign.iv check data/iv" in str(said[0].message)
    assert counts == {"refused": 3}
    assert read_table(tmp_path / "t.parquet", schema=DEVICE)["device"].to_pylist() == ["new", "old", "other"]


def test_unknown_sources_are_no_copies(devices, tmp_path):
    """Virtual devices, and files of other programs, have no instrument file."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _stack(devices({"a": "", "b": "", "c": "d1"}), tmp_path)
