"""Glycans as examples: which part each is in, what their tokens are, and how some of them become a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from codesign.seeds import derived_seed
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.glycans.table import DECODED, KINGDOMS, TABLE, UNREADABLE, Trees, trees_of
from codesign.tasks.remote import kept
from codesign.tasks.splits import stratified

PARTS = ("test", "validation", "train")
PART_OF_FOLD = (0, 0, 1, 2, 2, 2, 2, 2, 2, 2)
"""Of the split by hash: folds 0 and 1 are for test, 2 for validation, 3 to 9 for training."""
CLUSTERED = 1
"""Version of how clusters are found and dealt out, in all its numbers: part of the name under which they are
kept. A change of any of them needs another."""
SHARES = (0.2, 0.1, 0.7)
"""Of the split by cluster: the same shares."""
POOLINGS, KEPT = 3, (4, 5)
"""Poolings of the network; numerator and denominator of the share of nodes that each keeps."""
SHOWN = 1500
"""Most test glycans on the map."""


class Glycan(NamedTuple):
    """One example."""

    tokens: Tensor
    """int64 (nodes,)."""
    parents: Tensor
    """int64 (nodes,): parent of each node within the glycan, -1 for the last residue."""
    target: Tensor
    """int64 (): number of the kingdom."""
    shown: Tensor
    """bool (): whether it is on the map."""
    unknown: int
    """The token that stands for every label not seen in training."""


class Layer(NamedTuple):
    """Which nodes are of which glycan, and how many top-k pooling keeps: it depends on sizes alone."""

    owners: Tensor
    """int64 (nodes,): the glycan of each node."""
    sizes: Tensor
    """int64 (n,): nodes of each glycan."""
    places: Tensor
    """int64 (kept,): of all nodes, glycan by glycan and in each from the highest score down, those kept."""


@dataclass(frozen=True)
class Batch:
    """Some glycans, their nodes one after the other."""

    tokens: Tensor
    """int64 (nodes,)."""
    parents: Tensor
    """int64 (nodes,): number in the batch of each node's parent; the number of nodes where there is none."""
    layers: tuple["Layer", ...]
    """Of the nodes there are at first, and behind each pooling."""
    targets: Tensor
    """int64 (n,): kingdoms."""
    shown: Tensor
    """bool (n,): whether each is on the map."""
    unknown: int
    """The token that stands for every label not seen in training."""
    keep: Tensor | None = None
    """float32 (n, values before the last layer): what dropout multiplies them with; None in evaluation."""

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Glycans:
    """Examples of one part, their nodes one after the other."""

    tokens: Tensor
    """int64 (nodes,)."""
    parents: Tensor
    """int64 (nodes,): within each glycan, -1 for the last residue."""
    starts: Tensor
    """int64 (n + 1,)."""
    targets: Tensor
    """int64 (n,)."""
    shown: Tensor
    """bool (n,)."""
    unknown: int
    """The token that stands for every label not seen in training; those seen are 0 ... unknown - 1."""
    source: DataSource | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Glycan:
        nodes = slice(int(self.starts[index]), int(self.starts[index + 1]))
        return Glycan(
            self.tokens[nodes], self.parents[nodes], self.targets[index], self.shown[index], self.unknown
        )

    def chosen(self, indices: Tensor) -> Batch:
        """The examples with these numbers, as a batch."""
        sizes = (self.starts[1:] - self.starts[:-1]).index_select(0, indices)
        nodes = _ranges(self.starts.index_select(0, indices), sizes)
        return _batch(
            self.tokens.index_select(0, nodes),
            self.parents.index_select(0, nodes),
            sizes,
            self.targets.index_select(0, indices),
            self.shown.index_select(0, indices),
            self.unknown,
        )


def collated(items: Sequence[Glycan]) -> Batch:
    """Examples as a batch."""
    tokens, parents, targets, shown, unknown = zip(*items, strict=True)
    sizes = torch.tensor([len(each) for each in tokens], device=tokens[0].device)
    return _batch(
        torch.cat(tokens), torch.cat(parents), sizes, torch.stack(targets), torch.stack(shown), unknown[0]
    )


def _batch(
    tokens: Tensor, parents: Tensor, sizes: Tensor, targets: Tensor, shown: Tensor, unknown: int
) -> Batch:
    layers = layers_of(sizes)
    firsts = (sizes.cumsum(0) - sizes).index_select(0, layers[0].owners)
    parents = torch.where(parents < 0, len(tokens), parents + firsts)
    return Batch(tokens, parents, layers, targets, shown, unknown)


def layers_of(sizes: Tensor) -> tuple[Layer, ...]:
    """Nodes at first and behind each of three poolings.

    Args:
        sizes: Nodes of each glycan, int64 (n,), each at least 1.
    """
    found = []
    for _ in range(POOLINGS + 1):
        owners = torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes)
        kept = shares_of(sizes)
        found.append(Layer(owners, sizes, _ranges(sizes.cumsum(0) - sizes, kept)))
        sizes = kept
    return tuple(found)


def shares_of(sizes: Tensor) -> Tensor:
    """Nodes that pooling keeps of graphs of these sizes: four fifths, rounded up.

    >>> shares_of(torch.tensor([1, 2, 4, 5, 6])).tolist()
    [1, 2, 4, 4, 5]
    """
    above, below = KEPT
    return (above * sizes + below - 1) // below


def _ranges(starts: Tensor, sizes: Tensor) -> Tensor:
    """start, start + 1, ..., of so many numbers, one range after the other.

    >>> _ranges(torch.tensor([5, 0]), torch.tensor([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    shifts = starts - (sizes.cumsum(0) - sizes)
    return torch.arange(int(sizes.sum()), device=sizes.device) + torch.repeat_interleave(shifts, sizes)


def parts_of(trees: Trees, settings: DataSettings) -> Tensor:
    """Number in `PARTS` of each glycan, int64 (n,), as the option `split` asks: `hash` | `cluster`."""
    split = settings.needed("split")
    if split == "hash":
        return torch.tensor(PART_OF_FOLD)[trees.folds]
    if split != "cluster":
        raise ValueError(f"split must be hash or cluster, got {split!r}")
    return clustered(trees, settings)["parts"]


def clustered(trees: Trees, settings: DataSettings) -> Mapping[str, Tensor]:
    """`clusters` and `parts` of the split by cluster, int64 (n,) each; from the cache where they are kept."""

    def make() -> dict[str, Tensor]:
        from codesign.tasks.glycans.chains import chain_counts, cluster_parts, clusters

        found = clusters(chain_counts(trees))
        parts = cluster_parts(found, trees.kingdoms.numpy(), SHARES)
        return {"clusters": torch.from_numpy(found), "parts": torch.from_numpy(parts)}

    which = f"kingdoms-{settings.needed('kingdoms')}-nodes-{settings.needed('nodes')}"
    return kept(settings.cache, f"glycans/{TABLE.sha256[:16]}-{DECODED}-{which}-clusters-{CLUSTERED}", make)


class Division(NamedTuple):
    """Which glycans are in which part, and what is known from training."""

    trees: Trees
    members: dict[str, Tensor]
    """Part to the numbers of its glycans, ascending; those that the experiment uses."""
    tokens: Tensor
    """int64 (labels,): token of each label, in the order of the labels; `unknown` where training has none."""
    unknown: int
    """How many labels training has; the token of all others."""
    obtained: str
    """mirror | embedded."""


def divided(settings: DataSettings) -> Division:
    """The glycans of an experiment, divided.

    `train_size` among the options takes that many of the training part, evenly over the kingdoms, and with it
    only as many validation examples as `validation_fraction` asks for beside them, at most all; `test_size`
    takes that many of the test part. Tokens are the labels of the training examples that are used.

    Raises:
        ValueError: More are asked for than there are, or a kingdom has no training example.
    """
    trees, obtained = trees_of(settings)
    part = parts_of(trees, settings)
    members = {name: torch.nonzero(part == k)[:, 0] for k, name in enumerate(PARTS)}
    size = settings.options.get("train_size")
    if size is not None:
        share = settings.validation_fraction
        beside = min(len(members["validation"]), max(1, round(size * share / (1 - share))))
        members["train"] = _some(trees, members["train"], size, settings, "train")
        members["validation"] = _some(trees, members["validation"], beside, settings, "validation")
    size = settings.options.get("test_size")
    if size is not None:
        members["test"] = _some(trees, members["test"], size, settings, "test")
    counts = torch.bincount(trees.kingdoms[members["train"]], minlength=settings.needed("kingdoms"))
    if not counts.all():
        name = KINGDOMS[int(counts.argmin())]
        raise ValueError(
            f"{name} has no training example of {len(members['train'])}: allow more nodes than "
            f"{settings.needed('nodes')}, a larger train_size, or fewer kingdoms than {len(counts)}"
        )
    trained = torch.zeros(len(part), dtype=torch.bool)
    trained[members["train"]] = True
    known = torch.zeros(len(trees.labels), dtype=torch.bool)
    known[trees.nodes[trained[trees.owners]]] = True
    tokens = torch.where(known, known.cumsum(0) - 1, known.sum())
    return Division(trees, members, tokens, int(known.sum()), obtained)


def _some(trees: Trees, members: Tensor, size: int, settings: DataSettings, part: str) -> Tensor:
    if size == len(members):
        return members
    generator = torch.Generator().manual_seed(derived_seed(settings.seed, "glycans", part))
    try:
        return members[stratified(trees.kingdoms[members], size, generator=generator)]
    except ValueError as error:
        raise ValueError(f"glycans, {part} examples: {error}") from None


def examples_of(division: Division, part: str, settings: DataSettings) -> Glycans:
    """The examples of a part, in the table's order.

    Of a test part with more than 1,500 examples, that many are drawn for the map.
    """
    trees, members = division.trees, division.members[part]
    shown = torch.ones(len(members), dtype=torch.bool)
    if len(members) > SHOWN:
        generator = torch.Generator().manual_seed(derived_seed(settings.seed, "glycans", "map"))
        shown[torch.randperm(len(members), generator=generator)[SHOWN:]] = False
    sizes = trees.starts.diff()[members]
    nodes = _ranges(trees.starts[members], sizes)
    return Glycans(
        division.tokens[trees.nodes[nodes]],
        trees.parents[nodes],
        torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)]),
        trees.kingdoms[members],
        shown,
        division.unknown,
        _source(division, settings),
    )


def _source(division: Division, settings: DataSettings) -> DataSource:
    unread = division.trees.left_out[UNREADABLE]
    variant = f"{settings.needed('kingdoms')} kingdoms by {settings.needed('split')}, {unread} unreadable"
    return DataSource("glycowork glycans", division.obtained, variant, TABLE.sha256)
