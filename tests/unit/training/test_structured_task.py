"""A task that is no classification of tensors: ragged sequences on disk, a regression, two metrics."""

import json
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.evaluation.montecarlo import EvaluationPlan, evaluate
from codesign.models.network import Network, network_of
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.training import HISTORY
from codesign.tables import write_table
from codesign.tasks.about import About, Metric
from codesign.tasks.contract import DataSource, Task, TaskError
from codesign.training.job import history_rows
from codesign.training.loop import train
from tests.unit.training.conftest import generator

ABOUT = About(
    name="sums",
    title="sums of sequences",
    primary="error",
    metrics={
        "error": Metric("error", "mean absolute error", "lower"),
        "close": Metric("close", "share within 0.5", "higher"),
    },
    sources={},
    networks={"recurrent": {}},
)
PROFILES = synthetic_profiles([1.0, 0.5], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)


class OnDisk:
    """Sequences in a file each, read when one is asked for."""

    def __init__(self, folder, number, seed):
        self.folder, self.number, self.opened = folder / str(seed), number, []
        self.source = DataSource("sums", "generated", "", "")
        self.folder.mkdir()
        draw = generator(seed)
        for k in range(number):
            length = int(torch.randint(1, 9, (), generator=draw))
            values = torch.randn(length, 2, generator=draw)
            (self.folder / f"{k}.json").write_text(json.dumps(values.tolist()))

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        self.opened.append(index)
        values = torch.tensor(json.loads((self.folder / f"{index}.json").read_text()))
        return {"steps": values, "target": values.mean(dim=0).sum()}


@dataclass
class Mistakes:
    """Absolute errors, counted batch by batch."""

    errors: list = field(default_factory=list)

    def update(self, output, batch):
        self.errors += (output["sum"] - batch["target"]).abs().tolist()

    def compute(self):
        errors = torch.tensor(self.errors)
        return {"close": float((errors < 0.5).double().mean()), "error": float(errors.mean())}

    def details(self):
        return []


class Reader(nn.Module):
    """The mean over the steps that are there, of what a recurrent layer says at each."""

    def __init__(self):
        super().__init__()
        self.memory = nn.GRU(2, 12, batch_first=True)
        self.out = nn.Linear(12, 1)

    def forward(self, batch):
        states, _ = self.memory(batch["steps"])
        states = states * batch["there"][..., None]
        return {"sum": self.out(states.sum(dim=1) / batch["there"].sum(dim=1, keepdim=True))[:, 0]}


class Sums(Task):
    """Batches are dicts of padded sequences, a mask and targets, and a list of lengths."""

    in_memory = False

    def collate(self, items):
        steps = [item["steps"] for item in items]
        return {
            "steps": pad_sequence(steps, batch_first=True),
            "there": pad_sequence([torch.ones(len(each)) for each in steps], batch_first=True),
            "target": torch.stack([item["target"] for item in items]),
            "lengths": [len(each) for each in steps],
        }

    def network(self, name, options, settings, generator):
        module = Reader()
        for parameter in module.parameters():
            parameter.data.normal_(0, 0.3, generator=generator)
        usual = network_of(module)
        return Network(module, usual.analog, usual.activation_noise, examples_at_once=7)

    def loss(self, output, batch):
        return nn.functional.mse_loss(output["sum"], batch["target"]), len(batch["lengths"])

    def scorer(self, *, details=False):
        return Mistakes()


@pytest.fixture
def parts(tmp_path):
    """Training and validation sequences."""
    return OnDisk(tmp_path, 40, 1), OnDisk(tmp_path, 20, 2)


def trained(parts, settings, *, site="weight", task=None, **changes):
    task = task or Sums()
    network = task.network("recurrent", {}, None, generator(3))
    noise = generator(4)
    spec = NoiseSpec("m", site, (MultinomialNoise(0.1, 0.1),) * len(network.places(site)))
    how = {"optimiser": "adam", "select": "metric", "epochs": 6, "learning_rate": 0.02} | changes
    result = train(
        network, task, ABOUT, *parts, settings=settings(**how), order=generator(5), noise=noise,
        injection=lambda inside: Injection(inside, spec, noise),
    )  # fmt: skip
    return network, result


def test_the_best_epoch_is_the_one_with_the_smallest_error(parts, settings, monkeypatch):
    """Lower is better and primary: errors that rise from some epoch on leave that epoch's weights."""
    said = iter([0.9, 0.3, 0.2, 0.4, 0.1999, 0.5])
    monkeypatch.setattr(Mistakes, "compute", lambda _self: {"error": next(said), "close": 0.0})
    _, result = trained(parts, settings)
    assert [row["validation"]["error"] for row in result.history] == [0.9, 0.3, 0.2, 0.4, 0.1999, 0.5]
    assert result.best_epoch == 5


def test_patience_waits_for_a_smaller_error(parts, settings, monkeypatch):
    """Two epochs with a larger one are two epochs without an improvement."""
    said = iter([0.9, 0.3, 0.4, 0.3])
    monkeypatch.setattr(Mistakes, "compute", lambda _self: {"error": next(said), "close": 0.0})
    _, result = trained(parts, settings, patience=2)
    assert result.best_epoch == 2 and result.stopped_early and len(result.history) == 4


@pytest.mark.parametrize("site", ["none", "activation", "weight"])
def test_it_trains_under_noise_and_leaves_the_weights_of_the_best_epoch(parts, settings, site, tmp_path):
    """The error gets smaller; what the history says is found again with the weights that are left."""
    network, result = trained(parts, settings, site=site)
    errors = [row["validation"]["error"] for row in result.history]
    assert errors[result.best_epoch - 1] == min(errors) < errors[0]
    scorer, task = Mistakes(), Sums()
    with torch.no_grad():
        batch = task.collate([parts[1][k] for k in range(20)])
        scorer.update(task.forward(network.module, batch), batch)
    found, said = scorer.compute(), result.history[result.best_epoch - 1]["validation"]
    assert found["error"] == pytest.approx(said["error"], rel=1e-5) and found["close"] == said["close"]
    rows = history_rows(result.history, network=1)
    write_table(rows, tmp_path / "h.parquet", schema=HISTORY)
    quantities = {(row["part"], row["quantity"]) for row in rows}
    assert {("validation", "error"), ("validation", "close"), ("train", "loss")} <= quantities


def test_examples_are_opened_one_at_a_time_and_once_an_epoch(parts, settings):
    """In an order of its own each time; validation as they lie."""
    trained(parts, settings, epochs=2)
    training, validation = (part.opened for part in parts)
    first, second = training[:40], training[40:]
    assert sorted(first) == sorted(second) == list(range(40)) and first != second
    assert validation == list(range(20)) * 2


def test_losses_are_weighed_by_the_examples_of_a_batch(parts, settings):
    """The last batch is smaller; the mean over validation is that over all examples at once."""
    network, result = trained(parts, settings, epochs=1)
    task = Sums()
    batch = task.collate([parts[1][k] for k in range(20)])
    with torch.no_grad():
        loss, _ = task.loss(task.forward(network.module, batch), batch)
    assert result.history[0]["validation"]["loss"] == pytest.approx(float(loss), rel=1e-5)


def plan(**changes):
    said = {
        "experiment": "e", "method": "erm", "network": "recurrent", "stands_for": "level",
        "memsim": {"mapping": "relative", "analog": "weights"}, "noises": ["lognormal", "none"],
        "programmings": range(3), "metrics": list(ABOUT.metrics),
    }  # fmt: skip
    return EvaluationPlan(**said | changes)


@pytest.mark.parametrize("in_memory", [False, True])
def test_it_is_evaluated_with_both_metrics(parts, settings, tmp_path, in_memory):
    """A row a noise, profile, programming and metric; the ideal device scores what the network scores."""
    network, result = trained(parts, settings)
    task = Sums()
    task.in_memory = in_memory
    parts[1].opened.clear()
    rows = evaluate(network, task, parts[1], PROFILES, plan(), progress=False)
    write_table(rows, tmp_path / "e.parquet", schema=EVALUATION)
    found = [(row["noise"], row["level"], row["programming"], row["metric"]) for row in rows]
    assert found == [
        (noise, level, number, metric)
        for noise in ("lognormal", "none")
        for level in (1.0, 0.5)
        for number in range(3)
        for metric in ("error", "close")
    ]
    clean = result.history[result.best_epoch - 1]["validation"]
    for row in rows:
        if row["level"] == 1.0:
            assert row["value"] == pytest.approx(clean[row["metric"]], rel=1e-5)
    noisy = [row["value"] for row in rows if row["noise"] == "lognormal" and row["level"] == 0.5]
    assert len(set(noisy[::2])) == 3
    # once where batches are held; else once a pass: ideal, three programmings, ideal, without noise
    assert parts[1].opened == list(range(20)) * (1 if in_memory else 6)


def test_a_scorer_that_does_not_give_what_is_declared_stops_a_training(parts, settings, monkeypatch):
    """After the first epoch, not after the last."""
    monkeypatch.setattr(Mistakes, "compute", lambda _self: {"error": 0.5})
    with pytest.raises(TaskError, match=r"gives error; about\.yaml declares error, close"):
        trained(parts, settings)
