"""Training methods, one module each: a new file in this folder is a new method.

A method says which noise acts at which site, whether the noise is searched for, and what figures
call and paint it. The files say so without torch, because they are read and checked while Snakemake
reads the workflow; the noise itself is named by its kind (`codesign.bayesmulti.noises`).
A file is imported when its method is asked for, so that a job depends on its own method alone:
one that computes on what `Method.computing` says, one that draws on the file as it stands.
Nothing here is a default: parameters come from the search or from the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from codesign.bayesmulti.checks import ROLES, check_method, fault_of_file
from codesign.bayesmulti.error import NoiseError

NOISES = "codesign.bayesmulti.noises"
"""Package of the kinds of noise."""
METHOD_FILES = __name__
"""This package: a job that says it to `code_digest` counts no method's file, only what it is told of one."""


@dataclass(frozen=True)
class Limit:
    """How far the search for a method's noise may go: its key in `search.limits`."""

    meaning: str
    """What the number limits, with its unit in words."""
    largest: float | None
    """Largest limit that makes sense; None where there is none."""


@dataclass(frozen=True)
class Method:
    """A training method. Each file of this folder holds one, called METHOD."""

    name: str
    """As the configuration writes it; the file is called the same, with _ for -."""
    title: str
    """As figures write it."""
    role: str
    """baseline | rival | own."""
    noise: str | None
    """Kind of noise; None trains without."""
    parameters: Mapping[str, str]
    """Parameters of a layer's noise, and what an axis calls them."""
    sites: tuple[str, ...]
    """Sites it can act at: none, or activation, weight or both."""
    limit: Limit | None
    """Limit of the search for its parameters; None where they are not searched."""
    certified: bool
    """Whether its networks are certified."""
    colour: str
    """In figures: black, orange, sky, green, yellow, blue, vermilion, purple, or #RRGGBB."""
    marker: str
    """In figures, as Matplotlib writes it: one of its filled markers."""
    line: str | tuple
    """In figures, as Matplotlib writes it: - -- -. : or (0, (on, off, ...)) in points."""
    prominent: bool
    """Whether figures are about it; other methods are drawn lighter."""

    def __post_init__(self) -> None:
        check_method(self)

    @property
    def computing(self) -> dict:
        """What results rest on: not title, labels and looks, which change figures alone."""
        return {
            "name": self.name,
            "noise": self.noise,
            "parameters": list(self.parameters),
            "sites": list(self.sites),
            "largest": None if self.limit is None else self.limit.largest,
            "searched": self.searched,
        }

    @property
    def searched(self) -> bool:
        """Whether `codesign.noise_search.search` finds its parameters."""
        return self.limit is not None

    @property
    def order(self) -> tuple[int, str]:
        """Methods are listed in ascending order of this."""
        return ROLES.index(self.role), self.name


def method_names() -> tuple[str, ...]:
    """Names of all methods in alphabetical order; none is imported for it."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


@cache
def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        NoiseError: There is none; the message lists those that exist. Or its file is wrong; the message
            names file, field and what is allowed.

    >>> method_of("bayesmulti").title
    'BayesMulti'
    """
    if name not in method_names():
        raise NoiseError(f"method must be one of {', '.join(method_names())}; got {name!r}")
    file = f"{method_module(name).replace('.', '/')}.py"
    try:
        module = import_module(method_module(name))
    except Exception as error:  # whatever a file can raise: it is a person's, and one line of it is wrong
        known = {made.__name__: [field.name for field in fields(made)] for made in (Method, Limit)}
        raise NoiseError(f"{file}: {fault_of_file(error, known)}") from error
    method = getattr(module, "METHOD", None)
    if not isinstance(method, Method):
        got = "is missing" if method is None else f"is a {type(method).__name__}"
        raise NoiseError(f'{file}: METHOD {got}; write METHOD = Method(name="{name}", ...)')
    if method.name != name:
        raise NoiseError(
            f"{file}: name must be {name}, as the file is called, got {method.name!r}; write the name, or "
            "rename the file"
        )
    return method


def method_module(name: str) -> str:
    """Dotted name of the module that holds a method, for `code_digest(..., modules=)`.

    >>> method_module("bayesmulti-fixed")
    'codesign.bayesmulti.methods.bayesmulti_fixed'
    """
    return f"{__name__}.{name.replace('-', '_')}"


def noise_module(name: str) -> str:
    """Dotted name of the module that holds a method's noise, for `code_digest(..., modules=)`.

    The package of the noises itself where a method has none: such a job loads none of them.

    >>> noise_module("bayesmulti-fixed"), noise_module("erm")
    ('codesign.bayesmulti.noises.multinomial', 'codesign.bayesmulti.noises')
    """
    kind = method_of(name).noise
    return NOISES if kind is None else f"{NOISES}.{kind.replace('-', '_')}"


def site_of(method: str, site: str | None) -> str:
    """Where the method's noise acts: its only site, or the one asked for.

    Args:
        method: Name of a method.
        site: Site from the settings; counts only for methods that have a choice.

    Raises:
        NoiseError: The method has a choice and `site` is none of its sites.

    >>> site_of("gaussian", "activation"), site_of("bayesmulti", "activation")
    ('weight', 'activation')
    """
    sites = method_of(method).sites
    if len(sites) == 1:
        return sites[0]
    if site not in sites:
        raise NoiseError(f"{method} needs a site, one of {', '.join(sites)}; got {site!r}")
    return site


def limits_schema() -> dict:
    """JSON schema of `search.limits`: a key for each method whose noise is searched.

    None is required: a method that no training uses needs no limit.
    """
    limits = {name: method_of(name).limit for name in method_names() if method_of(name).searched}
    return {
        "type": "object",
        "description": "largest noise of each searched method",
        "additionalProperties": False,
        "properties": {
            name: {
                "type": "number",
                "exclusiveMinimum": 0,
                **({} if limit.largest is None else {"maximum": limit.largest}),
                "description": limit.meaning,
            }
            for name, limit in limits.items()
        },
    }


def given_schema() -> dict:
    """JSON schema of `search.given`: for each method whose noise is searched, trials written one by one.

    A trial says its site, where there is a choice, and every parameter: a number, or one a noisy layer.
    """
    searched = [method_of(name) for name in method_names() if method_of(name).searched]
    number = {"type": "number", "minimum": 0}
    return {
        "type": "object",
        "description": "methods whose trials are listed, rounds times slots of them, instead of proposed",
        "additionalProperties": False,
        "properties": {method.name: _given_of(method, number) for method in searched},
    }


def _given_of(method: Method, number: Mapping) -> dict:
    noise = {
        name: {"anyOf": [number, {"type": "array", "items": number, "minItems": 1}], "description": title}
        for name, title in method.parameters.items()
    }
    return {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": [*(["site"] if len(method.sites) > 1 else []), *noise],
            "properties": {
                "site": {"enum": list(method.sites), "description": "where the noise acts"},
                "initial_scale": {
                    **number,
                    "description": "one of training.initial_scale; without it, the best one without noise",
                },
                **noise,
            },
        },
    }
