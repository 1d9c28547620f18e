"""Does a reading predict? Fidelity, usability and others against scores on the devices themselves."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from codesign.evaluation.reading_titles import PROMINENT, TITLES
from codesign.evaluation.statistics import rank_correlation
from codesign.nonideality.usability import spread_factor, usability_of
from codesign.seeds import generator

VALUES: Mapping[str, Callable[[Mapping], float | None]] = {
    "fidelity": lambda row: row["fidelity"],
    "usability": lambda row: row["usability"],
    "reference": lambda row: row["usability_reference"],
    "spread": lambda row: spread_factor(row["sigma_upper"]),
    "spread-mle": lambda row: spread_factor(row["sigma_mle"]),
    "spread-robust": lambda row: spread_factor(row["sigma_robust"]),
    "robust": lambda row: usability_of(row["eta"], row["sigma_robust"]),
    "eta": lambda row: row["eta"],
}
READINGS = {name: (title, VALUES[name]) for name, title in TITLES.items()}
"""Name to title and value of a reading, from a row of `codesign.schemas.device.DEVICE`."""

NOISE = "resampled"
"""Ratios from the device's own cycles: no reading of sigma enters the accuracy."""


def predictions(
    devices: Iterable[Mapping],
    summary: Iterable[Mapping],
    *,
    methods: Sequence[str],
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[list[dict], list[dict]]:
    """Rank correlation of each reading with the mean score over devices, network by network.

    Args:
        devices: Rows of `codesign.schemas.device.DEVICE`.
        summary: Rows of `codesign.schemas.evaluation_summary.EVALUATION_SUMMARY`, any experiments;
            those without calibration count.
        methods: Training methods whose networks are scored. Of the first every reading is correlated, of the
            others those of `PROMINENT`.
        resamples: Bootstrap resamples of devices.
        confidence: Of the interval.
        seed: Root seed; every reading sees the same resamples of an experiment's devices.

    Returns:
        Correlations (experiment, method, noise, metric, reading, title, rho, low, high, n) and the points
        behind them (experiment, method, device, metric, aim, trainings, n programmings of each, score, std,
        and each reading). A network with fewer than 3 devices, or a reading without order, has none.
    """
    by_name = {row["device"]: row for row in devices if row["status"] == "ok"}
    scores: dict[tuple[str, str, str], list[Mapping]] = {}
    for row in summary:
        wanted = row["stands_for"] == "device" and row["noise"] == NOISE and row["method"] in methods
        wanted = wanted and row["calibration"] == "none"
        if wanted and row["profile"] in by_name:
            scores.setdefault((row["experiment"], row["method"], row["metric"]), []).append(row)
    correlations, points = [], []
    for (experiment, method, metric), rows in scores.items():
        for row in rows:
            values = {name: read(by_name[row["profile"]]) for name, (_, read) in READINGS.items()}
            points.append(
                {
                    "experiment": experiment,
                    "method": method,
                    "device": row["profile"],
                    "metric": metric,
                    **{name: row[name] for name in ("aim", "trainings", "n")},
                    "score": row["mean"],
                    "std": row["std"],
                    **values,
                }
            )
        for name, (title, read) in READINGS.items():
            if method != methods[0] and name not in PROMINENT:
                continue
            pairs = [(read(by_name[row["profile"]]), row["mean"]) for row in rows]
            x, y = np.array([pair for pair in pairs if pair[0] is not None], dtype=float).reshape(-1, 2).T
            if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
                continue
            found = rank_correlation(
                x, y, resamples=resamples, confidence=confidence, rng=generator(seed, "readings", experiment)
            )
            correlations.append(
                {
                    "experiment": experiment,
                    "method": method,
                    "noise": NOISE,
                    "metric": metric,
                    "reading": name,
                    "title": title,
                    **found._asdict(),
                }
            )
    return correlations, points
