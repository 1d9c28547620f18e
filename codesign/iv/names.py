"""Names of instrument files: which count, and the device id each stands for."""

import re
from pathlib import Path

RAW_SUFFIXES = (".xlsx", ".csv", ".tsv", ".txt", ".lvm", ".tdms")
"""Instrument files that have an importer."""


def device_id(file_name: str) -> str:
    """Slug of a file name without its suffix: lower case, one hyphen for any run of other signs.

    Raises:
        ValueError: Nothing is left of the name.
    """
    slug = re.sub(r"[^a-z0-9.+]+", "-", Path(file_name).stem.lower()).strip("-.")
    if not slug:
        raise ValueError(f"{file_name!r} has no letter or digit to make a device id of")
    return slug


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


def repeat_number(name: str) -> int:
    """2 for `..._2.xlsx`: the second file of the same conditions; 1 without a suffix."""
    found = re.search(r"_(\d{1,2})$", Path(name).stem)
    return int(found.group(1)) if found else 1


def _visible(name: str) -> bool:
    return not name.startswith((".", "~$"))
