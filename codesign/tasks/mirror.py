"""Where public data sets lie on this machine; no parameter of a rule, so that moving them reruns nothing."""

import os
from collections.abc import Mapping
from pathlib import Path

CACHE = "results/datasets"
"""Folder of downloads and decoded examples, below the project."""


def mirror_of(config: Mapping) -> str | None:
    """Folder of local copies: `datasets.mirror` of the configuration, else CODESIGN_MIRROR."""
    return config["datasets"]["mirror"] or os.environ.get("CODESIGN_MIRROR") or None


def only_stand_in(mirror: Path | str | None, *, published: str, stand_in: str) -> bool:
    """Whether a mirror has a stand-in of a file and not the published file itself.

    Args:
        mirror: Folder of local copies.
        published: The file as published, below the mirror.
        stand_in: A file with other content in its place, e.g. images compressed again.
    """
    if mirror is None:
        return False
    return (Path(mirror) / stand_in).is_file() and not (Path(mirror) / published).is_file()
