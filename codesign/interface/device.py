"""A device as a caller names it: a file, a profile or a name in results, to the profile that is programmed.

`READERS` has a function for each kind of file, `TABLES` for each kind of Parquet table, known by its columns.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from codesign.export.json_model import FORMAT, read_json
from codesign.export.model import ExportError, load
from codesign.files import remedy_for, trouble_with
from codesign.interface.standard import ConfigError, extraction_of
from codesign.interface.steps import extract, import_file, profile
from codesign.iv.formats import raw_suffixes
from codesign.iv.importers import ImportRefused
from codesign.iv.measurement import Measurement, MeasurementError
from codesign.nonideality.found import FOLDERS, FoundError
from codesign.nonideality.profile import DeviceProfile, ProfileError, read_profiles
from codesign.schemas.device import DEVICE
from codesign.schemas.measurement import SWEEPS
from codesign.schemas.profile import PROFILE
from codesign.tables import TableError

REFUSALS = (
    ConfigError,
    ExportError,
    FoundError,
    ImportRefused,
    MeasurementError,
    ProfileError,
    TableError,
)
"""What readers raise; their messages name file and remedy."""


class DeviceError(ValueError):
    """No profile can be made of what was given; the message names it and says what to do."""


class Subject(NamedTuple):
    """A device to program on."""

    profile: DeviceProfile
    confidence: float
    """Of the interval of its fidelity."""
    notes: tuple[str, ...] = ()
    """What reading it noted."""


class _Asked(NamedTuple):
    """Where to look, and how to extract."""

    results: Path | None
    config: Path | None


def subject_of(
    device: DeviceProfile | Measurement | Path | str,
    *,
    results: Path | str | None = None,
    config: Path | str | None = None,
) -> Subject:
    """The profile of a device.

    Args:
        device: An instrument file (read like those of `data/raw`, with its sidecar), a canonical
            measurement, the row of a device (`results/devices/NAME.parquet`), a table of one profile, an
            exported device (`codesign export --to json`), a measurement or profile in memory, or the id of a
            device in results.
        results: Folder with usability.parquet for an id; None for the usual ones.
        config: A `config.yaml`, whose `extraction` says how files are extracted; None for the one that comes
            with the program.

    Raises:
        DeviceError: No such device or file, a file that a reader refuses, or a device without usability.
        TypeError: Anything else was given.
    """
    asked = _Asked(Path(results) if results else None, Path(config) if config else None)
    try:
        if isinstance(device, DeviceProfile):
            return Subject(device, extraction_of(asked.config).confidence)
        if isinstance(device, Measurement):
            return _extracted(device, asked)
        if not isinstance(device, str | Path):
            raise TypeError(
                f"a device is a file, a profile or the id of one in results, got {type(device).__name__}"
            )
        return _named(device, asked)
    except REFUSALS as error:
        raise DeviceError(str(error)) from error


def is_by_id(device: str, *, results: Path | str | None = None) -> bool:
    """Whether results have a device of this id."""
    try:
        _in_results(device, _Asked(Path(results) if results else None, None))
    except REFUSALS:
        return False
    return True


def _named(device: Path | str, asked: _Asked) -> Subject:
    path = Path(device)
    kind = path.suffix.lower()
    if isinstance(device, Path) and path.is_dir():
        raise DeviceError(f"{path} is a folder; give one file of it")
    if kind in READERS or kind in raw_suffixes() or path.is_file() or isinstance(device, Path):
        return READERS.get(kind, _instrument_file)(path, asked)
    return _by_id(str(device), asked)


def _by_id(name: str, asked: _Asked) -> Subject:
    """A device of results; a word that is none may be a folder's, or that of a file that is not there."""
    try:
        return _in_results(name, asked)
    except FoundError as error:
        if Path(name).is_dir():
            raise DeviceError(f"{name} is a folder; give one file of it") from error
        folders = [asked.results] if asked.results else [Path(folder) for folder in FOLDERS]
        if not any((folder / "usability.parquet").is_file() for folder in folders):
            looked = " or ".join(str(folder / "usability.parquet") for folder in folders)
            raise DeviceError(
                f"no file {name}, and no results to look an id up in ({looked}): give the file's path, or "
                "name the folder of results"
            ) from error
        raise


def _in_results(name: str, asked: _Asked) -> Subject:
    """A device by its id, or by the file of its row."""
    model, without = load(name, results=asked.results, measurement=None, exported="")
    return Subject(model.profile, model.confidence, (without,) if without else ())


def _instrument_file(path: Path, asked: _Asked) -> Subject:
    return _extracted(import_file(path), asked)


def _extracted(measurement: Measurement, asked: _Asked) -> Subject:
    row = extract(measurement, config=asked.config)
    made = profile(row, measurement, config=asked.config)
    notes = tuple(note for note in (row["notes"],) if note)
    return Subject(made, extraction_of(asked.config).confidence, notes)


def _json(path: Path, asked: _Asked) -> Subject:
    """An exported device; any other JSON is an instrument's."""
    if trouble := trouble_with(path):
        raise DeviceError(f"{path}: {trouble}; {remedy_for(trouble)}")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return _instrument_file(path, asked)
    if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
        return _instrument_file(path, asked)
    found = read_json(path)
    ratios = "" if found.log_ratio.size else f"{path.name} holds no ratios of the device's own cycles"
    return Subject(found, float(stored["readings"]["confidence"]), (ratios,) if ratios else ())


def _parquet(path: Path, asked: _Asked) -> Subject:
    """A table: what it holds is what its columns are of."""
    if trouble := trouble_with(path):
        raise DeviceError(f"{path}: {trouble}; name a device by its id, or give the file of a measurement")
    try:
        columns = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise DeviceError(f"{path}: not a complete Parquet file ({error}); get it again") from error
    for schema, read in TABLES:
        if set(schema.names) <= columns:
            return read(path, asked)
    raise DeviceError(
        f"{path}: neither a measurement, nor the row of a device, nor a profile; it has the columns "
        f"{', '.join(sorted(columns)[:8])}"
    )


def _one_profile(path: Path, asked: _Asked) -> Subject:
    found = read_profiles(path)
    if len(found) != 1:
        names = ", ".join(each.profile for each in found[:8])
        raise DeviceError(
            f"{path} holds {len(found)} profiles ({names}); choose one of "
            "codesign.nonideality.profile.read_profiles and give that"
        )
    return Subject(found[0], extraction_of(asked.config).confidence)


TABLES: tuple[tuple[pa.Schema, Callable[[Path, _Asked], Subject]], ...] = (
    (SWEEPS, _instrument_file),
    (DEVICE, lambda path, asked: _in_results(str(path), asked)),
    (PROFILE, _one_profile),
)
"""Columns of a Parquet file to what reads it."""
READERS: Mapping[str, Callable[[Path, _Asked], Subject]] = {".json": _json, ".parquet": _parquet}
"""Suffixes that are not an instrument's alone."""
