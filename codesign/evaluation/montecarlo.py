"""One network on many device profiles, many programmings each."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from codesign.evaluation.calibration import KINDS, calibrations
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import Network
from codesign.nonideality.profile import DeviceProfile
from codesign.seeds import derived_seed
from codesign.tasks.contract import Examples, Scorer, Task, batches, doubled, is_finite, score_of

STANDS_FOR = ("level", "device")


@dataclass(frozen=True)
class EvaluationPlan:
    """What is scored and how: everything but the network, its examples and the profiles."""

    experiment: str
    method: str
    network: str
    stands_for: str
    """`level`: profiles stand for usability levels | `device`: each for itself."""
    memsim: Mapping[str, str]
    """mapping and analog."""
    noises: Sequence[str]
    """Kinds of programming noise, each with all programmings."""
    programmings: Sequence[int]
    """Numbers of the programmings: each is one draw of all cells, the same for every method."""
    metrics: Sequence[str]
    """Those the task declares."""
    calibrations: Sequence[str] = ("none",)
    """Kinds of calibration after programming, each on every programming."""
    repeat: int = 1
    """Which training of the network."""
    aim: str | None = None
    """What the network was chosen for; None while it is searched for."""

    def __post_init__(self) -> None:
        if self.stands_for not in STANDS_FOR:
            raise ValueError(f"stands_for must be level or device, got {self.stands_for!r}")
        for what, values in (
            ("noise", self.noises),
            ("programming", self.programmings),
            ("calibration", self.calibrations),
        ):
            if not values or len(set(values)) != len(values):
                raise ValueError(f"each {what} must occur once, got {list(values)}")
        unknown = set(self.calibrations) - set(KINDS)
        if unknown:
            raise ValueError(
                f"calibrations must be among {', '.join(KINDS)}, got {', '.join(sorted(unknown))}"
            )


def noise_generator(profile: str, programming: int, repeat: int = 1) -> torch.Generator:
    """The generator of one programming, on the CPU: depends on profile, number and repeat alone.

    Methods are compared on the same draws; trainings of one method meet draws of their own, so that what
    differs between them is the training and its programmings, as the intervals take it.
    """
    names = (profile,) if repeat == 1 else (profile, repeat)
    return torch.Generator().manual_seed(derived_seed(programming, "programming", *names))


def evaluate(
    network: Network,
    task: Task,
    examples: Examples,
    profiles: Sequence[DeviceProfile],
    plan: EvaluationPlan,
    *,
    calibrating: Any = None,
    progress: bool = True,
) -> list[dict]:
    """Score `network` programmed on each profile, for each kind of noise, programming and calibration.

    The network is put into evaluation mode and back, and its weights come back bit
    for bit. It runs where its parameters are; examples are moved batch by batch.

    Args:
        network: Of the task.
        task: Makes batches, outputs and scores.
        examples: All of them are scored.
        profiles: What to program on, each name once; none gives no rows.
        plan: How. A calibration that the network cannot have has no rows, and a sentence says why.
        calibrating: A batch of training examples (`codesign.evaluation.calibration.calibration_batch`), for
            calibrations that need one.
        progress: Show a bar where the output is a terminal.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`, by noise, profile, programming, calibration, metric.
        A profile on which every programming is the same is run once.

    Raises:
        ValueError: A repeated profile.
        TaskError: A scorer does not give what its task declares.
    """
    names = [profile.profile for profile in profiles]
    if len(set(names)) != len(names):
        raise ValueError(f"each profile must occur once, got {names}")
    if not profiles:
        return []
    rows = []
    total = len(names) * len(plan.programmings) * len(plan.noises)
    scored = ScoredNetwork(network, task, examples)
    with (
        network.evaluating(),
        tqdm(
            total=total,
            desc=f"{plan.experiment} {plan.method}",
            unit="programming",
            disable=None if progress else True,
        ) as bar,
    ):
        offered = calibrations(
            plan.calibrations,
            network,
            task,
            calibrating,
            analog=plan.memsim["analog"],
            of=f"{plan.experiment} {plan.method}",
        )
        if not offered:
            return []
        for noise in plan.noises:
            settings = MemSimSettings(**plan.memsim, noise=noise)
            with PerovskiteMemSim(network, settings) as simulator:
                for profile in profiles:
                    scores: dict[str, Mapping[str, float]] = {}
                    for k, number in enumerate(plan.programmings):
                        if k == 0 or not simulator.deterministic(profile):
                            simulator.program(profile, noise_generator(profile.profile, number, plan.repeat))
                            for kind, calibration in offered.items():
                                with calibration.calibrated(profile, noise):
                                    found = scored.score()
                                scores[kind] = score_of(
                                    found, plan.metrics, of=f"experiment {plan.experiment}"
                                )
                        for kind, values in scores.items():
                            rows += _rows(plan, profile, noise, number, kind, values)
                        bar.update()
    return rows


def _rows(
    plan: EvaluationPlan,
    profile: DeviceProfile,
    noise: str,
    programming: int,
    calibration: str,
    scores: Mapping[str, float],
) -> list[dict]:
    shared = {
        name: getattr(plan, name)
        for name in ("experiment", "method", "network", "repeat", "aim", "stands_for")
    }
    shared |= {"profile": profile.profile, "level": profile.level, "usability": profile.usability}
    shared |= {"fidelity": profile.fidelity}
    shared |= {"noise": noise, "programming": int(programming), "calibration": calibration}
    return [shared | {"metric": metric, "value": value} for metric, value in scores.items()]


class ScoredNetwork:
    """A network that is scored again and again on the same examples; put it into evaluation mode first."""

    def __init__(self, network: Network, task: Task, examples: Examples) -> None:
        self.network, self.task, self.examples = network, task, examples
        self._device = next(network.module.parameters()).device
        self._held = list(self._batches()) if task.in_memory else None

    @torch.inference_mode()
    def score(self, *, details: bool = False) -> Scorer:
        """All examples scored with the weights as they are now."""
        scorer = self.task.scorer(details=details)
        for batch in self._batches() if self._held is None else self._held:
            scorer.update(self._output(batch), batch)
        return scorer

    def _batches(self) -> Iterable[Any]:
        return batches(self.task, self.examples, self.network.examples_at_once, device=self._device)

    def _output(self, batch: Any) -> Any:
        """The output of a batch; in double precision where single overflows.

        On a device whose conductance spreads over decades, five layers multiply to more than single
        precision holds, and infinity less infinity is no number.
        """
        output = self.task.forward(self.network.module, batch)
        if is_finite(output):
            return output
        return self.task.forward(copy.deepcopy(self.network.module).double(), doubled(batch))
