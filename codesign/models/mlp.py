"""Fully connected networks."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class MLP(nn.Module):
    """Linear layers with ReLU between them; images are flattened first."""

    def __init__(self, *, features: int, hidden: Sequence[int], classes: int) -> None:
        super().__init__()
        sizes = [features, *hidden]
        self.flatten = nn.Flatten()
        self.layers = nn.Sequential()
        for k, (rows, columns) in enumerate(pairwise(sizes), start=1):
            self.layers.add_module(f"linear{k}", nn.Linear(rows, columns))
            self.layers.add_module(f"relu{k}", nn.ReLU())
        self.layers.add_module(f"linear{len(sizes)}", nn.Linear(sizes[-1], classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, ...) with `features` values each -> (batch, classes)."""
        return self.layers(self.flatten(inputs))
