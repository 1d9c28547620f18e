"""`python -m codesign predict DEVICE EXPERIMENT`: the score of a device, without simulating it."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from codesign.evaluation.lookup import DEVICE_NOISE, Prediction, ReadOffError, predict
from codesign.nonideality.found import FoundError, find_device
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import TableError, read_table
from codesign.terminal import one_line
from codesign.words import nearest

SHOWN = ("device", "origin", "usability", "usability_low", "usability_high")
COLUMNS = (*SHOWN, "fidelity", "fidelity_low", "fidelity_high", "reason")
"""What is read of the usability table."""
CONFIDENCE = 0.95
"""Of a device's intervals, where its own row is not at hand to say it."""


@dataclass(frozen=True)
class Read:
    """One network's score on one device."""

    method: str
    metric: str
    prediction: Prediction


def run(chosen: argparse.Namespace) -> int:
    """Print the score of every method and metric.

    Args:
        chosen: device, experiment, results, method and json of the command line.

    Returns:
        0, or 1 where something is missing, with what and how to make it.
    """
    try:
        device = find_device(chosen.device, chosen.results, columns=COLUMNS)
        row, confidence = device.row, device.extraction().get("confidence", CONFIDENCE)
        found = read_off(device.folder, row, chosen.experiment, methods=chosen.method, confidence=confidence)
    except (FoundError, ReadOffError, TableError, FileNotFoundError) as error:
        print(one_line(str(error)), file=sys.stderr)
        return 1
    if chosen.json:
        every = [{"method": read.method, "metric": read.metric} | read.prediction._asdict() for read in found]
        said = {name: row[name] for name in COLUMNS if name != "reason"}
        print(json.dumps(said | {"experiment": chosen.experiment, "predictions": every}, indent=1))
    else:
        _print(row, chosen.experiment, found, confidence)
    return 0


def read_off(
    folder: Path, row: dict, experiment: str, *, methods: list[str] | None, confidence: float
) -> list[Read]:
    """The score of a device in every network and metric of an experiment.

    Args:
        folder: Results of one laboratory.
        row: The device, a row of `codesign.schemas.device.DEVICE`.
        experiment: Its name.
        methods: Only these; None for all.
        confidence: Of the interval.

    Raises:
        ReadOffError: The experiment was not evaluated, has no such method, or nothing can be read off.
    """
    summary = folder / "evaluation" / f"{experiment}-summary.parquet"
    if not summary.is_file():
        known = sorted(
            path.name.removesuffix("-summary.parquet") for path in summary.parent.glob("*-summary.parquet")
        )
        there = (
            f"; there are {', '.join(known)}" if known else "; `snakemake --cores 2 evaluation` makes them"
        )
        raise ReadOffError(
            f"no scores of an experiment {experiment} in {summary.parent}{nearest(experiment, known)}{there}"
        )
    rows = read_table(summary, schema=EVALUATION_SUMMARY).to_pylist()
    rows = [row for row in rows if row["calibration"] == "none"]
    known = list(dict.fromkeys(row["method"] for row in rows))
    for method in methods or ():
        if method not in known:
            raise ReadOffError(
                f"{summary} has no method {method}{nearest(method, known)}; there are {', '.join(known)}"
            )
    found = []
    for method in methods or known:
        for metric in dict.fromkeys(each["metric"] for each in rows):
            mine = [each for each in rows if (each["method"], each["metric"]) == (method, metric)]
            levels = [each for each in mine if each["stands_for"] == "level"]
            devices = [
                each for each in mine if (each["stands_for"], each["noise"]) == ("device", DEVICE_NOISE)
            ]
            if levels:
                found.append(Read(method, metric, predict(row, levels, devices, confidence=confidence)))
    if not found:
        raise ReadOffError(f"{summary} has no scores on levels to read off")
    return found


def _print(row: dict, experiment: str, found: list[Read], confidence: float) -> None:
    print(f"{one_line(row['device'])} ({row['origin']})")
    interval = f"{confidence:.0%} interval"
    for symbol, name in (("U", "usability"), ("F", "fidelity")):
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        print(f"  {symbol} = {row[name]:.3f}   {interval} {low:.3f} ... {high:.3f}")
    print(f"{experiment}, read off the levels' curve at F:")
    wide = max(len(f"{read.method} {read.metric}") for read in found)
    for read in found:
        said = read.prediction
        line = f"  {f'{read.method} {read.metric}':{wide}}   {said.score:.3f}"
        line += f"   {interval} {said.low:.3f} ... {said.high:.3f}"
        if said.rms is not None:
            line += f"   ({said.devices} simulated devices: {said.rms:.3f} rms)"
        print(line + ("   F is outside the levels" if said.beyond else ""))
