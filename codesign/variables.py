"""What differs from device to device as a laboratory makes them: the fabrication variables and their values.

The paper varies five (`PAPER`), which tables of devices have as columns of their own. Another laboratory
names its own in the configuration; their values are in the column `conditions` of the same tables.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from codesign.schemas.conditions import CONDITION_COLUMNS

KINDS = ("number", "category")
SCALES = ("linear", "log")
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a variable may be called."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
"""Text that is a number."""


@dataclass(frozen=True)
class Words:
    """Short names of a variable where there is little room."""

    short: str
    """Alone, or with its unit below it."""
    column: str
    """As the title of a column."""
    behind: str | None = None
    """What stands behind a value with its unit, e.g. Ag; None: the label goes before it."""
    long: str | None = None
    """The same where there is room."""


@dataclass(frozen=True)
class Variable:
    """One thing that differs from device to device."""

    name: str
    label: str
    """As an axis says it."""
    unit: str = ""
    kind: str = "number"
    """`number` or `category`."""
    scale: str = "linear"
    """Of a number: `log` where a ratio matters more than a difference."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"variable {self.name!r}: a name has a-z, 0-9 and _, a letter first")
        if self.kind not in KINDS or self.scale not in SCALES:
            raise ValueError(
                f"variable {self.name}: kind is {' or '.join(KINDS)} and scale {' or '.join(SCALES)}, got "
                f"{self.kind!r}, {self.scale!r}"
            )

    @property
    def is_category(self) -> bool:
        """Whether its values are words."""
        return self.kind == "category"

    @property
    def words(self) -> Words:
        """Its short names: the paper's for the paper's variables, else its label."""
        paper = WORDS.get(self.name)
        if paper is not None and self.label == PAPER[self.name].label:
            return paper
        return Words(self.label, self.label)

    def read(self, value: object) -> tuple[str | float | None, str]:
        """A stored value as this variable takes it, and '' or why it cannot be taken.

        >>> Variable("anneal_c", "anneal").read("400"), Variable("anneal_c", "anneal").read("hot")
        ((400.0, ''), (None, 'is no number'))
        """
        if value is None or value == "":
            return None, ""
        if self.is_category:
            return (value.strip(), "") if isinstance(value, str) else (None, "is no text")
        if isinstance(value, str):
            if not NUMBER.fullmatch(value.strip()):
                return None, "is no number"
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None, "is no number"
        if self.scale == "log" and value <= 0:
            return None, "is not positive, as a variable with scale log has to be"
        return value, ""


@dataclass(frozen=True)
class Variables(Sequence):
    """Variables in the order that tables and figures have them."""

    items: tuple[Variable, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Mapping | None]) -> "Variables":
        """From `fabrication.variables` of a configuration; what is null there is taken off."""
        return cls(tuple(Variable(name, **said) for name, said in settings.items() if said is not None))

    def to_settings(self) -> dict[str, dict]:
        """As `fabrication.variables` of a configuration says them."""
        return {
            each.name: {"label": each.label, "unit": each.unit, "kind": each.kind, "scale": each.scale}
            for each in self.items
        }

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.items)

    def __getitem__(self, which: int | str) -> Variable:
        """The k-th, or the one of a name."""
        return self._by_name[which] if isinstance(which, str) else self.items[which]

    @cached_property
    def _by_name(self) -> dict[str, Variable]:
        return {each.name: each for each in self.items}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of all."""
        return tuple(each.name for each in self.items)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Names of those whose values are words."""
        return tuple(each.name for each in self.items if each.is_category)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Names of the others."""
        return tuple(each.name for each in self.items if not each.is_category)

    @cached_property
    def are_the_papers(self) -> bool:
        """Whether they are the paper's five, in any order."""
        return set(self.names) == set(CONDITION_COLUMNS)

    def of_row(self, row: Mapping) -> tuple[dict[str, str | float | None], list[str]]:
        """Values that a row of the usability table has, None where unknown, and what could not be taken.

        The paper's variables are columns; others are in the column `conditions`, a JSON object as text.

        Args:
            row: Of `codesign.schemas.device.DEVICE`.

        Returns:
            A value for every variable; a sentence for each value that does not fit its variable, which
            names device, variable and value.
        """
        stored = stored_conditions(row)
        values, said = {}, []
        for each in self.items:
            found = row[each.name] if each.name in CONDITION_COLUMNS else stored.get(each.name)
            values[each.name], trouble = each.read(found)
            if trouble:
                said.append(
                    f"{row['device']}: {each.name} {found if isinstance(found, float) else repr(found)} "
                    f"{trouble}, and counts as unknown"
                )
        return values, said

    def filled(self, rows: Iterable[Mapping]) -> list[Mapping]:
        """The same rows with a key for each variable that is none of their columns."""
        if set(self.names) <= set(CONDITION_COLUMNS):
            return list(rows)
        return [{**row, **self.of_row(row)[0]} for row in rows]


def stored_conditions(row: Mapping) -> dict[str, object]:
    """Conditions of other names than the paper's that a row of the usability table has."""
    return json.loads(row["conditions"]) if row.get("conditions") else {}


def variables_of(settings: Mapping) -> Variables:
    """Those of a configuration that was checked."""
    return Variables.of(settings["fabrication"]["variables"])


WORDS = {
    "perovskite": Words("perovskite", "perovskite"),
    "length_um": Words("length", "length", "", "long"),
    "diameter_nm": Words("diameter", "diameter", "", "wide"),
    "pb_min": Words("Pb time", "Pb", "Pb", "Pb"),
    "ag_nm": Words("Ag", "Ag", "Ag", "Ag"),
}
"""Short names of the paper's variables."""
PAPER = Variables(
    (
        Variable("perovskite", "perovskite", kind="category"),
        Variable("length_um", "nanowire length", "µm", scale="log"),
        Variable("diameter_nm", "nanowire diameter", "nm"),
        Variable("pb_min", "Pb electrodeposition", "min"),
        Variable("ag_nm", "Ag thickness", "nm", scale="log"),
    )
)
"""What the paper varies."""
PAPER_SPACE = {
    "perovskite": ["MAPbI3", "MAPbBr3", "MAPbCl3", "FAPbI3", "CsPbI3"],
    "length_um": [0.6, 1, 1.2, 1.5, 1.8, 2, 2.5, 3],
    "diameter_nm": [10, 50, 100, 150, 200, 250, 300],
    "pb_min": [5, 10, 15, 20, 25, 30],
    "ag_nm": [50, 100, 200, 400, 600],
}
"""Its 8400 conditions: where the virtual laboratory works when a laboratory has variables of its own."""
PAPER_START = {"perovskite": "MAPbBr3", "length_um": 1, "diameter_nm": 250, "pb_min": 10, "ag_nm": 100}
"""Its first device."""
