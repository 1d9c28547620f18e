"""Which job made a file, from what, and with which settings, code and packages.

Every script runs inside `recorded(snakemake)`. When it ends well, one JSON record of the job
appears beside the logs (`logs/RULE/NAME.log` gives `provenance/RULE/NAME.json`), and the
configuration and the packages, which many jobs share, once each under their own digest. What the
job took goes to `benchmarks/RULE/NAME.tsv`, with the columns of Snakemake's benchmarks. Nothing of
this is in the bytes of a table: the same configuration gives the same tables whatever the commit, and
a record is nobody's input, so that it can make no job run. Figures, which are nobody's input either,
carry theirs along (`stamp`).
"""

import hashlib
import html
import json
import platform
import re
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePath

from codesign.files import replacing, sha256_of, trouble_with
from codesign.provenance.cost import cost_so_far, write_cost

FOLDER = "provenance"
COSTS = "benchmarks"
"""Both beside the folder of logs."""
SHARED = ("config", "environment")
"""What many jobs have in common; in folders of these names, called by its own sha256."""
CHECKOUT = Path(__file__).resolve().parents[2]
"""Of the library, where it is one."""
IMPORT_NAMES = {
    "scikit_learn": "sklearn",
    "pyyaml": "yaml",
    "pillow": "PIL",
    "python_dateutil": "dateutil",
    "nptdms": "nptdms",
}
"""Packages whose import name differs from the name they are installed by."""

_IMPORT = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_running: ContextVar[dict | None] = ContextVar("running", default=None)


class RecordError(ValueError):
    """A record cannot be read; the message names it."""


@dataclass(frozen=True)
class Record:
    """One job that ended well."""

    rule: str
    wildcards: Mapping[str, str]
    settings: Mapping
    """Parameters the script was given, as plain values."""
    code: str
    """`code_digest` of the script and the library code it reaches; empty where the rule states none."""
    commit: str
    """git commit of the library's checkout; empty where it is none."""
    modified: bool
    """Tracked files differed from that commit."""
    config: str
    """sha256 of the whole configuration."""
    environment: str
    """sha256 of the versions of Python and of every package the job's code imports."""
    inputs: Mapping[str, str]
    """Path to sha256, as found before the script read them."""
    outputs: Mapping[str, str]
    """Path to sha256, when the script ended."""


@contextmanager
def recorded(job, *, read: Iterable[str] = ()) -> Iterator[None]:
    """Write the record of the job that this block is, and what it took.

    A block that fails leaves neither, and takes the one of an earlier run away: what it would
    speak of is gone.

    Args:
        job: What Snakemake gives a script: `rule`, `wildcards`, `params`, `input`, `output`,
            `log` and `config`.
        read: Files that it reads besides its inputs.

    Raises:
        ValueError: The log is not below a folder called `logs`.
    """
    log = Path(job.log[0])
    results = results_of(log)
    root = results / FOLDER
    name = log.relative_to(results / "logs")
    place, spent = root / name.with_suffix(".json"), results / COSTS / name.with_suffix(".tsv")
    for old in (place, spent):
        old.unlink(missing_ok=True)
    settings = dict(job.params.items())
    commit, modified = commit_of(CHECKOUT)
    made = {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "settings": settings,
        "code": str(settings.pop("code", "")),
        "commit": commit,
        "modified": modified,
        "config": digest_of(job.config),
        "inputs": _digests([*job.input, *read]),
    }
    before = _running.set(made)
    try:
        yield
    finally:
        _running.reset(before)
    packages = imported_packages()
    made |= {"environment": digest_of(packages), "outputs": _digests(job.output)}
    for kind, value in zip(SHARED, (job.config, packages), strict=True):
        shared = root / kind / f"{made[kind]}.json"
        if not shared.exists():
            _write(value, shared)
    _write(asdict(Record(**made)), place)
    write_cost(cost_so_far(), spent)


def stamp() -> dict:
    """What a figure made by the running job carries along; empty outside a job.

    The same job with the same inputs, code, commit and packages gives the same stamp.
    """
    made = _running.get()
    if made is None:
        return {}
    kept = ("rule", "wildcards", "code", "commit", "modified", "config", "inputs")
    return {name: made[name] for name in kept} | imported_packages()


@contextmanager
def made_of(inputs: Iterable[Path | str]) -> Iterator[None]:
    """Inside the block figures carry these inputs alone, of all that the running job has.

    For jobs that draw several figures, each from inputs of its own.
    """
    made = _running.get()
    if made is None:
        yield
        return
    wanted = {str(path) for path in inputs}
    own = {path: digest for path, digest in made["inputs"].items() if path in wanted}
    before = _running.set(made | {"inputs": own})
    try:
        yield
    finally:
        _running.reset(before)


def stamped_alike(figure: Path) -> bool:
    """Whether a figure was made from the inputs and by the code of the running job; False outside one."""
    made = _running.get()
    if made is None:
        return False
    try:
        found = read_stamp(figure)
    except (OSError, ValueError):
        return False
    return all(found.get(name) == made[name] for name in ("code", "inputs"))


def results_of(log: Path | str) -> Path:
    """The results folder that a rule's log lies in: `results` of `results/logs/RULE/NAME.log`.

    Raises:
        ValueError: The log is not below a folder called `logs`.
    """
    parts = Path(log).parts
    if "logs" not in parts:
        raise ValueError(f"the log {log} is not below a folder called logs")
    return Path(*parts[: parts.index("logs")])


def digest_of(value) -> str:
    """sha256 of a JSON-like value, whatever the order of its keys."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def commit_of(folder: Path) -> tuple[str, bool]:
    """Commit of a checkout and whether tracked files differ from it; ('', False) where it is none.

    A folder inside somebody else's checkout is none: their commit says nothing about it.
    """
    if not (folder / ".git").exists():
        return "", False
    try:
        said = subprocess.run(
            ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "", False
    return said.removesuffix("-dirty"), said.endswith("-dirty")


def imported_packages() -> dict:
    """Version of Python and of every installed package that the code of this job imports by name.

    Read off the script and the modules of this library that are loaded, since what else is loaded
    depends on how the process started. Versions are read off the names of the metadata folders: a
    thousandth of a second, where reading the metadata would take a tenth in every job.
    """
    named = {"codesign", "snakemake"}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and (name == "__main__" or name.partition(".")[0] == "codesign"):
            named |= {found.lower() for found in _IMPORT.findall(Path(file).read_text(encoding="utf-8"))}
    found: dict[str, str] = {}
    for folder in reversed(sys.path):  # the first on the path is the one that is imported
        for path in sorted(Path(folder or ".").glob("*.dist-info")):
            name, _, version = path.name.removesuffix(".dist-info").partition("-")
            if IMPORT_NAMES.get(name.lower(), name).lower() in named:
                found[name.replace("_", "-")] = version
    return {"python": platform.python_version(), "packages": dict(sorted(found.items()))}


def read_stamp(path: Path) -> dict:
    """The stamp in a PNG, PDF or SVG; empty where there is none.

    Raises:
        RecordError: There is one, and it is not what `stamp` gives.
    """
    data = path.read_bytes()
    text = None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        text = _png_text(data)
    elif data.startswith(b"%PDF-"):
        found = re.search(rb"/Keywords \(((?:\\.|[^\\()])*)\)", data, re.DOTALL)
        text = found and re.sub(rb"\\(.)", rb"\1", found[1])
    elif data.startswith(b"<?xml") and (found := re.search(rb"<rdf:li>(\{[^<]*\})</rdf:li>", data)):
        text = html.unescape(found[1].decode("utf-8", "replace"))
    if text is None:
        return {}
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        stored = None
    if not _is_stamp(stored):
        raise RecordError(f"{path}: the origin written in it is not one that this project writes")
    return stored


def _is_stamp(stored: object) -> bool:
    """Whether this is what `stamp` gives: anybody can write anything into a figure."""
    if not isinstance(stored, dict) or not isinstance(stored.get("rule"), str):
        return False
    texts, objects = ("code", "commit", "config", "python"), ("wildcards", "inputs", "packages")
    return (
        all(isinstance(stored.get(name, ""), str) for name in texts)
        and all(_is_texts_by_text(stored.get(name, {})) for name in objects)
        and isinstance(stored.get("modified", False), bool)
    )


def _is_texts_by_text(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(each, str) for each in found.values())


class Records:
    """Every record below one folder, to look files up in.

    Args:
        results: Folder that holds `provenance`; paths in records are relative to the folder
            it is in.
    """

    def __init__(self, results: Path) -> None:
        self.root = results / FOLDER
        self.workdir = results.resolve().parent
        self.records = [
            read_record(path)
            for path in sorted(self.root.rglob("*.json"))
            if path.relative_to(self.root).parts[0] not in SHARED
        ]

    @cached_property
    def _by_path(self) -> dict[str, Record]:
        return {path: record for record in self.records for path in record.outputs}

    @cached_property
    def _by_digest(self) -> dict[str, list[tuple[str, Record]]]:
        found: dict[str, list[tuple[str, Record]]] = {}
        for record in self.records:
            for path, digest in record.outputs.items():
                found.setdefault(digest, []).append((path, record))
        return found

    def of_file(self, path: Path, sha256: str) -> list[tuple[str, Record]]:
        """Every job that made these bytes, with the path it gave them: the file's own path first,
        then the same name, then others.
        """
        name = self.name_of(path)

        def near(made: tuple[str, Record]) -> tuple:
            return made[0] != name, PurePath(made[0]).name != path.name, made[0]

        return sorted(self._by_digest.get(sha256, []), key=near)

    def at_path(self, name: str) -> Record | None:
        """The job that last wrote this path, whatever lies there now."""
        return self._by_path.get(name)

    def name_of(self, path: Path) -> str:
        """A path as records write it; as it is where it lies elsewhere."""
        resolved = path.resolve()
        return str(resolved.relative_to(self.workdir)) if resolved.is_relative_to(self.workdir) else str(path)

    def ancestry(self, made: Iterable[tuple[str, Record]]) -> tuple[list[Record], dict[str, str]]:
        """Every job behind these, the nearest first, and the files that no job made, with sha256.

        An input counts as made by the job that wrote those very bytes to that path.
        """
        jobs: dict[int, Record] = {}
        given: dict[str, str] = {}
        waiting = deque(record for _, record in made)
        while waiting:
            record = waiting.popleft()
            if id(record) in jobs:
                continue
            jobs[id(record)] = record
            for path, digest in sorted(record.inputs.items()):
                maker = self._by_path.get(path)
                if maker is not None and maker.outputs[path] == digest:
                    waiting.append(maker)
                else:
                    given[path] = digest
        return list(jobs.values()), dict(sorted(given.items()))

    def config_of(self, record: Record) -> dict:
        """The whole configuration of a job; empty where it was deleted."""
        return self._shared("config", record.config)

    def environment_of(self, record: Record) -> dict:
        """Versions of Python and packages of a job; empty where they were deleted."""
        return self._shared("environment", record.environment)

    def _shared(self, kind: str, digest: str) -> dict:
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise RecordError(f"{digest!r} is not the sha256 of a {kind}")
        try:
            return json.loads((self.root / kind / f"{digest}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise RecordError(f"{self.root / kind / digest}.json is not JSON ({error})") from error


def _digests(paths: Iterable[str]) -> dict[str, str]:
    return {str(path): sha256_of(path) for path in paths if not trouble_with(path)}


def _canonical(value) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)


def _write(value, path: Path) -> None:
    with replacing(path) as temporary:
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_record(path: Path) -> Record:
    """One record of a job.

    Raises:
        RecordError: It is none.
    """
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        texts = (record.rule, record.code, record.commit, record.config, record.environment)
        files = [*record.inputs.items(), *record.outputs.items()]
        if not all(isinstance(text, str) for text in (*texts, *(part for file in files for part in file))):
            raise TypeError("a text is none")
        if not _is_texts_by_text(record.wildcards) or not isinstance(record.settings, dict):
            raise TypeError("wildcards or settings are none")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RecordError(
            f"{path}: not a record of a job ({error}); delete it and make its files again"
        ) from error
    return record


def _png_text(data: bytes) -> bytes | None:
    at = 8
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        if kind == b"tEXt" and body.startswith(b"codesign\0"):
            return body.partition(b"\0")[2]
        at += size + 12
    return None
