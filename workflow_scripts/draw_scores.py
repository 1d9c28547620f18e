"""Draw one metric of an experiment: on usability levels, on the devices themselves, and both on fidelity."""

from collections.abc import Mapping
from pathlib import Path

from codesign.figures.baselines import scores_drawn
from codesign.figures.device_scores import draw_device_scores
from codesign.figures.fidelity import draw_fidelity_scores
from codesign.figures.scores import draw_scores
from codesign.figures.style import FILES, data_said, origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import read_metadata, read_table
from codesign.tasks.about import Metric

FIGURES = ("levels", "devices", "fidelity")
COLUMNS = ("device", "origin", "usability_low", "usability_high", "fidelity_low", "fidelity_high")


def main(
    *,
    summary: Path,
    usability: Path,
    metric: Metric,
    evaluation_confidence: float,
    usability_confidence: float,
    chosen_with: str,
    baselines: Path | None = None,
    titles: Mapping[str, str] | None = None,
    **outputs: Path,
) -> None:
    """Three figures of one summary.

    Args:
        metric: Which one.
        evaluation_confidence: Of the intervals on differences.
        usability_confidence: Of the intervals on a device's usability and fidelity.
        chosen_with: Calibration that the noise of training was chosen with.
        baselines: Scores of what needs no network; None where the task has none.
        titles: Baseline to its title.
        outputs: {figure}_{pdf, png, svg, csv} of each of `FIGURES`.
    """
    rows = read_table(summary, schema=EVALUATION_SUMMARY).to_pylist()
    table = read_table(usability, schema=DEVICE).select(list(COLUMNS)).to_pylist()
    data = read_metadata(summary)["data"]
    said = data_said(data)
    shared = {
        "metric": metric,
        "origin": origin_of(table),
        "data": said,
        "baselines": scores_drawn(baselines, metric.name, titles or {}),
    }
    drawings = (
        draw_scores(rows, confidence=evaluation_confidence, chosen_with=chosen_with, **shared),
        draw_device_scores(rows, table, confidence=usability_confidence, **shared),
        draw_fidelity_scores(rows, table, confidence=usability_confidence, **shared),
    )
    for figure, drawing in zip(FIGURES, drawings, strict=True):
        write_drawing(drawing, **{kind: outputs[f"{figure}_{kind}"] for kind in FILES})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            summary=Path(snakemake.input.summary),
            usability=Path(snakemake.input.usability),
            **{
                f"{figure}_{kind}": Path(snakemake.output[f"{figure}_{kind}"])
                for figure in FIGURES
                for kind in FILES
            },
            metric=Metric(**snakemake.params.metric),
            evaluation_confidence=snakemake.params.evaluation_confidence,
            usability_confidence=snakemake.params.usability_confidence,
            chosen_with=snakemake.params.chosen_with,
            baselines=next(map(Path, snakemake.input.baselines), None),
            titles=snakemake.params.titles,
        )
