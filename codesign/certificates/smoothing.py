"""Decisions of a network under its own noise: the Monte-Carlo counts behind a certificate."""

import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseError, NoiseSpec


def smoothed_decisions(
    model: nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    spec: NoiseSpec,
    generator: torch.Generator,
    *,
    draws: int,
    batch: int,
) -> torch.Tensor:
    """Whether each input is classified correctly in each draw of the noise.

    The network is in eval mode (normalisation as in use) and the noise acts all the same;
    the mode of every module is restored. With noise on the weights one draw is one set of
    noisy weights for all inputs of a batch; with `batch` at least the number of inputs, for all.

    Args:
        model: Its output's last axis, or its only one beside the batch, holds class scores.
        inputs: (n, ...).
        targets: Class numbers, (n,).
        spec: The noise; its site should be `weight` for certificates on weights.
        generator: Draws the noise, on the device of the model.
        draws: Draws an input, >= 1.
        batch: Inputs a forward pass, >= 1.

    Returns:
        Boolean tensor (draws, n). Column sums go to `codesign.certificates.bounds.lower_bound`.
    """
    if draws < 1 or batch < 1:
        raise NoiseError(f"draws and batch must be at least 1, got {draws}, {batch}")
    modes = [(module, module.training) for module in model.modules()]
    correct = torch.empty(draws, len(targets), dtype=torch.bool, device=targets.device)
    try:
        model.eval()
        with torch.no_grad(), Injection(model, spec, generator, when="always"):
            for draw in range(draws):
                for start in range(0, len(targets), batch):
                    part = slice(start, start + batch)
                    correct[draw, part] = model(inputs[part]).argmax(dim=-1) == targets[part]
    finally:
        for module, training in modes:
            module.training = training
    return correct
