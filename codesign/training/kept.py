"""Networks that the noise search has trained, kept for the final training.

A method's final training is that of its best trial once more: the same starting weights, batches and
draws of noise, and so the same bits. What a trial trained is kept until the search has chosen, and the
best one's then on, so that nobody trains it a second time. Nothing rests on these files: where one is
missing, or says that it is of another training, the network is trained.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codesign.models.weights import WeightsError, read_metadata

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Keeping:
    """Where trained networks are looked for and left."""

    folders: Sequence[Path]
    """Looked into, one after the other."""
    leave: bool = False
    """Whether a network trained now is left in the first of them."""

    def find(self, identity: Mapping) -> Path | None:
        """The file of exactly this training; None where there is none."""
        name = digest_of(identity) + SUFFIX
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def place(self, identity: Mapping) -> Path | None:
        """Where a network trained now goes; None where it is not kept."""
        return self.folders[0] / (digest_of(identity) + SUFFIX) if self.leave else None


def digest_of(identity: Mapping) -> str:
    """16 hexadecimal digits: what the file of a training is called."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def keep_only(folder: Path, specification: Mapping, initial_scale: float) -> None:
    """Remove the networks of a search that were trained otherwise than what was chosen.

    Args:
        folder: Where the search's trials left theirs; may be missing.
        specification: The chosen noise (`NoiseSpec.to_json`).
        initial_scale: The chosen starting scale.
    """
    for path in sorted(folder.glob(f"[!.]*{SUFFIX}")):
        if _trained_with(path) != (specification, initial_scale):
            path.unlink(missing_ok=True)


def _trained_with(path: Path) -> tuple | None:
    try:
        told = read_metadata(path)
    except (OSError, WeightsError):
        return None
    identity = told.get("identity", {}).get("identity", {})
    return identity.get("specification"), identity.get("initial_scale")
