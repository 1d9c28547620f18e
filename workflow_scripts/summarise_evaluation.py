"""Means over programmings, their spread, and the paired difference to ERM."""

from pathlib import Path

from codesign.evaluation.statistics import summarise
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import read_metadata, read_table, write_csv, write_table


def main(
    *, evaluations: list[Path], summary: Path, csv: Path, confidence: float, resamples: int, seed: int
) -> None:
    """Write one row a method, profile, kind of noise and metric."""
    rows = [row for path in evaluations for row in read_table(path, schema=EVALUATION).to_pylist()]
    found = summarise(rows, baseline="erm", resamples=resamples, confidence=confidence, seed=seed)
    write_table(found, summary, schema=EVALUATION_SUMMARY, metadata=read_metadata(evaluations[0]))
    write_csv(found, csv)
    print(f"{len(found)} groups of {len(rows)} rows")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            evaluations=[Path(path) for path in snakemake.input.evaluations],
            summary=Path(snakemake.output.summary),
            csv=Path(snakemake.output.csv),
            confidence=snakemake.params.confidence,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
        )
