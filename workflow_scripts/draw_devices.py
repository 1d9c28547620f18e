"""Draw devices: the sweeps and the conductance curve of each."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.figures.device import draw_device
from codesign.figures.style import FILES, write_drawing
from codesign.iv.measurement import MeasurementError, read_measurement
from codesign.log import log_to
from codesign.provenance.records import made_of, recorded, stamped_alike
from codesign.schemas.device import DEVICE
from codesign.tables import TableError, read_metadata, read_table
from codesign.variables import Variables


def main(
    *,
    sweeps: Sequence[Path],
    devices: Sequence[Path],
    pdfs: Sequence[Path],
    pngs: Sequence[Path],
    svgs: Sequence[Path],
    csvs: Sequence[Path],
    variables: Mapping[str, Mapping],
) -> None:
    """Draw each measurement with what was extracted from it; a refused file is a page with the reason.

    Args:
        sweeps: Measurements.
        devices: The row of each.
        pdfs: Its figure. One that was drawn from the same files by the same code stays as it is.
        pngs: The same.
        svgs: The same.
        csvs: The numbers drawn.
        variables: What the laboratory varies, as the configuration says it.

    Raises:
        TableError: A device row does not say with which settings it was extracted.
    """
    for measured, row, *files in zip(sweeps, devices, pdfs, pngs, svgs, csvs, strict=True):
        drawn = dict(zip(FILES, files, strict=True))
        with made_of([measured, row]):
            if all(path.is_file() for path in files) and stamped_alike(drawn["png"]):
                for path in files:
                    os.utime(path)  # it is as new as what it was made from
                continue
            drawn["csv"].unlink(missing_ok=True)  # written last: where it stands, the drawing is whole
            _draw(measured, row, drawn, Variables.of(variables))


def _draw(sweeps: Path, device: Path, drawn: Mapping[str, Path], variables: Variables) -> None:
    [row] = variables.filled(read_table(device, schema=DEVICE).to_pylist())
    settings = read_metadata(device).get("extraction")
    if settings is None:
        raise TableError(f"{device}: no extraction settings in the metadata; delete it and extract again")
    try:
        measurement = read_measurement(sweeps)
    except MeasurementError as error:
        if row["status"] == "ok":
            raise
        print(error)
        measurement = None
    drawing = draw_device(
        measurement,
        row,
        min_operative_fraction=settings["min_operative_fraction"],
        confidence=settings["confidence"],
        variables=variables,
    )
    write_drawing(drawing, **drawn)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake, read=snakemake.params.besides):
        main(
            sweeps=[Path(path) for path in snakemake.params.sweeps],
            devices=[Path(path) for path in snakemake.input.devices],
            pdfs=[Path(path) for path in snakemake.output.pdfs],
            pngs=[Path(path) for path in snakemake.output.pngs],
            svgs=[Path(path) for path in snakemake.output.svgs],
            csvs=[Path(path) for path in snakemake.output.csvs],
            variables=snakemake.params.variables,
        )
