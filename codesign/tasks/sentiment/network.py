"""GTS-BiLSTM: a tag for each pair of words, from what two recurrent layers say of both.

Source:
    Wu et al. (2020), Findings of EMNLP, 2576, Sect. 3.3 and 3.4; layers as in the published code
    (github.com/NJUNLP/GTS, code/NNModel), without its pretrained embeddings.
"""

import math

import torch
from torch import Tensor, nn

from codesign.models.sizes import scaled
from codesign.tasks.sentiment.annotated import TAGS
from codesign.tasks.sentiment.sentences import Batch

HIDDEN, VALUES = 50, 400
"""Of the published network: states of a direction, values of a word (300 general and 100 of the domain)."""
SPREAD = 0.1
"""Standard deviation of the embedding's starting values."""
DIRECTIONS = ("forwards", "backwards")
RECURRENT = tuple(f"{direction}.{matrix}" for direction in DIRECTIONS for matrix in ("read", "recur"))
MODULES = (*RECURRENT, "tag", "infer")


def analog(rounds: int) -> tuple[str, ...]:
    """Parameters on memristors: the four matrices of the recurrent layer, and those of the pair layers.

    The embedding is read and not multiplied; the attention multiplies activations with each other.
    """
    return tuple(f"{name}.weight" for name in activation_noise(rounds))


def activation_noise(rounds: int) -> tuple[str, ...]:
    """Modules whose input is noised: all that have a matrix, the recurrent ones at every word anew."""
    return MODULES if rounds else MODULES[:-1]


class Direction(nn.Module):
    """An LSTM that reads one way.

    torch.nn.LSTM keeps the states between words to itself. Here `recur` is a module that is called at each
    word, so that noise on activations reaches the states that it reads, as it reaches all that matrices read.

    Source:
        Gers, Schmidhuber, Cummins (2000), Neural Computation 12, 2451; gates in the order of torch.nn.LSTM,
        and one of its two biases.
    """

    def __init__(self, values: int, hidden: int, *, backwards: bool) -> None:
        super().__init__()
        self.backwards = backwards
        self.read = nn.Linear(values, 4 * hidden)
        self.recur = nn.Linear(hidden, 4 * hidden, bias=False)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """States behind each word.

        Args:
            x: (n, longest, values).
            there: (n, longest, 1): 1 for a word, 0 beyond a sentence's end, where states are 0.

        Returns:
            (n, longest, hidden).
        """
        given = self.read(x).unbind(1)
        words = there.to(x.dtype).unbind(1)
        state = memory = x.new_zeros(len(x), self.recur.in_features)
        order = range(len(given))
        found: list[Tensor] = [state] * len(given)
        for k in reversed(order) if self.backwards else order:
            take, forget, new, give = (given[k] + self.recur(state)).chunk(4, dim=1)
            memory = (forget.sigmoid() * memory + take.sigmoid() * new.tanh()) * words[k]
            state = found[k] = give.sigmoid() * memory.tanh() * words[k]
        return torch.stack(found, dim=1)


class GridTagger(nn.Module):
    """Embedding, BiLSTM, attention, and a tag for each pair of words in a few rounds.

    Parameters are NaN until `started` or `load_state_dict` gives them values.
    """

    def __init__(self, *, tokens: int, rounds: int, width: float = 1.0) -> None:
        """Make the network; nothing is drawn.

        Args:
            tokens: Words known from training; one more row of the embedding is for all others.
            rounds: Of inference, behind the first tags; 0 has none.
            width: Factor on states and values of a word.

        Raises:
            ValueError: Fewer rounds than 0.
        """
        super().__init__()
        if rounds < 0:
            raise ValueError(f"rounds must be at least 0, got {rounds}")
        self.rounds = rounds
        hidden, values = scaled(HIDDEN, width), scaled(VALUES, width)
        pair = 4 * hidden
        with torch.device("meta"):  # shapes only: the default start would use the global generator
            self.embedding = nn.Embedding(tokens + 1, values)
            self.forwards = Direction(values, hidden, backwards=False)
            self.backwards = Direction(values, hidden, backwards=True)
            self.tag = nn.Linear(pair, TAGS)
            if rounds:
                self.infer = nn.Linear(pair + 3 * TAGS, pair)
        self.to_empty(device="cpu")
        for parameter in self.parameters():
            nn.init.constant_(parameter, math.nan)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the tags of each cell, (cells, 6)."""
        longest = batch.tokens.shape[1]
        there = (torch.arange(longest, device=batch.tokens.device) < batch.lengths[:, None])[:, :, None]
        x = self.embedding(batch.tokens)
        if batch.keep is not None:
            x = x * batch.keep
        h = torch.cat([self.forwards(x, there), self.backwards(x, there)], dim=2)  # (n, longest, 2 hidden)
        h = (h + attended(h, there)).flatten(0, 1)
        z = torch.cat([h.index_select(0, batch.rows), h.index_select(0, batch.columns)], dim=1)
        logits = self.tag(z)
        for _ in range(self.rounds):
            p = logits.softmax(dim=1)
            of_word = largest(p, batch.around)  # (n x longest, 6)
            q = [z, of_word.index_select(0, batch.rows), of_word.index_select(0, batch.columns), p]
            z = self.infer(torch.cat(q, dim=1))
            logits = self.tag(z)
        return logits


def attended(h: Tensor, there: Tensor) -> Tensor:
    """Each word's mean over the sentence, weighed by the softmax of the products of states.

    Args:
        h: (n, longest, values).
        there: (n, longest, 1), whether there is a word.

    Returns:
        Of the shape of `h`; not used beyond a sentence's end.
    """
    products = torch.bmm(h, h.transpose(1, 2)).masked_fill(~there.transpose(1, 2), -torch.inf)
    return torch.bmm(products.softmax(dim=2), h)


def largest(p: Tensor, around: Tensor) -> Tensor:
    """For each word and tag the largest probability among the cells that the word is in.

    Args:
        p: (cells, tags).
        around: (n, longest, longest), as in `Batch`.

    Returns:
        (n x longest, tags); 0 beyond a sentence's end.
    """
    padded = torch.cat([p, p.new_zeros(1, p.shape[1])])  # a probability is never below 0
    n, longest, _ = around.shape
    cells = padded.index_select(0, around.flatten()).view(n * longest, longest, -1)
    return cells.amax(dim=1)


def started(network: GridTagger, generator: torch.Generator) -> GridTagger:
    """Give every parameter its starting value, drawn from `generator` alone.

    The embedding normal with deviation 0.1: with torch's 1 a word stays much what was drawn for it, and words
    of one meaning learn little from each other. Recurrent matrices and biases uniform between -1 and 1 over
    the root of the number of states, of linear layers over the root of the number of inputs, as torch's own.

    Returns:
        The same `network`.
    """
    nn.init.normal_(network.embedding.weight, std=SPREAD, generator=generator)
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            direction = name.partition(".")[0]
            recurrent = direction in DIRECTIONS
            inputs = network.get_submodule(direction).recur.in_features if recurrent else module.in_features
            for parameter in module.parameters(recurse=False):
                bound = 1 / math.sqrt(inputs)
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return network
