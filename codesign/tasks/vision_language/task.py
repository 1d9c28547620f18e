"""Questions about pictures: MiniGPT-4's linear layer, on devices, between small frozen parts or its own.

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
from codesign.tasks.vision_language.large import NETWORK, large_answering
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
        """A projection into a frozen language model; of minigpt4 it begins at the published one.

        Raises:
            ValueError: Another name.
            PartError: A part is not installed or cannot be had, or is not as published.
        """
        asked = QUESTIONS[settings.source]
        if name == NETWORK:
            return large_answering(settings, asked)
        if name != "smollm2":
            raise ValueError(f"vision_language has the networks smollm2 and {NETWORK}, got {name!r}")
        return answering(language_model(settings.cache), asked, generator)

    def forward(self, module: nn.Module, batch: Batch) -> Output:
        """What is said of a batch."""
        return said_of(module, batch)

    def loss(self, output: Output, batch: Batch) -> tuple[Tensor, int]:
        """Cross entropy of the right answers."""
        return output.losses.mean(), len(batch)

    def scorer(self, *, details: bool = False) -> AnswerScorer:
        """Counts right answers; with `details` keeps some of what is written."""
        return AnswerScorer(details=details)

    def representative(self, examples: Examples, count: int, generator: torch.Generator) -> Tensor:
        """Each question as often, and as many of each of its answers as it has a share."""
        picture, question = examples.asked.cpu().unbind(dim=1)
        most = max(len(each.answers) for each in QUESTIONS[examples.pictures])
        kinds = examples.answers.cpu()[picture, question] + most * question
        return stratified(kinds, min(count, len(examples)), generator=generator)


TASK = VisionLanguage()
