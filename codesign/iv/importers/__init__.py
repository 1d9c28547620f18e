"""Instrument files to measurements. A module of this folder that says SUFFIXES and has `read` is an importer.

It takes a file apart into a `Table` of cells with headers. Units, cycles, pulses, sidecar and conditions
come after it and are the same for every format. docs/adding-an-importer.md has one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from inspect import signature
from pathlib import Path

from codesign.files import remedy_for, sha256_of, trouble_with
from codesign.iv.formats import Importer, importers_of, raw_suffixes
from codesign.iv.importers.conditions import match_conditions
from codesign.iv.importers.devices import check_one_device, chosen_rows
from codesign.iv.importers.filename import conditions_in, contradictions
from codesign.iv.importers.limits import check_cells, check_size, implausible
from codesign.iv.importers.pulses import is_pulse_series, read_pulses
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.series import without_series
from codesign.iv.importers.sidecar import FACTS, read_sidecar
from codesign.iv.importers.sweeps import read_sweeps
from codesign.iv.importers.table import Table
from codesign.iv.measurement import Measurement, MeasurementError, Metadata

__all__ = ["ImportRefused", "describe_file", "describe_refused", "import_file", "import_one"]

IN_METADATA = ("length_um", "diameter_nm", "pb_min", "ag_nm", "perovskite", "contact")
"""What a file name says that metadata have a field for."""
HEAD_BYTES, HEAD_LINES = 1 << 16, 50
"""What importers are shown of a file to recognise it by: lines, out of so many bytes."""


def describe_file(path: Path, *, device: str) -> Metadata:
    """What a file's name and bytes alone say: enough to record a file that is refused."""
    found = conditions_in(path.name)
    facts = {key: found[key] for key in IN_METADATA if key in found}
    digest = "" if trouble_with(path) else sha256_of(path)  # the import says what the trouble is
    return Metadata(device=device, source_file=path.name, source_sha256=digest, **facts)


def describe_refused(path: Path, *, device: str) -> Metadata:
    """What is known of a file that is refused: by its name, and by what stands beside it and can be read.

    The conditions of a device that failed in the making are not to be proposed again.
    """
    metadata = describe_file(path, device=device)
    try:
        said = read_sidecar(path)
        return replace(metadata, **{key: said[key] for key in FACTS if key in said})
    except (ImportRefused, MeasurementError):
        return metadata


def import_file(path: Path | str, *, device: str, conditions: Sequence[Path] = ()) -> Measurement:
    """Import one instrument file; its sidecar is read where there is one.

    Nothing is written. Facts come from the file name, then the conditions
    workbook, then the sidecar; the later one wins and a contradiction is noted.

    Args:
        path: A file whose suffix is in `codesign.iv.formats.raw_suffixes`.
        device: Device id the measurement gets.
        conditions: Conditions workbooks to look the device up in.

    Raises:
        ImportRefused: The file cannot be used; the message names file, place and remedy.
    """
    path = Path(path)
    if trouble := trouble_with(path):
        raise ImportRefused(trouble, file=path.name, remedy=remedy_for(trouble))
    try:
        return _imported(path, device, conditions)
    except ImportRefused as refusal:
        raise refusal if refusal.file else refusal.of_file(path.name) from refusal
    except OSError as error:
        raise ImportRefused(
            f"cannot be read: {error.strerror}", file=path.name, remedy="check the file's permissions"
        ) from error
    except MeasurementError as error:
        raise ImportRefused(
            str(error), file=path.name, remedy="correct the file, its name or its sidecar"
        ) from error


def import_one(paths: Sequence[Path], *, device: str, conditions: Sequence[Path] = ()) -> Measurement:
    """Import the one instrument file of a device id.

    Raises:
        ImportRefused: Several files have this id, or the file cannot be used.
    """
    first, *others = paths
    if others:
        raise ImportRefused(
            f"{len(paths)} files have the device id {device!r}: {', '.join(path.name for path in paths)}",
            file=first.name,
            remedy="rename or remove all but one; names that differ only in capitals, spaces, other signs or "
            "the suffix are one device",
        )
    return import_file(first, device=device, conditions=conditions)


def _imported(path: Path, device: str, conditions: Sequence[Path]) -> Measurement:
    if path.suffix.lower() not in raw_suffixes():
        raise ImportRefused(
            f"not a measurement: no importer reads {path.suffix or 'a file without suffix'}",
            remedy=f"export it as one of {', '.join(raw_suffixes())}",
        )
    if path.stat().st_size == 0:
        raise ImportRefused("the file is empty", remedy="export the measurement again")
    check_size(path)
    sidecar = read_sidecar(path)
    table = chosen_rows(_table(path, sidecar), sidecar)
    check_one_device(table, sidecar)
    pulse = is_pulse_series(table, sidecar)
    samples = read_pulses(table, sidecar) if pulse else without_series(read_sweeps(table, sidecar), sidecar)
    described = replace(
        describe_file(path, device=device),
        kind="pulse" if pulse else "sweep",
        branch_points=samples.branch_points,
        notes=(*samples.notes, *implausible(samples.voltage_v, samples.current_a).values()),
        extra=table.extra,
    )
    metadata = _with_facts(described, path, sidecar, conditions)
    return Measurement(metadata, samples.cycle, samples.point, samples.voltage_v, samples.current_a)


def _table(path: Path, sidecar: Mapping) -> Table:
    """Take the file apart with the importer of its format."""
    wanted = sidecar.get("columns", {}).values()
    known = [name for entry in wanted for name in (entry if isinstance(entry, list) else [entry])]
    known = [name for name in known if isinstance(name, str)]
    read = import_module(_importer_of(path).module).read
    chosen = {"sheets": sidecar["sheets"]} if "sheets" in sidecar else {}
    if chosen and "sheets" not in signature(read).parameters:
        raise ImportRefused(
            f"a {path.suffix.lower()} file has no sheets",
            where="sheets",
            remedy="take the key out of the sidecar",
        )
    table = read(path, known=known, **chosen)
    check_cells(len(table.rows), len(table.columns))
    return table


def _importer_of(path: Path) -> Importer:
    """The importer that recognises the file, else the one that reads every file of its suffix.

    Raises:
        ImportRefused: Several recognise it, or none does and there is no general one.
    """
    found = importers_of(path.suffix)
    asked = [importer for importer in found if importer.recognises]
    lines = _first_lines(path) if asked else []
    own = [importer for importer in asked if import_module(importer.module).recognises(lines)]
    if len(own) > 1:
        raise ImportRefused(
            f"several importers take the file for theirs: {', '.join(importer.name for importer in own)}",
            remedy="let recognises of one of them look for more",
        )
    chosen = own or [importer for importer in found if not importer.recognises]
    if not chosen:
        names = ", ".join(importer.name for importer in asked)
        raise ImportRefused(
            f"not a measurement: no importer of {path.suffix} recognises its first lines ({names})",
            remedy="export it again, or as tab-separated text with the suffix .txt",
        )
    return chosen[0]


def _first_lines(path: Path) -> list[str]:
    """The first lines of a file, for importers to recognise it by, whether it is text or not."""
    from codesign.iv.importers.text import decoded

    with path.open("rb") as file:
        raw = file.read(HEAD_BYTES)
    if raw[:4096].count(0) == 0:
        try:
            raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if error.start > len(raw) - 4:  # in the middle of a sign
                raw = raw[: error.start]
    try:
        return decoded(raw).splitlines()[:HEAD_LINES]
    except ImportRefused:
        return raw.decode("latin-1").splitlines()[:HEAD_LINES]


def _with_facts(metadata: Metadata, path: Path, sidecar: Mapping, conditions: Sequence[Path]) -> Metadata:
    """Add what the file name, the conditions workbook and the sidecar say, in this order."""
    found = conditions_in(path.name)
    notes, extra, facts = list(metadata.notes), dict(metadata.extra), {}
    if found:
        extra["file_name"] = {key: value for key, value in found.items() if key not in IN_METADATA}
        if contrary := contradictions(found, extra.get("sheets", {})):
            extra["contradictions"] = contrary
    if found and conditions:
        row, note = match_conditions(found, conditions)
        if note:
            notes.append(note)
        if row:
            facts["compliance_a"] = row["compliance_a"]
            extra["conditions"] = {"workbook": row["workbook"], "row": row["label"], **row["cells"]}
    for key in FACTS:
        if key not in sidecar:
            continue
        before = facts.get(key, getattr(metadata, key))
        if before not in (None, "", sidecar[key]):
            source = "conditions workbook" if key in facts else "file name"
            notes.append(
                f"{key}: {sidecar[key]}, as stated beside the file, is used; the {source} says {before}"
            )
        facts[key] = sidecar[key]
    if "conditions" in sidecar:
        facts["conditions"] = sidecar["conditions"]
    extra.update(sidecar.get("extra", {}))
    notes.extend(sidecar.get("notes", []))
    return replace(metadata, **facts, notes=tuple(notes), extra=extra)
