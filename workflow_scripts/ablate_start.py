"""Train the chosen noise of a method from every starting scale, and score on levels: what the start does."""

import shutil
from pathlib import Path

from codesign.log import log_to
from codesign.models.family import said_of
from codesign.noise_search.ablation import scores_by_start
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import START_ABLATION
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.choice import Choice
from codesign.training.kept import Keeping


def main(
    *,
    chosen: Path,
    levels: Path,
    scores: Path,
    experiment: Experiment,
    method: str,
    scales: list[float],
    training: dict,
    memsim: dict,
    programmings: int,
    seed: int,
    code: str,
    plain_code: str,
) -> None:
    """Write one row a scale, level, programming and metric; a killed job goes on from its last epoch."""
    checkpoints = scores.with_suffix(".checkpoints")
    rows = scores_by_start(
        [Choice.of(said) for said in said_of(chosen)],
        scales,
        experiment,
        read_profiles(levels),
        method=method,
        training=training,
        memsim=memsim,
        programmings=programmings,
        seed=seed,
        keeping=Keeping(own=chosen.parent / "trained", plain=chosen.parents[1] / "trained"),
        code=code,
        plain_code=plain_code,
        checkpoints=checkpoints,
    )
    (test,) = experiment.examples("test")
    source = vars(test.source) if test.source else {}
    write_table(rows, scores, schema=START_ABLATION, metadata={"data": dict(source)})
    shutil.rmtree(checkpoints, ignore_errors=True)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            chosen=Path(snakemake.input.chosen),
            levels=Path(snakemake.input.levels),
            scores=Path(snakemake.output.scores),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            scales=snakemake.params.scales,
            training=snakemake.params.training,
            memsim=snakemake.params.memsim,
            programmings=snakemake.params.programmings,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
            plain_code=snakemake.params.plain_code,
        )
