"""Instrument files to measurements, one module per family of formats."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from codesign.iv.importers.columns import check_voltage, read_header
from codesign.iv.importers.filename import conditions_in
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.importers.sidecar import FACTS, read_sidecar
from codesign.iv.measurement import Measurement, MeasurementError, Metadata
from codesign.iv.names import RAW_SUFFIXES
from codesign.provenance import sha256_of

__all__ = ["ImportRefused", "describe_file", "import_file"]


def describe_file(path: Path, *, device: str) -> Metadata:
    """What a file's name and bytes alone say: enough to record a file that is refused."""
    found = conditions_in(path.name)
    facts = {key: found[key] for key in FACTS if key in found}
    return Metadata(device=device, source_file=path.name, source_sha256=sha256_of(path), **facts)


def import_file(path: Path | str, *, device: str, conditions: Sequence[Path] = ()) -> Measurement:
    """Import one instrument file; its sidecar is read where there is one.

    Args:
        path: A file whose suffix is in `codesign.iv.names.RAW_SUFFIXES`.
        device: Device id the measurement gets.
        conditions: Conditions workbooks to look the device up in.

    Raises:
        ImportRefused: The file cannot be used; the message names place and remedy.
    """
    path = Path(path)
    metadata = describe_file(path, device=device)
    sidecar = read_sidecar(path)
    if path.stat().st_size == 0:
        raise ImportRefused("the file is empty", remedy="export the measurement again")
    branch_points = None
    suffix = path.suffix.lower()
    if sidecar.get("kind") == "pulse" or "pulse" in sidecar:
        from codesign.iv.importers.pulses import series_from_text

        *columns, branch_points, notes = series_from_text(path, sidecar)
        metadata, extra = replace(metadata, kind="pulse", branch_points=branch_points), {}
    elif suffix == ".xlsx":
        *columns, notes, extra = _from_workbook(path, sidecar)
    elif suffix in (".csv", ".tsv", ".txt"):
        from codesign.iv.importers.text import sweeps_from_text

        *columns, notes, extra = sweeps_from_text(path, sidecar)
    elif suffix in (".lvm", ".tdms"):
        from codesign.iv.importers import labview

        read = labview.channels_of_lvm if suffix == ".lvm" else labview.channels_of_tdms
        channels, extra = read(path)
        *columns, notes = labview.sweeps_from_channels(channels, sidecar)
    else:
        raise ImportRefused(
            f"suffix {path.suffix or '(none)'} has no importer", remedy=f"export it as one of {', '.join(RAW_SUFFIXES)}"
        )
    metadata = _completed(metadata, path, sidecar, conditions, notes, extra)
    cycle, point, voltage, current = columns
    try:
        return Measurement(metadata, cycle, point, voltage, current)
    except ImportRefused:
        raise
    except MeasurementError as error:
        raise ImportRefused(str(error), remedy="correct the file") from error


def _from_workbook(path: Path, sidecar: dict):
    from codesign.iv.importers.workbook import read_sweeps, wide_cycles

    header, rows, typed = read_sweeps(path)
    renamed = {name: quantity for quantity, name in sidecar.get("columns", {}).items()}
    header = [renamed.get(name, name) for name in header]
    if [read_header(name).quantity for name in header].count("voltage") == 0 and len(rows) == 0:
        raise ImportRefused("the first sheet holds no measurement", remedy="put the sweeps on the first sheet")
    cycles, voltage, current, notes = wide_cycles(header, rows)
    voltage = voltage * sidecar.get("voltage_scale", 1.0)
    current = current * sidecar.get("current_scale", 1.0)
    check_voltage(voltage, column="voltage")
    n = voltage.size
    extra = {"sheets": typed} if typed else {}
    return (
        np.repeat(cycles, n),
        np.tile(np.arange(n), cycles.size),
        np.tile(voltage, cycles.size),
        current.ravel(),
        notes,
        extra,
    )


def _completed(metadata: Metadata, path: Path, sidecar: dict, conditions, notes, extra) -> Metadata:
    """File name, then conditions workbook, then sidecar: the later one wins, and says so."""
    found = conditions_in(path.name)
    notes = list(notes)
    facts: dict = {}
    extra = dict(extra)
    if found:
        known = {key: value for key, value in found.items() if key not in FACTS}
        extra["file_name"] = known
        if conditions:
            from codesign.iv.importers.workbook import match_conditions

            row, note = match_conditions(found, conditions)
            if note:
                notes.append(note)
            if row:
                facts["compliance_a"] = row["compliance_a"]
                extra["conditions_row"] = row["row"]
    for key in FACTS:
        if key in sidecar:
            before = facts.get(key, getattr(metadata, key))
            if before not in (None, "") and before != sidecar[key]:
                notes.append(f"{key} {sidecar[key]} from the sidecar, not {before}")
            facts[key] = sidecar[key]
    extra |= sidecar.get("extra", {})
    return replace(metadata, **facts, notes=tuple(notes), extra=extra)
