"""What devices and their conditions are called in figures, on the card and on the pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix

from codesign.variables import PAPER, Variable, Variables

ELEMENTS = (
    "Ac|Ag|Al|Ar|As|Au|Ba|Be|Bi|Br|Ca|Cd|Ce|Cl|Co|Cr|Cs|Cu|Dy|Er|Eu|Fe|Ga|Gd|Ge|He|Hf|Hg|Ho|In|Ir|Kr|La|Li|Lu|"
    "Mg|Mn|Mo|Na|Nb|Nd|Ne|Ni|Os|Pb|Pd|Pr|Pt|Rb|Re|Rh|Ru|Sb|Sc|Se|Si|Sm|Sn|Sr|Ta|Tb|Tc|Te|Ti|Tl|Tm|Xe|Yb|Zn|Zr|"
    "B|C|F|H|I|K|N|O|P|S|U|V|W|Y"
)
CHEMICAL = re.compile(rf"(?:(?:{ELEMENTS})(?:\d*\.)?\d*|[()]\d*|[-+/])+")
"""A formula of elements, of layers parted by a slash."""
UNKNOWN = "conditions unknown"
LONGEST_ID = 28
"""Signs of a device id in a label."""


def formula(text: str | None) -> str:
    """A chemical formula with its numbers below the line; 'unknown' where there is none."""
    if not text:
        return "unknown"
    below = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
    return re.sub(r"(?<=[A-Za-z)])\d+", lambda found: found.group().translate(below), text)


def axis_label(variable: Variable) -> str:
    """Label and unit, e.g. 'nanowire length (µm)'."""
    return f"{variable.label} ({variable.unit})" if variable.unit else variable.label


def value_label(variable: Variable, value: object) -> str:
    """A value without its unit; '' and None are 'unknown', numbers of a chemical formula below the line."""
    if not variable.is_category:
        return "unknown" if value is None else format(value, "g")
    return formula(value) if is_formula(variable, value) else value


def is_formula(variable: Variable, value: str | None) -> bool:
    """Whether a value of a category is written as a chemical formula: a perovskite, or elements alone."""
    return variable.name == "perovskite" or not value or CHEMICAL.fullmatch(value) is not None


def condition_label(variable: Variable, value: object, *, long: bool = False, first: bool = False) -> str:
    """A value with its unit and what it is of, e.g. '200 nm Ag', 'anneal 400 °C', 'top electrode TiN'.

    Args:
        variable: What has the value.
        value: A value of it; None is '?' for a number, 'unknown' for a category.
        long: Say what each of the paper's values is of.
        first: Of the first category, the value alone.
    """
    words = variable.words
    if variable.is_category:
        said = value_label(variable, value)
        return said if first or variable.name == "perovskite" else f"{variable.label} {said}"
    said = f"{'?' if value is None else format(value, 'g')} {variable.unit}".strip()
    if words.behind is None:
        return f"{variable.label} {said}"
    return f"{said} {words.long if long else words.behind}".strip()


def conditions_label(row: Mapping, variables: Variables = PAPER, *, long: bool = False) -> str:
    """The conditions of a row, e.g. 'MAPbI₃, 1.5 µm, 200 nm, 15 min Pb, 200 nm Ag'.

    Args:
        row: Has a key for each variable; a value may be None.
        variables: What the laboratory varies.
        long: Say what each value is of.
    """
    if not _has_conditions(row, variables):
        return UNKNOWN
    first = variables.categories[:1]
    return ", ".join(
        condition_label(each, row[each.name], long=long, first=each.name in first) for each in variables
    )


def _has_conditions(row: Mapping, variables: Variables) -> bool:
    return any(row[name] is not None for name in variables.names)


def short_labels(rows: Sequence[Mapping], variables: Variables = PAPER) -> dict[str, str]:
    """A label for each device: its conditions, and what tells it from others made alike.

    Devices of the same conditions are told apart by their contact, then by their
    largest voltage, then by a number in device order. A device of unknown conditions is called by its id.

    Args:
        rows: Device rows, ids unique, with a key for each variable.
        variables: What the laboratory varies.
    """
    labels = {
        row["device"]: conditions_label(row, variables)
        if _has_conditions(row, variables)
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


@dataclass(frozen=True)
class Called:
    """What a device is called wherever devices are ranked."""

    rank: int | None
    """From 1, the best; None without a usability."""
    label: str


def called(rows: Sequence[Mapping], variables: Variables = PAPER) -> dict[str, Called]:
    """Rank and label of each device: in the order of ranks, then those without one in name order.

    Args:
        rows: As in `short_labels`, of all devices, each with a usability or None.
        variables: What the laboratory varies.
    """
    labels = short_labels(rows, variables)
    ranks = {row["device"]: rank for rank, row in enumerate(by_usability(rows), start=1)}
    order = [*ranks, *sorted(set(labels) - set(ranks))]
    return {device: Called(ranks.get(device), labels[device]) for device in order}


def told_apart(names: Sequence[str], widest: int) -> list[str]:
    """Names cut to a width at which they still differ: what all begin with alike goes, then the middle.

    >>> told_apart(["i-v-data-1um-probe", "i-v-data-1um-paste-2"], widest=16)
    ['…probe', '…paste-2']
    """
    if max(map(len, names)) <= widest:
        return list(names)
    shared = commonprefix(list(names)) if len(names) > 1 else ""  # noqa: RUF071
    words = shared.rfind("-") + 1
    found = [f"…{name[words:]}" if words else name for name in names]
    tail = widest // 2
    return [name if len(name) <= widest else f"{name[: widest - tail - 1]}…{name[-tail:]}" for name in found]
