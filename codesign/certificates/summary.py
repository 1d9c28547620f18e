"""Certificates of many examples in a few rows: where anything is promised, and to how many."""

from collections.abc import Iterable, Mapping

import numpy as np

from codesign.schemas.certificate_summary import CERTIFICATE_SUMMARY

ORDER = ("published", "discrete", "smoothing", "programming", "accuracy")
"""Certificates as tables and figures list them."""
GROUP = ("experiment", "method", "network", "certificate", "profile", "usability", "scope")
SHARED = ("aim", "p_zero", "p_half", "width", "draws", "confidence", "ceiling", "changed", "distance")
"""Columns that all examples of a group have in common."""


def summarise_certificates(rows: Iterable[Mapping]) -> list[dict]:
    """One row a method, certificate, profile and scope, in the order they come.

    A row `smoothing` with a profile says how many examples have a radius that at least half of
    the drawn programmings on it stay within; their median distance counts as known. Where a level is
    programmed with a network of its own, the distance is that network's.

    Args:
        rows: Of `codesign.schemas.certificates.CERTIFICATES`.

    Returns:
        Rows of `codesign.schemas.certificate_summary.CERTIFICATE_SUMMARY`. A value that is undefined
        (Theorem 1 without zeros) has no median and no largest.

    Raises:
        ValueError: Examples of one group differ in what they should share.
    """
    groups: dict[tuple, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in GROUP), []).append(row)
    counts: dict[tuple, int] = {}
    for key, members in groups.items():
        network = key[:3]
        counts[network] = max(counts.get(network, 0), len(members))
    found = []
    for key, members in groups.items():
        first = members[0]
        differing = [name for name in SHARED if any(row[name] != first[name] for row in members)]
        if differing:
            raise ValueError(f"{' '.join(map(str, key))}: {', '.join(differing)} differ between examples")
        values = [row["value"] for row in members if row["value"] is not None]
        mean = first["certificate"] == "accuracy"
        found.append(
            dict.fromkeys(CERTIFICATE_SUMMARY.names)
            | dict(zip(GROUP, key, strict=True))
            | {name: first[name] for name in SHARED}
            | {
                "vacuous": all(row["vacuous"] for row in members),
                "n": counts[key[:3]],
                "share": None if mean else float(np.mean([not row["vacuous"] for row in members])),
                "estimate": float(np.mean([row["probability"] for row in members])),
                "median": float(np.median(values)) if values else None,
                "largest": float(np.max(values)) if values else None,
            }
        )
    return [*found, *_reached(found, groups)]


def _reached(found: Iterable[Mapping], groups: Mapping[tuple, list[Mapping]]) -> list[dict]:
    """Rows `smoothing` of every profile: radii against how far programmings move the weights."""
    radii = [row for row in found if row["certificate"] == "smoothing"]
    moves = [row for row in found if row["certificate"] == "accuracy"]
    rows = []
    for radius in radii:
        values = np.array([row["value"] for row in groups[tuple(radius[name] for name in GROUP)]])
        for move in moves:
            if any(move[name] != radius[name] for name in ("experiment", "method", "network")):
                continue
            share = float(np.mean((values > 0) & (values >= move["distance"])))
            on = ("profile", "usability", "changed", "distance")
            rows.append(radius | {name: move[name] for name in on} | {"share": share, "vacuous": share == 0})
    return rows
