"""Train noise specifications of a round and score each on the panel's devices, validation examples only."""

from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.log import log_to
from codesign.noise_search.trial import copy_trial, run_trial
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.tables import read_object
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.kept import Keeping


def main(
    *,
    proposal: Path,
    corner: list[Path],
    panel: Path,
    trials: dict[int, Path],
    experiment: Experiment,
    training: dict,
    memsim: dict,
    programmings: int,
    seed: int,
    code: str,
) -> None:
    """Write one row a panel device, programming and metric; where training failed none, but the reason.

    Args:
        corner: The trial without noise, in the first round: what is it, is not trained again.
        trials: Slot of the proposal, from 1, to the table that is written.
    """
    slots = read_object(proposal)["slots"]
    devices = read_profiles(panel)
    for slot, trial in trials.items():
        asked = slots[slot - 1]
        spec = NoiseSpec.from_json(asked["specification"])
        if corner and spec.is_identity:
            copy_trial(corner[0], trial, method=spec.method, asked=asked)
            continue
        run_trial(
            trial,
            spec,
            experiment,
            devices,
            asked=asked,
            training=training,
            memsim=memsim,
            programmings=programmings,
            seed=seed,
            keeping=Keeping([trial.parent / "trained"], leave=True),
            code=code,
        )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            proposal=Path(snakemake.input.proposal),
            corner=[Path(path) for path in snakemake.input.corner],
            panel=Path(snakemake.input.panel),
            trials={int(path.stem.rpartition("-")[2]): path for path in map(Path, snakemake.output.trials)},
            experiment=Experiment.of(snakemake),
            training=snakemake.params.training,
            memsim=snakemake.params.memsim,
            programmings=snakemake.params.programmings,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
        )
