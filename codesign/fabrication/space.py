"""The conditions a laboratory can make, and those it will not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from codesign.variables import PAPER, Variables

Condition = Mapping[str, object]
NUMERIC = PAPER.numbers


class SpaceError(ValueError):
    """A condition or an exclusion does not fit the space; the message names it."""


@dataclass(frozen=True)
class Space:
    """Levels of the fabrication variables, and excluded combinations."""

    levels: Mapping[str, Sequence]
    exclude: Sequence[Mapping] = ()
    variables: Variables = PAPER

    def __post_init__(self) -> None:
        if set(self.levels) != set(self.variables.names):
            raise SpaceError(
                f"a space has the variables {', '.join(self.variables.names)}, got {', '.join(self.levels)}"
            )
        for name, levels in self.levels.items():
            if not levels or len(set(levels)) != len(levels):
                raise SpaceError(f"{name} needs levels that differ, got {list(levels)}")
            wrong = [level for level in levels if self.variables[name].read(level)[0] != level]
            if wrong:
                raise SpaceError(f"{name}: level {wrong[0]!r} {self.variables[name].read(wrong[0])[1]}")
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
        every = self._every()
        return [one for one in every if not self.excluded(one)] if self.exclude else list(every)

    def _every(self) -> Iterator[dict]:
        names = self.variables.names
        for values in product(*(self.levels[name] for name in names)):
            yield dict(zip(names, values, strict=True))

    def excluded(self, condition: Condition) -> bool:
        """Whether an exclusion matches in all it names."""
        return any(all(condition[name] == value for name, value in rule.items()) for rule in self.exclude)

    def key(self, condition: Condition) -> tuple:
        """A condition as `key_of` gives it."""
        return key_of(condition, self.variables)

    def keys(self, conditions: Sequence[Condition]) -> Iterator[tuple]:
        """The same of many, column by column."""
        categories = ([one[name] for one in conditions] for name in self.variables.categories)
        numbers = ([float(one[name]) for one in conditions] for name in self.variables.numbers)
        return zip(*categories, *numbers, strict=True)


def key_of(condition: Condition, variables: Variables = PAPER) -> tuple:
    """A condition as a hashable tuple, categories first, numbers as floats."""
    numbers = (float(condition[name]) for name in variables.numbers)
    return (*(condition[name] for name in variables.categories), *numbers)
