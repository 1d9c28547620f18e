"""Decisions of a network under its own noise: the Monte-Carlo counts behind a certificate."""

import torch

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseError, NoiseSpec
from codesign.models.network import Network
from codesign.tasks.classification import ClassificationTask, Labelled


def smoothed_decisions(
    network: Network,
    task: ClassificationTask,
    examples: Labelled,
    spec: NoiseSpec,
    generator: torch.Generator,
    *,
    draws: int,
) -> torch.Tensor:
    """Whether each example is classified correctly in each draw of the noise.

    The network is in evaluation mode (normalisation as in use) and the noise acts all the same;
    the mode of every module is restored. With noise on the weights one draw is one set of
    noisy weights for all examples, which go through the network at once.

    Args:
        network: On the device of the examples.
        task: Says which decisions are right.
        examples: n of them.
        spec: The noise; its site should be `weight` for certificates on weights.
        generator: Draws the noise, on the device of the network.
        draws: Draws an example, >= 1.

    Returns:
        Boolean tensor (draws, n). Column sums go to `codesign.certificates.bounds.lower_bound`.
    """
    if draws < 1:
        raise NoiseError(f"draws must be at least 1, got {draws}")
    correct = torch.empty(draws, len(examples), dtype=torch.bool, device=examples.targets.device)
    with network.evaluating(), torch.no_grad(), Injection(network, spec, generator, when="always"):
        for draw in range(draws):
            correct[draw] = task.decided_right(task.forward(network.module, examples), examples)
    return correct
