"""Draw one of the figures that a task has of its own, from the details of each method."""

from importlib import import_module
from pathlib import Path

from codesign.figures.style import origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.profile import PROFILE
from codesign.tables import read_rows, read_table


def main(
    *,
    details: list[Path],
    levels: Path,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
    module: str,
    figure: str,
    experiment: str,
) -> None:
    """Call the function of the task's figures module that is named like the figure.

    Args:
        module: e.g. `codesign.tasks.moons.figures`.
        figure: Its function (rows, *, experiment, origin) makes the drawing.
    """
    rows = [row for path in details for row in read_rows(path)]
    draw = getattr(import_module(module), figure.replace("-", "_"))
    profiles = read_table(levels, schema=PROFILE).to_pylist()
    write_drawing(
        draw(rows, experiment=experiment, origin=origin_of(profiles)), pdf=pdf, png=png, svg=svg, csv=csv
    )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            details=[Path(path) for path in snakemake.input.details],
            levels=Path(snakemake.input.levels),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            module=snakemake.params.module,
            figure=snakemake.wildcards.figure,
            experiment=snakemake.wildcards.experiment,
        )
