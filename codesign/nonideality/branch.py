"""The charging branch of a measurement: which samples count, before anything is fitted.

Compliance is masked cycle by cycle before anything else; then cycles that fail quality control are
dropped and named.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from codesign.iv.measurement import Measurement
from codesign.nonideality.alignment import Aligned, align
from codesign.nonideality.compliance import compliance_level
from codesign.nonideality.quality import Quality, judge_cycles


@dataclass(frozen=True)
class Extraction:
    """Settings of the extraction; meaning, unit and range in the configuration's schema."""

    branch: str
    compliance: str
    compliance_fraction: float
    tolerated_drops: int
    min_operative_fraction: float
    estimator: str
    confidence: float
    min_points: int
    min_cycles: int
    min_cycle_fraction: float
    quality: Quality | Mapping[str, float]
    bootstrap: int

    def __post_init__(self) -> None:
        if not isinstance(self.quality, Quality):
            object.__setattr__(self, "quality", Quality(**self.quality))
        for name, allowed in (
            ("branch", ("up", "positive")),
            ("compliance", ("mask", "keep")),
            ("estimator", ("mle", "robust")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name in ("compliance_fraction", "min_operative_fraction", "confidence", "min_cycle_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0 ... 1, got {getattr(self, name)}")
        for name, least in (("min_points", 3), ("min_cycles", 2), ("tolerated_drops", 0), ("bootstrap", 20)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class Branch:
    """The charging branch of a measurement: which samples count, before anything is fitted.

    Arrays of samples have shape (cycles used, branch points).
    """

    cycles: np.ndarray
    """Numbers of all cycles in the file, shape (n_cycles,)."""
    verdict: np.ndarray
    """The quality rule that drops each cycle, '' for a used one, shape (n_cycles,)."""
    v_max_v: float
    """Largest voltage of the branch over all cycles."""
    voltage: np.ndarray
    current: np.ndarray
    limited: np.ndarray
    """Samples in compliance."""
    positive: np.ndarray
    """Samples with a finite, positive current at a positive voltage."""
    usable: np.ndarray
    """Branch points with enough samples out of compliance, shape (branch points,)."""
    log_g: np.ndarray
    """ln of the conductance in siemens at samples that count, NaN elsewhere."""
    found: dict
    """Columns of `codesign.schemas.device.DEVICE` about compliance."""


def read_branch(measurement: Measurement, settings: Extraction) -> Branch | None:
    """Mask compliance, judge cycles, keep what counts; None where no voltage rises above zero.

    Args:
        measurement: One that was not refused.
        settings: Branch, compliance and quality rules.
    """
    cycles, voltage, current = measurement.grid()
    if measurement.metadata.kind == "pulse":
        points = min(measurement.metadata.branch_points or voltage.shape[1], voltage.shape[1])
        voltage, current = voltage[:, :points], current[:, :points]
        limited, found = np.zeros(current.shape, dtype=bool), {}
    else:
        sign = -1.0 if measurement.metadata.polarity == "negative" else 1.0
        sweeps = align(sign * voltage, sign * current, way_back=settings.branch == "positive")
        if sweeps is None:
            return None
        voltage, current = sweeps.voltage, sweeps.current  # (cycles, branch points)
        limited, found = _limited(measurement, sweeps, settings)
    verdict = judge_cycles(current, limited, settings.quality)
    used = verdict == ""
    v_max_v = float(np.nanmax(voltage))
    voltage, current, limited = voltage[used], current[used], limited[used]
    positive = np.isfinite(current) & (current > 0) & (voltage > 0)
    sample = positive & ~limited
    least = max(2, math.ceil(settings.min_cycle_fraction * used.sum()))
    usable = sample.sum(axis=0) >= least
    sample &= usable
    log_g = np.where(
        sample, np.log(np.where(sample, current, 1.0)) - np.log(np.where(sample, voltage, 1.0)), np.nan
    )
    return Branch(
        cycles=cycles,
        verdict=verdict,
        v_max_v=v_max_v,
        voltage=voltage,
        current=current,
        limited=limited,
        positive=positive,
        usable=usable,
        log_g=log_g,
        found=found,
    )


def pooled_log_ratio(measurement: Measurement, settings: Extraction) -> np.ndarray:
    """ln(G / mean curve) of every sample that counts, shape (n_samples,), cycle by cycle.

    The samples behind sigma: their root mean square is `sigma_mle`. Empty where no sample counts.
    """
    branch = None if measurement.metadata.status == "refused" else read_branch(measurement, settings)
    if branch is None or not branch.usable.any():
        return np.empty(0)
    log_ratio = branch.log_g - np.log(mean_curve(branch.log_g))
    return log_ratio[np.isfinite(log_ratio)]


def mean_curve(log_g: np.ndarray) -> np.ndarray:
    """Mean conductance over cycles, shape (n_points,); NaN where no sample."""
    sample = np.isfinite(log_g)
    total = np.where(sample, np.exp(np.where(sample, log_g, 0.0)), 0.0).sum(axis=0)
    count = sample.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _limited(measurement: Measurement, sweeps: Aligned, settings: Extraction) -> tuple[np.ndarray, dict]:
    """Samples of the branch in compliance, and the level with its source."""
    stated = measurement.metadata.compliance_a
    limit = compliance_level(sweeps.quadrant_a, stated, voltage_v=sweeps.quadrant_v)
    turned = "SET is on the negative side: voltage and current are turned"
    found = {
        "compliance_level_a": limit.level_a,
        "compliance_source": limit.source,
        "notes": joined(
            "; ".join(measurement.metadata.notes),
            turned if measurement.metadata.polarity == "negative" else "",
            *sweeps.notes,
            limit.note,
        ),
    }
    if limit.level_a is None or settings.compliance == "keep":
        return np.zeros(sweeps.current.shape, dtype=bool), found
    with np.errstate(invalid="ignore"):
        return sweeps.current >= limit.share(settings.compliance_fraction) * limit.level_a, found


def joined(*parts: str) -> str:
    """Notes as one text, empty ones left out."""
    return "; ".join(part for part in parts if part)
