"""Train the networks of the crossbar experiment, one a run, with one method."""

from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.crossbar.networks import train_runs, write_runs
from codesign.log import log_to
from codesign.models.family import said_at
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment, use_threads


def main(
    *,
    chosen: Path,
    networks: Path,
    experiment: Experiment,
    method: str,
    runs: int,
    training: dict,
    level: float,
    seed: int,
) -> None:
    """Write the weights of every run into one file.

    Args:
        level: Of the panel, whose noise and start are taken.
    """
    said = said_at(chosen, level)
    noise = NoiseSpec.from_json(said["specification"])
    weights = {}
    for run, trained, score in train_runs(
        experiment, noise, initial_scale=said["initial_scale"], runs=runs, shared=training, seed=seed
    ):
        weights[run] = trained
        print(f"run {run}: best validation {experiment.about.metric.title} {score:.4f}")
    made = {"experiment": experiment.name, "method": method, "specification": noise.to_json(), "seed": seed}
    write_runs(weights, networks, metadata=made)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            chosen=Path(snakemake.input.chosen),
            networks=Path(snakemake.output.networks),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            runs=snakemake.params.runs,
            training=snakemake.params.training,
            level=snakemake.params.level,
            seed=snakemake.params.seed,
        )
