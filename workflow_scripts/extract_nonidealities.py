"""Extract the non-idealities of one device from its I-V sweeps."""

from pathlib import Path

from codesign.iv.measurement import Measurement, MeasurementError, Metadata, read_measurement
from codesign.log import log_to
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.seeds import generator
from codesign.tables import write_table


def main(*, sweeps: Path, device: Path, extraction: dict, strict: bool, seed: int) -> None:
    """Read one measurement, extract its row and write it to `device`.

    Raises:
        MeasurementError: `strict` is set and the file cannot be read or was refused.
    """
    origin = "virtual" if sweeps.parent.parent.name == "virtual_lab" else "measured"
    try:
        measurement = read_measurement(sweeps)
        _refuse_foreign(measurement, sweeps, origin)
    except MeasurementError as error:
        if strict:
            raise
        print(error)
        measurement = Measurement.refused(Metadata(device=sweeps.stem, origin=origin), str(error))
    if strict and measurement.metadata.status == "refused":
        raise MeasurementError(f"{sweeps}: {measurement.metadata.reason}")
    name = measurement.metadata.device
    row = extract(measurement, Extraction(**extraction), generator(seed, "bootstrap", name))
    print(f"{name}: {row['status']} {row['reason']}".rstrip())
    write_table([row], device, schema=DEVICE, metadata={"extraction": extraction, "seed": seed})


def _refuse_foreign(measurement: Measurement, sweeps: Path, origin: str) -> None:
    """Virtual devices do not count among measured ones, nor measured among virtual."""
    found = measurement.metadata.origin
    if found == "virtual" and origin == "measured":
        raise MeasurementError(
            f"{sweeps}: a device of the virtual laboratory among measured ones; remove {sweeps} (virtual "
            "devices are made by the workflow, in results/virtual_lab)"
        )
    if found != origin:
        raise MeasurementError(
            f"{sweeps}: a {found} device among those of the virtual laboratory; put it into data/iv"
        )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake, read=snakemake.params.besides):
        main(
            sweeps=Path(snakemake.params.sweeps),
            device=Path(snakemake.output.device),
            extraction=snakemake.params.extraction,
            strict=snakemake.params.strict,
            seed=snakemake.params.seed,
        )
