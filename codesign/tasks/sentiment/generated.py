"""Sentences drawn from templates: generated, and called so wherever they go.

A sentence has an opening, one clause or two, and an ending. Frames of test sentences are in no training or
validation sentence; words are the same in all parts.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from codesign.seeds import generator
from codesign.tasks.sentiment.annotated import NEUTRAL, Annotated, Span, Triplet, opposite
from codesign.tasks.sentiment.templates import (
    ASPECTS,
    CONNECTORS,
    DEPENDING,
    ENDINGS,
    FILLERS,
    FRAMES,
    GENERAL,
    OPENINGS,
    OWN,
    SHARE_DEPENDING,
    SHARE_OWN,
    VERB_OPINIONS,
    Frame,
)

VERSION = 1
"""Of what is drawn: higher where words, frames or the way of drawing change; results name it."""
TARGETS, OPINIONS = "ABC", "PQRL"
KINDS = tuple(FRAMES["train"])
TWO_CLAUSES = 0.4
"""Share of the sentences that have two."""


@lru_cache(maxsize=8)
def generated(part: str, size: int, *, seed: int) -> tuple[Annotated, ...]:
    """Sentences of one part; the first ones are the same whatever `size` is.

    Args:
        part: train | validation | test.
        size: How many.
        seed: Root seed.
    """
    draw = generator(seed, "sentiment", part)
    return tuple(_sentence(part, draw) for _ in range(size))


def _sentence(part: str, draw: np.random.Generator) -> Annotated:
    writing = _Writing(_pick(draw, tuple(ASPECTS)), draw)
    writing.put(_pick(draw, OPENINGS))
    for number in range(2 if draw.random() < TWO_CLAUSES else 1):
        if number:
            writing.put(_pick(draw, CONNECTORS))
        writing.clause(_pick(draw, FRAMES[part][_pick(draw, KINDS)]))
    writing.put(_pick(draw, ENDINGS))
    return Annotated(tuple(writing.words), tuple(writing.triplets))


class _Writing:
    """A sentence so far."""

    def __init__(self, domain: str, draw: np.random.Generator) -> None:
        self.classes = ASPECTS[domain]
        self.draw = draw
        self.words: list[str] = []
        self.triplets: list[Triplet] = []
        self.taken: set[str] = set()
        """Aspects and opinions that are there already: each is there once."""

    def put(self, text: str) -> Span:
        """Write words; where they stand."""
        first = len(self.words)
        self.words += text.split()
        return first, len(self.words) - 1

    def clause(self, frame: Frame) -> None:
        """Fill the slots of a frame and write it."""
        class_of = {slot: self._class() for slot in frame.tokens if slot in TARGETS}
        for group in _sharing(frame):  # what one opinion is said of is of one class
            class_of |= dict.fromkeys(group, class_of[group[0]])
        said = {slot: self._new(self.classes[of]) for slot, of in class_of.items()}
        meant: dict[str, int] = {}
        for slot in (token for token in frame.tokens if token in OPINIONS):
            aspects = [(aspect, turned) for aspect, opinion, turned in frame.relations if opinion == slot]
            certain = any(turned for _, turned in aspects)
            said[slot], meant[slot] = self._opinion(slot, class_of[aspects[0][0]], certain=certain)
        where = {token: self.put(said.get(token, token)) for token in self._filled(frame.tokens)}
        self.triplets += [
            Triplet(where[aspect], where[opinion], opposite(meant[opinion]) if turned else meant[opinion])
            for aspect, opinion, turned in frame.relations
        ]

    def _filled(self, tokens: Iterable[str]) -> Iterator[str]:
        """The tokens with fillers in their places, and with aspects and opinions that are in no triplet."""
        for token in tokens:
            if token in FILLERS:
                yield from self._filled(_pick(self.draw, FILLERS[token]).split())
            elif token == "X":
                yield self._new(self.classes[self._class()])
            elif token == "Z":
                yield self._opinion("P", self._class(), certain=False)[0]
            else:
                yield token

    def _class(self) -> str:
        return _pick(self.draw, tuple(self.classes))

    def _opinion(self, slot: str, of: str, *, certain: bool) -> tuple[str, int]:
        """An opinion that is not there yet, and its polarity; not neutral where `certain`."""
        if slot == "L":
            known = dict(VERB_OPINIONS)
        else:
            chance = self.draw.random()
            depending = {word: by[of] for word, by in DEPENDING.items() if of in by}
            if depending and chance < SHARE_DEPENDING:
                known = depending
            elif of in OWN and chance < SHARE_DEPENDING + SHARE_OWN:
                known = {word: polarity for polarity, words in OWN[of].items() for word in words}
            else:
                known = {word: polarity for polarity, words in GENERAL.items() for word in words}
        if certain:
            known = {word: polarity for word, polarity in known.items() if polarity != NEUTRAL}
        word = self._new(tuple(known))
        return word, known[word]

    def _new(self, words: Sequence[str]) -> str:
        """One of the words that is not in the sentence, where there is one."""
        word = _pick(self.draw, [word for word in words if word not in self.taken] or words)
        self.taken.add(word)
        return word


def _sharing(frame: Frame) -> list[list[str]]:
    """Aspects that have an opinion in common."""
    groups: dict[str, list[str]] = {}
    for aspect, opinion, _ in frame.relations:
        groups.setdefault(opinion, []).append(aspect)
    return [group for group in groups.values() if len(group) > 1]


def _pick(draw: np.random.Generator, among: Sequence) -> Any:
    return among[int(draw.integers(len(among)))]
