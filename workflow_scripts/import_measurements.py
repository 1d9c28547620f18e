"""Import instrument files as the canonical measurements of their devices."""

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.iv.importers import ImportRefused, describe_refused, import_one
from codesign.iv.imports import write_record
from codesign.iv.measurement import Measurement, write_measurement
from codesign.log import log_to
from codesign.provenance.records import recorded


def main(
    *,
    raw: Mapping[str, Sequence[Path]],
    conditions: Sequence[Path],
    sweeps: Mapping[str, Path],
    made_from: Mapping[str, str],
    record: Path,
    strict: bool,
) -> None:
    """Import each device's file; one that cannot be used is kept with its reason, and the others go on.

    The sidecar is found beside the instrument file; the rule lists it only to follow its changes.

    Args:
        raw: Instrument files by device id; several of one device are refused.
        conditions: Conditions workbooks.
        sweeps: Canonical file to write, by device id.
        made_from: What each is made from, for the record.
        record: Says what was made from what; `codesign.iv.imports` has its meaning.
        strict: Whether a file that cannot be used is an error.

    Raises:
        ImportRefused: `strict` is set and a file cannot be used; those before it are written.
    """
    for device, files in raw.items():
        measurement = _imported(files, device, conditions, strict=strict)
        for note in measurement.metadata.notes:
            print(f"{device}: {note}")
        write_measurement(measurement, sweeps[device])
    write_record(made_from, record)
    print(f"{len(raw)} imported: {', '.join(raw)}")


def _imported(files: Sequence[Path], device: str, conditions: Sequence[Path], *, strict: bool) -> Measurement:
    try:
        return import_one(files, device=device, conditions=conditions)
    except ImportRefused as refusal:
        if strict:
            raise
        reason = str(refusal)
    except Exception as fault:  # of the importer, not of the file: the other files are not to wait for it
        if strict:
            raise
        traceback.print_exc()
        reason = (
            f"{files[0].name}: the importer failed on this file ({type(fault).__name__}: {fault}); "
            "export it again as tab-separated text, and send the file with the log of the import to whoever "
            "keeps the importer"
        )
    print(f"refused: {reason}")
    return Measurement.refused(describe_refused(files[0], device=device), reason)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake, read=snakemake.params.besides):
        main(
            raw={device: [*map(Path, files)] for device, files in snakemake.params.raw.items()},
            conditions=[Path(path) for path in snakemake.params.conditions],
            sweeps={Path(path).stem: Path(path) for path in snakemake.output.sweeps},
            made_from=snakemake.params.made_from,
            record=Path(snakemake.params.record),
            strict=snakemake.params.strict,
        )
