"""Pictures with a question each, and how some of them become a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.vision_language.pictures import moments_of, pictures_of, seen, standardised
from codesign.tasks.vision_language.questions import QUESTIONS

SHOWN = 6
"""Pictures of a part, its first ones, that the figure of dialogues shows."""


class Asked(NamedTuple):
    """One example."""

    features: Tensor
    """float32 (places, 1280), standardised."""
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


@dataclass(frozen=True)
class Batch:
    """Some examples."""

    features: Tensor
    """float32 (n, places, 1280)."""
    question: Tensor
    """int64 (n,)."""
    answer: Tensor
    """int64 (n,)."""
    number: Tensor
    """int64 (n,)."""
    pixels: Tensor
    """uint8 (shown, 3, side, side): pictures of the examples that are shown, in their order."""
    source: str

    def __len__(self) -> int:
        return len(self.answer)


@dataclass(frozen=True)
class Examples:
    """Every question of the source about each picture of a part."""

    features: Tensor
    """float32 (pictures, places, 1280), standardised."""
    answers: Tensor
    """int64 (pictures, questions)."""
    shown: Tensor
    """int64 (pictures,): number among the pictures shown, -1 where not shown."""
    pixels: Tensor
    """uint8 (shown, 3, side, side)."""
    pictures: str
    """The source's key."""
    source: DataSource | None = None

    def __len__(self) -> int:
        return self.answers.numel()

    def __getitem__(self, index: int) -> Asked:
        picture, question = divmod(index, self.answers.shape[1])
        number = self.shown[picture]
        pixels = self.pixels[number : number + 1] if number >= 0 else self.pixels[:0]
        return Asked(
            self.features[picture],
            torch.tensor(question, device=number.device),
            self.answers[picture, question],
            number,
            pixels,
            self.pictures,
        )

    def chosen(self, indices: Tensor) -> Batch:
        """The examples with these numbers: picture by picture, in each its questions."""
        questions = self.answers.shape[1]
        picture, question = indices // questions, indices % questions
        number = self.shown[picture]
        return Batch(
            self.features[picture],
            question,
            self.answers[picture, question],
            number,
            self.pixels[number[number >= 0]],
            self.pictures,
        )


def collated(items: Sequence[Asked]) -> Batch:
    """Examples one above the other."""
    features, question, answer, number, pixels, sources = zip(*items, strict=True)
    stacked = (torch.stack(each) for each in (features, question, answer, number))
    return Batch(*stacked, torch.cat(pixels), sources[0])


def examples_of(settings: DataSettings, part: str) -> Examples:
    """The examples of a part; features are standardised by the training pictures."""
    mine = pictures_of(settings, part)
    training = mine if part == "train" else pictures_of(settings, "train")
    features = standardised(seen(mine.pixels, settings), moments_of(seen(training.pixels, settings)))
    number = torch.arange(len(mine.pixels))
    shown = torch.where(number < SHOWN, number, -1)
    return Examples(
        features, mine.answers, shown, mine.pixels[:SHOWN], settings.source, _said(mine.source, settings)
    )


def _said(source: DataSource, settings: DataSettings) -> DataSource:
    """Where pictures came from, and how they were looked at."""
    pixels, grid = settings.needed("pixels"), settings.needed("grid")
    how = f"EfficientNet-Lite0 at {pixels} pixels, {grid * grid} place{'s' if grid > 1 else ''}"
    return replace(source, variant=f"{source.variant}, {how}" if source.variant else how)


def majority(answers: Tensor, source: str) -> Tensor:
    """The commonest answer to each question, int64 (questions,), the first of equals.

    Args:
        answers: Of training pictures, (pictures, questions).
        source: Whose questions.
    """
    sizes = [len(question.answers) for question in QUESTIONS[source]]
    return torch.stack(
        [torch.bincount(answers[:, k], minlength=size).argmax() for k, size in enumerate(sizes)]
    )
