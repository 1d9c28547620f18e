"""Perovskite memristors and robust networks, developed together.

The science of the workflow: importable, free of Snakemake and of paths. One folder is one subject;
docs/code.md says what each holds and which may import which.
"""
