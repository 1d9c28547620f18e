"""A projection between what an encoder sees and what a language model reads."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from codesign.models.network import Network
from codesign.tasks.vision_language.encoder import CHANNELS
from codesign.tasks.vision_language.examples import Batch
from codesign.tasks.vision_language.parts import Language, PartError
from codesign.tasks.vision_language.questions import Question, answer_tokens, prompt_tokens

ANALOG = ("projection.weight",)
ACTIVATION_NOISE = ("reading",)
"""What reads the projection's output: noise on activations is noise on that output."""
START = 4.0
"""Of the starting weights: projected features begin this many times as wide as embeddings of words."""
AT_ONCE = 64
"""Examples in a forward pass where nothing is learnt."""
LONGEST = 8
"""Most tokens of an answer that is written freely."""


@dataclass(frozen=True)
class Output:
    """What a language model says of a batch."""

    scores: Tensor
    """float32 (n, most answers): logits of the answers' tokens, 0 behind the last answer of a question."""
    losses: Tensor
    """float32 (n,): cross entropy of the right answer's token among all tokens; in training the mean of it
    and of that of the end behind the answer."""
    written: Callable[[], list[str]]
    """Writes answers to the examples that are shown, in their order, token by token."""


class Answering(nn.Module):
    """Prompt, picture, answer: a frozen language model reads a projection of what an encoder saw.

    Keys and values of the prompts are computed once: a prompt stands before the picture and does not depend
    on it.

    Source:
        Zhu et al. (2023), MiniGPT-4, arXiv 2304.10592: one linear layer between frozen parts.
    """

    def __init__(self, projection: nn.Linear, language: Language, questions: Sequence[Question]) -> None:
        """Put the parts together.

        Args:
            projection: From the encoder's channels to the language model's width.
            language: Frozen.
            questions: Those that batches number.

        Raises:
            PartError: The projection gives another width than the language model reads.
            AnswerError: Answers that ranking cannot tell apart.
        """
        super().__init__()
        width = language.model.config.hidden_size
        if projection.out_features != width:
            raise PartError(
                f"the projection gives {projection.out_features} values and the language model with sha256 "
                f"{language.sha256} reads {width}: they do not go together"
            )
        self.projection = projection
        self.reading = nn.Identity()
        self.language = language.model
        self._tokenizer = language.tokenizer
        self._prompts = [prompt_tokens(language.tokenizer, question) for question in questions]
        self._answers = [answer_tokens(language.tokenizer, question.answers) for question in questions]
        self._end = language.tokenizer.eos_token_id
        self._kept: dict[tuple, list[list[tuple[Tensor, Tensor]]]] = {}

    def forward(self, features: Tensor, question: Tensor, answer: Tensor, shown: Tensor) -> Output:
        """What is said of pictures.

        Args:
            features: float32 (n, places, channels).
            question: int64 (n,).
            answer: int64 (n,): number of the right answer, for the losses alone.
            shown: bool (n,): examples whose answers may be asked for in full.
        """
        seen = self.reading(self.projection(features))  # (n, places, width)
        most = max(map(len, self._answers))
        scores, losses, order = [], [], []
        for rows in self._alike(question):
            logits = self._logits(seen[rows], question[rows], answer[rows])  # (rows, 1 or 2, tokens)
            wanted = self._targets(question[rows], answer[rows])[:, : logits.shape[1]]
            losses.append(cross_entropy(logits.transpose(1, 2), wanted, reduction="none").mean(dim=1))
            table = self._table(most, question.device)[question[rows]]
            found = logits[:, 0].gather(1, table.clamp(min=0))
            scores.append(found.masked_fill(table < 0, 0))
            order.append(rows)
        place = torch.cat(order).argsort()
        kept = seen.detach()[shown], question[shown]
        return Output(torch.cat(scores)[place], torch.cat(losses)[place], lambda: self.write(*kept))

    def _logits(self, seen: Tensor, question: Tensor, answer: Tensor) -> Tensor:
        """Of the token behind the picture and, in training, of the one behind the right answer."""
        read = seen
        if self.training:
            words = self.language.get_input_embeddings()(self._targets(question, answer)[:, :1])
            read = torch.cat([seen, words.to(seen.dtype)], dim=1)
        found = self._read(read, self._cache(question)).last_hidden_state[:, seen.shape[1] - 1 :]
        return self.language.get_output_embeddings()(found)

    def _read(self, embeddings: Tensor, cache):
        return self.language.get_decoder()(inputs_embeds=embeddings, cache=cache, use_cache=True)

    @torch.inference_mode()
    def write(self, seen: Tensor, question: Tensor) -> list[str]:
        """Answers by greedy generation, up to the end token or 8 tokens.

        Args:
            seen: The projection's output, (n, places, width).
            question: int64 (n,).
        """
        found = [""] * len(question)
        for rows in self._alike(question):
            cache, read, said = self._cache(question[rows]), seen[rows], []
            for _ in range(LONGEST):
                hidden = self._read(read, cache).last_hidden_state[:, -1]
                token = self.language.get_output_embeddings()(hidden).argmax(dim=-1)
                said.append(token)
                read = self.language.get_input_embeddings()(token)[:, None].to(seen.dtype)
            for row, tokens in zip(rows.tolist(), torch.stack(said, dim=1).tolist(), strict=True):
                end = tokens.index(self._end) if self._end in tokens else len(tokens)
                found[row] = self._tokenizer.decode(tokens[:end], skip_special_tokens=True).strip()
        return found

    def _alike(self, question: Tensor) -> Iterator[Tensor]:
        """Numbers of examples whose prompts are equally long, one length after the other."""
        lengths = torch.tensor([len(each) for each in self._prompts], device=question.device)[question]
        for length in lengths.unique().tolist():
            yield torch.nonzero(lengths == length)[:, 0]

    def _targets(self, question: Tensor, answer: Tensor) -> Tensor:
        """Tokens of the right answers and the end, (n, 2)."""
        table = self._table(max(map(len, self._answers)), question.device)
        words = table[question, answer]
        return torch.stack([words, torch.full_like(words, self._end)], dim=1)

    def _table(self, most: int, device: torch.device) -> Tensor:
        """Tokens of each question's answers, (questions, most); -1 behind the last."""
        rows = [[*tokens, *[-1] * (most - len(tokens))] for tokens in self._answers]
        return torch.tensor(rows, device=device)

    def _cache(self, question: Tensor):
        """A fresh cache with the keys and values of each example's prompt; prompts are equally long."""
        from transformers import DynamicCache

        embeddings = self.language.get_input_embeddings().weight
        known = (embeddings.dtype, embeddings.device)
        if known not in self._kept:
            self._kept[known] = self._read_prompts(embeddings.device)
        chosen, rows = question.unique(return_inverse=True)
        prompts = [self._kept[known][number] for number in chosen.tolist()]
        cache = DynamicCache(config=self.language.config)
        for layer in range(len(prompts[0])):
            keys, values = zip(*(prompt[layer] for prompt in prompts), strict=True)
            cache.update(torch.cat(keys)[rows], torch.cat(values)[rows], layer)
        return cache

    def _read_prompts(self, device: torch.device) -> list[list[tuple[Tensor, Tensor]]]:
        """Keys and values of each prompt's tokens, by layer, (1, heads, tokens, size) each."""
        from transformers import DynamicCache

        found = []
        # plain tensors, also where scoring reads prompts first: a training may use them later
        with torch.inference_mode(mode=False), torch.no_grad():
            for tokens in self._prompts:
                cache = DynamicCache(config=self.language.config)
                embedded = self.language.get_input_embeddings()(torch.tensor([tokens], device=device))
                self._read(embedded, cache)
                found.append([(layer.keys, layer.values) for layer in cache.layers])
        return found


def answering(
    language: Language, questions: Sequence[Question], generator: torch.Generator | None
) -> Network:
    """The network: the projection is trained and on memristors, the language model frozen.

    Args:
        language: Frozen.
        questions: Of the source.
        generator: Draws the starting weights, N(0, (4 s)^2 / channels) with s the standard deviation of the
            language model's embeddings; None where weights are loaded next.
    """
    projection = nn.Linear(CHANNELS, language.model.config.hidden_size)
    if generator is not None:
        spread = START * float(language.model.get_input_embeddings().weight.std()) / CHANNELS**0.5
        with torch.no_grad():
            projection.weight.normal_(0, spread, generator=generator)
            projection.bias.zero_()
    module = Answering(projection, language, questions)
    return Network(module, ANALOG, ACTIVATION_NOISE, {"language": language.sha256}, examples_at_once=AT_ONCE)


def said_of(module: nn.Module, batch: Batch) -> Output:
    """The output for a batch."""
    return module(batch.features, batch.question, batch.answer, batch.number >= 0)
