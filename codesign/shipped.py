"""Files that lie beside the package in a checkout, and inside it where it is installed (`setup.py`)."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSIDE = "data"
"""Folder of an installed package that holds them."""


def shipped(name: str) -> Path:
    """Where `config.yaml` or a file of `schemas/` lies.

    Args:
        name: As it is called from the root of a checkout, e.g. `schemas/measurement.schema.yaml`.
    """
    inside = PACKAGE / INSIDE / name
    return inside if inside.is_file() else PACKAGE.parent / name
