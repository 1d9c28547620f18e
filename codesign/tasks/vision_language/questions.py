"""Questions, the closed set of answers to each, and the rule of words for answers that are written freely."""

import re
from collections.abc import Sequence
from typing import NamedTuple

PROMPT = "Question: {}\nAnswer:"
"""What a language model reads before the picture; the picture's place comes last, the answer behind it."""


class Question(NamedTuple):
    """An open question with a closed set of answers."""

    metric: str
    """What the share of right answers is called; that of a single question is the mean itself."""
    text: str
    answers: tuple[str, ...]
    """Words of one token each; digits would share their first one."""


SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COUNTS = ("one", "two", "three", "four", "five")
COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "black")
CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Of CIFAR-10, in the order of its labels."""

QUESTIONS = {
    "scenes": (
        Question("shape", "What shape is it?", SHAPES),
        Question("count", "How many are there?", COUNTS),
        Question("colour", "What colour is it?", COLOURS),
    ),
    "cifar10": (Question("accuracy", "What does the picture show?", CLASSES),),
}
"""Source of pictures to what is asked of each picture; prompts of one source have as many tokens each."""

ARTICLES = ("a", "an", "the")
NUMBERS = {str(number): word for number, word in enumerate(("zero", *COUNTS))}
PUNCTUATION = re.compile(r"[^\w\s]")


def words_of(text: str) -> list[str]:
    """The words that count: small letters, no punctuation, no articles, numbers as words.

    Example:
        >>> words_of("There are 3, the RED ones.")
        ['there', 'are', 'three', 'red', 'ones']
    """
    found = PUNCTUATION.sub(" ", text.lower()).split()
    return [NUMBERS.get(word, word) for word in found if word not in ARTICLES]


def is_hit(text: str, answer: str) -> bool:
    """Whether the right answer occurs in a text as whole words.

    A text that lists every answer is always a hit: mean lengths stand beside such scores.

    Source:
        The meaning of LVLM-eHub's rule (Xu et al. 2023, arXiv 2306.09265), in our own words.

    Example:
        >>> is_hit("It is a reddish car", "red"), is_hit("Two red cars.", "red"), is_hit("1 or 2", "two")
        (False, True, True)
    """
    said, wanted = words_of(text), words_of(answer)
    return any(said[k : k + len(wanted)] == wanted for k in range(len(said) - len(wanted) + 1))


class AnswerError(ValueError):
    """Answers cannot be ranked; the message names them."""


def answer_tokens(tokenizer, answers: Sequence[str]) -> list[int]:
    """The one token of each answer, written behind a space.

    Args:
        tokenizer: Of transformers.
        answers: Of one question.

    Raises:
        AnswerError: An answer has several tokens, or two begin with the same one: ranking by one token
            cannot tell them apart.
    """
    found: dict[int, str] = {}
    for answer in answers:
        tokens = tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
        if len(tokens) != 1:
            raise AnswerError(
                f"the answer {answer!r} has {len(tokens)} tokens; ranking takes answers of one token, "
                "e.g. number words in place of digits"
            )
        if tokens[0] in found:
            raise AnswerError(f"the answers {found[tokens[0]]!r} and {answer!r} begin with the same token")
        found[tokens[0]] = answer
    return list(found)


def prompt_tokens(tokenizer, question: Question) -> list[int]:
    """Tokens of what stands before the picture."""
    return tokenizer(PROMPT.format(question.text), add_special_tokens=False)["input_ids"]
