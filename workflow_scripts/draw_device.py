"""Draw one device: its sweeps and its conductance curve."""

from pathlib import Path

from codesign.figures.device import draw_device
from codesign.figures.style import write_drawing
from codesign.iv.measurement import MeasurementError, read_measurement
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.tables import TableError, read_metadata, read_table


def main(*, sweeps: Path, device: Path, pdf: Path, png: Path, csv: Path) -> None:
    """Draw the measurement with what was extracted from it; a refused file is a page with the reason.

    Raises:
        TableError: The device row does not say with which settings it was extracted.
    """
    [row] = read_table(device, schema=DEVICE).to_pylist()
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
    )
    write_drawing(drawing, pdf=pdf, png=png, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            sweeps=Path(snakemake.input.sweeps),
            device=Path(snakemake.input.device),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            csv=Path(snakemake.output.csv),
        )
