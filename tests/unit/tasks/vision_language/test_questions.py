"""Answers that can be ranked, and the rule of words."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from codesign.tasks.vision_language.network import answering
from codesign.tasks.vision_language.parts import LANGUAGE, located
from codesign.tasks.vision_language.questions import (
    MINIGPT4,
    QUESTIONS,
    THINGS,
    AnswerError,
    Question,
    answer_tokens,
    is_hit,
    prompt_tokens,
    target_tokens,
    words_of,
)
from tests.unit.tasks.vision_language.conftest import RANKED, WHY

REPOSITORY = Path(__file__).resolve().parents[4]


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
        ("Yes, there is.", "yes", True),
        ("There is none, NO!", "no", True),
        ("nobody, nothing, note", "no", False),
        ("I know of 12 cups", "twelve", True),
        ("12 cups", "two", False),
        ("2.5 metres", "two", False),
        ("It is 2.", "two", True),
        ("1,500 people", "one", False),
        ("1, 2 or 3", "two", True),
        ("the_cup", "cup", True),
        ("zero", "0", True),
        ("There are none", "zero", True),
        ("an orange", "the orange", True),
        ("a hot dog", "hot-dog", True),
    ],
)
def test_an_answer_counts_as_whole_words(text, answer, hit):
    """Whatever case, punctuation and articles stand around it; numbers are words."""
    assert is_hit(text, answer) is hit


def test_numbers_are_words_up_to_fifteen_and_figures_beyond():
    """As far as there are words, and as MSCOCO's answers go; other figures stay what they are."""
    words = [words_of(str(number)) for number in range(17)]
    assert words[0] == ["zero"] and words[15] == ["fifteen"] and words[16] == ["16"]
    assert len({tuple(each) for each in words}) == 17


def test_mscocos_questions_are_of_its_80_categories():
    """How many, and whether there is one; the number of a question is its place."""
    asked = QUESTIONS["coco"]
    assert len(THINGS) == 80 and len({question.text for question in asked}) == len(asked) == 160
    assert asked[0].text == "How many people are there in the image?"
    assert asked[80].text == "Does person exist in the image?"
    assert {question.metric for question in asked[:80]} == {"counting"}
    assert {question.answers for question in asked[80:]} == {("yes", "no")}


@pytest.mark.parametrize("source", QUESTIONS)
def test_listing_every_answer_is_always_right_by_the_rule_of_words(source):
    """The reason why scores are of ranked answers."""
    for question in QUESTIONS[source]:
        assert all(is_hit(", ".join(question.answers), answer) for answer in question.answers)


def test_answers_of_one_token_are_ranked(toy_language):
    """Each has a token of its own."""
    for source in ("scenes", "cifar10"):
        for question in QUESTIONS[source]:
            tokens = answer_tokens(toy_language.tokenizer, question)
            assert len(set(tokens)) == len(question.answers)


def test_answers_of_one_token_are_ranked_by_the_real_tokenizer():
    """SmolLM2's, as its package brings it: every answer that is ranked has one, and the end is another."""
    transformers = pytest.importorskip("transformers", reason=WHY)
    pytest.importorskip("gguf", reason=WHY)
    if find_spec(LANGUAGE.package) is None:
        pytest.skip(WHY)
    path = located(LANGUAGE)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    for source in RANKED:
        for question in QUESTIONS[source]:
            targets = target_tokens(tokenizer, question)
            words = [tokenizer.decode(tokens[:1]) for tokens in targets]
            assert words == [f" {answer}" for answer in question.answers]
            assert {tokens[1] for tokens in targets} == {tokenizer.eos_token_id}
            before = tokenizer.decode(prompt_tokens(tokenizer, question).before)
            assert before == f"Question: {question.text}\nAnswer:"
    with pytest.raises(AnswerError, match="the answer '2' has 2 tokens"):
        answer_tokens(tokenizer, Question("count", "How many?", ("2",)))


def test_an_answer_of_several_tokens_is_refused_by_name(toy_language):
    """Its first token alone would be ranked, and be another answer's too: question, file and remedy."""
    asked = Question("shape", "What is heavy?", ("red", "heavy duty"))
    with pytest.raises(AnswerError, match="the answer 'heavy duty' has 2 tokens; ranking takes") as said:
        answer_tokens(toy_language.tokenizer, asked)
    assert str(said.value).startswith("the question 'What is heavy?', codesign/tasks/vision_language/quest")
    assert str(said.value).endswith("choose another word")
    assert (REPOSITORY / "codesign/tasks/vision_language/questions.py").is_file()


def test_answers_with_one_first_token_are_refused_by_name(toy_language):
    """Words that the model does not know are one and the same to it."""
    asked = Question("colour", "What colour is it?", ("red", "crimson", "scarlet"))
    with pytest.raises(AnswerError, match=r"colour is it.*'crimson' and 'scarlet' have the same .*choose an"):
        answer_tokens(toy_language.tokenizer, asked)


def test_a_network_with_answers_that_cannot_be_ranked_is_not_made(toy_language):
    """Nothing is trained before that is known."""
    asked = (*QUESTIONS["scenes"], Question("duty", "What duty is it?", ("red", "heavy duty")))
    with pytest.raises(AnswerError, match="What duty is it"):
        answering(toy_language, asked, torch.Generator().manual_seed(1))


def test_the_prompt_ends_before_the_picture(toy_language):
    """So that its keys and values are the same for all pictures."""
    tokens = prompt_tokens(toy_language.tokenizer, QUESTIONS["scenes"][0])
    assert toy_language.tokenizer.decode(tokens.before) == "Question : What shape is it ? Answer :"
    assert tokens.after == ()


def test_a_tokenizer_without_a_beginning_cannot_have_minigpt4s_prompt(toy_language):
    """Its language model was trained with one."""
    with pytest.raises(AnswerError, match=r"no token of a text's beginning .*take the tokenizer of a Llama"):
        prompt_tokens(toy_language.tokenizer, QUESTIONS["scenes"][0], MINIGPT4)
