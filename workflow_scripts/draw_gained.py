"""Draw what searching for noise gained over the same noise at a fixed strength, one metric."""

from pathlib import Path

from codesign.figures.gained import draw_gained
from codesign.figures.style import data_said, origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation_summary import COMPARISON
from codesign.tables import read_metadata, read_table
from codesign.tasks.about import Metric


def main(
    *,
    comparison: Path,
    usability: Path,
    metric: Metric,
    confidence: float,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
) -> None:
    """One figure of one comparison."""
    rows = read_table(comparison, schema=COMPARISON).to_pylist()
    devices = read_table(usability, schema=DEVICE).select(["device", "origin"]).to_pylist()
    data = read_metadata(comparison)["data"]
    said = data_said(data)
    drawing = draw_gained(rows, metric=metric, confidence=confidence, origin=origin_of(devices), data=said)
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            comparison=Path(snakemake.input.comparison),
            usability=Path(snakemake.input.usability),
            metric=Metric(**snakemake.params.metric),
            confidence=snakemake.params.confidence,
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
        )
