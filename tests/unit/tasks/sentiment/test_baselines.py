"""The rules: hand-made sentences, and that generated ones are too hard for them."""

import pytest

from codesign.tasks.about import about_of
from codesign.tasks.contract import DataSettings
from codesign.tasks.sentiment.annotated import NEGATIVE, POSITIVE, Triplet
from codesign.tasks.sentiment.aste import parsed
from codesign.tasks.sentiment.baselines import baselines, lexicon_of, said_by_rule
from codesign.tasks.sentiment.parts import sentences_of
from codesign.tasks.sentiment.scores import scores_of

TRAINING = [
    parsed(line)
    for line in (
        "the wine list is good####[([1, 2], [4], 'POS')]",
        "the wine is not good####[([1], [4], 'NEG')]",
        "Good soup , cold bread####[([1], [0], 'POS'), ([4], [3], 'NEG')]",
        "we had bread and it was cold####[]",
        "we had bread and bread####[]",
    )
]


def said(text, *, both=False):
    return said_by_rule(text.split(), lexicon_of(TRAINING), both=both)


def test_a_lexicon_has_what_training_has_often_enough():
    """Denied praise counts as praise; bread is an aspect one time of four, cold an opinion one of two."""
    lexicon = lexicon_of(TRAINING)
    assert lexicon.aspects == {("wine", "list"), ("wine",), ("soup",)}
    assert lexicon.opinions == {("good",): POSITIVE, ("cold",): NEGATIVE}


@pytest.mark.parametrize(
    ("text", "both", "triplets"),
    [
        pytest.param("the soup is good", False, [Triplet((1, 1), (3, 3), POSITIVE)], id="plain"),
        pytest.param("the soup is not so good", False, [Triplet((1, 1), (5, 5), NEGATIVE)], id="denied"),
        pytest.param(
            "not that soup here is good", False, [Triplet((2, 2), (5, 5), POSITIVE)], id="out-of-reach"
        ),
        pytest.param("GOOD Wine list", False, [Triplet((1, 2), (0, 0), POSITIVE)], id="longest-first"),
        pytest.param("soup and wine good", False, [Triplet((2, 2), (3, 3), POSITIVE)], id="nearest"),
        pytest.param(
            "soup and wine good",
            True,
            [Triplet((0, 0), (3, 3), POSITIVE), Triplet((2, 2), (3, 3), POSITIVE)],
            id="nearest-both",
        ),
        pytest.param("soup good wine", False, [Triplet((0, 0), (1, 1), POSITIVE)], id="earlier-of-equals"),
        pytest.param("good day", True, [], id="no-aspect"),
        pytest.param("soup day", True, [], id="no-opinion"),
    ],
)
def test_the_rule_says_what_a_reader_of_it_expects(text, both, triplets):
    """By hand."""
    assert said(text, both=both) == triplets


def test_a_lexicon_of_nothing_says_nothing():
    """Training sentences without a triplet."""
    assert said_by_rule(["soup"], lexicon_of([parsed("soup####[]")]), both=True) == []


@pytest.mark.parametrize("seed", [2412, 5])
def test_generated_sentences_are_too_hard_for_the_rules(seed):
    """Above nothing and below 0.8, so that there is something to learn."""
    found = baselines(DataSettings("generated", 0.15, seed, {}))
    assert list(found) == list(about_of("sentiment").baselines)
    for scores in found.values():
        assert list(scores) == list(about_of("sentiment").metrics)
        assert 0.3 < scores["f1"] < 0.8 and scores["opinion-f1"] > 0.5


def test_baselines_are_of_the_test_sentences_with_the_words_of_training():
    """The same by steps."""
    settings = DataSettings("generated", 0.15, 3, {"train_size": 200, "test_size": 50})
    lexicon = lexicon_of(sentences_of("train", settings)[0])
    test = sentences_of("test", settings)[0]
    answers = [said_by_rule(each.words, lexicon, both=False) for each in test]
    assert len(test) == 50 and baselines(settings)["nearest-aspect"] == scores_of(test, answers)
