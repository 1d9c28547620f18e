"""Look at measurement files without changing anything: what is wrong, where, and how to mend it.

The files are read by the very code that imports them, so whatever is an error
here is refused there, and the other way round.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.files import remedy_for, trouble_with
from codesign.iv.conditions import CONDITIONS, PAPERS, Varied, condition_findings
from codesign.iv.discovery import DiscoveryError, find_copies, find_left_out, find_measurements, is_data
from codesign.iv.formats import raw_suffixes
from codesign.iv.importers import ImportRefused, import_one
from codesign.iv.importers.conditions import read_conditions
from codesign.iv.importers.device_list import FILE, THOUSANDS, read_device_list
from codesign.iv.importers.limits import implausible
from codesign.iv.importers.samples import FLAT, NOT_READ, missing_values, tells_of_a_cut
from codesign.iv.importers.sidecar import read_folder
from codesign.iv.measurement import Measurement, MeasurementError, read_measurement
from codesign.iv.names import (
    DEVICE_LISTS,
    FOLDER_SIDECAR,
    device_id,
    is_conditions_workbook,
    is_raw_file,
)
from codesign.iv.signs import TURN_CURRENT, share_against, wrong_side

LEVELS = ("error", "warning", "note")
LEFT_OUT = "the run leaves it out"
"""How a finding about a file begins that lies where nothing reads it."""
SIDECAR_SUFFIX = ".meta.yaml"
MOSTLY = 0.5
"""Share of samples against the voltage from which the sign convention is the likely cause."""


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
            found.update(dict.fromkeys(file for file in visible if not file.is_dir()))
        elif path.exists() or path.is_symlink():
            found[path] = None
        else:
            raise FileNotFoundError(f"{path} does not exist")
    return list(found)


def check_files(
    files: Sequence[Path],
    *,
    conditions: Sequence[Path] = (),
    named: Sequence[Path] = (),
    varied: Varied = PAPERS,
    progress: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> list[Finding]:
    """What there is to know about every file, in the order given.

    Args:
        files: Files of `files_in`.
        conditions: Conditions workbooks besides those in each file's folder and those among `files`.
        named: Files a person asked for by name; one of them that no importer reads
            is an error, another that only lies in a folder is a note.
        varied: What the laboratory varies: conditions that a device should have.
        progress: Wraps the files to show how far the check is.
    """
    workbooks = [*conditions, *(file for file in files if is_conditions_workbook(file.name))]
    folders = Folders()

    def check(file: Path) -> list[Finding]:
        asked_for = file in asked
        return check_file(file, conditions=workbooks, named=asked_for, folders=folders, varied=varied)

    asked = set(named)
    # what conditions a device lacks is said of its instrument file, which is read anew, not of its import too
    instrument = {(_home(file), device_id(file.name)) for file in files if is_raw_file(file.name)}
    homes = dict.fromkeys(home for file in files if (home := _laboratory(file)) is not None)
    unread = {
        left.path: Finding(str(left.path), "warning", "", f"{LEFT_OUT}: {left.why}", left.remedy)
        for home in homes
        for left in find_left_out(iv=home / "iv", raw=home / "raw")
    }
    found = [
        finding
        for file in progress(files)
        for finding in (
            [unread[file], *_errors_of(file, workbooks, folders)] if file in unread else check(file)
        )
        if finding.where != CONDITIONS
        or file.suffix.lower() != ".parquet"
        or (_home(file), file.stem) not in instrument
    ]
    return [*found, *(finding for home in homes for finding in check_layout(home))]


def _errors_of(path: Path, conditions: Sequence[Path], folders: "Folders") -> list[Finding]:
    """What would be refused of a file that nothing reads where it lies."""
    found = check_file(path, conditions=conditions, named=False, folders=folders)
    return [finding for finding in found if finding.level == "error"]


class Folders:
    """What lies beside a file, each folder listed once."""

    def __init__(self) -> None:
        self._listed: dict[Path, tuple[list[Path], dict[str, list[Path]], set[str]]] = {}

    def _of(self, path: Path) -> tuple[list[Path], dict[str, list[Path]], set[str]]:
        folder = path.parent
        if folder not in self._listed:
            names = sorted(each.name for each in folder.iterdir())
            raw: dict[str, list[Path]] = {}
            for name in filter(is_raw_file, names):
                raw.setdefault(device_id(name), []).append(folder / name)
            workbooks = [folder / name for name in names if is_conditions_workbook(name)]
            self._listed[folder] = workbooks, raw, {Path(name).stem for name in filter(is_raw_file, names)}
        return self._listed[folder]

    def workbooks(self, path: Path) -> list[Path]:
        """Conditions workbooks beside a file."""
        return self._of(path)[0]

    def same_device(self, path: Path) -> list[Path]:
        """The file first, then every other instrument file of its folder with the same device id."""
        others = self._of(path)[1].get(device_id(path.name), [])
        return [path, *(file for file in others if file.name != path.name)]

    def holds_raw(self, path: Path) -> bool:
        """Whether any instrument file lies beside a file."""
        return bool(self._of(path)[1])

    def has_device(self, path: Path, device: str) -> bool:
        """Whether an instrument file with this device id lies beside a file."""
        return device in self._of(path)[1]

    def has_raw(self, path: Path, stem: str) -> bool:
        """Whether an instrument file with this stem lies beside a file."""
        return stem in self._of(path)[2]


def check_file(
    path: Path,
    *,
    conditions: Sequence[Path] = (),
    named: bool = True,
    folders: Folders | None = None,
    varied: Varied = PAPERS,
) -> list[Finding]:
    """What there is to know about one file; empty where all is well.

    Args:
        path: An instrument file, a canonical .parquet, a sidecar, a list of devices or a conditions workbook.
        conditions: Conditions workbooks besides those in the file's folder.
        named: Whether a person asked for this very file; one that only lies in a
            folder and is no measurement is a note or, where it could be one, a warning, not an error.
        folders: Shared between files, so that their folders are listed once.
        varied: What the laboratory varies.
    """
    name, folders = str(path), folders or Folders()
    if trouble := trouble_with(path):
        return [Finding(name, "error", "", trouble, remedy_for(trouble))]
    try:
        if path.name.endswith(SIDECAR_SUFFIX):
            return _sidecar(path, folders)
        if is_conditions_workbook(path.name):
            read_conditions(path)
            return []
        if path.name in DEVICE_LISTS:
            return list(_device_list(path, folders, varied))
        if path.suffix.lower() == ".parquet":
            return list(_observations(path, read_measurement(path), varied))
        if not is_raw_file(path.name) and not named:
            kinds = ", ".join(raw_suffixes())
            level = "warning" if is_data(path.name) else "note"
            return [Finding(name, level, "", "no measurement; it is left alone", f"importers read {kinds}")]
        known = [*folders.workbooks(path), *conditions]
        workbooks = list({file.resolve(): file for file in known}.values())
        files = folders.same_device(path) if is_raw_file(path.name) else [path]
        measurement = import_one(files, device=device_id(path.name), conditions=workbooks)
        return list(_observations(path, measurement, varied))
    except ImportRefused as refusal:
        return [Finding(name, "error", refusal.where, refusal.what, refusal.remedy)]
    except MeasurementError as error:
        what, _, remedy = str(error).removeprefix(f"{path}: ").partition("; ")
        return [Finding(name, "error", "", what, remedy or "make the file again from the instrument file")]
    except OSError as error:
        return [
            Finding(name, "error", "", f"cannot be read: {error.strerror}", "check the file's permissions")
        ]
    except Exception as fault:  # of the importer, not of the file: the other files are not to wait for it
        said = f"the importer failed on this file ({type(fault).__name__}: {fault})"
        return [Finding(name, "error", "", said, "export it again as tab-separated text")]


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


def _laboratory(path: Path) -> Path | None:
    """The folder whose `iv` or `raw` holds a file; from deeper down only what looks like a project's data."""
    for parent in path.parents:
        home = parent.parent
        if parent.name in ("iv", "raw") and (
            parent == path.parent
            or home.name == "data"
            or ((home / "iv").is_dir() and (home / "raw").is_dir())
        ):
            return home
    return None


def _sidecar(path: Path, folders: Folders) -> list[Finding]:
    """A sidecar without an instrument file, which nothing reads; others are checked with their file."""
    if path.name == FOLDER_SIDECAR:
        read_folder(path)
        if folders.holds_raw(path):
            return []
        return [
            Finding(
                str(path), "warning", "", "its folder holds no instrument file: nobody reads this sidecar",
                "put it beside the instrument files it is for",
            )
        ]  # fmt: skip
    stem = path.name.removesuffix(SIDECAR_SUFFIX)
    if folders.has_raw(path, stem):
        return []
    return [
        Finding(
            str(path), "warning", "", f"no instrument file is called {stem}: nobody reads this sidecar",
            f"call it NAME{SIDECAR_SUFFIX}, where NAME is the instrument file's name without its suffix",
        )
    ]  # fmt: skip


def _device_list(path: Path, folders: Folders, varied: Varied) -> Iterator[Finding]:
    """Columns and rows of a list of devices that nobody reads."""
    found = read_device_list(path)
    for name, near in found.misspelt(varied.own).items():
        yield Finding(
            str(path), "warning", f"column {name}", f"{name} means nothing here; it is kept as typed",
            f"call it {near}, if it is that",
        )  # fmt: skip
    for row in found.rows.values() if found.decimal_comma else ():
        for name, text in row.other.items():
            if THOUSANDS.fullmatch(text):
                yield Finding(
                    str(path), "warning", f"row {row.number}, column {name}",
                    f"{text!r} may be {text.replace('.', '')} or {text.replace('.', ',', 1)}; it is kept as "
                    "typed, but is no condition",
                    "write numbers without a sign for thousands",
                )  # fmt: skip
    lost = [row for device, row in found.rows.items() if not folders.has_device(path, device)]
    if lost:
        rows = ", ".join(str(row.number) for row in lost[:20]) + (", ..." if lost[20:] else "")
        yield Finding(
            str(path), "warning", f"column {FILE}",
            f"no instrument file belongs to {len(lost)} of its {len(found.rows)} rows: {rows}",
            "write the names of the files as they are, with or without suffix",
        )  # fmt: skip


def _observations(path: Path, measurement: Measurement, varied: Varied) -> Iterator[Finding]:
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
    yield from (Finding(str(path), "warning", *said) for said in condition_findings(path, metadata, varied))
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
                "if they are cycles of one device, write sheets: all into the sidecar; sheets of several "
                "currents each are not joined: put all cycles side by side into one. Else save each device "
                "as a workbook of its own",
            )  # fmt: skip
        elif FLAT in note:
            yield Finding(
                name, "warning", "pulses", note,
                "where potentiation is elsewhere, name a phase column or write into the sidecar "
                "pulse: {potentiation_points: N}",
            )  # fmt: skip
        elif note not in (*missing, *large):
            yield Finding(name, "note", "", note)


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
