"""Generators from one root seed and the name of what they are for."""

import hashlib

import numpy as np


def derived_seed(root: int, *names: str | int) -> int:
    """A 63-bit seed that depends on `root` and every name, and on nothing else."""
    text = "/".join([str(root), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(root: int, *names: str | int) -> np.random.Generator:
    """The generator of one job, e.g. `generator(config_seed, "bootstrap", device)`."""
    return np.random.default_rng(derived_seed(root, *names))
