"""Monte-Carlo evaluation: the same noise for every method, the network untouched, scores that add up."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from codesign.evaluation.montecarlo import EvaluationPlan, ScoredNetwork, evaluate, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.models.network import Network, network_of
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks.classification import AccuracyScorer, ClassificationTask, Labelled
from codesign.tasks.contract import Task, TaskError

PROFILES = synthetic_profiles([1.0, 0.5, 0.2], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)
MEMSIM = {"mapping": "relative", "analog": "weights"}
SETTINGS = MemSimSettings(**MEMSIM, noise="lognormal")
INPUTS = torch.randn(90, 1, 6, 6, generator=torch.Generator().manual_seed(1))
TASK = ClassificationTask("t", classes=3, shape=(1, 6, 6), read=None)
PLAN = EvaluationPlan(
    experiment="t",
    method="erm",
    network="small",
    stands_for="level",
    memsim=MEMSIM,
    noises=["lognormal"],
    programmings=(0, 1, 2),
    metrics=["accuracy"],
)


def small(seed=0, *, at_once=25) -> Network:
    """Convolution, normalisation, linear."""
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(64, 3)
    )
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.3, generator=torch.Generator().manual_seed(seed))
    return replace(network_of(module), examples_at_once=at_once)


def run(network, *, profiles=PROFILES, targets=None, task=TASK, **changes):
    targets = clean_labels(network) if targets is None else targets
    examples = Labelled(INPUTS, targets)
    return evaluate(network, task, examples, profiles, replace(PLAN, **changes), progress=False)


def clean_labels(network):
    network.module.eval()
    with torch.no_grad():
        return network.module(INPUTS).argmax(dim=1)


def test_rows_fit_the_table_and_cover_profiles_times_programmings(tmp_path):
    """One row a programming."""
    rows = run(small())
    write_table(rows, tmp_path / "e.parquet", schema=EVALUATION)
    assert [(r["level"], r["programming"]) for r in rows] == [
        (u, k) for u in (1.0, 0.5, 0.2) for k in (0, 1, 2)
    ]
    assert {(r["experiment"], r["method"], r["network"], r["stands_for"]) for r in rows} == {
        ("t", "erm", "small", "level")
    }


def test_an_ideal_device_scores_what_the_clean_network_scores():
    """Labels are the clean network's own answers."""
    assert [row["value"] for row in run(small()) if row["level"] == 1.0] == [1.0, 1.0, 1.0]


def test_values_are_those_of_programming_by_hand():
    """The generator of (profile, number), the whole set in one pass."""
    network = small()
    targets = clean_labels(network)
    rows = run(network, targets=targets)
    with PerovskiteMemSim(network, SETTINGS) as simulator, torch.no_grad():
        for row in rows:
            on = next(p for p in PROFILES if p.profile == row["profile"])
            simulator.program(on, noise_generator(row["profile"], row["programming"]))
            right = network.module(INPUTS).argmax(1) == targets
            assert row["value"] == pytest.approx(right.double().mean())


def test_noise_does_not_depend_on_method_batch_or_other_profiles():
    """Common random numbers, whatever is evaluated beside."""
    network = small()
    targets = torch.randint(3, (90,), generator=torch.Generator().manual_seed(2))
    whole = run(network, targets=targets)
    values = {(r["profile"], r["programming"]): r["value"] for r in whole}
    at_once = replace(network, examples_at_once=90)
    beside = run(at_once, method="bayesmulti", profiles=PROFILES[2:], programmings=(2, 0), targets=targets)
    assert len(beside) == 2
    for row in beside:
        assert row["value"] == values[row["profile"], row["programming"]]


def test_examples_that_do_not_fit_memory_are_read_again_and_score_the_same():
    """Held batches are a matter of speed alone."""

    class Read(ClassificationTask):
        in_memory = False
        read_batches = 0

        def batch(self, examples, indices):
            self.read_batches += 1
            return super().batch(examples, indices)

    task = Read("t", classes=3, shape=(1, 6, 6), read=None)
    network = small()
    assert run(network, task=task) == run(network)
    # four batches of 90 in 25s; once on the ideal profile, three times on each of the others
    assert task.read_batches == 4 * (1 + 3 + 3)


def test_weights_modes_and_statistics_are_as_before():
    """Also when the scorer raises: training flags per module, weights and running means bit for bit."""

    class Broken(ClassificationTask):
        def scorer(self, *, details=False):
            raise ArithmeticError

    network, targets = small(), torch.zeros(90, dtype=torch.int64)
    module = network.module.train()
    module[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    run(network, targets=targets)
    with pytest.raises(ArithmeticError):
        run(network, targets=targets, task=Broken("t", classes=3, shape=(1, 6, 6), read=None))
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert module.training and module[4].training and not module[1].training


def deep(scale) -> Network:
    """Five layers whose clean outputs are finite."""
    module = nn.Sequential(
        nn.Flatten(), *(layer for _ in range(5) for layer in (nn.Linear(36, 36), nn.ReLU()))
    )
    generator = torch.Generator().manual_seed(3)
    for parameter in module.parameters():
        parameter.data.normal_(0, scale, generator=generator)
    return network_of(module[:-1])


def test_a_device_on_which_single_precision_overflows_is_scored_in_double():
    """Decades of spread in five layers: the answers of the same weights in double, the weights as before."""
    network, double = deep(1e4), deep(1e4).module.double()
    [wild] = synthetic_profiles([0.001], Trend(0.0, 1.0, 9, "measured"), min_operative_fraction=0.35)
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    targets = torch.arange(90) % 36
    [row] = run(network, profiles=[wild], programmings=(5,), targets=targets)
    with PerovskiteMemSim(network, SETTINGS) as simulator, torch.no_grad():
        simulator.program(wild, noise_generator(wild.profile, 5))
        assert not torch.isfinite(network.module(INPUTS)).all()
        double.load_state_dict(network.module.state_dict())
        expected = double(INPUTS.double())
    assert torch.isfinite(expected).all() and len(expected.argmax(dim=1).unique()) > 1
    assert row["value"] == (expected.argmax(dim=1) == targets).double().mean()
    [sure] = run(network, profiles=[wild], programmings=(5,), targets=expected.argmax(dim=1))
    assert sure["value"] == 1.0
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.module.state_dict().items())


class Pairs(Task):
    """Two inputs a batch, two numbers a score: what a task may make of batches and metrics."""

    def collate(self, items):
        return {name: torch.stack([item[name] for item in items]) for name in ("a", "b")}

    def forward(self, module, batch):
        return module(batch["a"]) * batch["b"]

    def scorer(self, *, details=False):
        return Means()


class Means:
    """Mean and largest of the outputs; the largest is no mean of batches."""

    def __init__(self):
        self.outputs = []

    def update(self, output, batch):
        assert output.shape[0] == batch["a"].shape[0]
        self.outputs.append(output)

    def compute(self):
        found = torch.cat(self.outputs)
        return {"mean": float(found.mean()), "largest": float(found.max())}

    def details(self):
        return []


class Listed(list):
    """Examples read one by one."""

    source = None


def test_several_inputs_and_several_metrics():
    """A dict of tensors as a batch, scored twice; over all examples and not batch by batch."""
    generator = torch.Generator().manual_seed(4)
    examples = Listed({"a": torch.randn(4, generator=generator), "b": torch.tensor([k])} for k in range(10))
    network = replace(network_of(nn.Linear(4, 2)), examples_at_once=4)
    plan = replace(PLAN, programmings=(0,), metrics=["mean", "largest"])
    rows = evaluate(network, Pairs(), examples, PROFILES[:1], plan, progress=False)
    with torch.no_grad():
        outputs = network.module(torch.stack([e["a"] for e in examples])) * torch.arange(10)[:, None]
    assert [row["metric"] for row in rows] == ["mean", "largest"]
    assert [row["value"] for row in rows] == pytest.approx([float(outputs.mean()), float(outputs.max())])
    with pytest.raises(TaskError, match=r"mean, largest; about\.yaml declares accuracy"):
        evaluate(network, Pairs(), examples, PROFILES[:1], PLAN, progress=False)


def test_details_are_asked_of_the_scorer_and_not_kept_otherwise():
    """Rows for figures cost memory: only a pass that asks for them has any."""

    class Kept(AccuracyScorer):
        def details(self):
            return [{"n": self.number}]

    class Detailed(ClassificationTask):
        def scorer(self, *, details=False):
            return Kept() if details else AccuracyScorer()

    network = small()
    task = Detailed("t", classes=3, shape=(1, 6, 6), read=None)
    scored = ScoredNetwork(network, task, Labelled(INPUTS, clean_labels(network)))
    assert scored.score(details=True).details() == [{"n": 90}]
    assert scored.score().details() == []


def test_no_profile_gives_no_row():
    """A laboratory whose devices have no usability evaluates all the same."""
    assert run(small(), profiles=[]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"programmings": (1, 1)}, "each programming", id="programming-twice"),
        pytest.param({"programmings": ()}, "each programming", id="no-programming"),
        pytest.param({"noises": ["lognormal"] * 2}, "each noise", id="noise-twice"),
        pytest.param({"stands_for": "panel"}, "stands_for must be level or device", id="stands-for"),
        pytest.param({"profiles": [PROFILES[0]] * 2}, "each profile", id="profile-twice"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(changes, words):
    """Before anything is programmed."""
    with pytest.raises(ValueError, match=words):
        run(small(), **changes)


def test_trainings_meet_draws_of_their_own_and_methods_the_same():
    """A repeat's programmings are others than the first one's, whatever the method."""
    network, (profile,) = small(), [PROFILES[2]]
    rows = {
        (method, repeat): [
            row["value"] for row in run(network, profiles=[profile], method=method, repeat=repeat)
        ]
        for method in ("erm", "bayesmulti")
        for repeat in (1, 2)
    }
    for repeat in (1, 2):
        assert rows["erm", repeat] == rows["bayesmulti", repeat]
    first, second = (noise_generator("d", 0, repeat).get_state() for repeat in (1, 2))
    assert not torch.equal(first, second)
    assert torch.equal(first, noise_generator("d", 0).get_state())
    assert rows["erm", 1] != rows["erm", 2]
