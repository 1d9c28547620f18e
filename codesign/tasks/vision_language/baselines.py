"""What needs no picture: the commonest answer, a training without pictures, a list of every answer."""

import torch
from torch import Tensor

from codesign.tasks.contract import DataSettings
from codesign.tasks.vision_language.blip2 import device_here, is_large
from codesign.tasks.vision_language.encoder import CHANNELS
from codesign.tasks.vision_language.examples import Batch, majority
from codesign.tasks.vision_language.large import large_answering
from codesign.tasks.vision_language.network import AT_ONCE, Answering, answering
from codesign.tasks.vision_language.parts import language_model
from codesign.tasks.vision_language.pictures import Pictures, pictures_of, seen
from codesign.tasks.vision_language.questions import QUESTIONS, Question, is_hit
from codesign.tasks.vision_language.scores import are_right, scores_of

STEPS, RATE = 100, 3e-3
"""Of the training without pictures: steps of AdamW on all training questions at once, and their rate."""


def baselines(settings: DataSettings) -> dict[str, dict[str, float]]:
    """Shares of right answers on the test pictures.

    `majority`: the commonest answer to each question among the training pictures. `blind`: the projection
    trained with every feature at the mean of the training pictures, so that it learns what questions alone
    give away. `everything`: a text that lists all answers to the question, by the rule of words
    (`codesign.tasks.vision_language.questions.is_hit`): the reason why small parts rank answers.
    """
    train, test = (pictures_of(settings, part) for part in ("train", "test"))
    questions = QUESTIONS[settings.source]
    picture, number = torch.nonzero(test.answers >= 0).T
    answers = test.answers[picture, number]
    listed = [
        is_hit(", ".join(questions[k].answers), questions[k].answers[answer])
        for k, answer in zip(number.tolist(), answers.tolist(), strict=True)
    ]
    blind = blind_right(train, test.answers, _network(settings, questions), questions, settings)
    right = {
        "majority": answers == majority(train.answers, settings.source)[number],
        "blind": blind[number, answers],
        "everything": torch.tensor(listed),
    }
    return {name: scores_of(each, number, settings.source) for name, each in right.items()}


def _network(settings: DataSettings, questions: tuple[Question, ...]) -> Answering:
    if is_large(settings):
        return large_answering(settings, questions).module
    return answering(language_model(settings.cache), questions, torch.Generator().manual_seed(0)).module


def blind_right(
    train: Pictures,
    asked: Tensor,
    module: Answering,
    questions: tuple[Question, ...],
    settings: DataSettings,
) -> Tensor:
    """Whether what is answered after a training without pictures is right, bool (questions, most answers).

    Without pictures a training has few examples, each question with each of its answers that occur: all of
    them are learnt at once, weighted by how often they occur.

    Args:
        train: Training pictures, of which the answers count; of large parts the mean of what the encoder sees
            in them, too.
        asked: Of test pictures, (pictures, questions): only answers that are asked for are looked at.
        module: The network before a training.
        questions: Of the source.
        settings: Which parts.
    """
    device = device_here()
    module.to(device)
    nothing = _nothing(train, settings).to(device)
    question, answer, often = _occurring(train.answers)
    kinds = len({each.metric for each in questions})
    _learn(module, question.to(device), answer.to(device), (often / kinds).to(device), nothing)
    most = max(len(each.answers) for each in questions)
    found = torch.zeros(len(questions), most, dtype=torch.bool)
    question, answer, _ = _occurring(asked)
    with torch.inference_mode():
        module.eval()
        for rows in torch.arange(len(question)).split(AT_ONCE):
            some = question[rows].to(device), answer[rows].to(device)
            output = module(nothing.expand(len(rows), -1, -1), *some, some[0] < 0)
            batch = Batch(nothing, *some, torch.full_like(some[0], -1), torch.empty(0), settings.source)
            found[question[rows], answer[rows]] = are_right(output, batch)
    return found


def _nothing(train: Pictures, settings: DataSettings) -> Tensor:
    """What an encoder sees on average, (1, places, channels): 0 where features are standardised."""
    if is_large(settings):
        return seen(train.pixels, settings).mean(dim=0, keepdim=True)
    return torch.zeros(1, settings.needed("grid") ** 2, CHANNELS)


def _occurring(answers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Questions and answers that occur, each pair once, and the share of each among those of its question."""
    picture, question = torch.nonzero(answers >= 0).T
    pairs, counts = torch.stack([question, answers[picture, question]]).unique(dim=1, return_counts=True)
    of_question = torch.bincount(question, minlength=answers.shape[1])
    return pairs[0], pairs[1], (counts.double() / of_question[pairs[0]]).float()


def _learn(module: Answering, question: Tensor, answer: Tensor, weight: Tensor, nothing: Tensor) -> None:
    """Fit the projection's offsets, all that is left of it without pictures."""
    module.train()
    module.language.eval()
    optimiser = torch.optim.AdamW([module.projection.bias], lr=RATE, weight_decay=0.0)
    for _ in range(STEPS):
        optimiser.zero_grad()
        for rows in torch.arange(len(question), device=question.device).split(AT_ONCE):
            output = module(
                nothing.expand(len(rows), -1, -1), question[rows], answer[rows], question[rows] < 0
            )
            (output.losses * weight[rows]).sum().backward()
        optimiser.step()
