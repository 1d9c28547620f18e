"""Draw the noise search of one experiment: every trial of each method, and what was chosen."""

from pathlib import Path

from codesign.figures.noise import draw_search
from codesign.figures.style import origin_of, write_drawing
from codesign.log import log_to
from codesign.noise_search.record import choices, search_trace, searched_parameters
from codesign.provenance.records import recorded
from codesign.schemas.profile import PROFILE
from codesign.tables import read_object, read_table
from codesign.tasks.about import Metric


def main(
    *,
    chosen: list[Path],
    panel: Path,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
    experiment: str,
    metric: Metric,
    slots: int,
    programmings: int,
    calibration: str,
    limits: dict,
    listed: list[str],
) -> None:
    """Draw what `choose_noise` wrote for each method.

    Args:
        experiment: As the figure names it.
        metric: What the search looked at.
        listed: Methods whose trials the configuration lists.
    """
    records = {}
    for path in chosen:
        content = read_object(path)
        records[content["method"]] = content
    devices = read_table(panel, schema=PROFILE).to_pylist()
    drawing = draw_search(
        search_trace(records, slots=slots),
        searched_parameters(records, limits=limits),
        choices(records),
        experiment=experiment,
        metric=metric,
        devices=len(devices),
        programmings=programmings,
        calibration=calibration,
        origin=origin_of(devices),
        listed=listed,
    )
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            chosen=[Path(path) for path in snakemake.input.chosen],
            panel=Path(snakemake.input.panel),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            experiment=snakemake.wildcards.experiment,
            metric=Metric(**snakemake.params.metric),
            slots=snakemake.params.slots,
            programmings=snakemake.params.programmings,
            calibration=snakemake.params.calibration,
            limits=snakemake.params.limits,
            listed=snakemake.params.listed,
        )
