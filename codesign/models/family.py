"""The networks of one method and repeat on disk: one an aim, some of them the same.

`spec.json` says what each is chosen for and was trained with; beside it lie `weights-{aim}.safetensors`, one
for every level that the configuration names, so that what the workflow makes is known before the search has
chosen.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codesign.files import sha256_of
from codesign.models.aims import Aim, aim_at
from codesign.tables import read_object


def weights_name(aim: str) -> str:
    """File of an aim's network, beside `spec.json`."""
    return f"weights-{aim}.safetensors"


class FamilyError(ValueError):
    """Networks on disk are not those that are asked for; the message names the file and the remedy."""


def read_family(spec: Path | str, **wanted: object) -> dict[Aim, Path]:
    """Aims of a method and the weights of the network chosen for each.

    Args:
        spec: `spec.json`, beside which the weights lie.
        wanted: What it must be of: experiment, method, repeat. Without any, weights are not looked at.

    Raises:
        FamilyError: It is of others, or a file of weights is not the one that was written with it.
    """
    spec = Path(spec)
    found = {Aim.of(said): spec.parent / weights_name(said["name"]) for said in said_of(spec)}
    if wanted:
        _refuse_others(spec, found.values(), wanted)
    return found


def _refuse_others(spec: Path, weights: Iterable[Path], wanted: Mapping[str, object]) -> None:
    """Copied, renamed or exchanged networks would be scored as something they are not."""
    stored = read_object(spec)
    again = f"delete {spec.parent} and run again: the networks are trained anew"
    for key, value in wanted.items():
        if stored.get(key) != value:
            raise FamilyError(f"{spec}: networks of {key} {stored.get(key)!r}, not {value!r}; {again}")
    checksums = stored.get("checksums", {})
    for path in weights:
        if not path.is_file():
            raise FamilyError(f"{path}: the network is not there, though {spec.name} names it; {again}")
        if checksums.get(path.name) != sha256_of(path):
            raise FamilyError(f"{path}: not the network that {spec.name} tells of; {again}")


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
