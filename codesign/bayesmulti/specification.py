"""From a method and its parameters to the noise of every layer."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from codesign.bayesmulti.checks import check_parameters
from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.methods import method_of, site_of
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises import noise_class


def method_spec(
    method: str, parameters: Mapping[str, float | Sequence[float]], n_layers: int, *, site: str | None = None
) -> NoiseSpec:
    """The specification of a method with given parameters.

    Args:
        method: Name of a method.
        parameters: Each of the method's parameters, as one number for all layers or one number a layer.
        n_layers: Number of noisy layers, `len(Network.places(site))`.
        site: Needed by methods with a choice of sites.

    Raises:
        NoiseError: A parameter is missing, unknown, of the wrong length or out of range.

    >>> method_spec("dropout", {"rate": [0.1, 0.4]}, 2, site="weight").layers
    (DropoutNoise(rate=0.1), DropoutNoise(rate=0.4))
    """
    chosen = method_of(method)
    if set(parameters) != set(chosen.parameters):
        wanted = ", ".join(chosen.parameters) or "no parameters"
        raise NoiseError(f"{method} takes {wanted}; got {', '.join(parameters) or 'none'}")
    place = site_of(method, site)
    if chosen.noise is None:
        return NoiseSpec(method, place, ())
    columns = {name: _per_layer(method, name, parameters[name], n_layers) for name in chosen.parameters}
    noise = noise_class(chosen.noise)
    check_parameters(chosen, (field.name for field in fields(noise)))
    layers = tuple(noise(**{name: values[k] for name, values in columns.items()}) for k in range(n_layers))
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
