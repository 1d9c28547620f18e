"""The exported modules where their simulators are absent: what they say, need and compute."""

import ast
import itertools
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.export.model import ExportError
from codesign.export.simulator_file import Cells, class_name, render_aihwkit, render_crosssim
from codesign.iv.names import DEVICE_ID

RENDERS = {"aihwkit": render_aihwkit, "crosssim": render_crosssim}
KINDS = [Cells(*kind) for kind in itertools.product(("differential", "weights"), ("lognormal", "resampled"))]
PAIR = Cells("differential", "lognormal")


@pytest.mark.parametrize("cells", KINDS, ids=lambda cells: f"{cells.analog}-{cells.noise}")
@pytest.mark.parametrize("simulator", RENDERS)
def test_a_module_needs_its_simulator_alone(model, simulator, cells):
    """Whoever gets the file has no codesign."""
    tree = ast.parse(RENDERS[simulator](model(), cells))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert imported == {"aihwkit": {"torch", "aihwkit"}, "crosssim": {"simulator"}}[simulator]


@pytest.mark.parametrize("simulator", RENDERS)
def test_a_module_says_where_it_comes_from(model, simulator):
    """Device, date, source and licence stand in its head, and no line is too wide to read."""
    text = RENDERS[simulator](model(), Cells("weights", "resampled"))
    head = text.partition('"""')[0]
    for said in (
        "crooked-1 (measured)", "2026-03-01, Keithley 6487", "crooked.csv", "ab" * 32, "2026-11-26",
        "Apache-2.0", "weights cells with resampled noise",
    ):  # fmt: skip
        assert said in head
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("simulator", RENDERS)
def test_the_numbers_are_in_the_file(model, simulator):
    """Every digit of them."""
    device = model()
    values = {}
    for node in ast.parse(RENDERS[simulator](device, Cells("differential", "resampled"))).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    profile = device.profile
    assert values["CURVE"] == profile.curve.tolist() and values["REACHED"] == profile.reached.tolist()
    assert (values["G_MIN_S"], values["G_MAX_S"]) == (profile.g_min_s, profile.g_max_s)
    assert values["SIGMA"] == profile.sigma
    assert values["RATIO"] == np.exp(profile.log_ratio).tolist()


@pytest.mark.parametrize("simulator", RENDERS)
@pytest.mark.parametrize(
    ("changes", "cells", "said"),
    [
        pytest.param({"g_min_s": 1e-6, "g_max_s": 1e-6}, PAIR, "stores nothing", id="no range"),
        pytest.param({"g_min_s": -1e-9}, PAIR, "--analog weights", id="negative conductance"),
        pytest.param({"g_min_s": None, "g_max_s": None}, PAIR, "no conductance in siemens", id="synthetic"),
        pytest.param({"log_ratio": ()}, Cells("weights", "resampled"), "--measurement", id="no ratios"),
    ],
)
def test_what_a_simulator_cannot_express_is_refused(model, simulator, changes, cells, said):
    """With the reason, and what can be done."""
    with pytest.raises(ExportError, match=said):
        RENDERS[simulator](model(**changes), cells)


def test_a_negative_conductance_is_no_hindrance_to_weights(model):
    """They are counted from g_min."""
    assert "LOW, HIGH = 0.0, " in render_crosssim(model(g_min_s=-1e-9), Cells("weights", "lognormal"))


@given(st.lists(st.from_regex(DEVICE_ID, fullmatch=True), min_size=2, max_size=2, unique=True))
def test_two_devices_never_share_a_class(ids):
    """CrossSim knows devices by the name of their class alone."""
    names = [class_name(device) for device in ids]
    assert all(name.isidentifier() for name in names)
    assert names[0].lower() != names[1].lower() or ids[0].lower() == ids[1].lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [("a-1", "a.1"), ("a.1", "a+1"), ("a_1", "a-1"), ("A-1", "a-1"), ("a-1-2", "a-12"), ("a--1", "a-1")],
)
def test_ids_that_differ_in_a_sign_have_different_classes(one, other):
    """Slugs keep points and plus signs; file names of people differ in case."""
    assert class_name(one) != class_name(other)


def test_a_long_id_has_a_name_that_can_be_typed():
    """Instrument files are named in whole sentences; what differs may come last."""
    names = {class_name("-".join(["i-v-data"] * 12) + f"-{k}") for k in range(20)}
    assert len(names) == 20 and max(map(len, names)) < 50


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(({"sigma": 0.32}, PAIR), id="spread"),
        pytest.param(({"g_min_s": 2.6e-7}, PAIR), id="range"),
        pytest.param(({}, Cells("weights", "lognormal")), id="cells"),
        pytest.param(({}, Cells("differential", "resampled")), id="law"),
        pytest.param(({"curve": [0.15, 0.0, 0.3, 0.5, 1.0, 0.75]}, PAIR), id="curve"),
    ],
)
def test_the_comparison_sees_a_device_that_is_a_little_different(model, memsim, hold_the_same, wrong):
    """Else the agreement of two simulators would say nothing."""
    changes, cells = wrong
    with pytest.raises(AssertionError, match="at level"):
        hold_the_same(memsim(model(**changes).profile, cells), memsim(model().profile, PAIR))


@pytest.fixture
def interface(monkeypatch):
    """The part of CrossSim's interface that a device uses, on numpy: no CrossSim, and no test of it."""

    class EmptyDevice:
        def __init__(self, device_params, weight_error_params):
            self.Gmin_norm = (
                0.0 if device_params.infinite_on_off_ratio else device_params.Rmin / device_params.Rmax
            )
            self.Grange_norm = 1 - self.Gmin_norm
            self.cell_bits = device_params.cell_bits
            self.clip_conductance = device_params.clip_conductance

    for name in ("simulator", "simulator.backend", "simulator.devices", "simulator.devices.idevice"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["simulator.backend"].ComputeBackend = lambda: np
    sys.modules["simulator.devices.idevice"].EmptyDevice = EmptyDevice


def namespaces(module):
    """Parameters as `configure` fills them."""
    space = types.SimpleNamespace
    device = space(programming_error=space())
    params = space(core=space(balanced=space()), xbar=space(device=device))
    module.configure(params)
    return params


@pytest.mark.parametrize("cells", KINDS, ids=lambda cells: f"{cells.analog}-{cells.noise}")
def test_the_crosssim_device_programs_pairs_as_memsim(
    interface, model, module, memsim, target, hold_the_same, cells
):
    """On the stand-in interface; a weight is laid on one cell of a pair, as CrossSim's balanced core does."""
    device = model()
    exported = module(device, "crosssim", cells)
    params = namespaces(exported)
    assert (params.core.style, params.core.balanced.style) == ("BALANCED", "ONE_SIDED")
    assert 1 / params.xbar.device.Rmin == pytest.approx(exported.HIGH)
    cell = exported.DeviceCrooked_1(params.xbar.device, None)
    np.random.seed(24)  # noqa: NPY002  the generator that CrossSim's devices draw from
    level = target / np.abs(target).max()
    positive, negative = (
        cell.programming_error(np.float32(cell.Gmin_norm + cell.Grange_norm * np.maximum(side, 0)))
        for side in (level, -level)
    )
    assert positive.dtype == np.float32
    found = (positive - negative) / cell.Grange_norm * np.abs(target).max()
    hold_the_same(found, memsim(device.profile, cells))
