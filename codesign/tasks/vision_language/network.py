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
from codesign.tasks.vision_language.questions import SMALL, Question, Template, prompt_tokens, target_tokens

ANALOG = ("projection.weight",)
ACTIVATION_NOISE = ("reading",)
"""What reads the projection's output: noise on activations is noise on that output."""
START = 4.0
"""Of the starting weights: projected features begin this many times as wide as embeddings of words."""
AT_ONCE = 64
"""Examples in a forward pass where nothing is learnt."""
NOTHING = -100
"""Behind the last token of an answer that is shorter than others."""


@dataclass(frozen=True)
class Output:
    """What a language model says of a batch."""

    scores: Tensor | None
    """float32 (n, most answers): logits of the answers' tokens, 0 behind the last answer of a question; None
    where answers are written."""
    losses: Tensor
    """float32 (n,): cross entropy of the right answer among all tokens: the mean over its tokens and what
    ends it; outside a training, where answers are ranked, of its token alone."""
    written: Callable[[], list[str]]
    """Writes answers token by token: to all examples where answers are not ranked, else to those that are
    shown, in their order."""


class Answering(nn.Module):
    """Prompt, picture, answer: a frozen language model reads a projection of what an encoder saw.

    Keys and values of what stands before a picture are computed once: they do not depend on it.

    Source:
        Zhu et al. (2023), MiniGPT-4, arXiv 2304.10592: one linear layer between frozen parts.
    """

    def __init__(
        self,
        projection: nn.Linear,
        language: Language,
        questions: Sequence[Question],
        template: Template = SMALL,
    ) -> None:
        """Put the parts together.

        Args:
            projection: From the encoder's channels to the language model's width.
            language: Frozen.
            questions: Those that batches number.
            template: What stands around a picture, and how answers are given.

        Raises:
            PartError: The projection gives another width than the language model reads.
            AnswerError: Answers that ranking cannot tell apart, or a prompt that the tokenizer cannot begin.
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
        self.template = template
        self._tokenizer = language.tokenizer
        self._prompts = [prompt_tokens(language.tokenizer, question, template) for question in questions]
        self._befores = list(dict.fromkeys(prompt.before for prompt in self._prompts))
        """What stands before a picture, each text once."""
        self._targets, self._words = _padded(
            [target_tokens(language.tokenizer, question, template) for question in questions]
        )
        self._end = language.tokenizer.eos_token_id
        self._kept: dict[tuple, list[list[tuple[Tensor, Tensor]]]] = {}

    def forward(self, features: Tensor, question: Tensor, answer: Tensor, shown: Tensor) -> Output:
        """What is said of pictures.

        Args:
            features: float32 (n, places, channels).
            question: int64 (n,).
            answer: int64 (n,): number of the right answer, for the losses alone.
            shown: bool (n,): examples whose answers may be asked for in full, where answers are ranked.
        """
        seen = self.reading(self.projection(features))  # (n, places, width)
        ranked = self.template.ranked
        targets, words = self._targets.to(question.device), self._words.to(question.device)
        scores, losses, order = [], [], []
        for rows in self._alike(question):
            wanted = targets[question[rows], answer[rows]]  # (rows, most tokens)
            if ranked and not self.training:
                wanted = wanted[:, :1]
            logits = self._logits(seen[rows], question[rows], wanted)  # (rows, most tokens, tokens known)
            each = cross_entropy(
                logits.transpose(1, 2), wanted, reduction="none", ignore_index=NOTHING
            )  # (rows, most tokens)
            losses.append(each.sum(dim=1) / (wanted != NOTHING).sum(dim=1))
            if ranked:
                table = words[question[rows]]
                scores.append(logits[:, 0].gather(1, table.clamp(min=0)).masked_fill(table < 0, 0))
            order.append(rows)
        place = torch.cat(order).argsort()
        kept = (seen.detach()[shown], question[shown]) if ranked else (seen.detach(), question)
        found = torch.cat(scores)[place] if ranked else None
        return Output(found, torch.cat(losses)[place], lambda: self.write(*kept))

    def _logits(self, seen: Tensor, question: Tensor, wanted: Tensor) -> Tensor:
        """Of each token wanted, from those before it: single precision at least."""
        # a token behind the last one is read too, where answers differ in length, and changes none before it
        spoken = self.language.get_input_embeddings()(wanted[:, :-1].clamp(min=0))
        read = torch.cat([self._shown_to(seen, question), spoken], dim=1)
        hidden = self._read(read, self._cache(question)).last_hidden_state[:, -wanted.shape[1] :]
        return _single_at_least(self.language.get_output_embeddings()(hidden))

    def _shown_to(self, seen: Tensor, question: Tensor) -> Tensor:
        """Pictures and what stands behind them, equally long: (n, places and tokens, width)."""
        embeddings = self.language.get_input_embeddings()
        after = torch.tensor(
            [self._prompts[number].after for number in question.tolist()],
            dtype=torch.int64,
            device=seen.device,
        )
        return torch.cat([seen.to(embeddings.weight.dtype), embeddings(after)], dim=1)

    def _read(self, embeddings: Tensor, cache):
        return self.language.get_decoder()(inputs_embeds=embeddings, cache=cache, use_cache=True)

    @torch.inference_mode()
    def write(self, seen: Tensor, question: Tensor) -> list[str]:
        """Answers by greedy generation, up to what ends them or the template's longest.

        A picture of which the projection gives no number is answered with nothing.

        Args:
            seen: The projection's output, (n, places, width).
            question: int64 (n,).
        """
        found = [""] * len(question)
        for rows in self._alike(question):
            rows = rows[torch.isfinite(seen[rows]).flatten(1).all(dim=1)]
            if not len(rows):
                continue
            cache, read, said = self._cache(question[rows]), self._shown_to(seen[rows], question[rows]), []
            ended = torch.zeros(len(rows), dtype=torch.bool, device=seen.device)
            for _ in range(self.template.longest):
                hidden = self._read(read, cache).last_hidden_state[:, -1]
                token = self.language.get_output_embeddings()(hidden).argmax(dim=-1)
                said.append(token)
                ended |= token == self._end
                if ended.all():
                    break
                read = self.language.get_input_embeddings()(token)[:, None]
            for row, tokens in zip(rows.tolist(), torch.stack(said, dim=1).tolist(), strict=True):
                end = tokens.index(self._end) if self._end in tokens else len(tokens)
                text = self._tokenizer.decode(tokens[:end], skip_special_tokens=True)
                found[row] = (text.split(self.template.end)[0] if self.template.end else text).strip()
        return found

    def _alike(self, question: Tensor) -> Iterator[Tensor]:
        """Numbers of examples whose prompts are equally long on both sides, one length after the other."""
        sizes = [tuple(map(len, prompt)) for prompt in self._prompts]
        known = {size: number for number, size in enumerate(sorted(set(sizes)))}
        kinds = torch.tensor([known[size] for size in sizes], device=question.device)[question]
        for kind in kinds.unique().tolist():
            yield torch.nonzero(kinds == kind)[:, 0]

    def _cache(self, question: Tensor):
        """A fresh cache with keys and values of what stands before each picture; they are equally long."""
        from transformers import DynamicCache

        embeddings = self.language.get_input_embeddings().weight
        known = (embeddings.dtype, embeddings.device)
        if known not in self._kept:
            self._kept[known] = self._read_befores(embeddings.device)
        numbers = [self._befores.index(self._prompts[number].before) for number in question.tolist()]
        chosen, rows = torch.tensor(numbers, device=question.device).unique(return_inverse=True)
        befores = [self._kept[known][number] for number in chosen.tolist()]
        cache = DynamicCache(config=self.language.config)
        for layer in range(len(befores[0])):
            keys, values = zip(*(before[layer] for before in befores), strict=True)
            cache.update(torch.cat(keys)[rows], torch.cat(values)[rows], layer)
        return cache

    def _read_befores(self, device: torch.device) -> list[list[tuple[Tensor, Tensor]]]:
        """Keys and values of the tokens before a picture, by layer, (1, heads, tokens, size) each."""
        from transformers import DynamicCache

        found = []
        # plain tensors, also where scoring reads prompts first: a training may use them later
        with torch.inference_mode(mode=False), torch.no_grad():
            for tokens in self._befores:
                cache = DynamicCache(config=self.language.config)
                embedded = self.language.get_input_embeddings()(torch.tensor([tokens], device=device))
                self._read(embedded, cache)
                found.append([(layer.keys, layer.values) for layer in cache.layers])
        return found


def _padded(answers: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor]:
    """Tokens of each question's answers as tensors.

    Returns:
        All tokens, int64 (questions, most answers, most tokens), `NOTHING` behind the last one, and the first
        of each answer, int64 (questions, most answers), -1 behind the last answer.
    """
    most = max(map(len, answers))
    longest = max(len(tokens) for each in answers for tokens in each)
    every = torch.full((len(answers), most, longest), NOTHING)
    first = torch.full((len(answers), most), -1)
    for question, each in enumerate(answers):
        for number, tokens in enumerate(each):
            every[question, number, : len(tokens)] = torch.tensor(tokens)
            first[question, number] = tokens[0]
    return every, first


def _single_at_least(values: Tensor) -> Tensor:
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def answering(
    language: Language, questions: Sequence[Question], generator: torch.Generator | None
) -> Network:
    """The network between small parts; the projection alone is trained and on memristors.

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
    return network_of_parts(projection, language, questions, SMALL)


def network_of_parts(
    projection: nn.Linear, language: Language, questions: Sequence[Question], template: Template
) -> Network:
    """The network that a projection and a frozen language model make.

    Args:
        projection: With the values that training starts from.
        language: Frozen.
        questions: Of the source.
        template: What stands around a picture, and how answers are given.
    """
    module = Answering(projection, language, questions, template)
    return Network(module, ANALOG, ACTIVATION_NOISE, {"language": language.sha256}, examples_at_once=AT_ONCE)


def said_of(module: nn.Module, batch: Batch) -> Output:
    """The output for a batch."""
    return module(batch.features, batch.question, batch.answer, batch.number >= 0)
