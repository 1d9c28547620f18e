"""`codesign provenance FILE...`: what a table or figure was made from; `predict`: the score of a device;
`export`: a device as a noise model of another simulator; `hold`: a network of your own on a device.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from codesign.files import sha256_of
from codesign.provenance.records import FOLDER, RecordError, Records, read_stamp
from codesign.tables import TableError, read_metadata
from codesign.terminal import one_line

WIDTH = 100
FILES_SHOWN = 20
"""Inputs, and files that no job made, that are listed one by one; `--json` has all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 where the job that made each file is known, 1 where one is not, or where a file is not the one
        its record tells of, 2 where a file does not exist or a record cannot be read; of `predict`,
        `export` and `hold` 1 where something is missing.
    """
    parser = argparse.ArgumentParser(prog="codesign")
    commands = parser.add_subparsers(dest="command", required=True)
    provenance = commands.add_parser(
        "provenance",
        help="what a table or figure was made from",
        description="Print the rule, configuration, git commit, packages and checksums a table or figure was "
        "made from. A renamed or moved copy is known by its content; a figure carries its origin along.",
    )
    provenance.add_argument("files", nargs="+", type=Path, metavar="FILE", help="table or figure")
    provenance.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="folder with the records; otherwise the nearest results folder above FILE, or ./results",
    )
    provenance.add_argument("--json", action="store_true", help="everything, for a program to read")
    predict = commands.add_parser(
        "predict",
        help="the score of a device, without simulating it",
        description="Read the score of a device off the curve that the synthetic levels of an evaluated "
        "experiment make against fidelity, with an interval: that of the device's fidelity, and what the "
        "curve errs by on the devices that were simulated.",
    )
    predict.add_argument("device", help="id in the usability table, or its row, results/devices/NAME.parquet")
    predict.add_argument("experiment", help="an experiment that was evaluated")
    predict.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="folder with usability.parquet and evaluation; otherwise results, or results/virtual_lab",
    )
    predict.add_argument("--method", action="append", help="only this one; may be given several times")
    predict.add_argument("--json", action="store_true", help="everything, for a program to read")
    _add_export(commands)
    _add_hold(commands)
    chosen = parser.parse_args(arguments)
    # imported here, as saying where a file came from needs neither numpy nor scipy
    if chosen.command == "predict":
        from codesign.evaluation.predict import run

        return run(chosen)
    if chosen.command == "export":
        from codesign.export.command import run

        return run(chosen)
    if chosen.command == "hold":
        return _hold(chosen)
    told = []
    try:
        for path in chosen.files:
            told.append(_told(path, results=chosen.results or _results_of(path)))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except RecordError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(told, indent=1, sort_keys=True))
    else:
        print("\n\n".join("\n".join(_lines(each)) for each in told))
    return 0 if all(each["found"] in ("record", "stamp") for each in told) else 1


def _add_export(commands) -> None:
    """The arguments of `export`."""
    export = commands.add_parser(
        "export",
        help="a device as a noise model of another simulator",
        description="Write a device as a file that others can use without this program: a noise model of "
        "IBM's aihwkit, a device of Sandia's CrossSim, or JSON that explains itself. What of the device "
        "arrives where: docs/export.md.",
    )
    export.add_argument("device", help="id in the usability table, or its row, results/devices/NAME.parquet")
    export.add_argument("--to", required=True, choices=("json", "aihwkit", "crosssim"), help="kind of file")
    export.add_argument(
        "--out", type=Path, metavar="FILE", help="otherwise a name after the device, in this folder"
    )
    export.add_argument("--force", action="store_true", help="replace a file that is there already")
    export.add_argument(
        "--analog",
        choices=("differential", "weights"),
        help="cells of a weight in a simulator: a pair with noise in both (the default), or one factor a "
        "weight, as `memsim.analog: weights` scores networks",
    )
    export.add_argument(
        "--noise",
        choices=("lognormal", "resampled"),
        help="factor of a cell: exp(sigma z) (the default), or a ratio of the device's own cycles",
    )
    export.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="folder with usability.parquet and devices; otherwise results, or results/virtual_lab",
    )
    export.add_argument(
        "--measurement",
        type=Path,
        metavar="FILE",
        help="the device's sweeps, for its ratios; otherwise data/iv/NAME.parquet, or FOLDER/iv/NAME.parquet "
        "of a virtual device",
    )


def _add_hold(commands) -> None:
    """The arguments of `hold`."""
    hold = commands.add_parser(
        "hold",
        help="whether a network of your own holds on a device",
        description="Program a network on a device, many times, and score it each time: a table and a "
        "figure. What is modelled and what not: docs/your-own-network.md. The file of --model is run, as "
        "Python runs any file you import.",
    )
    hold.add_argument(
        "--model", required=True, metavar="NET.py:MAKE", help="file and function that makes the network"
    )
    hold.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=".safetensors, or a state dict of torch (.pt, .pth); otherwise those that MAKE gives it",
    )
    hold.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="FILE.npz",
        help="arrays inputs and targets, and calibration_inputs for --calibrate",
    )
    hold.add_argument(
        "--device",
        required=True,
        action="append",
        metavar="DEVICE",
        help="instrument file, canonical .parquet, profile, exported .json, or the id of a device in "
        "results; several of them, each with --device, or a folder of files: compared, the best first",
    )
    hold.add_argument("--programmings", type=int, default=10, metavar="N", help="how often; 10 unless told")
    hold.add_argument(
        "--score",
        default="accuracy",
        choices=("accuracy", "rmse", "mae", "r2"),
        help="accuracy for classes (the default), or an error of a regression",
    )
    hold.add_argument(
        "--calibrate",
        type=int,
        metavar="N",
        help="calibrate after programming, with N of the calibration_inputs",
    )
    hold.add_argument(
        "--calibration",
        action="append",
        choices=("scale", "offset", "statistics"),
        help="kind of calibration, drawn beside none; offset where --calibrate is given; may be given "
        "several times",
    )
    hold.add_argument(
        "--noise",
        choices=("resampled", "lognormal", "none"),
        help="of cells: ratios of the device's own cycles (the default where there are any), or exp(sigma z)",
    )
    hold.add_argument(
        "--analog",
        default="weights",
        choices=("weights", "all", "differential"),
        help="what is on memristors: weights of layers (the default), all parameters, or pairs of cells",
    )
    hold.add_argument("--digital", action="append", metavar="NAME", help="a submodule that stays digital")
    hold.add_argument("--seed", type=int, default=1, metavar="K", help="of the draws; 1 unless told")
    hold.add_argument(
        "--batch-size", type=int, default=256, metavar="N", help="examples at once; 256 unless told"
    )
    hold.add_argument(
        "--experiment", metavar="NAME", help="an evaluated experiment, whose networks stand beside at F"
    )
    hold.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="of --experiment, and of a device that is named by its id",
    )
    hold.add_argument(
        "--config", type=Path, metavar="FILE", help="a config.yaml that says how files are extracted"
    )
    hold.add_argument(
        "--out", type=Path, metavar="FOLDER", help="of table and figure; otherwise hold, in this folder"
    )
    hold.add_argument("--force", action="store_true", help="replace files that are there already")


def _hold(chosen: argparse.Namespace) -> int:
    try:
        from codesign.interface.command import run
    except ModuleNotFoundError as error:
        print(
            f"{error.name} is not installed: pip install '.[networks]' in a checkout of codesign",
            file=sys.stderr,
        )
        return 1
    return run(chosen)


def _results_of(path: Path) -> Path:
    """The nearest folder above the file that holds records, or `results` of this folder."""
    return next((above for above in path.resolve().parents if (above / FOLDER).is_dir()), Path("results"))


def _told(path: Path, *, results: Path) -> dict:
    """Everything known of one file: `found` says how."""
    digest = sha256_of(path)
    told = {"file": str(path), "sha256": digest, "metadata": _own_metadata(path), "found": "nothing"}
    records = Records(results)
    makers = records.of_file(path, digest)
    if makers:
        name, record = makers[0]
        jobs, given = records.ancestry(makers[:1])
        return told | {
            "found": "record",
            "made_as": name,
            "job": asdict(record),
            "environment": records.environment_of(record),
            "given": given,
            "behind": [
                {"rule": job.rule, "commit": _commit(job.commit, job.modified), "config": job.config}
                for job in jobs[1:]
            ],
        }
    stamped = read_stamp(path)
    if stamped:
        return told | {"found": "stamp", "job": stamped}
    last = records.at_path(records.name_of(path))
    return told | {"found": "changed", "job": asdict(last)} if last else told


def _own_metadata(path: Path) -> dict:
    """What a Parquet file says of itself."""
    if path.suffix != ".parquet":
        return {}
    try:
        return read_metadata(path)
    except TableError as error:
        return {"unreadable": str(error)}


def _lines(told: dict) -> Iterator[str]:
    yield one_line(told["file"])
    yield from _pair("sha256", told["sha256"])
    found, job = told["found"], told.get("job", {})
    if found == "nothing":
        said = "no record of it; --results names the results folder it comes from"
        yield from _pair("made by", f"unknown: {said}")
    elif found == "changed":
        said = f"{job['rule']} wrote this path, but other bytes: the file was changed or replaced since"
        yield from _pair("made by", f"unknown: {said}")
    else:
        yield from _job(told, job)
    if told["metadata"]:
        yield from _pair("it says", json.dumps(told["metadata"], sort_keys=True, ensure_ascii=False))


def _job(told: dict, job: dict) -> Iterator[str]:
    named = " ".join(f"{key}={value}" for key, value in job.get("wildcards", {}).items() if value)
    yield from _pair("made by", f"rule {job['rule']}" + (f" ({named})" if named else ""))
    if told.get("made_as", told["file"]) != told["file"]:
        yield from _pair("made as", told["made_as"])
    if told["found"] == "stamp":
        yield from _pair("known from", "what the figure carries along; no record of the job is at hand")
    yield from _pair("configuration", job.get("config", ""))
    yield from _pair("commit", _commit(job.get("commit", ""), job.get("modified", False)))
    yield from _pair("code", job.get("code") or "not stated by the rule")
    environment = told.get("environment") or job
    packages = environment.get("packages", {})
    said = ", ".join(f"{name} {version}" for name, version in packages.items())
    yield from _pair(
        "packages", f"Python {environment.get('python', 'unknown')}, {said or 'no longer known'}"
    )
    yield from _files("inputs", job.get("inputs", {}))
    if told["found"] != "record":
        return
    direct = set(job["inputs"])
    rest = {path: digest for path, digest in told["given"].items() if path not in direct}
    if rest:
        yield from _files("rests on", rest)
    others = sorted({(each["commit"], each["config"]) for each in told["behind"]})
    own = (_commit(job["commit"], job["modified"]), job["config"])
    yield from _pair("jobs behind", str(len(told["behind"])))
    for commit, config in others:
        if (commit, config) != own:
            rules = sorted(
                {e["rule"] for e in told["behind"] if (e["commit"], e["config"]) == (commit, config)}
            )
            yield from _pair("some with", f"commit {commit}, configuration {config}: {', '.join(rules)}")


def _files(title: str, files: dict[str, str]) -> Iterator[str]:
    for k, (path, digest) in enumerate(sorted(files.items())):
        if k == FILES_SHOWN:
            yield from _pair("", f"and {len(files) - FILES_SHOWN} more (--json lists all)")
            return
        yield from _pair("" if k else title, f"{path}\nsha256 {digest}")
    if not files:
        yield from _pair(title, "none")


def _commit(commit: str, modified: bool) -> str:
    return f"{commit or 'not a git checkout'}{' with uncommitted changes' if modified else ''}"


def _pair(title: str, text: str) -> Iterator[str]:
    lines = [
        part
        for line in text.splitlines() or [""]
        for part in textwrap.wrap(one_line(line), WIDTH - 16, break_on_hyphens=False) or [""]
    ]
    for k, line in enumerate(lines):
        yield f"  {'' if k else title:<14}{line}"


if __name__ == "__main__":
    sys.exit(main())
