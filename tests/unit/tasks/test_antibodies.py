"""Antibodies: sequences, tables, parts, networks, scores and what needs no network."""

import csv
import gzip
import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.lognormal import LognormalNoise
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.evaluation.calibration import CalibrationError, calibration, calibration_batch
from codesign.evaluation.montecarlo import ScoredNetwork
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim, programmed_parameters
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.about import about_of
from codesign.tasks.antibodies import parts, synthetic, tables
from codesign.tasks.antibodies.baselines import baselines
from codesign.tasks.antibodies.figures import bands
from codesign.tasks.antibodies.metrics import area, matthews, scores
from codesign.tasks.antibodies.neighbours import NOT_TESTED, neighbours
from codesign.tasks.antibodies.networks import Dropout, mason, relation
from codesign.tasks.antibodies.sequences import (
    OUTSIDE,
    PADDING,
    RESIDUES,
    SequenceError,
    alignment_scores,
    clusters,
    jaccard,
    kmer_counts,
    numbered,
    padded,
    words,
)
from codesign.tasks.contract import DataSettings, batches, score_of
from codesign.tasks.registry import task_named
from codesign.tasks.remote import DataError
from codesign.training.loop import TrainingSettings, train

TASK = task_named("antibodies")
MIRROR = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_tables = pytest.mark.skipif(
    not (MIRROR / "antibody").is_dir(), reason="no antibody tables in ../shared/data"
)
SMALL = {"dropout": 0.0, "strains": 2, "pairs": 900}
HIV = {"antibody_length": 272, "antigen_length": 912, "test": "released", "dropout": 0.0}
COV = {"antibody_length": 436, "antigen": "none", "split": "hash", "fold": 0, "dropout": 0.0}
CPU = torch.device("cpu")
PROTEIN = st.text(alphabet=RESIDUES[:6], min_size=3, max_size=12)


def chosen(source="synthetic", options=None, **given_too):
    return DataSettings(source, 0.15, 7, SMALL if options is None else options, **given_too)


def seeded(number):
    return torch.Generator().manual_seed(number)


def made(name, **changes):
    """A small network and the settings of its pairs."""
    settings = chosen(options=SMALL | {"width": 0.125} | changes)
    return TASK.network(name, settings.options, settings, seeded(1)), settings


# -- sequences ---------------------------------------------------------------------------------


def test_residues_are_numbered_and_uncertain_ones_are_one_letter():
    """X, B and Z say that a residue was not told apart; anything else is a mistake in a file."""
    assert numbered("ACYXBZ").tolist() == [0, 1, 19, 20, 20, 20]
    with pytest.raises(SequenceError, match=r"'J' at place 3 is no residue; allowed are ACDEF"):
        numbered("ACJ")
    with pytest.raises(SequenceError, match="empty"):
        numbered("")


def test_a_sequence_that_does_not_fit_is_refused_and_not_cut():
    """What is cut off might be what matters."""
    assert padded(["AC", "A"], 3, what="length").tolist() == [[0, 1, PADDING], [0, PADDING, PADDING]]
    with pytest.raises(SequenceError, match="antibody_length is 2, and the longest sequence has 3 residues"):
        padded(["ACD"], 2, what="antibody_length")


def aligned(one, other):
    """A score by the textbook's table."""
    table = [[-j for j in range(len(other) + 1)]]
    for i, a in enumerate(one, 1):
        table.append([-i])
        for j, b in enumerate(other, 1):
            step = table[i - 1][j - 1] + (a == b)
            table[i].append(max(step, table[i - 1][j] - 1, table[i][j - 1] - 1))
    return table[-1][-1]


@given(st.lists(PROTEIN, min_size=1, max_size=4), st.lists(PROTEIN, min_size=1, max_size=4))
def test_alignment_scores_are_those_of_the_textbook(first, second):
    """Chunks, diagonals and lengths that differ are of no account."""
    expected = [[aligned(a, b) for b in second] for a in first]
    assert alignment_scores(first, second).tolist() == expected


@given(PROTEIN, PROTEIN)
def test_an_alignment_is_symmetric_and_at_most_the_shorter_length(one, other):
    """Equal sequences alone reach the longer length."""
    (score,), (back,) = alignment_scores([one], [other])[0], alignment_scores([other], [one])[0]
    assert score == back <= min(len(one), len(other))
    assert (score == max(len(one), len(other))) == (one == other)


@given(st.lists(PROTEIN, min_size=1, max_size=5))
def test_jaccard_and_clusters_are_those_of_plain_sets(sequences):
    """Single linkage by growing one set after the other."""
    sets = [{each[k : k + 3] for k in range(len(each) - 2)} for each in sequences]
    shared, either = jaccard(sequences, sequences)
    assert shared.tolist() == [[len(a & b) for b in sets] for a in sets]
    assert either.tolist() == [[len(a | b) for b in sets] for a in sets]
    group = list(range(len(sets)))
    for i, a in enumerate(sets):
        for j, b in enumerate(sets):
            if len(a & b) * 10 > len(a | b) * 7:
                group = [group[i] if each == group[j] else each for each in group]
    found = clusters(sequences).tolist()
    assert [[x == y for y in found] for x in found] == [[x == y for y in group] for x in group]


def test_words_are_those_of_scikit_learn():
    """CountVectorizer over 1-, 2- and 3-mers with min_df, then mean 0 and deviation 1."""
    rng = np.random.default_rng(3)
    sequences = ["".join(rng.choice(list("ACDX"), 30)) for _ in range(12)]
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(1, 3), min_df=0.5, lowercase=False)
    counts = vectorizer.fit_transform(sequences).toarray()
    mine = words(sequences, frequent=0.5)
    assert len(mine.codes) == counts.shape[1]
    features = mine.of(sequences)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    expected = (counts - counts.mean(axis=0)) / np.where(counts.std(axis=0) > 0, counts.std(axis=0), 1)
    np.testing.assert_allclose(np.sort(features.sum(axis=1)), np.sort(expected.sum(axis=1)), atol=1e-4)
    assert kmer_counts(["ACA"]).sum() == 3 + 2 + 1


# -- scores ------------------------------------------------------------------------------------

LABELS = st.lists(st.booleans(), min_size=2, max_size=30)


@given(LABELS, st.data())
def test_metrics_are_those_of_scikit_learn(labels, data):
    """Ties included, of which whole numbers have many."""
    label = np.array(labels)
    value = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=len(label), max_size=len(label)))) + 0.5
    found = scores(label, value)
    assert found["accuracy"] == pytest.approx(((value > 0) == label).mean())
    assert found["mcc"] == pytest.approx(matthews_corrcoef(label, value > 0))
    if label.any() and not label.all():
        assert found["auc"] == pytest.approx(roc_auc_score(label, value))
    else:
        assert math.isnan(found["auc"])


@given(LABELS, st.randoms())
def test_metrics_do_not_depend_on_the_order_of_pairs(labels, random):
    """Nor does the area on a monotone change of the values."""
    label = np.array(labels)
    value = np.array([float(random.randint(-50, 50)) for _ in labels])
    order = np.array(random.sample(range(len(label)), len(label)))
    assert scores(label[order], value[order]) == pytest.approx(scores(label, value), nan_ok=True)
    assert area(label, np.exp(value)) == pytest.approx(area(label, value), nan_ok=True)


def test_matthews_is_zero_where_it_is_not_defined():
    """One answer for all, or one class alone."""
    assert matthews(np.array([True, False]), np.array([True, True])) == 0
    assert matthews(np.array([True, True]), np.array([True, False])) == 0


def test_an_output_that_is_no_number_is_a_wrong_answer():
    """The worst devices give such outputs; nothing may rank them well."""
    (pairs,) = TASK.examples(chosen(), "test")
    (batch,) = batches(TASK, pairs, len(pairs), device=CPU)
    scorer = TASK.scorer()
    scorer.update(torch.full((len(pairs),), torch.nan), batch)
    assert score_of(scorer, ["auc", "accuracy", "mcc"]) == {"auc": 0.0, "accuracy": 0.0, "mcc": -1.0}


# -- tables ------------------------------------------------------------------------------------

ROWS = [
    ("ACDEF", "MKV", 1, "seen"),
    ("ACDEF", "MKI", 0, "seen"),
    ("GHIKX", "MKV", 0, "seen"),
    ("LMNPQ", "MKI", 1, "unseen"),
]


def workbook(path, rows, header=("antibody_seq", "virus_seq", "label", "split")):
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(row)
    book.save(path)
    return path


def table(path, header, rows):
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def copies(folder, rows, antibodies=None):
    """The three files of a mirror with the same rows as a workbook."""
    names = [list(dict.fromkeys(row[k] for row in rows)) for k in (0, 1)]
    files = {}
    for kind, sequences in zip(("antibody", "antigen"), names, strict=True):
        path = folder / f"{kind}.csv.gz"
        numbers = [(k, each, len(each)) for k, each in enumerate(sequences)]
        files[f"{kind[:-1]}ies" if kind == "antibody" else "antigens"] = table(
            path, (f"{kind}_id", "sequence", "length"), numbers
        )
    pairs = [(names[0].index(a), names[1].index(b), label, split) for a, b, label, split in rows]
    files["pairs"] = table(folder / "pairs.csv.gz", ("antibody_id", "antigen_id", "label", "split"), pairs)
    return files


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in type(one).__dataclass_fields__
    )


def test_workbook_and_copies_of_it_give_the_same_pairs(tmp_path):
    """A run with a mirror and one that downloads must see the same rows."""
    from_book = tables.pairs_of_workbook(workbook(tmp_path / "a.xlsx", ROWS))
    assert same(from_book, tables.pairs_of_copies(**copies(tmp_path, ROWS)))
    assert from_book.antibodies == ("ACDEF", "GHIKX", "LMNPQ")
    assert from_book.antibody.tolist() == [0, 0, 1, 2] and from_book.seen.tolist() == [True] * 3 + [False]


def test_workbook_and_copies_of_it_give_the_same_antibodies(tmp_path):
    """An antibody with both labels is left out of the table, and counted."""
    rows = [("ACDEF", "MKV", 1, "seen"), ("ACDEF", "MKI", 1, "seen"), ("GHIKX", "MKV", 0, "seen")]
    rows += [("GHIKX", "MKI", 1, "seen"), ("LMNPQ", "MKV", 0, "unseen")]
    found = tables.antibodies_of_workbook(workbook(tmp_path / "a.xlsx", rows))
    assert (found.antibodies, found.label.tolist(), found.conflicting) == (("ACDEF", "LMNPQ"), [1, 0], 1)
    assert found.fold.tolist() == [
        int(hashlib.sha256(each.encode()).hexdigest(), 16) % 10 for each in found.antibodies
    ]
    said = [("ACDEF", "1"), ("GHIKX", "conflict"), ("LMNPQ", "0")]
    level = [
        (k, label, "seen", sequence, len(sequence), tables.hash_fold(sequence))
        for k, (sequence, label) in enumerate(said)
    ]
    files = {
        "antibodies": table(
            tmp_path / "level.csv.gz",
            ("antibody_id", "label", "in_split", "sequence", "length", "fold"),
            level,
        ),
        "antigens": table(tmp_path / "g.csv.gz", ("antigen_id", "sequence", "length"), [(0, "MKV", 3)]),
    }
    assert same(found, tables.antibodies_of_copies(**files))


@pytest.mark.parametrize(
    ("row", "words_of"),
    [
        pytest.param(
            ("AC1", "MKV", 1, "seen"), "row 6, antibody_seq: '1' at place 3 is no residue", id="letter"
        ),
        pytest.param(("ACD", "MKV", 2, "seen"), "row 6, label: found 2.*allowed: 0, 1", id="label"),
        pytest.param(
            ("ACD", "MKV", 1, "test"), "row 6, split: found 'test', allowed: seen, unseen", id="split"
        ),
        pytest.param(("ACDEF", "MKV", 1, "seen"), "row 6: the pair of row 2 once more", id="twice"),
        pytest.param(("ACDEF", "MKK", 1, "unseen"), "row 6, split: found 'unseen', allowed: seen", id="both"),
        pytest.param(("", "MKV", 1, "seen"), "row 6, antibody_seq", id="empty"),
    ],
)
def test_a_wrong_row_is_named_with_what_is_allowed(tmp_path, row, words_of):
    """In a workbook and in a copy of it; nothing is dropped in silence."""
    with pytest.raises(DataError, match=rf"a\.xlsx, {words_of}"):
        tables.pairs_of_workbook(workbook(tmp_path / "a.xlsx", [*ROWS, row]))
    with pytest.raises(DataError, match=r"csv\.gz, row "):
        tables.pairs_of_copies(**copies(tmp_path, [*ROWS, row]))


def test_columns_that_are_missing_are_named(tmp_path):
    """A workbook of something else."""
    book = workbook(tmp_path / "a.xlsx", ROWS, header=("antibody_seq", "virus", "label", "split"))
    with pytest.raises(DataError, match=r"its columns are antibody_seq, virus, label, split; it needs"):
        tables.pairs_of_workbook(book)
    (tmp_path / "b.xlsx").write_bytes(b"no workbook")
    with pytest.raises(DataError, match=r"b\.xlsx: not a workbook"):
        tables.pairs_of_workbook(tmp_path / "b.xlsx")


def test_a_copy_with_another_checksum_is_refused(tmp_path):
    """File, what was expected and what was found; the mirror is left as it is."""
    (tmp_path / "antibody").mkdir()
    for file in tables.COPIES["hiv"].values():
        (tmp_path / file.folder / file.name).write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    expected = tables.COPIES["hiv"]["antibodies"].sha256
    with pytest.raises(DataError, match=rf"hiv_cls_antibodies\.csv\.gz.*{expected}, found {found}"):
        tables.read_hiv(chosen("hiv", HIV, mirror=tmp_path))


def test_a_mirror_with_some_of_the_tables_is_refused(tmp_path):
    """Else a slip of the copy would end in a download."""
    place = tmp_path / "antibody/hiv_cls_pairs.csv.gz"
    place.parent.mkdir()
    place.write_bytes(b"")
    with pytest.raises(
        DataError, match=r"hiv_cls_antibodies\.csv\.gz: missing, while hiv_cls_pairs\.csv\.gz is"
    ):
        tables.read_hiv(chosen("hiv", HIV, mirror=tmp_path))


def test_without_copies_the_workbook_is_taken(tmp_path, monkeypatch):
    """From the mirror where it lies there, checked."""
    (tmp_path / "antibody" / "raw").mkdir(parents=True)
    path = workbook(tmp_path / "antibody" / "raw" / "dataset_hiv_cls.xlsx", ROWS)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(tables.WORKBOOKS, "hiv", replace(tables.WORKBOOKS["hiv"], sha256=digest))
    found, source = tables.read_hiv(chosen("hiv", HIV, mirror=tmp_path))
    assert len(found.label) == 4 and (source.obtained, source.sha256) == ("mirror", digest)


@needs_tables
def test_published_counts():
    """HIV-1: 29,394 pairs, 254 antibodies, 940 envelopes; SARS-CoV-2: 2,918 antibodies, 133 left out."""
    hiv, _ = tables.read_hiv(chosen("hiv", HIV, mirror=MIRROR))
    assert (len(hiv.label), len(hiv.antibodies), len(hiv.antigens)) == (29_394, 254, 940)
    assert (int(hiv.seen.sum()), len(np.unique(hiv.antibody[hiv.seen]))) == (24_843, 197)
    assert (hiv.label[hiv.seen].sum(), hiv.label[~hiv.seen].sum()) == (12_615, 1_987)
    assert max(map(len, hiv.antibodies)) == 271 and set(map(len, hiv.antigens)) <= set(range(714, 913))
    known = [hiv.antibodies[k] for k in np.unique(hiv.antibody[hiv.seen])]
    assert len(words([*known, *hiv.antigens]).codes) == 1_917
    cov, _ = tables.read_cov(chosen("cov", COV, mirror=MIRROR))
    assert (len(cov.label), cov.conflicting, int(cov.label.sum())) == (2_918, 133, 1_685)
    assert clusters(cov.antibodies).max() + 1 == 1_775


# -- parts -------------------------------------------------------------------------------------


def test_no_antibody_is_in_two_parts():
    """What is validated or tested on was never trained on, and no pair is lost."""
    material = parts.material(chosen())
    names = ("train", "validation", "test")
    found = {name: np.flatnonzero(parts.chosen(material, name, np.zeros(900, bool))) for name in names}
    assert sum(map(len, found.values())) == 900
    antibodies = [set(material.antibody[rows].tolist()) for rows in found.values()]
    assert not (
        antibodies[0] & antibodies[1] or antibodies[0] & antibodies[2] or antibodies[1] & antibodies[2]
    )
    tested = material.group[sorted(antibodies[2])]
    assert set(tested.tolist()) == {0, 1}, "relatives and the new lineage"


def test_generated_pairs_are_the_same_for_the_same_seed_and_balanced():
    """The threshold is each lineage's median."""
    one, same_one, other = (synthetic.generated(seed, strains=2, pairs=900) for seed in (1, 1, 2))
    assert one.antibodies == same_one.antibodies and np.array_equal(one.label, same_one.label)
    assert one.antibodies != other.antibodies
    assert {len(each) for each in one.antibodies} == {60} and {len(each) for each in one.antigens} == {80}
    assert 0.35 < one.label.mean() < 0.65
    with pytest.raises(ValueError, match="10000 pairs asked for; 2 strains make 3456"):
        synthetic.generated(1, strains=2, pairs=10_000)


@needs_tables
def test_the_published_subset_has_3301_pairs(tmp_path):
    """The filter is made again from its description; what it drops is easier."""
    settings = chosen("hiv", HIV, mirror=MIRROR, cache=tmp_path)
    hiv, _ = tables.read_hiv(settings)
    subset = parts.published_subset(hiv, settings)
    assert subset.sum() == 3_301 and not (subset & hiv.seen).any()
    assert hiv.label[subset].mean() == pytest.approx(0.461, abs=5e-4)
    assert np.array_equal(parts.published_subset(hiv, settings), subset), "from the cache"
    found = baselines(settings)
    published = baselines(replace(settings, options=HIV | {"test": "published-subset"}))
    expected = {
        # accuracy, area and correlation on 4,551 pairs, then on 3,301
        "majority": ((0.437, 0.5, 0), (0.461, 0.5, 0)),
        "antigen-rate": ((0.612, 0.660, 0.220), (0.592, 0.639, 0.182)),
        "nearest-rate": ((0.749, 0.829, 0.485), (0.740, 0.825, 0.476)),
        "nearest": ((0.842, 0.845, 0.685), (0.794, 0.796, 0.591)),
        "nearest-5": ((0.836, 0.905, 0.671), (0.797, 0.867, 0.597)),
    }
    for name, both in expected.items():
        for values, wanted in zip((found, published), both, strict=True):
            mine = [values[name][metric] for metric in ("accuracy", "auc", "mcc")]
            assert mine == pytest.approx(wanted, abs=0.005), name
    (test,) = TASK.examples(settings, "test")
    assert len(test) == 4_551 and int(test.subset.sum()) == 3_301
    far = test.band == 0
    assert (len(test.antibody[far].unique()), int(far.sum())) == (9, 973)
    assert (test.nearest[far] == test.label[far]).float().mean() == pytest.approx(0.665, abs=5e-4)
    (few,) = TASK.examples(replace(settings, options=HIV | {"test": "published-subset"}), "test")
    assert len(few) == 3_301


@needs_tables
def test_thirty_of_the_seen_antibodies_are_validated_on():
    """15 % of 197; their pairs are nobody else's."""
    material = parts.material(chosen("hiv", HIV, mirror=MIRROR))
    assert np.bincount(material.part).tolist() == [167, 30, 57]


@needs_tables
@pytest.mark.parametrize("split", ["hash", "cluster"])
def test_every_antibody_is_tested_on_in_one_fold(split):
    """Five divisions of the same antibodies; whole clusters stay together."""
    settings = chosen("cov", COV | {"split": split}, mirror=MIRROR)
    cov, _ = tables.read_cov(settings)
    tenth = cov.fold if split == "hash" else parts.cluster_folds(cov.antibodies)
    divided = np.array([parts.fold_parts(tenth, fold) for fold in range(5)])
    assert ((divided == 2).sum(axis=0) == 1).all()
    assert np.array_equal(divided[0] == 2, tenth < 2) and np.array_equal(divided[0] == 1, tenth == 2)
    if split == "cluster":
        cluster = clusters(cov.antibodies)
        assert all(len(set(tenth[cluster == k].tolist())) == 1 for k in range(cluster.max() + 1))


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        pytest.param("synthetic", SMALL | {"fold": 1}, "fold is of the source cov; synthetic", id="fold"),
        pytest.param("synthetic", SMALL | {"test": "released"}, "test is of the source hiv", id="test"),
        pytest.param("hiv", HIV | {"split": "hash"}, "split is of the source cov; hiv", id="split"),
        pytest.param("cov", COV | {"antigen_length": 5}, "antigen is none.*leave it out", id="no-antigen"),
        pytest.param(
            "hiv", {"test": "released"}, "hiv examples need the option antibody_length", id="length"
        ),
        pytest.param("cov", COV | {"fold": None}, "cov examples need the option fold", id="no-fold"),
    ],
)
def test_options_that_do_not_go_together_are_refused(source, options, message):
    """Before a table is read."""
    with pytest.raises(ValueError, match=message):
        parts.material(chosen(source, options))


@needs_tables
def test_places_that_are_too_few_are_named():
    """No antibody is cut."""
    with pytest.raises(SequenceError, match="antibody_length is 100, and the longest sequence has 271"):
        TASK.examples(chosen("hiv", HIV | {"antibody_length": 100}, mirror=MIRROR), "test")


# -- networks ----------------------------------------------------------------------------------


def count(network):
    return sum(parameter.numel() for parameter in network.module.parameters())


def test_networks_have_the_published_numbers_of_parameters():
    """Mason's CNN layer by layer; the relation network at its two sizes."""
    full = mason(lengths=(344, 912), width=1, dropout=0.5, generator=None)
    layers = {name: sum(p.numel() for p in part.parameters()) for name, part in full.module.named_modules()}
    wanted = {"antibody.conv": 2_880, "antibody.linear": 704_544, "antigen.linear": 1_867_808}
    wanted |= {"antigen.conv": 2_880, "fuse": 2_080, "out": 33}
    assert {name: layers[f"pair.{name}"] for name in wanted} == wanted
    assert count(full) == 2_580_225
    sizes = {"words": 1_917, "dropout": 0.4, "generator": None}
    assert count(relation(lengths=(344, 912), hidden=512, filters=64, **sizes)) == 45_753_474
    assert count(relation(lengths=(272, 912), hidden=64, filters=16, **sizes)) == 1_501_026


@pytest.mark.parametrize("length", [5, 400], ids=["maximum-on-sequences", "maximum-in-the-table"])
def test_looking_windows_up_is_convolving(length):
    """PyTorch's own convolution with padding and pooling, and gradients too."""
    network = mason(lengths=(length, 0), width=0.25, dropout=0.0, generator=seeded(4))
    branch = network.module.pair.antibody
    tokens = torch.randint(0, OUTSIDE, (40, length), generator=seeded(5))
    x = branch.letters[tokens].transpose(1, 2)
    convolved = nn.functional.conv1d(x, branch.conv.weight, branch.conv.bias, padding=1)
    expected = branch.linear(nn.functional.max_pool1d(convolved, 2, stride=1).transpose(1, 2).flatten(1))
    found = branch(tokens)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    gradients = [
        torch.autograd.grad(y.square().sum(), [branch.conv.weight, branch.conv.bias])
        for y in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)
    ends = torch.full((40, 1), OUTSIDE)
    with_ends = torch.cat([ends, tokens, ends], dim=1)
    torch.testing.assert_close(branch.plain(with_ends), branch.looked_up(with_ends), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["mason", "relation"])
def test_an_answer_does_not_depend_on_the_batch_it_is_in(name):
    """Sequences are encoded once a batch, and nodes of a graph are those of the part."""
    network, settings = made(name)
    network.module.eval()
    (pairs,) = TASK.examples(settings, "test")
    with torch.no_grad():
        one, other = (
            torch.cat([TASK.forward(network.module, b) for b in batches(TASK, pairs, size, device=CPU)])
            for size in (13, 1000)
        )
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", ["mason", "relation"])
def test_two_builds_from_one_generator_are_equal(name):
    """Parameters, and the seed of dropout; without a generator nothing is drawn."""
    torch.manual_seed(1)
    first, _ = made(name, dropout=0.3)
    torch.manual_seed(2)
    second, settings = made(name, dropout=0.3)
    for (key, one), other in zip(first.state().items(), second.state().values(), strict=True):
        assert torch.equal(one, other), key
    before = torch.random.get_rng_state()
    blank = TASK.network(name, settings.options, settings, None)
    assert torch.equal(torch.random.get_rng_state(), before) and list(blank.state()) == list(first.state())


def test_dropout_repeats_its_draws_from_a_kept_state():
    """A training that goes on from a checkpoint must give the same bits."""
    layer, x = Dropout(0.5), torch.ones(1000)
    layer.seed.fill_(5)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second) and set(first.unique().tolist()) == {0.0, 2.0}
    assert abs(float(first.mean()) - 1) < 4 / math.sqrt(1000)
    again = Dropout(0.5)
    again.load_state_dict({"seed": torch.tensor(5), "draws": torch.tensor(1)})
    assert torch.equal(again(x), second)
    assert torch.equal(layer.eval()(x), x)


def test_a_training_with_dropout_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    """Stopped in the second epoch and gone on with, it ends at the same bits as in one go."""
    about = about_of("antibodies")
    settings = TrainingSettings(
        epochs=3, batch_size=200, learning_rate=0.01, optimiser="adam", momentum=0.9, weight_decay=0.0,
        schedule="cosine", warmup_epochs=0, ramp=0.0, patience=None, select="metric", amp=False,
        compile=False,
    )  # fmt: skip

    def trained(checkpoint):
        network, data = made("relation", dropout=0.4)
        parts_of = TASK.examples(data, "train", "validation")
        how = {"settings": settings, "order": seeded(8), "identity": {}, "checkpoint": checkpoint}
        train(network, TASK, about, *parts_of, **how)
        return network.state()

    whole = trained(tmp_path / "whole")
    calls = []

    def stopping(self, batch, options, generator):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return batch

    with monkeypatch.context() as patch:
        patch.setattr(type(TASK), "augment", stopping)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "stopped")
    again = trained(tmp_path / "stopped")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_relation_network_is_what_its_formulas_say():
    """Node by node with plain loops, in double precision."""
    network, settings = made("relation")
    net = network.module.eval().double()
    (pairs,) = TASK.examples(settings, "test")
    batch = TASK.batch(pairs, torch.arange(6))
    batch = replace(
        batch, antibody_words=batch.antibody_words.double(), antigen_words=batch.antigen_words.double()
    )
    elu = nn.functional.elu

    def graph(features, first, trans):
        base = [net.shared(elu(first(x))) for x in features]
        x = [elu(b) for b in base]
        t = [torch.tanh(trans(each)) for each in x]
        n = len(x)
        a = [[float(t[i] @ t[j] / (t[i].norm() * t[j].norm())) for j in range(n)] for i in range(n)]
        d = [sum(max(value, 0.0) for value in row) for row in a]

        def convolved(nodes, layer):
            mixed = [sum(a[i][j] / math.sqrt(d[i] * d[j]) * nodes[j] for j in range(n)) for i in range(n)]
            return [layer.linear.weight @ m + layer.linear.bias for m in mixed]

        total = [b + c for b, c in zip(base, convolved(x, net.graph1), strict=True)]
        total = [s + c for s, c in zip(total, convolved([elu(s) for s in total], net.graph2), strict=True)]
        return [elu(s) for s in total]

    with torch.no_grad():
        antibodies = graph(batch.antibody_words, net.antibody_words, net.antibody_relation)
        antigens = graph(batch.antigen_words, net.antigen_words, net.antigen_relation)
        near = net.local(batch)
        expected = []
        for k in range(6):
            pair = [antigens[batch.antigen_node[k]], antibodies[batch.antibody_node[k]]]
            wide = net.related(elu(torch.cat(pair)))
            expected.append(net.predict(elu(wide + near[k] + wide * near[k] * net.merge)))
        torch.testing.assert_close(net(batch), torch.cat(expected), atol=1e-9, rtol=1e-9)


def test_the_penalty_of_a_relation_graph_counts_while_training_alone():
    """Five ten-thousandths of both adjacencies' norms."""
    network, settings = made("relation")
    (pairs,) = TASK.examples(settings, "validation")
    batch = TASK.batch(pairs, torch.arange(20))
    network.train()
    logits, norms = (each.detach() for each in TASK.forward(network.module, batch))
    network.module.eval()
    plain = TASK.forward(network.module, batch)
    torch.testing.assert_close(logits, plain)
    difference = (TASK.loss((logits, norms), batch)[0] - TASK.loss(plain, batch)[0]).detach()
    assert float(difference) == pytest.approx(5e-4 * float(norms), rel=1e-3)
    nodes = len(batch.antibody_words), len(batch.antigen_words)
    assert math.sqrt(nodes[0]) + math.sqrt(nodes[1]) <= float(norms) <= sum(nodes) + 1e-3


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        pytest.param("mason", {"hidden": 8}, "hidden is of the network relation", id="mason-hidden"),
        pytest.param("mason", {"dropout": None}, "need the option dropout", id="dropout"),
    ],
)
def test_options_of_the_other_network_are_refused(name, options, message):
    """An option that did nothing would be read as if it did."""
    with pytest.raises(ValueError, match=message):
        made(name, **options)


@needs_tables
def test_without_antigen_there_is_one_branch_and_no_relation():
    """The one spike tells nothing apart."""
    settings = chosen("cov", COV | {"width": 0.25}, mirror=MIRROR)
    network = TASK.network("mason", settings.options, settings, seeded(1))
    assert [name for name in network.analog if "antigen" in name] == []
    (pairs,) = TASK.examples(settings, "validation")
    assert TASK.forward(network.module, TASK.batch(pairs, torch.arange(3))).shape == (3,)
    with pytest.raises(ValueError, match="relation needs antigens"):
        TASK.network("relation", settings.options, settings, None)


# -- noise, programming, calibration -----------------------------------------------------------

EVERY = pytest.mark.parametrize("name", ["mason", "relation"])


@EVERY
def test_matrices_are_on_memristors_and_their_inputs_are_noised_unless_data(name):
    """Weight noise, the simulator and activation noise mean the layers that the specification names."""
    network, _ = made(name)
    matrices = [
        f"{where}.weight"
        for where, module in network.module.named_modules()
        if isinstance(module, nn.Linear | nn.Conv1d)
    ]
    assert list(network.places("weight")) == matrices == programmed_parameters(network, "weights")
    data = {"conv", "antibody_words", "antigen_words"}
    noisy = [m.removesuffix(".weight") for m in matrices if m.split(".")[-2] not in data]
    assert list(network.activation_noise) == noisy
    if name == "mason":
        assert noisy == ["pair.antibody.linear", "pair.antigen.linear", "pair.fuse", "pair.out"]


@EVERY
@pytest.mark.parametrize("site", ["activation", "weight"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_noise_acts_everywhere_in_training_and_nowhere_else(name, site, dropout, recwarn):
    """Each place is reached, gradients reach each matrix, and afterwards nothing is left."""
    network, settings = made(name, dropout=dropout)
    (pairs,) = TASK.examples(settings, "train")
    batch = TASK.batch(pairs, torch.arange(30))
    network.module.eval()
    clean = TASK.forward(network.module, batch)
    noise = MultinomialNoise(0.3, 0.3) if site == "activation" else LognormalNoise(0.5)
    spec = NoiseSpec("bayesmulti", site, (noise,) * len(network.places(site)))
    with Injection(network, spec, seeded(3)):
        assert torch.equal(TASK.forward(network.module, batch), clean)
        network.train()
        one, other = (TASK.forward(network.module, batch) for _ in range(2))
        loss, _ = TASK.loss(one, batch)
        loss.backward()
    assert not torch.equal(TASK.loss(one, batch)[0], TASK.loss(other, batch)[0])
    for parameter in network.analog:
        assert network.module.get_parameter(parameter).grad.abs().sum() > 0, parameter
    network.module.eval()
    assert torch.equal(TASK.forward(network.module, batch), clean) and not recwarn.list


def test_pairs_that_share_a_sequence_share_its_draw():
    """As said of the network: a sequence is encoded once, noise included."""
    network, settings = made("mason")
    (pairs,) = TASK.examples(settings, "train")
    same_one = torch.nonzero(pairs.antibody == pairs.antibody[0])[:, 0]
    batch = TASK.batch(pairs, same_one)
    seen = []
    network.module.pair.antibody.register_forward_hook(lambda _m, _i, output: seen.append(output))
    network.train()
    spec = NoiseSpec("bayesmulti", "activation", (MultinomialNoise(0.3, 0.3),) * 4)
    with Injection(network, spec, seeded(3)):
        TASK.forward(network.module, batch)
    assert len(same_one) > 1 and len(seen[0]) == 1


def profiles():
    trend = Trend(eta_share=0.14, beyond=0.8, devices=20, origin="virtual")
    return synthetic_profiles([1.0, 0.5], trend, min_operative_fraction=0.35)


@EVERY
def test_a_table_sees_programmed_weights_and_calibration_comes_close_to_the_clean_network(name):
    """Offset puts each channel right, the convolution's among them; the rest is put back bit for bit."""
    network, settings = made(name)
    network.module.eval()
    train, test = TASK.examples(settings, "train", "test")
    batch = calibration_batch(TASK, train, seeded(2))
    scored = ScoredNetwork(network, TASK, test)
    every = TASK.batch(test, torch.arange(len(test)))
    clean = TASK.forward(network.module, every).detach()
    kinds = {
        kind: calibration(kind, network, TASK, batch, analog="weights")
        for kind in ("none", "scale", "offset")
    }
    before = {key: value.clone() for key, value in network.state().items()}
    with (
        torch.no_grad(),
        PerovskiteMemSim(network, MemSimSettings("relative", "weights", "lognormal")) as memsim,
    ):
        profile = profiles()[1]
        memsim.program(profile, seeded(4))
        errors = {}
        for kind, each in kinds.items():
            with each.calibrated(profile, "lognormal"):
                errors[kind] = float((TASK.forward(network.module, every) - clean).square().mean())
    assert errors["none"] > 0 and errors["offset"] < 0.5 * errors["none"], errors
    assert all(torch.equal(before[key], value) for key, value in network.state().items())
    assert 0 <= scored.score().compute()["auc"] <= 1
    with pytest.raises(CalibrationError, match="has no batch normalisation"):
        calibration("statistics", network, TASK, batch, analog="weights")


# -- what needs no network ---------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_neighbours_are_those_of_a_plain_loop(seed):
    """Sorted by similarity, the first of equals first, those alone that were tested on the antigen."""
    rng = np.random.default_rng(seed)
    similarity = rng.integers(0, 4, (3, 6)) / 4
    answer = rng.integers(-1, 2, (6, 4))
    antibody, antigen = rng.integers(0, 3, 10), rng.integers(0, 4, 10)
    for count_ in (1, 3):
        found = neighbours(similarity, answer, antibody, antigen, count=count_)
        for k, (a, g) in enumerate(zip(antibody, antigen, strict=True)):
            near = sorted(
                (row for row in range(6) if answer[row, g] != NOT_TESTED), key=lambda r: -similarity[a, r]
            )
            if not near:
                assert math.isnan(found[k])
                continue
            weights = [max(similarity[a, row], 1e-6) ** 4 for row in near[:count_]]
            share = sum(w * answer[row, g] for w, row in zip(weights, near, strict=False)) / sum(weights)
            assert found[k] == pytest.approx(share)


def test_baselines_are_those_of_a_plain_loop():
    """Rates and the nearest antibody, counted pair by pair on generated data."""
    material = parts.material(chosen())
    known = [k for k in range(900) if material.part[material.antibody[k]] < 2]
    asked = [k for k in range(900) if material.part[material.antibody[k]] == 2]
    overall = np.mean([material.label[k] for k in known])
    shares = {"majority": [], "antigen-rate": [], "nearest": [], "nearest-rate": []}
    every = alignment_scores(material.antibodies, material.antibodies).clip(0) / 60
    similarity = {(a, b): every[a, b] for a in range(len(every)) for b in range(len(every))}
    for k in asked:
        a, g = material.antibody[k], material.antigen[k]
        mine = [material.label[j] for j in known if material.antigen[j] == g]
        shares["majority"].append(float(overall >= 0.5))
        shares["antigen-rate"].append(np.mean(mine) if mine else overall)
        tested = sorted((material.antibody[j], material.label[j]) for j in known if material.antigen[j] == g)
        best = max(tested, key=lambda each: similarity[a, each[0]], default=(None, overall))
        shares["nearest"].append(best[1])
        near = max(sorted({material.antibody[j] for j in known}), key=lambda other: similarity[a, other])
        own = [material.label[j] for j in known if material.antibody[j] == near]
        one, other = (np.log((sum(x) + 0.5) / (len(x) - sum(x) + 0.5)) for x in (mine, own))
        shares["nearest-rate"].append(1 / (1 + np.exp(-(one + other))))
    label = material.label[asked]
    found = baselines(chosen())
    for name, share in shares.items():
        share = np.array(share)
        assert found[name]["accuracy"] == pytest.approx(((share >= 0.5) == label).mean()), name
        assert found[name]["auc"] == pytest.approx(roc_auc_score(label, share)), name


def test_the_figure_draws_every_band_of_every_programming():
    """A point a programming; numbers beside it are the rows it was given."""
    network, settings = made("mason")
    network.module.eval()
    (test,) = TASK.examples(settings, "test")
    rows = ScoredNetwork(network, TASK, test).score(details=True).details()
    assert [row["band"] for row in rows] == ["all", "relatives", "new lineage"]
    assert rows[0]["pairs"] == rows[1]["pairs"] + rows[2]["pairs"] == len(test)
    drawn = [
        {"method": method, "profile": "p", "level": level, "usability": level, "programming": number} | row
        for method in ("erm", "bayesmulti")
        for level in (1.0, 0.5)
        for number in range(2)
        for row in rows
    ]
    drawing = bands(drawn, experiment="antibodies", origin="virtual")
    assert len(drawing.numbers) == len(drawn) and len(drawing.figure.axes) == 6
    points = sum(
        len(line.get_xdata()) for line in drawing.figure.axes[0].lines if line.get_marker() != "None"
    )
    assert points == 2 * 2 * 3
