"""Draw one metric of an experiment on usability levels, as programmed and after each calibration."""

from collections.abc import Mapping
from pathlib import Path

from codesign.figures.baselines import scores_drawn
from codesign.figures.scores import draw_calibrated
from codesign.figures.style import data_said, origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import read_metadata, read_table
from codesign.tasks.about import Metric


def main(
    *,
    summary: Path,
    usability: Path,
    metric: Metric,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
    chosen_with: str,
    baselines: Path | None = None,
    titles: Mapping[str, str] | None = None,
) -> None:
    """One figure of one summary.

    Args:
        chosen_with: Calibration that the noise of training was chosen with.
        baselines: Scores of what needs no network; None where the task has none.
        titles: Baseline to its title.
    """
    rows = read_table(summary, schema=EVALUATION_SUMMARY).to_pylist()
    devices = read_table(usability, schema=DEVICE).select(["device", "origin"]).to_pylist()
    data = read_metadata(summary)["data"]
    said = data_said(data)
    without = scores_drawn(baselines, metric.name, titles or {})
    drawing = draw_calibrated(
        rows,
        metric=metric,
        origin=origin_of(devices),
        data=said,
        chosen_with=chosen_with,
        baselines=without,
    )
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            summary=Path(snakemake.input.summary),
            usability=Path(snakemake.input.usability),
            metric=Metric(**snakemake.params.metric),
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
            baselines=next(map(Path, snakemake.input.baselines), None),
            titles=snakemake.params.titles,
            chosen_with=snakemake.params.chosen_with,
        )
