"""Draw the card of the next devices to make."""

from pathlib import Path

from codesign.figures.proposals import draw_proposals
from codesign.figures.style import write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.proposals import proposals_schema
from codesign.tables import read_object, read_table
from codesign.variables import Variables


def main(*, table: Path, card: Path, pdf: Path, png: Path, svg: Path, csv: Path, variables: dict) -> None:
    """Draw the proposals table and its card on one page."""
    varied = Variables.of(variables)
    rows = read_table(table, schema=proposals_schema(varied)).to_pylist()
    drawing = draw_proposals(rows, read_object(card), varied)
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            table=Path(snakemake.input.table),
            card=Path(snakemake.input.card),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            variables=snakemake.params.variables,
        )
