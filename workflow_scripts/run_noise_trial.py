"""Train one noise specification and score it on the panel's devices, validation examples only."""

from pathlib import Path

import codesign.warm  # noqa: F401  a warm process takes the job from here
from codesign.bayesmulti.noise import NoiseSpec
from codesign.log import log_to
from codesign.noise_search.trial import trial_rows
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import read_object, write_table
from codesign.tasks.experiment import Experiment, use_threads
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
    training: dict,
    memsim: dict,
    programmings: int,
    seed: int,
) -> None:
    """Write one row a panel device and programming; none where training failed, the reason beside them."""
    asked = read_object(proposal)["slots"][slot - 1]
    spec = NoiseSpec.from_json(asked["specification"])
    try:
        trained = train_experiment(experiment, spec, shared=training, seed=seed)
    except TrainingError as problem:
        # an answer for the search, not an accident: this noise is too much for this network
        write_table(
            [], trial, schema=EVALUATION, metadata={"slot": slot, "asked": asked, "failed": str(problem)}
        )
        print(f"training failed: {problem}")
        return
    rows = trial_rows(
        trained, experiment, read_profiles(panel), method=method, memsim=memsim, programmings=programmings
    )
    write_table(
        rows, trial, schema=EVALUATION, metadata={"slot": slot, "asked": asked, "data": trained.source}
    )
    values = [row["value"] for row in rows if row["metric"] == trained.metric.name]
    print(f"mean validation {trained.metric.title} on the panel {sum(values) / len(values):.4f}")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            proposal=Path(snakemake.input.proposal),
            panel=Path(snakemake.input.panel),
            trial=Path(snakemake.output.trial),
            slot=int(snakemake.wildcards.slot),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            training=snakemake.params.training,
            memsim=snakemake.params.memsim,
            programmings=snakemake.params.programmings,
            seed=snakemake.params.seed,
        )
