"""The script that hands virtual devices to the workflow."""

import runpy
from pathlib import Path

import numpy as np
import yaml

from codesign.iv.measurement import read_measurement
from codesign.seeds import generator
from codesign.virtual_lab.landscape import Landscape
from codesign.virtual_lab.sweeps import LIMIT_NOISE

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
SPACE, START = CONFIG["fabrication"]["space"], CONFIG["fabrication"]["start"]
LAB = CONFIG["virtual_lab"] | {"cycles": 6, "points": 31}
main = runpy.run_path(str(ROOT / "workflow_scripts" / "make_virtual_devices.py"))["main"]


def made(folder, count, **change):
    """Paths of `count` devices made in `folder`."""
    paths = [folder / f"virtual-{k:04d}.parquet" for k in range(1, count + 1)]
    main(sweeps=paths, virtual_lab=LAB | change | {"devices": count}, space=SPACE, start=START, seed=2412)
    return paths


def test_more_devices_keep_the_first_ones_byte_for_byte(tmp_path):
    """Raising `devices` must not schedule the extraction of those already made."""
    few, many = made(tmp_path / "few", 3), made(tmp_path / "many", 6)
    assert [p.read_bytes() for p in few] == [p.read_bytes() for p in many[:3]]
    assert len({p.read_bytes() for p in many}) == 6


def test_another_landscape_is_another_set_of_devices(tmp_path):
    """The number in the configuration chooses the hidden truth, not the conditions."""
    one, two = made(tmp_path / "one", 2), made(tmp_path / "two", 2, landscape=2)
    for a, b in zip(map(read_measurement, one), map(read_measurement, two), strict=True):
        assert a.metadata.pb_min == b.metadata.pb_min
        assert a.metadata.extra["hidden"]["usability"] != b.metadata.extra["hidden"]["usability"]


def test_each_file_is_labelled_and_carries_its_truth(tmp_path):
    """Origin, instrument and the hidden factors, which multiply to the landscape's own value."""
    hidden = Landscape.draw(SPACE, generator(2412, "landscape", LAB["landscape"]), START)
    for k, path in enumerate(made(tmp_path, 4)):
        measurement = read_measurement(path)
        metadata, truth = measurement.metadata, measurement.metadata.extra["hidden"]
        conditions = {name: getattr(metadata, name) for name in SPACE}
        assert (metadata.device, metadata.origin, metadata.instrument) == (
            path.stem,
            "virtual",
            "virtual laboratory",
        )
        assert k > 0 or conditions == START
        assert np.isclose(truth["eta"] * np.exp(-truth["sigma"]), hidden.usability([conditions])[0])
        assert measurement.current.max() < (1 + 5 * LIMIT_NOISE) * LAB["compliance_a"]
