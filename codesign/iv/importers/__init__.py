"""Instrument files to measurements, one module per family of formats."""
