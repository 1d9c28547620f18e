"""Rank correlation of fidelity, usability and other readings with the scores on the devices."""

from pathlib import Path

from codesign.evaluation.readings import predictions
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import read_table, write_csv


def main(
    *,
    usability: Path,
    summaries: list[Path],
    correlation: Path,
    points: Path,
    confidence: float,
    resamples: int,
    seed: int,
) -> None:
    """Write correlations and the points behind them."""
    rows = [row for path in summaries for row in read_table(path, schema=EVALUATION_SUMMARY).to_pylist()]
    others = sorted({row["method"] for row in rows} - {"erm"})
    found, behind = predictions(
        read_table(usability, schema=DEVICE).to_pylist(),
        rows,
        methods=["erm", *others],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    write_csv(found, correlation)
    write_csv(behind, points)
    for row in found:
        network = f"{row['experiment']} {row['method']} {row['reading']}"
        print(f"{network}: {row['rho']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            usability=Path(snakemake.input.usability),
            summaries=[Path(path) for path in snakemake.input.summaries],
            correlation=Path(snakemake.output.correlation),
            points=Path(snakemake.output.points),
            confidence=snakemake.params.confidence,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
        )
