"""One measurement to one device row: conductance, LCIS, spread, usability with interval.

What counts is decided before anything is fitted (`codesign.nonideality.branch`).
"""

import json
import math
from dataclasses import replace

import numpy as np

from codesign.iv.measurement import Measurement
from codesign.iv.plausible import without_implausible
from codesign.iv.signs import TURN_CURRENT, wrong_side
from codesign.nonideality.branch import Extraction, joined, mean_curve, read_branch
from codesign.nonideality.curve import curve_segments
from codesign.nonideality.fidelity import draw_columns, fidelity, resampled_factors
from codesign.nonideality.lcis import Window, longest_increasing_window, operative_window
from codesign.nonideality.profiling import held_conductance, normalised_curve
from codesign.nonideality.quality import LOST, RULES
from codesign.nonideality.reference import reference_usability
from codesign.nonideality.resampling import fidelity_of_resamples, reflected_interval, resample_cycles
from codesign.nonideality.spread import autocorrelation_points, sigma_mle, sigma_robust, sigma_upper
from codesign.nonideality.usability import nonmonotonic_factor, usability_of
from codesign.schemas.conditions import CONDITION_COLUMNS
from codesign.schemas.device import DEVICE

REMEDIES = {
    "nan": "nothing was recorded there; look for gaps in the file, or measure more cycles",
    "open": "the cell hardly conducts in them; look at its contact, or measure more cycles",
    "flipped": TURN_CURRENT,
    "shorted": "the compliance current is reached at once: raise it",
}
"""What to do where a quality rule leaves too few cycles."""
BAND = (0.05, 0.95)
"""Quantiles over cycles that a device figure shows as a band."""


def extract(measurement: Measurement, settings: Extraction, rng: np.random.Generator) -> dict:
    """Extract the row of one device.

    Args:
        measurement: Sweeps or a pulse series; a refused one gives a refused row.
        settings: How.
        rng: Draws the bootstrap resamples of cycles.

    Returns:
        Every column of `codesign.schemas.device.DEVICE`. Status `ok` with a usability,
        or `no_usability` / `refused` with a reason; never raises for what a
        measurement can hold.
    """
    metadata = without_implausible(measurement.metadata)
    if metadata is not measurement.metadata:
        measurement = replace(measurement, metadata=metadata)
    row = _blank_row(measurement)
    if measurement.metadata.status == "refused":
        return row | {"status": "refused", "reason": measurement.metadata.reason}
    branch = read_branch(measurement, settings)
    if branch is None:
        return row | _without("no branch", _why_no_branch(measurement))
    row |= _reference_columns(measurement)
    row |= branch.found
    row |= _quality_columns(branch.cycles, branch.verdict)
    used, usable, log_g = branch.verdict == "", branch.usable, branch.log_g
    row |= {
        "v_max_v": branch.v_max_v,
        "branch_points": int(usable.size),
        "masked_fraction": _share(branch.limited, np.isfinite(branch.current)),
    }
    dark = int((np.isfinite(branch.current) & (branch.current <= 0)).sum())
    if dark:
        row["notes"] = joined(row["notes"], f"{dark} samples without positive current are not used")
    row |= _curve_columns(branch.voltage, branch.current, branch.positive, usable, log_g)
    if used.sum() < settings.min_cycles:
        cause = "lost cycles" if _lost(row, settings) else "few cycles"
        return row | _without(cause, _why_few_cycles(row, settings))
    if usable.sum() < settings.min_points:
        return row | _without("few points", _why_few_points(row, settings))
    return row | _fitted_columns(log_g, usable, settings, rng)


def _blank_row(measurement: Measurement) -> dict:
    metadata = measurement.metadata
    row = dict.fromkeys(DEVICE.names)
    same = [
        *("device", "origin", "kind", *CONDITION_COLUMNS, "contact", "measured_at", "instrument"),
        *("source_file", "source_sha256", "compliance_a"),
    ]
    row |= {name: getattr(metadata, name) for name in same}
    other = dict(metadata.conditions)
    return row | {
        "conditions": json.dumps(other, sort_keys=True, ensure_ascii=False) if other else "",
        "status": "ok",
        "reason": "",
        "notes": "; ".join(metadata.notes),
        "compliance_source": "none",
        "cycles_dropped": "",
    }


def _without(cause: str, reason: str) -> dict:
    return {"status": "no_usability", "cause": cause, "reason": reason}


def _lost(row: dict, settings: Extraction) -> bool:
    """Whether too few cycles are left because the device lost them, not because few were recorded.

    Most dropped cycles are lost, and with them there would be enough, or without them there is none.
    """
    lost = sum(row[f"cycles_{rule}"] for rule in LOST)
    enough = row["cycles_used"] + lost >= settings.min_cycles or row["cycles_used"] == 0
    return lost > row["cycles_nan"] and enough


def _why_no_branch(measurement: Measurement) -> str:
    wrong = wrong_side(measurement.voltage, measurement.metadata.polarity)
    if wrong:
        return f"{wrong[0]}: there is no charging branch to read; {wrong[1]}"
    return (
        "the voltage never rises on the charging side: there is no charging branch to read; sweep from 0 V "
        "to the largest voltage"
    )


def _why_few_cycles(row: dict, settings: Extraction) -> str:
    """Which of the causes it is: the rule that dropped most cycles, or that there are too few at all."""
    lost = {rule: row[f"cycles_{rule}"] for rule in RULES if row[f"cycles_{rule}"]}
    remedies = [REMEDIES[max(lost, key=lost.get)]] if lost else []
    if row["cycles"] < settings.min_cycles:
        remedies.append("measure more cycles")
    counts = ", ".join(f"{count} {rule}" for rule, count in lost.items())
    dropped = f" ({counts} of {row['cycles']})" if counts else ""
    found = f"{row['cycles_used']} usable cycle(s), {settings.min_cycles} needed{dropped}"
    return f"{found}: {'; '.join(remedies)}"


def _why_few_points(row: dict, settings: Extraction) -> str:
    """Too few steps, compliance, or points that too few cycles have."""
    found = f"{row['usable_points']} usable points of {row['branch_points']}, {settings.min_points} needed: "
    if row["branch_points"] < settings.min_points:
        return found + "the way up to the largest voltage has too few steps; use smaller ones"
    if row["masked_fraction"] > 0:
        return (
            f"{found}{row['masked_fraction']:.0%} of the branch is in compliance; raise the compliance "
            "current or use smaller voltage steps"
        )
    return found + "too few cycles have a positive current at the others; measure more cycles that reach them"


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    total = int(whole.sum())
    return float((part & whole).sum() / total) if total else 0.0


def _reference_columns(measurement: Measurement) -> dict:
    if measurement.metadata.kind == "pulse":
        return {}
    _, voltage, current = measurement.grid()
    usability, eta, sigma = reference_usability(voltage, current)
    found = {"usability_reference": usability, "eta_reference": eta, "sigma_reference": sigma}
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def _quality_columns(cycles: np.ndarray, verdict: np.ndarray) -> dict:
    dropped = [f"{cycle}: {rule}" for cycle, rule in zip(cycles, verdict, strict=True) if rule]
    return {
        "cycles": int(cycles.size),
        "cycles_used": int((verdict == "").sum()),
        **{f"cycles_{rule}": int((verdict == rule).sum()) for rule in RULES},
        "cycles_dropped": "; ".join(dropped),
    }


def _curve_columns(voltage, current, positive, usable, log_g) -> dict:
    """Mean curve over usable samples; elsewhere over everything recorded, so that a figure shows it all."""
    seen = positive.sum(axis=0)
    safe_voltage = np.where(voltage > 0, voltage, np.nan)
    conductance = np.where(positive, current / safe_voltage, np.nan)
    empty = seen == 0
    raw_mean = np.where(empty, np.nan, np.nansum(conductance, axis=0) / np.maximum(seen, 1))
    mean = np.where(usable, mean_curve(log_g), raw_mean)
    low, high = np.full(mean.size, np.nan), np.full(mean.size, np.nan)
    if not empty.all():
        ordered = np.sort(conductance, axis=0)  # NaN last
        for quantile, target in zip(BAND, (low, high), strict=True):
            position = quantile * np.maximum(seen - 1, 0)
            floor = position.astype(int)
            ceiling = np.minimum(floor + 1, np.maximum(seen - 1, 0))
            columns = np.arange(mean.size)
            below, above = ordered[floor, columns], ordered[ceiling, columns]
            target[:] = below + (position - floor) * (above - below)
    finite = np.isfinite(voltage)
    mean_voltage = np.where(finite, voltage, 0.0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    return {
        "usable_points": int(usable.sum()),
        "voltage_v": mean_voltage.tolist(),
        "conductance_s": _listed(mean),
        "conductance_low_s": _listed(low),
        "conductance_high_s": _listed(high),
        "usable": usable.tolist(),
    }


def _listed(values: np.ndarray) -> list:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _fitted_columns(log_g: np.ndarray, usable: np.ndarray, settings: Extraction, rng) -> dict:
    branch_points = usable.size
    mean = mean_curve(log_g)
    log_ratio = log_g - np.log(mean)
    samples = int(np.isfinite(log_ratio).sum())
    tau = autocorrelation_points(log_ratio)
    effective = samples / tau
    mle, robust = sigma_mle(log_ratio), sigma_robust(log_g)
    sigma = mle if settings.estimator == "mle" else robust
    upper = float(sigma_upper(sigma, effective, confidence=settings.confidence))
    starts, lengths = longest_increasing_window(mean[None], usable, tolerated_drops=settings.tolerated_drops)
    start, length = int(starts[0]), int(lengths[0])
    eta = float(
        nonmonotonic_factor(length, branch_points, min_operative_fraction=settings.min_operative_fraction)
    )
    usability = usability_of(eta, upper)
    resamples = resample_cycles(log_g, usable, settings, rng, autocorrelation=tau)
    window = operative_window(start, branch_points, min_operative_fraction=settings.min_operative_fraction)
    stretch = mean[window.stretch]
    curve = normalised_curve(held_conductance(stretch, usable[window.stretch]), window, Window(start, length))
    columns = draw_columns(rng)
    ratios = np.exp(log_ratio[np.isfinite(log_ratio)])
    kept = fidelity(curve_segments(*curve, "relative"), resampled_factors(ratios, columns), columns)
    *others, own = fidelity_of_resamples(resamples.with_all(log_g, start, length), log_g, usable, settings)
    stretch = stretch[np.isfinite(stretch)]
    return {
        "lcis_start": start,
        "lcis_length": length,
        "lcis_fraction": length / branch_points,
        "eta": eta,
        "sigma_mle": mle,
        "sigma_robust": robust,
        "sigma": sigma,
        "samples": samples,
        "autocorrelation_points": tau,
        "samples_effective": effective,
        "sigma_upper_n": float(sigma_upper(sigma, samples, confidence=settings.confidence)),
        "sigma_upper": upper,
        "usability": usability,
        **_interval("usability", usability, resamples.usability, settings.confidence),
        "fidelity": kept,
        **_fidelity_interval(kept, np.array(others) - own, settings.confidence),
        "g_min_s": float(stretch.min()) if stretch.size else None,
        "g_max_s": float(stretch.max()) if stretch.size else None,
    }


def _interval(name: str, estimate: float, resampled: np.ndarray, confidence: float) -> dict:
    """Percentile interval of a bootstrap, which always holds the estimate itself."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return {
        f"{name}_low": float(min(low, estimate)),
        f"{name}_high": float(max(high, estimate)),
        f"{name}_std": float(resampled.std(ddof=1)),
    }


def _fidelity_interval(estimate: float, change: np.ndarray, confidence: float) -> dict:
    """Interval of a fidelity, which always holds the estimate itself.

    Args:
        estimate: From draws.
        change: What resampled cycles change of it, computed without draws, shape (resamples,).
        confidence: Of the interval.
    """
    resampled = np.clip(estimate + change, 0.0, 1.0)
    low, high = reflected_interval(estimate, resampled, confidence=confidence)
    return {
        "fidelity_low": min(low, estimate),
        "fidelity_high": max(high, estimate),
        "fidelity_std": float(resampled.std(ddof=1)),
    }
