"""Statistics of batch normalisation: which modules keep them, and taking them again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from codesign.models.network import Network


def normalisations(network: Network) -> list[nn.Module]:
    """Modules that keep statistics of what they have seen, but for the frozen ones."""
    return [
        module
        for name, module in network.module.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and module.running_mean is not None
        and not network.is_frozen(name)
    ]


@contextmanager
def taking_statistics(kept: Sequence[nn.Module]) -> Iterator[None]:
    """Inside the block these modules forget what they have seen, and keep the mean over batches of each
    batch's mean and variance; afterwards they are in evaluation mode."""
    momenta = [module.momentum for module in kept]
    try:
        for module in kept:
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
            module.train()
        yield
    finally:
        for module, momentum in zip(kept, momenta, strict=True):
            module.momentum = momentum
            module.eval()
