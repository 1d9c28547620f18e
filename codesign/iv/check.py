"""Look at measurement files without changing anything: what is wrong, where, and how to mend it.

The files are read by the very code that imports them, so whatever is an error
here is refused there, and the other way round.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.iv.discovery import DiscoveryError, find_copies, find_measurements
from codesign.iv.formats import raw_suffixes
from codesign.iv.importers import ImportRefused, import_one
from codesign.iv.importers.conditions import read_conditions
from codesign.iv.importers.limits import implausible
from codesign.iv.importers.samples import NOT_READ, missing_values, tells_of_a_cut
from codesign.iv.importers.sidecar import read_folder
from codesign.iv.measurement import Measurement, MeasurementError, Metadata, read_measurement
from codesign.iv.names import FOLDER_SIDECAR, device_id, is_conditions_workbook, is_raw_file, sidecar_of
from codesign.iv.signs import TURN_CURRENT, share_against, wrong_side
from codesign.schemas.conditions import CONDITION_COLUMNS

LEVELS = ("error", "warning", "note")
SIDECAR_SUFFIX = ".meta.yaml"
CONDITIONS = "conditions"
"""Where a finding about missing fabrication conditions is."""
MOSTLY = 0.5
"""Share of samples against the voltage from which the sign convention is the likely cause."""
IN_NAMES = {
    "perovskite": "MAI",
    "length_um": "1.5um_length",
    "diameter_nm": "200nm_diameter",
    "pb_min": "15min_Pb_ED",
    "ag_nm": "200nm_Ag",
}
"""How a file name says a condition, by example."""


@dataclass(frozen=True)
class Finding:
    """One thing to know about one file."""

    file: str
    level: str
    """`error`: it is refused; `warning`: it is imported, but a person should look; `note`: what was done."""
    where: str
    """Column, row or key; may be empty."""
    what: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level {self.level!r} is not one of {', '.join(LEVELS)}")


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Every file given, and every visible file of every folder given, once, in name order.

    Raises:
        FileNotFoundError: A path does not exist.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*"))
            visible = [f for f in inside if not any(p.startswith(".") for p in f.relative_to(path).parts)]
            found.update(dict.fromkeys(file for file in visible if file.is_file()))
        elif path.exists():
            found[path] = None
        else:
            raise FileNotFoundError(f"{path} does not exist")
    return list(found)


def check_files(
    files: Sequence[Path],
    *,
    conditions: Sequence[Path] = (),
    named: Sequence[Path] = (),
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> list[Finding]:
    """What there is to know about every file, in the order given.

    Args:
        files: Files of `files_in`.
        conditions: Conditions workbooks besides those in each file's folder and those among `files`.
        named: Files a person asked for by name; one of them that no importer reads
            is an error, another that only lies in a folder is a note.
        progress: Wraps the files to show how far the check is.
    """
    workbooks = [*conditions, *(file for file in files if is_conditions_workbook(file.name))]
    # what conditions a device lacks is said of its instrument file, which is read anew, not of its import too
    instrument = {(_home(file), device_id(file.name)) for file in files if is_raw_file(file.name)}
    found = [
        finding
        for file in progress(files)
        for finding in check_file(file, conditions=workbooks, named=file in named)
        if finding.where != CONDITIONS
        or file.suffix.lower() != ".parquet"
        or (_home(file), file.stem) not in instrument
    ]
    homes = dict.fromkeys(file.parent.parent for file in files if file.parent.name in ("iv", "raw"))
    return [*found, *(finding for home in homes for finding in check_layout(home))]


def check_file(path: Path, *, conditions: Sequence[Path] = (), named: bool = True) -> list[Finding]:
    """What there is to know about one file; empty where all is well.

    Args:
        path: An instrument file, a canonical .parquet, a sidecar or a conditions workbook.
        conditions: Conditions workbooks besides those in the file's folder.
        named: Whether a person asked for this very file; one that only lies in a
            folder and is no measurement is a note, not an error.
    """
    name = str(path)
    try:
        if path.name.endswith(SIDECAR_SUFFIX):
            return _sidecar(path)
        if is_conditions_workbook(path.name):
            read_conditions(path)
            return []
        if path.suffix.lower() == ".parquet":
            return list(_observations(path, read_measurement(path)))
        if not is_raw_file(path.name) and not named:
            kinds = ", ".join(raw_suffixes())
            return [Finding(name, "note", "", "no measurement; it is left alone", f"importers read {kinds}")]
        known = [*_beside(path, is_conditions_workbook), *conditions]
        workbooks = list({file.resolve(): file for file in known}.values())
        files = _same_device(path) if is_raw_file(path.name) else [path]
        measurement = import_one(files, device=device_id(path.name), conditions=workbooks)
        return list(_observations(path, measurement))
    except ImportRefused as refusal:
        return [Finding(name, "error", refusal.where, refusal.what, refusal.remedy)]
    except MeasurementError as error:
        what, _, remedy = str(error).removeprefix(f"{path}: ").partition("; ")
        return [Finding(name, "error", "", what, remedy or "make the file again from the instrument file")]
    except OSError as error:
        return [
            Finding(name, "error", "", f"cannot be read: {error.strerror}", "check the file's permissions")
        ]


def check_layout(folder: Path) -> list[Finding]:
    """Whether files below one folder claim one device, or two devices are one measurement.

    Looks into `iv` and `raw` of the folder; only where it has both can two files claim one device.
    """
    iv, raw = folder / "iv", folder / "raw"
    found = []
    if iv.is_dir() and raw.is_dir():
        try:
            find_measurements(iv=iv, raw=raw)
        except DiscoveryError as error:
            found.append(Finding(str(folder), "error", "", str(error), "rename one of the files"))
    return [*found, *_copies(iv, raw)]


def _copies(iv: Path, raw: Path) -> Iterator[Finding]:
    """Devices of one instrument file: renamed after its import, or there twice."""
    for copies in find_copies(iv=iv, raw=raw):
        kept = [copy for copy in copies if copy.raw]
        left = [copy for copy in copies if not copy.raw]
        if kept and left:
            names = ", ".join(str(file) for copy in kept for file in copy.raw)
            for copy in left:
                yield Finding(
                    str(copy.canonical), "warning", "",
                    f"made from an instrument file with the content of {names}: one measurement counts as "
                    "two devices",
                    f"if the file was renamed after its import, remove {copy.canonical}; nothing is removed "
                    "for you",
                )  # fmt: skip
            copies = kept
        if len(copies) > 1:
            each = [" and ".join(map(str, copy.files)) for copy in copies]
            devices = ", ".join(copy.device for copy in copies)
            yield Finding(
                str(copies[0].files[0]), "warning", "",
                f"{len(copies)} devices come from instrument files with one content: {devices}; one "
                f"measurement counts as {len(copies)} devices",
                f"remove all but one of: {'; '.join(each)}. Nothing is removed for you; leave them where "
                "their sidecars take different columns",
            )  # fmt: skip


def _home(path: Path) -> Path:
    """The folder that holds `iv` and `raw`, or else the file's own: one device id in it is one device."""
    return path.parent.parent if path.parent.name in ("iv", "raw") else path.parent


def _same_device(path: Path) -> list[Path]:
    """The file first, then every other instrument file of its folder with the same device id."""
    mine = device_id(path.name)
    others = [
        file for file in _beside(path, is_raw_file) if device_id(file.name) == mine and file.name != path.name
    ]
    return [path, *others]


def _beside(path: Path, wanted) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if wanted(file.name) and file.is_file())


def _sidecar(path: Path) -> list[Finding]:
    """A sidecar without an instrument file, which nothing reads; others are checked with their file."""
    if path.name == FOLDER_SIDECAR:
        read_folder(path)
        if _beside(path, is_raw_file):
            return []
        return [
            Finding(
                str(path), "warning", "", "its folder holds no instrument file: nobody reads this sidecar",
                "put it beside the instrument files it is for",
            )
        ]  # fmt: skip
    if any(sidecar_of(file) == path for file in _beside(path, is_raw_file)):
        return []
    stem = path.name.removesuffix(SIDECAR_SUFFIX)
    return [
        Finding(
            str(path), "warning", "", f"no instrument file is called {stem}: nobody reads this sidecar",
            f"call it NAME{SIDECAR_SUFFIX}, where NAME is the instrument file's name without its suffix",
        )
    ]  # fmt: skip


def _observations(path: Path, measurement: Measurement) -> Iterator[Finding]:
    """What to say of a file that can be read."""
    name, metadata = str(path), measurement.metadata
    if metadata.status == "refused":
        yield Finding(
            name, "error", "", f"holds no measurement: {metadata.reason}", "correct the instrument file"
        )
        return
    if wrong := wrong_side(measurement.voltage, metadata.polarity):
        yield Finding(name, "error", "column voltage", *wrong)
    against = share_against(measurement.voltage, measurement.current, metadata.polarity)
    if against > MOSTLY:
        yield Finding(
            name, "warning", "column current",
            f"the current runs against the voltage in {against:.0%} of the charging branch: its sign is "
            "wrong, so there will be no usability",
            TURN_CURRENT,
        )  # fmt: skip
    cycles = np.unique(measurement.cycle)
    if cycles.size == 1:
        yield Finding(
            name, "warning", f"cycle {cycles[0]}",
            "one cycle only: its spread from cycle to cycle is unknown, so there will be no usability",
            "measure more cycles, or state points_per_cycle in the sidecar where the file holds several",
        )  # fmt: skip
    yield from _unknown_conditions(path, metadata)
    yield from _implausible(name, measurement)
    large = implausible(measurement.voltage, measurement.current).values()
    missing = missing_values(measurement.cycle, measurement.current)
    for said in missing:
        what, _, which = said.partition(": ")
        remedy = "nothing, if the instrument recorded nothing there; such points are left out"
        yield Finding(name, "warning", f"cycles {which}", what, remedy)
    for note in metadata.notes:
        if tells_of_a_cut(note):
            yield Finding(
                name, "warning", "end of the file", note,
                "if the file was cut short, copy it again from the instrument; if it ends there, a line "
                "break at its end brings back a row left out",
            )  # fmt: skip
        elif NOT_READ in note:
            yield Finding(
                name, "warning", "sheets", note,
                "call sheets of one device Run1, Run2, ..., or save each device as a workbook of its own",
            )  # fmt: skip
        elif note not in (*missing, *large):
            yield Finding(name, "note", "", note)


def _unknown_conditions(path: Path, metadata: Metadata) -> Iterator[Finding]:
    """Fabrication conditions that the search for the next device needs and nobody wrote down."""
    unknown = [name for name in CONDITION_COLUMNS if getattr(metadata, name) is None]
    if not unknown:
        return
    sidecar = f"{', '.join(unknown)} into "
    if is_raw_file(path.name):
        examples = ", ".join(f"{name} as {IN_NAMES[name]}" for name in unknown)
        remedy = (
            f"write {sidecar}{sidecar_of(path).name} beside it, into {FOLDER_SIDECAR} for all files of the "
            f"folder, or into the file name ({examples})"
        )
    else:
        remedy = (
            f"write {sidecar}the file's metadata (codesign.iv.measurement.write_measurement), or into "
            f"NAME{SIDECAR_SUFFIX} beside its instrument file {metadata.source_file or 'NAME'} in data/raw"
        )
    yield Finding(
        str(path), "warning", CONDITIONS,
        f"not known: {', '.join(unknown)}; the device gets its usability, but does not count for the "
        "proposals of what to make next",
        remedy,
    )  # fmt: skip


def _implausible(name: str, measurement: Measurement) -> Iterator[Finding]:
    """Values so large that their unit is probably wrong."""
    for quantity, said in implausible(measurement.voltage, measurement.current).items():
        unit = "V" if quantity == "voltage" else "A"
        yield Finding(
            name,
            "warning",
            quantity,
            said,
            f"write the unit into the header, e.g. {quantity} (m{unit}), or {quantity}_scale into the "
            "sidecar",
        )
