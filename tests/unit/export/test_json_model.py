"""The exported JSON: its schema, its explanation, and that it programs as the device does."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from torch import nn

from codesign.export.json_model import FIELDS, read_json, render_json
from codesign.export.model import ExportError
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import network_of

ROOT = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((ROOT / "schemas/device-model.schema.yaml").read_text(encoding="utf-8"))
DOCS = (ROOT / "docs/export.md").read_text(encoding="utf-8")


def programmed(weight, on, *, analog="weights", noise="lognormal", seed=3):
    """One matrix programmed by PerovskiteMemSim."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    layer.weight.data.copy_(weight)
    how = MemSimSettings(mapping="relative", analog=analog, noise=noise)
    with PerovskiteMemSim(network_of(layer), how) as simulator:
        simulator.program(on, torch.Generator().manual_seed(seed))
        return layer.weight.detach().clone()


def weights(dtype=torch.float32):
    return torch.randn(30, 50, generator=torch.Generator().manual_seed(1), dtype=dtype)


def names(value, prefix=""):
    """Dotted names of all numbers and texts of an object."""
    for key, each in value.items():
        if isinstance(each, dict) and key != "conditions":
            yield from names(each, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


@pytest.mark.parametrize("changes", [{}, {"log_ratio": ()}, {"curve": [0.0], "reached": [False]}])
def test_the_file_holds_to_its_schema(model, changes):
    """The schema is a proper one, forbids unknown keys, and the file follows it, ratios or not."""
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads(render_json(model(**changes))))


def test_every_field_is_explained_in_the_documentation(model):
    """A third party has the page or the file; both explain what is there, and nothing else."""
    written = json.loads(render_json(model()))
    known = set(names({key: each for key, each in written.items() if key != "fields"}))
    assert set(FIELDS) <= known
    table = DOCS.partition("## JSON, field by field")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)) == known | {"fields"}


@pytest.mark.parametrize("noise", ["lognormal", "resampled"])
@pytest.mark.parametrize("analog", ["weights", "differential"])
def test_read_back_it_programs_bit_for_bit(model, tmp_path, analog, noise):
    """The numbers survive the text: with one generator the weights are the same bits."""
    device = model()
    path = tmp_path / "device.json"
    path.write_text(render_json(device), encoding="utf-8")
    for dtype in (torch.float32, torch.float64):
        before = programmed(weights(dtype), device.profile, analog=analog, noise=noise)
        after = programmed(weights(dtype), read_json(path), analog=analog, noise=noise)
        assert torch.equal(before, after)


@given(
    curve=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    sigma=st.floats(0, 5),
    g_min_s=st.floats(-1e-3, 1e-3),
    log_ratio=st.lists(st.floats(-20, 20), max_size=4),
)
def test_no_number_changes_on_the_way(model, tmp_path_factory, curve, sigma, g_min_s, log_ratio):
    """Whatever doubles a profile holds."""
    n = len(curve)
    made = model(curve=curve, reached=[True] * n, sigma=sigma, g_min_s=g_min_s, log_ratio=log_ratio)
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(render_json(made), encoding="utf-8")
    read = read_json(path)
    for name in ("curve", "reached", "log_ratio"):
        assert np.array_equal(getattr(read, name), getattr(made.profile, name))
    for name in ("profile", "origin", "sigma", "eta", "g_min_s", "g_max_s", "usability", "fidelity_low"):
        assert getattr(read, name) == getattr(made.profile, name)


@pytest.mark.parametrize("analog", ["weights", "differential"])
def test_the_documented_function_programs_as_the_simulator_does(model, tmp_path, monkeypatch, analog):
    """The page's numpy lines with the simulator's own factors: equal but for rounding in double precision."""
    code = DOCS.partition("<!-- numpy -->")[2].partition("```python\n")[2].partition("```")[0]
    device = model(log_ratio=())
    (tmp_path / "device.json").write_text(render_json(device), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    given: dict = {}
    exec(code, given)
    weight = weights(torch.float64)
    generator = torch.Generator().manual_seed(3)
    z = [
        torch.empty(weight.numel(), dtype=torch.float64).normal_(0, 1, generator=generator)
        for _ in range(1 if analog == "weights" else 2)
    ]
    factors = [np.exp(device.profile.sigma * each.numpy()).reshape(weight.shape) for each in z]
    found = given["programmed"](weight.numpy(), *factors)
    expected = programmed(weight, device.profile, analog=analog).numpy()
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param('"format_version": 1,', "", "format_version None", id="cut"),
        pytest.param("codesign-device-model", "other", "no exported device", id="another file"),
        pytest.param('"format_version": 1', '"format_version": 2', "reads 1", id="newer"),
        pytest.param('"sigma"', '"sigme"', "key 'sigma' is missing", id="key"),
        pytest.param('"sigma": 0.3', '"sigma": -1', "sigma -1", id="value"),
        pytest.param('"curve": [0.15', '"curve": ["x"', "could not convert", id="text"),
        pytest.param('"spread": {', '"spread": ', "not complete JSON", id="no JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(model, tmp_path, old, new, said):
    """With the file, and what to do."""
    path = tmp_path / "broken.json"
    path.write_text(render_json(model()).replace(old, new), encoding="utf-8")
    with pytest.raises(ExportError, match=re.escape(said)) as refusal:
        read_json(path)
    assert "broken.json" in str(refusal.value)
    assert "export" in str(refusal.value)
