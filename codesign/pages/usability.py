"""Every device with its usability, best first; a device without one with the reason."""

from collections import Counter
from collections.abc import Mapping, Sequence

from codesign.pages.html import Column, badge, escaped, formula, page, table

BEST = 5
"""Devices that the front page shows."""
COLUMNS = (
    Column("device"),
    Column("perovskite"),
    Column("length / µm", "number"),
    Column("diameter / nm", "number"),
    Column("Pb / min", "number"),
    Column("Ag / nm", "number"),
    Column("usability", "number"),
    Column("interval", "number"),
    Column("η", "number"),
    Column("σ, upper bound", "number"),
    Column("cycles used", "number"),
)
STATUS = {"ok": "with a usability", "no_usability": "without", "refused": "refused"}


def usability_page(rows: Sequence[Mapping], *, confidence: float) -> str:
    """The page.

    Args:
        rows: Rows of `DEVICE`, of one origin.
        confidence: Of the usability interval and of the upper bound on the spread.

    Raises:
        ValueError: There is no row, or measured and virtual devices meet.
    """
    origins = sorted({row["origin"] for row in rows})
    if len(origins) != 1:
        raise ValueError(f"one page shows devices of one origin, not of {', '.join(origins) or 'none'}")
    ranked = sorted(
        (row for row in rows if row["status"] == "ok"), key=lambda row: (-row["usability"], row["device"])
    )
    others = sorted((row for row in rows if row["status"] != "ok"), key=lambda row: row["device"])
    counts = Counter(row["status"] for row in rows)
    said = ", ".join(f"{counts[status]} {words}" for status, words in STATUS.items() if counts[status])
    kept = f"{confidence:.0%} intervals over a device's own cycles; a device made alike may differ by more."
    front = [
        f"<p>{badge(origins[0])}</p>",
        f"<p>{len(rows)} devices: {escaped(said)}.</p>",
        f"<p>The best {min(BEST, len(ranked))}:</p>" if ranked else "",
        table(COLUMNS, [_cells(row) for row in ranked[:BEST]], name="best-devices") if ranked else "",
        f'<p class="small">{escaped(kept)}</p>',
    ]
    rest = ["<h2>Every device, best first</h2>", table(COLUMNS, map(_cells, ranked), name="devices")]
    if others:
        columns = (Column("device"), Column("status"), Column("reason"), Column("notes"))
        cells = [[row[name] for name in ("device", "status", "reason", "notes")] for row in others]
        rest += ["<h2>Devices without usability</h2>", table(columns, cells, name="without-usability")]
    return page("How usable the devices are", front=front, rest=rest)


def _cells(row: Mapping) -> list:
    return [
        row["device"],
        formula(row["perovskite"]),
        *(_number(row[name], "g") for name in ("length_um", "diameter_nm", "pb_min", "ag_nm")),
        _number(row["usability"], ".3f"),
        f"{_number(row['usability_low'], '.3f')} to {_number(row['usability_high'], '.3f')}",
        _number(row["eta"], ".3f"),
        _number(row["sigma_upper"], ".3f"),
        f"{row['cycles_used']} of {row['cycles']}",
    ]


def _number(value: float | None, spec: str) -> str:
    return "–" if value is None else format(value, spec)
