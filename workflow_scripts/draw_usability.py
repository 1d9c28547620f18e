"""Draw the usability table: distribution, conditions, ranking."""

from pathlib import Path

from codesign.figures.style import FILES, Looks, write_drawing
from codesign.figures.usability import draw_distribution, draw_ranking
from codesign.figures.usability_conditions import draw_conditions
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.tables import read_table
from codesign.variables import Variables

FIGURES = ("distribution", "conditions", "ranking")
CURVES = ("voltage_v", "conductance_s", "conductance_low_s", "conductance_high_s", "usable")


def main(
    *,
    usability: Path,
    distribution_pdf: Path,
    distribution_png: Path,
    distribution_svg: Path,
    distribution_csv: Path,
    conditions_pdf: Path,
    conditions_png: Path,
    conditions_svg: Path,
    conditions_csv: Path,
    ranking_pdf: Path,
    ranking_png: Path,
    ranking_svg: Path,
    ranking_csv: Path,
    variables: dict,
    space: dict,
    confidence: float,
) -> None:
    """Three figures of one table, each as PDF, PNG and SVG with the numbers drawn."""
    varied = Variables.of(variables)
    rows = varied.filled(read_table(usability, schema=DEVICE).drop_columns(list(CURVES)).to_pylist())
    looks = Looks.of(varied, space)
    write_drawing(
        draw_distribution(rows, looks=looks),
        pdf=distribution_pdf,
        png=distribution_png,
        svg=distribution_svg,
        csv=distribution_csv,
    )
    write_drawing(
        draw_conditions(rows, space, confidence=confidence, variables=varied),
        pdf=conditions_pdf,
        png=conditions_png,
        svg=conditions_svg,
        csv=conditions_csv,
    )
    write_drawing(
        draw_ranking(rows, confidence=confidence, variables=varied, looks=looks),
        pdf=ranking_pdf,
        png=ranking_png,
        svg=ranking_svg,
        csv=ranking_csv,
    )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            **{
                f"{figure}_{kind}": Path(snakemake.output[f"{figure}_{kind}"])
                for figure in FIGURES
                for kind in FILES
            },
            variables=snakemake.params.variables,
            space=snakemake.params.space,
            confidence=snakemake.params.confidence,
        )
