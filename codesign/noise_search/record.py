"""What a noise search went through, and what the noise it chose is made of: numbers for figures."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import norm

from codesign.bayesmulti.methods import method_of

NO_NOISE = {"site", "initial_scale"}
"""What a trial's parameters say beside the noise itself."""


def search_trace(records: Mapping[str, Mapping], *, slots: int) -> list[dict]:
    """Every trial of each searched method, with the best objective up to it.

    Args:
        records: Method to the content of its `chosen.json`; methods without a search give no row.
        slots: Trials a round.

    Returns:
        Rows method, trial, round, slot (from 1; trial and round are 0 for those without noise that every
        search begins with), site (None without noise), initial_scale, objective, standard_error (None where
        training failed), best (None before the first success), corner (no noise: ERM), chosen (for an aim).

    Raises:
        ValueError: A number of trials that is not a whole number of rounds.
    """
    rows = []
    for method, record in records.items():
        corners = [trial for trial in record["trials"] if set(trial["parameters"]) <= NO_NOISE]
        tried = [trial for trial in record["trials"] if trial not in corners]
        if not tried:
            continue
        if len(tried) % slots:
            raise ValueError(f"{method}: {len(tried)} trials are no whole rounds of {slots} slots")
        places = [(0, 0, slot) for slot in range(1, len(corners) + 1)]
        places += [(k + 1, k // slots + 1, k % slots + 1) for k in range(len(tried))]
        best = None
        for (number, round, slot), trial in zip(places, corners + tried, strict=True):
            objective = trial["objective"]
            if objective is not None:
                best = objective if best is None else max(best, objective)
            rows.append(
                {
                    "method": method,
                    "trial": number,
                    "round": round,
                    "slot": slot,
                    "site": trial["parameters"].get("site"),
                    "initial_scale": trial["parameters"]["initial_scale"],
                    "objective": objective,
                    "standard_error": trial["standard_error"],
                    "best": best,
                    "corner": not any(np.any(value) for value in _noise(trial["parameters"]).values()),
                    "chosen": any(_is_of(trial["parameters"], each) for each in record["networks"]),
                }
            )
    return rows


def _noise(parameters: Mapping) -> dict:
    return {name: value for name, value in parameters.items() if name not in NO_NOISE}


def _is_of(parameters: Mapping, network: Mapping) -> bool:
    """Whether these parameters are what was chosen for a network."""
    layers, noise = network["specification"]["layers"], _noise(parameters)
    if parameters["initial_scale"] != network["initial_scale"]:
        return False
    if not layers or not noise:
        return not layers and not noise
    if parameters["site"] != network["specification"]["site"]:
        return False
    return all(
        np.array_equal(np.broadcast_to(value, len(layers)), [layer[name] for layer in layers])
        for name, value in noise.items()
    )


def searched_parameters(records: Mapping[str, Mapping], *, limits: Mapping[str, float]) -> list[dict]:
    """Each parameter's values as tried and as chosen.

    Args:
        records: Method to the content of its `chosen.json`; methods without a search give no row.
        limits: Method to its largest noise, as `search.limits` has it.

    Returns:
        Rows method, parameter, limit, kind (tried | chosen), aim (None for tried), trial (None for chosen),
        layer (from 1; None where one value is for all layers), value, share (value / limit). A network that
        is trained without noise has no row.
    """
    rows = []
    for method, record in records.items():
        with_noise = [each for each in record["trials"] if not set(each["parameters"]) <= NO_NOISE]
        if not with_noise:
            continue
        for name in method_of(method).parameters:
            about = {"method": method, "parameter": name, "limit": limits[method]}
            for trial, tried in enumerate(with_noise, 1):
                said = about | {"kind": "tried", "aim": None, "trial": trial}
                rows += _values(said, tried["parameters"][name])
            for network in record["networks"]:
                values = [layer[name] for layer in network["specification"]["layers"]]
                if values:
                    said = about | {"kind": "chosen", "aim": network["name"], "trial": None}
                    rows += _values(said, values[0] if len(set(values)) == 1 else values)
    return rows


def choices(records: Mapping[str, Mapping]) -> list[dict]:
    """What every method was given for each aim.

    Args:
        records: Method to the content of its `chosen.json`.

    Returns:
        Rows method, aim, level, profile, usability, fidelity (of the panel's device; None where the aim is
        the whole panel), site (None without noise), initial_scale, and least and most, one entry for each
        parameter of a layer's noise: its smallest and its largest value over the layers.
    """
    rows = []
    for method, record in records.items():
        for network in record["networks"]:
            layers = network["specification"]["layers"]
            columns = [[layer[name] for layer in layers] for name in method_of(method).parameters if layers]
            rows.append(
                {
                    "method": method,
                    "aim": network["name"],
                    **{name: network[name] for name in ("level", "profile", "usability", "fidelity")},
                    "site": network["specification"]["site"] if layers else None,
                    "initial_scale": network["initial_scale"],
                    "least": [float(min(values)) for values in columns],
                    "most": [float(max(values)) for values in columns],
                }
            )
    return rows


def _values(about: Mapping, value: float | Sequence[float]) -> list[dict]:
    several = isinstance(value, Sequence)
    return [
        {
            **about,
            "layer": layer if several else None,
            "value": float(entry),
            "share": float(entry) / about["limit"],
        }
        for layer, entry in enumerate(value if several else [value], 1)
    ]


def multinomial_factors(*, p_zero: float, p_half: float) -> list[tuple[float, float]]:
    """(factor, probability) of what multinomial noise multiplies by: 0, 1/2 and 1 over their mean.

    Source: paper Eq. 1, divided by its mean as in training.

    >>> multinomial_factors(p_zero=0.25, p_half=0.5)
    [(0.0, 0.25), (1.0, 0.5), (2.0, 0.25)]
    """
    ones = 1.0 - p_zero - p_half
    mean = 0.5 * p_half + ones
    return [(0.0, p_zero), (0.5 / mean, p_half), (1.0 / mean, ones)]


def lognormal_density(factor: np.ndarray, sigma: float) -> np.ndarray:
    """Density of exp(sigma z), z ~ N(0, 1), at each factor > 0 (paper Eq. 7).

    Raises:
        ValueError: sigma is not above 0: all factors are 1 and there is no density.

    >>> lognormal_density(np.array([0.5, 1.0, 2.0]), sigma=0.5).round(3)
    array([0.61 , 0.798, 0.153])
    """
    if not sigma > 0:
        raise ValueError(f"exp(sigma z) has a density for sigma > 0, got {sigma}")
    factor = np.asarray(factor, dtype=float)
    return norm.pdf(np.log(factor) / sigma) / (factor * sigma)


def lognormal_beyond(factor: float, sigma: float) -> float:
    """Probability that exp(sigma z) exceeds a factor above 1: P(z > ln(factor) / sigma).

    >>> round(lognormal_beyond(np.exp(0.5), sigma=0.5), 3)
    0.159
    """
    return float(norm.sf(np.log(factor) / sigma)) if sigma > 0 else 0.0
