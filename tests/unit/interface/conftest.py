"""Devices, networks and data that a caller could have."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from codesign.iv.measurement import Measurement, write_measurement
from codesign.nonideality.profile import DeviceProfile
from codesign.virtual_lab.sweeps import VirtualLab, make_device

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def measurement() -> Measurement:
    """Sweeps of a virtual device with spread and a short window."""
    lab = VirtualLab(cycles=8, points=41, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.0)
    return make_device(
        "wire-1",
        CONFIG["fabrication"]["start"],
        window=9,
        sigma=0.3,
        tolerated_drops=2,
        settings=lab,
        rng=np.random.default_rng(3),
        truth={},
    )


@pytest.fixture(scope="session")
def sweeps(measurement, tmp_path_factory) -> Path:
    """The same as a canonical file."""
    path = tmp_path_factory.mktemp("iv") / "wire-1.parquet"
    write_measurement(measurement, path)
    return path


@pytest.fixture
def instrument_file(measurement, tmp_path) -> Path:
    """The same as an instrument would write it: a voltage and a current a cycle."""
    cycles, voltage, current = measurement.grid()
    path = tmp_path / "Wire 1.csv"
    header = ",".join(["voltage (V)", *(f"current {cycle} (A)" for cycle in cycles)])
    table = np.column_stack([voltage[0], current.T])
    np.savetxt(path, table, delimiter=",", header=header, comments="", fmt="%.17g")
    return path


@pytest.fixture
def made_profile():
    """Makes a profile; without changes one with every level exact and no spread."""

    def make(**changes) -> DeviceProfile:
        curve = np.array(changes.pop("curve", np.linspace(0, 1, 5)))
        n = len(curve)
        given = {
            "profile": "given-1", "kind": "device", "origin": "measured", "level": None, "usability": 0.8,
            "usability_low": 0.7, "usability_high": 0.9, "eta": 1.0, "sigma": 0.0, "branch_points": n,
            "window_start": 0, "window_length": n, "lcis_start": 0, "lcis_length": n,
            "g_min_s": 1e-7, "g_max_s": 1e-6, "curve": curve, "reached": [True] * n, "fidelity": 0.9,
            "fidelity_low": 0.85, "fidelity_high": 0.95,
        }  # fmt: skip
        return DeviceProfile(**given | changes)

    return make


class Small(nn.Module):
    """Every kind of thing that programming could leave changed."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(64, 3)
        self.calls = nn.Buffer(torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 1, 6, 6) to logits (batch, 3)."""
        self.calls += 1
        return self.linear(self.dropout(torch.relu(self.norm(self.convolution(x))).flatten(1)))


@pytest.fixture
def small() -> Small:
    """A network in training mode, with a hook and a gradient."""
    torch.manual_seed(5)
    made = Small()
    made.norm.running_mean.normal_(generator=torch.Generator().manual_seed(1))
    made.linear.register_forward_hook(lambda module, inputs, output: output * 2)
    made.linear.weight.grad = torch.ones_like(made.linear.weight)
    return made


@pytest.fixture
def images() -> torch.Tensor:
    """Inputs of `small`."""
    return torch.randn(40, 1, 6, 6, generator=torch.Generator().manual_seed(2))
