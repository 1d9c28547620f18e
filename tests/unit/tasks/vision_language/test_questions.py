"""Answers that can be ranked, and the rule of words."""

import pytest

from codesign.tasks.vision_language.questions import (
    QUESTIONS,
    AnswerError,
    answer_tokens,
    is_hit,
    prompt_tokens,
)


@pytest.mark.parametrize(
    ("text", "answer", "hit"),
    [
        ("Red.", "red", True),
        ("The answer is: 3", "three", True),
        ("three hundred", "three", True),
        ("thirty-three", "three", True),
        ("threefold", "three", False),
        ("a stop sign, the red one", "stop sign", True),
        ("sign: stop", "stop sign", False),
        ("", "red", False),
    ],
)
def test_an_answer_counts_as_whole_words(text, answer, hit):
    """Whatever case, punctuation and articles stand around it; numbers are words."""
    assert is_hit(text, answer) is hit


@pytest.mark.parametrize("source", QUESTIONS)
def test_listing_every_answer_is_always_right_by_the_rule_of_words(source):
    """The reason why scores are of ranked answers."""
    for question in QUESTIONS[source]:
        assert all(is_hit(", ".join(question.answers), answer) for answer in question.answers)


def test_answers_of_one_token_are_ranked(toy_language):
    """Each has a token of its own."""
    for source in ("scenes", "cifar10"):
        for question in QUESTIONS[source]:
            tokens = answer_tokens(toy_language.tokenizer, question.answers)
            assert len(set(tokens)) == len(question.answers)


def test_an_answer_of_several_tokens_is_refused_by_name(toy_language):
    """Its first token alone would be ranked, and be another answer's too."""
    with pytest.raises(AnswerError, match="the answer 'heavy duty' has 2 tokens; ranking takes"):
        answer_tokens(toy_language.tokenizer, ("red", "heavy duty"))


def test_answers_with_one_first_token_are_refused_by_name(toy_language):
    """Words that the model does not know are one and the same to it."""
    with pytest.raises(AnswerError, match="'crimson' and 'scarlet' begin with the same token"):
        answer_tokens(toy_language.tokenizer, ("red", "crimson", "scarlet"))


def test_the_prompt_ends_before_the_picture(toy_language):
    """So that its keys and values are the same for all pictures."""
    tokens = prompt_tokens(toy_language.tokenizer, QUESTIONS["scenes"][0])
    assert toy_language.tokenizer.decode(tokens.before) == "Question : What shape is it ? Answer :"
    assert tokens.after == ()
