"""Train without noise what trials go on from, once for all of them (`training.start: erm`)."""

import json
from pathlib import Path

from codesign.bayesmulti.specification import method_spec
from codesign.files import remove_unfinished, replacing
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.job import train_experiment
from codesign.training.kept import Keeping
from codesign.training.loop import TrainingError


def main(
    *, start: Path, experiment: Experiment, initial_scale: float, training: dict, seed: int, code: str
) -> None:
    """Leave the network in the folder `trained` beside `start`, and say in `start` how good it is.

    A killed training goes on from its last epoch. One that fails is said to, and fails again in the trials,
    which take that for an answer.
    """
    kept = start.parent / "trained"
    checkpoint = start.with_suffix(".checkpoint.safetensors")
    said = {"experiment": experiment.name, "initial_scale": initial_scale, "seed": seed}
    try:
        trained = train_experiment(
            experiment,
            method_spec("erm", {}, 0),
            initial_scale=initial_scale,
            shared=training | {"start": "scratch"},
            seed=seed,
            checkpoint=checkpoint,
            keeping=Keeping(own=kept, plain=kept),
            plain_code=code,
        )
    except TrainingError as problem:
        said["failed"] = str(problem)
        print(f"training failed: {problem}")
    else:
        said |= {"best_epoch": trained.result.best_epoch, f"validation_{trained.metric.name}": trained.best}
        print(f"best epoch {trained.result.best_epoch}, validation {trained.metric.title} {trained.best:.4f}")
    with replacing(start) as temporary:
        temporary.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    checkpoint.unlink(missing_ok=True)
    remove_unfinished(checkpoint)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            start=Path(snakemake.output.start),
            experiment=Experiment.of(snakemake),
            initial_scale=snakemake.params.initial_scale,
            training=snakemake.params.training,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
        )
