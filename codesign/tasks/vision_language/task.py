"""Questions about pictures: MiniGPT-4's linear layer, on devices, between small frozen parts.

No certificate: smoothing is of vectors that a network is given, and here that would be what an encoder saw.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from codesign.models.network import Network
from codesign.tasks.contract import DataSettings, Task
from codesign.tasks.splits import stratified
from codesign.tasks.vision_language.examples import Asked, Batch, Examples, collated, examples_of
from codesign.tasks.vision_language.network import Output, answering, said_of
from codesign.tasks.vision_language.parts import language_model
from codesign.tasks.vision_language.questions import QUESTIONS
from codesign.tasks.vision_language.scores import AnswerScorer


class VisionLanguage(Task):
    """Every question of a source about every picture."""

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Examples, ...]:
        """Pictures with their questions; what the encoder sees in them is kept in the cache."""
        return tuple(examples_of(settings, part) for part in parts)

    def collate(self, items: Sequence[Asked]) -> Batch:
        """Examples one above the other."""
        return collated(items)

    def batch(self, examples: Examples, indices: Tensor) -> Batch:
        """The same, without taking the examples apart."""
        return examples.chosen(indices.to(examples.answers.device))

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """A projection into the frozen language model.

        Raises:
            ValueError: Another name.
            PartError: The language model is not installed, or not as published.
        """
        if name != "smollm2":
            raise ValueError(f"vision_language has the network smollm2, got {name!r}")
        return answering(language_model(settings.cache), QUESTIONS[settings.source], generator)

    def forward(self, module: nn.Module, batch: Batch) -> Output:
        """What is said of a batch."""
        return said_of(module, batch)

    def loss(self, output: Output, batch: Batch) -> tuple[Tensor, int]:
        """Cross entropy of the right answers."""
        return output.losses.mean(), len(batch)

    def scorer(self, *, details: bool = False) -> AnswerScorer:
        """Ranks answers; with `details` lets some be written."""
        return AnswerScorer(details=details)

    def representative(self, examples: Examples, count: int, generator: torch.Generator) -> Tensor:
        """Each question as often, and as many of each of its answers as it has a share."""
        questions = examples.answers.shape[1]
        most = max(len(question.answers) for question in QUESTIONS[examples.pictures])
        kinds = examples.answers.cpu() + most * torch.arange(questions)
        return stratified(kinds.flatten(), min(count, len(examples)), generator=generator)


TASK = VisionLanguage()
