"""Import one instrument file as the canonical measurement of its device."""

from pathlib import Path

from codesign.iv.importers import ImportRefused, describe_file, import_one
from codesign.iv.measurement import Measurement, write_measurement
from codesign.log import log_to
from codesign.provenance.records import recorded


def main(*, raw: list[Path], conditions: list[Path], sweeps: Path, device: str, strict: bool) -> None:
    """Import `raw` to `sweeps`; a file that cannot be used is kept with its reason.

    The sidecar is found beside the instrument file; the rule lists it only to follow its changes.

    Raises:
        ImportRefused: `strict` is set and the file cannot be used.
    """
    try:
        measurement = import_one(raw, device=device, conditions=conditions)
    except ImportRefused as refusal:
        if strict:
            raise
        print(f"refused: {refusal}")
        measurement = Measurement.refused(describe_file(raw[0], device=device), str(refusal))
    for note in measurement.metadata.notes:
        print(note)
    write_measurement(measurement, sweeps)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            raw=[Path(path) for path in snakemake.input.raw],
            conditions=[Path(path) for path in snakemake.input.conditions],
            sweeps=Path(snakemake.output.sweeps),
            device=snakemake.wildcards.device,
            strict=snakemake.params.strict,
        )
