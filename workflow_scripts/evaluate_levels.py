"""Program one trained network on usability levels, many times each, and score it on the test data."""

from pathlib import Path

from codesign.evaluation.job import evaluate_network
from codesign.log import log_to
from codesign.nonideality.profile import read_profiles
from codesign.tables import EVALUATION, write_table
from codesign.training.experiment import Experiment, use_threads


def main(
    *,
    weights: Path,
    levels: Path,
    evaluation: Path,
    experiment: Experiment,
    method: str,
    data: dict,
    memsim: dict,
    seeds: int,
) -> None:
    """Write one row a level, seed and metric."""
    rows, origin = evaluate_network(
        weights,
        experiment,
        read_profiles(levels),
        method=method,
        source="level",
        data=data,
        memsim=memsim,
        noises=["lognormal"],
        seeds=seeds,
    )
    write_table(rows, evaluation, schema=EVALUATION, metadata={"data": origin})


if __name__ == "__main__":
    with log_to(snakemake.log[0]):
        use_threads(snakemake.threads)
        main(
            weights=Path(snakemake.input.weights),
            levels=Path(snakemake.input.levels),
            evaluation=Path(snakemake.output.evaluation),
            experiment=Experiment(snakemake.wildcards.task, **snakemake.params.experiment),
            method=snakemake.wildcards.method,
            data=snakemake.params.data,
            memsim=snakemake.params.memsim,
            seeds=snakemake.params.seeds,
        )
