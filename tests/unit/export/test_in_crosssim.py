"""The exported device in CrossSim: programmed weights spread as those of PerovskiteMemSim."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from codesign.export.simulator_file import Cells

pytest.importorskip(
    "simulator.devices.idevice",
    reason="CrossSim is not on the path; `make test-export CROSSSIM=FOLDER` takes a checkout of it",
)

from simulator import AnalogCore, CrossSimParameters

DOCS = (Path(__file__).parents[3] / "docs/export.md").read_text(encoding="utf-8")
KINDS = [Cells(*kind) for kind in itertools.product(("differential", "weights"), ("lognormal", "resampled"))]


def parameters(configure):
    """Of one core of any size, whose cells are the device."""
    made = CrossSimParameters()
    configure(made)
    made.core.rows_max = made.core.cols_max = 0
    return made


@pytest.mark.parametrize("cells", KINDS, ids=lambda cells: f"{cells.analog}-{cells.noise}")
def test_a_matrix_is_programmed_as_by_memsim(model, module, memsim, target, hold_the_same, cells):
    """Mean and standard deviation at every level, both signs, of cells and noise of every kind."""
    device = model()
    exported = module(device, "crosssim", cells)
    np.random.seed(23)  # noqa: NPY002  the generator that CrossSim's devices draw from
    found = AnalogCore(target, parameters(exported.configure)).get_matrix()
    hold_the_same(found, memsim(device.profile, cells))


def test_an_exact_device_gives_the_weights_back(model, module, target):
    """Every level reached, no spread: nothing but single precision is between the two."""
    perfect = model(sigma=0.0, curve=np.linspace(0, 1, 6), reached=[True] * 6)
    exported = module(perfect, "crosssim", Cells("differential", "lognormal"))
    found = AnalogCore(target[:, :20], parameters(exported.configure)).get_matrix()
    assert found == pytest.approx(target[:, :20], abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"Rmin": 1.0}, {"cell_bits": 4}, {"clip_conductance": True}],
    ids=lambda change: next(iter(change)),
)
def test_settings_of_another_device_are_refused(model, module, change):
    """Else levels or spread would be others than the file's."""
    made = parameters(module(model(), "crosssim", Cells("differential", "lognormal")).configure)
    for name, value in change.items():
        setattr(made.xbar.device, name, value)
    with pytest.raises(ValueError, match="call configure"):
        AnalogCore(np.eye(3), made)


def test_drift_was_not_measured(model, module):
    """Asking for it is an error, not a drift of zero."""
    made = parameters(module(model(), "crosssim", Cells("differential", "lognormal")).configure)
    made.xbar.device.drift_error.enable = True
    made.xbar.device.drift_error.model = "DeviceCrooked_1"
    with pytest.raises((NotImplementedError, TypeError)):
        AnalogCore(np.eye(3), made)


def test_the_documented_lines_run(model, module):
    """As they stand on the page, beside the file that the page names."""
    module(model(), "crosssim", Cells("differential", "lognormal"))
    sys.modules.pop("devicecrooked_1_crosssim")
    code = DOCS.partition("<!-- crosssim -->")[2].partition("```python\n")[2].partition("```")[0]
    given: dict = {}
    exec(code, given)
    assert np.isfinite(given["matrix"]).all() and given["matrix"].shape == (2, 2)
