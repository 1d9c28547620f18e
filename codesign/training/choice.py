"""What a network is trained with, and what it is chosen for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from codesign.bayesmulti.noise import NoiseSpec
from codesign.models.aims import Aim


@dataclass(frozen=True)
class Choice:
    """The network of one aim."""

    aim: Aim
    specification: NoiseSpec
    initial_scale: float

    def said(self) -> dict:
        """As `chosen.json` holds it."""
        told = {"specification": self.specification.to_json(), "initial_scale": self.initial_scale}
        return asdict(self.aim) | told

    @classmethod
    def of(cls, said: Mapping) -> Self:
        """The inverse of `said`."""
        return cls(Aim.of(said), NoiseSpec.from_json(said["specification"]), said["initial_scale"])


def alike(choices: Sequence[Choice]) -> list[list[Choice]]:
    """Choices of the same noise and start together, in the order of the first of each."""
    found: dict[tuple, list[Choice]] = {}
    for choice in choices:
        found.setdefault((choice.specification, choice.initial_scale), []).append(choice)
    return list(found.values())
