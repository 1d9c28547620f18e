"""Small arrays of devices made by hand, without noise unless a test asks for it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from codesign.crossbar.cells import Cells, CellSettings
from codesign.crossbar.driver import Limits
from codesign.crossbar.programming import WriteSettings
from codesign.crossbar.simulated import CircuitSettings, SimulatedCrossbar
from codesign.nonideality.profile import DeviceProfile

LIMITS = Limits(read_voltage_v=0.2, pulse_voltage_v=2.5, pulse_seconds=2e-3, current_a=1e-3)
CELL = CellSettings(
    threshold_v=1.2, pulse_voltage_v=2.0, pulse_seconds=1e-3, points_per_pulse=1.0, correlation_points=3.0,
    read_noise=0.0, stuck_low=0.0, stuck_high=0.0, drift_exponent=0.0, drift_seconds=1.0,
)  # fmt: skip
CIRCUIT = CircuitSettings(
    wire_resistance_ohm=0.0, driver_resistance_ohm=0.0, sense_resistance_ohm=0.0, adc_bits=24,
    adc_range_a=1e-4, current_noise_a=0.0, read_seconds=0.0,
)  # fmt: skip
WRITING = WriteSettings(
    tolerance=0.02, range_s=9e-6, budget=100, read_voltage_v=0.1, set_voltage_v=2.0, reset_voltage_v=-2.0,
    pulse_seconds=1e-3, shortest_seconds=1e-3 / 16, reads=1, patience=10,
)  # fmt: skip


def profile(curve=None, *, sigma=0.0, g_min_s=1e-6, g_max_s=1e-5) -> DeviceProfile:
    """A device with any curve; a straight one of 21 points if not given."""
    curve = np.linspace(0, 1, 21) if curve is None else np.asarray(curve, dtype=float)
    n = curve.size
    return DeviceProfile(
        profile="by-hand", kind="device", origin="measured", level=None, usability=float(np.exp(-sigma)),
        usability_low=None, usability_high=None, eta=1.0, sigma=sigma, branch_points=n, window_start=0,
        window_length=n, lcis_start=0, lcis_length=n, g_min_s=g_min_s, g_max_s=g_max_s, curve=curve,
        reached=np.ones(n, dtype=bool),
    )  # fmt: skip


def cells(device=None, *, rows=4, columns=4, seed=0, **changes) -> Cells:
    """An array of `device` with some settings changed."""
    return Cells(
        profile() if device is None else device,
        replace(CELL, **changes),
        rows=rows,
        columns=columns,
        generator=np.random.default_rng(seed),
    )


def crossbar(array=None, *, limits=LIMITS, seed=1, driver=SimulatedCrossbar, **changes) -> SimulatedCrossbar:
    """`array` in a circuit with some settings changed."""
    return driver(
        cells() if array is None else array,
        circuit=replace(CIRCUIT, **changes),
        limits=limits,
        generator=np.random.default_rng(seed),
    )


@pytest.fixture(scope="session")
def made():
    """The makers above; a fixture because test files cannot import from each other."""
    return SimpleNamespace(
        profile=profile, cells=cells, crossbar=crossbar, limits=LIMITS, writing=WRITING, circuit=CIRCUIT
    )


@pytest.fixture(scope="session")
def weights_of():
    """Makes a weight matrix (outputs, inputs) of its tiles' conductances, laid out as `Tile.targets`."""

    def make(mapping, conductances) -> np.ndarray:
        weight = np.full(mapping.shape, np.nan)
        for tile, held in zip(mapping.tiles, conductances, strict=True):
            assert held.shape == tile.targets.shape
            # (inputs, 2 x outputs) -> (outputs, inputs), differences of neighbours
            weight[tile.outputs, tile.inputs] = (held[:, 0::2] - held[:, 1::2]).T * mapping.weight_per_siemens
        return weight

    return make
