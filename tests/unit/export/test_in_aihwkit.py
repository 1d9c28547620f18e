"""The exported noise model in aihwkit: programmed weights spread as those of PerovskiteMemSim."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from codesign.export.simulator_file import Cells

pytest.importorskip("aihwkit", reason="aihwkit is not installed; `make test-export` installs it")

from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import InferenceRPUConfig, TorchInferenceRPUConfig

DOCS = (Path(__file__).parents[3] / "docs/export.md").read_text(encoding="utf-8")
KINDS = [Cells(*kind) for kind in itertools.product(("differential", "weights"), ("lognormal", "resampled"))]


def name_of(cells):
    return f"{cells.analog}-{cells.noise}"


def layer_on(config, noise_model, target):
    """An analog layer of one tile that holds `target`, with nothing else between it and its weights."""
    config = config(noise_model=noise_model, drift_compensation=None)
    config.forward.is_perfect = True
    config.mapping.max_input_size = config.mapping.max_output_size = 0
    rows, columns = target.shape
    layer = AnalogLinear(columns, rows, bias=False, rpu_config=config)
    layer.set_weights(torch.from_numpy(target))
    return layer.eval()


def built_for_this_torch():
    """Whether aihwkit's compiled tile works: a wheel built for another torch misreads its tensors."""
    try:
        AnalogLinear(2, 2, bias=False, rpu_config=InferenceRPUConfig())
    except RuntimeError:
        return False
    return True


TILES = [
    pytest.param(TorchInferenceRPUConfig, id="torch-tile"),
    pytest.param(
        InferenceRPUConfig,
        id="compiled-tile",
        marks=pytest.mark.skipif(
            not built_for_this_torch(), reason="this aihwkit was compiled for another version of torch"
        ),
    ),
]


@pytest.mark.parametrize("config", TILES)
@pytest.mark.parametrize("cells", KINDS, ids=name_of)
def test_a_layer_is_programmed_as_by_memsim(model, module, memsim, target, hold_the_same, config, cells):
    """Mean and standard deviation at every level, both signs, of cells and noise of every kind."""
    device = model()
    torch.manual_seed(21)
    layer = layer_on(config, module(device, "aihwkit", cells).DeviceCrooked_1(), target)
    layer.program_analog_weights()
    found = layer.get_weights()[0].detach().numpy()
    hold_the_same(found, memsim(device.profile, cells))


@pytest.mark.parametrize("config", TILES)
@pytest.mark.parametrize("cells", KINDS, ids=name_of)
def test_weights_stay_as_programmed(model, module, target, config, cells):
    """No drift was measured: an hour later they are the same but for rounding of aihwkit's conversion."""
    torch.manual_seed(22)
    layer = layer_on(config, module(model(), "aihwkit", cells).DeviceCrooked_1(), target[:, :50].copy())
    layer.program_analog_weights()
    before = layer.get_weights()[0].clone()
    layer.drift_analog_weights(3600.0)
    largest = float(before.abs().max())
    assert layer.get_weights()[0].numpy() == pytest.approx(before.numpy(), abs=2e-6 * largest)


def test_an_exact_device_gives_the_weights_back(model, module, target):
    """Every level reached, no spread: nothing but single precision is between the two."""
    perfect = model(sigma=0.0, curve=np.linspace(0, 1, 6), reached=[True] * 6)
    noise = module(perfect, "aihwkit", Cells("differential", "lognormal")).DeviceCrooked_1()
    layer = layer_on(TorchInferenceRPUConfig, noise, target[:, :20].copy())
    layer.program_analog_weights()
    assert layer.get_weights()[0].numpy() == pytest.approx(target[:, :20], abs=1e-6)


def test_the_documented_lines_run(model, module):
    """As they stand on the page, beside the file that the page names."""
    module(model(), "aihwkit", Cells("differential", "lognormal"))
    sys.modules.pop("devicecrooked_1_aihwkit")
    code = DOCS.partition("<!-- aihwkit -->")[2].partition("```python\n")[2].partition("```")[0]
    given: dict = {}
    exec(code, given)
    assert torch.isfinite(given["layer"](torch.ones(3, 20))).all()
