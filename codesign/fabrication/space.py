"""The conditions a laboratory can make, and those it will not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from codesign.schemas.conditions import CONDITION_COLUMNS

Condition = Mapping[str, object]
NUMERIC = CONDITION_COLUMNS[1:]


class SpaceError(ValueError):
    """A condition or an exclusion does not fit the space; the message names it."""


@dataclass(frozen=True)
class Space:
    """Levels of the five fabrication variables, and excluded combinations."""

    levels: Mapping[str, Sequence]
    exclude: Sequence[Mapping] = ()

    def __post_init__(self) -> None:
        if set(self.levels) != set(CONDITION_COLUMNS):
            raise SpaceError(
                f"a space has the variables {', '.join(CONDITION_COLUMNS)}, got {', '.join(self.levels)}"
            )
        for name, levels in self.levels.items():
            if not levels or len(set(levels)) != len(levels):
                raise SpaceError(f"{name} needs levels that differ, got {list(levels)}")
        for rule in self.exclude:
            for name, value in rule.items():
                if name not in self.levels or value not in self.levels[name]:
                    raise SpaceError(
                        f"exclusion {dict(rule)}: {name}={value} is no level of the space "
                        f"({', '.join(map(str, self.levels.get(name, self.levels)))})"
                    )
        if self.exclude and all(self.excluded(condition) for condition in self._every()):
            raise SpaceError(
                f"fabrication.exclude: the {len(self.exclude)} exclusion(s) leave no condition to make; "
                "take out those that name too little"
            )

    def grid(self) -> list[dict]:
        """Every condition that may be proposed, in a fixed order."""
        return [condition for condition in self._every() if not self.excluded(condition)]

    def _every(self) -> Iterator[dict]:
        for values in product(*(self.levels[name] for name in CONDITION_COLUMNS)):
            yield dict(zip(CONDITION_COLUMNS, values, strict=True))

    def excluded(self, condition: Condition) -> bool:
        """Whether an exclusion matches in all it names."""
        return any(all(condition[name] == value for name, value in rule.items()) for rule in self.exclude)


def key_of(condition: Condition) -> tuple:
    """A condition as a hashable tuple, numbers as floats."""
    return (condition["perovskite"], *(float(condition[name]) for name in NUMERIC))
