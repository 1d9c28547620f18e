"""Train without noise from one starting scale and score on the panel's devices: where every search begins."""

from pathlib import Path

from codesign.bayesmulti.specification import method_spec
from codesign.log import log_to
from codesign.noise_search.trial import run_trial
from codesign.nonideality.profile import read_profiles
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment, use_threads
from codesign.training.kept import Keeping


def main(
    *,
    panel: Path,
    trial: Path,
    experiment: Experiment,
    initial_scale: float,
    training: dict,
    memsim: dict,
    programmings: int,
    calibration: str,
    seed: int,
    code: str,
) -> None:
    """Write one row a panel device, programming and metric; none where training failed."""
    run_trial(
        trial,
        method_spec("erm", {}, 0),
        experiment,
        read_profiles(panel),
        asked={"parameters": {"initial_scale": initial_scale}},
        training=training,
        memsim=memsim,
        programmings=programmings,
        calibration=calibration,
        seed=seed,
        keeping=Keeping(own=trial.parent / "trained", plain=trial.parent / "trained", leave=True),
        plain_code=code,
    )


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            panel=Path(snakemake.input.panel),
            trial=Path(snakemake.output.trial),
            experiment=Experiment.of(snakemake),
            initial_scale=snakemake.params.initial_scale,
            training=snakemake.params.training,
            memsim=snakemake.params.memsim,
            programmings=snakemake.params.programmings,
            calibration=snakemake.params.calibration,
            seed=snakemake.params.seed,
            code=snakemake.params.training_code,
        )
