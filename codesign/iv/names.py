"""Names of instrument files: which count, and the device id each stands for."""

import hashlib
import os
import re
from pathlib import Path

from codesign.iv.formats import raw_suffixes

LONGEST_ID = 180
"""Signs of a device id: file systems take 255 bytes, and ids get suffixes."""
FOLDER_SIDECAR = "folder.meta.yaml"
"""Sidecar of every instrument file of its folder; a file's own goes first."""
DEVICE_LISTS = ("devices.csv", "devices.xlsx")
"""Lists of devices: what sidecars would say, a row a file."""
DEVICE_ID = rf"[A-Za-z0-9+_][A-Za-z0-9.+_-]{{0,{LONGEST_ID - 1}}}"
"""What a device id may be: it becomes a file name, a wildcard and a word of commands on a cluster."""


def device_id(file_name: str) -> str:
    """Slug of a file name without its suffix.

    Lower case; any run of signs other than ASCII letters, digits, '.' and '+'
    becomes one hyphen. A name without any of them gets `device-` and eight digits
    of its digest, a very long one is cut and gets them too, so that a file is never
    left out for its name.

    >>> device_id("MAPbBr3 1.5um BT 2V (copy).xlsx")
    'mapbbr3-1.5um-bt-2v-copy'
    """
    stem = Path(file_name).stem
    slug = re.sub(r"[^a-z0-9.+]+", "-", stem.lower()).strip("-.")
    digest = hashlib.sha256(stem.encode(errors="surrogateescape")).hexdigest()[:8]
    if len(slug) > LONGEST_ID:
        return f"{slug[: LONGEST_ID - 9].strip('-.')}-{digest}"
    return slug or f"device-{digest}"


def is_device_id(text: object) -> bool:
    """Whether `text` can name a device."""
    return isinstance(text, str) and re.fullmatch(DEVICE_ID, text) is not None


def is_conditions_workbook(name: str) -> bool:
    """A workbook that describes devices instead of measuring one."""
    return _visible(name) and name.lower().endswith(".xlsx") and "conditions" in name.lower()


def is_device_list(name: str) -> bool:
    """A table that says of many files what their sidecars would."""
    return name.lower() in DEVICE_LISTS


def is_raw_file(name: str) -> bool:
    """An instrument file: a known suffix, not hidden, no lock file, no table that describes devices."""
    known = Path(name).suffix.lower() in raw_suffixes()
    return known and _visible(name) and not is_conditions_workbook(name) and not is_device_list(name)


def sidecar_of(path: Path) -> Path:
    """`NAME.meta.yaml` beside `NAME.csv`: what the instrument file does not say."""
    return path.with_name(f"{path.stem}.meta.yaml")


def has_sidecar(path: Path) -> bool:
    """Whether an instrument file has a sidecar; a broken link or a folder called so is one, to be refused."""
    return os.path.lexists(sidecar_of(path))


def sidecars_of(path: Path) -> list[Path]:
    """The sidecars that count for an instrument file and exist: that of its folder, then its own."""
    of_folder = path.with_name(FOLDER_SIDECAR)
    found = [of_folder] if os.path.lexists(of_folder) else []
    own = sidecar_of(path)
    return [*found, own] if own != of_folder and has_sidecar(path) else found


def device_lists_of(path: Path) -> list[Path]:
    """Lists of devices that lie beside an instrument file; more than one is an error."""
    return [found for name in DEVICE_LISTS if os.path.lexists(found := path.with_name(name))]


def _visible(name: str) -> bool:
    return not name.startswith((".", "~$"))
