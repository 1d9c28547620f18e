"""Records of a crossbar to what figures show: accuracies with their spread, errors counted, cells."""

from collections.abc import Mapping, Sequence

import numpy as np

from codesign.crossbar.energy import array_energy_j
from codesign.evaluation.statistics import mean_interval
from codesign.seeds import generator

QUANTITIES = ("software", "array", "drop", "relative_drop")
"""Accuracies of the two, their difference, and the difference over the software's."""


def as_programmed(rows: Sequence[Mapping]) -> list[Mapping]:
    """Rows of networks without calibration: each network once."""
    return [row for row in rows if row["calibration"] == "none"]


def drops(rows: Sequence[Mapping]) -> list[dict]:
    """One line a network and calibration: method, run, calibration and each of `QUANTITIES`.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`.
    """
    found = []
    for row in rows:
        software, array = row["software_accuracy"], row["array_accuracy"]
        drop = software - array
        values = dict(zip(QUANTITIES, (software, array, drop, drop / software), strict=True))
        found.append({name: row[name] for name in ("method", "run", "calibration")} | values)
    return found


def summarise_runs(
    rows: Sequence[Mapping], *, evidence: str, resamples: int, confidence: float, seed: int
) -> list[dict]:
    """Mean, spread and interval over runs of each quantity and method, and of BayesMulti minus ERM.

    Intervals are percentile bootstraps over runs. The difference is taken run by run: both
    networks of a run had the same start, batches and array; they are calibrated alike. So is what a
    calibration regains: the same network on the same array.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`, each (method, run, calibration) once.
        evidence: simulated | measured.
        resamples: Bootstrap resamples.
        confidence: Of the intervals.
        seed: Root seed.

    Returns:
        Rows of `codesign.schemas.crossbar_summary.CROSSBAR_SUMMARY`.

    Raises:
        ValueError: A method has a run twice.
    """
    lines = drops(rows)
    methods = list(dict.fromkeys(line["method"] for line in lines))
    calibrations = list(dict.fromkeys(line["calibration"] for line in lines))
    values: dict[tuple[str, str, str], dict[int, float]] = {}
    for line in lines:
        for quantity in QUANTITIES:
            runs = values.setdefault((line["method"], line["calibration"], quantity), {})
            if line["run"] in runs:
                raise ValueError(
                    f"run {line['run']} of {line['method']} occurs twice, calibration {line['calibration']}"
                )
            runs[line["run"]] = line[quantity]
    for calibration in calibrations:
        for method in methods if calibration != "none" else ():
            array, before = (values.get((method, kind, "array"), {}) for kind in (calibration, "none"))
            values[method, calibration, "regained"] = _paired(array, before)
    if {"erm", "bayesmulti"} <= set(methods):
        for calibration in calibrations:
            for quantity in (*QUANTITIES, "regained"):
                ours, theirs = (
                    values.get((method, calibration, quantity), {}) for method in ("bayesmulti", "erm")
                )
                values["difference", calibration, quantity] = _paired(ours, theirs)
    found = []
    for (method, calibration, quantity), runs in values.items():
        if runs:
            # the resamples of what is not calibrated are those from before there was a calibration
            calibrated = () if calibration == "none" else (calibration,)
            draws = generator(seed, method, *calibrated, quantity)
            said = {"evidence": evidence, "method": method, "calibration": calibration, "quantity": quantity}
            found.append(said | _moments(np.array(list(runs.values())), resamples, confidence, draws))
    return found


def _paired(ours: Mapping[int, float], theirs: Mapping[int, float]) -> dict[int, float]:
    """Differences of the runs that both have."""
    return {run: ours[run] - theirs[run] for run in sorted(set(ours) & set(theirs))}


def _moments(values: np.ndarray, resamples: int, confidence: float, rng: np.random.Generator) -> dict:
    found = {"n": int(values.size), "mean": float(values.mean()), "std": None, "low": None, "high": None}
    if values.size > 1:
        low, high = mean_interval(values, resamples=resamples, confidence=confidence, rng=rng)
        found |= {"std": float(values.std(ddof=1)), "low": low, "high": high}
    return found


def error_histogram(rows: Sequence[Mapping], *, bins: int) -> list[dict]:
    """Errors array - software of every multiplication, counted by method and layer, without calibration.

    An error is in units of the root mean square of that layer's and method's products in
    software, so that layers and methods share one axis.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`.
        bins: Bins of each layer, the same for every method; they span every error.

    Returns:
        One line a method, layer and bin: edges, count, and of the whole histogram n, mean, std
        (population) and the scale.
    """
    rows = as_programmed(rows)
    errors: dict[tuple[int, str], np.ndarray] = {}
    scales: dict[tuple[int, str], float] = {}
    methods = list(dict.fromkeys(row["method"] for row in rows))
    layers = sorted({layer for row in rows for layer in np.unique(row["product_layer"])})
    for layer in layers:
        for method in methods:
            software, array = (_products(rows, method, layer, column) for column in ("software", "array"))
            scale = float(np.sqrt(np.mean(software**2)))
            errors[layer, method], scales[layer, method] = (array - software) / scale, scale
    lines = []
    for layer in layers:
        reach = max(float(np.abs(errors[layer, method]).max()) for method in methods) or 1.0
        edges = np.linspace(-reach, reach, bins + 1)
        for method in methods:
            found = errors[layer, method]
            counts, _ = np.histogram(found, bins=edges)
            whole = {"n": found.size, "mean": float(found.mean()), "std": float(found.std())}
            whole |= {"scale": scales[layer, method]}
            lines += [
                {"method": method, "layer": int(layer), "low": low, "high": high, "count": int(count)} | whole
                for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
            ]
    return lines


def _products(rows: Sequence[Mapping], method: str, layer: int, column: str) -> np.ndarray:
    parts = [
        np.asarray(row[f"product_{column}"], dtype=float)[np.asarray(row["product_layer"]) == layer]
        for row in rows
        if row["method"] == method
    ]
    return np.concatenate(parts)


def cells_of(row: Mapping) -> list[dict]:
    """Programmed cells of one network, one line each."""
    columns = ("layer", "tile", "load", "row", "column", "target_s", "reached_s", "pulses", "ok")
    return [
        {"method": row["method"], "run": row["run"]} | dict(zip(columns, values, strict=True))
        for values in zip(*(row[f"cell_{name}"] for name in columns), strict=True)
    ]


def programmed(rows: Sequence[Mapping], *, pulse_s: float) -> dict:
    """What the programmed arrays put into one multiplication, without calibration.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`.
        pulse_s: Length of a read pulse [s].

    Returns:
        `conductance_s`, mean over all programmed cells [S]; `mean_square_v2`, mean squared
        voltage weighted with conductance: what a cell saw of the test inputs [V²]; `tiles`, rows
        and columns of each part of a matrix that is multiplied at once.

    Raises:
        ValueError: Networks use the array differently.
    """
    rows = as_programmed(rows)
    conductances = np.concatenate([np.asarray(row["cell_reached_s"], dtype=float) for row in rows])
    shapes = {_tiles(row) for row in rows}
    if len(shapes) != 1:
        raise ValueError(f"networks of one record use the array differently: {sorted(shapes)}")
    squares = np.concatenate([np.asarray(row["cell_mean_square_v2"], dtype=float) for row in rows])
    energy = array_energy_j(conductances[:, None], squares, pulse_s)  # a row of its own for each cell
    return {
        "conductance_s": float(conductances.mean()),
        "mean_square_v2": energy / (float(conductances.sum()) * pulse_s),
        "tiles": shapes.pop(),
    }


def _tiles(row: Mapping) -> tuple[tuple[int, int], ...]:
    """Rows and columns of every part of a matrix."""
    parts: dict[tuple[int, int], list[set[int]]] = {}
    for layer, tile, r, c in zip(
        row["cell_layer"], row["cell_tile"], row["cell_row"], row["cell_column"], strict=True
    ):
        used = parts.setdefault((layer, tile), [set(), set()])
        used[0].add(r)
        used[1].add(c)
    return tuple((len(rows), len(columns)) for _, (rows, columns) in sorted(parts.items()))
