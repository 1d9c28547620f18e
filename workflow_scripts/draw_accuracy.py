"""Draw one task's scores: on usability levels, and on the devices themselves."""

from pathlib import Path

from codesign.figures.network import draw_accuracy, draw_device_accuracy
from codesign.figures.style import origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import read_metadata, read_table
from codesign.tasks.registry import task_named

FIGURES = ("accuracy", "device")
COLUMNS = ("device", "origin", "usability_low", "usability_high")


def main(
    *,
    summary: Path,
    usability: Path,
    accuracy_pdf: Path,
    accuracy_png: Path,
    accuracy_csv: Path,
    device_pdf: Path,
    device_png: Path,
    device_csv: Path,
    task: str,
    evaluation_confidence: float,
    usability_confidence: float,
) -> None:
    """Two figures of one summary.

    Args:
        task: What the task is an experiment of: a name of `codesign.tasks.registry.TASKS`.
        evaluation_confidence: Of the intervals on differences.
        usability_confidence: Of the intervals on a device's usability.
    """
    rows = read_table(summary, schema=EVALUATION_SUMMARY).to_pylist()
    devices = read_table(usability, schema=DEVICE).select(list(COLUMNS)).to_pylist()
    definition = task_named(task)
    data = read_metadata(summary)["data"]
    said = ", ".join(data[key] for key in ("dataset", "source", "variant") if data.get(key))
    shared = {
        "metric": definition.metric,
        "chance": definition.chance,
        "origin": origin_of(devices),
        "data": said,
    }
    write_drawing(
        draw_accuracy(rows, confidence=evaluation_confidence, **shared),
        pdf=accuracy_pdf,
        png=accuracy_png,
        csv=accuracy_csv,
    )
    write_drawing(
        draw_device_accuracy(rows, devices, confidence=usability_confidence, **shared),
        pdf=device_pdf,
        png=device_png,
        csv=device_csv,
    )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            summary=Path(snakemake.input.summary),
            usability=Path(snakemake.input.usability),
            **{
                f"{figure}_{kind}": Path(snakemake.output[f"{figure}_{kind}"])
                for figure in FIGURES
                for kind in ("pdf", "png", "csv")
            },
            task=snakemake.params.task,
            evaluation_confidence=snakemake.params.evaluation_confidence,
            usability_confidence=snakemake.params.usability_confidence,
        )
