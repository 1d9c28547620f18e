"""Which glycans are examples, in which part, and what their tokens and batches are."""

import csv
import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import sparse

from codesign.tasks.contract import DataSettings, mapped
from codesign.tasks.glycans import chains
from codesign.tasks.glycans.examples import Glycans, clustered, collated, divided, examples_of, parts_of
from codesign.tasks.glycans.table import KINGDOMS, SHIPPED, TABLE, read_rows, table_of, trees_of
from codesign.tasks.glycans.task import TASK
from codesign.tasks.remote import DataError

OPTIONS = {"kingdoms": 6, "nodes": 64, "split": "hash", "pooling": "topk", "edges": "up"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What is decoded once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def settings(cache):
    """Makes settings with some options changed."""

    def make(*, seed=1, mirror=None, **options):
        return DataSettings("embedded", 0.15, seed, OPTIONS | options, mirror=mirror, cache=cache)

    return make


def test_folds_have_the_published_counts(settings):
    """22,120 glycans of six kingdoms; 4,431 to test, 2,212 to validate, 15,477 to train, 1,544 tokens."""
    train, validation, test = TASK.examples(settings(), "train", "validation", "test")
    assert (len(train), len(validation), len(test)) == (15_477, 2_212, 4_431)
    assert torch.bincount(test.targets).tolist() == [2096, 1456, 443, 350, 58, 28]
    assert train.unknown == validation.unknown == test.unknown == 1544
    assert int(train.tokens.max()) == 1543 and int(test.tokens.max()) == 1544
    assert (train.source.dataset, train.source.obtained) == ("glycowork glycans", "embedded")
    assert train.source.sha256 == TABLE.sha256
    assert train.source.variant == "6 kingdoms by hash, 662 unreadable"
    assert divided(settings()).trees.left_out == {
        "of several kingdoms": 648,
        "unreadable": 662,
        "of more than 64 nodes": 73,
        "of other kingdoms": 242,
    }


def test_a_fold_is_a_digest_of_the_glycan(settings):
    """The split can be made again by anybody: sha256 of the string, modulo ten."""
    for row in read_rows(SHIPPED)[::97]:
        assert row.fold == int(hashlib.sha256(row.glycan.encode()).hexdigest(), 16) % 10


def test_kingdoms_are_the_largest_ones_in_order():
    """An experiment takes the first few of them."""
    counts = {}
    for row in read_rows(SHIPPED):
        if row.unambiguous:
            counts[row.kingdom] = counts.get(row.kingdom, 0) + 1
    assert sorted(counts, key=counts.get, reverse=True)[:6] == list(KINGDOMS[:6])
    assert set(sorted(counts, key=counts.get, reverse=True)[:9]) == set(KINGDOMS)


def test_refused_glycans_are_listed(settings, cache):
    """Nothing is left out in silence."""
    trees_of(settings())
    rows = list(csv.DictReader((cache / "glycans" / "refused.csv").open(encoding="utf-8")))
    assert len(rows) == 662 and set(rows[0]) == {"line", "glycan", "why"}


def test_a_log_says_how_many_are_left_out_and_why(tmp_path, capsys):
    """Where the table is decoded; with a cache it also says where the list is."""
    given = DataSettings("embedded", 0.15, 1, OPTIONS | {"nodes": 30}, cache=tmp_path)
    trees, _ = trees_of(given)
    said = capsys.readouterr().out
    assert f"662 cannot be read; {tmp_path / 'glycans' / 'refused.csv'} lists them" in said
    assert f"{len(trees.folds)} of 23745 are used; left out: 648 of several kingdoms, 662 unreadable" in said


def test_a_vocabulary_is_of_training_alone(settings):
    """Labels that only others have share one token."""
    division = divided(settings(train_size=300))
    trees, members = division.trees, division.members["train"]
    seen = set()
    for glycan in members.tolist():
        nodes = trees.nodes[int(trees.starts[glycan]) : int(trees.starts[glycan + 1])]
        seen |= {trees.labels[node] for node in nodes.tolist()}
    tokens = dict(zip(trees.labels, division.tokens.tolist(), strict=True))
    assert division.unknown == len(seen)
    assert sorted(tokens[label] for label in seen) == list(range(len(seen)))
    assert {token for label, token in tokens.items() if label not in seen} == {len(seen)}


def test_subsets_are_drawn_from_the_seed_and_evenly(settings):
    """Another seed draws others; each kingdom has its share to a rounding."""

    def numbers(seed):
        return divided(settings(seed=seed, train_size=500, test_size=200)).members

    first, again, other = numbers(1), numbers(1), numbers(2)
    for part, size in (("train", 500), ("validation", 88), ("test", 200)):
        assert len(first[part]) == size and torch.equal(first[part], again[part])
        assert not torch.equal(first[part], other[part])
    whole = divided(settings())
    counts = torch.bincount(whole.trees.kingdoms[first["train"]], minlength=6)
    share = torch.bincount(whole.trees.kingdoms[whole.members["train"]], minlength=6) * 500 / 15_477
    assert ((counts - share).abs() < 1).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            {"train_size": 20_000}, "train examples: 20000 examples asked for, 15477 there", id="large"
        ),
        pytest.param(
            {"train_size": 20},
            "Excavata has no training example of 20: allow more nodes than 64",
            id="no-kingdom",
        ),
        pytest.param({"split": "time"}, "split must be hash or cluster, got 'time'", id="split"),
    ],
)
def test_settings_without_sense_are_refused(settings, options, words):
    """The message names the value and what there is."""
    with pytest.raises(ValueError, match=words):
        divided(settings(**options))


def test_no_cluster_is_in_two_parts(settings):
    """And each part has its share of every kingdom, as far as clusters let it."""
    given = settings(split="cluster")
    trees, _ = trees_of(given)
    found, parts = clustered(trees, given)["clusters"].numpy(), parts_of(trees, given).numpy()
    assert found.max() + 1 == 3064
    for part in range(3):
        assert not set(found[parts == part]) & set(found[parts != part])
    train, validation, test = TASK.examples(given, "train", "validation", "test")
    assert torch.bincount(test.targets).tolist() == [2085, 1483, 417, 351, 63, 20]
    assert torch.bincount(validation.targets).tolist() == [1042, 741, 208, 176, 32, 12]
    assert len(train) + len(validation) + len(test) == 22_120
    assert "6 kingdoms by cluster" in test.source.variant


def test_a_member_is_alike_to_its_leader(settings):
    """By explicit cosines on a part of the table; the leader is the one with most chains."""
    trees, _ = trees_of(settings())
    counts = chains.chain_counts(trees)[::40]
    found, dense = chains.clusters(counts), counts.toarray().astype(float)
    length = np.linalg.norm(dense, axis=1)
    leaders = []
    for cluster in range(found.max() + 1):
        members = np.flatnonzero(found == cluster)
        leader = members[np.argmax(dense[members].sum(axis=1))]
        leaders.append(leader)
        for member in members:
            assert dense[leader] @ dense[member] >= 0.6 * length[leader] * length[member] - 1e-9
    for k, one in enumerate(leaders):
        for other in leaders[k + 1 :]:
            assert dense[one] @ dense[other] < 0.6 * length[one] * length[other]


def test_clusters_are_those_of_the_slow_definition():
    """Leaders by loops over all pairs, on random counts."""
    rng = np.random.default_rng(4)
    dense = rng.poisson(0.7, size=(60, 6)) + np.eye(60, 6, dtype=int)
    counts = sparse.csr_matrix(dense)
    expected = np.full(60, -1)
    for leader in sorted(range(60), key=lambda row: (-dense[row].sum(), row)):
        if expected[leader] < 0:
            number = expected.max() + 1
            for row in range(60):
                dot = int(dense[leader] @ dense[row])
                alike = 25 * dot**2 >= 9 * int(dense[leader] @ dense[leader]) * int(dense[row] @ dense[row])
                if expected[row] < 0 and alike:
                    expected[row] = number
    assert np.array_equal(chains.clusters(counts), expected)


def test_clusters_split_more_strictly_than_digests(settings):
    """Half of the test glycans have a training glycan with a cosine of 0.94 under hash, 0.88 under cluster;
    a quarter have none beyond 0.84 and 0.70."""
    quarters = {}
    for split in ("hash", "cluster"):
        division = divided(settings(split=split))
        counts = chains.chain_counts(division.trees).astype(np.float32)
        length = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        unit = sparse.diags(1 / length).tocsr() @ counts
        test = unit[division.members["test"].numpy()[::10]]
        train = unit[division.members["train"].numpy()]
        nearest = (test @ train.T).max(axis=1).toarray()
        quarters[split] = np.quantile(nearest, [0.25, 0.5])
    # of every tenth test glycan; standard errors of these quantiles are about 0.01
    assert quarters["hash"] == pytest.approx([0.84, 0.938], abs=0.03)
    assert quarters["cluster"] == pytest.approx([0.70, 0.885], abs=0.03)


def test_chains_are_counted_as_walking_up_counts_them(settings):
    """Every chain of one to three nodes of some glycans, by following parents."""
    trees, _ = trees_of(settings())
    counts = chains.chain_counts(trees)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    for glycan in range(0, len(trees.folds), 1500):
        nodes = range(int(trees.starts[glycan]), int(trees.starts[glycan + 1]))
        parents = trees.parents[nodes.start : nodes.stop].tolist()
        found = {}
        for node in range(len(nodes)):
            chain, at = [], node
            while at >= 0 and len(chain) < 3:
                chain.append(int(trees.nodes[nodes.start + at]))
                found[tuple(chain)] = found.get(tuple(chain), 0) + 1
                at = parents[at]
        assert sorted(counts[glycan].data.tolist()) == sorted(found.values())
        assert totals[glycan] == sum(found.values())


def test_a_batch_is_what_collate_makes(settings):
    """In any order, with repetitions."""
    (train,) = TASK.examples(settings(train_size=300), "train")
    numbers = torch.tensor([5, 0, 299, 5, 17])
    one, other = train.chosen(numbers), collated([train[number] for number in numbers.tolist()])
    found = [[], []]
    for batch, tensors in zip((one, other), found, strict=True):
        mapped(lambda tensor, tensors=tensors: tensors.append(tensor) or tensor, batch)
    assert len(found[0]) == 2 + 4 * 3 + 2 and all(map(torch.equal, *found))
    assert len(one) == 5 and one.unknown == train.unknown


@hypothesis_settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 2**20))
def test_edges_of_a_batch_are_those_of_its_glycans(sizes, seed):
    """Parents have the numbers that nodes have in the batch; pooling leaves four fifths each time."""
    draw = torch.Generator().manual_seed(seed)
    parents = [
        torch.tensor([int(torch.randint(k + 1, size, (1,), generator=draw)) for k in range(size - 1)] + [-1])
        for size in sizes
    ]
    starts = torch.tensor([0, *sizes]).cumsum(0)
    whole = Glycans(
        torch.arange(sum(sizes)), torch.cat(parents), starts, torch.arange(len(sizes)),
        torch.ones(len(sizes), dtype=torch.bool), 99,
    )  # fmt: skip
    order = torch.randperm(len(sizes), generator=draw)
    batch = whole.chosen(order)
    expected, at = [], 0
    for glycan in order.tolist():
        expected += [at + p if p >= 0 else sum(sizes) for p in parents[glycan].tolist()]
        at += sizes[glycan]
    assert batch.parents.tolist() == expected
    left = [sizes[glycan] for glycan in order.tolist()]
    for layer in batch.layers:
        assert layer.sizes.tolist() == left
        assert layer.owners.tolist() == [k for k, size in enumerate(left) for _ in range(size)]
        left = [-(-4 * size // 5) for size in left]
    assert batch.tokens.tolist() == [
        token for glycan in order.tolist() for token in range(int(starts[glycan]), int(starts[glycan + 1]))
    ]


def test_at_most_1500_test_glycans_are_on_the_map(settings):
    """Drawn from the seed; small parts are there in full."""
    (test,) = TASK.examples(settings(), "test")
    (again,) = TASK.examples(settings(), "test")
    (other,) = TASK.examples(settings(seed=2), "test")
    assert int(test.shown.sum()) == 1500 and torch.equal(test.shown, again.shown)
    assert not torch.equal(test.shown, other.shown)
    (small,) = TASK.examples(settings(test_size=100), "test")
    assert small.shown.all()


def test_what_was_kept_is_what_is_decoded(settings, cache):
    """The second time the tensors come from the cache."""
    from codesign.tasks.glycans.table import _trees

    _trees.cache_clear()
    kept, _ = trees_of(settings())
    _trees.cache_clear()
    fresh, _ = trees_of(replace(settings(), cache=None))
    assert kept.labels == fresh.labels and kept.left_out == fresh.left_out
    for name in ("nodes", "parents", "starts", "kingdoms", "folds"):
        assert torch.equal(getattr(kept, name), getattr(fresh, name))


HEADER = "glycan,kingdom,n_kingdoms,unambiguous,fold\n"


def written(folder, text):
    path = folder / "glycan" / TABLE.name
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(text.encode()))
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "there is no column glycan, kingdom, unambiguous, fold; found nothing", id="none"),
        pytest.param("glycan,kingdom,fold\n", "line 1: there is no column unambiguous", id="column"),
        pytest.param(HEADER, "has no row behind its header", id="empty"),
        pytest.param(HEADER + ",Fungi,1,True,0\n", "line 2, column glycan: found ''", id="glycan"),
        pytest.param(HEADER + "Gal,,1,True,0\n", "line 2, column kingdom: found ''", id="kingdom"),
        pytest.param(HEADER + "Gal,Fungi,1,yes,0\n", "found 'yes', allowed is True or False", id="yes"),
        pytest.param(HEADER + "Gal,Fungi,1,True,0\nGal,Fungi,1,True,9.0\n", "line 3, column fold", id="fold"),
        pytest.param(HEADER + "Gal,Fungi\n", "line 2, column unambiguous: found None", id="short"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(tmp_path, text, words):
    """File, line, column, what was found and what is allowed."""
    path = written(tmp_path, text)
    with pytest.raises(DataError, match=words) as error:
        read_rows(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_no_gzip_is_refused(tmp_path):
    """A table that was unpacked by hand, say."""
    path = tmp_path / "table.csv.gz"
    path.write_text(HEADER)
    with pytest.raises(DataError, match=r"table\.csv\.gz is not a readable gzip file"):
        read_rows(path)


def test_another_table_in_the_mirror_is_refused(settings, tmp_path):
    """It names the file and both digests, and the shipped table does not stand in for it."""
    path = written(tmp_path, HEADER + "Gal,Fungi,1,True,0\n")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match=rf"glycan_kingdom.*expected sha256 {TABLE.sha256}, found {found}"):
        TASK.examples(settings(mirror=tmp_path), "train")


def test_the_mirror_s_own_copy_says_so(settings, tmp_path):
    """The same file, obtained elsewhere."""
    assert table_of(settings(mirror=tmp_path)) == (SHIPPED, "embedded")
    (tmp_path / "glycan").mkdir()
    copy = tmp_path / "glycan" / TABLE.name
    copy.write_bytes(SHIPPED.read_bytes())
    assert table_of(settings(mirror=tmp_path)) == (copy, "mirror")
    (validation,) = TASK.examples(settings(mirror=tmp_path), "validation")
    assert validation.source.obtained == "mirror"


def test_the_licence_lies_beside_the_table_and_is_installed_with_it():
    """MIT asks that it goes along."""
    import tomllib

    licence = SHIPPED.with_name("LICENSE.glycowork")
    assert "Copyright (c) 2021 Daniel Bojar" in licence.read_text(encoding="utf-8")
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["setuptools"]["package-data"]["codesign.tasks.glycans"]
    assert set(shipped) == {SHIPPED.name, licence.name}


def test_examples_leave_the_global_generator_alone(settings):
    """Every draw is from a generator of its own."""
    before = torch.get_rng_state()
    examples_of(divided(settings(train_size=200)), "train", settings())
    assert torch.equal(torch.get_rng_state(), before)
