"""Every device with its usability, best first; a device without one with the reason."""

from collections import Counter
from collections.abc import Mapping, Sequence

from codesign.iv.discovery import same_source
from codesign.labels import Called, called
from codesign.pages.conditions import condition_cells, condition_columns
from codesign.pages.html import Column, badge, escaped, page, table, with_id
from codesign.variables import PAPER, Variables

BEST = 5
"""Devices that the front page shows."""
READINGS = (
    Column("usability", "number"),
    Column("its interval", "number"),
    Column("fidelity", "number"),
    Column("its interval", "number"),
    Column("η", "number"),
    Column("σ, upper bound", "number"),
    Column("cycles used", "number"),
)
STATUS = {"ok": "with a usability", "no_usability": "without", "refused": "refused"}


def usability_page(rows: Sequence[Mapping], *, confidence: float, variables: Variables = PAPER) -> str:
    """The page.

    Args:
        rows: Rows of `DEVICE`, of one origin, with a key for each variable.
        confidence: Of the usability interval and of the upper bound on the spread.
        variables: What the laboratory varies.

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
    kept = "Fidelity, what a column of weights keeps of its direction, predicts how networks do on a device. "
    kept += f"{confidence:.0%} intervals over a device's own cycles; a device made alike may differ by more."
    copies = same_source({row["device"]: row["source_sha256"] for row in rows})
    names = called(rows, variables)
    short = (Column("rank", "number"), Column("device"), *READINGS)
    columns = (Column("rank", "number"), *condition_columns(variables), *READINGS, Column("id", "id"))
    front = [
        f"<p>{badge(origins[0])}</p>",
        f"<p>{len(rows)} devices: {escaped(said)}.</p>",
        f'<p class="warning">{escaped(_said_of(copies))}</p>' if copies else "",
        f"<p>The best {min(BEST, len(ranked))}:</p>" if ranked else "",
        table(short, [_named(row, names[row["device"]]) for row in ranked[:BEST]], name="best-devices")
        if ranked
        else "",
        f'<p class="small">{escaped(kept)}</p>',
    ]
    every = [
        [rank, *condition_cells(row, variables), *_readings(row), row["device"]]
        for rank, row in enumerate(ranked, start=1)
    ]
    rest = ["<h2>Every device, best first</h2>", table(columns, every, name="devices")]
    if copies:
        columns = (Column("devices"), Column("sha256 of the instrument file", "code"))
        digest = {row["device"]: row["source_sha256"] for row in rows}
        cells = [[", ".join(group), digest[group[0]]] for group in copies]
        rest += ["<h2>One measurement, several devices</h2>", table(columns, cells, name="copies")]
    if others:
        columns = (Column("device"), Column("status"), Column("reason"), Column("notes"))
        cells = [[row[name] for name in ("device", "status", "reason", "notes")] for row in others]
        rest += ["<h2>Devices without usability</h2>", table(columns, cells, name="without-usability")]
    return page("How usable the devices are", front=front, rest=rest)


def _said_of(copies: Sequence[Sequence[str]]) -> str:
    """Which devices are one measurement, the first group by name."""
    more = f" So do {len(copies) - 1} more groups (below)." if len(copies) > 1 else ""
    return (
        f"{', '.join(copies[0])} come from instrument files with one content, so that one measurement counts "
        f"as {len(copies[0])} devices: was a file renamed after its import?{more} "
        "python -m codesign.iv check data/iv says which file to remove."
    )


def _named(row: Mapping, name: Called) -> list:
    return [name.rank, with_id(name.label, row["device"]), *_readings(row)]


def _readings(row: Mapping) -> list:
    return [
        _number(row["usability"], ".3f"),
        f"{_number(row['usability_low'], '.3f')} to {_number(row['usability_high'], '.3f')}",
        _number(row["fidelity"], ".3f"),
        f"{_number(row['fidelity_low'], '.3f')} to {_number(row['fidelity_high'], '.3f')}",
        _number(row["eta"], ".3f"),
        _number(row["sigma_upper"], ".3f"),
        f"{row['cycles_used']} of {row['cycles']}",
    ]


def _number(value: float | None, spec: str) -> str:
    return "–" if value is None else format(value, spec)
