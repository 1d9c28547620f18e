"""Sentences as examples: numbers of words, cells of the grid, and how some of them become a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.tasks.contract import DataSource
from codesign.tasks.sentiment.annotated import Annotated, Triplet
from codesign.tasks.sentiment.grid import tags_of


class Sentence(NamedTuple):
    """One example."""

    tokens: Tensor
    """int64 (words,)."""
    tags: Tensor
    """int64 (cells,): of the upper triangle, row by row."""
    triplets: Tensor
    """int64 (triplets, 5): first and last word of aspect and opinion, polarity."""
    unknown: int
    """The token of words that training has not."""


@dataclass(frozen=True)
class Batch:
    """Some sentences, their cells one after the other."""

    tokens: Tensor
    """int64 (n, longest): 0 beyond a sentence's end."""
    lengths: Tensor
    """int64 (n,)."""
    rows: Tensor
    """int64 (cells,): place of each cell's first word among the n x longest of the batch."""
    columns: Tensor
    """int64 (cells,): of its second word, which is the same or a later one of the sentence."""
    around: Tensor
    """int64 (n, longest, longest): number of the cell of two words in either order; the number of cells where
    there is none."""
    tags: Tensor
    """int64 (cells,)."""
    triplets: Tensor
    """int64 (triplets, 6): sentence, then as in `Sentence`."""
    unknown: int
    """The token of words that training has not."""
    keep: Tensor | None = None
    """float32 (n, longest, values): what dropout multiplies the embeddings with; None in evaluation."""

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True)
class Sentences:
    """Examples of one part, one after the other."""

    tokens: Tensor
    """int64 (words,)."""
    starts: Tensor
    """int64 (n + 1,)."""
    tags: Tensor
    """int64 (cells,)."""
    tag_starts: Tensor
    """int64 (n + 1,)."""
    triplets: Tensor
    """int64 (triplets, 5)."""
    triplet_starts: Tensor
    """int64 (n + 1,)."""
    unknown: int
    """The token of words that training has not; those of training are 0 ... unknown - 1."""
    source: DataSource | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> Sentence:
        def mine(values: Tensor, starts: Tensor) -> Tensor:
            return values[int(starts[index]) : int(starts[index + 1])]

        return Sentence(
            mine(self.tokens, self.starts),
            mine(self.tags, self.tag_starts),
            mine(self.triplets, self.triplet_starts),
            self.unknown,
        )


def vocabulary(sentences: Sequence[Annotated]) -> dict[str, int]:
    """Every word of some sentences, small letters, sorted, to its token."""
    words = {word.lower() for sentence in sentences for word in sentence.words}
    return {word: token for token, word in enumerate(sorted(words))}


def examples_of(sentences: Sequence[Annotated], known: Mapping[str, int], source: DataSource) -> Sentences:
    """Sentences as examples; a word that is not `known` has the token behind the last."""
    tokens = [[known.get(word.lower(), len(known)) for word in each.words] for each in sentences]
    tags = [tags_of(each.triplets, len(each.words)) for each in sentences]
    triplets = [[_row(triplet) for triplet in each.triplets] for each in sentences]
    return Sentences(
        torch.tensor([token for each in tokens for token in each], dtype=torch.int64),
        _starts(tokens),
        torch.tensor([tag for each in tags for tag in each], dtype=torch.int64),
        _starts(tags),
        torch.tensor([row for each in triplets for row in each], dtype=torch.int64).reshape(-1, 5),
        _starts(triplets),
        len(known),
        source,
    )


def _row(triplet: Triplet) -> tuple[int, ...]:
    return (*triplet.aspect, *triplet.opinion, triplet.polarity)


def _starts(parts: Sequence) -> Tensor:
    return torch.tensor([0, *(len(each) for each in parts)]).cumsum(0)


def collated(items: Sequence[Sentence]) -> Batch:
    """Sentences as a batch."""
    device = items[0].tokens.device
    lengths = torch.tensor([len(each.tokens) for each in items], device=device)
    longest = int(lengths.max())
    tokens = torch.nn.utils.rnn.pad_sequence([each.tokens for each in items], batch_first=True)
    place = torch.arange(longest, device=device)
    there = (place[:, None] <= place) & (place < lengths[:, None, None])
    owner, first, second = there.nonzero(as_tuple=True)  # sentence by sentence, row by row
    number = torch.arange(len(owner), device=device)
    around = torch.full(there.shape, len(owner), device=device)
    around[owner, first, second] = number
    around[owner, second, first] = number
    counts = torch.tensor([len(each.triplets) for each in items], device=device)
    of = torch.repeat_interleave(torch.arange(len(items), device=device), counts)
    return Batch(
        tokens=tokens,
        lengths=lengths,
        rows=owner * longest + first,
        columns=owner * longest + second,
        around=around,
        tags=torch.cat([each.tags for each in items]),
        triplets=torch.cat([of[:, None], torch.cat([each.triplets for each in items])], dim=1),
        unknown=items[0].unknown,
    )
