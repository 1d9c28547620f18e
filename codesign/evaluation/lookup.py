"""Scores against fidelity: one curve for levels and devices, and a device read off it without simulating."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

DEVICE_NOISE = "resampled"
"""Programming noise of devices that curves are held against: ratios of their own cycles."""


class ReadOffError(ValueError):
    """A score cannot be read off; the message says why."""


class Curve(NamedTuple):
    """A monotone curve of scores against fidelity."""

    fidelity: np.ndarray
    """Rising, shape (n,), n >= 2."""
    score: np.ndarray
    """Monotone, shape (n,)."""

    def at(self, fidelity):
        """Scores at fidelities, straight between its points; beyond its ends those of the ends."""
        return np.interp(fidelity, self.fidelity, self.score)


class Agreement(NamedTuple):
    """How well one curve tells the scores of levels and devices."""

    explained: float
    """Share of the variance of all scores that one monotone curve explains; NaN where none varies."""
    rms: float
    """Root mean square error of devices read off the curve of the levels; NaN without devices."""
    levels: int
    devices: int


class Prediction(NamedTuple):
    """The score of a device, read off the curve of the levels."""

    score: float
    low: float
    high: float
    rms: float | None
    """Root mean square error of the other devices read off the same curve; None below 3 of them."""
    devices: int
    """Those other devices."""
    beyond: bool
    """The device's fidelity is outside the levels': the score is that of the last level."""


def monotone(fidelity: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The monotone values nearest to scores in least squares (isotonic regression).

    Whether they rise or fall with fidelity is what fits better.

    Args:
        fidelity: Shape (n,), any order; scores at one fidelity share one value.
        score: Shape (n,).

    Returns:
        Shape (n,), in the order given.
    """
    _, place, count = np.unique(fidelity, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=score) / count
    fits = [isotonic_regression(mean, weights=count, increasing=up).x for up in (True, False)]
    best = min(fits, key=lambda fit: float((count * (fit - mean) ** 2).sum()))
    return best[place]


def curve_of_levels(rows: Iterable[Mapping]) -> Curve:
    """The curve of the synthetic levels of one network and metric.

    Args:
        rows: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY` on levels.

    Raises:
        ReadOffError: Fewer than 2 levels have a fidelity.
    """
    known = [row for row in rows if row["stands_for"] == "level" and row["fidelity"] is not None]
    x, y = _columns(known)
    order = np.argsort(x, kind="stable")
    x, y = x[order], monotone(x, y)[order]
    if np.unique(x).size < 2:
        raise ReadOffError(f"{np.unique(x).size} level(s) with a fidelity: a curve needs 2")
    first = np.concatenate([[True], np.diff(x) > 0])
    return Curve(x[first], y[first])


def agreement(levels: Iterable[Mapping], devices: Iterable[Mapping]) -> Agreement:
    """How well one curve on fidelity tells the scores of levels and devices.

    Args:
        levels: Summary rows of one network and metric on levels.
        devices: Summary rows of the same network and metric on devices, of one kind of noise.
    """
    levels, devices = list(levels), [row for row in devices if row["fidelity"] is not None]
    x, y = _columns([*(row for row in levels if row["fidelity"] is not None), *devices])
    spread = float(((y - y.mean()) ** 2).sum()) if y.size else 0.0
    explained = 1 - float(((y - monotone(x, y)) ** 2).sum()) / spread if spread > 0 else math.nan
    return Agreement(explained, rms_error(curve_of_levels(levels), devices), len(levels), len(devices))


def rms_error(curve: Curve, devices: Iterable[Mapping]) -> float:
    """Root mean square of a device's score less what the curve says; NaN without devices."""
    x, y = _columns([row for row in devices if row["fidelity"] is not None])
    return float(np.sqrt(np.mean((curve.at(x) - y) ** 2))) if x.size else math.nan


def predict(
    device: Mapping, levels: Iterable[Mapping], devices: Iterable[Mapping], *, confidence: float
) -> Prediction:
    """The score of a device read off the curve of the levels, with an interval.

    The interval is what the interval of the device's fidelity covers on the curve, and in quadrature what
    the curve errs by on the other devices. It may reach beyond what a score can be.

    Args:
        device: A row of `codesign.schemas.device.DEVICE` with a fidelity.
        levels: Summary rows of one network and metric on levels.
        devices: Summary rows of the same network and metric on devices, of one kind of noise; this one among
            them does not count.
        confidence: Of the interval, in (0, 1); that of the fidelity's interval.

    Raises:
        ReadOffError: The device has no fidelity, or there are fewer than 2 levels.
    """
    if device["fidelity"] is None:
        said = device["reason"] or "its row was made without; extract it again"
        raise ReadOffError(f"device {device['device']} has no fidelity: {said}")
    curve = curve_of_levels(levels)
    others = [row for row in devices if row["profile"] != device["device"] and row["fidelity"] is not None]
    rms = rms_error(curve, others) if len(others) >= 3 else None
    score = float(curve.at(device["fidelity"]))
    ends = sorted(float(curve.at(device[name])) for name in ("fidelity_low", "fidelity_high"))
    wide = float(ndtri(0.5 + confidence / 2)) * (rms or 0.0)
    return Prediction(
        score=score,
        low=score - math.hypot(score - ends[0], wide),
        high=score + math.hypot(ends[1] - score, wide),
        rms=rms,
        devices=len(others),
        beyond=not curve.fidelity[0] <= device["fidelity"] <= curve.fidelity[-1],
    )


def _columns(rows: list[Mapping]) -> tuple[np.ndarray, np.ndarray]:
    """Fidelity and mean score of rows, each of shape (n,)."""
    pairs = np.array([(row["fidelity"], row["mean"]) for row in rows], dtype=float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
