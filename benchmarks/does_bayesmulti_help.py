"""Where BayesMulti wins, ties and loses, as Markdown tables for docs/does-bayesmulti-help.md.

    python benchmarks/does_bayesmulti_help.py results/evaluation/mnist-lenet [FOLDER ...] [--metric NAME]

An argument is the folder of an experiment's evaluations, which holds a table a method. A row a usability
level: ERM, the paired difference of BayesMulti to ERM and to its best rival with their intervals, and ERM
calibrated after programming, if it was. A rival has another law of noise and was searched alike; the best one
has the highest mean among the very scores it is compared on, which favours it. Below, on how many devices
BayesMulti wins (its interval lies above zero), ties and loses. With one training, intervals are about
programmings alone, and the table says so. Where nothing was searched, BayesMulti with fixed noise stands.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from codesign.bayesmulti.methods import method_of
from codesign.evaluation.statistics import compare, summarise
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import read_table

ROOT = Path(__file__).resolve().parents[1]
BASELINE = "erm"
SUBJECTS = ("bayesmulti", "bayesmulti-fixed")
"""What is judged: the first of them that was evaluated."""


def how() -> dict:
    """Resamples, confidence and seed of config.yaml: differences to ERM are those of the summaries."""
    said = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return {name: said["evaluation"][name] for name in ("resamples", "confidence")} | {"seed": said["seed"]}


def rows_of(folder: Path, metric: str | None) -> list[dict]:
    """Scores of an experiment on levels and on resampled devices, of one metric.

    Raises:
        SystemExit: There are none, or none of this metric.
    """
    rows = [
        row
        for path in sorted(folder.glob("*.parquet"))
        for row in read_table(path, schema=EVALUATION).to_pylist()
    ]
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    wanted = metric or (metrics[0] if metrics else None)
    if wanted not in metrics:
        raise SystemExit(f"{folder}: no score called {wanted}; there are: {', '.join(metrics) or 'none'}")
    return [
        row
        for row in rows
        if row["metric"] == wanted and (row["stands_for"] == "level" or row["noise"] == "resampled")
    ]


def place_of(row: Mapping) -> tuple[str, str]:
    """Level or device that a row is about."""
    return row["stands_for"], row["profile"]


def best_rivals(means: Mapping[tuple[str, tuple], Mapping]) -> dict[tuple, str]:
    """The rival with the highest mean at each place, where any was evaluated."""
    found: dict[tuple, str] = {}
    for (method, place), row in means.items():
        if method_of(method).role == "rival":
            held = found.get(place)
            if held is None or row["mean"] > means[held, place]["mean"]:
                found[place] = method
    return found


def verdict(row: Mapping | None) -> str:
    """wins | ties | loses, by the interval of the difference."""
    if row is None or row["difference_low"] is None:
        return ""
    return "wins" if row["difference_low"] > 0 else "loses" if row["difference_high"] < 0 else "ties"


def said(row: Mapping | None) -> str:
    """A difference with its interval; bold where it is above zero, italic below."""
    if row is None or row["difference"] is None:
        return ""
    text = f"{row['difference']:+.3f}"
    if row["difference_low"] is not None:
        text += f" ({row['difference_low']:+.3f} … {row['difference_high']:+.3f})"
    return {"wins": f"**{text}**", "loses": f"_{text}_"}.get(verdict(row), text)


def judged(rows: Sequence[Mapping]) -> list[str]:
    """Lines of one experiment."""
    plain = [row for row in rows if row["calibration"] == "none"]
    methods = {row["method"] for row in rows}
    subject = next((name for name in SUBJECTS if name in methods), None)
    if subject is None or BASELINE not in methods:
        raise SystemExit(f"{rows[0]['experiment']}: needs {BASELINE} and one of {', '.join(SUBJECTS)}")
    means = {(row["method"], place_of(row)): row for row in summarise(plain, baseline=BASELINE, **how())}
    rivals = best_rivals(means)
    pairs = [(subject, name) for name in dict.fromkeys(rivals.values())]
    against = {(row["compared_with"], place_of(row)): row for row in compare(plain, pairs, **how())}
    against |= {(BASELINE, place): row for (method, place), row in means.items() if method == subject}
    corrected = [row for row in rows if row["calibration"] != "none" and row["method"] == BASELINE]
    repaired = summarise(corrected, baseline=BASELINE, **how())
    calibrations = sorted({row["calibration"] for row in repaired})
    first = means[BASELINE, place_of(plain[0])]
    trainings = f"{first['trainings']} training{'s' if first['trainings'] > 1 else ''}"
    head = ["U", "F", "ERM", f"{method_of(subject).title} - ERM", "best rival", "- best rival"]
    head += [f"ERM, calibrated: {name}" for name in calibrations]
    lines = [
        f"**{rows[0]['experiment']}**, {rows[0]['metric']}, {trainings} a method, {first['n']} programmings",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    levels = [key for key in means if key[0] == BASELINE and key[1][0] == "level"]
    for _, place in sorted(levels, key=lambda key: -means[key]["level"]):
        row, rival = means[BASELINE, place], rivals.get(place)
        cells = [f"{row['level']:g}", f"{row['fidelity']:.3f}", f"{row['mean']:.3f}"]
        cells += [said(against.get((BASELINE, place)))]
        cells += [method_of(rival).title if rival else "", said(against.get((rival, place)))]
        cells += [
            f"{each['mean']:.3f}" if each else ""
            for each in (_calibrated(repaired, place, name) for name in calibrations)
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, "", *device_lines(means, against, rivals)]


def _calibrated(rows: Iterable[Mapping], place: tuple, calibration: str) -> Mapping | None:
    return next((r for r in rows if place_of(r) == place and r["calibration"] == calibration), None)


def device_lines(means: Mapping, against: Mapping, rivals: Mapping) -> list[str]:
    """How often it wins, ties and loses on devices, and by how much on their mean."""
    devices = [place for method, place in means if method == BASELINE and place[0] == "device"]
    lines = []
    for title, rival_of in (("ERM", lambda _: BASELINE), ("the best rival", rivals.get)):
        found = [against.get((rival_of(place), place)) for place in devices]
        verdicts = [verdict(row) for row in found if row is not None]
        if verdicts:
            mean = sum(row["difference"] for row in found if row is not None) / len(verdicts)
            counted = ", ".join(f"{word} on {verdicts.count(word)}" for word in ("wins", "ties", "loses"))
            lines.append(
                f"- against {title} on {len(verdicts)} devices: {counted}; {mean:+.3f} on their mean"
            )
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results/evaluation/{experiment}")
    parser.add_argument("--metric", help="default: the first one in the tables, the task's primary one")
    asked = parser.parse_args()
    print("\n\n".join("\n".join(judged(rows_of(folder, asked.metric))) for folder in asked.folders))


if __name__ == "__main__":
    main()
