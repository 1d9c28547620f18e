"""One model on many device profiles, many programmings each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from tqdm import tqdm

from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.nonideality.profile import DeviceProfile
from codesign.seeds import derived_seed

Inputs = torch.Tensor | Sequence[torch.Tensor]
Score = Callable[[torch.Tensor, torch.Tensor], Mapping[str, float]]


@dataclass(frozen=True)
class Labels:
    """What the rows of one evaluation are of."""

    task: str
    method: str
    model: str
    source: str
    """`level` (profiles stand for usability levels) or `device` (all devices)."""

    def __post_init__(self) -> None:
        if self.source not in ("level", "device"):
            raise ValueError(f"source must be level or device, got {self.source!r}")


def noise_generator(profile: str, seed: int) -> torch.Generator:
    """The generator of one programming, on the CPU: depends on profile and seed, never on method or model."""
    return torch.Generator().manual_seed(derived_seed(seed, "programming", profile))


def evaluate(
    model: nn.Module,
    inputs: Inputs,
    targets: torch.Tensor,
    profiles: Sequence[DeviceProfile],
    *,
    settings: MemSimSettings,
    seeds: Sequence[int],
    score: Score,
    batch: int,
    labels: Labels,
    progress: bool = True,
) -> list[dict]:
    """Score `model` programmed on each profile with each seed.

    The model is put into evaluation mode and back, and its weights come back bit
    for bit. It runs where its parameters are; inputs are moved batch by batch.
    Images are laid out channels last.

    Args:
        model: Any network that maps a batch of inputs to outputs.
        inputs: Shape (n, ...), or several tensors that the model takes as arguments.
        targets: Shape (n, ...), handed to `score` with the outputs of all inputs.
        profiles: What to program on, each name once.
        settings: How.
        seeds: One programming a seed.
        score: Outputs and targets to the value of each metric; outputs are double where single
            precision overflows.
        batch: Inputs in one forward pass; 100 to 250 images suit a convolution network.
        labels: Columns that say what this is.
        progress: Show a bar where the output is a terminal.

    Returns:
        Rows of `codesign.schemas.evaluation.EVALUATION`, by profile, seed, metric. A profile
        on which every programming is the same is run once.

    Raises:
        ValueError: Nothing to evaluate, sizes that differ, or a repeated profile or seed.
    """
    inputs = [inputs] if isinstance(inputs, torch.Tensor) else list(inputs)
    names = [profile.profile for profile in profiles]
    if not inputs or any(len(x) != len(targets) for x in inputs) or not len(targets):
        raise ValueError(f"{[len(x) for x in inputs]} inputs for {len(targets)} targets")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    for what, values in (("profile", names), ("seed", list(seeds))):
        if not values or len(set(values)) != len(values):
            raise ValueError(f"each {what} must occur once, got {values}")
    parameter = next(model.parameters(), None)
    device = targets.device if parameter is None else parameter.device
    batches = [
        [_laid_out(x, device) for x in parts] for parts in zip(*(x.split(batch) for x in inputs), strict=True)
    ]
    targets = targets.to(device)
    rows = []
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with (
            PerovskiteMemSim(model, settings) as simulator,
            tqdm(
                total=len(names) * len(seeds),
                desc=f"{labels.task} {labels.method}",
                unit="programming",
                disable=None if progress else True,
            ) as bar,
        ):
            for profile in profiles:
                scores: Mapping[str, float] = {}
                for k, seed in enumerate(seeds):
                    if k == 0 or not simulator.deterministic(profile):
                        simulator.program(profile, noise_generator(profile.profile, seed))
                        scores = score(_outputs(model, batches), targets)
                    rows += [
                        {
                            "task": labels.task,
                            "method": labels.method,
                            "model": labels.model,
                            "source": labels.source,
                            "profile": profile.profile,
                            "level": profile.level,
                            "usability": profile.usability,
                            "noise": settings.noise,
                            "seed": int(seed),
                            "metric": metric,
                            "value": float(value),
                        }
                        for metric, value in scores.items()
                    ]
                    bar.update()
    finally:
        for module, training in modes:
            module.training = training
    return rows


def _laid_out(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    if x.dim() == 4:
        return x.to(device=device, memory_format=torch.channels_last)
    return x.to(device)


@torch.inference_mode()
def _outputs(model: nn.Module, batches: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
    """Outputs of all batches; in double precision where single overflows.

    On a device whose conductance spreads over decades, five layers multiply to more than single
    precision holds, and infinity less infinity is no number.
    """
    found = []
    for parts in batches:
        outputs = model(*parts)
        found.append(outputs if torch.isfinite(outputs).all() else _in_double(model, parts))
    return torch.cat(found)


def _in_double(model: nn.Module, parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The same network and batch in double precision; the network keeps its own values."""
    state = {
        name: tensor.double()
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if tensor.is_floating_point()
    }
    return torch.func.functional_call(
        model, state, tuple(x.double() if x.is_floating_point() else x for x in parts)
    )
