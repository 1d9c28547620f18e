"""Devices to export: the results folder of a small laboratory, and models with any curve."""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from codesign.export.model import FACTS, DeviceModel
from codesign.export.simulator_file import Cells, class_name, render_aihwkit, render_crosssim
from codesign.iv.measurement import write_measurement
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import network_of
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.nonideality.profile import DeviceProfile
from codesign.nonideality.table import stack_devices
from codesign.schemas.device import DEVICE
from codesign.tables import write_table
from codesign.virtual_lab.sweeps import VirtualLab, make_device

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))
EXTRACTION = CONFIG["extraction"] | {"bootstrap": 20, "confidence": 0.9}


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory) -> Path:
    """Results of a virtual laboratory: devices `a-1` and `b`, the second without a usability."""
    folder = tmp_path_factory.mktemp("laboratory")
    (folder / "iv").mkdir()
    settings = VirtualLab(cycles=6, points=41, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.0)
    rows = []
    for seed, (name, changes) in enumerate({"a-1": {}, "b": {"min_cycles": 99}}.items(), 1):
        made = make_device(
            name, CONFIG["fabrication"]["start"], window=9, sigma=0.2, tolerated_drops=2, settings=settings,
            rng=np.random.default_rng(seed), truth={},
        )  # fmt: skip
        write_measurement(made, folder / f"iv/{name}.parquet")
        how = EXTRACTION | changes
        row = extract(made, Extraction(**how), np.random.default_rng(seed))
        rows.append(folder / f"devices/{name}.parquet")
        write_table([row], rows[-1], schema=DEVICE, metadata={"extraction": how, "seed": seed})
    stack_devices(
        rows,
        table=folder / "usability.parquet",
        csv=folder / "usability.csv",
        workbook=folder / "usability.xlsx",
    )
    return folder


@pytest.fixture
def asked(laboratory, tmp_path):
    """Makes the parsed arguments of `export`."""

    def make(device="a-1", to="json", **changes) -> argparse.Namespace:
        given = {"device": device, "to": to, "out": tmp_path / f"out-{to}", "results": laboratory}
        given |= {"measurement": None, "analog": None, "noise": None, "force": False}
        return argparse.Namespace(**given | changes)

    return make


@pytest.fixture(scope="session")
def model():
    """Makes the model of a device with any curve; without changes one whose levels and g_min count."""

    def make(**changes) -> DeviceModel:
        curve = changes.pop("curve", [0.15, 0.0, 0.3, 0.5, 1.0, 0.7])
        n = len(curve)
        given = {
            "profile": "crooked-1", "kind": "device", "origin": "measured", "level": None, "usability": 0.5,
            "usability_low": 0.4, "usability_high": 0.6, "eta": 0.8, "sigma": 0.3, "branch_points": n,
            "window_start": 0, "window_length": n, "lcis_start": 1, "lcis_length": max(n - 2, 0),
            "g_min_s": 2e-7, "g_max_s": 1.2e-6, "curve": np.array(curve),
            "reached": [0 < k < n - 2 for k in range(n)],
            "log_ratio": np.random.default_rng(4).normal(0.0, 0.3, 700) ** 3 * 3, "fidelity": 0.9,
        }  # fmt: skip
        return DeviceModel(
            profile=DeviceProfile(**given | changes),
            facts=dict.fromkeys(FACTS) | {"measured_at": "2026-03-01", "instrument": "Keithley 6487"},
            conditions={"oxide": "HfO2", "thickness_nm": 5},
            source_file="crooked.csv",
            source_sha256="ab" * 32,
            voltage_v=tuple(np.arange(n) * 0.1),
            confidence=0.95,
            version="0.1.0",
            exported="2026-11-26",
        )

    return make


LEVELS = (-1.0, -0.83, -0.45, -0.13, 0.0, 0.07, 0.31, 0.55, 0.72, 0.91, 1.0)
"""Targets with sign: on exact pieces and on the curve, both ends of the range."""
LARGEST = 0.4
CELLS = 12_000
"""A level."""


@pytest.fixture(scope="session")
def target() -> np.ndarray:
    """Weights to program, a row a level, shape (levels, CELLS), single precision."""
    return np.repeat(np.float32(LEVELS)[:, None] * np.float32(LARGEST), CELLS, axis=1)


@pytest.fixture(scope="session")
def memsim(target):
    """Programs `target` by PerovskiteMemSim; as `memsim(profile, cells)`."""

    def make(profile: DeviceProfile, cells: Cells) -> np.ndarray:
        layer = nn.Linear(target.shape[1], target.shape[0], bias=False)
        layer.weight.data.copy_(torch.from_numpy(target))
        how = MemSimSettings(mapping="relative", analog=cells.analog, noise=cells.noise)
        with PerovskiteMemSim(network_of(layer), how) as simulator:
            simulator.program(profile, torch.Generator().manual_seed(11))
            return layer.weight.detach().numpy().copy()

    return make


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Imports the module that a device is exported to; as `module(model, "aihwkit", cells)`."""
    renders = {"aihwkit": render_aihwkit, "crosssim": render_crosssim}

    def make(model: DeviceModel, simulator: str, cells: Cells):
        name = f"{class_name(model.profile.profile).lower()}_{simulator}"
        (tmp_path / f"{name}.py").write_text(renders[simulator](model, cells), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return make


@pytest.fixture(scope="session")
def hold_the_same():
    """Asserts that mean and standard deviation of each level agree within four standard errors.

    That of a standard deviation s from n draws is s sqrt((kurtosis - 1) / (4 n)).
    """

    def check(found: np.ndarray, expected: np.ndarray) -> None:
        found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
        assert found.shape == expected.shape == (len(LEVELS), CELLS)
        for level, one, other in zip(LEVELS, found, expected, strict=True):
            errors = np.zeros(2)
            for cells in (one, other):
                spread = cells.std()
                kurtosis = ((cells - cells.mean()) ** 4).mean() / max(spread, 1e-30) ** 4
                errors += np.array([spread**2, spread**2 * max(kurtosis - 1, 0) / 4]) / cells.size
            rounding = 1e-6 * LARGEST
            for name, measure, error in zip(
                ("mean", "spread"), (np.mean, np.std), np.sqrt(errors), strict=True
            ):
                difference = abs(measure(one) - measure(other))
                assert difference <= 4 * error + rounding, f"{name} at level {level}"

    return check
