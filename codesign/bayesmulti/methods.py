"""The training methods: one word in the config each, all through the same door.

A method says which noise acts at which site and whether its parameters are searched.
Nothing here is a default: parameters come from the search or from the settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codesign.bayesmulti.noise import (
    DropoutNoise,
    GaussianNoise,
    LognormalNoise,
    MultinomialNoise,
    Noise,
    NoiseError,
    NoiseSpec,
)


@dataclass(frozen=True)
class Method:
    """What a method injects."""

    name: str
    title: str
    """As figures write it."""
    noise: type[Noise] | None
    parameters: tuple[str, ...]
    """Parameters of a layer's noise."""
    sites: tuple[str, ...]
    """Sites it can act at."""
    searched: bool
    """Whether `codesign.noise_search.search` finds its parameters."""


_MULTINOMIAL = (MultinomialNoise, ("p_zero", "p_half"), ("activation", "weight"))
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("erm", "ERM", None, (), ("none",), False),
        Method("dropout", "Dropout (BayesFT)", DropoutNoise, ("rate",), ("activation",), True),
        Method("gaussian", "Gaussian weight noise", GaussianNoise, ("std",), ("weight",), True),
        Method("lognormal", "Log-normal weight noise", LognormalNoise, ("sigma",), ("weight",), True),
        Method("bayesmulti", "BayesMulti", *_MULTINOMIAL, True),
        Method("bayesmulti-fixed", "BayesMulti, fixed noise", *_MULTINOMIAL, False),
    )
}


def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        NoiseError: There is none; the message lists those that exist.
    """
    if name not in METHODS:
        raise NoiseError(f"method must be one of {', '.join(METHODS)}; got {name!r}")
    return METHODS[name]


def site_of(method: str, site: str | None) -> str:
    """Where the method's noise acts: its only site, or the one asked for.

    Args:
        method: Name of a method.
        site: Site from the settings; counts only for methods that have a choice.

    Raises:
        NoiseError: The method has a choice and `site` is none of its sites.
    """
    sites = method_of(method).sites
    if len(sites) == 1:
        return sites[0]
    if site not in sites:
        raise NoiseError(f"{method} needs a site, one of {', '.join(sites)}; got {site!r}")
    return site


def method_spec(
    method: str, parameters: Mapping[str, float | Sequence[float]], n_layers: int, *, site: str | None = None
) -> NoiseSpec:
    """The specification of a method with given parameters.

    Args:
        method: Name of a method.
        parameters: Each parameter as one number for all layers or one number a layer:
            erm {}; dropout {rate}; gaussian {std}; lognormal {sigma};
            bayesmulti and bayesmulti-fixed {p_zero, p_half}.
        n_layers: Number of noisy layers, `len(noise_layers(model, site))`.
        site: Needed by methods with a choice of sites.

    Raises:
        NoiseError: A parameter is missing, unknown, of the wrong length or out of range.
    """
    chosen = method_of(method)
    if set(parameters) != set(chosen.parameters):
        wanted = ", ".join(chosen.parameters) or "no parameters"
        raise NoiseError(f"{method} takes {wanted}; got {', '.join(parameters) or 'none'}")
    place = site_of(method, site)
    if chosen.noise is None:
        return NoiseSpec(method, place, ())
    columns = {name: _per_layer(method, name, parameters[name], n_layers) for name in chosen.parameters}
    layers = tuple(
        chosen.noise(**{name: values[k] for name, values in columns.items()}) for k in range(n_layers)
    )
    return NoiseSpec(method, place, layers)


def _per_layer(method: str, name: str, value: float | Sequence[float], n_layers: int) -> list[float]:
    if isinstance(value, int | float):
        return [float(value)] * n_layers
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise NoiseError(f"{method}: {name} must be a number or a list of numbers, got {value!r}")
    if len(value) != n_layers:
        raise NoiseError(f"{method}: {name} has {len(value)} values for {n_layers} noisy layers")
    if not all(isinstance(entry, int | float) for entry in value):
        raise NoiseError(f"{method}: {name} must be numbers, got {list(value)}")
    return [float(entry) for entry in value]
