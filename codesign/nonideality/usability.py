"""Usability: how good a device is for computing, from its two non-idealities, and back.

    U = eta * exp(-sigma)        0 <= U <= 1, and 1 only for a perfect device     (the paper, Eq. 5)

eta is how much of the operative range a device reaches without turning back, sigma how widely its
conductance scatters from cycle to cycle. This is the only place where the formula stands.

Source: arXiv 2412.02779, Eqs. 3 and 5. Eq. 5 is not legible in the available copies; this form is
the one that is consistent with the text and with the published values.
"""

import math
from collections.abc import Iterable

import numpy as np


def usability_of(eta, sigma):
    """U = eta exp(-sigma), of numbers or arrays.

    Args:
        eta: Non-monotonic factor, 0 ... 1.
        sigma: Standard deviation of ln G, >= 0; for the usability of a device its upper bound.

    >>> round(usability_of(0.8, 0.5), 6)
    0.485225
    >>> usability_of(1.0, 0.0)
    1.0
    """
    return eta * spread_factor(sigma)


def spread_factor(sigma):
    """exp(-sigma): what the spread alone leaves of usability, of a number or an array.

    >>> round(spread_factor(0.5), 6)
    0.606531
    """
    return math.exp(-sigma) if isinstance(sigma, float) else np.exp(-sigma)


def sigma_of(usability: float, eta: float) -> float:
    """sigma = ln(eta / U): the spread that brings a device of this eta to a usability.

    Below 0 where eta is smaller than U: no spread brings such a device so high.

    >>> round(sigma_of(usability=0.485225, eta=0.8), 4)
    0.5
    """
    return math.log(eta / usability)


def nonmonotonic_factor(length, branch_points: int, *, min_operative_fraction: float):
    """eta = min(1, l / l0) with l = LCIS length / branch points (the paper, Eq. 3).

    Args:
        length: Points in the LCIS, scalar or array.
        branch_points: Points on the branch, those in compliance included.
        min_operative_fraction: l0, the share of the branch that gives eta = 1.

    >>> nonmonotonic_factor([0, 7, 35, 80], 100, min_operative_fraction=0.35)
    array([0. , 0.2, 1. , 1. ])
    """
    return np.minimum(1.0, np.asarray(length) / branch_points / min_operative_fraction)


def length_of(eta: float, branch_points: int, *, min_operative_fraction: float) -> int:
    """The inverse of `nonmonotonic_factor`: LCIS length that gives at least eta, in whole points.

    Raises:
        ValueError: eta is not in (0, 1].

    >>> length_of(0.2, 100, min_operative_fraction=0.35), length_of(0.21, 100, min_operative_fraction=0.35)
    (7, 8)
    """
    if not 0 < eta <= 1:
        raise ValueError(f"eta must lie in (0, 1], got {eta}")
    return max(1, int(np.ceil(eta * min_operative_fraction * branch_points - 1e-9)))


def split(usability: float, *, eta_share: float) -> tuple[float, float]:
    """eta and sigma of a usability, along a trend: eta = U^share takes that share of -ln U, sigma the rest.

    Raises:
        ValueError: The usability is not in (0, 1].

    >>> eta, sigma = split(0.5, eta_share=0.25)
    >>> round(eta, 4), round(sigma, 4), round(usability_of(eta, sigma), 4)
    (0.8409, 0.5199, 0.5)
    """
    if not 0 < usability <= 1:
        raise ValueError(f"usability must lie in (0, 1], got {usability}")
    eta = usability**eta_share
    return eta, sigma_of(usability, eta)


def eta_share_of(devices: Iterable[tuple[float, float]]) -> float:
    """Share of -ln U that is -ln eta, over all devices together, kept in 0 ... 1.

    Args:
        devices: (usability, eta) of each, at least one of them with U < 1.

    >>> round(eta_share_of([(0.5, 0.5**0.25), (0.8, 0.8**0.25)]), 6)
    0.25
    """
    devices = list(devices)
    lost_eta = -sum(math.log(eta) for _, eta in devices)
    lost = -sum(math.log(usability) for usability, _ in devices)
    return max(0.0, min(1.0, lost_eta / lost))
