"""What one trial of a noise specification is worth: validation scores on the panel's devices."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.bayesmulti.noise import NoiseSpec
from codesign.evaluation.job import calibrating_batch, plan_of
from codesign.evaluation.montecarlo import evaluate
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment
from codesign.training.job import Trained, train_experiment
from codesign.training.kept import Keeping
from codesign.training.loop import TrainingError


def run_trial(
    trial: Path,
    spec: NoiseSpec,
    experiment: Experiment,
    panel: Sequence[DeviceProfile],
    *,
    asked: Mapping,
    training: Mapping,
    memsim: Mapping[str, str],
    programmings: int,
    calibration: str,
    seed: int,
    keeping: Keeping | None = None,
    code: str = "",
    plain_code: str = "",
) -> None:
    """Train under `spec` from the starting scale asked for, score on the panel, write both down.

    Too much noise for this network is an answer for the search and no accident: the table then has no
    rows, and says why.

    Args:
        trial: Table to write.
        spec: Training noise.
        experiment: What is trained.
        panel: Devices the search is for.
        asked: The proposal, kept with the rows; its parameters say the starting scale.
        training: Training settings that all experiments share.
        memsim: mapping and analog.
        programmings: Of each device.
        calibration: After each programming, as in `trial_rows`.
        seed: Root seed.
        keeping: Where the trained network is left for the final training.
        code: Digest of the code that trains.
        plain_code: The same of a training without noise.
    """
    try:
        trained = train_experiment(
            experiment,
            spec,
            initial_scale=asked["parameters"]["initial_scale"],
            shared=training,
            seed=seed,
            keeping=keeping,
            code=code,
            plain_code=plain_code,
        )
    except TrainingError as problem:
        write_table([], trial, schema=EVALUATION, metadata={"asked": asked, "failed": str(problem)})
        print(f"training failed: {problem}")
        return
    rows = trial_rows(
        trained,
        experiment,
        panel,
        method=spec.method,
        memsim=memsim,
        programmings=programmings,
        calibration=calibration,
    )
    write_table(rows, trial, schema=EVALUATION, metadata={"asked": asked, "data": trained.source})
    values = [row["value"] for row in rows if row["metric"] == trained.metric.name]
    print(f"mean validation {trained.metric.title} on the panel {sum(values) / len(values):.4f}")


def trial_rows(
    trained: Trained,
    experiment: Experiment,
    panel: Sequence[DeviceProfile],
    *,
    method: str,
    memsim: Mapping[str, str],
    programmings: int,
    calibration: str,
) -> list[dict]:
    """Validation scores on each panel device and programming; the draws are those of every other trial.

    Args:
        trained: The trial's network and its validation examples.
        experiment: Its task.
        panel: Devices the search is for.
        method: How it was trained.
        memsim: mapping and analog.
        programmings: Of each device.
        calibration: After each programming, one of `codesign.evaluation.calibration.KINDS`: the one that the
            network is meant to be used with. A network that cannot have it is scored as programmed.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`.
    """
    for kind in dict.fromkeys([calibration, "none"]):
        plan = plan_of(
            experiment,
            method=method,
            stands_for="level",
            memsim=memsim,
            noises=["lognormal"],
            programmings=programmings,
            calibrations=[kind],
        )
        rows = evaluate(
            trained.network,
            experiment.definition,
            trained.validation,
            panel,
            plan,
            calibrating=calibrating_batch(experiment, [kind]),
        )
        if rows:
            break
    return rows
