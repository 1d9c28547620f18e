"""One layer is trained, noised and programmed; everything else stays as it is."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.dropout import DropoutNoise
from codesign.bayesmulti.specification import method_spec
from codesign.evaluation.calibration import calibration, calibration_batch
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.about import about_of
from codesign.tasks.contract import DataSource
from codesign.tasks.vision_language.encoder import CHANNELS
from codesign.tasks.vision_language.examples import Examples, collated
from codesign.tasks.vision_language.network import Answering, answering, said_of
from codesign.tasks.vision_language.parts import PartError
from codesign.tasks.vision_language.questions import PROMPT, QUESTIONS
from codesign.tasks.vision_language.task import TASK
from codesign.training.loop import TrainingSettings, train

ASKED = QUESTIONS["scenes"]


def examples(number=8, places=2):
    """Pictures whose features say the answers."""
    generator = torch.Generator().manual_seed(2)
    sizes = [len(question.answers) for question in ASKED]
    answers = torch.stack([torch.randint(size, (number,), generator=generator) for size in sizes], dim=1)
    features = torch.randn(number, places, CHANNELS, generator=generator)
    for k in range(3):
        features[torch.arange(number), :, 20 * k + answers[:, k]] = 4
    pixels = torch.randint(256, (2, 3, 8, 8), generator=generator).byte()
    shown = torch.tensor([0, 1, *[-1] * (number - 2)])
    return Examples(features, answers, shown, pixels, "scenes", DataSource("scenes", "generated", "", ""))


@pytest.fixture
def network(toy_language):
    """From a generator."""
    return answering(toy_language, ASKED, torch.Generator().manual_seed(1))


@pytest.fixture
def batch():
    """All questions about all pictures."""
    made = examples()
    return made.chosen(torch.arange(len(made)))


def test_batches_are_what_collate_makes():
    """Pictures that are shown stand in the examples' order."""
    made = examples()
    indices = torch.tensor([5, 0, 13, 1, 4])
    first, second = made.chosen(indices), collated([made[int(k)] for k in indices])
    for name in ("features", "question", "answer", "number", "pixels"):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
    assert first.question.tolist() == [2, 0, 1, 1, 1]
    assert torch.equal(first.pixels, made.pixels[[1, 0, 0, 1]])


def test_two_tensors_learn_and_one_is_on_memristors(network, batch):
    """Gradients reach the projection through the language model and stay with it."""
    network.train()
    TASK.loss(said_of(network.module, batch), batch)[0].backward()
    learnt = [name for name, each in network.module.named_parameters() if each.grad is not None]
    assert learnt == ["projection.weight", "projection.bias"]
    assert network.analog == ("projection.weight",)
    assert list(network.state()) == learnt
    assert all(bool(network.module.get_parameter(name).grad.abs().sum() > 0) for name in learnt)


def test_a_training_changes_no_bit_of_the_frozen_parts(network, batch):
    """And learns."""
    before = {name: tensor.clone() for name, tensor in network.module.language.state_dict().items()}
    optimiser = torch.optim.AdamW(list(network.state().values()), lr=0.02, fused=True)
    losses = []
    for _ in range(60):
        network.train()
        loss, count = TASK.loss(said_of(network.module, batch), batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    after = network.module.language.state_dict()
    assert count == 24 and losses[-1] < 0.5 * losses[0]
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    network.module.eval()
    scorer = TASK.scorer(details=True)
    scorer.update(said_of(network.module, batch), batch)
    assert scorer.compute()["accuracy"] > 0.6
    rows = scorer.details()
    assert len(rows) == 6 and {row["number"] for row in rows} == {0, 1}


def everything_of(module):
    """Parameters and all buffers, those too that are saved nowhere."""
    return {name: tensor.clone() for name, tensor in (*module.named_parameters(), *module.named_buffers())}


@pytest.mark.parametrize("site", ["weight", "activation"])
def test_the_workflows_training_with_noise_changes_the_projection_alone(network, site):
    """Through the loop that every method trains with, validation included, and a programming after it."""
    language, projection = network.module.language, network.module.projection
    before, start = everything_of(language), everything_of(projection)
    spec = method_spec("bayesmulti", {"p_zero": 0.1, "p_half": 0.1}, len(network.places(site)), site=site)
    noise = torch.Generator().manual_seed(3)
    settings = TrainingSettings(
        epochs=6, batch_size=8, learning_rate=0.02, optimiser="adamw", momentum=0.9, weight_decay=0.05,
        schedule="cosine", warmup_epochs=0.25, ramp=0.5, patience=None, select="loss", amp=False,
        compile=False,
    )  # fmt: skip
    result = train(
        network, TASK, about_of("vision_language").of_source("scenes"), examples(), examples(4),
        settings=settings, order=torch.Generator().manual_seed(2), options={},
        noise=noise, injection=lambda network: Injection(network, spec, noise),
    )  # fmt: skip
    losses = [row["train"]["loss"] for row in result.history]
    assert losses[-1] < 0.8 * losses[0]
    (half,) = synthetic_profiles([0.5], Trend(0.4, 0.6, 9, "measured"), min_operative_fraction=0.35)
    with PerovskiteMemSim(network, MemSimSettings("relative", "weights", "lognormal")) as simulator:
        simulator.program(half, torch.Generator().manual_seed(3))
    after, end = everything_of(language), everything_of(projection)
    assert list(after) == list(before) and any("inv_freq" in name for name in after)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert all(each.grad is None and not each.requires_grad for each in language.parameters())
    assert list(end) == ["weight", "bias"] and not any(torch.equal(end[name], start[name]) for name in end)


def words_of(network, batch, row):
    """The token of each answer to an example's question."""
    answers = ASKED[int(batch.question[row])].answers
    return [network.module._tokenizer(answer)["input_ids"][0] for answer in answers]


def plainly(network, batch, row, *, answer=False):
    """Logits of the last place, of one example alone and without a cache."""
    module, language = network.module, network.module.language
    words = language.get_input_embeddings()
    text = PROMPT.format(ASKED[int(batch.question[row])].text)
    prompt = words(torch.tensor([module._tokenizer(text)["input_ids"]]))
    read = [prompt, module.projection(batch.features[row : row + 1])]
    if answer:
        said = ASKED[int(batch.question[row])].answers[int(batch.answer[row])]
        read.append(words(torch.tensor([module._tokenizer(said)["input_ids"]])))
    return language(inputs_embeds=torch.cat(read, dim=1), use_cache=False).logits[0, -1]


@torch.no_grad()
def test_a_kept_prompt_gives_what_reading_it_gives(network, batch):
    """Scores and losses of a mixed batch are those of each example read by itself from the start."""
    network.module.eval()
    output = said_of(network.module, batch)
    network.train()
    trained = said_of(network.module, batch)
    network.module.eval()
    for row in range(len(batch)):
        logits = plainly(network, batch, row)
        tokens = words_of(network, batch, row)
        torch.testing.assert_close(output.scores[row, : len(tokens)], logits[tokens])
        right = -logits.log_softmax(dim=0)[tokens[int(batch.answer[row])]]
        torch.testing.assert_close(output.losses[row], right)
        end = -plainly(network, batch, row, answer=True).log_softmax(dim=0)[network.module._end]
        torch.testing.assert_close(trained.losses[row], (right + end) / 2)


@torch.no_grad()
def test_prompts_of_different_lengths_may_be_in_one_batch(toy_language, batch):
    """Each example keeps its own."""
    longer = (ASKED[0]._replace(text="What shape is it What shape is it?"), *ASKED[1:])
    mixed = answering(toy_language, longer, torch.Generator().manual_seed(1)).module.eval()
    alike = answering(toy_language, ASKED, torch.Generator().manual_seed(1)).module.eval()
    found, expected = said_of(mixed, batch).scores, said_of(alike, batch).scores
    others = batch.question > 0
    torch.testing.assert_close(found[others], expected[others])
    assert not torch.allclose(found[~others], expected[~others])


@torch.no_grad()
def test_prompts_are_read_again_in_double_precision(network, batch):
    """Scoring repeats what overflows with a copy of the network in double precision."""
    network.module.eval()
    single = said_of(network.module, batch).scores
    double = copy.deepcopy(network.module).double()
    found = double(batch.features.double(), batch.question, batch.answer, batch.number >= 0)
    assert found.scores.dtype == torch.float64
    torch.testing.assert_close(found.scores.float(), single, rtol=1e-3, atol=1e-4)
    assert len(found.written()) == 6


def test_prompts_read_while_scoring_serve_a_training(network, batch):
    """Tensors of inference cannot be part of a gradient."""
    network.module.eval()
    with torch.inference_mode():
        said_of(network.module, batch)
    network.train()
    TASK.loss(said_of(network.module, batch), batch)[0].backward()
    assert network.module.projection.weight.grad is not None


@torch.no_grad()
def test_answers_are_written_as_a_greedy_search_does(network, batch):
    """Token by token until the end."""
    module = network.module.eval()
    written = said_of(module, batch).written()
    rows = torch.nonzero(batch.number >= 0)[:, 0].tolist()
    for text, row in zip(written, rows, strict=True):
        prompt = module._prompts[int(batch.question[row])].before
        embedded = module.language.get_input_embeddings()(torch.tensor([prompt]))
        read = torch.cat([embedded, module.projection(batch.features[row : row + 1])], dim=1)
        tokens = module.language.generate(
            inputs_embeds=read, attention_mask=torch.ones(read.shape[:2]), max_new_tokens=8,
            do_sample=False, pad_token_id=module._end,
        )  # fmt: skip
        assert text == module._tokenizer.decode(tokens[0], skip_special_tokens=True).strip()


@torch.no_grad()
def test_programming_acts_on_the_projection_alone(network, batch):
    """Everything else holds its bits, and the clean weights come back."""
    ideal, half = synthetic_profiles([1.0, 0.5], Trend(0.4, 0.6, 9, "measured"), min_operative_fraction=0.35)
    module = network.module.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    clean = said_of(module, batch).scores
    settings = MemSimSettings(mapping="relative", analog="weights", noise="lognormal")
    with PerovskiteMemSim(network, settings) as simulator:
        assert simulator.names == ["projection.weight"]
        simulator.program(half, torch.Generator().manual_seed(3))
        changed = [name for name, each in module.state_dict().items() if not torch.equal(each, before[name])]
        assert changed == ["projection.weight"]
        assert not torch.allclose(said_of(module, batch).scores, clean)
        simulator.program(ideal)
        torch.testing.assert_close(said_of(module, batch).scores, clean)
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())


@pytest.mark.parametrize("site", ["weight", "activation"])
def test_noise_is_on_the_weight_or_on_what_the_projection_gives(network, batch, site):
    """A rule for layers one after the other would give a network of one layer no noise on activations."""
    module = network.module
    read, given, factors = [], [], []
    handles = [
        module.reading.register_forward_hook(lambda _, inputs, output: read.append(output.detach())),
        module.projection.register_forward_hook(lambda _, inputs, output: given.append(output.detach())),
    ]
    noise = DropoutNoise(0.5)
    network.train()
    with (
        torch.no_grad(),
        Injection(network, NoiseSpec("m", site, (noise,)), torch.Generator().manual_seed(4)),
    ):
        said_of(module, batch)
    for handle in handles:
        handle.remove()
    clean = module.projection(batch.features).detach()
    if site == "activation":
        torch.testing.assert_close(given[0], clean)
        factors = (read[0] / clean).round(decimals=3).unique().tolist()
        assert factors == [0.0, 2.0]
    else:
        assert torch.equal(read[0], given[0])
        inputs = batch.features.flatten(0, 1).double()
        drawn = torch.linalg.pinv(inputs) @ (given[0] - module.projection.bias).flatten(0, 1).double()
        assert not torch.allclose(given[0], clean)
        torch.testing.assert_close((inputs @ drawn).float(), given[0].flatten(0, 1), rtol=1e-3, atol=1e-3)


def test_a_language_model_of_another_width_is_refused(toy_language):
    """With both widths."""
    with pytest.raises(PartError, match=r"projection gives 576 values .* reads 24: they do not go together"):
        Answering(nn.Linear(CHANNELS, 576), toy_language, ASKED)


def test_the_start_comes_from_the_generator_and_from_the_embeddings_width(toy_language):
    """Projected features of unit variance are four times as wide as embeddings."""
    first, second, other = (
        answering(toy_language, ASKED, torch.Generator().manual_seed(seed)).module.projection
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.weight, second.weight) and not torch.equal(first.weight, other.weight)
    spread = float(toy_language.model.get_input_embeddings().weight.std())
    assert float(first.weight.detach().std()) * CHANNELS**0.5 == pytest.approx(4 * spread, rel=0.05)
    assert not first.bias.any()


@torch.no_grad()
def test_an_output_that_is_no_number_is_a_wrong_answer(network, batch):
    """On a device that spoils everything a network still has a score."""
    output = said_of(network.module.eval(), batch)
    scorer = TASK.scorer()
    scorer.update(replace(output, scores=torch.full_like(output.scores, torch.nan)), batch)
    assert scorer.compute() == {"accuracy": 0.0, "shape": 0.0, "count": 0.0, "colour": 0.0}


def test_the_mean_weighs_questions_alike(network, batch):
    """Each question's share beside it, whatever the number of answers."""
    scores = torch.zeros(len(batch), 7)
    for row in range(len(batch)):
        right = int(batch.answer[row])
        question = int(batch.question[row])
        wrong = (right + 1) % len(ASKED[question].answers)
        scores[row, right if question != 1 else wrong] = 1.0
    scorer = TASK.scorer()
    scorer.update(SimpleNamespace(scores=scores), batch)
    found = scorer.compute()
    assert found == {"accuracy": pytest.approx(2 / 3), "shape": 1.0, "count": 0.0, "colour": 1.0}


def test_calibrations_with_a_gain_find_the_projection(network, batch):
    """Its output is that of columns, as offsets need it."""
    made = examples()
    seen = calibration_batch(TASK, made, torch.Generator().manual_seed(1))
    network.module.eval()
    offset = calibration("offset", network, TASK, seen, analog="weights")
    with torch.no_grad():
        clean = said_of(network.module, batch).scores
        network.module.projection.weight.mul_(1.5)
        with offset.calibrated(None, "lognormal"):
            torch.testing.assert_close(said_of(network.module, batch).scores, clean, rtol=1e-2, atol=1e-2)
