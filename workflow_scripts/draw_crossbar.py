"""Draw a record of the crossbar: accuracy, errors of multiplications, programmed conductances."""

import csv
from pathlib import Path

from codesign.crossbar.record import cells_said, read_records, task_said
from codesign.figures.crossbar import (
    PAPER_DROP,
    draw_conductance_map,
    draw_crossbar_accuracy,
    draw_crossbar_errors,
)
from codesign.figures.style import FILES, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.crossbar_summary import CROSSBAR_SUMMARY
from codesign.tables import read_table
from codesign.tasks.about import about_of

FIGURES = ("accuracy", "errors", "conductances")
COUNTS = ("layer", "count", "n")


def main(
    *,
    records: list[Path],
    measured: bool,
    summary: Path,
    errors: Path,
    task: str | None,
    confidence: float,
    array: tuple[int, int],
    tolerance: float,
    **outputs: Path,
) -> None:
    """Three figures of one record.

    Args:
        measured: Whether the record is one of the bench; a simulated one is refused there.
        task: What the networks were trained for, a task (`codesign.tasks.about.task_names`), where the
            record does not say it.
        confidence: Of the intervals.
        array: Rows and columns of the array.
        tolerance: Of write-verify, a share of the conductance range.
        outputs: {figure}_{pdf, png, svg, csv} of each of `FIGURES`.
    """
    rows, metadata = read_records(records, measured=measured)
    said = {"evidence": metadata["evidence"], "device": cells_said(metadata)}
    task, dataset = task_said(metadata, otherwise=task)
    with errors.open(newline="", encoding="utf-8") as lines:
        counted = [
            {
                name: value
                if name in ("evidence", "method")
                else int(value)
                if name in COUNTS
                else float(value)
                for name, value in line.items()
            }
            for line in csv.DictReader(lines)
        ]
    drawings = (
        draw_crossbar_accuracy(
            rows,
            read_table(summary, schema=CROSSBAR_SUMMARY).to_pylist(),
            dataset=dataset,
            chance=about_of(task).chance_right,
            reported=PAPER_DROP if task == "moons" else {},
            confidence=confidence,
            **said,
        ),
        draw_crossbar_errors(counted, **said),
        draw_conductance_map(
            rows,
            run=min(row["run"] for row in rows),
            array=array,
            tolerance_s=tolerance * metadata["range_s"],
            **said,
        ),
    )
    for figure, drawing in zip(FIGURES, drawings, strict=True):
        write_drawing(drawing, **{kind: outputs[f"{figure}_{kind}"] for kind in FILES})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            records=[Path(path) for path in snakemake.params.records],
            measured=snakemake.params.measured,
            summary=Path(snakemake.input.summary),
            errors=Path(snakemake.input.errors),
            task=snakemake.params.task,
            confidence=snakemake.params.confidence,
            array=tuple(snakemake.params.array),
            tolerance=snakemake.params.tolerance,
            **{
                f"{figure}_{kind}": Path(snakemake.output[f"{figure}_{kind}"])
                for figure in FIGURES
                for kind in FILES
            },
        )
