"""Means over trainings and programmings, their spread, and paired differences to ERM and to fixed noise."""

from pathlib import Path

from codesign.evaluation.statistics import compare, summarise
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.evaluation_summary import COMPARISON, EVALUATION_SUMMARY
from codesign.tables import read_metadata, read_table, write_csv, write_table


def main(
    *,
    evaluations: list[Path],
    summary: Path,
    csv: Path,
    comparison: Path,
    comparison_csv: Path,
    pairs: list[tuple[str, str]],
    confidence: float,
    resamples: int,
    seed: int,
) -> None:
    """Write one row a method, profile, kind of noise and metric, and one a pair of methods.

    Args:
        pairs: (searched method, the one with the same noise at a fixed strength).
    """
    rows = [row for path in evaluations for row in read_table(path, schema=EVALUATION).to_pylist()]
    how = {"resamples": resamples, "confidence": confidence, "seed": seed}
    about = read_metadata(evaluations[0])
    found = summarise(rows, baseline="erm", **how)
    write_table(found, summary, schema=EVALUATION_SUMMARY, metadata=about)
    write_csv(found, csv)
    compared = compare(rows, pairs, **how)
    write_table(compared, comparison, schema=COMPARISON, metadata=about)
    write_csv(compared, comparison_csv, columns=COMPARISON.names)
    print(f"{len(found)} groups of {len(rows)} rows")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            evaluations=[Path(path) for path in snakemake.input.evaluations],
            summary=Path(snakemake.output.summary),
            csv=Path(snakemake.output.csv),
            comparison=Path(snakemake.output.comparison),
            comparison_csv=Path(snakemake.output.comparison_csv),
            pairs=[tuple(pair) for pair in snakemake.params.pairs],
            confidence=snakemake.params.confidence,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
        )
