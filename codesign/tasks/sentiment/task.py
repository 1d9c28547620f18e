"""What is said of which aspect, and is it praise? GTS-BiLSTM on generated sentences or on given reviews."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from codesign.models.network import Network
from codesign.models.sizes import scaled
from codesign.tasks.contract import DataSettings, Task
from codesign.tasks.sentiment.network import VALUES, GridTagger, activation_noise, analog, started
from codesign.tasks.sentiment.parts import sentences_of
from codesign.tasks.sentiment.scores import TripletScorer
from codesign.tasks.sentiment.sentences import (
    Batch,
    Sentence,
    Sentences,
    collated,
    examples_of,
    vocabulary,
)

UNKNOWN = 0.01
"""Share of the training words that are taken for unknown, so that the row of the unknown is learnt."""
AT_ONCE = 128
"""Sentences in a forward pass where nothing is learnt."""


class SentimentTriplets(Task):
    """A tag for each pair of words.

    Decisions are not certified: certificates are of one decision an example, and a grid has many.
    """

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Sentences, ...]:
        """Sentences of each part; the tokens are the words of the training part."""
        training = sentences_of("train", settings)
        known = vocabulary(training[0])
        found = (training if part == "train" else sentences_of(part, settings) for part in parts)
        return tuple(examples_of(sentences, known, source) for sentences, source in found)

    def collate(self, items: Sequence[Sentence]) -> Batch:
        """Sentences padded to the longest, their cells one after the other."""
        return collated(items)

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """GTS-BiLSTM for the words of the training part.

        Raises:
            ValueError: Another name.
        """
        if name != "gts-bilstm":
            raise ValueError(f"sentiment has the network gts-bilstm, got {name!r}")
        module = GridTagger(
            tokens=len(vocabulary(sentences_of("train", settings)[0])),
            rounds=settings.needed("rounds"),
            width=options.get("width", 1.0),
        )
        if generator is not None:
            started(module, generator)
        rounds = module.rounds
        return Network(module, analog(rounds), activation_noise(rounds), examples_at_once=AT_ONCE)

    def loss(self, output: Tensor, batch: Batch) -> tuple[Tensor, int]:
        """Cross entropy of the cells of the upper triangle, which are what it is the mean of."""
        return cross_entropy(output, batch.tags), len(batch.tags)

    def scorer(self, *, details: bool = False) -> TripletScorer:
        """Decodes grids and counts triplets; with `details` by the words between aspect and opinion."""
        return TripletScorer(details=details)

    def augment(self, batch: Batch, options: Mapping[str, Any], generator: torch.Generator) -> Batch:
        """Some words become unknown, and some values of the embeddings are left out (dropout)."""
        device = batch.tokens.device
        lost = torch.rand(batch.tokens.shape, generator=generator) < UNKNOWN
        batch = replace(batch, tokens=batch.tokens.masked_fill(lost.to(device), batch.unknown))
        rate = options.get("dropout", 0)
        if not rate:
            return batch
        values = (*batch.tokens.shape, scaled(VALUES, options.get("width", 1.0)))
        keep = (torch.rand(values, generator=generator) >= rate).float() / (1 - rate)
        return replace(batch, keep=keep.to(device))


TASK = SentimentTriplets()
