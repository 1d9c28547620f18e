"""What all tests run under, and rows of a crossbar's record that several folders of them share.

One thread a process, as the workflow gives its jobs; two test processes with two threads each on two
cores would wait for each other. Proposals from ten devices took thirteen times the processor time.
"""

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")  # before anything imports numpy or torch

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("codesign", deadline=None)  # a law does not depend on how busy a machine is
settings.load_profile("codesign")


@pytest.fixture
def record_row():
    """Makes a row of a record: two layers, products with a known error, an array of known cells."""

    def make(method="erm", run=1, *, software=1.0, array=0.8, error=0.1, examples=5, calibration="none"):
        calibrated = calibration != "none"
        rng = np.random.default_rng(run)
        layer = [1] * 2 * examples + [2] * 2 * examples
        products = rng.normal(size=len(layer))
        cells = [(1, 0, 0, r, c) for r in range(2) for c in range(4)]
        cells += [(2, 0, 0, r + 2, c) for r in range(4) for c in range(2)]
        target = rng.uniform(1e-7, 1e-6, len(cells))
        names = ("layer", "tile", "load", "row", "column")
        return {
            "method": method,
            "run": run,
            "calibration": calibration,
            "examples": examples,
            "software_accuracy": software,
            "array_accuracy": array,
            "product_layer": layer,
            "product_output": [0, 1] * 2 * examples,
            "product_example": np.repeat(np.arange(examples), 2).tolist() * 2,
            "product_software": products.tolist(),
            "product_array": (products + error).tolist(),
            **{f"cell_{name}": [cell[k] for cell in cells] for k, name in enumerate(names)},
            "cell_target_s": target.tolist(),
            "cell_reached_s": (target * 1.01).tolist(),
            "cell_pulses": [3] * len(cells),
            "cell_ok": [True] * len(cells),
            "cell_mean_square_v2": [0.01] * len(cells),
            "calibration_examples": 3 * calibrated,
            "calibration_reads": 6 * calibrated,
            "calibration_gain": [1.1] * 4 * calibrated,
            "calibration_offset": [-0.1] * 4 * calibrated,
        }

    return make


@pytest.fixture
def said_of_evidence():
    """What a record of each kind of evidence must say of itself."""
    return {
        "simulated": {
            "evidence": "simulated",
            "device": "virtual-0001",
            "origin": "virtual",
            "usability": 0.6,
            "range_s": 1e-6,
        },
        "measured": {
            "evidence": "measured",
            "instrument": "Analog Discovery 2",
            "serial": "SN:210321ABCDEF",
            "wiring_sha256": "0" * 64,
            "git_commit": "f" * 40,
            "measured_at": "2026-11-24T10:00:00+00:00",
            "range_s": 1e-6,
        },
    }
