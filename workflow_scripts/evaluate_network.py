"""Program one trained network on profiles, many times each, and score it on the test data."""

from pathlib import Path

from codesign.evaluation.job import evaluate_network
from codesign.log import log_to
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks.mirror import placed
from codesign.training.experiment import Experiment, use_threads


def main(
    *,
    weights: Path,
    profiles: Path,
    evaluation: Path,
    experiment: Experiment,
    method: str,
    data: dict,
    memsim: dict,
    source: str,
    noises: list[str],
    seeds: int,
) -> None:
    """Write one row a profile, kind of noise, seed and metric; `source` says what profiles stand for."""
    rows, origin = evaluate_network(
        weights,
        experiment,
        read_profiles(profiles),
        method=method,
        source=source,
        data=data,
        memsim=memsim,
        noises=noises,
        seeds=seeds,
    )
    write_table(rows, evaluation, schema=EVALUATION, metadata={"data": origin})


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            weights=Path(snakemake.input.weights),
            profiles=Path(snakemake.input.profiles),
            evaluation=Path(snakemake.output.evaluation),
            experiment=Experiment(snakemake.wildcards.task, **snakemake.params.experiment),
            method=snakemake.wildcards.method,
            data=placed(snakemake.params.data, snakemake.config),
            memsim=snakemake.params.memsim,
            source=snakemake.params.source,
            noises=snakemake.params.noises,
            seeds=snakemake.params.seeds,
        )
