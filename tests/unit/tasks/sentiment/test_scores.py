"""Exact-triplet F1: against a count by hand over lists, hand-made cases, outputs that are no numbers."""

import random

import pytest
import torch

from codesign.tasks.about import about_of
from codesign.tasks.contract import score_of
from codesign.tasks.sentiment.annotated import NEGATIVE, NEUTRAL, POSITIVE, Annotated, Triplet
from codesign.tasks.sentiment.figures import reach
from codesign.tasks.sentiment.grid import decoded, tags_of
from codesign.tasks.sentiment.scores import TripletScorer, scores_of
from codesign.tasks.sentiment.sentences import examples_of
from codesign.tasks.sentiment.task import TASK

SOUP = Triplet((1, 1), (3, 3), POSITIVE)
WORDS = ("the", "soup", "was", "fresh", "and", "hot", ".")


def counted(there, said):
    """Precision, recall and F1 of two lists of lists, by comparing each with each."""
    right = sum(
        1 for mine, found in zip(there, said, strict=True) for one in found for other in mine if one == other
    )
    precision = right / max(1, sum(map(len, said)))
    recall = right / max(1, sum(map(len, there)))
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def random_triplets(draw, words):
    """Triplets of single words, no word in two of them."""
    places = draw.sample(range(0, words, 2), 4)
    return [
        Triplet((places[k],) * 2, (places[k + 1],) * 2, draw.choice((NEGATIVE, NEUTRAL, POSITIVE)))
        for k in (0, 2)
        if draw.random() < 0.8
    ]


def logits_of(tags):
    """A network's output that says these tags."""
    return torch.nn.functional.one_hot(torch.tensor(tags), 6).float()


def test_scores_are_those_of_comparing_each_with_each():
    """60 sentences, of which a part is found; through the grid, in batches of 7."""
    draw = random.Random(4)
    there, said = [], []
    for _ in range(60):
        there.append(random_triplets(draw, 9))
        kept = [triplet for triplet in there[-1] if draw.random() < 0.7]
        turned = [triplet._replace(polarity=NEUTRAL) if draw.random() < 0.3 else triplet for triplet in kept]
        said.append(turned or random_triplets(draw, 9))
    examples = examples_of([Annotated(("a",) * 9, tuple(each)) for each in there], {"a": 0}, None)
    scorer = TripletScorer()
    for first in range(0, 60, 7):
        mine = torch.arange(first, min(60, first + 7))
        output = torch.cat([logits_of(tags_of(said[k], 9)) for k in mine.tolist()])
        scorer.update(output, TASK.batch(examples, mine))
    found = scorer.compute()
    decodings = [decoded(tags_of(each, 9), 9) for each in said]
    precision, recall, f1 = counted(there, [each[2] for each in decodings])
    assert 0.2 < f1 < 0.9
    assert (found["precision"], found["recall"]) == pytest.approx((precision, recall))
    assert found["f1"] == pytest.approx(f1)
    for metric, k in (("aspect-f1", 0), ("opinion-f1", 1)):
        spans = [sorted({triplet[k] for triplet in each}) for each in there]
        assert found[metric] == pytest.approx(counted(spans, [each[k] for each in decodings])[2])
    assert score_of(scorer, list(about_of("sentiment").metrics)) == found


@pytest.mark.parametrize(
    ("said", "f1", "aspect", "opinion"),
    [
        pytest.param([SOUP], 1, 1, 1, id="all"),
        pytest.param([], 0, 0, 0, id="nothing"),
        pytest.param([SOUP._replace(polarity=NEGATIVE)], 0, 1, 1, id="other-polarity"),
        pytest.param([SOUP._replace(opinion=(3, 4))], 0, 1, 0, id="opinion-too-long"),
        pytest.param([SOUP._replace(aspect=(0, 1))], 0, 0, 1, id="aspect-too-long"),
        pytest.param([SOUP, SOUP._replace(opinion=(5, 5))], 2 / 3, 1, 2 / 3, id="one-too-many"),
        pytest.param([SOUP, SOUP], 1, 1, 1, id="twice-is-once"),
    ],
)
def test_a_triplet_is_right_where_all_of_it_is(said, f1, aspect, opinion):
    """The sentence 'the soup was fresh and hot .' with one triplet."""
    found = scores_of([Annotated(WORDS, (SOUP,))], [said])
    assert (found["f1"], found["aspect-f1"], found["opinion-f1"]) == pytest.approx((f1, aspect, opinion))


def test_a_sentence_without_a_triplet_counts_what_is_said_of_it():
    """Against precision alone; where nothing is there and nothing said, every score is 0."""
    empty = Annotated(WORDS, ())
    found = scores_of([Annotated(WORDS, (SOUP,)), empty], [[SOUP], [SOUP]])
    assert (found["precision"], found["recall"]) == (0.5, 1)
    assert set(scores_of([empty], [[]]).values()) == {0}
    assert set(TripletScorer().compute().values()) == {0}


def test_an_output_that_is_no_number_finds_nothing_in_its_sentence():
    """One cell is enough; the other sentence is scored as it is."""
    examples = examples_of([Annotated(WORDS, (SOUP,))] * 2, {word: k for k, word in enumerate(WORDS)}, None)
    batch = TASK.batch(examples, torch.arange(2))
    output = logits_of(batch.tags.tolist())
    output[5, 2] = torch.nan
    scorer = TripletScorer()
    scorer.update(output, batch)
    found = scorer.compute()
    assert (found["precision"], found["recall"]) == (1, 0.5)
    assert found["aspect-f1"] == found["opinion-f1"] == pytest.approx(2 / 3)


def test_details_count_triplets_by_the_words_between():
    """Three triplets of three reaches in a sentence, the far one missed; another sentence finds its own."""
    words = ("w",) * 14
    triplets = (
        Triplet((0, 0), (1, 1), POSITIVE),
        Triplet((5, 5), (3, 3), NEGATIVE),
        Triplet((12, 13), (3, 3), NEGATIVE),
    )
    examples = examples_of([Annotated(words, triplets), Annotated(words, triplets[:1])], {"w": 0}, None)
    said = [tags_of(triplets[:2], 14), tags_of(triplets[:1], 14)]
    scorer = TASK.scorer(details=True)
    scorer.update(torch.cat([logits_of(tags) for tags in said]), TASK.batch(examples, torch.arange(2)))
    assert scorer.details() == [
        {"between": "none", "triplets": 2, "recall": 1.0},
        {"between": "1 or 2", "triplets": 1, "recall": 1.0},
        {"between": "6 and more", "triplets": 1, "recall": 0.0},
    ]
    assert scorer.compute()["recall"] == 3 / 4


def test_the_figure_draws_every_programming_and_joins_their_means():
    """A panel a level; the numbers are those of the rows."""
    rows = [
        {"method": method, "profile": "p", "level": level, "usability": level, "programming": programming}
        | {"between": between, "triplets": 10, "recall": (level + 0.1 * programming) / (1 + k)}
        for k, method in enumerate(("bayesmulti", "erm"))
        for level in (0.3, 0.5, 0.8)
        for programming in (0, 1)
        for between in ("none", "6 and more")
    ]
    drawing = reach(rows, experiment="reviews", origin="virtual")
    assert [axes.get_title(loc="left") for axes in drawing.figure.axes] == ["U = 0.8", "U = 0.5", "U = 0.3"]
    points, means = drawing.figure.axes[0].lines[:2]  # of ERM, which comes first
    assert sorted(points.get_ydata()) == pytest.approx([0.4, 0.4, 0.45, 0.45])
    assert list(means.get_ydata()) == pytest.approx([0.425, 0.425])
    assert len(drawing.numbers) == len(rows) and "profile" not in drawing.numbers[0]
