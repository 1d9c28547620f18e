"""Pictures with a question each, and how some of them become a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.vision_language.blip2 import encoder_digest, is_large
from codesign.tasks.vision_language.pictures import moments_of, pictures_of, seen, standardised
from codesign.tasks.vision_language.questions import QUESTIONS

SHOWN = 6
"""Pictures of a part that the figure of dialogues shows."""


class Asked(NamedTuple):
    """One example."""

    features: Tensor
    """float32 (places, channels)."""
    question: Tensor
    """int64 (): number among the questions of the source."""
    answer: Tensor
    """int64 (): number of the right one among the question's answers."""
    number: Tensor
    """int64 (): of the picture among those shown in the figure; -1 where it is not shown."""
    pixels: Tensor
    """uint8 (1, 3, side, side) of a picture that is shown, else (0, 3, side, side)."""
    source: str
    """Of the pictures: which questions the numbers mean."""
    said: str = ""
    """As figures write where the pictures are from."""


@dataclass(frozen=True)
class Batch:
    """Some examples."""

    features: Tensor
    """float32 (n, places, channels)."""
    question: Tensor
    """int64 (n,)."""
    answer: Tensor
    """int64 (n,)."""
    number: Tensor
    """int64 (n,)."""
    pixels: Tensor
    """uint8 (shown, 3, side, side): pictures of the examples that are shown, in their order."""
    source: str
    said: str = ""
    """As figures write where the pictures are from."""

    def __len__(self) -> int:
        return len(self.answer)


@dataclass(frozen=True)
class Examples:
    """The questions of the source about each picture of a part."""

    features: Tensor
    """float32 (pictures, places, channels); of the small encoder standardised."""
    answers: Tensor
    """int64 (pictures, questions); -1 where a question is not asked."""
    shown: Tensor
    """int64 (pictures,): number among the pictures shown, -1 where not shown."""
    pixels: Tensor
    """uint8 (shown, 3, side, side)."""
    pictures: str
    """The source's key."""
    source: DataSource | None = None
    said: str = ""
    """As figures write where the pictures are from."""

    @cached_property
    def asked(self) -> Tensor:
        """int64 (n, 2): picture and question of each example, picture by picture."""
        return torch.nonzero(self.answers >= 0)

    def __len__(self) -> int:
        return len(self.asked)

    def __getitem__(self, index: int) -> Asked:
        picture, question = self.asked[index].tolist()
        number = self.shown[picture]
        pixels = self.pixels[number : number + 1] if number >= 0 else self.pixels[:0]
        return Asked(
            self.features[picture],
            torch.tensor(question, device=number.device),
            self.answers[picture, question],
            number,
            pixels,
            self.pictures,
            self.said,
        )

    def chosen(self, indices: Tensor) -> Batch:
        """The examples with these numbers: picture by picture, in each its questions."""
        picture, question = self.asked[indices].unbind(dim=1)
        number = self.shown[picture]
        return Batch(
            self.features[picture],
            question,
            self.answers[picture, question],
            number,
            self.pixels[number[number >= 0]],
            self.pictures,
            self.said,
        )


def collated(items: Sequence[Asked]) -> Batch:
    """Examples one above the other."""
    features, question, answer, number, pixels, sources, said = zip(*items, strict=True)
    stacked = (torch.stack(each) for each in (features, question, answer, number))
    return Batch(*stacked, torch.cat(pixels), sources[0], said[0])


def examples_of(settings: DataSettings, part: str) -> Examples:
    """The examples of a part; features of the small encoder are standardised by the training pictures.

    Those of the Q-Former are left as they are: the published projection was trained on them.
    """
    mine = pictures_of(settings, part)
    features = seen(mine.pixels, settings)
    if not is_large(settings):
        training = mine if part == "train" else pictures_of(settings, "train")
        features = standardised(features, moments_of(seen(training.pixels, settings)))
    pictures = shown_of(mine.answers)
    shown = torch.full((len(mine.pixels),), -1)
    shown[pictures] = torch.arange(len(pictures))
    source = replace(mine.source, variant=_variant(mine.source, settings, features))
    said = f"{mine.source.dataset}, {mine.source.variant or mine.source.obtained}"
    return Examples(features, mine.answers, shown, mine.pixels[pictures], settings.source, source, said)


def shown_of(answers: Tensor) -> Tensor:
    """Numbers of the pictures that the figure of dialogues shows, in rising order.

    The first of each right answer to the first question that it is asked, as pictures may lie class by class;
    then others, from the front.

    Example:
        >>> shown_of(torch.tensor([[3, 0], [3, 1], [3, 0], [2, 0], [3, 1], [1, 1], [3, 1], [0, 0]])).tolist()
        [0, 1, 2, 3, 5, 7]
    """
    first: dict[tuple[int, int], int] = {}
    for picture, row in enumerate(answers.tolist()):
        asked = [(question, answer) for question, answer in enumerate(row) if answer >= 0]
        if asked:
            first.setdefault(asked[0], picture)
    other = sorted(set(range(len(answers))) - set(first.values()))
    return torch.tensor(sorted([*first.values(), *other][:SHOWN]), dtype=torch.long)


def _variant(source: DataSource, settings: DataSettings, features: Tensor) -> str:
    """How pictures differ from the published ones, and how they were looked at."""
    places = f"{features.shape[1]} place{'s' if features.shape[1] > 1 else ''}"
    if is_large(settings):
        how = f"{settings.needed('encoder')} (sha256 {encoder_digest(settings)[:16]}), {places}"
    else:
        how = f"EfficientNet-Lite0 at {settings.needed('pixels')} pixels, {places}"
    return f"{source.variant}, {how}" if source.variant else how


def majority(answers: Tensor, source: str) -> Tensor:
    """The commonest answer to each question, int64 (questions,), the first of equals.

    Of a question that no training picture is asked, the commonest answer to those of its metric.

    Args:
        answers: Of training pictures, (pictures, questions); -1 where a question is not asked.
        source: Whose questions.
    """
    asked, counts = QUESTIONS[source], []
    for k, question in enumerate(asked):
        mine = answers[:, k]
        counts.append(torch.bincount(mine[mine >= 0], minlength=len(question.answers)))
    found = []
    for k, question in enumerate(asked):
        alike = [counts[n] for n, other in enumerate(asked) if other.metric == question.metric]
        found.append((counts[k] if counts[k].any() else torch.stack(alike).sum(dim=0)).argmax())
    return torch.stack(found)
