"""Kinds of noise, one module each: a new file in this folder is a new kind.

A module holds one class, called NOISE as well, and is imported when its kind is asked for, so that
a training depends on the noise it trains with and on no other.
"""

from importlib import import_module
from pkgutil import iter_modules

from codesign.bayesmulti.error import NoiseError


def noise_kinds() -> tuple[str, ...]:
    """Kinds of noise in alphabetical order; none is imported for it."""
    return tuple(sorted(m.name.replace("_", "-") for m in iter_modules(__path__) if m.name != "base"))


def noise_class(kind: object) -> type:
    """The class of a kind of noise, a `codesign.bayesmulti.noises.base.Noise`.

    Raises:
        NoiseError: There is none; the message lists those that exist. Or its file says another kind.
    """
    if kind not in noise_kinds():
        raise NoiseError(f"noise must be one of {', '.join(noise_kinds())}, got {kind!r}")
    name = f"{__name__}.{kind.replace('-', '_')}"
    noise = import_module(name).NOISE
    if noise.kind != kind:
        raise NoiseError(f"{name} must hold the noise {kind}, but holds {noise.kind}")
    return noise
