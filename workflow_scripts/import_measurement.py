"""Import one instrument file as the canonical measurement of its device."""

from pathlib import Path

from codesign.iv.importers import describe_file, import_file
from codesign.iv.importers.refusal import ImportRefused
from codesign.iv.measurement import Measurement, MeasurementError, write_measurement
from codesign.log import log_to


def main(*, raw: list[Path], conditions: list[Path], sweeps: Path, device: str, strict: bool) -> None:
    """Import `raw` to `sweeps`; a file that cannot be used is kept with its reason.

    Raises:
        MeasurementError: `strict` is set and the file cannot be used.
    """
    try:
        if len(raw) > 1:
            raise ImportRefused(
                f"{len(raw)} files have this device id: {', '.join(path.name for path in raw)}",
                remedy="rename all but one, so that every device has a file name of its own",
            )
        measurement = import_file(raw[0], device=device, conditions=conditions)
    except MeasurementError as error:
        if strict:
            raise MeasurementError(f"{raw[0]}: {error}") from error
        print(f"refused: {error}")
        measurement = Measurement.refused(describe_file(raw[0], device=device), str(error))
    for note in measurement.metadata.notes:
        print(note)
    write_measurement(measurement, sweeps)


if __name__ == "__main__":
    with log_to(snakemake.log[0]):
        main(
            raw=[Path(path) for path in snakemake.input.raw],
            conditions=[Path(path) for path in snakemake.input.conditions],
            sweeps=Path(snakemake.output.sweeps),
            device=snakemake.wildcards.device,
            strict=snakemake.params.strict,
        )
