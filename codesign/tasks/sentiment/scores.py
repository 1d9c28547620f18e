"""Exact triplets, aspects and opinions found: F1, precision, recall."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from codesign.tasks.sentiment.annotated import NONE, Annotated, Triplet
from codesign.tasks.sentiment.grid import cells_of, decoded
from codesign.tasks.sentiment.sentences import Batch


@dataclass
class Count:
    """How many there are, were said, and were said rightly."""

    there: int = 0
    said: int = 0
    right: int = 0

    def add(self, there: Iterable, said: Iterable) -> None:
        """Count one sentence; what is said twice counts once."""
        there, said = set(there), set(said)
        self.there += len(there)
        self.said += len(said)
        self.right += len(there & said)

    @property
    def precision(self) -> float:
        """Share of what was said that is right; 0 where nothing was said."""
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        """Share of what is there that was said; 0 where nothing is there."""
        return self.right / self.there if self.there else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where nothing is right."""
        return 2 * self.right / (self.there + self.said) if self.right else 0.0


@dataclass
class Counts:
    """Of triplets, aspects and opinions, summed over sentences (micro averages)."""

    triplets: Count = field(default_factory=Count)
    aspects: Count = field(default_factory=Count)
    opinions: Count = field(default_factory=Count)

    def add(
        self, there: Sequence[Triplet], triplets: Iterable[Triplet], aspects: Iterable, opinions: Iterable
    ) -> None:
        """Count one sentence.

        Args:
            there: Its triplets; its aspects and opinions are those of them.
            triplets: Those said; one is right where both spans and the polarity are the same.
            aspects: Those said, whether or not they are in a triplet.
            opinions: The same of opinions.
        """
        self.triplets.add(there, triplets)
        self.aspects.add((triplet.aspect for triplet in there), aspects)
        self.opinions.add((triplet.opinion for triplet in there), opinions)

    def scores(self) -> dict[str, float]:
        """Every metric."""
        return {
            "f1": self.triplets.f1,
            "precision": self.triplets.precision,
            "recall": self.triplets.recall,
            "aspect-f1": self.aspects.f1,
            "opinion-f1": self.opinions.f1,
        }


def scores_of(sentences: Iterable[Annotated], said: Iterable[Sequence[Triplet]]) -> dict[str, float]:
    """Every metric of triplets said of sentences; aspects and opinions are those of the triplets said."""
    counts = Counts()
    for sentence, triplets in zip(sentences, said, strict=True):
        spans = ({triplet[k] for triplet in triplets} for k in (0, 1))
        counts.add(sentence.triplets, triplets, *spans)
    return counts.scores()


REACHES = ("none", "1 or 2", "3 to 5", "6 and more")
"""Words between an aspect and its opinion, as rows of details have them."""


def reach_of(triplet: Triplet) -> str:
    """Which of `REACHES` a triplet has; spans that overlap have none between them.

    >>> reach_of(Triplet((1, 2), (4, 4), 5)), reach_of(Triplet((9, 9), (0, 1), 5))
    ('1 or 2', '6 and more')
    """
    (_, first_ends), (second_begins, _) = sorted((triplet.aspect, triplet.opinion))
    return REACHES[bisect_left((0, 2, 5), second_begins - first_ends - 1)]


class TripletScorer:
    """Decodes grids and counts. In a sentence with an output that is not a number nothing is found."""

    def __init__(self, *, details: bool = False) -> None:
        self._counts = Counts()
        self._details = details
        self._reached = {reach: Count() for reach in REACHES}

    def update(self, output: Tensor, batch: Batch) -> None:
        """Count one batch.

        Args:
            output: Logits, (cells, 6).
            batch: Its sentences.
        """
        finite = torch.isfinite(output).all(dim=1)
        tags = output.nan_to_num().argmax(dim=1).masked_fill(~finite, -1).tolist()
        there: list[list[Triplet]] = [[] for _ in range(len(batch))]
        for sentence, a, b, c, d, polarity in batch.triplets.tolist():
            there[sentence].append(Triplet((a, b), (c, d), polarity))
        first = 0
        for words, triplets in zip(batch.lengths.tolist(), there, strict=True):
            mine = tags[first : first + cells_of(words)]
            first += cells_of(words)
            if -1 in mine:
                mine = [NONE] * len(mine)
            aspects, opinions, said = decoded(mine, words)
            self._counts.add(triplets, said, aspects, opinions)
            for triplet in triplets if self._details else ():
                self._reached[reach_of(triplet)].add([triplet], {triplet} & set(said))

    def compute(self) -> dict[str, float]:
        """f1, precision, recall, aspect-f1 and opinion-f1."""
        return self._counts.scores()

    def details(self) -> list[dict]:
        """A row for each number of words between aspect and opinion that occurs: triplets and share found."""
        return [
            {"between": reach, "triplets": count.there, "recall": count.recall}
            for reach, count in self._reached.items()
            if count.there
        ]
