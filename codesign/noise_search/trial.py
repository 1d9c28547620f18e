"""What one trial of a noise specification is worth: validation scores on the panel's devices."""

from collections.abc import Mapping, Sequence

from codesign.evaluation.job import plan_of
from codesign.evaluation.montecarlo import evaluate
from codesign.nonideality.profile import DeviceProfile
from codesign.tasks.experiment import Experiment
from codesign.training.job import Trained


def trial_rows(
    trained: Trained,
    experiment: Experiment,
    panel: Sequence[DeviceProfile],
    *,
    method: str,
    memsim: Mapping[str, str],
    programmings: int,
) -> list[dict]:
    """Validation scores on each panel device and programming; the draws are those of every other trial.

    Args:
        trained: The trial's network and its validation examples.
        experiment: Its task.
        panel: Devices the search is for.
        method: How it was trained.
        memsim: mapping and analog.
        programmings: Of each device.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`.
    """
    plan = plan_of(
        experiment,
        method=method,
        stands_for="level",
        memsim=memsim,
        noises=["lognormal"],
        programmings=programmings,
    )
    return evaluate(trained.network, experiment.definition, trained.validation, panel, plan)
