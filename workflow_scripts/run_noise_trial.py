"""Train one noise specification and score it on the panel's devices, validation examples only."""

from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.log import log_to
from codesign.noise_search.trial import trial_rows
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import read_object, write_table
from codesign.tasks.mirror import placed
from codesign.training.experiment import Experiment, use_threads
from codesign.training.job import train_experiment
from codesign.training.loop import TrainingError


def main(
    *,
    proposal: Path,
    panel: Path,
    trial: Path,
    slot: int,
    experiment: Experiment,
    method: str,
    data: dict,
    training: dict,
    memsim: dict,
    draws: int,
    seed: int,
) -> None:
    """Write one row a panel device and programming; none where training failed, the reason beside them."""
    asked = read_object(proposal)["slots"][slot - 1]
    spec = NoiseSpec.from_json(asked["specification"])
    try:
        trained = train_experiment(experiment, spec, data=data, shared=training, seed=seed)
    except TrainingError as problem:
        # an answer for the search, not an accident: this noise is too much for this network
        write_table(
            [], trial, schema=EVALUATION, metadata={"slot": slot, "asked": asked, "failed": str(problem)}
        )
        print(f"training failed: {problem}")
        return
    rows = trial_rows(trained, experiment, read_profiles(panel), method=method, memsim=memsim, draws=draws)
    write_table(
        rows, trial, schema=EVALUATION, metadata={"slot": slot, "asked": asked, "data": trained.origin}
    )
    print(f"mean validation score on the panel {sum(row['value'] for row in rows) / len(rows):.4f}")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            proposal=Path(snakemake.input.proposal),
            panel=Path(snakemake.input.panel),
            trial=Path(snakemake.output.trial),
            slot=int(snakemake.wildcards.slot),
            experiment=Experiment(snakemake.wildcards.task, **snakemake.params.experiment),
            method=snakemake.wildcards.method,
            data=placed(snakemake.params.data, snakemake.config),
            training=snakemake.params.training,
            memsim=snakemake.params.memsim,
            draws=snakemake.params.draws,
            seed=snakemake.params.seed,
        )
