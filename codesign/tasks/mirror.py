"""Where public data sets lie on this machine: a place, and so nothing that results rest on."""

import os
from collections.abc import Mapping
from pathlib import Path

CACHE = "results/datasets"
"""Folder of downloads and decoded images, below the project."""
CIFAR10_FOLDER = "cifar10"
CIFAR10_PUBLISHED = "cifar-10-binary.tar.gz"
CIFAR10_LOSSY = "cifar10_full_jpeg.npz"


def mirror_of(config: Mapping) -> str | None:
    """Folder of local copies: `datasets.mirror` of the configuration, else CODESIGN_MIRROR."""
    return config["datasets"]["mirror"] or os.environ.get("CODESIGN_MIRROR") or None


def only_lossy(mirror: Path | str | None) -> bool:
    """Whether CIFAR-10 is in the mirror as the copy re-encoded as JPEG alone: other pixels."""
    if mirror is None:
        return False
    folder = Path(mirror) / CIFAR10_FOLDER
    return (folder / CIFAR10_LOSSY).is_file() and not (folder / CIFAR10_PUBLISHED).is_file()


def placed(data: Mapping, config: Mapping) -> dict:
    """What a rule says of its examples, with the places they are looked for on this machine.

    Args:
        data: seed and validation_fraction, and `lossy`, which makes results of other pixels others.
        config: The configuration.

    Returns:
        Arguments of `Experiment.data`.
    """
    known = {name: value for name, value in data.items() if name != "lossy"}
    return known | {"mirror": mirror_of(config), "cache": CACHE}
