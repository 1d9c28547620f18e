"""A network on several devices: each as by itself, the best first, and what cannot be used is told."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn

import codesign
from codesign.__main__ import main
from codesign.figures.style import ORIGINS
from codesign.interface.device import DeviceError
from codesign.interface.several import HeldOnDevices
from codesign.iv.measurement import write_measurement
from codesign.labels import told_apart
from codesign.schemas.holding import HELD
from codesign.tables import read_metadata, read_table


@pytest.fixture
def layer():
    """A layer, inputs and the classes that it gives them."""
    torch.manual_seed(2)
    made = nn.Linear(8, 3)
    x = torch.randn(60, 8)
    return made, x, made(x).argmax(1)


@pytest.fixture
def three(made_profile):
    """Devices of other spreads; the best is neither the first nor the last given."""
    return [
        made_profile(profile="worst", sigma=1.5, fidelity=0.5),
        made_profile(profile="best", sigma=0.1, fidelity=0.99),
        made_profile(profile="unread", sigma=0.6, fidelity=None, fidelity_low=None, fidelity_high=None),
    ]


def test_each_device_has_the_scores_it_gets_by_itself(layer, three):
    """A comparison must not depend on which devices stand beside; the highest fidelity is first."""
    asked = {"programmings": 4, "seed": 3, "calibrate": torch.randn(40, 8)}
    several = codesign.hold(*layer, three, **asked)
    assert [held.profile.profile for held in several] == ["best", "worst", "unread"] and len(several) == 3
    for profile in three:
        assert several[profile.profile].rows == codesign.hold(*layer, profile, **asked).rows
    assert list(several.table.columns) == HELD.names and len(several.table) == 3 * 4 * 2
    with pytest.raises(KeyError, match="no device 'none'; there are best, worst, unread"):
        several["none"]


def test_a_list_of_one_is_a_comparison_and_one_device_is_none(layer, three):
    """What comes back follows from what is asked, not from how many there happen to be."""
    several = codesign.hold(*layer, three[:1], programmings=2)
    alone = codesign.hold(*layer, three[0], programmings=2)
    assert isinstance(several, HeldOnDevices) and not isinstance(alone, HeldOnDevices)
    assert several.rows == list(alone.rows)


def test_what_is_said_has_a_line_a_device_and_what_they_share_once(layer, three):
    """Means from the worst to the best device; scores without any device stand once."""
    several = codesign.hold(*layer, three, programmings=3)
    said = str(several)
    means = [held.scores().mean() for held in several]
    assert said.startswith(
        f"accuracy on 3 devices: as programmed {min(means):.3g} to {max(means):.3g}, 1 with"
    )
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["device", "best", "worst", "unread"]
    assert said.count("without a device ") == 1 and said.count("Simulated on measured devices") == 1


def test_a_folder_is_its_files_and_those_that_are_none_are_told(sweeps, layer, tmp_path):
    """One bad file of many stops nothing; documents and tables about devices are no devices."""
    folder = tmp_path / "cells"
    folder.mkdir()
    shutil.copy(sweeps, folder / "wire-1.parquet")
    (folder / "broken.csv").write_text("nothing\n", encoding="utf-8")
    (folder / "devices.csv").write_text("file\nbroken\n", encoding="utf-8")
    (folder / "README.md").write_text("cells", encoding="utf-8")
    for given in (folder, str(folder)):
        several = codesign.hold(*layer, given, programmings=2)
        assert [held.profile.profile for held in several] == ["wire-1"]
        [reason] = several.left_out
        assert reason.startswith("broken.csv") and f"Left out: {reason[:20]}" in str(several)
    (folder / "wire-1.parquet").unlink()
    with pytest.raises(DeviceError, match=r"no file of .*cells is a usable device: broken\.csv"):
        codesign.hold(*layer, folder)
    (folder / "broken.csv").unlink()
    with pytest.raises(DeviceError, match="cells holds no instrument file"):
        codesign.hold(*layer, folder)


def test_devices_of_a_list_that_cannot_be_compared_are_refused(layer, three, made_profile, tmp_path):
    """What a person named is never left out silently, nor mixed up."""
    (tmp_path / "broken.csv").write_text("nothing\n", encoding="utf-8")
    cases = {
        r"broken\.csv": [three[0], tmp_path / "broken.csv"],
        "two devices are called best; rename one": [three[1], three[0], three[1]],
        "measured and virtual devices never share": [three[0], made_profile(profile="v", origin="virtual")],
        "no device is given": [],
    }
    for said, devices in cases.items():
        with pytest.raises(DeviceError, match=said):
            codesign.hold(*layer, devices)


def test_the_figure_has_a_line_a_device_and_its_readings(layer, three):
    """In the order of the table; every programming is a point, at its own score."""
    several = codesign.hold(*layer, three, programmings=5)
    figure = several.figure()
    axes = figure.axes[0]
    texts = [text.get_text() for text in figure.texts]
    assert [text for text in texts if text in ("best", "worst", "unread")] == ["best", "worst", "unread"]
    assert ORIGINS["devices"][0] in texts and "0.99" in texts and "–" in texts
    drawn = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in drawn] == [held.scores().tolist() for held in several]
    assert np.round([line.get_ydata()[0] for line in drawn]).tolist() == [0, 1, 2]
    low, high = sorted(axes.get_ylim())
    assert (low, high) == (-0.5, 2.5) and axes.get_ylim()[0] > axes.get_ylim()[1], "the best is on top"


def test_the_command_takes_several_devices(sweeps, layer, tmp_path, monkeypatch, capsys):
    """Written as of one device, with the rows of all."""
    monkeypatch.chdir(tmp_path)
    _, x, y = layer
    (tmp_path / "net.py").write_text("from torch import nn\n\n\ndef make():\n    return nn.Linear(8, 3)\n")
    np.savez("data.npz", inputs=x, targets=y)
    shutil.copy(sweeps, "wire-1.parquet")
    write_measurement(codesign.import_file("wire-1.parquet", device="wire-2"), "wire-2.parquet")
    asked = ["hold", "--model", "net.py:make", "--data", "data.npz", "--programmings", "2"]
    assert main([*asked, "--device", "wire-2.parquet", "--device", "wire-1.parquet"]) == 0
    rows = read_table("hold/hold.parquet", schema=HELD).to_pylist()
    fidelity = [row["fidelity"] for row in rows]
    assert sorted(row["profile"] for row in rows) == ["wire-1"] * 2 + ["wire-2"] * 2
    assert fidelity == sorted(fidelity, reverse=True)
    assert sorted(read_metadata("hold/hold.parquet")["devices"]) == ["wire-1", "wire-2"]
    assert (tmp_path / "hold/hold.png").stat().st_size > 10_000
    assert "on 2 devices" in capsys.readouterr().out


def test_long_names_are_cut_where_they_still_differ():
    """Ids of one laboratory begin alike for sixty signs."""
    names = [
        f"i-v-data-0.7um-length-200nm-diameter-bt-4v-na-third-etch-{k}-{'x' * 40}-no-wait" for k in "abc"
    ]
    for widest in (20, 48):
        found = told_apart(names, widest)
        assert len(set(found)) == 3 and max(map(len, found)) <= widest
    alone = told_apart(names[:1], 20)
    assert alone == ["i-v-data-…xx-no-wait"]
    assert told_apart(["a-1", "a-2"], 20) == ["a-1", "a-2"]
