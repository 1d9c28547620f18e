"""Where the repetitions of a pulse series begin, and where potentiation ends in each."""

from collections.abc import Mapping

import numpy as np

from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.samples import FLAT, listing
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
    used: set[int],
    stated: bool = False,
) -> tuple[list[np.ndarray], int]:
    """Repetitions, and the points of potentiation that each begins with.

    A phase column says both, and so do amplitudes of both signs where the conductance follows them. Else a
    cycle column, or pulse numbers that begin again, part the repetitions; where the numbers begin again at
    depression, too, or count down in it, two such runs are one repetition. A note says where the conductance
    does not rise in potentiation.

    Args:
        values: Conductances in siemens, NaN where not recorded, shape (n,).
        table: The file.
        found: Columns by quantity.
        settings: `pulse` of the sidecar.
        notes: Gets what was done.
        name: Column of the conductances, for errors.
        used: Gets the column of the amplitudes where it is used.
        stated: Whether the sidecar names the phase column; else a column `type` or `direction` of other words
            is none.

    Raises:
        ImportRefused: Repetitions differ in length, or it cannot be told where potentiation ends.
    """
    stated_points = settings.get("potentiation_points")
    runs, points = _told(values, table, found, stated_points, notes, name=name, used=used, stated=stated)
    mean = np.mean(runs, axis=0)[:points]
    mean = mean[np.isfinite(mean)]
    if mean.size and not (mean[-1] > mean[0] and (mean.size < 3 or _trend(mean) > CLEAR)):
        notes.append(f"the conductance {FLAT}: the first {points} of {runs[0].size} pulses")
    return runs, points


def _told(
    values: np.ndarray,
    table: Table,
    found: Mapping[str, int],
    points: int | None,
    notes: list[str],
    *,
    name: str,
    used: set[int],
    stated: bool,
) -> tuple[list[np.ndarray], int]:
    """`repetitions_of` without a look at the conductances."""
    if "phase" in found and "cycle" not in found and points is None:
        named = table.header[found["phase"]].lower().startswith(NAMED_PHASE)
        if named or stated or all(_word(cell) in PHASES for cell in table.columns[found["phase"]]):
            return _by_phase(values, table, found["phase"], notes)
    up = _by_amplitude(values, table, found) if points is None else None
    if up is not None:
        used.add(found["amplitude"])
        sign = "positive" if table.numbers(found["amplitude"])[up][0] > 0 else "negative"
        notes.append(f"pulses of {sign} amplitude potentiate, as the conductance says")
        if "cycle" not in found:
            return _in_turn(values, up, table, found["amplitude"])
        points = _turn_of_each(up, table, found)
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


def _by_amplitude(values: np.ndarray, table: Table, found: Mapping[str, int]) -> np.ndarray | None:
    """Whether each pulse potentiates, by the sign of its amplitude; None where signs do not tell.

    The sign is that in whose runs the conductance rises, the other that in whose runs it falls; one of the
    two must be clear, and the other not its contrary.
    """
    if "amplitude" not in found:
        return None
    signs = np.sign(table.numbers(found["amplitude"]))
    if set(signs.tolist()) != {-1.0, 1.0}:
        return None
    bounds = np.flatnonzero(np.diff(signs)) + 1
    trends = {-1.0: [], 1.0: []}
    for run, sign in zip(np.split(values, bounds), signs[[0, *bounds]].tolist(), strict=True):
        trends[sign].append(_trend(run))
    difference = np.median(trends[1.0]), np.median(trends[-1.0])
    for sign, (rises, falls) in ((1.0, difference), (-1.0, difference[::-1])):
        if rises >= -CLEAR and falls <= CLEAR and max(rises, -falls) > CLEAR:
            return signs == sign
    return None


def _turn_of_each(up: np.ndarray, table: Table, found: Mapping[str, int]) -> int:
    """Points of potentiation that each repetition of a cycle column begins with.

    Raises:
        ImportRefused: A repetition begins with depression, turns more than once, or elsewhere than another.
    """
    runs = _runs(up, table, found)[0]
    turns = {int(run.sum()) for run in runs}
    if len(turns) > 1 or not all(run[: run.sum()].all() and run[0] for run in runs):
        raise ImportRefused(
            "repetitions are no potentiation with one depression behind it, of one length each",
            where=f"column {table.name(found['amplitude'])}",
            remedy="complete or remove the incomplete repetition, or write into the sidecar "
            "pulse: {potentiation_points: N}",
        )
    return turns.pop()


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
    in_turn = len(runs) % 2 == 0 and all(falling[1::2]) and not any(falling[0::2])
    if not any(falling) or not (any(rising) or in_turn):
        return runs, None
    if in_turn and len({run.size for run in runs[0::2]}) == 1:  # a potentiation may be flat
        notes.append("pulse numbers begin again at depression: two runs are one repetition")
        pairs = [np.concatenate(pair) for pair in zip(runs[0::2], runs[1::2], strict=True)]
        return pairs, int(runs[0].size)
    if stated:
        return runs, None
    raise ImportRefused(
        "pulse numbers begin again, and the runs are no repetitions of potentiation and depression: "
        f"{sum(rising)} rise, {sum(falling)} fall of {len(runs)}",
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
    notes.append("potentiation and depression as the phase column says")
    return _in_turn(values, np.array([PHASES[word] for word in words]), table, column)


def _in_turn(values: np.ndarray, up: np.ndarray, table: Table, column: int) -> tuple[list[np.ndarray], int]:
    """Repetitions of potentiation, then depression.

    Args:
        values: Conductances in siemens, shape (n,).
        up: Whether each pulse potentiates, shape (n,).
        table: The file.
        column: Column that says so, for errors.

    Raises:
        ImportRefused: Depression before the first potentiation, or lengths that differ.
    """
    where = f"column {table.name(column)}"
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
    return np.split(values, bounds[2:-1:2]), int(sizes[0])


def _word(cell) -> str:
    """A cell of a phase column as a word; 1.0 of a workbook is 1."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell if cell is not None else "").strip().lower()
