"""Statistics of batch normalisation, taken again without noise.

While a network trains with noise, its running statistics describe noisy activations. The clean
network, and the programmed one, would then be normalised by the wrong variance, layer after layer.
"""

import torch
from torch import Tensor

from codesign.models.network import Network
from codesign.models.normalisation import normalisations, taking_statistics
from codesign.tasks.contract import Examples, Task, batches

EXAMPLES = 1000
"""Training examples that statistics are taken from, or all where there are fewer."""


@torch.no_grad()
def retake_statistics(
    network: Network, task: Task, examples: Examples, chosen: Tensor, *, at_once: int
) -> None:
    """Give every batch normalisation the mean and variance that it sees on these examples, without noise.

    The mean over batches of a batch's mean and variance. The network is left in evaluation mode; it is
    not run where nothing keeps statistics.

    Args:
        network: In which training noise acts in training mode alone.
        task: Makes batches and outputs.
        examples: On the network's device.
        chosen: Numbers of examples, e.g. of `Task.representative`.
        at_once: Examples a batch.
    """
    network.module.eval()
    kept = normalisations(network)
    if not kept:
        return
    device = next(network.module.parameters()).device
    with taking_statistics(kept):
        for batch in batches(task, examples, at_once, device=device, order=chosen):
            task.forward(network.module, batch)
