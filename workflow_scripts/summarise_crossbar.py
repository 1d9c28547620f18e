"""Summarise a record of the crossbar: accuracies over runs, errors counted."""

from pathlib import Path

from codesign.crossbar.record import read_records
from codesign.crossbar.summary import drops, error_histogram, summarise_runs
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.crossbar_summary import CROSSBAR_SUMMARY
from codesign.tables import write_csv, write_table


def main(
    *,
    records: list[Path],
    measured: bool,
    summary: Path,
    csv: Path,
    runs: Path,
    errors: Path,
    bins: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> None:
    """Write the summary, one line a network and calibration, and the histogram of errors.

    Args:
        measured: Whether the record is one of the bench; a simulated one is refused there.
        bins: Of the histogram.
    """
    rows, metadata = read_records(records, measured=measured)
    found = summarise_runs(
        rows, evidence=metadata["evidence"], resamples=resamples, confidence=confidence, seed=seed
    )
    write_table(found, summary, schema=CROSSBAR_SUMMARY, metadata=metadata)
    write_csv(found, csv)
    write_csv([{"evidence": metadata["evidence"]} | line for line in drops(rows)], runs)
    write_csv(
        [{"evidence": metadata["evidence"]} | line for line in error_histogram(rows, bins=bins)], errors
    )
    for line in found:
        of = f"{line['method']} {line['quantity']}, calibration {line['calibration']}"
        print(f"{of}: {line['mean']:.4f} (n = {line['n']})")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            records=[Path(path) for path in snakemake.params.records],
            measured=snakemake.params.measured,
            **{name: Path(snakemake.output[name]) for name in ("summary", "csv", "runs", "errors")},
            bins=snakemake.params.bins,
            resamples=snakemake.params.resamples,
            confidence=snakemake.params.confidence,
            seed=snakemake.params.seed,
        )
