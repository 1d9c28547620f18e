"""Perovskite memristors and robust networks, developed together.

The science of the workflow: importable, free of Snakemake and of paths.
Rooms: `iv` (what a measurement is), `nonideality` (from a measurement to a
device row), `fabrication` (which device to make next), `figures` (drawing).
"""

__version__ = "0.1.0"
