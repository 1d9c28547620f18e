"""Networks of an ablation differ from the chosen ones by their starting scale alone."""

import pytest

import codesign.noise_search.ablation
import codesign.training.job
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.evaluation.job import plan_of
from codesign.evaluation.montecarlo import evaluate
from codesign.models.aims import Aim
from codesign.noise_search.ablation import scores_by_start
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.schemas.evaluation import START_ABLATION
from codesign.tables import write_table
from codesign.tasks.experiment import Experiment
from codesign.training.choice import Choice
from codesign.training.job import train_experiment

SHARED = {
    "optimiser": "adam", "momentum": 0.9, "weight_decay": 0.0, "schedule": "cosine", "warmup_epochs": 0,
    "ramp": 0.0, "select": "metric", "patience": None, "compile": False, "precision": "auto",
    "start": "scratch", "further": 0.5,
}  # fmt: skip
SAID = {
    "task": "moons", "source": "generated", "network": "perceptron", "train_size": 60, "test_size": 40,
    "noise": 0.2, "epochs": 2, "batch_size": 16, "learning_rate": 0.05,
}  # fmt: skip
DATA = {"seed": 5, "validation_fraction": 0.2}
MOONS = Experiment.make("named", SAID, data=DATA)
LEVELS = synthetic_profiles([1.0, 0.4], Trend(0.14, 0.7, 9, "virtual"), min_operative_fraction=0.35)
NOISY = NoiseSpec("bayesmulti", "weight", (MultinomialNoise(0.2, 0.1),) * 2)
PLAIN = NoiseSpec("erm", "none", ())
GOOD, POOR = Aim("1", 1.0, "a", 1.0, None), Aim("0.4", 0.4, "b", 0.4, None)
HOW = {
    "method": "bayesmulti", "training": SHARED, "memsim": {"mapping": "relative", "analog": "weights"},
    "programmings": 2, "seed": 3,
}  # fmt: skip


def test_each_level_is_scored_in_its_own_network_from_every_scale(tmp_path):
    """Rows are those of the network trained by hand; the chosen scale plays no part."""
    choices = [Choice(GOOD, PLAIN, 1.0), Choice(POOR, NOISY, 0.4)]
    rows = scores_by_start(choices, [1.0, 0.4], MOONS, LEVELS, **HOW)
    write_table(rows, tmp_path / "s.parquet", schema=START_ABLATION)
    assert [(row["initial_scale"], row["level"], row["aim"]) for row in rows[::2]] == [
        (1.0, 1.0, "1"), (1.0, 0.4, "0.4"), (0.4, 1.0, "1"), (0.4, 0.4, "0.4"),
    ]  # fmt: skip
    (test,) = MOONS.examples("test")
    plan = plan_of(
        MOONS, method="bayesmulti", stands_for="level", memsim=HOW["memsim"], noises=["lognormal"],
        programmings=2,
    )  # fmt: skip
    for scale in (1.0, 0.4):
        for spec, level in ((PLAIN, LEVELS[0]), (NOISY, LEVELS[1])):
            trained = train_experiment(MOONS, spec, initial_scale=scale, shared=SHARED, seed=3)
            wanted = evaluate(trained.network, MOONS.definition, test, [level], plan, progress=False)
            mine = [r for r in rows if (r["initial_scale"], r["profile"]) == (scale, level.profile)]
            assert [row["value"] for row in mine] == [row["value"] for row in wanted]


def test_networks_that_are_alike_are_trained_once(monkeypatch):
    """Two levels that were given the same noise, a training a scale."""
    made, train = [], codesign.training.job.train
    monkeypatch.setattr(codesign.training.job, "train", lambda *a, **k: made.append(1) or train(*a, **k))
    choices = [Choice(GOOD, NOISY, 1.0), Choice(POOR, NOISY, 0.4)]
    assert len(scores_by_start(choices, [1.0, 0.4], MOONS, LEVELS, **HOW)) == 2 * 2 * 2
    assert len(made) == 2


def test_a_killed_ablation_trains_nothing_a_second_time(tmp_path, monkeypatch):
    """Scored as if it had never been killed; each network goes on from its own last epoch."""
    choices = [Choice(GOOD, PLAIN, 1.0), Choice(POOR, NOISY, 0.4)]
    rows = scores_by_start(choices, [1.0, 0.4], MOONS, LEVELS, **HOW)

    def killed(*args, **given):
        if len([*tmp_path.iterdir()]) == 3:
            raise KeyboardInterrupt
        return evaluate(*args, **given)

    monkeypatch.setattr(codesign.noise_search.ablation, "evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        scores_by_start(choices, [1.0, 0.4], MOONS, LEVELS, checkpoints=tmp_path, **HOW)
    monkeypatch.undo()
    resumed, train = [], codesign.training.job.train

    def noted(*args, **given):
        resumed.append(train(*args, **given))
        return resumed[-1]

    monkeypatch.setattr(codesign.training.job, "train", noted)
    assert scores_by_start(choices, [1.0, 0.4], MOONS, LEVELS, checkpoints=tmp_path, **HOW) == rows
    assert [each.resumed_after for each in resumed] == [2, 2, 2, 0]


def test_a_training_that_fails_has_no_rows_and_says_so(capsys):
    """Too large a learning rate is an answer, not an accident."""
    wild = Experiment.make("named", SAID | {"learning_rate": 1e30, "epochs": 20}, data=DATA)
    assert scores_by_start([Choice(GOOD, PLAIN, 1.0)], [1.0], wild, LEVELS, **HOW) == []
    assert "start x 1: training failed: the loss is" in capsys.readouterr().out


def test_a_level_without_its_own_choice_takes_the_nearest():
    """As in the evaluation."""
    rows = scores_by_start([Choice(POOR, PLAIN, 1.0)], [1.0], MOONS, LEVELS, **HOW)
    assert {row["aim"] for row in rows} == {"0.4"} and {row["level"] for row in rows} == {1.0, 0.4}
    with pytest.raises(ValueError, match="no network to choose from"):
        scores_by_start([], [1.0], MOONS, LEVELS, **HOW)
