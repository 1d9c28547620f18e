"""Right answers by ranking, a question each and their mean; answers written freely beside the pictures."""

import base64
import io

import torch
from torch import Tensor

from codesign.tasks.vision_language.examples import Batch
from codesign.tasks.vision_language.network import Output
from codesign.tasks.vision_language.questions import QUESTIONS, is_hit, words_of

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


def scores_of(right: Tensor, question: Tensor, source: str) -> dict[str, float]:
    """The share of right answers to each question, and the mean of these shares.

    Args:
        right: bool (n,).
        question: int64 (n,).
        source: Whose questions; one without an example has the share 0.
    """
    shares = {}
    for number, each in enumerate(QUESTIONS[source]):
        mine = right[question == number].double()
        shares[each.metric] = float(mine.mean()) if len(mine) else 0.0
    return {PRIMARY: sum(shares.values()) / len(shares)} | shares


class AnswerScorer:
    """Counts answers by ranking; with `details` lets those that are shown be written freely."""

    def __init__(self, *, details: bool = False) -> None:
        self._details = details
        self._source = ""
        self._right: list[Tensor] = []
        self._question: list[Tensor] = []
        self._rows: list[dict] = []

    def update(self, output: Output, batch: Batch) -> None:
        """Count one batch."""
        self._source = batch.source
        answers = decided(output.scores, batch.question, batch.source)
        self._right.append((answers == batch.answer).cpu())
        self._question.append(batch.question.cpu())
        if self._details:
            self._rows += _rows(output.written(), batch)

    def compute(self) -> dict[str, float]:
        """accuracy, and where there are several questions the share of each."""
        return scores_of(torch.cat(self._right), torch.cat(self._question), self._source)

    def details(self) -> list[dict]:
        """A row for each answer that was written freely."""
        return self._rows


def _rows(written: list[str], batch: Batch) -> list[dict]:
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
                "hit": is_hit(text, answer),
                "words": len(words_of(text)),
                "picture": png_of(pixels),
            }
        )
    return rows


def png_of(pixels: Tensor) -> str:
    """A picture uint8 (3, side, side) as PNG in base64."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy()).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")
