"""Draw whether fidelity and usability predict the score on a device."""

import csv as table
from pathlib import Path

from codesign.figures.correlation import draw_correlation
from codesign.figures.style import origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.tables import read_table
from codesign.tasks.about import Metric

WORDS = ("experiment", "method", "noise", "metric", "reading", "title", "device", "aim")


def main(
    *,
    correlation: Path,
    points: Path,
    usability: Path,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
    experiments: dict[str, Metric],
    confidence: float,
) -> None:
    """Draw what `correlate_usability` wrote.

    Args:
        experiments: In the order to draw them, with the metric that is drawn of each.
        confidence: Of the intervals of rho.
    """
    drawing = draw_correlation(
        _read(correlation),
        _read(points),
        experiments=experiments,
        confidence=confidence,
        origin=origin_of(read_table(usability, schema=DEVICE).select(["origin"]).to_pylist()),
    )
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


def _read(path: Path) -> list[dict]:
    """Rows with numbers as numbers, None where there is none."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: value if name in WORDS else _number(value) for name, value in row.items()}
            for row in table.DictReader(file)
        ]


def _number(text: str) -> int | float | None:
    """Counts stay whole."""
    if text == "":
        return None
    return int(text) if text.isdigit() else float(text)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            correlation=Path(snakemake.input.correlation),
            points=Path(snakemake.input.points),
            usability=Path(snakemake.input.usability),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            experiments={name: Metric(**said) for name, said in snakemake.params.experiments.items()},
            confidence=snakemake.params.confidence,
        )
