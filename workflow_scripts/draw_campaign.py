"""Draw the campaign: best device so far, strategy against strategy."""

import csv as table
from pathlib import Path

from codesign.figures.campaign import draw_campaign
from codesign.figures.style import write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded


def main(*, summary: Path, space_filling: int, pdf: Path, png: Path, svg: Path, csv: Path) -> None:
    """Draw the summary that `tabulate_campaign` wrote; the first `space_filling` devices fill the space."""
    with summary.open(newline="", encoding="utf-8") as file:
        rows = [
            {name: value if name == "strategy" else _number(value) for name, value in row.items()}
            for row in table.DictReader(file)
        ]
    write_drawing(
        draw_campaign(rows, model_from=max(2, space_filling) + 1), pdf=pdf, png=png, svg=svg, csv=csv
    )


def _number(text: str) -> int | float:
    """Counts stay whole."""
    return int(text) if text.isdigit() else float(text)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            summary=Path(snakemake.input.summary),
            space_filling=snakemake.params.space_filling,
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
        )
