"""SweetNet: graph convolutions over a glycan's residues and linkages.

Everything is in plain torch: a batch is one graph of many trees, sums over neighbours are `index_add`.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, leaky_relu

from codesign.models.selection import Selection
from codesign.models.sizes import scaled
from codesign.tasks.glycans.examples import POOLINGS, Batch, Layer

CHANNELS, HIDDEN, LAST = 128, 1024, 64
"""Features of a node, and outputs of the first two linear layers, of the published network."""
POOLING = ("topk", "none")
EDGES = ("up", "down", "both")
STEPS = 1 << 16
"""Steps of a score between 0 and 1 that pooling tells apart."""
SPARSITY, SPREAD = 0.1, 0.01
"""Share of zeros among the starting weights of a linear layer, and standard deviation of the others."""
ANALOG = (
    *(f"conv{k}.{matrix}.weight" for k in (1, 2, 3) for matrix in ("lin_rel", "lin_root")),
    *(f"linear{k}.weight" for k in (1, 2, 3)),
)
"""On memristors. The embedding is read and not multiplied; the score vectors of the poolings (128 numbers a
layer, against 32,768 of its matrices) rank nodes, which digital electronics does, and stay with it."""
ACTIVATION_NOISE = ("conv1", "conv2", "conv3", "linear1", "linear2")
"""Modules whose input is noised: node features, once for both matrices of a convolution; not the last
layer."""


class Output(NamedTuple):
    """What the network gives for each glycan."""

    logits: Tensor
    """(n, kingdoms)."""
    features: Tensor
    """(n, 64): what the second linear layer gives."""


class GraphConvolution(nn.Module):
    """`lin_rel` of the sum over neighbours, plus `lin_root` of the node itself.

    Source:
        Morris et al. (2019), arXiv 1810.02244, Sect. 4, as torch_geometric's GraphConv.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lin_rel = nn.Linear(channels, channels)
        self.lin_root = nn.Linear(channels, channels, bias=False)

    def forward(self, x: Tensor, parents: Tensor, edges: str) -> Tensor:
        """Features of the nodes behind the convolution.

        Args:
            x: (nodes, channels).
            parents: Number of each node's parent, (nodes,); the number of nodes where there is none.
            edges: up: from a node to its parent | down | both.

        Returns:
            (nodes, channels).
        """
        # the row behind the last stands for a parent that is not there
        gathered = x.new_zeros(len(x) + 1, x.shape[1])
        if edges != "down":
            gathered = gathered.index_add(0, parents, x)
        gathered = gathered[:-1]
        if edges != "up":
            gathered = gathered + nn.functional.pad(x, (0, 0, 0, 1)).index_select(0, parents)
        return self.lin_rel(gathered) + self.lin_root(x)


class TopShare(Selection):
    """Of each graph the four fifths of the nodes with the highest scores, rounded up.

    Scores are told apart in steps of 1 / 65,536. Nodes that carry the same have the same score but for
    rounding, which depends on the batch; so the one that comes first in its string is kept, whatever batch it
    is in. A score that is not a number comes first, so that it is not lost from sight.
    """

    def forward(self, scores: Tensor, layer: Layer) -> Tensor:
        """Numbers of the nodes kept, ascending.

        Args:
            scores: -1 ... 1, (nodes,).
            layer: Of these nodes.
        """
        steps = (scores.detach() * STEPS).round().nan_to_num(nan=2.0 * STEPS).long()
        # graph by graph, high scores first
        order = torch.sort(layer.owners * (8 * STEPS) - steps, stable=True).indices
        return order.index_select(0, layer.places).sort().values


class Pooling(nn.Module):
    """Top-k pooling: each node's features times its score, of the nodes with the highest scores.

    Source:
        Cangea et al. (2018), arXiv 1811.01287, Eq. 2; Gao and Ji (2019), arXiv 1905.05178, as
        torch_geometric's TopKPooling.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, channels))
        self.selection = TopShare()

    def forward(self, x: Tensor, layer: Layer) -> tuple[Tensor, Tensor]:
        """Features of the nodes kept, (kept, channels), and their numbers, (kept,)."""
        with torch.autocast(x.device.type, enabled=False):  # steps between nodes need single precision
            wide = torch.promote_types(x.dtype, torch.float32)
            weight = self.weight[0].to(wide)
            scores = torch.tanh(torch.mv(x.to(wide), weight / weight.norm()))
        kept = self.selection(scores, layer)
        return x.index_select(0, kept) * scores.to(x.dtype).index_select(0, kept)[:, None], kept


class Normalisation(nn.BatchNorm1d):
    """Batch normalisation that takes a batch of one example.

    One example has no variance: it is normalised by the running statistics, as in evaluation, and they do not
    change. A last batch of one is so neither lost nor an error.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, features) to the same."""
        if self.training and len(inputs) == 1:
            return batch_norm(
                inputs,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                training=False,
                eps=self.eps,
            )
        return super().forward(inputs)


class SweetNet(nn.Module):
    """The published network; its parameters are NaN until `started` or `load_state_dict` gives them values.

    Source:
        Burkholz, Quackenbush, Bojar (2021), Cell Reports 35, 109251.
    """

    def __init__(
        self, *, tokens: int, classes: int, pooling: str = "topk", edges: str = "up", width: float = 1.0
    ) -> None:
        """Make the network; nothing is drawn.

        Args:
            tokens: Labels known from training; one more row of the embedding is for all others.
            classes: Kingdoms.
            pooling: topk | none, after each convolution.
            edges: up: from a node to its parent, as published | down | both.
            width: Factor on the features of nodes and hidden layers.

        Raises:
            ValueError: Another pooling or edges.
        """
        super().__init__()
        for what, value, known in (("pooling", pooling, POOLING), ("edges", edges, EDGES)):
            if value not in known:
                raise ValueError(f"{what} must be {', '.join(known[:-1])} or {known[-1]}, got {value!r}")
        self.edges = edges
        channels, hidden, last = (scaled(size, width) for size in (CHANNELS, HIDDEN, LAST))
        with torch.device("meta"):  # shapes only: the default start would use the global generator
            self.embedding = nn.Embedding(tokens + 1, channels)
            for k in range(1, POOLINGS + 1):
                self.add_module(f"conv{k}", GraphConvolution(channels))
                if pooling == "topk":
                    self.add_module(f"pool{k}", Pooling(channels))
            self.linear1, self.norm1 = nn.Linear(2 * channels, hidden), Normalisation(hidden)
            self.linear2, self.norm2 = nn.Linear(hidden, last), Normalisation(last)
            self.linear3 = nn.Linear(last, classes)
        self.to_empty(device="cpu")
        for parameter in self.parameters():
            nn.init.constant_(parameter, math.nan)
        for norm in (self.norm1, self.norm2):
            norm.reset_running_stats()

    def forward(self, batch: Batch) -> Output:
        """Logits and features of each glycan."""
        x, parents, layer = self.embedding(batch.tokens), batch.parents, batch.layers[0]
        read = 0.0
        for k in range(1, POOLINGS + 1):
            x = leaky_relu(self.get_submodule(f"conv{k}")(x, parents, self.edges))
            pool = getattr(self, f"pool{k}", None)
            if pool is not None:
                x, kept = pool(x, layer)
                parents, layer = parents_among(kept, parents), batch.layers[k]
            read = read + readout(x, layer.owners, layer.sizes)
        x = self.norm1(leaky_relu(self.linear1(read)))
        features = self.linear2(x)
        x = self.norm2(leaky_relu(features))
        if batch.keep is not None:
            x = x * batch.keep
        return Output(self.linear3(x), features)


def parents_among(kept: Tensor, parents: Tensor) -> Tensor:
    """Parents of the nodes kept, by their new numbers, (kept,); the number of those kept where there is none.

    Args:
        kept: Numbers of the nodes kept, ascending.
        parents: Of all nodes, (nodes,); the number of nodes where there is none.
    """
    number = torch.full((len(parents) + 1,), len(kept), device=kept.device)
    number[kept] = torch.arange(len(kept), device=kept.device)
    return number.index_select(0, parents.index_select(0, kept))


class Largest(torch.autograd.Function):
    """The largest of each feature in each graph: (nodes, channels) to (graphs, channels).

    Equal largest values, as nodes that carry the same have, share the gradient evenly.
    torch's own gradient of `segment_reduce` is wrong for them.
    """

    @staticmethod
    def forward(ctx, x: Tensor, owners: Tensor, sizes: Tensor) -> Tensor:
        """Keep what the gradient needs."""
        largest = torch.segment_reduce(x, "max", lengths=sizes, axis=0, unsafe=True)
        ctx.save_for_backward(x, largest, owners)
        return largest

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """To the nodes that have the largest value."""
        x, largest, owners = ctx.saved_tensors
        found = (x == largest.index_select(0, owners)).to(gradient.dtype)
        number = torch.zeros_like(gradient).index_add(0, owners, found)
        return found.mul_((gradient / number).index_select(0, owners)), None, None


def readout(x: Tensor, owners: Tensor, sizes: Tensor) -> Tensor:
    """The largest and the mean of each feature in each graph, side by side.

    Args:
        x: (nodes, channels), graph by graph.
        owners: Graph of each node, (nodes,).
        sizes: Nodes of each graph, (graphs,), each at least 1.

    Returns:
        (graphs, 2 channels).
    """
    largest = Largest.apply(x, owners, sizes)
    total = torch.zeros_like(largest).index_add(0, owners, x)
    return torch.cat([largest, total / sizes[:, None]], dim=1)


def started(network: SweetNet, generator: torch.Generator) -> SweetNet:
    """Give every parameter its starting value, drawn from `generator` alone.

    The three linear layers start as published: in each column a tenth zeros, the rest normal with deviation
    0.01. All else starts as its own library has it: the embedding normal with deviation 1; matrices of
    convolutions, score vectors and biases uniform between -1 and 1 over the root of the number of inputs.

    Returns:
        The same `network`.

    Source:
        glycowork, `init_weights`; Martens (2010), ICML, Sect. 5, for the zeros.
    """
    for module in network.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=generator)
        elif isinstance(module, Pooling):
            _uniform(module.weight, module.weight.shape[1], generator)
        elif isinstance(module, nn.Linear):
            _uniform(module.weight, module.in_features, generator)
            if module.bias is not None:
                _uniform(module.bias, module.in_features, generator)
        elif isinstance(module, Normalisation):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    for layer in (network.linear1, network.linear2, network.linear3):
        rows, columns = layer.weight.shape
        order = torch.rand(rows, columns, generator=generator).argsort(dim=0)
        nn.init.normal_(layer.weight, std=SPREAD, generator=generator)
        with torch.no_grad():
            layer.weight[order < math.ceil(SPARSITY * rows)] = 0
    return network


def _uniform(parameter: Tensor, inputs: int, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(inputs)
    nn.init.uniform_(parameter, -bound, bound, generator=generator)
