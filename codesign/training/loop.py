"""One training loop; methods differ by the noise they inject and by nothing else."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from codesign.tasks.splits import crop_and_flip
from codesign.tasks.task import Split
from codesign.training.checkpoint import Progress, read_checkpoint, restore, write_checkpoint
from codesign.training.schedule import SCHEDULES, learning_rate_factor
from codesign.training.weights import copied

OPTIMISERS = ("sgd", "adam", "adamw")
SELECTIONS = ("loss", "accuracy")
AUGMENTATIONS = ("none", "crop-flip")
CROP_PADDING = 4
EVALUATION_BATCH = 1000

InjectionFactory = Callable[[nn.Module], AbstractContextManager]
"""Model to a context in which it trains with noise; on exit the model is as it was."""


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
    patience: int | None
    """Epochs without a better validation after which training stops; None never stops early."""
    select: str
    """loss | accuracy: what makes an epoch's validation the best, whose weights are kept."""
    augmentation: str
    """none | crop-flip."""
    amp: bool
    """bfloat16 autocast on a GPU; without one, single precision."""
    channels_last: bool
    """Memory order of images and convolution weights."""
    compile: bool
    """torch.compile; pays off for long trainings on a GPU."""

    def __post_init__(self) -> None:
        for name, known in (
            ("optimiser", OPTIMISERS),
            ("schedule", SCHEDULES),
            ("select", SELECTIONS),
            ("augmentation", AUGMENTATIONS),
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
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience must be at least 1 or null, got {self.patience}")


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind; the model itself holds the best weights."""

    history: list[dict]
    """A row an epoch (`codesign.schemas.training.HISTORY`)."""
    weights: dict[str, Tensor]
    """Of the best epoch, on the CPU."""
    best_epoch: int
    stopped_early: bool
    resumed_after: int
    """Epochs that a checkpoint had already; 0 for a training made in one go."""
    seconds: list[float]
    """Wall time of each epoch made now, validation included; kept out of tables."""


def train(
    model: nn.Module,
    training: Split,
    validation: Split,
    *,
    settings: TrainingSettings,
    order: torch.Generator,
    injection: InjectionFactory = nullcontext,
    noise: torch.Generator | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
    checkpoint: Path | None = None,
    identity: Mapping | None = None,
    description: str = "training",
) -> TrainingResult:
    """Train `model` in place and leave it with the weights of its best epoch, in evaluation mode.

    With a `checkpoint`, every finished epoch is written there; a training found there goes on
    where it stopped and gives the same bits as one that was never interrupted, on the same
    machine and number of threads. Hold generators in their starting state in both cases.

    Args:
        model: On the device it trains on.
        training: Examples learnt from.
        validation: Examples that choose the best epoch.
        settings: How to train.
        order: Draws the order of examples and their augmentation, in a sequence that does not
            depend on the method; on the CPU.
        injection: Puts training noise into the model; parameters must stay the same objects.
        noise: The generator `injection` draws from, if it draws; its state is part of a checkpoint.
        loss: (logits, targets) to the mean loss of a batch.
        checkpoint: File for the state after each epoch; None keeps none.
        identity: JSON-serialisable description of what is trained beyond `settings` and data
            (task, method, specification, seed); a checkpoint of another identity is refused.
        description: Label of the progress bar.

    Returns:
        History, best weights, and what is needed to judge the run.

    Raises:
        TrainingError: A loss is not finite (the message names epoch, batch and the first layer
            with an output that is not finite), or the injection exchanged parameters.
        CheckpointRefused: The checkpoint is unreadable or of another training.
    """
    device = next(model.parameters()).device
    if settings.channels_last:
        model.to(memory_format=torch.channels_last)
    state = model.state_dict(keep_vars=True)  # the objects themselves, under their clean names
    optimiser = _optimiser(model, settings)
    generators = {"order": order} | ({"noise": noise} if noise is not None else {})
    progress = Progress(
        identity=_fingerprint(identity, settings, training, validation, state),
        history=[],
        best_epoch=0,
        best={},
    )
    resumed = checkpoint is not None and checkpoint.is_file()
    if resumed:
        progress = read_checkpoint(checkpoint, expected=progress.identity, error=CheckpointRefused)
    done = len(progress.history)
    data = _Data(training, device), _Data(validation, device)
    seconds = []
    with injection(model), _reproducible_kernels():
        _check_parameters(model, state)
        if resumed:  # only now: entering the injection may have drawn from its generator
            restore(progress, state=state, optimiser=optimiser, generators=generators)
        forward = torch.compile(model) if settings.compile else model
        run = _Run(model, forward, optimiser, settings, loss, order, noise, device)
        bar = tqdm(total=settings.epochs, initial=done, desc=description, unit="epoch", disable=None)
        with bar:
            for epoch in range(done + 1, settings.epochs + 1):
                if _out_of_patience(progress, settings):
                    break
                start = time.perf_counter()
                progress.history.append(
                    {"epoch": epoch, **run.learn(epoch, data[0]), **run.validate(epoch, data[1])}
                )
                if _best_epoch(progress.history, settings.select) == epoch:
                    progress.best_epoch = epoch
                    progress.best = {name: copied(tensor) for name, tensor in state.items()}
                if checkpoint is not None:
                    write_checkpoint(
                        checkpoint, progress, state=state, optimiser=optimiser, generators=generators
                    )
                seconds.append(time.perf_counter() - start)
                bar.set_postfix(validation=f"{progress.history[-1]['validation_accuracy']:.4f}")
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


class _Data:
    """A split on the device it is used on."""

    def __init__(self, split: Split, device: torch.device) -> None:
        self.inputs = split.inputs.to(device)
        self.targets = split.targets.to(device)

    def batches(self, order: Tensor | None, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches in `order`, or as they lie."""
        number = len(self.targets)
        if order is None:
            for k in range(0, number, size):
                yield self.inputs[k : k + size], self.targets[k : k + size]
            return
        for chosen in order.to(self.targets.device).split(size):
            yield self.inputs.index_select(0, chosen), self.targets.index_select(0, chosen)


@dataclass
class _Run:
    """What stays the same from epoch to epoch."""

    model: nn.Module
    forward: nn.Module
    optimiser: torch.optim.Optimizer
    settings: TrainingSettings
    loss: Callable[[Tensor, Tensor], Tensor]
    order: torch.Generator
    noise: torch.Generator | None
    device: torch.device

    def learn(self, epoch: int, data: _Data) -> dict:
        """One pass over the training examples."""
        settings = self.settings
        self.model.train()
        order = torch.randperm(len(data.targets), generator=self.order)
        number = -(-len(order) // settings.batch_size)
        rates, loss_sum, correct = [], 0.0, 0
        for batch, (inputs, targets) in enumerate(data.batches(order, settings.batch_size)):
            rates.append(self._set_rate(epoch - 1 + batch / number))
            if settings.augmentation == "crop-flip":
                inputs = crop_and_flip(inputs, padding=CROP_PADDING, generator=self.order)
            noise_state = self.noise.get_state() if self.noise is not None else None
            logits, loss = self._evaluate(inputs, targets)
            value = loss.item()
            if value - value != 0:  # infinite or not a number
                where = self._first_bad_layer(inputs, noise_state)
                raise TrainingError(
                    f"the loss is {value} in epoch {epoch}, batch {batch + 1} of {number}; first output "
                    f"that is not finite: {where}. Lower the learning rate ({settings.learning_rate}) "
                    "or the noise"
                )
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            loss_sum += value * len(targets)
            correct += int((logits.detach().argmax(dim=1) == targets).sum())
        return {
            "learning_rate": rates[0],
            "train_loss": loss_sum / len(order),
            "train_accuracy": correct / len(order),
        }

    @torch.no_grad()
    def validate(self, epoch: int, data: _Data) -> dict:
        """Loss and accuracy without noise."""
        self.model.eval()
        loss_sum, correct = 0.0, 0
        for inputs, targets in data.batches(None, EVALUATION_BATCH):
            logits, loss = self._evaluate(inputs, targets)
            value = loss.item()
            if value - value != 0:
                where = self._first_bad_layer(inputs, None)
                raise TrainingError(
                    f"the validation loss is {value} after epoch {epoch}; first output that is not "
                    f"finite: {where}. Lower the learning rate ({self.settings.learning_rate}) or the noise"
                )
            loss_sum += value * len(targets)
            correct += int((logits.argmax(dim=1) == targets).sum())
        number = len(data.targets)
        return {"validation_loss": loss_sum / number, "validation_accuracy": correct / number}

    def _evaluate(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self.settings.channels_last and inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        mixed = self.settings.amp and self.device.type == "cuda"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed):
            logits = self.forward(inputs)
        logits = logits.float()
        return logits, self.loss(logits, targets)

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
    def _first_bad_layer(self, inputs: Tensor, noise_state: Tensor | None) -> str:
        """Repeat the forward pass with the same noise and name the first layer that fails."""
        if not torch.isfinite(inputs).all():
            return "the inputs"
        if noise_state is not None:
            self.noise.set_state(noise_state)
        found: list[str] = []
        hooks = [
            module.register_forward_hook(_reporter(name or "the model", found))
            for name, module in self.model.named_modules()
            if not list(module.children())
        ]
        try:
            self.model(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return found[0] if found else "the loss itself"


def _reporter(name: str, found: list[str]) -> Callable:
    def report(module: nn.Module, arguments: tuple, output: Tensor) -> None:
        if isinstance(output, Tensor) and not torch.isfinite(output).all():
            found.append(f"{name} ({type(module).__name__})")

    return report


def _optimiser(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    parameters = list(model.parameters())
    common = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, "fused": True}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(parameters, momentum=settings.momentum, **common)
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, **common)


def _check_parameters(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Training must reach the very tensors whose values are kept."""
    known = {id(tensor) for tensor in state.values()}
    strange = [name for name, parameter in model.named_parameters() if id(parameter) not in known]
    if strange:
        raise TrainingError(f"the injection exchanged parameters: {', '.join(strange)}")


def _best_epoch(history: list[dict], select: str) -> int:
    """The epoch with the best validation, the earliest of equals."""
    if select == "loss":
        return min(history, key=lambda row: row["validation_loss"])["epoch"]
    return max(history, key=lambda row: row["validation_accuracy"])["epoch"]


def _out_of_patience(progress: Progress, settings: TrainingSettings) -> bool:
    waited = len(progress.history) - progress.best_epoch
    return settings.patience is not None and bool(progress.history) and waited >= settings.patience


def _fingerprint(
    identity: Mapping | None,
    settings: TrainingSettings,
    training: Split,
    validation: Split,
    state: Mapping[str, Tensor],
) -> dict:
    """What a checkpoint must agree with to be continued, as JSON gives it back."""
    found = {
        "identity": dict(identity or {}),
        "settings": vars(settings),
        "model": {name: list(tensor.shape) for name, tensor in state.items()},
    }
    for name, split in (("training", training), ("validation", validation)):
        found[name] = {
            "shape": list(split.inputs.shape),
            "targets": hashlib.sha256(split.targets.numpy().tobytes()).hexdigest(),
            "origin": vars(split.origin) if split.origin is not None else None,
        }
    return json.loads(json.dumps(found))


@contextmanager
def _reproducible_kernels() -> Iterator[None]:
    """On a GPU, convolutions whose result does not depend on scheduling."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=True):
        yield
