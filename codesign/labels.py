"""What devices and their conditions are called in figures, on the card and on the pages."""

import re
from collections.abc import Mapping, Sequence

VARIABLES = {
    "perovskite": ("perovskite", ""),
    "length_um": ("nanowire length", "µm"),
    "diameter_nm": ("nanowire diameter", "nm"),
    "pb_min": ("Pb electrodeposition", "min"),
    "ag_nm": ("Ag thickness", "nm"),
}
"""Name and unit of each fabrication variable, as an axis says it."""
UNKNOWN = "conditions unknown"
LONGEST_ID = 28
"""Signs of a device id in a label."""


def formula(text: str | None) -> str:
    """A chemical formula with its numbers below the line; 'unknown' where there is none."""
    if not text:
        return "unknown"
    below = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return re.sub(r"(?<=[A-Za-z)])\d+", lambda found: found.group().translate(below), text)


def conditions_label(row: Mapping, *, long: bool = False) -> str:
    """The five conditions of a row, e.g. 'MAPbI₃, 1.5 µm, 200 nm, 15 min, 200 nm Ag'.

    Args:
        row: Has the five condition columns; a value may be None.
        long: Say what each value is of.
    """

    def said(name: str, unit: str) -> str:
        value = row[name]
        return f"{'?' if value is None else format(value, 'g')} {unit}"

    if not _has_conditions(row):
        return UNKNOWN
    words = ("long", "wide", "Pb", "Ag") if long else ("", "", "Pb", "Ag")
    units = ("µm", "nm", "min", "nm")
    parts = [
        f"{said(name, unit)} {word}".strip()
        for name, unit, word in zip(list(VARIABLES)[1:], units, words, strict=True)
    ]
    return ", ".join([formula(row["perovskite"]), *parts])


def _has_conditions(row: Mapping) -> bool:
    return any(row[name] is not None for name in VARIABLES)


def short_labels(rows: Sequence[Mapping]) -> dict[str, str]:
    """A label for each device: its conditions, and what tells it from others made alike.

    Devices of the same conditions are told apart by their contact, then by their
    largest voltage, then by a number in device order. A device of unknown conditions is called by its id.

    Args:
        rows: Device rows, ids unique.
    """
    labels = {
        row["device"]: conditions_label(row)
        if _has_conditions(row)
        else f"{row['device'][:LONGEST_ID]}, {UNKNOWN}"
        for row in rows
    }
    contact = {row["device"]: row["contact"] or "" for row in rows}
    reach = {row["device"]: "" if row["v_max_v"] is None else f"{row['v_max_v']:.3g} V" for row in rows}
    for extra in (contact, reach):
        alike: dict[str, list[str]] = {}
        for device, label in labels.items():
            alike.setdefault(label, []).append(device)
        for label, devices in alike.items():
            if len({extra[device] for device in devices}) > 1:
                labels |= {d: f"{label}, {extra[d]}" if extra[d] else label for d in devices}
    alike = {}
    for device in sorted(labels):
        alike.setdefault(labels[device], []).append(device)
    for label, devices in alike.items():
        if len(devices) > 1:
            labels |= {device: f"{label}, no. {k}" for k, device in enumerate(devices, 1)}
    return labels


def by_usability(rows: Sequence[Mapping]) -> list[Mapping]:
    """Those with a usability, best first, equal ones in name order: a device's rank is its place here."""
    known = [row for row in rows if row["usability"] is not None]
    return sorted(known, key=lambda row: (-row["usability"], row["device"]))
