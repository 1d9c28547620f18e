"""Which pairs are trained on, validated on and tested on, and how near the tested antibodies are to those."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from codesign.seeds import derived_seed
from codesign.tasks.antibodies import synthetic
from codesign.tasks.antibodies.neighbours import NOT_TESTED, answers, neighbours
from codesign.tasks.antibodies.pairs import Pairs
from codesign.tasks.antibodies.sequences import (
    alignment_scores,
    clusters,
    jaccard,
    kmer_counts,
    padded,
    words,
)
from codesign.tasks.antibodies.tables import HASH_FOLDS, PairTable, hash_fold, read_cov, read_hiv
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.remote import DataError, kept

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "synthetic": ("strains", "pairs"),
    "hiv": ("antibody_length", "antigen_length", "test"),
    "cov": ("antibody_length", "antigen_length", "antigen", "split", "fold"),
}
"""Options about the examples, and the sources they concern."""
MADE = 1
"""Version of alignments, clusters and the published filter, in all their numbers: part of the names under
which they are kept. A change of any of them needs another."""
FOLDS = HASH_FOLDS // 2
"""Divisions of the antibodies against SARS-CoV-2: two tenths are tested on in each."""
SIMILAR = (9, 10)
"""Ratio from which the published filter calls two sequences similar."""
ALIGNMENT_BANDS = (0.7, 0.8, 0.9)
"""Of the alignment similarity to the nearest seen antibody."""
JACCARD_BANDS = (0.5, 0.6, 0.7)
"""Of the 3-mer Jaccard similarity to it, where there are too many antibodies to align all."""


@dataclass(frozen=True)
class Material:
    """Everything that pairs of one source are made of."""

    antibodies: tuple[str, ...]
    antigens: tuple[str, ...]
    part: np.ndarray
    """Of each antibody: 0 train, 1 validation, 2 test, int64."""
    antibody: np.ndarray
    """Of each pair, int64 (n,)."""
    antigen: np.ndarray
    label: np.ndarray
    lengths: tuple[int, int]
    """Places of an antibody and of an antigen; 0 where networks are given no antigen."""
    measure: str
    """alignment | jaccard: what similarity of antibodies is."""
    source: DataSource
    groups: tuple[str, ...] = ()
    """Names of groups of tested antibodies; without any, bands of similarity stand for them."""
    group: np.ndarray | None = None
    """Of each antibody, its place in `groups`, -1 where none."""
    table: PairTable | None = None
    """What the published subset is chosen from; None where there is none. The choice reads test labels."""
    only_subset: bool = False
    """Whether the published subset alone is tested on."""

    def seen(self) -> np.ndarray:
        """Antibodies that are trained or validated on."""
        return np.flatnonzero(self.part < 2)

    def known(self) -> list[str]:
        """Sequences that features may be fitted to: seen antibodies, and all antigens."""
        return [self.antibodies[k] for k in self.seen()] + (list(self.antigens) if self.lengths[1] else [])


def material(settings: DataSettings) -> Material:
    """What the pairs of a source are made of.

    Raises:
        ValueError: An option is missing, or is not of this source.
        DataError: Published tables cannot be had, or are not what is expected.
    """
    _check(settings)
    return {"synthetic": _synthetic, "hiv": _hiv, "cov": _cov}[settings.source](settings)


def _check(settings: DataSettings) -> None:
    """Refuse options that mean nothing for the source."""
    for option in dict.fromkeys(option for options in OPTIONS.values() for option in options):
        if settings.options.get(option) is None or option in OPTIONS[settings.source]:
            continue
        of = " and ".join(source for source, options in OPTIONS.items() if option in options)
        raise ValueError(f"the option {option} is of the source {of}; {settings.source} examples have none")


def _synthetic(settings: DataSettings) -> Material:
    sizes = {name: settings.options[name] for name in OPTIONS["synthetic"] if settings.options.get(name)}
    made = synthetic.generated(settings.seed, **sizes)
    part = np.where(made.tested >= 0, 2, 0)
    return Material(
        antibodies=made.antibodies,
        antigens=made.antigens,
        part=_held_out(part, settings),
        antibody=made.antibody,
        antigen=made.antigen,
        label=made.label,
        lengths=(synthetic.ANTIBODY_LENGTH, synthetic.ANTIGEN_LENGTH),
        measure="alignment",
        source=DataSource("synthetic antibodies", "generated", "sites and lineages drawn at random", ""),
        groups=synthetic.GROUPS,
        group=made.tested,
    )


def _hiv(settings: DataSettings) -> Material:
    lengths = settings.needed("antibody_length"), settings.needed("antigen_length")
    which = settings.needed("test")
    table, source = read_hiv(settings)
    part = np.full(len(table.antibodies), 2)
    part[np.unique(table.antibody[table.seen])] = 0
    if which == "published-subset":
        source = replace(source, variant="published subset of the test pairs")
    return Material(
        antibodies=table.antibodies,
        antigens=table.antigens,
        part=_held_out(part, settings),
        antibody=table.antibody,
        antigen=table.antigen,
        label=table.label,
        lengths=lengths,
        measure="alignment",
        source=source,
        table=table,
        only_subset=which == "published-subset",
    )


def _cov(settings: DataSettings) -> Material:
    lengths = settings.needed("antibody_length"), 0
    if settings.needed("antigen") == "sequence":
        lengths = lengths[0], settings.needed("antigen_length")
    elif settings.options.get("antigen_length") is not None:
        raise ValueError("antigen is none, so that antigen_length means nothing; leave it out")
    split, fold = settings.needed("split"), settings.needed("fold")
    table, source = read_cov(settings)
    tenth = table.fold if split == "hash" else _kept_cluster_folds(table.antibodies, settings)
    return Material(
        antibodies=table.antibodies,
        antigens=(table.antigen,),
        part=fold_parts(tenth, fold),
        antibody=np.arange(len(table.antibodies)),
        antigen=np.zeros(len(table.antibodies), dtype=np.int64),
        label=table.label,
        lengths=lengths,
        measure="jaccard",
        source=replace(source, variant=f"{source.variant}, {split} fold {fold}"),
    )


def _held_out(part: np.ndarray, settings: DataSettings) -> np.ndarray:
    """Parts in which some of the antibodies trained on are validated on: never some of their pairs."""
    seen = np.flatnonzero(part == 0)
    draw = torch.Generator().manual_seed(derived_seed(settings.seed, "antibodies", "validation"))
    count = max(1, round(settings.validation_fraction * len(seen)))
    if count >= len(seen):
        raise ValueError(f"validation_fraction {settings.validation_fraction} leaves no antibody to train on")
    part = part.copy()
    part[seen[torch.randperm(len(seen), generator=draw)[:count].numpy()]] = 1
    return part


def fold_parts(tenth: np.ndarray, fold: int) -> np.ndarray:
    """Tenths 2 f and 2 f + 1 are tested on, the next is validated on, the other seven are trained on."""
    if not 0 <= fold < FOLDS:
        raise ValueError(f"fold must lie in 0 ... {FOLDS - 1}, got {fold}")
    place = (tenth - 2 * fold) % HASH_FOLDS
    return np.where(place < 2, 2, np.where(place == 2, 1, 0))


def cluster_folds(sequences: Sequence[str]) -> np.ndarray:
    """Tenths that hold whole clusters of similar sequences, int64 (n,).

    A cluster (single linkage, 3-mer Jaccard similarity above 0.7) goes where the hash of its first sequence
    in the alphabet puts it, so that the order of a table is of no account.
    """
    cluster = clusters(sequences)
    first: dict[int, str] = {}
    for number, sequence in zip(cluster.tolist(), sequences, strict=True):
        first[number] = min(first.get(number, sequence), sequence)
    fold = {number: hash_fold(sequence) for number, sequence in first.items()}
    return np.array([fold[number] for number in cluster.tolist()], dtype=np.int64)


def _kept_cluster_folds(sequences: Sequence[str], settings: DataSettings) -> np.ndarray:
    """The same, from the cache where they were made before."""
    name = f"antibodies/cluster-folds-{MADE}-{_digest(sequences)}"
    made = kept(settings.cache, name, lambda: {"folds": torch.from_numpy(cluster_folds(sequences))})
    return made["folds"].numpy()


def _digest(sequences: Sequence[str], more: bytes = b"") -> str:
    """What tells what was made of some sequences from what was made of others."""
    return hashlib.sha256("\n".join(sequences).encode() + b"\n\n" + more).hexdigest()[:16]


# -- similarity --------------------------------------------------------------------------------


def similarities(
    asked: Sequence[str], seen: Sequence[str], measure: str, settings: DataSettings
) -> np.ndarray:
    """How alike antibodies are, in 0 ... 1, (asked, seen).

    Args:
        asked: Sequences.
        seen: Sequences.
        measure: `alignment`: the alignment's score over the longer length, not below 0; `jaccard`: of 3-mers.
        settings: Where scores are kept.
    """
    if measure == "jaccard":
        shared, either = jaccard(asked, seen)
        return shared / np.maximum(either, 1)
    lengths = [np.array([len(each) for each in sequences]) for sequences in (asked, seen)]
    return np.maximum(_scores(asked, seen, settings), 0) / np.maximum.outer(*lengths)


def _scores(asked: Sequence[str], seen: Sequence[str], settings: DataSettings) -> np.ndarray:
    """Alignment scores, kept in the cache."""
    name = f"antibodies/alignments-{MADE}-{_digest([*asked, '', *seen])}"
    made = kept(settings.cache, name, lambda: {"scores": torch.from_numpy(alignment_scores(asked, seen))})
    return made["scores"].numpy()


def published_subset(table: PairTable, settings: DataSettings) -> np.ndarray:
    """Unseen pairs that the published filter keeps, bool (pairs,).

    It drops an unseen pair where a seen one has a similar antibody, a similar antigen *and the same label*.
    So it looks at the answer, and what is left is harder than the whole. Two sequences are similar where the
    score of their alignment is at least 0.9 of the shorter length.

    Source:
        Zhang et al. (2022), Nature Machine Intelligence 4, 964: 3,301 of 4,551 pairs are left.
    """

    def made() -> dict[str, torch.Tensor]:
        return {"kept": torch.from_numpy(_published_subset(table, settings))}

    numbers = np.stack([table.antibody, table.antigen, table.label, table.seen.astype(np.int64)])
    sequences = [*table.antibodies, "", *table.antigens]
    name = f"antibodies/published-subset-{MADE}-{_digest(sequences, numbers.tobytes())}"
    return kept(settings.cache, name, made)["kept"].numpy()


def _published_subset(table: PairTable, settings: DataSettings) -> np.ndarray:
    seen, asked = np.unique(table.antibody[table.seen]), np.unique(table.antibody[~table.seen])
    names = [[table.antibodies[k] for k in which] for which in (asked, seen)]
    similar = _similar(_scores(*names, settings), *names)
    rows = np.full(len(table.antibodies), -1)
    rows[seen] = np.arange(len(seen))
    known = answers(
        rows[table.antibody[table.seen]],
        table.antigen[table.seen],
        table.label[table.seen],
        shape=(len(seen), len(table.antigens)),
    )
    counts = kmer_counts(table.antigens)[:, -(21**3) :]
    lengths = np.array([len(each) for each in table.antigens])
    alike: dict[int, np.ndarray] = {}
    keep = ~table.seen
    for pair in np.flatnonzero(keep):
        antigen, label = table.antigen[pair], table.label[pair]
        near = known[similar[np.searchsorted(asked, table.antibody[pair])]]
        with_label = np.flatnonzero((near == label).any(axis=0))
        if antigen in with_label:
            keep[pair] = False
        elif len(with_label):
            if antigen not in alike:
                alike[antigen] = _alike(antigen, table.antigens, counts, lengths)
            keep[pair] = not alike[antigen][with_label].any()
    return keep


def _alike(one: int, sequences: Sequence[str], counts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Which sequences are similar to one of them, bool (n,).

    Only those are aligned that can be: each difference destroys at most three of the shorter one's 3-mers.
    """
    shorter = np.minimum(lengths, lengths[one])
    most = 1 - SIMILAR[0] / SIMILAR[1]
    shared = np.minimum(counts, counts[one]).sum(axis=1)
    may = np.flatnonzero(shared >= (1 - 3 * most) * shorter - 2)
    names = [sequences[one]], [sequences[k] for k in may]
    found = np.zeros(len(sequences), dtype=bool)
    found[may] = _similar(alignment_scores(*names), *names)[0]
    return found


def _similar(scores: np.ndarray, one: Sequence[str], other: Sequence[str]) -> np.ndarray:
    shorter = np.minimum.outer([len(each) for each in one], [len(each) for each in other])
    return scores * SIMILAR[1] >= shorter * SIMILAR[0]


# -- parts -------------------------------------------------------------------------------------


def chosen(made: Material, part: str, subset: np.ndarray) -> np.ndarray:
    """Which pairs a part has, bool (pairs,); `subset` says which the published subset has."""
    mine = made.part[made.antibody] == ("train", "validation", "test").index(part)
    return mine & subset if part == "test" and made.only_subset else mine


def pairs_of(made: Material, part: str, settings: DataSettings) -> Pairs:
    """Pairs of `train`, `validation` or `test`.

    Its antibodies, which are the nodes of a graph of them, are those trained on; those validated on join them
    for validation, and those tested on for the test, as in the published protocol. Features of sequences are
    fitted to antibodies that are not tested on.
    """
    number = ("train", "validation", "test").index(part)
    nodes = np.flatnonzero(made.part <= number)
    row = np.full(len(made.antibodies), -1)
    row[nodes] = np.arange(len(nodes))
    sequences = [made.antibodies[k] for k in nodes]
    tokens = padded(sequences, made.lengths[0], what="antibody_length")  # first: it may be refused
    antigen_tokens = _antigen_tokens(made)
    subset = np.zeros(len(made.label), dtype=bool)
    if part == "test" and made.table is not None:
        subset = published_subset(made.table, settings)
    mine = np.flatnonzero(chosen(made, part, subset))
    if not len(mine):
        raise DataError(f"{made.source.dataset}: no pair is left for {part}")
    vocabulary = words(made.known())
    band, nearest, names = _bands(made, mine, settings) if part == "test" else (None, None, ())
    no = len(mine)
    return Pairs(
        antibody_tokens=torch.from_numpy(tokens),
        antigen_tokens=antigen_tokens,
        antibody_words=torch.from_numpy(vocabulary.of(sequences)),
        antigen_words=torch.from_numpy(vocabulary.of(made.antigens)),
        antibody=torch.from_numpy(row[made.antibody[mine]]),
        antigen=torch.from_numpy(made.antigen[mine]),
        label=torch.from_numpy(made.label[mine]).float(),
        band=torch.full((no,), -1) if band is None else torch.from_numpy(band),
        nearest=torch.full((no,), -1.0) if nearest is None else torch.from_numpy(nearest).float(),
        subset=torch.from_numpy(subset[mine]),
        bands=names,
        source=made.source,
    )


def _antigen_tokens(made: Material) -> torch.Tensor:
    if not made.lengths[1]:
        return torch.zeros((len(made.antigens), 0), dtype=torch.int64)
    return torch.from_numpy(padded(made.antigens, made.lengths[1], what="antigen_length"))


def comparison(made: Material, settings: DataSettings) -> dict[str, Any]:
    """Tested antibodies beside seen ones.

    Returns:
        similarity (tested, seen), table of the seen ones' answers (seen, antigens), and the number of each
        antibody's row in either (antibodies,), -1 where it is in the other.
    """
    seen, asked = made.seen(), np.flatnonzero(made.part == 2)
    row = {}
    for name, which in (("seen", seen), ("asked", asked)):
        row[name] = np.full(len(made.antibodies), -1)
        row[name][which] = np.arange(len(which))
    names = [[made.antibodies[k] for k in which] for which in (asked, seen)]
    mine = made.part[made.antibody] < 2
    table = answers(
        row["seen"][made.antibody[mine]],
        made.antigen[mine],
        made.label[mine],
        shape=(len(seen), len(made.antigens)),
    )
    similarity = similarities(*names, made.measure, settings)
    return {"similarity": similarity, "table": table, "asked": row["asked"], "seen": row["seen"]}


def _bands(
    made: Material, mine: np.ndarray, settings: DataSettings
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Band of each pair, what the nearest tested antibody does, and the names of the bands."""
    beside = comparison(made, settings)
    asked = beside["asked"][made.antibody[mine]]
    nearest = neighbours(beside["similarity"], beside["table"], asked, made.antigen[mine], count=1)
    nearest = np.nan_to_num(nearest, nan=NOT_TESTED)
    if made.groups:
        return made.group[made.antibody[mine]], nearest, made.groups
    edges = ALIGNMENT_BANDS if made.measure == "alignment" else JACCARD_BANDS
    band = np.searchsorted(edges, beside["similarity"].max(axis=1), side="right")
    between = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    names = (f"below {edges[0]:g}", *between, f"{edges[-1]:g} and above")
    return band[asked].astype(np.int64), nearest, names
