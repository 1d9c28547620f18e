"""Questions, the closed set of answers to each, and the rule of words for answers that are written freely."""

import re
from typing import NamedTuple


class Template(NamedTuple):
    """What a language model reads around a picture and a question, and how it answers."""

    before: str
    """In front of the picture; {} is the question's place."""
    after: str
    """Between the picture and the answer; {} is the question's place."""
    begins: bool
    """Whether the model's token of a text's beginning stands in front of all."""
    ranked: bool
    """Whether the answer is the one of a closed set whose token has the largest logit, else it is written."""
    end: str
    """Ends an answer; '' is the model's end token, which ends an answer with every template."""
    longest: int
    """Most tokens of an answer that is written."""


PROMPT = "Question: {}\nAnswer:"
SMALL = Template(PROMPT, "", begins=False, ranked=True, end="", longest=8)
"""The picture's place comes last, so that keys and values of a question are the same for all pictures."""
MINIGPT4 = Template(
    "###Human: <Img>", "</Img> {} ###Assistant:", begins=True, ranked=False, end="###", longest=16
)
"""What MiniGPT-4's published projection was trained in: the conversation of Vicuna v0.

Source:
    Zhu et al. (2023), arXiv 2304.10592, Sect. 3.3; the length of an answer is ours.
"""


class Question(NamedTuple):
    """An open question with a closed set of answers."""

    metric: str
    """What the share of right answers is called; questions of one metric are counted together, and that of a
    source with one metric is the mean itself."""
    text: str
    answers: tuple[str, ...]
    """To be ranked, words of one token each; digits would share their first one."""


SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
COUNTS = ("one", "two", "three", "four", "five")
LARGER = ("six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen")
YES_NO = ("yes", "no")
COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "black")
CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Of CIFAR-10, in the order of its labels."""
ALSO_CALLED = {"plane": ("airplane", "aeroplane"), "car": ("automobile",)}
"""Other names of answers, CIFAR-10's own among them: large parts may write them from the start."""
_CATEGORIES = """
    person:people, bicycle, car, motorcycle, airplane, bus:buses, train, truck, boat, traffic light, fire
    hydrant, stop sign, parking meter, bench:benches, bird, cat, dog, horse, sheep:sheep, cow, elephant, bear,
    zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis:ski, snowboard, sports ball,
    kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass:wine glasses,
    cup, fork, knife:knives, spoon, bowl, banana, apple, sandwich:sandwiches, orange, broccoli, carrot, hot
    dog, pizza, donut, cake, chair, couch:couches, potted plant, bed, dining table, toilet, tv, laptop,
    mouse:mice, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase,
    scissors:scissors, teddy bear, hair drier, toothbrush:toothbrushes
"""
THINGS = {
    name: plural or f"{name}s"
    for name, _, plural in (" ".join(each.split()).partition(":") for each in _CATEGORIES.split(","))
}
"""Categories of MSCOCO to their plurals, as the questions of LVLM-eHub write them."""
COUNTED = "How many {} are there in the image?"
SOUGHT = "Does {} exist in the image?"

QUESTIONS = {
    "scenes": (
        Question("shape", "What shape is it?", SHAPES),
        Question("count", "How many are there?", COUNTS),
        Question("colour", "What colour is it?", COLOURS),
    ),
    "cifar10": (Question("accuracy", "What does the picture show?", CLASSES),),
    "coco": (
        *(Question("counting", COUNTED.format(plural), COUNTS + LARGER) for plural in THINGS.values()),
        *(Question("identification", SOUGHT.format(name), YES_NO) for name in THINGS),
    ),
}
"""Source of pictures to what may be asked of each: of scenes and CIFAR-10 everything, of MSCOCO what
LVLM-eHub asks (codesign/tasks/vision_language/coco.py)."""

ARTICLES = ("a", "an", "the")
NUMBERS = {str(number): word for number, word in enumerate(("zero", *COUNTS, *LARGER))} | {"none": "zero"}
GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
"""Commas inside a number."""
PUNCTUATION = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w\s.]|_")
"""Everything that is no letter, digit or space, but the point of a decimal fraction."""


def words_of(text: str) -> list[str]:
    """The words that count: small letters, no punctuation, no articles, numbers up to fifteen as words.

    Example:
        >>> words_of("There are 3, the RED ones; 1,500 of 2.5.")
        ['there', 'are', 'three', 'red', 'ones', '1500', 'of', '2.5']
    """
    found = PUNCTUATION.sub(" ", GROUPED.sub("", text.lower())).split()
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


def is_named(text: str, answer: str) -> bool:
    """Whether the right answer occurs in a text, by any name of `ALSO_CALLED`.

    Example:
        >>> is_named("This is an airplane.", "plane"), is_hit("This is an airplane.", "plane")
        (True, False)
    """
    return any(is_hit(text, name) for name in (answer, *ALSO_CALLED.get(answer, ())))


class AnswerError(ValueError):
    """Answers cannot be ranked; the message names them."""


def answer_tokens(tokenizer, question: Question) -> list[int]:
    """The one token of each answer, written behind a space.

    Args:
        tokenizer: Of transformers.
        question: Its answers.

    Raises:
        AnswerError: An answer has several tokens, or two have the same one: ranking by one token cannot
            tell them apart. The message names the question, the file and a remedy.
    """
    found: dict[int, str] = {}
    place = f"the question {question.text!r}, codesign/tasks/vision_language/questions.py"
    for answer in question.answers:
        tokens = tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
        if len(tokens) != 1:
            raise AnswerError(
                f"{place}: the answer {answer!r} has {len(tokens)} tokens; ranking takes answers of one "
                "token, e.g. number words in place of digits: choose another word"
            )
        if tokens[0] in found:
            raise AnswerError(
                f"{place}: the answers {found[tokens[0]]!r} and {answer!r} have the same token, so ranking "
                "cannot tell them apart: choose another word"
            )
        found[tokens[0]] = answer
    return list(found)


class Prompt(NamedTuple):
    """Tokens around a picture."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def prompt_tokens(tokenizer, question: Question, template: Template = SMALL) -> Prompt:
    """Tokens of what stands before the picture and between it and the answer.

    Each side is a text of its own, as in MiniGPT-4's code: a tokenizer that begins a text with a space does
    so twice.

    Args:
        tokenizer: Of transformers.
        question: Its text.
        template: What stands around it.

    Raises:
        AnswerError: The template begins a text with a token that the tokenizer does not have.
    """

    def tokens(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text.format(question.text), add_special_tokens=False)["input_ids"])

    first = ()
    if template.begins:
        if tokenizer.bos_token_id is None:
            raise AnswerError(
                "the tokenizer has no token of a text's beginning (bos_token), which the prompt of "
                "MiniGPT-4 begins with; take the tokenizer of a Llama model"
            )
        first = (tokenizer.bos_token_id,)
    return Prompt(first + tokens(template.before), tokens(template.after) if template.after else ())


def target_tokens(tokenizer, question: Question, template: Template = SMALL) -> list[list[int]]:
    """Tokens of each answer of a question with what ends it, which a training is asked for.

    Args:
        tokenizer: Of transformers.
        question: Its answers.
        template: With ranking the end is the end token, else the template's end.

    Raises:
        AnswerError: With ranking, as `answer_tokens`.
    """
    if template.ranked:
        return [[token, tokenizer.eos_token_id] for token in answer_tokens(tokenizer, question)]
    return [
        tokenizer(answer + template.end, add_special_tokens=False)["input_ids"] for answer in question.answers
    ]
