"""From which kingdom of life a glycan is: SweetNet on the glycans of glycowork."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from codesign.models.network import Network
from codesign.models.sizes import scaled
from codesign.tasks.contract import DataSettings, Task
from codesign.tasks.glycans.examples import Batch, Glycan, Glycans, collated, divided, examples_of
from codesign.tasks.glycans.network import ACTIVATION_NOISE, ANALOG, LAST, Output, SweetNet, started
from codesign.tasks.glycans.scores import KingdomScorer
from codesign.tasks.splits import stratified

DROPOUT = 0.5
"""Share of the values before the last layer that are left out in training, as published."""
UNKNOWN = 0.01
"""Share of the training tokens that are taken for unknown, so that the row of the unknown is learnt."""
AT_ONCE = 256
"""Glycans in a forward pass where nothing is learnt."""


class Kingdoms(Task):
    """A classification of graphs.

    Decisions are not certified: certificates smooth inputs that are vectors, and a glycan is a tree of names.
    """

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Glycans, ...]:
        """Glycans of each part; the tokens are those of the training part."""
        division = divided(settings)
        return tuple(examples_of(division, part, settings) for part in parts)

    def collate(self, items: Sequence[Glycan]) -> Batch:
        """Glycans one after the other."""
        return collated(items)

    def batch(self, examples: Glycans, indices: Tensor) -> Batch:
        """The same, without taking the examples apart."""
        return examples.chosen(indices.to(examples.starts.device))

    def representative(self, examples: Glycans, count: int, generator: torch.Generator) -> Tensor:
        """As many of each kingdom as it has a share."""
        return stratified(examples.targets.cpu(), min(count, len(examples)), generator=generator)

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """SweetNet for the tokens of the training part.

        Raises:
            ValueError: Another name.
        """
        if name != "sweetnet":
            raise ValueError(f"glycans has the network sweetnet, got {name!r}")
        module = SweetNet(
            tokens=divided(settings).unknown,
            classes=settings.needed("kingdoms"),
            pooling=settings.needed("pooling"),
            edges=settings.needed("edges"),
            width=options.get("width", 1.0),
        )
        if generator is not None:
            started(module, generator)
        return Network(module, ANALOG, ACTIVATION_NOISE, examples_at_once=AT_ONCE)

    def loss(self, output: Output, batch: Batch) -> tuple[Tensor, int]:
        """Cross entropy."""
        return cross_entropy(output.logits, batch.targets), len(batch)

    def scorer(self, *, details: bool = False) -> KingdomScorer:
        """Counts decisions; with `details` keeps what the map shows."""
        return KingdomScorer(details=details)

    def forward(self, module: nn.Module, batch: Batch) -> Output:
        """Logits and features."""
        return module(batch)

    def augment(self, batch: Batch, options: Mapping[str, Any], generator: torch.Generator) -> Batch:
        """Some tokens become unknown, and some values before the last layer are left out (dropout)."""
        lost = torch.rand(len(batch.tokens), generator=generator) < UNKNOWN
        values = (len(batch), scaled(LAST, options.get("width", 1.0)))
        keep = (torch.rand(values, generator=generator) >= DROPOUT).float() / (1 - DROPOUT)
        device = batch.tokens.device
        return replace(
            batch, tokens=batch.tokens.masked_fill(lost.to(device), batch.unknown), keep=keep.to(device)
        )


TASK = Kingdoms()
