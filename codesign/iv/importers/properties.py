"""Units among the properties of arrays and channels, and of the groups and files that hold them."""

from collections.abc import Mapping, Sequence

import numpy as np

from codesign.iv.importers.head import stated_units, with_stated_units

UNIT_KEYS = (
    "unit_string", "unit", "units", "ni_unitdescription", "unit_description", "y_unit", "unit_label",
    "unit label", "y_unit_label", "yunits",
)  # fmt: skip
"""Properties of an array or channel that state its unit."""
OF_THE_WRITER = ("ni_", "wf_")
"""Properties LabVIEW and npTDMS apply themselves."""


def as_text(value) -> str:
    """A property as text; bytes and arrays of them are decoded."""
    if isinstance(value, bytes):
        return value.decode(errors="replace").strip()
    if isinstance(value, np.ndarray | list | tuple):
        return ", ".join(as_text(item) for item in np.ravel(np.asarray(value, dtype=object))[:20])
    return str(value).strip()


def unit_in(properties: Mapping) -> str:
    """The unit that properties of one array state by one of `UNIT_KEYS`; '' where none does."""
    stated = {str(key).lower(): as_text(value) for key, value in properties.items()}
    return next((stated[key] for key in UNIT_KEYS if stated.get(key)), "")


def lines_of(properties: Mapping, *, of: str = "") -> list[str]:
    """Properties as lines of settings, `current unit: uA`.

    Args:
        properties: Values by key.
        of: Name of the array or channel they belong to.
    """
    return [
        f"{of} {key}: {as_text(value)}".strip()
        for key, value in properties.items()
        if not str(key).lower().startswith(OF_THE_WRITER)
    ]


def with_units_of(header: list[str], lines: Sequence[str]) -> tuple[list[str], list[str], dict[str, str]]:
    """Names with the units that properties state, notes, and the units; see `stated_units`."""
    stated = stated_units(lines, above=lines)
    return *with_stated_units(header, stated), stated
