"""Score, on the test examples of an experiment, what needs no network."""

from pathlib import Path

from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.schemas.baselines import BASELINES
from codesign.tables import write_csv, write_table
from codesign.tasks.baselines import score_baselines
from codesign.tasks.experiment import Experiment, use_threads


def main(*, scores: Path, csv: Path, experiment: Experiment) -> None:
    """Write one row a baseline and metric."""
    rows = [
        {"experiment": experiment.name} | row for row in score_baselines(experiment.about, experiment.data)
    ]
    write_table(rows, scores, schema=BASELINES)
    write_csv(rows, csv, columns=BASELINES.names)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            scores=Path(snakemake.output.scores),
            csv=Path(snakemake.output.csv),
            experiment=Experiment.of(snakemake),
        )
