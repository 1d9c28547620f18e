"""Networks that were trained before, kept for whoever trains the same.

A method's final training is that of its best trial once more: the same starting weights, batches and
draws of noise, and so the same bits. What a trial trained is kept until the search has chosen, and what was
chosen from then on, so that nobody trains it a second time. Networks trained without noise are kept in one
place for all methods: every search begins with them, any method may choose them, and others may start from
them. Nothing rests on these files: where one is missing, or says that it is of another training, the network
is trained.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from codesign.models.weights import WeightsError, read_metadata

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Keeping:
    """Where trained networks are looked for and left."""

    own: Path
    """Folder of one method's networks."""
    plain: Path
    """Folder of networks without noise, the same for every method."""
    leave: bool = False
    """Whether a network trained with noise now is left in its folder; those without always are."""

    def find(self, identity: Mapping, *, plain: bool) -> Path | None:
        """The file of exactly this training; None where there is none."""
        path = self._path(identity, plain=plain)
        return path if path.is_file() else None

    def place(self, identity: Mapping, *, plain: bool) -> Path | None:
        """Where a network trained now goes; None where it is not kept."""
        return self._path(identity, plain=plain) if plain or self.leave else None

    def _path(self, identity: Mapping, *, plain: bool) -> Path:
        return (self.plain if plain else self.own) / (digest_of(identity) + SUFFIX)


def digest_of(identity: Mapping) -> str:
    """16 hexadecimal digits: what the file of a training is called."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def keep_only(folder: Path, chosen: Collection[tuple[Mapping, float]]) -> None:
    """Remove the networks of a search that were trained otherwise than what was chosen.

    Args:
        folder: Where the search's trials left theirs; may be missing.
        chosen: Noise (`NoiseSpec.to_json`) and starting scale of what is still wanted.
    """
    for path in sorted(folder.glob(f"[!.]*{SUFFIX}")):
        if _trained_with(path) not in chosen:
            path.unlink(missing_ok=True)


def _trained_with(path: Path) -> tuple | None:
    try:
        told = read_metadata(path)
    except (OSError, WeightsError):
        return None
    identity = told.get("identity", {}).get("identity", {})
    return identity.get("specification"), identity.get("initial_scale")
