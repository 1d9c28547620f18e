"""What the starting scale alone does: the chosen noise of a method, trained from each scale."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from codesign.evaluation.job import plan_of
from codesign.evaluation.montecarlo import evaluate
from codesign.models.aims import share_out
from codesign.nonideality.profile import DeviceProfile
from codesign.tasks.experiment import Experiment
from codesign.training.choice import Choice, alike
from codesign.training.job import train_experiment
from codesign.training.kept import Keeping
from codesign.training.loop import TrainingError


def scores_by_start(
    choices: Sequence[Choice],
    scales: Sequence[float],
    experiment: Experiment,
    profiles: Sequence[DeviceProfile],
    *,
    method: str,
    training: Mapping,
    memsim: Mapping[str, str],
    programmings: int,
    seed: int,
    keeping: Keeping | None = None,
    code: str = "",
    plain_code: str = "",
    checkpoints: Path | None = None,
) -> list[dict]:
    """Test scores on levels of networks that differ from those of a method by the starting scale alone.

    A network that was trained before is taken from there. A training that fails has no rows, and a sentence
    says why.

    Args:
        choices: Of the method: the noise stays, the scale is each of `scales`.
        scales: Starting scales.
        experiment: What is trained; its test examples are scored.
        profiles: Levels.
        method: Whose choices.
        training: Training settings that all experiments share.
        memsim: mapping and analog.
        programmings: Of each level.
        seed: Root seed.
        keeping: Where networks trained before are looked for.
        code: Digest of the code that trains.
        plain_code: The same of a training without noise.
        checkpoints: Folder in which every training can be resumed, finished ones too; whoever keeps the
            rows removes it.

    Returns:
        Rows of `codesign.schemas.evaluation.START_ABLATION`, by scale.
    """
    (test,) = experiment.examples("test")
    plan = plan_of(
        experiment,
        method=method,
        stands_for="level",
        memsim=memsim,
        noises=["lognormal"],
        programmings=programmings,
    )
    taken = share_out([choice.aim for choice in choices], profiles)
    rows = []
    for place, scale in enumerate(scales, 1):
        networks = alike([replace(choice, initial_scale=scale) for choice in choices])
        for number, same in enumerate(networks, 1):
            mine = [(choice.aim, taken[choice.aim]) for choice in same if choice.aim in taken]
            if not mine:
                continue
            try:
                trained = train_experiment(
                    experiment,
                    same[0].specification,
                    initial_scale=scale,
                    shared=training,
                    seed=seed,
                    checkpoint=checkpoints and checkpoints / f"start-{place}-{number}.safetensors",
                    keeping=keeping,
                    code=code,
                    plain_code=plain_code,
                )
            except TrainingError as problem:
                print(f"start x {scale:g}: training failed: {problem}")
                continue
            for aim, there in mine:
                found = evaluate(
                    trained.network, experiment.definition, test, there, replace(plan, aim=aim.name)
                )
                rows += [row | {"initial_scale": scale} for row in found]
    return rows
