"""The virtual laboratory: cyclic I-V sweeps of a cell whose non-idealities are known.

An electrochemical-metallisation (ECM) cell, as the nanowire devices are: on the
way up the filament grows and conductance rises by decades, falling back in
non-monotonic stretches; at V_set it bridges and the source limits the current;
the way back is ohmic; on the negative side the filament dissolves at V_reset.
Cycle-to-cycle spread is log-normal about the mean curve and correlated along
the sweep over a few points. A constant called measured is a median over 43
devices, printed by `benchmarks/measured_sweeps.py FOLDER`; docs/virtual-laboratory.md
sets the other quantities of those devices beside those of virtual ones.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from codesign.iv.measurement import Measurement, Metadata

SET_FRACTION = 0.8
"""V_set / Vmax, measured: 0.80."""
RESET_FRACTION = 0.35
"""|V_reset| / Vmax, a choice: nothing in the extraction rests on the negative side."""
GROWTH_DECADES = 3.0
"""Decades that the rises below V_set add up to; the steps back leave 1.7 of them, measured: 1.9."""
DROP_LOG = 0.25
"""Fall of ln G where the filament steps back, a choice above the measured 0.15 so that few cycles show it."""
ON_FRACTION = 0.04
"""The bridged filament leaves compliance at this share of Vmax, measured: 0.04."""
CORRELATION_POINTS = 2.53
"""Length of the squared-exponential law of the spread along the sweep.

Its integrated length, sqrt(2 pi) times as long, is 6.3 points, as measured.
"""
FLOOR_A = 8.7e-11
"""Noise of the ammeter, standard deviation; measured step where the limit is 10 or 27 uA: 8.7e-11 A."""
LIMIT_NOISE = 7e-4
"""Relative scatter of the source's current limit, measured: 7e-4."""


@dataclass(frozen=True)
class VirtualLab:
    """How the virtual laboratory sweeps; meaning in the configuration's schema."""

    cycles: int
    points: int
    v_max_v: float
    compliance_a: float
    dead_cycle_fraction: float

    def __post_init__(self) -> None:
        if self.cycles < 3 or self.points < 20:
            raise ValueError(f"need at least 3 cycles of 20 points, got {self.cycles} of {self.points}")
        if self.v_max_v <= 0 or self.compliance_a <= 0 or not 0 <= self.dead_cycle_fraction <= 0.5:
            raise ValueError(f"{self}: a value is out of range")


def sigma_of_cells(sigma: float) -> float:
    """Log-normal width s of a cell whose log ratios to the *mean* curve have root mean square sigma.

    G = mean exp(s z - s^2 / 2) has mean `mean`, and ln(G / mean) has mean square
    s^2 + s^4 / 4, so s^2 = 2 (sqrt(1 + sigma^2) - 1).

    >>> round(sigma_of_cells(0.1), 3), round(sigma_of_cells(1.0), 3)
    (0.1, 0.91)
    """
    return float(np.sqrt(2 * (np.sqrt(1 + sigma**2) - 1)))


def mean_log_curve(window: int, free_points: int, *, tolerated_drops: int) -> np.ndarray:
    """ln G of the growing filament, shape (free_points,), up to a constant.

    Rises everywhere but at steps back, placed so that the longest stretch with
    at most `tolerated_drops` of them has exactly `window` points (or all points
    where `window` is not smaller).
    """
    rise = GROWTH_DECADES * np.log(10) / free_points
    steps = np.full(free_points, rise)
    if window < free_points:
        parts = tolerated_drops + 1
        short = max(1, window // parts)
        longest = max(1, window - tolerated_drops * short)
        lengths = []
        while sum(lengths) < free_points:
            # every run of `parts` neighbours holds one long segment: the longest stretch is `window`
            lengths.append(longest if len(lengths) % parts == 0 else short)
        drops = np.cumsum(lengths)
        drops = drops[drops < free_points]
        steps[drops] = -DROP_LOG
    return np.cumsum(steps)


@lru_cache(maxsize=8)
def _correlated(points: int) -> np.ndarray:
    distance = np.arange(points)[:, None] - np.arange(points)[None, :]
    covariance = np.exp(-0.5 * (distance / CORRELATION_POINTS) ** 2) + 1e-6 * np.eye(points)
    return np.linalg.cholesky(covariance)


def make_device(
    device: str,
    conditions: dict,
    *,
    window: int,
    sigma: float,
    tolerated_drops: int,
    settings: VirtualLab,
    rng: np.random.Generator,
    truth: dict,
) -> Measurement:
    """Sweep one virtual device.

    Args:
        device: Device id.
        conditions: The five fabrication variables.
        window: LCIS of the noise-free curve, in points of the branch.
        sigma: Root mean square of ln(G / mean curve).
        tolerated_drops: Reading of the LCIS that `window` refers to.
        settings: The sweep.
        rng: Draws spread, dead cycles and noise.
        truth: Hidden values, kept under the metadata's `extra`.

    Returns:
        A measurement labelled `virtual`.
    """
    n = settings.points - 1  # points with V > 0 on the way up
    up = np.linspace(0.0, settings.v_max_v, settings.points)
    voltage = np.concatenate([up, up[-2::-1], -up[1:], -up[-2::-1]])
    free = max(int(SET_FRACTION * n), min(n, window))
    s = sigma_of_cells(sigma)
    curve = mean_log_curve(window, free, tolerated_drops=tolerated_drops)
    # three widths below the limit, so that spread does not run into compliance
    top = np.log(settings.compliance_a / settings.v_max_v) - 3 * s - 0.5
    log_mean = curve - curve.max() + top
    z = rng.standard_normal((settings.cycles, n)) @ _correlated(n).T
    spread = s * z - s * s / 2
    grown = np.exp(log_mean[None, :] + spread[:, :free]) * up[1 : free + 1]
    on = settings.compliance_a / (ON_FRACTION * settings.v_max_v) * np.exp(spread.mean(axis=1) / 4)
    limit = settings.compliance_a * (1 + LIMIT_NOISE * rng.standard_normal((settings.cycles, voltage.size)))
    current = on[:, None] * voltage[None, :]
    current[:, 0] = 0.0
    current[:, 1 : free + 1] = grown
    off = np.exp(log_mean[0])
    reset = (voltage < 0) & (np.arange(voltage.size) >= 2 * n + RESET_FRACTION * n)
    current[:, reset] = off * voltage[reset]
    current = np.where(np.abs(current) > limit, np.sign(current) * limit, current)
    dead = rng.random(settings.cycles) < settings.dead_cycle_fraction
    current[dead] = 0.0
    current = current + FLOOR_A * rng.standard_normal(current.shape)
    metadata = Metadata(
        device=device,
        origin="virtual",
        instrument="virtual laboratory",
        compliance_a=settings.compliance_a,
        extra={"hidden": truth, "dead_cycles": [int(k) + 1 for k in np.flatnonzero(dead)]},
        **conditions,
    )
    return Measurement.from_grid(
        metadata, cycles=np.arange(1, settings.cycles + 1), voltage=voltage, current=current
    )
