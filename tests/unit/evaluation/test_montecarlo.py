"""Monte-Carlo evaluation: the same noise for every method, the model untouched, scores that add up."""

import pytest
import torch
from torch import nn

from codesign.evaluation.montecarlo import Labels, evaluate, noise_generator
from codesign.memsim.simulator import MemSimSettings, PerovskiteMemSim
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks import task

PROFILES = synthetic_profiles([1.0, 0.5, 0.2], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)
SETTINGS = MemSimSettings(mapping="relative", analog="weights", noise="lognormal")
INPUTS = torch.randn(90, 1, 6, 6, generator=torch.Generator().manual_seed(1))


class Small(nn.Module):
    """Convolution, normalisation, linear."""

    def __init__(self, seed=0):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(64, 3)
        )
        for parameter in self.parameters():
            parameter.data.normal_(0, 0.3, generator=torch.Generator().manual_seed(seed))

    def forward(self, x):
        return self.body(x)


def accuracy(outputs, targets):
    """Under its name."""
    return {"accuracy": task.accuracy(outputs, targets)}


def run(model, *, method="erm", profiles=PROFILES, seeds=(0, 1, 2), batch=25, targets=None, **changes):
    if targets is None:
        targets = clean_labels(model)
    options = {"settings": SETTINGS, "seeds": seeds, "score": accuracy, "batch": batch, "progress": False}
    labels = Labels(task="t", method=method, model="small", source="level")
    return evaluate(model, INPUTS, targets, profiles, labels=labels, **options | changes)


def clean_labels(model):
    model.eval()
    with torch.no_grad():
        return model(INPUTS).argmax(dim=1)


def test_rows_fit_the_table_and_cover_profiles_times_seeds(tmp_path):
    """One row a programming."""
    rows = run(Small())
    write_table(rows, tmp_path / "e.parquet", schema=EVALUATION)
    assert [(r["level"], r["seed"]) for r in rows] == [(u, s) for u in (1.0, 0.5, 0.2) for s in (0, 1, 2)]


def test_an_ideal_device_scores_what_the_clean_network_scores():
    """Labels are the clean network's own answers."""
    assert [row["value"] for row in run(Small()) if row["level"] == 1.0] == [1.0, 1.0, 1.0]


def test_values_are_those_of_programming_by_hand():
    """The generator of (profile, seed), the whole set in one pass."""
    model = Small()
    targets = clean_labels(model)
    rows = run(model, targets=targets)
    with PerovskiteMemSim(model, SETTINGS) as simulator, torch.no_grad():
        for row in rows:
            on = next(p for p in PROFILES if p.profile == row["profile"])
            simulator.program(on, noise_generator(row["profile"], row["seed"]))
            assert row["value"] == pytest.approx((model(INPUTS).argmax(1) == targets).double().mean())


def test_noise_does_not_depend_on_method_batch_or_other_profiles():
    """Common random numbers, whatever is evaluated beside."""
    model = Small()
    targets = torch.randint(3, (90,), generator=torch.Generator().manual_seed(2))
    whole = run(model, targets=targets)
    values = {(r["profile"], r["seed"]): r["value"] for r in whole}
    for row in run(
        model, method="bayesmulti", profiles=PROFILES[2:], seeds=(2, 0), batch=90, targets=targets
    ):
        assert row["value"] == values[row["profile"], row["seed"]]


def test_weights_modes_and_statistics_are_as_before():
    """Also when the score raises: training flags per module, weights and running means bit for bit."""
    model = Small().train()
    model.body[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run(model.train(), targets=torch.zeros(90, dtype=torch.int64))
    model.body[1].eval()

    def broken(outputs, targets):
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        run(model, targets=torch.zeros(90, dtype=torch.int64), score=broken)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training and model.body[4].training and not model.body[1].training


def deep(scale):
    """Five layers whose clean outputs are finite."""
    model = nn.Sequential(
        nn.Flatten(), *(layer for _ in range(5) for layer in (nn.Linear(36, 36), nn.ReLU()))
    )
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.data.normal_(0, scale, generator=generator)
    return model[:-1]


def test_a_device_on_which_single_precision_overflows_is_scored_in_double():
    """Decades of spread in five layers: the answers of the same weights in double, the weights as before."""
    model, double = deep(1e4), deep(1e4).double()
    [wild] = synthetic_profiles([0.001], Trend(0.0, 1.0, 9, "measured"), min_operative_fraction=0.35)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    targets = torch.arange(90) % 36
    [row] = run(model, profiles=[wild], seeds=(5,), targets=targets)
    with PerovskiteMemSim(model, SETTINGS) as simulator, torch.no_grad():
        simulator.program(wild, noise_generator(wild.profile, 5))
        assert not torch.isfinite(model(INPUTS)).all()
        double.load_state_dict(model.state_dict())
        expected = double(INPUTS.double())
    assert torch.isfinite(expected).all() and len(expected.argmax(dim=1).unique()) > 1
    assert row["value"] == task.accuracy(expected, targets)
    assert run(model, profiles=[wild], seeds=(5,), targets=expected.argmax(dim=1))[0]["value"] == 1.0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_several_inputs_and_several_metrics():
    """A network of two arguments, scored twice."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.Linear(4, 2)

        def forward(self, a, b):
            return self.map(a) * b

    def scores(outputs, targets):
        return accuracy(outputs, targets) | {"mean": float(outputs.mean())}

    a, b = torch.randn(10, 4), torch.ones(10, 1)
    rows = evaluate(
        Two(), [a, b], torch.zeros(10, dtype=torch.int64), PROFILES[:1], settings=SETTINGS, seeds=[0],
        score=scores, batch=4, labels=Labels("t", "erm", "two", "device"), progress=False,
    )  # fmt: skip
    assert [row["metric"] for row in rows] == ["accuracy", "mean"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"targets": torch.zeros(3)}, "90.*inputs for 3", id="sizes"),
        pytest.param({"batch": 0}, "batch must", id="batch"),
        pytest.param({"seeds": (1, 1)}, "each seed", id="seed-twice"),
        pytest.param({"profiles": []}, "each profile", id="no-profile"),
        pytest.param({"profiles": [PROFILES[0]] * 2}, "each profile", id="profile-twice"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(changes, words):
    """Before anything is programmed."""
    with pytest.raises(ValueError, match=words):
        run(Small(), **changes)


def test_a_source_is_level_or_device():
    """Nothing else."""
    with pytest.raises(ValueError, match="source must be"):
        Labels("t", "erm", "m", "panel")
