"""Training noise in a caller's own training loop: the methods of the workflow, as a `with` block."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.methods import method_names, method_of
from codesign.bayesmulti.specification import method_spec
from codesign.interface.given import HoldError, without_values
from codesign.interface.holding import whole
from codesign.models.network import NetworkError, network_of
from codesign.seeds import derived_seed
from codesign.words import nearest

USUAL: Mapping[str, Mapping[str, float]] = {
    "bayesmulti": {"p_zero": 0.1, "p_half": 0.1},
    "bayesmulti-fixed": {"p_zero": 0.3, "p_half": 0.3},
    "dropout": {"rate": 0.1},
    "gaussian": {"std": 0.1},
    "lognormal": {"sigma": 0.3},
}
"""Parameters of a method where a caller gives none: moderate ones, and the fixed ones of `config.yaml`."""


def noisy(
    model: nn.Module,
    method: str = "bayesmulti",
    site: str = "weight",
    seed: int = 0,
    **parameters: float | Sequence[float],
) -> Injection:
    """A `with` block in which a model trains under noise; afterwards nothing of the noise is left.

    Each forward pass in training mode sees one noisy draw; in evaluation mode there is none. The parameters
    keep their identity and value, so that optimisers and `state_dict` notice nothing. Put one block around
    the whole training: a second block of the same seed draws the same noise again.

    Args:
        model: Any module with weight layers, where it is trained; on a GPU, move it there first.
        method: bayesmulti | bayesmulti-fixed | dropout | gaussian | lognormal | erm (no noise), or another
            file of `codesign.bayesmulti.methods`.
        site: `weight`: of all weights that are on memristors; `activation`: of the inputs of all layers with
            such weights but the first.
        seed: Of the draws.
        **parameters: Of the method, one number for all places or one each: `p_zero` and `p_half` (shares of
            zeros and halves), `rate`, `std` (over the largest weight) or `sigma`. Those that are left out
            are the usual ones (`USUAL`).

    Returns:
        A context manager (`codesign.bayesmulti.injection.Injection`); its `strengthen` brings noise in little
        by little.

    Raises:
        HoldError: The model has no weight layer, or method, site or a parameter is not possible; the message
            says what is.

    Source:
        The paper, Eq. 1 (`bayesmulti`); of the others see `codesign.bayesmulti.methods`.
    """
    seed = whole("seed", seed, least=-(2**63))
    if not isinstance(model, nn.Module):
        raise HoldError(f"model is {type(model).__name__}, not a torch.nn.Module")
    if name := without_values(model):
        raise HoldError(f"{name} has no values yet: load the weights, or run the model once")
    if method not in method_names():
        raise HoldError(
            f"no method {method!r}{nearest(method, method_names())}; there are {', '.join(method_names())}"
        )
    try:
        chosen, network = method_of(method), network_of(model)
        where = _site(method, chosen.sites, site)
        places = network.places(where)
        if not places and chosen.noise is not None:
            raise HoldError(
                f"{type(model).__name__} has no place for {where} noise: it needs layers with weights "
                "(linear, convolution, recurrent, attention), for activation noise two of them"
            )
        unknown = [name for name in parameters if name not in chosen.parameters]
        if unknown:
            takes = ", ".join(chosen.parameters) or "no parameters"
            raise HoldError(
                f"{method} has no parameter {unknown[0]}{nearest(unknown[0], chosen.parameters)}; it takes "
                f"{takes}"
            )
        asked = {**USUAL.get(method, {}), **parameters}
        spec = method_spec(method, asked, len(places), site=where)
        device = next(model.parameters()).device
        generator = torch.Generator(device).manual_seed(derived_seed(seed, "noisy"))
        return Injection(network, spec, generator)
    except (NoiseError, NetworkError) as error:
        raise HoldError(str(error)) from error


def _site(method: str, sites: Sequence[str], asked: str) -> str:
    if tuple(sites) == ("none",):
        return "none"
    if asked not in sites:
        raise HoldError(f"site of {method} must be {' or '.join(sites)}, got {asked!r}")
    return asked
