"""Means of scores on levels, by what is on memristors, and paired differences to ERM."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.evaluation.statistics import summarise
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.evaluation_summary import ANALOG_SUMMARY
from codesign.tables import read_metadata, read_table, write_csv, write_table


def main(
    *,
    evaluations: Mapping[str, Sequence[Path]],
    summary: Path,
    csv: Path,
    confidence: float,
    resamples: int,
    seed: int,
) -> None:
    """Write one row for what is on memristors, a method, profile, calibration and metric.

    Args:
        evaluations: What is on memristors to the scores of every method and training.
    """
    found = []
    for analog, paths in evaluations.items():
        rows = [row for path in paths for row in read_table(path, schema=EVALUATION).to_pylist()]
        means = summarise(rows, baseline="erm", resamples=resamples, confidence=confidence, seed=seed)
        found += [{"analog": analog} | row for row in means]
    write_table(
        found, summary, schema=ANALOG_SUMMARY, metadata=read_metadata(next(iter(evaluations.values()))[0])
    )
    write_csv(found, csv)
    print(f"{len(found)} groups")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            evaluations={
                analog: [Path(path) for path in ([paths] if isinstance(paths, str) else paths)]
                for analog, paths in snakemake.input.items()
            },
            summary=Path(snakemake.output.summary),
            csv=Path(snakemake.output.csv),
            confidence=snakemake.params.confidence,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
        )
