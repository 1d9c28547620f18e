"""Train the network of one experiment with one method."""

import json
from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.files import remove_unfinished, replacing
from codesign.log import log_to
from codesign.models.weights import write_weights
from codesign.provenance.records import recorded
from codesign.schemas.training import HISTORY
from codesign.tables import read_object, write_table
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.job import history_rows, train_experiment
from codesign.training.kept import Keeping


def main(
    *,
    chosen: Path,
    weights: Path,
    history: Path,
    spec: Path,
    experiment: Experiment,
    method: str,
    training: dict,
    seed: int,
    code: str,
) -> None:
    """Write weights, history and specification.

    What the search has trained already is taken from there; a killed training goes on from its last epoch.
    """
    said = read_object(chosen)
    noise = NoiseSpec.from_json(said["specification"])
    # beside the folder, not in it: Snakemake removes the outputs of an unfinished job
    checkpoint = weights.parent.with_suffix(".checkpoint.safetensors")
    trained = train_experiment(
        experiment,
        noise,
        initial_scale=said["initial_scale"],
        shared=training,
        seed=seed,
        checkpoint=checkpoint,
        keeping=Keeping([chosen.parent / "trained", chosen.parents[1] / "trained"]),
        code=code,
    )
    if trained.result.resumed_after:
        print(f"resumed after epoch {trained.result.resumed_after}")
    made = {
        "experiment": experiment.name,
        "method": method,
        "specification": noise.to_json(),
        "initial_scale": said["initial_scale"],
        "data": trained.source,
        "best_epoch": trained.result.best_epoch,
        "seed": seed,
        "frozen": dict(trained.network.frozen),
    }
    write_table(history_rows(trained.result.history), history, schema=HISTORY, metadata=made)
    with replacing(spec) as temporary:
        temporary.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_weights(trained.result.weights, weights, metadata=made)
    checkpoint.unlink(missing_ok=True)
    remove_unfinished(checkpoint)
    print(f"best epoch {trained.result.best_epoch}: validation {trained.metric.title} {trained.best:.4f}")
    print(f"seconds an epoch: {[round(s, 2) for s in trained.result.seconds]}")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            chosen=Path(snakemake.input.chosen),
            weights=Path(snakemake.output.weights),
            history=Path(snakemake.output.history),
            spec=Path(snakemake.output.spec),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            training=snakemake.params.training,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
        )
