"""Perovskite memristors and robust networks, developed together.

The science of the workflow: importable, free of Snakemake and of paths. One folder is one subject;
docs/code.md says what each holds and which may import which. docs/python-api.md has an example of each
function that this module hands on:

    import_file   one measurement, an instrument file or a canonical one
    extract       its non-idealities, usability and fidelity
    profile       what a network is programmed on
    propose       the next devices to make
    program       a copy of a network as it is once programmed
    hold          a network scored on a device, programmed many times
    noisy         a `with` block in which a network trains under noise

They are loaded when they are asked for, so that `import codesign` loads nothing else; `program`,
`hold` and `noisy` need what the extra `networks` brings: `pip install '.[networks]'` in a checkout.
"""

from importlib import import_module

_PLACES = {
    "import_file": "codesign.interface.steps",
    "extract": "codesign.interface.steps",
    "profile": "codesign.interface.steps",
    "propose": "codesign.interface.steps",
    "program": "codesign.interface.holding",
    "hold": "codesign.interface.holding",
    "noisy": "codesign.interface.training",
}
__all__ = [*_PLACES]


def __getattr__(name: str) -> object:
    """A function of the interface, loaded now."""
    if name not in _PLACES:
        raise AttributeError(f"module 'codesign' has no attribute {name!r}")
    try:
        return getattr(import_module(_PLACES[name]), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"codesign.{name} needs {error.name}: pip install '.[networks]' in a checkout of codesign",
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return [*globals(), *_PLACES]
