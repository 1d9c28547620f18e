"""What a noise search went through, and what the noise it chose is made of: numbers for figures."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import norm

from codesign.bayesmulti.methods import method_of


def search_trace(records: Mapping[str, Mapping], *, slots: int) -> list[dict]:
    """Every trial of each searched method, with the best objective up to it.

    Args:
        records: Method to the content of its `chosen.json`; methods without trials give no row.
        slots: Trials a round.

    Returns:
        Rows method, trial, round, slot (all from 1), objective, standard_error (None where training
        failed), best (None before the first success), corner (no noise: ERM), chosen.

    Raises:
        ValueError: A number of trials that is not a whole number of rounds.
    """
    rows = []
    for method, record in records.items():
        trials = record["trials"]
        if len(trials) % slots:
            raise ValueError(f"{method}: {len(trials)} trials are no whole rounds of {slots} slots")
        best = None
        for k, trial in enumerate(trials):
            objective = trial["objective"]
            if objective is not None:
                best = objective if best is None else max(best, objective)
            rows.append(
                {
                    "method": method,
                    "trial": k + 1,
                    "round": k // slots + 1,
                    "slot": k % slots + 1,
                    "objective": objective,
                    "standard_error": trial["standard_error"],
                    "best": best,
                    "corner": all(not np.any(value) for value in trial["parameters"].values()),
                    "chosen": _is_of(trial["parameters"], record["specification"]["layers"]),
                }
            )
    return rows


def _is_of(parameters: Mapping, layers: Sequence[Mapping]) -> bool:
    """Whether the specification's layers have these parameters."""
    return all(
        np.array_equal(np.broadcast_to(value, len(layers)), [layer[name] for layer in layers])
        for name, value in parameters.items()
    )


def searched_parameters(records: Mapping[str, Mapping], *, limits: Mapping[str, float]) -> list[dict]:
    """Each parameter's values as tried and as chosen.

    Args:
        records: Method to the content of its `chosen.json`; methods without trials give no row.
        limits: Method to its largest noise, as `search.limits` has it.

    Returns:
        Rows method, parameter, limit, kind (tried | chosen), trial (None for chosen), layer
        (from 1; None where one value is for all layers), value, share (value / limit).
    """
    rows = []
    for method, record in records.items():
        if not record["trials"]:
            continue
        layers = record["specification"]["layers"]
        for name in method_of(method).parameters:
            for trial, tried in enumerate(record["trials"], 1):
                rows += _values(method, name, limits[method], "tried", trial, tried["parameters"][name])
            chosen = [layer[name] for layer in layers]
            one = chosen[0] if len(set(chosen)) == 1 else chosen
            rows += _values(method, name, limits[method], "chosen", None, one)
    return rows


def _values(method: str, name: str, limit: float, kind: str, trial: int | None, value) -> list[dict]:
    several = isinstance(value, Sequence)
    return [
        {
            "method": method,
            "parameter": name,
            "limit": limit,
            "kind": kind,
            "trial": trial,
            "layer": layer if several else None,
            "value": float(entry),
            "share": float(entry) / limit,
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
