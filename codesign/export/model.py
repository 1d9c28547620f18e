"""What is known of a device when it leaves the house: its profile, and where the numbers come from."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codesign.iv.measurement import MeasurementError, read_measurement
from codesign.nonideality.branch import Extraction
from codesign.nonideality.found import Found, find_device
from codesign.nonideality.profile import DeviceProfile, ProfileError
from codesign.nonideality.profiling import profile_of, with_ratios
from codesign.variables import stored_conditions

FACTS = ("perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm", "contact", "measured_at", "instrument")
"""Columns of the device's row that say how it was made and measured."""
LICENCE = (
    "Code: Apache-2.0, from codesign. Numbers: they belong to whoever measured the device; "
    "ask before passing them on."
)


class ExportError(ValueError):
    """A device cannot be exported as asked; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """A device's profile with its origin."""

    profile: DeviceProfile
    facts: Mapping[str, str | float | None]
    """`FACTS`."""
    conditions: Mapping[str, str | float]
    """What the laboratory says besides of how the device was made, by names of its own."""
    source_file: str
    """Name of the instrument file, '' where unknown."""
    source_sha256: str
    voltage_v: tuple[float | None, ...]
    """Mean voltage of each point of the operative window [V]; None where nothing was recorded."""
    confidence: float
    """Of the intervals on usability and fidelity."""
    version: str
    """Of the program that exports it."""
    exported: str
    """ISO 8601 date."""


def load(
    name: str, *, results: Path | None, measurement: Path | None, exported: str
) -> tuple[DeviceModel, str]:
    """The model of a device, with the ratios of its own cycles where its measurement is at hand.

    Args:
        name: An id in the usability table, or the file of its row.
        results: Folder with usability.parquet; None for the usual ones.
        measurement: File with the device's sweeps; None for the one that the workflow read.
        exported: ISO 8601 date.

    Returns:
        The model, and '' or a sentence that says why it has no ratios.

    Raises:
        FoundError: No such device.
        ProfileError: The device has no usability, or is another one than the measurement's.
        ExportError: The device's row or the settings it was extracted with are not at hand, or the
            measurement cannot be read or is not the one that the row was extracted from.
        TableError: A table cannot be read.
    """
    found = find_device(name, results, columns=("device", "status", "reason"))
    if found.row["status"] != "ok":
        raise ProfileError(
            f"device {found.row['device']} has no profile: {found.row['reason'] or found.row['status']}"
        )
    if not found.path.is_file():
        raise ExportError(
            f"{found.path} is not there, which says how the device was extracted; "
            f"`snakemake --cores 2 {found.path}` makes it, or --results names the folder that has it"
        )
    row = find_device(str(found.path), results).row
    if row["device"] != found.row["device"]:
        raise ExportError(
            f"{found.path}: the row of another device, {row['device']}; delete it and run the workflow again"
        )
    how = _extraction(found)
    profile = profile_of(row, min_operative_fraction=how.min_operative_fraction)
    sweeps = measurement or _sweeps(found.folder, row)
    without = ""
    if sweeps.is_file() or measurement:
        profile = _with_ratios(profile, row, sweeps, how)
    else:
        without = f"without ratios of the device's own cycles: {sweeps} is not there; --measurement names it"
    window = slice(profile.window_start, profile.window_start + profile.window_length)
    model = DeviceModel(
        profile=profile,
        facts={fact: row[fact] for fact in FACTS},
        conditions=stored_conditions(row),
        source_file=row["source_file"],
        source_sha256=row["source_sha256"],
        voltage_v=tuple(row["voltage_v"][window]),
        confidence=how.confidence,
        version=_version(),
        exported=exported,
    )
    return model, without


def _extraction(found: Found) -> Extraction:
    """The settings that the row was extracted with."""
    try:
        return Extraction(**found.extraction())
    except (TypeError, ValueError) as error:
        raise ExportError(
            f"{found.path} does not say how the device was extracted, or says it as another version did "
            f"({error}); delete it and run the workflow again"
        ) from error


def _version() -> str:
    try:
        return importlib.metadata.version("codesign")
    except importlib.metadata.PackageNotFoundError:  # run from its folder
        return "not installed"


def _sweeps(folder: Path, row: Mapping) -> Path:
    """Where the workflow keeps the sweeps of a device."""
    near = folder / "iv" if row["origin"] == "virtual" else folder.resolve().parent / "data/iv"
    return near / f"{row['device']}.parquet"


def _with_ratios(profile: DeviceProfile, row: Mapping, sweeps: Path, how: Extraction) -> DeviceProfile:
    try:
        measurement = read_measurement(sweeps)
    except (MeasurementError, FileNotFoundError) as error:
        raise ExportError(f"the measurement of {profile.profile} cannot be read: {error}") from error
    digest = measurement.metadata.source_sha256
    if digest != row["source_sha256"]:
        raise ExportError(
            f"{sweeps} holds another measurement (source sha256 {digest or 'none'}) than the one device "
            f"{profile.profile} was extracted from ({row['source_sha256'] or 'none'}); "
            "run `snakemake --cores 2 usability`, or name the right file with --measurement"
        )
    return with_ratios(profile, measurement, how)
