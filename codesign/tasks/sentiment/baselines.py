"""What needs no network: words known from training, and whatever stands nearest."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from codesign.tasks.contract import DataSettings
from codesign.tasks.sentiment.annotated import Annotated, Span, Triplet, opposite
from codesign.tasks.sentiment.parts import sentences_of
from codesign.tasks.sentiment.scores import scores_of

DENIALS = frozenset(
    ("not", "n't", "no", "never", "neither", "nor", "hardly", "nothing", "none", "without", "far", "anything")
)
"""Words that turn an opinion round which comes soon behind them."""
REACH = 3
"""How many words may lie from a denial to the opinion's first word."""
OFTEN = 0.5
"""Least share of a word's occurrences in training that are what it is taken for."""

Words = tuple[str, ...]


class Lexicon(NamedTuple):
    """What is known from training."""

    aspects: frozenset[Words]
    opinions: dict[Words, int]
    """To the polarity that it has most often where nothing denies it."""


def baselines(settings: DataSettings) -> dict[str, dict[str, float]]:
    """Every metric on the test examples of two rules, made from the training examples.

    Both look for the aspects and opinions of training, the longest first, and take the polarity that an
    opinion has most often, turned round within three words behind a denial. `nearest-aspect`: each opinion
    goes with the nearest aspect. `nearest-both`: an aspect that no opinion went with goes with the nearest
    opinion as well.
    """
    lexicon = lexicon_of(sentences_of("train", settings)[0])
    test = sentences_of("test", settings)[0]
    return {
        name: scores_of(test, [said_by_rule(each.words, lexicon, both=both) for each in test])
        for name, both in (("nearest-aspect", False), ("nearest-both", True))
    }


def lexicon_of(sentences: Sequence[Annotated]) -> Lexicon:
    """Aspects and opinions of sentences: those that are it at least `OFTEN` as often as they are written."""
    aspects: Counter[Words] = Counter()
    opinions: dict[Words, Counter[int]] = {}
    for words, triplets in sentences:
        small = _small(words)
        aspects.update(_said(small, span) for span in {triplet.aspect for triplet in triplets})
        meant = {triplet.opinion: triplet.polarity for triplet in triplets}
        for span, polarity in meant.items():
            here = opposite(polarity) if _denied(small, span) else polarity
            opinions.setdefault(_said(small, span), Counter())[here] += 1
    written = _written([_small(each.words) for each in sentences], {*aspects, *opinions})
    return Lexicon(
        frozenset(said for said, count in aspects.items() if count >= OFTEN * written[said]),
        {
            said: max(sorted(counts), key=counts.__getitem__)
            for said, counts in opinions.items()
            if counts.total() >= OFTEN * written[said]
        },
    )


def said_by_rule(words: Sequence[str], lexicon: Lexicon, *, both: bool) -> list[Triplet]:
    """Triplets that the rule finds in a sentence.

    Args:
        words: Of the sentence.
        lexicon: Of training.
        both: Whether an aspect that no opinion went with goes with the nearest opinion.
    """
    small = _small(words)
    aspects, opinions = _found(small, lexicon)
    pairs = {(_nearest(opinion, aspects), opinion) for opinion in opinions} if aspects else set()
    if both and opinions:
        paired = {aspect for aspect, _ in pairs}
        pairs |= {(aspect, _nearest(aspect, opinions)) for aspect in aspects if aspect not in paired}
    return [Triplet(aspect, opinion, _polarity(small, opinion, lexicon)) for aspect, opinion in sorted(pairs)]


def _polarity(words: Words, opinion: Span, lexicon: Lexicon) -> int:
    polarity = lexicon.opinions[_said(words, opinion)]
    return opposite(polarity) if _denied(words, opinion) else polarity


def _found(words: Words, lexicon: Lexicon) -> tuple[list[Span], list[Span]]:
    """Known aspects and opinions from left to right, the longest first; no word is in two."""
    known = {*lexicon.aspects, *lexicon.opinions}
    longest = max(map(len, known), default=0)
    aspects, opinions, first = [], [], 0
    while first < len(words):
        for size in range(min(longest, len(words) - first), 0, -1):
            said = words[first : first + size]
            if said in known:
                (aspects if said in lexicon.aspects else opinions).append((first, first + size - 1))
                first += size
                break
        else:
            first += 1
    return aspects, opinions


def _nearest(of: Span, among: Sequence[Span]) -> Span:
    """The nearest span, the earlier of two as near."""
    return min(among, key=lambda span: (max(span[0] - of[1], of[0] - span[1]), span))


def _denied(words: Words, opinion: Span) -> bool:
    return not DENIALS.isdisjoint(words[max(0, opinion[0] - REACH) : opinion[0]])


def _written(sentences: Iterable[Words], known: set[Words]) -> Counter[Words]:
    """How often each of some runs of words is written."""
    sizes = {len(each) for each in known}
    return Counter(
        words[first : first + size]
        for words in sentences
        for size in sizes
        for first in range(len(words) - size + 1)
        if words[first : first + size] in known
    )


def _said(words: Words, span: Span) -> Words:
    return words[span[0] : span[1] + 1]


def _small(words: Iterable[str]) -> Words:
    return tuple(word.lower() for word in words)
