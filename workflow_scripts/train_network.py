"""Train the networks of one experiment with one method: one for each aim, those that are alike once."""

import json
from pathlib import Path

from codesign.files import hold_same, remove_unfinished, replacing, sha256_of
from codesign.log import log_to
from codesign.models.family import aim_called, said_of
from codesign.models.weights import write_weights
from codesign.provenance.records import recorded
from codesign.schemas.training import HISTORY
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.choice import Choice, alike
from codesign.training.job import history_rows, seed_of_repeat, train_experiment
from codesign.training.kept import Keeping


def main(
    *,
    chosen: Path,
    weights: dict[str, Path],
    history: Path,
    spec: Path,
    experiment: Experiment,
    method: str,
    repeat: int,
    training: dict,
    seed: int,
    code: str,
    plain_code: str,
) -> None:
    """Write the weights for each aim, histories and specifications.

    What was trained before is taken from there; a killed training goes on from its last epoch.

    Args:
        weights: Name of an aim to the file of its network.
    """
    choices = [Choice.of(said) for said in said_of(chosen)]
    aims = [choice.aim for choice in choices]
    shared = {"experiment": experiment.name, "method": method, "repeat": repeat, "seed": seed}
    rows, networks, checkpoints = [], [], []
    for number, same in enumerate(alike(choices), 1):
        # beside the folder, not in it: Snakemake removes the outputs of an unfinished job
        checkpoints.append(spec.parent.with_suffix(f".{number}.checkpoint.safetensors"))
        trained = train_experiment(
            experiment,
            same[0].specification,
            initial_scale=same[0].initial_scale,
            shared=training,
            seed=seed_of_repeat(seed, repeat),
            checkpoint=checkpoints[-1],
            keeping=Keeping(own=chosen.parent / "trained", plain=chosen.parents[1] / "trained"),
            code=code,
            plain_code=plain_code,
        )
        if trained.result.resumed_after:
            print(f"resumed after epoch {trained.result.resumed_after}")
        best = trained.result.best_epoch
        shared |= {"data": trained.source, "frozen": dict(trained.network.frozen)}
        rows += history_rows(trained.result.history, network=number)
        networks += [choice.said() | {"network": number, "best_epoch": best} for choice in same]
        _write(
            trained.result.weights,
            [path for name, path in weights.items() if aim_called(name, aims) in [c.aim for c in same]],
            metadata=shared | {"networks": networks[-len(same) :]},
        )
        names = ", ".join(choice.aim.name for choice in same)
        print(f"{names}: best epoch {best}, validation {trained.metric.title} {trained.best:.4f}")
        print(f"seconds an epoch: {[round(s, 2) for s in trained.result.seconds]}")
    networks.sort(key=lambda said: aims.index(Choice.of(said).aim))
    made = shared | {"networks": networks}
    write_table(rows, history, schema=HISTORY, metadata=made)
    # so that nobody scores other weights under this name
    made["checksums"] = {path.name: sha256_of(path) for path in sorted(weights.values())}
    with replacing(spec) as temporary:
        temporary.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
        remove_unfinished(checkpoint)


def _write(found: dict, paths: list[Path], *, metadata: dict) -> None:
    """One file under every path."""
    first, *others = paths
    write_weights(found, first, metadata=metadata)
    for path in others:
        hold_same(first, path)


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            chosen=Path(snakemake.input.chosen),
            weights={path.stem.partition("-")[2]: path for path in map(Path, snakemake.output.weights)},
            history=Path(snakemake.output.history),
            spec=Path(snakemake.output.spec),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            repeat=int(snakemake.wildcards.repeat),
            training=snakemake.params.training,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
            plain_code=snakemake.params.plain_code,
        )
