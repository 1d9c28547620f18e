"""Names of instrument files: which count, and the device id each stands for."""

import hashlib
import re
from pathlib import Path

RAW_SUFFIXES = (".xlsx", ".csv", ".tsv", ".txt", ".lvm", ".tdms")
"""Instrument files that have an importer."""


def device_id(file_name: str) -> str:
    """Slug of a file name without its suffix.

    Lower case; any run of signs other than ASCII letters, digits, '.' and '+'
    becomes one hyphen. A name without any of them gets `device-` and eight digits
    of its digest, so that a file is never left out for its name.
    """
    stem = Path(file_name).stem
    slug = re.sub(r"[^a-z0-9.+]+", "-", stem.lower()).strip("-.")
    return slug or f"device-{hashlib.sha256(stem.encode()).hexdigest()[:8]}"


def is_conditions_workbook(name: str) -> bool:
    """A workbook that describes devices instead of measuring one."""
    return _visible(name) and name.lower().endswith(".xlsx") and "conditions" in name.lower()


def is_raw_file(name: str) -> bool:
    """An instrument file: a known suffix, not hidden, no lock file, no conditions workbook."""
    known = Path(name).suffix.lower() in RAW_SUFFIXES
    return known and _visible(name) and not is_conditions_workbook(name)


def sidecar_of(path: Path) -> Path:
    """`NAME.meta.yaml` beside `NAME.csv`: what the instrument file does not say."""
    return path.with_name(f"{path.stem}.meta.yaml")


def _visible(name: str) -> bool:
    return not name.startswith((".", "~$"))
