"""What the results were made from: configuration, code, packages, measurements, data sets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from codesign.files import sha256_of
from codesign.pages.html import Column, escaped, page, table
from codesign.provenance.records import Record, Records

SHORT = 12
"""Digits of a digest that a person compares; records have all 64."""
MAIN_PACKAGES = ("numpy", "scipy", "torch", "botorch", "pyarrow", "matplotlib")
"""Named at the top; the table at the end has all."""


@dataclass(frozen=True)
class Made:
    """What there is to say of everything behind a set of results."""

    results: Mapping[str, str]
    """Published file to sha256."""
    jobs: Sequence[Record]
    """Every job behind them."""
    given: Mapping[str, str]
    """Files that no job made, with sha256."""
    devices: Sequence[Mapping]
    """Rows of `DEVICE`: instrument file and its sha256."""
    datasets: Mapping[str, Mapping]
    """Experiment to where its examples came from (`codesign.tasks.contract.DataSource`)."""
    configs: Mapping[str, Mapping]
    """Configuration by digest."""
    environments: Mapping[str, Mapping]
    """Versions of Python and packages by digest."""


def made_from(
    records: Records,
    published: Sequence[Path],
    *,
    devices: Sequence[Mapping],
    datasets: Mapping[str, Mapping],
) -> Made:
    """Everything behind these files, as the records have it.

    A job counts if it wrote the very bytes that lie there now.
    """
    results = {str(path): sha256_of(path) for path in published}
    makers = [
        (path, record)
        for path, digest in results.items()
        if (record := records.at_path(path)) is not None and record.outputs[path] == digest
    ]
    jobs, given = records.ancestry(makers)
    return Made(
        results=results,
        jobs=jobs,
        given=given,
        devices=devices,
        datasets=datasets,
        configs={job.config: records.config_of(job) for job in jobs},
        environments={job.environment: records.environment_of(job) for job in jobs},
    )


def provenance_page(made: Made) -> str:
    """The page."""
    commits = sorted({_commit(job) for job in made.jobs})
    configs = sorted({job.config for job in made.jobs})
    pythons = sorted({said.get("python", "?") for said in made.environments.values()})
    sources = sorted({row["source_file"] for row in made.devices if row["source_file"]})
    facts = [
        ("configuration", ", ".join(digest[:SHORT] for digest in configs)),
        ("git commit", ", ".join(commits)),
        ("Python", ", ".join(pythons)),
        ("packages", _versions(made.environments)),
        ("instrument files", f"{len(sources)}, checksums below" if sources else "none: synthetic devices"),
        ("data sets", "; ".join(_dataset(name, source) for name, source in sorted(made.datasets.items()))),
        ("jobs behind the results", str(len(made.jobs))),
    ]
    several = [
        f"{len(found)} {name}s are behind these results; the tables below say which made what."
        for name, found in (("configuration", configs), ("commit", commits))
        if len(found) > 1
    ]
    front = [
        table((Column("what"), Column("which")), facts, name="provenance"),
        *(f'<p class="warning">{escaped(text)}</p>' for text in several),
        '<p class="small">For any single file: <code>codesign provenance FILE</code>.</p>',
    ]
    rest = [
        "<h2>Results</h2>",
        _results(made),
        "<h2>Jobs by rule</h2>",
        _rules(made.jobs),
        "<h2>Measurements</h2>",
        _measurements(made),
        "<h2>Other files that no job made</h2>" if _others(made) else "",
        _others(made),
        "<h2>Configuration</h2>",
        *(f"<p>{escaped(digest)}</p>{_json(config)}" for digest, config in sorted(made.configs.items())),
        "<h2>Packages</h2>",
        _packages(made.environments),
    ]
    return page("What the results were made from", front=front, rest=rest)


def _commit(job: Record) -> str:
    return (job.commit[:SHORT] or "no checkout") + (" with changes" if job.modified else "")


def _dataset(experiment: str, source: Mapping) -> str:
    digest = f", sha256 {source['sha256'][:SHORT]}" if source.get("sha256") else ""
    variant = f", {source['variant']}" if source.get("variant") else ""
    obtained = source.get("obtained", "unknown")
    return f"{experiment}: {source.get('dataset', 'unknown')} ({obtained}{variant}{digest})"


def _versions(environments: Mapping[str, Mapping]) -> str:
    found = _by_package(environments)
    return ", ".join(f"{name} {found[name]}" for name in MAIN_PACKAGES if name in found)


def _by_package(environments: Mapping[str, Mapping]) -> dict[str, str]:
    """Name to version; several versions where jobs differed."""
    found: dict[str, set[str]] = {}
    for environment in environments.values():
        for name, version in environment.get("packages", {}).items():
            found.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(versions)) for name, versions in sorted(found.items())}


def _results(made: Made) -> str:
    makers = {path: job for job in made.jobs for path in job.outputs}
    columns = (
        Column("file", "code"),
        Column("sha256", "code"),
        Column("rule"),
        Column("code", "code"),
        Column("configuration", "code"),
        Column("commit", "code"),
    )
    rows = []
    for path, digest in sorted(made.results.items()):
        job = makers.get(path)
        told = (
            ("no record", "", "", "")
            if job is None
            else (job.rule, job.code, job.config[:SHORT], _commit(job))
        )
        rows.append([path, digest[: 2 * SHORT], *told])
    return table(columns, rows, name="results")


def _rules(jobs: Sequence[Record]) -> str:
    grouped: dict[str, list[Record]] = {}
    for job in jobs:
        grouped.setdefault(job.rule, []).append(job)
    columns = (
        Column("rule"),
        Column("jobs", "number"),
        Column("files", "number"),
        Column("code", "code"),
        Column("configuration", "code"),
        Column("commit", "code"),
    )
    rows = [
        [
            rule,
            len(of_rule),
            sum(len(job.outputs) for job in of_rule),
            _all(job.code for job in of_rule),
            _all(job.config[:SHORT] for job in of_rule),
            _all(_commit(job) for job in of_rule),
        ]
        for rule, of_rule in sorted(grouped.items())
    ]
    return table(columns, rows, name="rules")


def _all(texts) -> str:
    return ", ".join(sorted(set(texts)))


def _measurements(made: Made) -> str:
    files = {PurePath(path).stem: (path, digest) for path, digest in _sweeps(made).items()}
    columns = (
        Column("device"),
        Column("origin"),
        Column("instrument file"),
        Column("its sha256", "code"),
        Column("canonical file", "code"),
        Column("its sha256", "code"),
    )
    rows = []
    for row in sorted(made.devices, key=lambda row: row["device"]):
        path, digest = files.get(row["device"], ("", ""))
        source = (row["source_file"], row["source_sha256"][: 2 * SHORT])
        rows.append([row["device"], row["origin"], *source, path, digest[: 2 * SHORT]])
    return table(columns, rows, name="measurements")


def _sweeps(made: Made) -> dict[str, str]:
    """Canonical measurement files: imported, put there by hand, or synthetic."""
    every = {**made.given, **{path: digest for job in made.jobs for path, digest in job.outputs.items()}}
    return {path: digest for path, digest in every.items() if PurePath(path).parent.name == "iv"}


def _others(made: Made) -> str:
    sweeps = _sweeps(made)
    rows = [[path, digest] for path, digest in made.given.items() if path not in sweeps]
    return table((Column("file", "code"), Column("sha256", "code")), rows, name="given") if rows else ""


def _json(config: Mapping) -> str:
    return f"<pre>{escaped(json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False))}</pre>"


def _packages(environments: Mapping[str, Mapping]) -> str:
    rows = _by_package(environments).items()
    return table((Column("package"), Column("version")), rows, name="packages")
