"""The steps of the devices' half as functions: a file, its non-idealities, a profile, the next device.

They do what the workflow's jobs do, with the settings and seeds of `config.yaml` unless others are given,
so that a device has the numbers here that it has in the usability table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from codesign.fabrication.propose import Proposals
from codesign.fabrication.propose import propose as propose_from
from codesign.fabrication.search import Search
from codesign.fabrication.space import Space
from codesign.interface.standard import ConfigError, extraction_of, seed_of, settings_of
from codesign.iv.importers import import_file as import_instrument_file
from codesign.iv.measurement import Measurement, MeasurementError, read_measurement
from codesign.iv.names import device_id, is_conditions_workbook
from codesign.nonideality.device import extract as extract_row
from codesign.nonideality.profile import DeviceProfile
from codesign.nonideality.profiling import profile_of, with_ratios
from codesign.schemas.device import DEVICE
from codesign.seeds import generator
from codesign.variables import Variables


def import_file(
    path: Path | str, *, device: str | None = None, conditions: Sequence[Path | str] | None = None
) -> Measurement:
    """Read one measurement: an instrument file with its sidecar, or a canonical `.parquet`.

    Nothing is written.

    Args:
        path: Any file that `data/raw` takes, or one of `data/iv`.
        device: Id it gets; None: from the file's name, as in the workflow. A canonical file has its own.
        conditions: Conditions workbooks to look an instrument file up in; None for those beside it, as the
            workflow takes those of `data/raw`.

    Returns:
        Cycles of voltages [V] and currents [A], with what is known of the device.

    Raises:
        codesign.iv.importers.ImportRefused: The instrument file cannot be used; the message names place and
            remedy.
        codesign.iv.measurement.MeasurementError: The canonical file cannot, or holds a refused measurement.
    """
    path = Path(path)
    if path.suffix.lower() != ".parquet":
        books = _books_beside(path) if conditions is None else [Path(each) for each in conditions]
        return import_instrument_file(path, device=device or device_id(path.name), conditions=books)
    measurement = read_measurement(path)
    if measurement.metadata.status == "refused":
        raise MeasurementError(f"{path}: refused when it was imported: {measurement.metadata.reason}")
    return measurement if device is None else _called(measurement, device)


def _books_beside(path: Path) -> list[Path]:
    if not path.parent.is_dir():
        return []  # the import says that there is no file
    return sorted(each for each in path.parent.iterdir() if is_conditions_workbook(each.name))


def _called(measurement: Measurement, device: str) -> Measurement:
    return replace(measurement, metadata=replace(measurement.metadata, device=device))


def extract(
    measurement: Measurement, *, config: Path | str | None = None, seed: int | None = None
) -> dict[str, object]:
    """The non-idealities of one device.

    Args:
        measurement: Of `import_file`.
        config: A `config.yaml`, whose `extraction` says how; None for the one that comes with the program.
        seed: Root seed of the bootstrap behind the intervals; None for that of the configuration.

    Returns:
        A row of the usability table: `usability` U, `fidelity` F (both 0 ... 1, with intervals), `eta`,
        `sigma`, the curve in siemens and more (`codesign.schemas.device.DEVICE` has every column and unit).
        Where nothing can be read, `status` is no_usability and `reason` says why and what to do.

    Raises:
        codesign.interface.standard.ConfigError: The configuration does not say how.
    """
    root = seed_of(config) if seed is None else seed
    return extract_row(
        measurement, extraction_of(config), generator(root, "bootstrap", measurement.metadata.device)
    )


def profile(
    row: Mapping, measurement: Measurement | None = None, *, config: Path | str | None = None
) -> DeviceProfile:
    """What a network is programmed on: the device's levels, range and spread.

    Args:
        row: Of `extract`, or of the usability table.
        measurement: The one it was extracted from; with it the profile holds the ratios of the device's own
            cycles, which programming draws from. None: its log-normal law is left.
        config: As in `extract`; the same.

    Raises:
        codesign.nonideality.profile.ProfileError: The device has no usability (too few cycles or points,
            ...); the message repeats its reason. Or the measurement is of another device.
        codesign.interface.standard.ConfigError: The configuration does not say how.
    """
    how = extraction_of(config)
    found = profile_of(row, min_operative_fraction=how.min_operative_fraction)
    return found if measurement is None else with_ratios(found, measurement, how)


def propose(
    devices: pa.Table | Iterable[Mapping],
    *,
    config: Path | str | None = None,
    seed: int | None = None,
    **changes: object,
) -> Proposals:
    """The next devices to make.

    Args:
        devices: Rows of `extract`, or a usability table. Those whose conditions (`fabrication.variables`; the
            paper's five unless the configuration says others) are known inform the search.
        config: A `config.yaml`, whose `fabrication` says what can be made and how it is searched; None for
            the one that comes with the program.
        seed: Root seed; None for that of the configuration.
        changes: Keys of `fabrication` in place of the configuration's, e.g. `batch=1`, `space={...}`.

    Returns:
        `rows`, best first (`codesign.schemas.proposals.PROPOSALS`), and `card`, what is known and whether to
        go on.

    Raises:
        codesign.interface.standard.ConfigError: A key that `fabrication` does not have.
        codesign.fabrication.space.SpaceError: A condition or an exclusion does not fit the space.
        ValueError: A value of the search is out of range.
    """
    said = dict(settings_of(config, "fabrication"))
    unknown = sorted(set(changes) - set(said))
    if unknown:
        raise ConfigError(f"fabrication has no key {unknown[0]}; it has {', '.join(said)}")
    said |= changes
    variables = Variables.of(said.pop("variables"))
    space = Space(said.pop("space"), said.pop("exclude"), variables)
    if not isinstance(devices, pa.Table):
        devices = pa.Table.from_pylist([dict(row) for row in devices], schema=DEVICE)
    root = seed_of(config) if seed is None else seed
    return propose_from(devices, space, Search(**said), seed=root)
