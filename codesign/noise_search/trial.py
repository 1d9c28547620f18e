"""What one trial of a noise specification is worth: validation score on the panel's devices."""

from collections.abc import Mapping, Sequence

from codesign.evaluation.job import programmed_scores
from codesign.nonideality.profile import DeviceProfile
from codesign.training.experiment import Experiment
from codesign.training.job import Trained


def trial_rows(
    trained: Trained,
    experiment: Experiment,
    panel: Sequence[DeviceProfile],
    *,
    method: str,
    memsim: Mapping,
    draws: int,
) -> list[dict]:
    """Validation score on each panel device and programming; the draws are those of every other trial.

    Args:
        trained: The trial's network and its validation examples.
        experiment: Its task.
        panel: Devices the search is for.
        method: How it was trained.
        memsim: mapping and analog.
        draws: Programmings of each device.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`.
    """
    return programmed_scores(
        trained.model,
        experiment,
        trained.validation,
        panel,
        method=method,
        source="level",
        memsim=memsim,
        noises=["lognormal"],
        seeds=range(draws),
    )
