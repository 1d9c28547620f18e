"""The 43 measured devices, imported and extracted once for all numbers that rest on them."""

import os
from pathlib import Path

import pytest
import yaml

from codesign.iv.importers import import_file
from codesign.iv.measurement import Measurement
from codesign.iv.names import device_id
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.seeds import generator

REPOSITORY = Path(__file__).resolve().parents[2]
MIRROR = Path(os.environ.get("CODESIGN_MIRROR", REPOSITORY.parent / "shared" / "data"))
FOLDER = MIRROR / "iv_perovskite"
needs_devices = pytest.mark.skipif(not FOLDER.is_dir(), reason="the measured devices are not on this machine")
EXTRACTION = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["extraction"]
"""As shipped."""


@pytest.fixture(scope="session")
def extracted() -> dict[str, tuple[Measurement, dict]]:
    """Measurement and row of every device, with the shipped settings."""
    conditions = [FOLDER / "fabrication_and_characterization_conditions.xlsx"]
    found = {}
    for path in sorted((FOLDER / "raw").glob("*.xlsx")):
        name = device_id(path.name)
        measurement = import_file(path, device=name, conditions=conditions)
        row = extract(measurement, Extraction(**EXTRACTION), generator(1, "bootstrap", name))
        found[name] = (measurement, row)
    return found
