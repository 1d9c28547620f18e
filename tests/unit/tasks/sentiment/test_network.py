"""GTS-BiLSTM: a slow reference, torch's own LSTM, where noise acts, programming and calibration."""

import math
from dataclasses import replace

import pytest
import torch

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.specification import method_spec
from codesign.evaluation.calibration import CalibrationError, calibration, calibration_batch
from codesign.evaluation.montecarlo import ScoredNetwork, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import Network, weight_matrices
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.about import about_of
from codesign.tasks.contract import DataSettings, batches
from codesign.tasks.sentiment.annotated import Annotated, Triplet
from codesign.tasks.sentiment.network import Direction, GridTagger, activation_noise, analog, started
from codesign.tasks.sentiment.sentences import Batch, Sentences, examples_of
from codesign.tasks.sentiment.task import TASK
from codesign.training.loop import TrainingSettings, train

CPU = torch.device("cpu")
CURVED = synthetic_profiles([0.5], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)[0]
ON_MEMRISTORS = (
    "forwards.read.weight",
    "forwards.recur.weight",
    "backwards.read.weight",
    "backwards.recur.weight",
    "tag.weight",
    "infer.weight",
)
WORDS = ("soup", "bread", "was", "is", "the", "cold", "fresh", "not", "and", ".")


def random_sentences(number=12, *, seed=0, longest=7, words=WORDS) -> Sentences:
    """Random words; where 'soup' and 'cold' or 'fresh' are among them, a triplet of the first ones."""
    draw = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(number):
        size = int(torch.randint(1, longest + 1, (1,), generator=draw))
        said = tuple(words[k] for k in torch.randint(len(words), (size,), generator=draw).tolist())
        triplets = tuple(
            Triplet((said.index("soup"),) * 2, (said.index(opinion),) * 2, polarity)
            for opinion, polarity in (("cold", 3), ("fresh", 5))
            if "soup" in said and opinion in said
        )
        made.append(Annotated(said, triplets))
    return examples_of(made, {word: k for k, word in enumerate(words)}, None)


def whole(examples) -> Batch:
    return TASK.batch(examples, torch.arange(len(examples)))


def network(*, seed=1, rounds=2, width=0.08) -> Network:
    """A small network in evaluation mode, its weights large enough that every gate and round counts."""
    module = started(
        GridTagger(tokens=len(WORDS), rounds=rounds, width=width), torch.Generator().manual_seed(seed)
    )
    with torch.no_grad():
        module.tag.weight.mul_(3)
    return Network(module.eval(), analog(rounds), activation_noise(rounds))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def slow_states(weights, direction: str, values: list[list[float]]) -> list[list[float]]:
    """One LSTM direction by hand: loops over words, states and inputs, plain Python numbers."""
    read, recur = (weights[f"{direction}.{name}.weight"].tolist() for name in ("read", "recur"))
    bias = weights[f"{direction}.read.bias"].tolist()
    hidden = len(recur[0])
    h, c = [0.0] * hidden, [0.0] * hidden
    found = [None] * len(values)
    order = range(len(values))
    for k in order if direction == "forwards" else reversed(order):
        pre = [
            bias[row]
            + sum(w * x for w, x in zip(read[row], values[k], strict=True))
            + sum(w * x for w, x in zip(recur[row], h, strict=True))
            for row in range(4 * hidden)
        ]
        i, f = ([sigmoid(x) for x in pre[g * hidden : (g + 1) * hidden]] for g in (0, 1))
        g = [math.tanh(x) for x in pre[2 * hidden : 3 * hidden]]
        o = [sigmoid(x) for x in pre[3 * hidden :]]
        c = [f[s] * c[s] + i[s] * g[s] for s in range(hidden)]
        h = [o[s] * math.tanh(c[s]) for s in range(hidden)]
        found[k] = h
    return found


def softmax(values: list[float]) -> list[float]:
    top = max(values)
    shares = [math.exp(value - top) for value in values]
    return [share / sum(shares) for share in shares]


def dense(weights, name: str, x: list[float]) -> list[float]:
    rows, bias = weights[f"{name}.weight"].tolist(), weights[f"{name}.bias"].tolist()
    return [b + sum(w * v for w, v in zip(row, x, strict=True)) for row, b in zip(rows, bias, strict=True)]


def slow_logits(module: GridTagger, examples: Sentences) -> torch.Tensor:
    """Logits sentence by sentence and pair by pair, by Eqs. of Sect. 3.3 and 3.4 of the paper."""
    weights = {name: tensor.double() for name, tensor in module.state_dict().items()}
    found = []
    for k in range(len(examples)):
        values = [weights["embedding.weight"][token].tolist() for token in examples[k].tokens.tolist()]
        both = [
            a + b
            for a, b in zip(
                slow_states(weights, "forwards", values),
                slow_states(weights, "backwards", values),
                strict=True,
            )
        ]
        n = len(both)
        heard = []
        for i in range(n):
            share = softmax([sum(a * b for a, b in zip(both[i], both[j], strict=True)) for j in range(n)])
            heard.append(
                [both[i][s] + sum(share[j] * both[j][s] for j in range(n)) for s in range(len(both[i]))]
            )
        z = {(i, j): heard[i] + heard[j] for i in range(n) for j in range(i, n)}
        logits = {cell: dense(weights, "tag", x) for cell, x in z.items()}
        for _ in range(module.rounds):
            p = {cell: softmax(x) for cell, x in logits.items()}
            top = [[max(p[cell][tag] for cell in p if word in cell) for tag in range(6)] for word in range(n)]
            z = {(i, j): dense(weights, "infer", z[i, j] + top[i] + top[j] + p[i, j]) for i, j in z}
            logits = {cell: dense(weights, "tag", x) for cell, x in z.items()}
        found += [logits[i, j] for i in range(n) for j in range(i, n)]
    return torch.tensor(found)


def test_layers_are_those_of_the_published_network():
    """Hidden 50, values 400, two rounds: pair layers 200 to 6 and 218 to 200."""
    module = GridTagger(tokens=999, rounds=2)
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == {
        "embedding.weight": (1000, 400),
        "forwards.read.weight": (200, 400),
        "forwards.read.bias": (200,),
        "forwards.recur.weight": (200, 50),
        "backwards.read.weight": (200, 400),
        "backwards.read.bias": (200,),
        "backwards.recur.weight": (200, 50),
        "tag.weight": (6, 200),
        "tag.bias": (6,),
        "infer.weight": (200, 218),
        "infer.bias": (200,),
    }
    assert sum(p.numel() for p in module.parameters()) == 400 * 1000 + 225_406
    assert all(torch.isnan(p).all() for p in module.parameters())


def test_what_is_on_memristors_is_what_multiplies():
    """The one definition agrees with reading the module: no embedding, no bias, nothing left out."""
    made = network()
    assert made.analog == ON_MEMRISTORS
    assert set(made.analog) == set(weight_matrices(made.module))
    assert made.activation_noise == tuple(name.removesuffix(".weight") for name in ON_MEMRISTORS)
    assert network(rounds=0).analog == ON_MEMRISTORS[:-1]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_direction_is_an_lstm_of_torch(backwards):
    """The same matrices in torch.nn.LSTM, sentences packed by length, whose second bias is 0."""
    direction = Direction(5, 4, backwards=backwards)
    lengths = [6, 3, 1]
    x = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(2))
    there = (torch.arange(6) < torch.tensor(lengths)[:, None])[:, :, None]
    both = torch.nn.LSTM(5, 4, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for p in both.parameters():
            p.zero_()
        end = "_l0_reverse" if backwards else "_l0"
        getattr(both, f"weight_ih{end}").copy_(direction.read.weight)
        getattr(both, f"weight_hh{end}").copy_(direction.recur.weight)
        getattr(both, f"bias_ih{end}").copy_(direction.read.bias)
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        padded, _ = torch.nn.utils.rnn.pad_packed_sequence(both(packed)[0], batch_first=True)
        expected = padded[:, :, 4:] if backwards else padded[:, :, :4]
        torch.testing.assert_close(direction(x, there), expected)


@pytest.mark.parametrize("rounds", [0, 2])
def test_a_programmed_network_computes_what_loops_over_its_weights_do(rounds):
    """The recurrent layer word by word and the grid pair by pair, with the weights that the devices hold."""
    made, examples = network(rounds=rounds), random_sentences()
    with torch.no_grad():
        clean = made.module(whole(examples))
    with (
        PerovskiteMemSim(made, MemSimSettings("relative", "weights", "lognormal")) as simulator,
        torch.no_grad(),
    ):
        simulator.program(CURVED, noise_generator(CURVED.profile, 3))
        found = made.module(whole(examples))
        torch.testing.assert_close(
            found.double(), slow_logits(made.module, examples).double(), rtol=1e-3, atol=1e-4
        )
    assert (found - clean).abs().max() > 0.1


def test_what_is_programmed_is_the_matrices_and_nothing_else():
    """Embedding and biases stay digital, and everything comes back bit for bit."""
    made = network()
    before = {name: p.detach().clone() for name, p in made.module.named_parameters()}
    with PerovskiteMemSim(made, MemSimSettings("relative", "weights", "lognormal")) as simulator:
        simulator.program(CURVED, noise_generator(CURVED.profile, 0))
        changed = {n for n, p in made.module.named_parameters() if not torch.equal(p, before[n])}
    assert changed == set(ON_MEMRISTORS)
    assert all(torch.equal(p, before[name]) for name, p in made.module.named_parameters())


def test_noise_on_weights_is_one_draw_for_all_words():
    """Inside a pass the network is a clean one with other weights: those loops over words get the same."""
    made, examples = network(), random_sentences()
    spec = method_spec("bayesmulti", {"p_zero": 0.3, "p_half": 0.3}, len(made.analog), site="weight")
    kept = {}
    handle = made.module.tag.register_forward_hook(
        lambda *_: kept.update({n: t.detach().clone() for n, t in made.module.state_dict().items()})
    )
    with torch.no_grad(), Injection(made, spec, torch.Generator().manual_seed(5), when="always"):
        noisy = made.module(whole(examples))
    handle.remove()
    other = network(seed=2)
    other.module.load_state_dict(kept)
    clean = made.module.state_dict()
    assert {name for name in kept if not torch.equal(kept[name], clean[name])} == set(ON_MEMRISTORS)
    torch.testing.assert_close(
        noisy.double(), slow_logits(other.module, examples).double(), rtol=1e-3, atol=1e-4
    )


def test_noise_on_activations_reaches_the_states_at_every_word():
    """Each matrix reads noised numbers; the recurrent ones other draws at each word."""
    made, batch = network(width=0.4), whole(random_sentences(seed=3))
    names = made.activation_noise
    spec = method_spec("bayesmulti", {"p_zero": 0.3, "p_half": 0.3}, len(names), site="activation")
    given = {name: [] for name in names}
    handles = [
        made.module.get_submodule(name).register_forward_hook(
            lambda m, inputs, out, name=name: given[name].append(inputs[0].detach())
        )
        for name in names
    ]
    with torch.no_grad(), Injection(made, spec, torch.Generator().manual_seed(5), when="always"):
        made.module(batch)
    for handle in handles:
        handle.remove()
    longest = batch.tokens.shape[1]
    assert [len(given[name]) for name in names] == [1, longest, 1, longest, 3, 2]
    clean = made.module.embedding(batch.tokens).detach()
    ratio = (given["forwards.read"][0] / clean).unique()
    mean = 0.3 * 0.5 + 0.4
    torch.testing.assert_close(ratio[[0, -1]], torch.tensor([0, 1 / mean]), rtol=1e-3, atol=1e-6)
    assert not torch.equal(given["forwards.read"][0], given["backwards.read"][0])
    zeros = torch.stack([(x == 0) for x in given["forwards.recur"][1:]]).float()
    there = torch.arange(longest)[1:, None] <= batch.lengths - 1  # a state behind the last word is 0 anyway
    share = zeros[there].mean().item()
    count = zeros[there].numel()
    assert share == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / count))
    full = batch.lengths == longest
    assert not torch.equal(zeros[0][full], zeros[1][full])


def test_an_answer_does_not_depend_on_the_batch_it_is_in():
    """One by one, in fives or all at once: what is beyond a sentence's end counts for nothing."""
    made, examples = network(), random_sentences(30)
    with torch.no_grad():
        found = [
            torch.cat([made.module(b) for b in batches(TASK, examples, size, device=CPU)])
            for size in (1, 5, 30)
        ]
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-5)


def test_a_network_starts_from_its_generator_alone():
    """Recurrent layers within 1 / sqrt(states), pair layers within 1 / sqrt(inputs), as torch's own."""
    made = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        module = GridTagger(tokens=9, rounds=1, width=0.2)
        made.append(started(module, torch.Generator().manual_seed(9)).state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    for name, inputs in (("forwards.read", 10), ("backwards.recur", 10), ("tag", 40), ("infer", 58)):
        largest = made[0][f"{name}.weight"].abs().max().item()
        assert 0.9 / math.sqrt(inputs) < largest <= 1 / math.sqrt(inputs)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: GridTagger(tokens=3, rounds=-1), "rounds must", id="rounds"),
        pytest.param(
            lambda: TASK.network("bert", {}, DataSettings("generated", 0.15, 1, {"rounds": 1}), None),
            "network gts-bilstm, got 'bert'",
            id="name",
        ),
    ],
)
def test_networks_there_are_not_are_refused(call, words):
    """The value and what is allowed."""
    with pytest.raises(ValueError, match=words):
        call()


def test_dropout_is_drawn_from_the_order_of_examples():
    """The same for every method: on embeddings, whose mean stays; and some words become unknown."""
    examples = random_sentences(400, seed=4)
    batch = whole(examples)
    options = {"dropout": 0.5, "width": 0.1}
    changed = [TASK.augment(batch, options, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(changed[0].keep, changed[1].keep)
    assert torch.equal(changed[0].tokens, changed[1].tokens)
    assert changed[0].keep.unique().tolist() == [0, 2] and changed[0].keep.shape[2] == 40
    count = changed[0].keep.numel()
    assert changed[0].keep.mean().item() == pytest.approx(1, abs=4 / math.sqrt(count))
    lost = (changed[0].tokens == batch.unknown).float()
    assert lost.mean().item() == pytest.approx(0.01, abs=4 * math.sqrt(0.01 / lost.numel()))
    assert (lost == (changed[0].tokens != batch.tokens)).all()
    assert TASK.augment(batch, {"dropout": 0}, torch.Generator().manual_seed(1)).keep is None
    plain = network(width=0.1).module(batch)
    assert not torch.equal(plain, network(width=0.1).module(replace(batch, keep=changed[0].keep)))


def test_calibrations_are_made_or_say_why_not():
    """The mean factor divides out; a gain a channel needs a module that is called once."""
    made, examples = network(), random_sentences()
    batch = calibration_batch(TASK, examples, torch.Generator().manual_seed(1))
    with pytest.raises(CalibrationError, match=r"forwards\.recur .* is called more than once"):
        calibration("offset", made, TASK, batch, analog="weights")
    scale = calibration("scale", made, TASK, None, analog="weights")
    before = made.module.forwards.recur.weight.detach().clone()
    with scale.calibrated(CURVED, "lognormal"):
        factor = made.module.forwards.recur.weight / before
        torch.testing.assert_close(factor, torch.full_like(factor, math.exp(-(CURVED.sigma**2) / 2)))
    assert torch.equal(made.module.forwards.recur.weight, before)


def test_a_network_that_overflows_is_scored_all_the_same():
    """Weights beyond single precision: in double precision, and a number comes out."""
    made, examples = network(), random_sentences(20)
    with torch.no_grad():
        made.module.infer.weight.mul_(1e25)
        made.module.tag.weight.mul_(1e25)
    assert not torch.isfinite(made.module(whole(examples))).all()
    scores = ScoredNetwork(made, TASK, examples).score().compute()
    assert all(0 <= value <= 1 for value in scores.values())


def trained(site):
    made = network(seed=5, rounds=1, width=0.2)
    noise = torch.Generator().manual_seed(3)
    settings = TrainingSettings(
        epochs=8, batch_size=8, learning_rate=0.02, optimiser="adam", momentum=0.9, weight_decay=0.0,
        schedule="constant", warmup_epochs=0, ramp=0.5, patience=None, select="loss", amp=False,
        compile=False,
    )  # fmt: skip
    spec = method_spec("bayesmulti", {"p_zero": 0.1, "p_half": 0.1}, len(made.places(site)), site=site)
    result = train(
        made, TASK, about_of("sentiment"), random_sentences(81, seed=7), random_sentences(20, seed=8),
        settings=settings, order=torch.Generator().manual_seed(2), options={"dropout": 0.1, "width": 0.2},
        noise=noise, injection=lambda network: Injection(network, spec, noise),
    )  # fmt: skip
    return made, result


@pytest.mark.parametrize("site", ["activation", "weight"])
def test_training_with_noise_learns_and_repeats_itself(site):
    """81 sentences in eights leave a last batch of one."""
    torch.manual_seed(1)
    made, result = trained(site)
    torch.manual_seed(2)
    again, _ = trained(site)
    losses = [row["train"]["loss"] for row in result.history]
    assert losses[-1] < 0.5 * losses[0]
    state, other = made.module.state_dict(), again.module.state_dict()
    assert all(torch.equal(state[name], other[name]) for name in state)
