"""Where BayesMulti wins, ties and loses, as Markdown tables for docs/does-bayesmulti-help.md.

    python benchmarks/does_bayesmulti_help.py results/evaluation/mnist-lenet [FOLDER ...] [--metric NAME]

An argument is the folder of an experiment's evaluations, which holds a table a method. A row a usability
level: means of ERM and BayesMulti, as programmed and calibrated, if they were; then the paired difference of
BayesMulti to ERM and to its best rival, as programmed, with their intervals. A rival has another law of noise
and was searched alike; the best one has the highest mean among the very scores it is compared on, which
favours it. Below, on how many devices BayesMulti wins (its interval lies above zero), ties and loses. With
one training, intervals are about programmings alone, and the table says so. Where nothing was searched,
BayesMulti with fixed noise stands.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Judgement:
    """One experiment: means, differences of the subject, and what calibration gives ERM."""

    experiment: str
    metric: str
    subject: str
    means: Mapping[tuple[str, tuple], Mapping]
    """(method, place) to its row, without calibration."""
    against: Mapping[tuple[str, tuple], Mapping]
    """(method, place) to the difference of the subject to it."""
    rivals: Mapping[tuple, str]
    """Place to its best rival."""
    repaired: Mapping[tuple[str, str, tuple], Mapping]
    """(method, calibration, place) to its row, of ERM and the subject."""

    @property
    def levels(self) -> list[tuple]:
        """Usability levels, the best first."""
        found = [place for method, place in self.means if method == BASELINE and place[0] == "level"]
        return sorted(found, key=lambda place: -self.means[BASELINE, place]["level"])

    @property
    def devices(self) -> list[tuple]:
        """Devices that ERM and the subject were evaluated on."""
        found = [place for method, place in self.means if method == BASELINE and place[0] == "device"]
        return [place for place in found if (self.subject, place) in self.means]

    def counted(self, places: Iterable[tuple], *, rival: bool) -> tuple[str, float] | None:
        """Wins, ties and losses as text, and the mean difference; None without a place."""
        others = [(self.rivals.get(place) if rival else BASELINE, place) for place in places]
        found = [self.against[key] for key in others if key in self.against]
        if not found:
            return None
        verdicts = [verdict(row) for row in found]
        mean = sum(row["difference"] for row in found) / len(found)
        return " / ".join(str(verdicts.count(word)) for word in ("wins", "ties", "loses")), mean


def judgement(rows: Sequence[Mapping]) -> Judgement:
    """Means and paired differences of one experiment.

    Raises:
        SystemExit: ERM, or what is judged, was not evaluated.
    """
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
    corrected = [row for row in rows if row["calibration"] != "none" and row["method"] in (BASELINE, subject)]
    repaired = summarise(corrected, baseline=BASELINE, **how())
    return Judgement(
        rows[0]["experiment"],
        rows[0]["metric"],
        subject,
        means,
        against,
        rivals,
        {(row["method"], row["calibration"], place_of(row)): row for row in repaired},
    )


def told(found: Judgement) -> list[str]:
    """Lines of one experiment: levels, then devices."""
    calibrations = sorted({calibration for _, calibration, _ in found.repaired})
    title = method_of(found.subject).title
    first = found.means[BASELINE, found.levels[0]]
    trainings = f"{first['trainings']} training{'s' if first['trainings'] > 1 else ''}"
    shown = [(method, name) for method in (BASELINE, found.subject) for name in ("none", *calibrations)]
    head = ["U", "F", *(_titled(method, name) for method, name in shown)]
    head += [f"{title} - ERM", "best rival", f"{title} - best rival"]
    lines = [
        f"**{found.experiment}**, {found.metric}, {trainings} a method, {first['n']} programmings",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    for place in found.levels:
        row, rival = found.means[BASELINE, place], found.rivals.get(place)
        cells = [f"{row['level']:g}", f"{row['fidelity']:.3f}"]
        cells += [_mean(found, method, name, place) for method, name in shown]
        cells += [said(found.against.get((BASELINE, place)))]
        cells += [method_of(rival).title if rival else "", said(found.against.get((rival, place)))]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    for title, rival in (("ERM", False), ("the best rival", True)):
        counted = found.counted(found.devices, rival=rival)
        if counted is not None:
            lines.append(
                f"- against {title}, devices won / tied / lost: {counted[0]}; {counted[1]:+.3f} on their mean"
            )
    return lines


def _titled(method: str, calibration: str) -> str:
    return method_of(method).title + ("" if calibration == "none" else f", {calibration}")


def _mean(found: Judgement, method: str, calibration: str, place: tuple) -> str:
    if calibration == "none":
        row = found.means.get((method, place))
    else:
        row = found.repaired.get((method, calibration, place))
    return f"{row['mean']:.3f}" if row else ""


def brief(judgements: Sequence[Judgement]) -> list[str]:
    """A row an experiment: how often it wins, and the mean of every method on the devices."""
    head = ["experiment", "score", "trainings", "levels against ERM", "devices against ERM", "mean"]
    head += ["devices against the best rival", "mean"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for found in judgements:
        first = found.means[BASELINE, found.levels[0]]
        cells = [found.experiment, found.metric, str(first["trainings"])]
        cells.append((found.counted(found.levels, rival=False) or ("", 0))[0])
        for rival in (False, True):
            counted = found.counted(found.devices, rival=rival)
            cells += ["", ""] if counted is None else [counted[0], f"{counted[1]:+.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    methods = list(dict.fromkeys(method for found in judgements for method, _ in found.means))
    methods.sort(key=lambda name: method_of(name).order)
    lines += ["", "| mean on devices | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for found in judgements:
        rows = {name: [found.means.get((name, place)) for place in found.devices] for name in methods}
        means = [
            f"{sum(row['mean'] for row in each) / len(each):.3f}" if each and all(each) else ""
            for each in rows.values()
        ]
        lines.append("| " + " | ".join([found.experiment, *means]) + " |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results/evaluation/{experiment}")
    parser.add_argument("--metric", help="default: the first one in the tables, the task's primary one")
    parser.add_argument("--brief", action="store_true", help="one row an experiment: won / tied / lost")
    asked = parser.parse_args()
    found = [judgement(rows_of(folder, asked.metric)) for folder in asked.folders]
    if asked.brief:
        print("\n".join(brief(found)))
    else:
        print("\n\n".join("\n".join(told(each)) for each in found))


if __name__ == "__main__":
    main()
