"""Networks that read an antibody and an antigen: two convolutional branches, and two graphs beside them."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from codesign.models.network import Network
from codesign.models.sizes import scaled
from codesign.tasks.antibodies.pairs import Batch
from codesign.tasks.antibodies.sequences import OUTSIDE, PADDING, SYMBOLS

FILTERS, FEATURES = 64, 32
"""Of the published CNN: filters of a branch, values that it gives."""
HIDDEN = 512
"""Of the published graph network."""
PAIRS_AT_ONCE = 100_000
"""Pairs of a forward pass where nothing is learnt: sequences that pairs share are encoded once."""


def letters() -> Tensor:
    """What a convolution sees of each symbol, (SYMBOLS, 22).

    One-hot for the residues and for an uncertain one, 1/22 everywhere for padding, 0 beyond the ends.
    """
    table = torch.zeros(SYMBOLS, PADDING + 1)
    table[:PADDING, :PADDING] = torch.eye(PADDING)
    table[PADDING] = 1 / (PADDING + 1)
    return table


class Dropout(nn.Module):
    """Dropout whose draws come from a seed and a count of its own, so that a resumed training repeats them.

    Seed and count are buffers: they are kept with the weights and in checkpoints.
    """

    def __init__(self, rate: float) -> None:
        """Drop each value with probability `rate`, 0 <= rate < 1."""
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {rate}")
        self.rate = rate
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """`x` with values dropped and the rest enlarged while training; as it is otherwise."""
        if not self.training or self.rate == 0:
            return x
        draw = torch.Generator(device=x.device)
        draw.manual_seed((int(self.seed) + 0x9E3779B97F4A7C15 * int(self.draws)) % 2**63)
        self.draws += 1
        stays = torch.rand(x.shape, generator=draw, device=x.device) >= self.rate
        return x * stays / (1 - self.rate)


class _Larger(torch.autograd.Function):
    """The larger of two, whose gradient goes to one of both: torch.maximum halves it where they are equal, at
    a cost of several passes. Windows that are equal here are the same residues, so that both ways agree."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a >= b)
        return torch.maximum(a, b)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        (first,) = ctx.saved_tensors
        left = gradient * first
        return left, gradient - left


def larger(a: Tensor, b: Tensor) -> Tensor:
    """The larger of two tensors of the same shape, element by element; what is not a number stays so."""
    return _Larger.apply(a, b)


class Branch(nn.Module):
    """Mason's CNN up to its dense layer: convolution of width 2, dropout, maximum of neighbours, linear.

    A window of the convolution holds two residues and the maximum is over two windows, so what comes out at a
    place depends on three neighbouring residues. Where no dropout stands between, the convolution is run once
    on all two-residue windows, the maximum makes a table of all three-residue ones, and sequences are looked
    up in it. The module `conv` does the arithmetic either way: hooks see it, and its weights may be noisy.

    Source:
        Mason et al. (2021), Nature Biomedical Engineering 5, 600 (DMS_opt, light-chain variant).
    """

    def __init__(self, *, length: int, filters: int, features: int, dropout: float) -> None:
        """Make the layers.

        Args:
            length: Places of a sequence.
            filters: Of the convolution.
            features: Values given for a sequence.
            dropout: Rate between convolution and maximum.
        """
        super().__init__()
        self.conv = nn.Conv1d(PADDING + 1, filters, kernel_size=2)  # the places beyond both ends are symbols
        self.dropout = Dropout(dropout)
        self.linear = nn.Linear(length * filters, features)
        self.register_buffer("letters", letters(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Features, (n, features), of sequences of symbols, (n, length)."""
        ends = torch.full((len(tokens), 1), OUTSIDE, dtype=tokens.dtype, device=tokens.device)
        tokens = torch.cat([ends, tokens, ends], dim=1)
        plain = self.training and self.dropout.rate > 0
        return self.linear((self.plain if plain else self.looked_up)(tokens).flatten(1))

    def plain(self, tokens: Tensor) -> Tensor:
        """(n, length, filters) of (n, length + 2) symbols, by convolving each sequence."""
        x = self.letters[tokens].transpose(1, 2)  # (n, 22, length + 2)
        x = self.dropout(self.conv(x))  # (n, filters, length + 1)
        return larger(x[:, :, :-1], x[:, :, 1:]).transpose(1, 2)

    def looked_up(self, tokens: Tensor) -> Tensor:
        """The same without dropout, by tables of windows; the maximum is taken where fewer numbers are."""
        one = self.letters[:, :, None].expand(-1, -1, SYMBOLS)  # (first, 22, second)
        two = self.letters.T[None].expand(SYMBOLS, -1, -1)
        windows = torch.stack([one, two], dim=-1).permute(0, 2, 1, 3).reshape(SYMBOLS**2, PADDING + 1, 2)
        pair = self.conv(windows).flatten(1)  # (first and second, filters)
        codes = tokens[:, :-1] * SYMBOLS + tokens[:, 1:]  # (n, length + 1)
        if codes.numel() < SYMBOLS**3:
            x = pair[codes]
            return larger(x[:, :-1], x[:, 1:])
        pair = pair.reshape(SYMBOLS, SYMBOLS, -1)
        shape = (SYMBOLS, SYMBOLS, SYMBOLS, -1)
        triple = larger(pair[:, :, None].expand(shape), pair[None].expand(shape)).flatten(0, 2)
        return triple[codes[:, :-1] * SYMBOLS + tokens[:, 2:]]


class Fusion(nn.Module):
    """Both branches, the antigen's first, and two linear layers: the part that the two networks share."""

    def __init__(
        self, *, lengths: tuple[int, int], filters: int, features: int, hidden: int, last: int, dropout: float
    ) -> None:
        """Make the layers.

        Args:
            lengths: Places of an antibody and of an antigen; without antigen the second is 0.
            filters: Of each branch.
            features: Values of each branch.
            hidden: Between the two linear layers.
            last: Values given for a pair.
            dropout: Rate inside the branches.
        """
        super().__init__()
        sizes = {"filters": filters, "features": features, "dropout": dropout}
        self.antibody = Branch(length=lengths[0], **sizes)
        self.antigen = Branch(length=lengths[1], **sizes) if lengths[1] else None
        self.fuse = nn.Linear(features * (2 if lengths[1] else 1), hidden)
        self.out = nn.Linear(hidden, last)
        self.activation = nn.ELU()

    def forward(self, batch: Batch) -> Tensor:
        """(pairs, last)."""
        x = self.antibody(batch.antibody_tokens)[batch.antibody]
        if self.antigen is not None:
            x = torch.cat([self.antigen(batch.antigen_tokens)[batch.antigen], x], dim=1)
        return self.out(self.activation(self.fuse(self.activation(x))))


class Mason(nn.Module):
    """Mason's CNN twice, fused: the comparison network of DeepAAI. One logit a pair.

    At width 1 and lengths 344 and 912 it has 2,580,225 parameters.

    Source:
        Mason et al. (2021), Nature Biomedical Engineering 5, 600; Zhang et al. (2022), Nature Machine
        Intelligence 4, 964, whose two logits are one here: the same function.
    """

    def __init__(self, *, lengths: tuple[int, int], width: float, dropout: float) -> None:
        """Make the layers; `width` is a factor on filters and hidden values."""
        super().__init__()
        features = scaled(FEATURES, width)
        self.pair = Fusion(
            lengths=lengths,
            filters=scaled(FILTERS, width),
            features=features,
            hidden=features,
            last=1,
            dropout=dropout,
        )

    def forward(self, batch: Batch) -> Tensor:
        """Logits, (pairs,): above 0 the antibody is said to neutralise."""
        return self.pair(batch)[:, 0]


class GraphConvolution(nn.Module):
    """A linear layer behind a normalised adjacency: D^-1/2 A D^-1/2 x W + b, with D = sum of ReLU(A)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, features)

    def forward(self, groups: list[Tensor], adjacencies: list[Tensor]) -> list[Tensor]:
        """Nodes of several graphs, through the linear layer at once: one matrix, read once."""
        mixed = [laplacian(adjacency) @ x for x, adjacency in zip(groups, adjacencies, strict=True)]
        return list(self.linear(torch.cat(mixed)).split([len(x) for x in mixed]))


def laplacian(adjacency: Tensor) -> Tensor:
    """D^-1/2 A D^-1/2 with degrees from the positive entries, (n, n); a node without any keeps 0."""
    degree = adjacency.relu().sum(dim=1)
    root = torch.where(degree > 0, degree.clamp_min(1e-12).rsqrt(), 0.0)
    return root[:, None] * adjacency * root[None]


class Relation(nn.Module):
    """DeepAAI with k-mers and embeddings: two relation graphs that are learnt, beside Mason's branches.

    Nodes are all antibodies and all antigens of the part; the values of a node are its standardised k-mer
    counts. Two nodes are related by the cosine of what a linear layer and a hyperbolic tangent make of them.
    At hidden 512, 64 filters, lengths 344 and 912 and 1,917 k-mers it has 45,753,474 parameters; at hidden
    64, 16 filters and lengths 272 and 912, 1,501,026.

    Source:
        Zhang et al. (2022), Nature Machine Intelligence 4, 964. Layers that both graphs share are run once on
        the nodes of both.
    """

    def __init__(
        self, *, lengths: tuple[int, int], words: int, hidden: int, filters: int, dropout: float
    ) -> None:
        """Make the layers; `words` is the number of k-mers, `dropout` the rate outside the branches too."""
        super().__init__()
        self.antibody_words, self.antigen_words = nn.Linear(words, hidden), nn.Linear(words, hidden)
        self.shared = nn.Linear(hidden, hidden)
        self.antibody_relation, self.antigen_relation = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.graph1, self.graph2 = GraphConvolution(hidden), GraphConvolution(hidden)
        self.related = nn.Linear(2 * hidden, hidden)
        self.local = Fusion(
            lengths=lengths, filters=filters, features=hidden, hidden=hidden, last=hidden, dropout=dropout
        )
        self.merge = nn.Parameter(torch.ones(1))
        self.predict = nn.Linear(hidden, 1)
        self.activation = nn.ELU()
        self.drops = nn.ModuleList(Dropout(dropout) for _ in range(5))

    def forward(self, batch: Batch) -> Tensor | tuple[Tensor, Tensor]:
        """Logits, (pairs,); while training also the sum of both adjacencies' norms, which the loss weighs."""
        nodes, norms = self._nodes(batch)
        pair = [nodes[1][batch.antigen_node], nodes[0][batch.antibody_node]]
        wide = self.related(self.drops[3](self.activation(torch.cat(pair, dim=1))))
        near = self.local(batch)
        both = self.drops[4](self.activation(wide + near + wide * near * self.merge))
        logits = self.predict(both)[:, 0]
        return (logits, norms) if self.training else logits

    def _nodes(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        """Values of antibodies and antigens behind the graphs, and the sum of the adjacencies' norms."""
        counts = [len(batch.antibody_words), len(batch.antigen_words)]
        first = [self.antibody_words(batch.antibody_words), self.antigen_words(batch.antigen_words)]
        total = self.shared(self.drops[0](self.activation(torch.cat(first))))
        x = self.drops[1](self.activation(total)).split(counts)
        relations = (self.antibody_relation, self.antigen_relation)
        found = [normalize(relation(each).tanh(), dim=1) for relation, each in zip(relations, x, strict=True)]
        adjacencies = [each @ each.T for each in found]
        total = total + torch.cat(self.graph1(list(x), adjacencies))
        x = self.drops[2](self.activation(total)).split(counts)
        total = total + torch.cat(self.graph2(list(x), adjacencies))
        norms = torch.stack([torch.linalg.vector_norm(each) for each in adjacencies]).sum()
        return list(self.activation(total).split(counts)), norms


def mason(
    *, lengths: tuple[int, int], width: float, dropout: float, generator: torch.Generator | None
) -> Network:
    """Mason's CNN with its starting values, and what its parts are.

    On memristors: both convolutions and all four linear layers. Noise on activations: the inputs of the
    linear layers; that of a convolution is data. Under it, pairs of a batch that share a sequence share its
    draw, as the sequence is encoded once.

    Args:
        lengths: Places of an antibody and of an antigen; without antigen the second is 0.
        width: Factor on filters and hidden values.
        dropout: Rate inside the branches.
        generator: Draws starting values and the dropout's seed; None leaves parameters at NaN.
    """
    with torch.device("meta"):
        module = Mason(lengths=lengths, width=width, dropout=dropout)
    started(module, generator)
    return _network(module, data=("conv",))


def relation(
    *,
    lengths: tuple[int, int],
    words: int,
    hidden: int,
    filters: int,
    dropout: float,
    generator: torch.Generator | None,
) -> Network:
    """The graph network with its starting values, and what its parts are; arguments as in `Relation`.

    On memristors: every matrix. Noise on activations: the inputs of all but the convolutions and the two
    layers that read k-mers, which are given data. What a graph convolution multiplies is noised behind the
    adjacency, which is digital: it depends on the data.
    """
    with torch.device("meta"):
        module = Relation(lengths=lengths, words=words, hidden=hidden, filters=filters, dropout=dropout)
    started(module, generator, glorot=[name for name in _matrices(module) if not name.startswith("local.")])
    return _network(module, data=("conv", "antibody_words", "antigen_words"))


def _matrices(module: nn.Module) -> list[str]:
    """Modules with a weight matrix, in the module's order."""
    return [name for name, part in module.named_modules() if isinstance(part, nn.Linear | nn.Conv1d)]


def _network(module: nn.Module, *, data: tuple[str, ...]) -> Network:
    owners = _matrices(module)
    noisy = tuple(name for name in owners if name.rpartition(".")[2] not in data)
    return Network(
        module,
        analog=tuple(f"{name}.weight" for name in owners),
        activation_noise=noisy,
        examples_at_once=PAIRS_AT_ONCE,
    )


def started(module: nn.Module, generator: torch.Generator | None, *, glorot: list[str] | tuple = ()) -> None:
    """Give a module that was made without memory its values.

    Weights and biases are uniform within 1 / sqrt(fan-in), as the published code leaves them to its library;
    in the modules of `glorot`, weights are uniform within sqrt(6 / (fan-in + fan-out)) and biases 0.

    Args:
        module: On the meta device; afterwards on the CPU.
        generator: Draws everything; None leaves parameters at NaN.
        glorot: Names of modules.

    Source:
        He, Zhang, Ren, Sun (2015), arXiv 1502.01852; Glorot and Bengio (2010), AISTATS 9, 249.
    """
    module.to_empty(device="cpu")
    for parameter in module.parameters():
        nn.init.constant_(parameter, math.nan)
    for name, part in module.named_modules():
        if isinstance(part, Branch):
            part.letters = letters()
        elif isinstance(part, Dropout):
            part.seed.zero_()
            part.draws.zero_()
            if generator is not None:
                part.seed.copy_(torch.randint(2**62, (), generator=generator))
        elif isinstance(part, Relation):
            nn.init.ones_(part.merge)
        elif isinstance(part, nn.Linear | nn.Conv1d) and generator is not None:
            fan_in = part.weight[0].numel()
            if name in glorot:
                bound = math.sqrt(6 / (fan_in + len(part.weight)))
                nn.init.zeros_(part.bias)
            else:
                bound = 1 / math.sqrt(fan_in)
                nn.init.uniform_(part.bias, -bound, bound, generator=generator)
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
