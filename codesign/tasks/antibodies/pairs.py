"""Pairs of an antibody and an antigen in memory, and batches in which each sequence stands once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from codesign.tasks.contract import DataSource


@dataclass(frozen=True)
class Pairs:
    """Pairs of one part, with the sequences that they name."""

    antibody_tokens: Tensor
    """Symbols (`codesign.tasks.antibodies.sequences`), int64 (antibodies, length)."""
    antigen_tokens: Tensor
    """The same, int64 (antigens, length); length 0 where networks are given no antigen."""
    antibody_words: Tensor
    """Standardised counts of k-mers, float32 (antibodies, k-mers)."""
    antigen_words: Tensor
    antibody: Tensor
    """Of each pair, the row of its antibody, int64 (n,)."""
    antigen: Tensor
    label: Tensor
    """1 where the antibody neutralises, else 0; float32 (n,)."""
    band: Tensor
    """Which of `bands` each pair is in, int64 (n,); -1 where none."""
    nearest: Tensor
    """What the nearest seen antibody that was tested on the same antigen does, float32 (n,); -1 where
    there is none."""
    subset: Tensor
    """Whether the published subset has the pair, bool (n,)."""
    bands: tuple[str, ...] = ()
    """Names of groups of pairs."""
    source: DataSource | None = None

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, index: int) -> "Pair":
        return Pair(self, int(index))


@dataclass(frozen=True)
class Pair:
    """One pair: a place among others."""

    pairs: Pairs
    index: int


@dataclass(frozen=True)
class Batch:
    """Some pairs; sequences that several of them share stand once."""

    antibody_tokens: Tensor
    antigen_tokens: Tensor
    antibody: Tensor
    """Of each pair, the row of its antibody among those of the batch, int64 (n,)."""
    antigen: Tensor
    antibody_words: Tensor
    """Of all antibodies of the part: the nodes of a graph do not depend on the batch."""
    antigen_words: Tensor
    antibody_node: Tensor
    """Of each pair, the row of its antibody among all of the part, int64 (n,)."""
    antigen_node: Tensor
    label: Tensor
    band: Tensor
    nearest: Tensor
    subset: Tensor
    bands: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.label)


def batch_of(pairs: Pairs, indices: Tensor) -> Batch:
    """The pairs with these numbers."""
    indices = indices.to(pairs.label.device)
    antibody, antigen = pairs.antibody[indices], pairs.antigen[indices]
    one, first = torch.unique(antibody, return_inverse=True)
    other, second = torch.unique(antigen, return_inverse=True)
    return Batch(
        antibody_tokens=pairs.antibody_tokens[one],
        antigen_tokens=pairs.antigen_tokens[other],
        antibody=first,
        antigen=second,
        antibody_words=pairs.antibody_words,
        antigen_words=pairs.antigen_words,
        antibody_node=antibody,
        antigen_node=antigen,
        label=pairs.label[indices],
        band=pairs.band[indices],
        nearest=pairs.nearest[indices],
        subset=pairs.subset[indices],
        bands=pairs.bands,
    )
