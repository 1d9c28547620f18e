"""Draw the noise search of one task: every trial of each method, and what was chosen."""

from pathlib import Path

from codesign.figures.noise import draw_search
from codesign.figures.style import origin_of, write_drawing
from codesign.log import log_to
from codesign.noise_search.record import search_trace, searched_parameters
from codesign.provenance.records import recorded
from codesign.schemas.profile import PROFILE
from codesign.tables import read_object, read_table
from codesign.tasks.registry import task_named


def main(
    *,
    chosen: list[Path],
    panel: Path,
    pdf: Path,
    png: Path,
    csv: Path,
    experiment: str,
    task: str,
    slots: int,
    draws: int,
    limits: dict,
) -> None:
    """Draw what `choose_noise` wrote for each method.

    Args:
        experiment: Name of the task in the configuration, as the figure says it.
        task: What it is an experiment of: a name of `codesign.tasks.registry.TASKS`.
    """
    records = {}
    for path in chosen:
        content = read_object(path)
        records[content["specification"]["method"]] = content
    devices = read_table(panel, schema=PROFILE).to_pylist()
    drawing = draw_search(
        search_trace(records, slots=slots),
        searched_parameters(records, limits=limits),
        task=experiment,
        metric=task_named(task).metric,
        devices=len(devices),
        draws=draws,
        origin=origin_of(devices),
    )
    write_drawing(drawing, pdf=pdf, png=png, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            chosen=[Path(path) for path in snakemake.input.chosen],
            panel=Path(snakemake.input.panel),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            csv=Path(snakemake.output.csv),
            experiment=snakemake.wildcards.task,
            task=snakemake.params.task,
            slots=snakemake.params.slots,
            draws=snakemake.params.draws,
            limits=snakemake.params.limits,
        )
