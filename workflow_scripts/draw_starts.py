"""Draw what the starting scale does to each method, one metric of an experiment."""

from pathlib import Path

from codesign.evaluation.statistics import summarise
from codesign.figures.scores import draw_starts
from codesign.figures.style import data_said, origin_of, write_drawing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation import START_ABLATION
from codesign.tables import read_metadata, read_table
from codesign.tasks.about import Metric


def main(
    *,
    scores: list[Path],
    usability: Path,
    metric: Metric,
    confidence: float,
    resamples: int,
    seed: int,
    pdf: Path,
    png: Path,
    svg: Path,
    csv: Path,
) -> None:
    """One figure of all methods; differences are to ERM from the same start."""
    rows = [row for path in scores for row in read_table(path, schema=START_ABLATION).to_pylist()]
    found = []
    for scale in dict.fromkeys(row["initial_scale"] for row in rows):
        mine = [row for row in rows if row["initial_scale"] == scale]
        summary = summarise(mine, baseline="erm", resamples=resamples, confidence=confidence, seed=seed)
        found += [row | {"initial_scale": scale} for row in summary]
    devices = read_table(usability, schema=DEVICE).select(["device", "origin"]).to_pylist()
    data = read_metadata(scores[0])["data"]
    said = data_said(data)
    drawing = draw_starts(found, metric=metric, origin=origin_of(devices), data=said)
    write_drawing(drawing, pdf=pdf, png=png, svg=svg, csv=csv)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            scores=[Path(path) for path in snakemake.input.scores],
            usability=Path(snakemake.input.usability),
            metric=Metric(**snakemake.params.metric),
            confidence=snakemake.params.confidence,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
            pdf=Path(snakemake.output.pdf),
            png=Path(snakemake.output.png),
            svg=Path(snakemake.output.svg),
            csv=Path(snakemake.output.csv),
        )
