"""Draw the energy of a multiply-accumulate: stacked bars, and efficiencies beside those of others."""

import csv
from pathlib import Path

from codesign.crossbar.record import cells_said
from codesign.figures.energy import draw_energy
from codesign.figures.style import write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.energy import ENERGY
from codesign.tables import read_metadata, read_table


def main(*, energy: Path, constants: Path, pdf: Path, png: Path, svg: Path, figure_csv: Path) -> None:
    """One figure of one record's energy."""
    with constants.open(newline="", encoding="utf-8") as lines:
        known = [line | {"value": float(line["value"])} for line in csv.DictReader(lines)]
    metadata = read_metadata(energy)
    drawing = draw_energy(
        read_table(energy, schema=ENERGY).to_pylist(),
        known,
        evidence=metadata["evidence"],
        device=cells_said(metadata),
    )
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=figure_csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            energy=Path(snakemake.input.energy),
            constants=Path(snakemake.input.constants),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            figure_csv=Path(snakemake.output.csv),
        )
