"""One training loop; methods differ by the noise they inject and by nothing else."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from codesign.models.network import Network
from codesign.models.weights import copied
from codesign.tasks.about import About, Metric
from codesign.tasks.contract import (
    Examples,
    Task,
    batches,
    is_finite,
    loss_of,
    mapped,
    moved,
    score_of,
    single,
)
from codesign.training.checkpoint import Progress, read_checkpoint, restore, write_checkpoint
from codesign.training.schedule import SCHEDULES, learning_rate_factor
from codesign.training.statistics import EXAMPLES, retake_statistics

OPTIMISERS = ("sgd", "adam", "adamw")
SELECTIONS = ("loss", "metric")
VALIDATION_BATCH = 1000
"""Examples validated at once, or as many as the network says where that is fewer."""

InjectionFactory = Callable[[Network], AbstractContextManager]
"""Network to a context in which it trains with noise; on exit the network is as it was.

What it gives on entering is asked to `strengthen(share)` before each batch, where it can."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped and why."""


class CheckpointRefused(TrainingError):
    """The checkpoint is unreadable or of another training; nothing has been trained."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained; the same for every method that is compared."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: str
    """sgd | adam | adamw."""
    momentum: float
    """Of sgd; the others keep their published coefficients."""
    weight_decay: float
    schedule: str
    """constant | cosine | steps."""
    warmup_epochs: float
    """Epochs over which the learning rate rises from 0."""
    ramp: float
    """Share of the training over which the noise rises to its full strength; 0: it is there at once."""
    patience: int | None
    """Epochs without a better validation after which training stops; None never stops early."""
    select: str
    """loss | metric (the primary one): what makes an epoch's validation the best, whose weights are kept."""
    amp: bool
    """Products in bfloat16 (autocast), weights and sums in single precision."""
    compile: bool
    """torch.compile; pays off for long trainings on a GPU."""

    def __post_init__(self) -> None:
        for name, known in (
            ("optimiser", OPTIMISERS),
            ("schedule", SCHEDULES),
            ("select", SELECTIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1), got {self.momentum}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay}")
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(f"warmup_epochs must lie in [0, epochs), got {self.warmup_epochs}")
        if not 0 <= self.ramp <= 1:
            raise ValueError(f"ramp must lie in [0, 1], got {self.ramp}")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience must be at least 1 or null, got {self.patience}")

    @property
    def first_choice(self) -> int:
        """The first epoch whose weights may be kept: it saw the whole noise. The same for every method."""
        return min(self.epochs, math.ceil(self.ramp * self.epochs) + 1)

    def strength(self, epochs_done: float) -> float:
        """Share of the noise's strength after so many epochs."""
        return min(1.0, epochs_done / (self.ramp * self.epochs)) if self.ramp else 1.0


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind; the model itself holds the best weights."""

    history: list[dict]
    """An epoch each: epoch, learning_rate, train {loss}, validation {loss and every metric}."""
    weights: dict[str, Tensor]
    """Of the best epoch, on the CPU."""
    best_epoch: int
    stopped_early: bool
    resumed_after: int
    """Epochs that a checkpoint had already; 0 for a training made in one go."""
    seconds: list[float]
    """Wall time of each epoch made now, validation included; kept out of tables."""


def train(
    network: Network,
    task: Task,
    about: About,
    training: Examples,
    validation: Examples,
    *,
    settings: TrainingSettings,
    order: torch.Generator,
    options: Mapping | None = None,
    injection: InjectionFactory = nullcontext,
    noise: torch.Generator | None = None,
    statistics: torch.Generator | None = None,
    checkpoint: Path | None = None,
    identity: Mapping | None = None,
    description: str = "training",
) -> TrainingResult:
    """Train `network` in place and leave it with the weights of its best epoch, in evaluation mode.

    With a `checkpoint`, every finished epoch is written there; a training found there goes on
    where it stopped and gives the same bits as one that was never interrupted, on the same
    machine and number of threads. Hold generators in their starting state in both cases.

    Args:
        network: On the device it trains on; what it says is frozen stays as it is.
        task: Makes batches, outputs, losses and scores.
        about: Which metrics the scores have, and which of them is the primary one.
        training: Examples learnt from.
        validation: Examples that choose the best epoch.
        settings: How to train.
        order: Draws the order of examples and their augmentation, in a sequence that does not
            depend on the method; on the CPU.
        options: Of the experiment, for the task's augmentation.
        injection: Puts training noise into the network; parameters must stay the same objects.
        noise: The generator `injection` draws from, if it draws; its state is part of a checkpoint.
        statistics: Draws, once, the examples from which the statistics of batch normalisation are taken
            before each validation; on the CPU. None leaves the statistics as training makes them.
        checkpoint: File for the state after each epoch; None keeps none.
        identity: JSON-serialisable description of what is trained beyond `settings` and data
            (experiment, method, specification, seed); a checkpoint of another identity is refused.
        description: Label of the progress bar.

    Returns:
        History, best weights, and what is needed to judge the run.

    Raises:
        TrainingError: A loss is not finite (the message names epoch, batch and the first layer
            with an output that is not finite), or the injection exchanged parameters.
        CheckpointRefused: The checkpoint is unreadable or of another training.
    """
    model = network.module
    device = next(model.parameters()).device
    if task.channels_last:
        model.to(memory_format=torch.channels_last)
    state = network.state()  # the objects themselves, under their clean names
    optimiser = _optimiser(state, settings)
    generators = {"order": order} | ({"noise": noise} if noise is not None else {})
    progress = Progress(
        # of what no checkpoint is kept, nobody asks
        identity=fingerprint(identity, settings, training, validation, state) if checkpoint else {},
        history=[],
        best_epoch=0,
        best={},
    )
    resumed = checkpoint is not None and checkpoint.is_file()
    if resumed:
        progress = read_checkpoint(checkpoint, expected=progress.identity, error=CheckpointRefused)
    done = len(progress.history)
    data = moved(training, device), moved(validation, device)
    seconds = []
    chosen = task.representative(training, EXAMPLES, statistics) if statistics is not None else None
    with injection(network) as active, _reproducible_kernels():
        _check_parameters(network, state)
        if resumed:  # only now: entering the injection may have drawn from its generator
            restore(progress, state=state, optimiser=optimiser, generators=generators)
        forward = torch.compile(model) if settings.compile else model
        learnt = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        run = _Run(
            network, forward, task, about, optimiser, learnt, settings, options or {}, order, noise, device,
            strengthen=getattr(active, "strengthen", None),
            statistics=None if chosen is None else (data[0], chosen),
        )  # fmt: skip
        bar = tqdm(total=settings.epochs, initial=done, desc=description, unit="epoch", disable=None)
        with bar:
            for epoch in range(done + 1, settings.epochs + 1):
                if _out_of_patience(progress, settings):
                    break
                start = time.perf_counter()
                progress.history.append(
                    {"epoch": epoch, **run.learn(epoch, data[0]), **run.validate(epoch, data[1])}
                )
                if _best_epoch(progress.history, settings, about.metric) == epoch:
                    progress.best_epoch = epoch
                    progress.best = {name: copied(tensor) for name, tensor in state.items()}
                if checkpoint is not None:
                    write_checkpoint(
                        checkpoint, progress, state=state, optimiser=optimiser, generators=generators
                    )
                seconds.append(time.perf_counter() - start)
                bar.set_postfix(validation=f"{progress.history[-1]['validation'][about.primary]:.4f}")
                bar.update()
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(progress.best[name])
    model.eval()
    return TrainingResult(
        history=progress.history,
        weights=progress.best,
        best_epoch=progress.best_epoch,
        stopped_early=len(progress.history) < settings.epochs,
        resumed_after=done,
        seconds=seconds,
    )


@dataclass
class _Run:
    """What stays the same from epoch to epoch."""

    network: Network
    forward: nn.Module
    task: Task
    about: About
    optimiser: torch.optim.Optimizer
    learnt: list[Tensor]
    """The optimiser's parameters."""
    settings: TrainingSettings
    options: Mapping
    order: torch.Generator
    noise: torch.Generator | None
    device: torch.device
    strengthen: Callable[[float], None] | None
    """Sets the share of the noise that acts; None where there is none to set."""
    statistics: tuple[Examples, Tensor] | None
    """Examples and the numbers of those that normalisation is measured on; None measures nothing."""

    def learn(self, epoch: int, examples: Examples) -> dict:
        """One pass over the training examples."""
        settings = self.settings
        self.network.train()
        chosen = torch.randperm(len(examples), generator=self.order).split(settings.batch_size)
        rates, loss_sum, counted = [], 0.0, 0
        for number, indices in enumerate(chosen):
            epochs_done = epoch - 1 + number / len(chosen)
            rates.append(self._set_rate(epochs_done))
            if self.strengthen is not None:
                self.strengthen(settings.strength(epochs_done))
            batch = self.task.batch(examples, indices)
            batch = self._on_device(self.task.augment(batch, self.options, self.order))
            noise_state = self.noise.get_state() if self.noise is not None else None
            _, loss, count = self._evaluate(batch)
            value = loss.item()
            if value - value != 0:  # infinite or not a number
                where = self._first_bad_layer(batch, noise_state)
                raise TrainingError(
                    f"the loss is {value} in epoch {epoch}, batch {number + 1} of {len(chosen)}; first "
                    f"output that is not finite: {where}. Lower the learning rate ({settings.learning_rate}) "
                    "or the noise"
                )
            for parameter in self.learnt:  # as zero_grad does, without its record for a profiler
                parameter.grad = None
            loss.backward()
            self.optimiser.step()
            loss_sum += value * count
            counted += count
        return {"learning_rate": rates[0], "train": {"loss": loss_sum / counted}}

    @torch.no_grad()
    def validate(self, epoch: int, examples: Examples) -> dict:
        """Loss and metrics without noise, normalised by what the clean network sees."""
        self.network.module.eval()
        scorer = self.task.scorer()
        loss_sum, counted = 0.0, 0
        size = min(VALIDATION_BATCH, self.network.examples_at_once)
        if self.statistics is not None:
            retake_statistics(self.network, self.task, *self.statistics, at_once=size)
        for batch in batches(self.task, examples, size, device=self.device):
            output, loss, count = self._evaluate(batch)
            value = loss.item()
            if value - value != 0:
                where = self._first_bad_layer(batch, None)
                raise TrainingError(
                    f"the validation loss is {value} after epoch {epoch}; first output that is not "
                    f"finite: {where}. Lower the learning rate ({self.settings.learning_rate}) or the noise"
                )
            scorer.update(output, batch)
            loss_sum += value * count
            counted += count
        scores = score_of(scorer, list(self.about.metrics), of=f"task {self.about.name}")
        return {"validation": {"loss": loss_sum / counted, **scores}}

    def _on_device(self, batch: Any) -> Any:
        return moved(batch, self.device, channels_last=self.task.channels_last)

    def _evaluate(self, batch: Any) -> tuple[Any, Tensor, int]:
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.amp):
            output = self.task.forward(self.forward, batch)
        output = single(output)
        return output, *loss_of(self.task, output, batch)

    def _set_rate(self, epochs_done: float) -> float:
        factor = learning_rate_factor(
            epochs_done / self.settings.epochs,
            schedule=self.settings.schedule,
            warmup=self.settings.warmup_epochs / self.settings.epochs,
        )
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * factor
        return self.settings.learning_rate * factor

    @torch.no_grad()
    def _first_bad_layer(self, batch: Any, noise_state: Tensor | None) -> str:
        """Repeat the forward pass with the same noise and name the first layer that fails."""
        if not is_finite(batch):
            return "the inputs"
        if noise_state is not None:
            self.noise.set_state(noise_state)
        found: list[str] = []
        hooks = [
            module.register_forward_hook(_reporter(name or "the model", found))
            for name, module in self.network.module.named_modules()
            if not list(module.children())
        ]
        try:
            self.task.forward(self.network.module, batch)
        finally:
            for hook in hooks:
                hook.remove()
        return found[0] if found else "the loss itself"


def _reporter(name: str, found: list[str]) -> Callable:
    def report(module: nn.Module, arguments: tuple, output: Any) -> None:
        if not is_finite(output):
            found.append(f"{name} ({type(module).__name__})")

    return report


def _optimiser(state: Mapping[str, Tensor], settings: TrainingSettings) -> torch.optim.Optimizer:
    # one tensor under two names is learnt once
    parameters = list(dict.fromkeys(tensor for tensor in state.values() if isinstance(tensor, nn.Parameter)))
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, "fused": True}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(parameters, momentum=settings.momentum, **common)
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, **common)


def _check_parameters(network: Network, state: Mapping[str, Tensor]) -> None:
    """Training must reach the very tensors whose values are kept."""
    known = {id(tensor) for tensor in state.values()}
    strange = [
        name
        for name, parameter in network.module.named_parameters()
        if id(parameter) not in known and not network.is_frozen(name)
    ]
    if strange:
        raise TrainingError(f"the injection exchanged parameters: {', '.join(strange)}")


def _best_epoch(history: list[dict], settings: TrainingSettings, metric: Metric) -> int:
    """The epoch with the best validation among those that may be chosen, the earliest of equals.

    The latest one, where none may be chosen yet.
    """
    open_ones = history[settings.first_choice - 1 :] or history[-1:]
    if settings.select == "loss":
        return min(open_ones, key=lambda row: row["validation"]["loss"])["epoch"]
    return max(open_ones, key=lambda row: metric.gain(row["validation"][metric.name]))["epoch"]


def _out_of_patience(progress: Progress, settings: TrainingSettings) -> bool:
    waited = len(progress.history) - max(progress.best_epoch, settings.first_choice)
    return settings.patience is not None and bool(progress.history) and waited >= settings.patience


def fingerprint(
    identity: Mapping | None,
    settings: TrainingSettings,
    training: Examples,
    validation: Examples,
    state: Mapping[str, Tensor],
) -> dict:
    """What tells this training from every other, as JSON gives it back.

    Args:
        identity: What is trained beyond settings and data.
        settings: How.
        training: Examples learnt from; their content counts.
        validation: Those that choose the best epoch.
        state: Of the network: names and shapes count.
    """
    found = {
        "identity": dict(identity or {}),
        "settings": vars(settings),
        "model": {name: list(tensor.shape) for name, tensor in state.items()},
        "training": _identity_of(training),
        "validation": _identity_of(validation),
    }
    return json.loads(json.dumps(found))


def _identity_of(examples: Examples) -> dict:
    """Number and source of examples, and one digest of all that are tensors: their shapes and bytes."""
    found = {"number": len(examples), "source": vars(examples.source) if examples.source else None}
    digest = hashlib.sha256()

    def look(tensor: Tensor) -> Tensor:
        digest.update(f"{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return tensor

    mapped(look, examples)
    return found | {"tensors": digest.hexdigest()}


@contextmanager
def _reproducible_kernels() -> Iterator[None]:
    """On a GPU, convolutions whose result does not depend on scheduling."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True):
        yield
