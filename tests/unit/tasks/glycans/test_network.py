"""SweetNet: shapes as published, a slow reference, where noise acts, programming and calibration."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.specification import method_spec
from codesign.evaluation.calibration import KINDS, calibration, calibration_batch
from codesign.evaluation.montecarlo import ScoredNetwork, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import Network
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.about import about_of
from codesign.tasks.contract import DataSettings, batches
from codesign.tasks.glycans.examples import Batch, Glycans, layers_of, shares_of
from codesign.tasks.glycans.network import (
    ACTIVATION_NOISE,
    ANALOG,
    Normalisation,
    SweetNet,
    TopShare,
    readout,
    started,
)
from codesign.tasks.glycans.task import DROPOUT, TASK
from codesign.training.loop import TrainingSettings, train

CPU = torch.device("cpu")
OPTIONS = {"kingdoms": 6, "nodes": 64, "split": "hash", "pooling": "topk", "edges": "up", "width": 0.25}
CURVED = synthetic_profiles([0.5], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)[0]
PUBLISHED = {
    "embedding.weight": (799, 128),
    **{f"conv{k}.lin_rel.weight": (128, 128) for k in (1, 2, 3)},
    **{f"conv{k}.lin_rel.bias": (128,) for k in (1, 2, 3)},
    **{f"conv{k}.lin_root.weight": (128, 128) for k in (1, 2, 3)},
    **{f"pool{k}.weight": (1, 128) for k in (1, 2, 3)},
    "linear1.weight": (1024, 256),
    "linear1.bias": (1024,),
    "norm1.weight": (1024,),
    "norm1.bias": (1024,),
    "linear2.weight": (64, 1024),
    "linear2.bias": (64,),
    "norm2.weight": (64,),
    "norm2.bias": (64,),
    "linear3.weight": (9, 64),
    "linear3.bias": (9,),
}
"""Parameters of the checkpoint of 2021: 798 tokens, 9 kingdoms."""


def random_glycans(number=20, *, tokens=12, seed=0, largest=12):
    """Random trees with random tokens; the kingdom is that of the last one."""
    draw = torch.Generator().manual_seed(seed)
    sizes = torch.randint(1, largest + 1, (number,), generator=draw)
    parents = [
        torch.tensor([int(torch.randint(k + 1, size, (1,), generator=draw)) for k in range(size - 1)] + [-1])
        for size in sizes.tolist()
    ]
    all_tokens = torch.randint(0, tokens + 1, (int(sizes.sum()),), generator=draw)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)])
    shown = torch.ones(number, dtype=torch.bool)
    return Glycans(all_tokens, torch.cat(parents), starts, all_tokens[starts[1:] - 1] % 6, shown, tokens)


def whole(examples) -> Batch:
    return examples.chosen(torch.arange(len(examples)))


def network(*, seed=1, tokens=12, **options) -> Network:
    """A small network with statistics of its own, in evaluation mode."""
    module = SweetNet(tokens=tokens, classes=6, **({"width": 0.1} | options))
    started(module, torch.Generator().manual_seed(seed))
    draw = torch.Generator().manual_seed(seed + 1)
    for norm in (module.norm1, module.norm2):
        norm.running_mean.normal_(0, 0.1, generator=draw)
        norm.running_var.uniform_(0.5, 1.5, generator=draw)
        norm.weight.data.normal_(1, 0.2, generator=draw)
    for layer in (module.linear1, module.linear2, module.linear3):
        layer.weight.data.normal_(0, layer.in_features**-0.5, generator=draw)
    return Network(module.eval(), ANALOG, ACTIVATION_NOISE)


def leaky(value):
    return value if value > 0 else 0.01 * value


def slow_output(module: SweetNet, examples: Glycans) -> torch.Tensor:
    """Logits by loops over glycans, layers, nodes and edges, in double precision."""
    weights = {name: tensor.double() for name, tensor in module.state_dict().items()}
    found = []
    for k in range(len(examples)):
        glycan = examples[k]
        nodes = {
            node: weights["embedding.weight"][token] for node, token in enumerate(glycan.tokens.tolist())
        }
        parent = {node: p for node, p in enumerate(glycan.parents.tolist()) if p >= 0}
        read = 0
        for layer in (1, 2, 3):
            sums = {node: torch.zeros_like(x) for node, x in nodes.items()}
            for child, above in parent.items():
                if module.edges in ("up", "both"):
                    sums[above] = sums[above] + nodes[child]
                if module.edges in ("down", "both"):
                    sums[child] = sums[child] + nodes[above]
            after = {}
            for node, x in nodes.items():
                y = weights[f"conv{layer}.lin_rel.weight"] @ sums[node] + weights[f"conv{layer}.lin_rel.bias"]
                y = y + weights[f"conv{layer}.lin_root.weight"] @ x
                after[node] = torch.where(y > 0, y, 0.01 * y)
            if hasattr(module, f"pool{layer}"):
                p = weights[f"pool{layer}.weight"][0]
                score = {node: math.tanh(float(p @ x) / float(p.norm())) for node, x in after.items()}
                order = sorted(after, key=lambda node: (-round(score[node] * 65536), node))
                kept = order[: math.ceil(len(order) * 4 / 5 - 1e-9)]
                after = {node: after[node] * score[node] for node in sorted(kept)}
                parent = {c: a for c, a in parent.items() if c in after and a in after}
            nodes = after
            rows = torch.stack(list(nodes.values()))
            read = read + torch.cat([rows.max(dim=0).values, rows.mean(dim=0)])
        for layer in (1, 2):
            read = weights[f"linear{layer}.weight"] @ read + weights[f"linear{layer}.bias"]
            x = torch.where(read > 0, read, 0.01 * read)
            mean, variance = weights[f"norm{layer}.running_mean"], weights[f"norm{layer}.running_var"]
            x = (x - mean) / torch.sqrt(variance + 1e-5)
            read = x * weights[f"norm{layer}.weight"] + weights[f"norm{layer}.bias"]
        found.append(weights["linear3.weight"] @ read + weights["linear3.bias"])
    return torch.stack(found)


def test_layers_are_those_of_the_published_checkpoint():
    """Layer by layer; 532,873 numbers to learn."""
    module = SweetNet(tokens=798, classes=9)
    assert {name: tuple(p.shape) for name, p in module.named_parameters()} == PUBLISHED
    assert sum(p.numel() for p in module.parameters()) == 532_873


def test_the_network_of_all_data_has_628166_parameters():
    """1,544 tokens and six kingdoms, from the table itself."""
    settings = DataSettings("embedded", 0.15, 1, OPTIONS | {"width": 1.0})
    made = TASK.network("sweetnet", settings.options, settings, None)
    assert sum(p.numel() for p in made.module.parameters()) == 628_166
    analog = sum(made.module.get_parameter(name).numel() for name in made.analog)
    assert analog == 6 * 128**2 + 256 * 1024 + 1024 * 64 + 64 * 6
    assert made.activation_noise == ("conv1", "conv2", "conv3", "linear1", "linear2")
    assert all(torch.isnan(p).all() for p in made.module.parameters())


@pytest.mark.parametrize("pooling", ["topk", "none"])
@pytest.mark.parametrize("edges", ["up", "down", "both"])
def test_a_programmed_network_computes_what_loops_over_its_weights_do(pooling, edges):
    """Nodes, edges and pooling one by one, with the weights that the devices hold."""
    made, examples = network(pooling=pooling, edges=edges), random_glycans()
    with (
        PerovskiteMemSim(made, MemSimSettings("relative", "weights", "lognormal")) as simulator,
        torch.no_grad(),
    ):
        simulator.program(CURVED, noise_generator(CURVED.profile, 3))
        found = made.module(whole(examples)).logits
        torch.testing.assert_close(found, slow_output(made.module, examples).float(), rtol=1e-3, atol=1e-4)


def test_what_is_programmed_is_the_matrices_and_nothing_else():
    """Embedding, score vectors, biases and normalisation stay digital."""
    made = network()
    before = {name: p.detach().clone() for name, p in made.module.named_parameters()}
    with PerovskiteMemSim(made, MemSimSettings("relative", "weights", "lognormal")) as simulator:
        simulator.program(CURVED, noise_generator(CURVED.profile, 0))
        changed = {n for n, p in made.module.named_parameters() if not torch.equal(p, before[n])}
    assert changed == set(ANALOG) == {n for n in before if "lin" in n and n.endswith("weight")}
    assert all(torch.equal(p, before[name]) for name, p in made.module.named_parameters())


def kept_slowly(scores, sizes):
    """Graph by graph, by sorting lists."""
    found, first = [], 0
    for size in sizes:
        mine = scores[first : first + size]
        order = sorted(range(size), key=lambda k: (-mine[k], k))
        found += [first + k for k in sorted(order[: math.ceil(size * 0.8 - 1e-9)])]
        first += size
    return found


@hypothesis_settings(max_examples=80)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=10),
    st.integers(0, 2**20),
    st.sampled_from([2, 50, 3000]),
)
def test_pooling_keeps_what_sorting_each_graph_keeps(sizes, seed, steps):
    """Few steps make many ties: the first of equals is kept, and a graph keeps at least one node."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(-steps, steps + 1, (sum(sizes),), generator=draw) / steps
    found = TopShare()(scores, layers_of(torch.tensor(sizes))[0])
    assert found.tolist() == kept_slowly(scores.tolist(), sizes)


def test_shares_are_those_of_torch_geometric():
    """It rounds 0.8 n up, in single precision: the same numbers for any glycan."""
    sizes = torch.arange(1, 2000)
    assert torch.equal(shares_of(sizes), (torch.tensor(0.8) * sizes.float()).ceil().long())


def test_a_score_that_is_no_number_is_kept():
    """Else an output could look right in which something went wrong."""
    scores = torch.tensor([0.9, 0.8, torch.nan, 0.7, 0.6, 1.0])
    found = TopShare()(scores, layers_of(torch.tensor([6]))[0])
    assert found.tolist() == [0, 1, 2, 3, 5]


def test_a_readout_is_the_largest_and_the_mean_with_the_right_gradient():
    """Also where several nodes are equal, which share the gradient, and where a value is no number."""
    sizes = [3, 1, 5]
    owners = torch.repeat_interleave(torch.arange(3), torch.tensor(sizes))
    values = torch.randint(-2, 3, (9, 4), generator=torch.Generator().manual_seed(3)).double()
    weights = torch.randn(3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    gradients = []
    for slowly in (False, True):
        x = values.clone().requires_grad_()
        if slowly:
            found = torch.stack([torch.cat([part.amax(0), part.mean(0)]) for part in x.split(sizes)])
        else:
            found = readout(x, owners, torch.tensor(sizes))
        (found * weights).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)
    values[4, 1] = torch.nan
    assert torch.isnan(readout(values, owners, torch.tensor(sizes))[2, [1, 5]]).all()


@pytest.mark.parametrize("pooling", ["topk", "none"])
def test_an_answer_does_not_depend_on_the_batch_it_is_in(pooling):
    """One by one, in sevens or all at once; tokens of few kinds make many equal scores."""
    made, examples = network(pooling=pooling), random_glycans(60, tokens=1)
    found = []
    with torch.no_grad():
        for size in (1, 7, 60):
            parts = [made.module(b).logits for b in batches(TASK, examples, size, device=CPU)]
            found.append(torch.cat(parts))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-5)


def test_order_of_children_does_not_matter_without_pooling():
    """Sums, largest and mean do not know it."""
    made, examples = network(pooling="none"), random_glycans(1, largest=12, seed=5)
    size = len(examples.tokens)
    # the last node is the root; any order of the others is the same tree
    order = torch.cat(
        [torch.randperm(size - 1, generator=torch.Generator().manual_seed(1)), torch.tensor([size - 1])]
    )
    place = torch.empty(size, dtype=torch.int64)
    place[order] = torch.arange(size)
    parents = examples.parents[order]
    other = replace(
        examples,
        tokens=examples.tokens[order],
        parents=torch.where(parents < 0, -1, place[parents.clamp(min=0)]),
    )
    with torch.no_grad():
        torch.testing.assert_close(made.module(whole(examples)).logits, made.module(whole(other)).logits)


def test_a_network_starts_from_its_generator_alone():
    """A tenth of zeros in each column of the linear layers, deviation 0.01; all else finite and small."""
    made = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        made.append(started(SweetNet(tokens=50, classes=6), torch.Generator().manual_seed(9)).state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    for name in ("linear1.weight", "linear2.weight", "linear3.weight"):
        weight = made[0][name]
        zeros = (weight == 0).sum(dim=0)
        assert (zeros == math.ceil(0.1 * len(weight))).all()
        number = (weight != 0).sum().item()
        assert weight[weight != 0].std().item() == pytest.approx(0.01, abs=4 * 0.01 / math.sqrt(2 * number))
    assert made[0]["conv1.lin_rel.weight"].abs().max() <= 128**-0.5


@pytest.mark.parametrize(
    ("wrong", "words"), [({"pooling": "sag"}, "pooling must be"), ({"edges": "in"}, "edges must")]
)
def test_networks_there_are_not_are_refused(wrong, words):
    """The value and what is allowed."""
    with pytest.raises(ValueError, match=words):
        SweetNet(tokens=3, classes=2, **wrong)


@pytest.mark.parametrize("site", ["activation", "weight"])
def test_noise_acts_where_it_is_said(site):
    """On what a convolution reads, once for both matrices; or on each matrix."""
    made, batch = network(), whole(random_glycans())
    names = made.places(site)
    spec = method_spec("bayesmulti", {"p_zero": 0.3, "p_half": 0.3}, len(names), site=site)
    seen: dict[str, torch.Tensor] = {}
    modules = dict(made.module.named_modules())
    watched = [n for n in modules if n.startswith(("conv", "linear"))]
    handles = [
        modules[n].register_forward_hook(lambda m, given, out, n=n: seen.__setitem__(n, given[0].detach()))
        for n in watched
    ]
    with torch.no_grad(), Injection(made, spec, torch.Generator().manual_seed(5), when="always"):
        made.module(batch)
    for handle in handles:
        handle.remove()
    clean_input = made.module.embedding(batch.tokens).detach()
    if site == "activation":
        assert names == ACTIVATION_NOISE
        noisy = seen["conv1.lin_root"]
        factors = noisy / clean_input * (1 - 0.3 - 0.15)
        assert set(factors.round(decimals=4).flatten().tolist()) == {0.0, 0.5, 1.0}
        children = torch.nonzero(batch.parents < len(noisy))[:, 0]
        gathered = torch.zeros_like(noisy).index_add(0, batch.parents[children], noisy[children])
        torch.testing.assert_close(seen["conv1.lin_rel"], gathered)
    else:
        assert names == ANALOG
        torch.testing.assert_close(seen["conv1.lin_root"], clean_input)


@pytest.mark.parametrize(
    ("method", "site"),
    [
        ("dropout", "activation"),
        ("dropout", "weight"),
        ("gaussian", "weight"),
        ("lognormal", "weight"),
        ("bayesmulti", "activation"),
        ("bayesmulti", "weight"),
    ],
)
def test_every_noise_trains_and_leaves_the_network_as_it_was(method, site):
    """Each parameter has a gradient, and is clean again behind the pass."""
    made, batch = network(), whole(random_glycans())
    parameters = {
        "dropout": {"rate": 0.3}, "gaussian": {"std": 0.1}, "lognormal": {"sigma": 0.3},
        "bayesmulti": {"p_zero": 0.2, "p_half": 0.2},
    }[method]  # fmt: skip
    spec = method_spec(method, parameters, len(made.places(site)), site=site)
    before = {name: p.detach().clone() for name, p in made.module.named_parameters()}
    made.train()
    with Injection(made, spec, torch.Generator().manual_seed(5)):
        TASK.loss(made.module(batch), batch)[0].backward()
    for name, parameter in made.module.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert torch.equal(parameter, before[name])


def test_the_mean_over_activation_noise_of_the_first_convolution_is_clean():
    """E[W (x * eta) + b] = W x + b, at both matrices of one draw: within four standard errors."""
    made, batch = network(), whole(random_glycans(4))
    spec = method_spec("bayesmulti", {"p_zero": 0.2, "p_half": 0.2}, 5, site="activation")
    found = []
    handle = made.module.conv1.register_forward_hook(lambda m, given, out: found.append(out.detach()))
    with torch.no_grad():
        made.module(batch)
        with Injection(made, spec, torch.Generator().manual_seed(5), when="always"):
            for _ in range(400):
                made.module(batch)
    handle.remove()
    clean, noisy = found[0], torch.stack(found[1:])
    error = noisy.std(dim=0) / math.sqrt(400)
    outside = ((noisy.mean(dim=0) - clean).abs() > 4 * error).float().mean()
    assert float(outside) < 0.005  # one in 16,000 is expected


def test_a_batch_of_one_is_normalised_by_the_running_statistics():
    """They do not change, and there is a gradient; two examples go the usual way."""
    norm = Normalisation(3)
    norm.running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    x = torch.randn(1, 3, requires_grad=True)
    norm.train()
    found = norm(x)
    torch.testing.assert_close(found, (x - norm.running_mean) / math.sqrt(1 + 1e-5))
    assert norm.running_mean.tolist() == [1.0, 2.0, 3.0] and int(norm.num_batches_tracked) == 0
    found.sum().backward()
    assert x.grad is not None
    two = torch.randn(2, 3)
    torch.testing.assert_close(norm(two), torch.nn.functional.batch_norm(two, None, None, training=True))


def quick(**changes) -> TrainingSettings:
    said = {
        "epochs": 12, "batch_size": 8, "learning_rate": 0.01, "optimiser": "adam", "momentum": 0.9,
        "weight_decay": 0.0, "schedule": "constant", "warmup_epochs": 0, "ramp": 0.5, "patience": None,
        "select": "loss", "amp": False, "compile": False,
    }  # fmt: skip
    return TrainingSettings(**(said | changes))


def trained(examples, *, seed=1, site="activation", settings=None):
    made = network(seed=seed)
    noise = torch.Generator().manual_seed(3)
    spec = method_spec("bayesmulti", {"p_zero": 0.2, "p_half": 0.2}, len(made.places(site)), site=site)
    result = train(
        made, TASK, about_of("glycans"), examples, random_glycans(20, seed=8), settings=settings or quick(),
        order=torch.Generator().manual_seed(2), options={"width": 0.1}, noise=noise,
        injection=lambda network: Injection(network, spec, noise),
        statistics=torch.Generator().manual_seed(4),
    )  # fmt: skip
    return made, result


@pytest.mark.parametrize("site", ["activation", "weight"])
def test_training_with_noise_learns_and_repeats_itself(site):
    """41 examples in eights leave a last batch of one; statistics are taken again before each validation."""
    examples = random_glycans(41, seed=7)
    torch.manual_seed(1)
    made, result = trained(examples, site=site)
    torch.manual_seed(2)
    again, _ = trained(examples, site=site)
    assert result.history[-1]["train"]["loss"] < result.history[0]["train"]["loss"]
    state, other = made.module.state_dict(), again.module.state_dict()
    assert all(torch.equal(state[name], other[name]) for name in state)
    # statistics of the best epoch: the means over one batch of all 41 examples, of the network as it is
    seen = []
    handle = made.module.norm1.register_forward_hook(lambda m, given, out: seen.append(given[0]))
    with torch.no_grad():
        made.module(whole(examples))
    handle.remove()
    torch.testing.assert_close(made.module.norm1.running_mean, seen[0].mean(dim=0), rtol=1e-4, atol=1e-5)


def test_augmenting_draws_from_its_generator_alone():
    """One token in a hundred becomes unknown, half of the last values are left out; the batch stays."""
    examples = random_glycans(400, seed=2, tokens=30)
    batch = whole(examples)
    tokens = batch.tokens.clone()
    first, again = (TASK.augment(batch, {"width": 1.0}, torch.Generator().manual_seed(6)) for _ in range(2))
    assert torch.equal(first.keep, again.keep) and torch.equal(first.tokens, again.tokens)
    assert torch.equal(batch.tokens, tokens) and batch.keep is None
    changed = first.tokens != tokens
    assert (first.tokens[changed] == batch.unknown).all()
    known = int((tokens != batch.unknown).sum())
    assert int(changed.sum()) / known == pytest.approx(0.01, abs=4 * math.sqrt(0.01 / known))
    assert first.keep.shape == (400, 64) and set(first.keep.unique().tolist()) == {0.0, 1 / (1 - DROPOUT)}
    error = 0.5 / math.sqrt(first.keep.numel())
    assert float((first.keep == 0).float().mean()) == pytest.approx(DROPOUT, abs=4 * error)


def test_the_unknown_row_is_learnt():
    """Tokens that became unknown give it a gradient."""
    made, batch = network(), whole(random_glycans(400, tokens=11))
    batch = replace(batch, tokens=batch.tokens.masked_fill(batch.tokens == batch.unknown, 0))
    made.train()
    for augmented in (False, True):
        given = TASK.augment(batch, {"width": 0.1}, torch.Generator().manual_seed(1)) if augmented else batch
        made.module.zero_grad()
        TASK.loss(made.module(given), given)[0].backward()
        assert bool(made.module.embedding.weight.grad[batch.unknown].any()) == augmented


def test_dropout_multiplies_what_the_last_layer_reads():
    """And nothing where a batch has none."""
    made, batch = network(), whole(random_glycans())
    with torch.no_grad():
        plain = made.module(batch).logits
        nothing = made.module(replace(batch, keep=torch.zeros(len(batch), 6))).logits
        everything = made.module(replace(batch, keep=torch.ones(len(batch), 6))).logits
    torch.testing.assert_close(everything, plain)
    torch.testing.assert_close(nothing, made.module.linear3.bias.detach().expand_as(plain))


@pytest.mark.parametrize("kind", KINDS)
def test_every_calibration_works_and_leaves_nothing_behind(kind):
    """On devices, with examples of which pooling keeps others once the weights are programmed."""
    made, examples = network(), random_glycans(120, seed=4)
    batch = calibration_batch(TASK, examples, torch.Generator().manual_seed(1))
    found = calibration(kind, made, TASK, batch, analog="weights")
    before = {name: value.clone() for name, value in made.module.state_dict().items()}
    with PerovskiteMemSim(made, MemSimSettings("relative", "weights", "lognormal")) as simulator:
        simulator.program(CURVED, noise_generator(CURVED.profile, 0))
        programmed = {name: value.clone() for name, value in made.module.state_dict().items()}
        with found.calibrated(CURVED, "lognormal"):
            scores = ScoredNetwork(made, TASK, examples).score().compute()
        assert set(scores) == {"accuracy", "f1", "auc"}
        after = made.module.state_dict()
        assert all(torch.equal(after[name], programmed[name]) for name in after)
    after = made.module.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after)
    assert not any(module._forward_hooks for module in made.module.modules())


def test_offset_takes_a_common_factor_of_each_matrix_out_again():
    """Weights times a constant are undone by a gain, though pooling would choose other nodes with them."""
    made, examples = network(), random_glycans(120, seed=4)
    batch = whole(examples)
    found = calibration("offset", made, TASK, batch, analog="weights")
    with torch.no_grad():
        clean = made.module(batch).logits
        for k, name in enumerate(ANALOG):
            # another sign turns every score round
            made.module.get_parameter(name).mul_(-0.5 if k < 2 else 0.3 + 0.2 * k)
        assert not torch.allclose(made.module(batch).logits, clean, atol=0.05)
        with found.calibrated(CURVED, "lognormal"):
            torch.testing.assert_close(made.module(batch).logits, clean, rtol=1e-3, atol=1e-3)


def test_scale_takes_out_the_mean_of_the_factor():
    """Devices that multiply every cell alike are put right exactly."""
    made, batch = network(), whole(random_glycans())
    found = calibration("scale", made, TASK, None, analog="weights")
    with torch.no_grad():
        clean = made.module(batch).logits
        for name in ANALOG:
            made.module.get_parameter(name).mul_(math.exp(CURVED.sigma**2 / 2))
        with found.calibrated(CURVED, "lognormal"):
            torch.testing.assert_close(made.module(batch).logits, clean, rtol=1e-4, atol=1e-5)


def test_an_output_that_overflows_is_computed_in_double_precision():
    """As for other networks: conductances over decades multiply to more than single precision holds."""
    made, examples = network(), random_glycans(12)
    with torch.no_grad():
        for name in ANALOG[:6]:
            made.module.get_parameter(name).mul_(1e14)
    scores = ScoredNetwork(made, TASK, examples).score()
    assert all(torch.isfinite(rows).all() for rows in scores._scores)
