"""Right answers, ranked or written, by kind of question; what was written beside the pictures."""

import base64
import io
from collections.abc import Callable

import torch
from torch import Tensor

from codesign.tasks.vision_language.examples import Batch
from codesign.tasks.vision_language.network import Output
from codesign.tasks.vision_language.questions import QUESTIONS, is_hit, is_named, words_of

PRIMARY = "accuracy"


def decided(scores: Tensor, question: Tensor, source: str) -> Tensor:
    """The answer with the largest score, int64 (n,); -1 where a score is not finite.

    Args:
        scores: (n, most answers).
        question: int64 (n,).
        source: Whose questions.
    """
    found = torch.full_like(question, -1)
    for number, each in enumerate(QUESTIONS[source]):
        rows = torch.nonzero(question == number)[:, 0]
        mine = scores[rows, : len(each.answers)]
        found[rows] = torch.where(torch.isfinite(mine).all(dim=1), mine.argmax(dim=1), -1)
    return found


def are_right(output: Output, batch: Batch) -> Tensor:
    """Whether answers are right, bool (n,) on the CPU.

    Where answers are ranked, the right one must have the largest score; where they are written, it must occur
    as whole words, by any of its names (`codesign.tasks.vision_language.questions.is_named`).
    """
    if output.scores is not None:
        return (decided(output.scores, batch.question, batch.source) == batch.answer).cpu()
    pairs = zip(output.written(), batch.question.tolist(), batch.answer.tolist(), strict=True)
    questions = QUESTIONS[batch.source]
    return torch.tensor(
        [is_named(text, questions[question].answers[answer]) for text, question, answer in pairs]
    )


def scores_of(right: Tensor, question: Tensor, source: str) -> dict[str, float]:
    """The share of right answers to each kind of question, and the mean of these shares.

    Args:
        right: bool (n,).
        question: int64 (n,).
        source: Whose questions; those of one metric are a kind. One without an example has the share 0.
    """
    kinds: dict[str, list[int]] = {}
    for number, each in enumerate(QUESTIONS[source]):
        kinds.setdefault(each.metric, []).append(number)
    shares = {}
    for metric, numbers in kinds.items():
        mine = right[torch.isin(question, torch.tensor(numbers))].double()
        shares[metric] = float(mine.mean()) if len(mine) else 0.0
    return {PRIMARY: sum(shares.values()) / len(shares)} | shares


class AnswerScorer:
    """Counts right answers; with `details` keeps what is written to those that are shown."""

    def __init__(self, *, details: bool = False) -> None:
        self._details = details
        self._source = ""
        self._right: list[Tensor] = []
        self._question: list[Tensor] = []
        self._rows: list[dict] = []

    def update(self, output: Output, batch: Batch) -> None:
        """Count one batch."""
        self._source = batch.source
        self._right.append(are_right(output, batch))
        self._question.append(batch.question.cpu())
        if self._details:
            written = output.written()
            if output.scores is None:
                written = [
                    text for text, number in zip(written, batch.number.tolist(), strict=True) if number >= 0
                ]
            self._rows += _rows(written, batch, is_named if output.scores is None else is_hit)

    def compute(self) -> dict[str, float]:
        """accuracy, and where there are several questions the share of each."""
        return scores_of(torch.cat(self._right), torch.cat(self._question), self._source)

    def details(self) -> list[dict]:
        """A row for each answer that was written freely."""
        return self._rows


def _rows(written: list[str], batch: Batch, hit: Callable[[str, str], bool]) -> list[dict]:
    shown = torch.nonzero(batch.number >= 0)[:, 0].tolist()
    rows = []
    for text, row, pixels in zip(written, shown, batch.pixels, strict=True):
        question = QUESTIONS[batch.source][int(batch.question[row])]
        answer = question.answers[int(batch.answer[row])]
        rows.append(
            {
                "number": int(batch.number[row]),
                "question": question.text,
                "answer": answer,
                "written": text,
                "hit": hit(text, answer),
                "words": len(words_of(text)),
                "picture": png_of(pixels),
                "source": batch.said,
            }
        )
    return rows


def png_of(pixels: Tensor) -> str:
    """A picture uint8 (3, side, side) as PNG in base64."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")
