"""How outputs are scored: accuracy, errors of a regression, or a function of the caller's."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from codesign.interface.given import Given, HoldError, Scoring, called, joined
from codesign.models.network import Network
from codesign.tasks.classification import decided_right
from codesign.tasks.contract import Examples, Task, is_finite
from codesign.words import nearest


@dataclass(frozen=True)
class Score:
    """A score of all outputs at once."""

    name: str
    of: Scoring
    better: str
    """`higher`, `lower`, or '' where the caller's function does not say."""
    check: Callable[[Any, Any], None] = lambda outputs, targets: None
    """Raises where it cannot be had from these outputs and targets; called once, without a device."""
    constant: Callable[[Any], float] | None = None
    """Targets to the best score of one answer for all examples, which needs no network; None: unknown."""
    answer: str = ""
    """What that answer is."""

    def no_better(self, value: float, constant: float | None) -> bool:
        """Whether a score is not better than that of one answer for all examples."""
        if constant is None:
            return False
        return value <= constant if self.better == "higher" else value >= constant


def score_called(score: str | Scoring) -> Score:
    """A score by its name, or one of the caller's.

    Raises:
        HoldError: No such name, or neither a name nor a function.
    """
    if isinstance(score, str):
        if score not in SCORES:
            raise HoldError(
                f"no score {score!r}{nearest(score, SCORES)}; there are {', '.join(SCORES)}, or give a "
                "function of outputs and targets"
            )
        return SCORES[score]
    if not callable(score):
        raise HoldError(f"score is a name or a function of outputs and targets, got {type(score).__name__}")
    name = getattr(score, "__name__", "") or type(score).__name__
    return Score("score" if name == "<lambda>" else name, score, "")


def _accuracy(outputs: Tensor, targets: Tensor) -> float:
    return float(decided_right(outputs, targets).double().mean())


def _check_classes(outputs: Any, targets: Any) -> None:
    other = 'for a regression give score="rmse", for anything else a function of outputs and targets'
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or outputs.shape[1] < 2:
        raise HoldError(
            f"accuracy needs outputs of shape (examples, classes), two classes or more; the network gives "
            f"{_shape(outputs)}; {other}"
        )
    if not isinstance(targets, Tensor) or targets.dim() != 1 or targets.is_floating_point():
        kind = f" of {targets.dtype}" if isinstance(targets, Tensor) else ""
        raise HoldError(
            f"accuracy needs class numbers of shape (examples,) as targets, got {_shape(targets)}{kind}; of "
            f"one-hot targets take targets.argmax(1); {other}"
        )
    if len(outputs) != len(targets):
        raise HoldError(f"the network gives {len(outputs)} outputs for {len(targets)} examples; {other}")
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= outputs.shape[1]:
        raise HoldError(
            f"targets run from {low} to {high}, but the network tells {outputs.shape[1]} classes, 0 to "
            f"{outputs.shape[1] - 1}; number the classes as the network does"
        )


def _pair(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Both in double precision and of one shape; a last axis of one does not count."""
    a, b = outputs.double(), targets.double()
    if a.dim() == b.dim() + 1 and a.shape[-1] == 1:
        a = a.squeeze(-1)
    if b.dim() == a.dim() + 1 and b.shape[-1] == 1:
        b = b.squeeze(-1)
    return a, b


def _check_values(outputs: Any, targets: Any) -> None:
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        raise HoldError(
            f"errors of a regression need one tensor of outputs and one of targets, got {_shape(outputs)} "
            f"and {_shape(targets)}; give a function of outputs and targets as score"
        )
    a, b = _pair(outputs, targets)
    if a.shape != b.shape:
        raise HoldError(
            f"outputs have shape {tuple(a.shape)}, targets {tuple(b.shape)}; give targets of the same"
        )


def _check_spread(outputs: Any, targets: Any) -> None:
    _check_values(outputs, targets)
    if not float((targets.double() - targets.double().mean(dim=0)).abs().max()) > 0:
        raise HoldError('r2 needs targets that differ; give more examples, or score="rmse"')


def _rmse(outputs: Tensor, targets: Tensor) -> float:
    a, b = _pair(outputs, targets)
    return float((a - b).square().mean().sqrt())


def _mae(outputs: Tensor, targets: Tensor) -> float:
    a, b = _pair(outputs, targets)
    return float((a - b).abs().mean())


def _r2(outputs: Tensor, targets: Tensor) -> float:
    """Share of the targets' variance, summed over outputs of an example."""
    a, b = _pair(outputs, targets)
    return float(1 - (a - b).square().sum() / (b - b.mean(dim=0)).square().sum())


def _largest_class(targets: Tensor) -> float:
    return float(targets.long().bincount().max()) / len(targets)


def _about_the_mean(targets: Tensor) -> float:
    return float((targets.double() - targets.double().mean(dim=0)).square().mean().sqrt())


def _about_the_median(targets: Tensor) -> float:
    return float((targets.double() - targets.double().median(dim=0).values).abs().mean())


SCORES: Mapping[str, Score] = {
    "accuracy": Score(
        "accuracy", _accuracy, "higher", _check_classes, _largest_class, "the largest class for all"
    ),
    "rmse": Score("rmse", _rmse, "lower", _check_values, _about_the_mean, "the targets' mean for all"),
    "mae": Score("mae", _mae, "lower", _check_values, _about_the_median, "the targets' median for all"),
    "r2": Score("r2", _r2, "higher", _check_spread, lambda targets: 0.0, "the targets' mean for all"),
}
"""Share of right classes; root mean square error; mean absolute error; share of variance explained."""


def _shape(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


class GivenTask(Task):
    """A caller's examples and score as a task, so that they are evaluated as every task is."""

    def __init__(self, score: Score, *, in_memory: bool = True) -> None:
        self.score, self.in_memory = score, in_memory

    def batch(self, examples: Examples, indices: Tensor) -> Given:
        """Rows of the tensors."""
        return examples.chosen(indices)

    def forward(self, module: torch.nn.Module, batch: Given) -> Any:
        """What the module gives for the inputs.

        Raises:
            HoldError: It is not finite where a calibration is fitted on it.
        """
        output = called(module, batch.inputs)
        if batch.calibrates and not is_finite(output):
            raise HoldError(
                "outputs for the calibration examples are not finite, nor is a fit on them: leave out "
                "examples with very large values, or calibrate no network that overflows on this device"
            )
        return output

    def scorer(self, *, details: bool = False) -> "GivenScorer":
        """Keeps outputs and scores them together."""
        return GivenScorer(self.score)


class GivenScorer:
    """Keeps all outputs, and gives them to the score at once."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self._outputs: list[Any] = []
        self._targets: list[Any] = []

    def update(self, output: Any, batch: Given) -> None:
        """Keep one batch."""
        self._outputs.append(output)
        self._targets.append(batch.targets)

    def everything(self) -> tuple[Any, Any]:
        """Outputs and targets of all examples, on the CPU."""
        return joined(self._outputs), joined(self._targets)

    def compute(self) -> dict[str, float]:
        """The score.

        Raises:
            HoldError: It is no finite number.
        """
        outputs, targets = self.everything()
        try:
            value = float(self._score.of(outputs, targets))
        except HoldError:
            raise
        except Exception as error:  # of the caller's function
            raise HoldError(
                f"the score {self._score.name} cannot be had: {type(error).__name__}: {error}; it is given "
                "the outputs and targets of all examples, on the CPU, and returns one number"
            ) from error
        if not math.isfinite(value):
            why = "" if is_finite(outputs) else " of outputs that are not finite"
            raise HoldError(
                f"the score {self._score.name}{why} is {value}; give a function that answers for any output, "
                "e.g. one that takes torch.nan_to_num(outputs)"
            )
        return {self._score.name: value}

    def details(self) -> list[dict]:
        """None."""
        return []


def checked_ideal(network: Network, score: Score, outputs: Any, targets: Any) -> None:
    """Refuse what cannot be scored even without a device.

    Args:
        network: For messages.
        score: How.
        outputs: Of the network as it is, of all examples.
        targets: Of all examples.

    Raises:
        HoldError: Outputs that are not finite or not one an example, or outputs and targets that the score
            does not fit.
    """
    if not is_finite(outputs):
        raise HoldError(
            f"{type(network.module).__name__} gives outputs that are not finite without any device; look at "
            "its weights, and at the inputs: NaN, infinite or not scaled as in training"
        )
    if not is_finite(targets):
        raise HoldError("targets contain NaN or infinity: leave those examples out, or mend their values")
    score.check(outputs, targets)
