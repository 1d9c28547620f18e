"""Where the repetitions of a pulse series begin, and where potentiation ends in each."""

from collections.abc import Mapping

import numpy as np

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import listing
from codesign.iv.importers.table import Table

PHASES = {
    **dict.fromkeys(("p", "pot", "potentiation", "potentiate", "ltp", "up", "set", "+", "+1", "1", "pos",
                     "positive"), True),
    **dict.fromkeys(("d", "dep", "depression", "depress", "ltd", "down", "reset", "-", "-1", "0", "neg",
                     "negative"), False),
}  # fmt: skip
"""Words of a phase column: whether they mean potentiation."""
NAMED_PHASE = ("phase", "ltp")
"""Beginnings of names of a column that is a phase, whatever words it holds."""
CLEAR = 0.5
"""Rank correlation with the pulse number from which on a run of pulses rises, or falls by its negative."""


def repetitions_of(
    values: np.ndarray,
    table: Table,
    found: Mapping[str, int],
    settings: Mapping,
    notes: list[str],
    *,
    name: str,
    stated: bool = False,
) -> tuple[list[np.ndarray], int]:
    """Repetitions, and the points of potentiation that each begins with.

    A phase column says both. Else a cycle column, or pulse numbers that begin again, part the repetitions;
    where the numbers begin again at depression, too, or count down in it, two such runs are one repetition.

    Args:
        values: Conductances in siemens, NaN where not recorded, shape (n,).
        table: The file.
        found: Columns by quantity.
        settings: `pulse` of the sidecar.
        notes: Gets what was done.
        name: Column of the conductances, for errors.
        stated: Whether the sidecar names the phase column; else a column `type` or `direction` of other words
            is none.

    Raises:
        ImportRefused: Repetitions differ in length, or it cannot be told where potentiation ends.
    """
    points = settings.get("potentiation_points")
    if "phase" in found and "cycle" not in found and points is None:
        named = table.header[found["phase"]].lower().startswith(NAMED_PHASE)
        if named or stated or all(_word(cell) in PHASES for cell in table.columns[found["phase"]]):
            return _by_phase(values, table, found["phase"], notes)
    runs, counter = _runs(values, table, found)
    if counter is not None and "cycle" not in found and len(runs) > 1:
        runs, turn = _paired(runs, notes, stated=points is not None, where=f"column {table.name(counter)}")
        points = turn if points is None else points
    if len({run.size for run in runs}) > 1:
        raise ImportRefused(
            f"the {len(runs)} repetitions differ in length ({listing(run.size for run in runs)})",
            where=f"column {table.name(counter)}",
            remedy="complete or remove the incomplete repetition",
        )
    if points is not None:
        if points > runs[0].size:
            raise ImportRefused(
                f"{points} potentiation points, but a repetition has {runs[0].size}",
                where="sidecar, pulse.potentiation_points",
                remedy="give the number of potentiating pulses of one repetition",
            )
        return runs, points
    if not np.isfinite(values).all():
        raise ImportRefused(
            "conductances are missing, so the end of potentiation cannot be told",
            where=f"column {name}",
            remedy="write pulse: {potentiation_points: N} into the sidecar",
        )
    notes.append(
        "potentiation taken to end at the largest mean conductance (pulse.potentiation_points sets it)"
    )
    return runs, int(np.argmax(np.mean(runs, axis=0))) + 1


def _runs(values: np.ndarray, table: Table, found: Mapping[str, int]) -> tuple[list[np.ndarray], int | None]:
    """Runs of pulses that a counter parts, and the counter's column."""
    counter = next((found[quantity] for quantity in ("cycle", "pulse") if quantity in found), None)
    if counter is None:
        return [values], None
    steps = np.diff(table.numbers(counter))
    if "cycle" in found:
        return np.split(values, np.flatnonzero(steps != 0) + 1), counter
    down = steps < 0
    if down.mean() <= 0.25:  # numbers begin again
        return np.split(values, np.flatnonzero(down) + 1), counter
    # numbers count down in depression: a run ends where the direction changes
    heading = np.sign(steps)
    heading = np.where(heading == 0, np.nan, heading)
    begins, last = [], heading[0]
    for k, now in enumerate(heading.tolist()):
        if now != last and not (np.isnan(now) and np.isnan(last)):
            begins.append(k + 1)
            last = heading[k + 1] if np.isnan(now) and k + 1 < heading.size else now
    return np.split(values, begins), counter


def _paired(
    runs: list[np.ndarray], notes: list[str], *, stated: bool, where: str
) -> tuple[list[np.ndarray], int | None]:
    """Runs that rise and fall in turn as one repetition each, and where they turn; else the runs, and None.

    Raises:
        ImportRefused: Some runs rise, others fall, not in turn, and the turn is not stated.
    """
    trends = [_trend(run) for run in runs]
    rising, falling = [t > CLEAR for t in trends], [t < -CLEAR for t in trends]
    if not (any(rising) and any(falling)):
        return runs, None
    if len(runs) % 2 == 0 and all(rising[0::2]) and all(falling[1::2]):
        ups = {run.size for run in runs[0::2]}
        if len(ups) == 1:
            notes.append("pulse numbers begin again at depression: two runs are one repetition")
            pairs = [np.concatenate(pair) for pair in zip(runs[0::2], runs[1::2], strict=True)]
            return pairs, int(runs[0].size)
    if stated:
        return runs, None
    raise ImportRefused(
        "pulse numbers begin again, and the runs are no repetitions of potentiation and depression: "
        f"{sum(rising)} rise, {sum(falling)} fall",
        where=where,
        remedy="begin with potentiation, give every repetition both, number the repetitions in a cycle "
        "column, or write pulse: {potentiation_points: N} into the sidecar",
    )


def _trend(run: np.ndarray) -> float:
    """Rank correlation of conductances with their order, NaN left out; 0 of fewer than three."""
    values = run[np.isfinite(run)]
    if values.size < 3 or np.ptp(values) == 0:
        return 0.0
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, np.arange(values.size))[0, 1])


def _by_phase(
    values: np.ndarray, table: Table, column: int, notes: list[str]
) -> tuple[list[np.ndarray], int]:
    """Repetitions of potentiation, then depression, as a column says.

    Raises:
        ImportRefused: A word that is neither, depression before the first potentiation, or lengths that
            differ.
    """
    words = [_word(cell) for cell in table.columns[column]]
    unknown = [k for k, word in enumerate(words) if word not in PHASES]
    where = f"column {table.name(column)}"
    if unknown:
        raise ImportRefused(
            f"{words[unknown[0]][:40]!r} is neither potentiation nor depression",
            where=f"{where}, row {table.rows[unknown[0]]}",
            remedy="write potentiation or depression into each row, or give the column another name",
        )
    up = np.array([PHASES[word] for word in words])
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(up)) + 1, [up.size]])
    sizes = np.diff(bounds)
    if not up[0]:
        raise ImportRefused(
            "the first pulses depress",
            where=f"{where}, row {table.rows[0]}",
            remedy="begin the record with potentiation: leave the first depression out",
        )
    if (
        len({*sizes[0::2].tolist()}) > 1
        or len({*sizes[1::2].tolist()}) > 1
        or (sizes.size % 2 and sizes.size > 1)
    ):
        raise ImportRefused(
            f"phases differ in length ({listing(sizes.tolist())})",
            where=where,
            remedy="complete or remove the incomplete repetition",
        )
    notes.append("potentiation and depression as the phase column says")
    return np.split(values, bounds[2:-1:2]), int(sizes[0])


def _word(cell) -> str:
    """A cell of a phase column as a word; 1.0 of a workbook is 1."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell if cell is not None else "").strip().lower()
