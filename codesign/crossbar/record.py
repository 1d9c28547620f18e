"""Records of a crossbar at work: written once, never over another, and never taken for what they are not.

A record is a table of `codesign.schemas.crossbar.CROSSBAR` whose file metadata says where it
comes from: `evidence` (simulated | measured), and for a measured one the instrument,
its serial number, the digest of the wiring and the git commit. A measured record is
the bench's only trace: it cannot be made again from anything else.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codesign.crossbar.driver import MEASURED, SIMULATED
from codesign.files import replacing, sha256_of
from codesign.provenance.records import commit_of
from codesign.schemas.crossbar import CROSSBAR, UNCALIBRATED
from codesign.tables import metadata_of, read_table, write_table

REQUIRED = {
    SIMULATED: ("evidence", "device", "origin", "usability", "range_s"),
    MEASURED: ("evidence", "instrument", "serial", "wiring_sha256", "git_commit", "measured_at", "range_s"),
}
"""What the metadata of a record must say."""


ROOM_BYTES = 20_000_000
"""Free space asked for before a measurement; a record of 20 runs a method has some 3 MB."""
LONGEST_NAME = 56
"""Signs of a device's name in a figure; names made of instrument files have up to 180."""


class RecordError(ValueError):
    """A record is not what it is taken for, or would be lost; the message names file and remedy."""


def write_record(rows: Sequence[Mapping], path: Path | str, *, metadata: Mapping) -> None:
    """Write a record; a measured one only where no file is.

    Args:
        rows: Rows of `codesign.schemas.crossbar.CROSSBAR`.
        path: Where to.
        metadata: What the record says of itself; `REQUIRED` by its evidence.

    Raises:
        RecordError: The metadata is incomplete, or a measured record would go over a file.
    """
    path = Path(path)
    evidence = metadata.get("evidence")
    if evidence not in REQUIRED:
        raise RecordError(f"{path}: evidence must be one of {', '.join(REQUIRED)}, got {evidence!r}")
    missing = [name for name in REQUIRED[evidence] if not metadata.get(name)]
    if missing:
        raise RecordError(f"{path}: a {evidence} record must say {', '.join(missing)}")
    if evidence == SIMULATED:
        write_table(rows, path, schema=CROSSBAR, metadata=metadata)
        return
    # complete beside the target, then put there: unlike a rename, neither way replaces a file
    whole = path.with_name(f".{path.stem}.{os.getpid()}.parquet")
    try:
        write_table(rows, whole, schema=CROSSBAR, metadata=metadata, durable=True)
        _put(whole, path)
        with suppress(OSError):  # some file systems know no write protection
            path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    except FileExistsError:
        raise RecordError(
            f"{path} exists: bench measurements are only ever added; give this one another name (bench.run)"
        ) from None
    finally:
        whole.unlink(missing_ok=True)


def _put(whole: Path, path: Path) -> None:
    """Let `path`, which is not there, hold what `whole` does.

    Raises:
        FileExistsError: It is there.
    """
    try:
        os.link(whole, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with path.open("xb") as target:
            try:
                target.write(whole.read_bytes())
                target.flush()
                os.fsync(target.fileno())
            except OSError:
                path.unlink()
                raise


def keep_record(rows: Sequence[Mapping], path: Path, *, metadata: Mapping) -> Path:
    """Write a measured record, and where its folder does not take it, wherever there is room.

    Args:
        rows: As of `write_record`.
        path: Where to.
        metadata: What the record says of itself.

    Returns:
        Where it is: `path`, or a file of its name in the working folder, the home folder or that of
        temporary files.

    Raises:
        Exception: What went wrong first, where none of them takes it; the rows are printed before.
    """
    failure: Exception | None = None
    elsewhere = f"{path.stem}-{os.getpid()}{path.suffix}"
    for place in (
        lambda: path,
        lambda: Path.cwd() / elsewhere,
        lambda: Path.home() / elsewhere,
        lambda: Path(tempfile.gettempdir()) / elsewhere,
    ):
        try:  # asking for a folder can fail as well
            target = place()
            write_record(rows, target, metadata=metadata)
        except Exception as error:  # whatever it is, the measurement is worth another try
            failure = failure or error
            continue
        return target
    print(json.dumps({"metadata": dict(metadata), "rows": [dict(row) for row in rows]}, default=str))
    raise failure


def journal_of(record: Path) -> Path:
    """Where the rows of a measurement that goes on are kept: hidden, beside the record to be."""
    return record.with_name(f".{record.stem}.rows.jsonl")


def note(line: Mapping, journal: Path) -> None:
    """Append what the measurement says of itself, or a row: a killed process or a power cut leaves it.

    A journal that cannot be written stops no measurement.
    """
    with suppress(OSError), journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(dict(line), default=_plain) + "\n")
        file.flush()
        os.fsync(file.fileno())


def recover(record: Path) -> Path | None:
    """Make a record of what a measurement under this name left that was killed before it could write its own.

    Returns:
        The record, `{run}-interrupted-...`; None where nothing was left, or no row.
    """
    journal = journal_of(record)
    if not journal.is_file():
        return None
    lines = []
    for text in journal.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):  # the last line of a process that was killed
            lines.append(json.loads(text))
    said, rows = (lines[0], lines[1:]) if lines else ({}, [])
    kept = None
    if rows:
        said["interrupted"] = "the process was killed; recovered from its journal"
        at = datetime.fromtimestamp(journal.stat().st_mtime, UTC)
        kept = record.with_stem(f"{record.stem}-interrupted-{at:%Y%m%d%H%M%S}")
        kept = keep_record(rows, kept, metadata=said)
    journal.unlink()
    return kept


def _plain(value: object) -> object:
    """Arrays and numbers of numpy as JSON has them."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def require_room(path: Path) -> None:
    """Refuse to measure what could not be kept: tried out by writing a file beside `path`.

    Raises:
        RecordError: The record is there already, or its folder takes no file of `ROOM_BYTES`.
    """
    if path.exists():
        raise RecordError(
            f"{path} exists: bench measurements are only ever added; give this one another name (bench.run)"
        )
    trial = path.with_name(f".{path.stem}.{os.getpid()}.trial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with trial.open("xb") as file:
            file.write(bytes(ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RecordError(
            f"{path.parent}: a measurement could not be written there ({error.strerror}); make room or check "
            "the folder's permissions. Nothing was put on the array"
        ) from error
    finally:
        trial.unlink(missing_ok=True)


def receipt_file(record: Path, receipt: Path) -> None:
    """Write that a measurement is there: a job's output, as the measurement must never be one."""
    with replacing(receipt) as temporary:
        said = {"record": str(record), "sha256": sha256_of(record)}
        temporary.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def require_measured(evidence: str, name: str) -> None:
    """Refuse an instrument that is none.

    Args:
        evidence: What the driver says it is.
        name: What the instrument calls itself.

    Raises:
        RecordError: The evidence is another than `measured`.
    """
    if evidence != MEASURED:
        raise RecordError(
            f"{name} is no instrument but a simulated one: nothing it says is kept among bench measurements. "
            "Plug in the real one, or run without profiles/bench for the simulated twin"
        )


def read_record(path: Path | str) -> tuple[pa.Table, dict]:
    """A record, whatever its evidence, and what it says of itself.

    A file from before there was a calibration is read as networks without one.

    Raises:
        RecordError: It does not say where it comes from.
    """
    earlier = _lacks_calibration(path)
    known = pa.schema([field for field in CROSSBAR if field.name not in UNCALIBRATED])
    table = read_table(path, schema=known if earlier else CROSSBAR)
    metadata = metadata_of(table, path)
    if earlier:
        table = _uncalibrated(table)
    # measurements of earlier versions stay as they are, and call it `source`
    if "evidence" not in metadata and "source" in metadata:
        metadata = {"evidence" if name == "source" else name: value for name, value in metadata.items()}
    if metadata.get("evidence") not in REQUIRED:
        raise RecordError(f"{path}: does not say whether it is simulated or measured")
    return table, metadata


def _lacks_calibration(path: Path | str) -> bool:
    """Whether a file has none of the calibration's columns; what is no table is left to `read_table`."""
    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return False
    return not names & set(UNCALIBRATED)


def _uncalibrated(table: pa.Table) -> pa.Table:
    """The table with the columns of a calibration that there was not."""
    for k, field in enumerate(CROSSBAR):
        if field.name in UNCALIBRATED:
            column = pa.array([UNCALIBRATED[field.name]] * table.num_rows, type=field.type)
            table = table.add_column(k, field, column)
    return table


def read_measured(path: Path | str) -> tuple[pa.Table, dict]:
    """A record of the bench.

    Raises:
        RecordError: It is simulated, or does not say what a measured record must say.
    """
    table, metadata = read_record(path)
    if metadata["evidence"] != MEASURED:
        raise RecordError(
            f"{path} is {metadata['evidence']}, not measured: it has no place among bench measurements"
        )
    missing = [name for name in REQUIRED[MEASURED] if not metadata.get(name)]
    if missing:
        raise RecordError(f"{path}: a measured record must say {', '.join(missing)}")
    return table, metadata


def read_records(paths: Sequence[Path | str], *, measured: bool) -> tuple[list[dict], dict]:
    """Rows of files that are one record, and what all of them say of themselves.

    Args:
        paths: A measured record is one file; a simulated one may be a file a method.
        measured: Whether it must be one of the bench, or must not.

    Raises:
        RecordError: Of other evidence, or files that say different things.
    """
    rows, said = [], None
    for path in paths:
        table, metadata = (read_measured if measured else read_record)(path)
        if not measured and metadata["evidence"] != SIMULATED:
            raise RecordError(f"{path} is {metadata['evidence']}: it has no place among simulated results")
        if said is not None and metadata != said:
            raise RecordError(
                f"{path} and {paths[0]} are not of one record: what they say of themselves differs"
            )
        said = metadata
        rows += table.to_pylist()
    if said is None:
        raise RecordError("no file of a record")
    return rows, said


def task_said(metadata: Mapping, *, otherwise: str | None) -> tuple[str, str]:
    """The task of a record, and its data set as figures say it.

    Args:
        metadata: Of the record.
        otherwise: Task of the configuration's experiment, for a record that does not say its own; None
            where it has none.

    Raises:
        RecordError: Nobody says it.
    """
    task = metadata.get("task") or otherwise
    if task is None:
        raise RecordError(
            "the record does not say the task of its networks, and the configuration leaves it out: put the "
            "experiment that crossbar.experiment names back under experiments"
        )
    return task, metadata.get("dataset") or task


def cells_said(metadata: Mapping) -> str:
    """What the cells are, as figures say it."""
    if metadata["evidence"] == MEASURED:
        array = metadata.get("array") or "not named"
        return f"{array}, {metadata['instrument']} {metadata['serial']}, {metadata['measured_at']}"
    name = metadata["device"]
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 13]} … {name[-10:]}"
    return f"modelled on {name} ({metadata['origin']}), U = {metadata['usability']:.2f}"


def git_commit(folder: Path | str) -> str:
    """The commit that stands in `folder`, with `-dirty` where tracked files differ from it.

    Raises:
        RecordError: There is no git, or no commit; a measurement must say what made it.
    """
    commit, modified = commit_of(Path(folder))
    if not commit:
        raise RecordError(f"{folder}: no git commit to record; work in a checkout")
    return f"{commit}-dirty" if modified else commit
