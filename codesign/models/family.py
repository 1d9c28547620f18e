"""The networks of one method and repeat on disk: one an aim, some of them the same.

`spec.json` says what each is chosen for and was trained with; beside it lie `weights-{aim}.safetensors`, one
for every level that the configuration names, so that what the workflow makes is known before the search has
chosen.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codesign.models.aims import Aim, aim_at
from codesign.tables import read_object


def weights_name(aim: str) -> str:
    """File of an aim's network, beside `spec.json`."""
    return f"weights-{aim}.safetensors"


def read_family(spec: Path | str) -> dict[Aim, Path]:
    """Aims of a method and the weights of the network chosen for each.

    Args:
        spec: `spec.json`, beside which the weights lie.
    """
    return {Aim.of(said): Path(spec).parent / weights_name(said["name"]) for said in said_of(spec)}


def said_of(path: Path | str) -> list[dict[str, Any]]:
    """What `chosen.json` or `spec.json` says of each aim: itself, `specification` and `initial_scale`."""
    return read_object(path)["networks"]


def said_at(path: Path | str, level: float) -> dict[str, Any]:
    """What one of them says of the aim nearest to a level of the panel."""
    every = {Aim.of(said): said for said in said_of(path)}
    return every[aim_at(list(every), level)]


def aim_called(name: str, aims: Sequence[Aim]) -> Aim:
    """The aim of this name; the nearest one where devices ran out and the panel has no such level."""
    known: Mapping[str, Aim] = {aim.name: aim for aim in aims}
    return known[name] if name in known else aim_at(aims, float(name))
