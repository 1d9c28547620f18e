"""What needs no picture: the commonest answer, a training without pictures, a list of every answer."""

import torch
from torch import Tensor

from codesign.tasks.contract import DataSettings
from codesign.tasks.vision_language.encoder import CHANNELS
from codesign.tasks.vision_language.examples import majority
from codesign.tasks.vision_language.network import Answering, answering
from codesign.tasks.vision_language.parts import Language, language_model
from codesign.tasks.vision_language.pictures import Pictures, pictures_of
from codesign.tasks.vision_language.questions import QUESTIONS, Question, is_hit
from codesign.tasks.vision_language.scores import decided, scores_of

STEPS, RATE = 100, 3e-3
"""Of the training without pictures: steps of AdamW on all training questions at once, and their rate."""


def baselines(settings: DataSettings) -> dict[str, dict[str, float]]:
    """Shares of right answers on the test pictures.

    `majority`: the commonest answer to each question among the training pictures. `blind`: the projection
    trained with every feature 0, the mean of the training pictures, so that it learns what questions alone
    give away. `everything`: a text that lists all answers to the question, by the rule of words
    (`codesign.tasks.vision_language.questions.is_hit`): the reason why answers are ranked here.
    """
    train, test = (pictures_of(settings, part) for part in ("train", "test"))
    questions = QUESTIONS[settings.source]
    common = majority(train.answers, settings.source)
    blind = blind_answers(train, language_model(settings.cache), questions, settings)
    listed = torch.tensor(
        [
            [
                is_hit(", ".join(each.answers), each.answers[int(answer)])
                for each, answer in zip(questions, row, strict=True)
            ]
            for row in test.answers
        ]
    )
    right = {
        "majority": test.answers == common,
        "blind": test.answers == blind,
        "everything": listed,
    }
    number = torch.arange(len(questions)).expand_as(test.answers).flatten()
    return {name: scores_of(each.flatten(), number, settings.source) for name, each in right.items()}


def blind_answers(
    train: Pictures, language: Language, questions: tuple[Question, ...], settings: DataSettings
) -> Tensor:
    """The answer to each question after a training without pictures, int64 (questions,).

    Without pictures a training has few examples, each question with each of its answers: all of them are
    learnt at once, weighted by how often they occur.

    Args:
        train: Training pictures, of which the answers count.
        language: Frozen.
        questions: Of the source.
        settings: `grid` among its options.
    """
    module = answering(language, questions, torch.Generator().manual_seed(0)).module
    pairs = [(number, k) for number, each in enumerate(questions) for k in range(len(each.answers))]
    question, answer = torch.tensor(pairs).T
    often = torch.stack([(train.answers[:, number] == k).double().mean() for number, k in pairs]).float()
    _learn(module, question, answer, often / len(questions), places=settings.needed("grid") ** 2)
    with torch.inference_mode():
        number = torch.arange(len(questions))
        nothing = torch.zeros(len(questions), settings.needed("grid") ** 2, CHANNELS)
        output = module.eval()(nothing, number, torch.zeros_like(number), number < 0)
    return decided(output.scores, number, settings.source)


def _learn(module: Answering, question: Tensor, answer: Tensor, weight: Tensor, *, places: int) -> None:
    """Fit the projection's offsets, all that is left of it without pictures."""
    module.train()
    module.language.eval()
    optimiser = torch.optim.AdamW([module.projection.bias], lr=RATE, weight_decay=0.0)
    nothing = torch.zeros(len(question), places, CHANNELS)
    for _ in range(STEPS):
        output = module(nothing, question, answer, question < 0)
        optimiser.zero_grad()
        (output.losses * weight).sum().backward()
        optimiser.step()
