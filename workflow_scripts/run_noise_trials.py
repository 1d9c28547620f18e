"""Train noise specifications of a round and score each on the panel's devices, validation examples only."""

from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.log import log_to
from codesign.noise_search.trial import run_trial
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.tables import read_object
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.kept import Keeping


def main(
    *,
    proposal: Path,
    panel: Path,
    trials: dict[int, Path],
    experiment: Experiment,
    training: dict,
    memsim: dict,
    programmings: int,
    calibration: str,
    seed: int,
    code: str,
    plain_code: str,
    leave: bool = True,
) -> None:
    """Write one row a panel device, programming and metric; where training failed none, but the reason.

    Args:
        trials: Slot of the proposal, from 1, to the table that is written.
        leave: Whether networks are left for the training: not where that trains otherwise than a trial.
    """
    slots = read_object(proposal)["slots"]
    devices = read_profiles(panel)
    for slot, trial in trials.items():
        asked = slots[slot - 1]
        spec = NoiseSpec.from_json(asked["specification"])
        run_trial(
            trial,
            spec,
            experiment,
            devices,
            asked=asked,
            training=training,
            memsim=memsim,
            programmings=programmings,
            calibration=calibration,
            seed=seed,
            keeping=Keeping(own=trial.parent / "trained", plain=trial.parents[1] / "trained", leave=leave),
            code=code,
            plain_code=plain_code,
        )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            proposal=Path(snakemake.input.proposal),
            panel=Path(snakemake.input.panel),
            trials={int(path.stem.rpartition("-")[2]): path for path in map(Path, snakemake.output.trials)},
            experiment=Experiment.of(snakemake),
            training=snakemake.params.training,
            memsim=snakemake.params.memsim,
            programmings=snakemake.params.programmings,
            calibration=snakemake.params.calibration,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
            plain_code=snakemake.params.plain_code,
            leave=snakemake.params.leave,
        )
