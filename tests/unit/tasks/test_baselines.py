"""What needs no network is scored as the task declares it."""

import sys
from types import ModuleType

import pytest

from codesign.tasks.about import About, Baseline, Metric
from codesign.tasks.baselines import score_baselines
from codesign.tasks.contract import DataSettings, TaskError

SETTINGS = DataSettings("generated", 0.2, 1, {})
ABOUT = About(
    "clouds",
    "clouds",
    "distance",
    {"distance": Metric("distance", "distance", "lower"), "auc": Metric("auc", "AUC", "higher", 0.5)},
    {},
    {},
    baselines={"nearest": Baseline("nearest neighbour"), "mean": Baseline("the mean")},
)


def scoring(monkeypatch, scores):
    """The rows, where the task's baselines.py gives these scores."""
    module = ModuleType("codesign.tasks.clouds.baselines")
    module.__file__ = "clouds/baselines.py"
    module.baselines = lambda settings: scores if settings is SETTINGS else None
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return score_baselines(ABOUT, SETTINGS)


def test_a_row_for_every_metric_that_a_baseline_has(monkeypatch):
    """In the order of the declaration; what is left out has no row."""
    assert scoring(monkeypatch, {"mean": {"auc": 0.5}}) == [
        {"baseline": "mean", "metric": "auc", "value": 0.5}
    ]
    rows = scoring(monkeypatch, {"mean": {"auc": 0.5, "distance": 3}, "nearest": {"distance": 1.5}})
    assert [tuple(row.values()) for row in rows] == [
        ("nearest", "distance", 1.5),
        ("mean", "distance", 3.0),
        ("mean", "auc", 0.5),
    ]


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({}, "scores none; about.yaml declares nearest, mean"),
        ({"farthest": {"auc": 1.0}}, "scores farthest; about.yaml declares nearest, mean"),
        ({"nearest": {"auc": 1.0}, "mean": {}}, "the baseline mean has no score"),
        (
            {"nearest": {"auk": 1.0}, "mean": {"auc": 0.5}},
            r"nearest has auk, which is no metric \(did you mean auc\?\); there are distance, auc",
        ),
        ({"nearest": {"auc": float("nan")}, "mean": {"auc": 0.5}}, "the auc of nearest is nan; leave out"),
    ],
)
def test_other_scores_than_declared_are_refused(monkeypatch, scores, said):
    """The file is named."""
    with pytest.raises(TaskError, match=f"clouds/baselines.py: .*{said}"):
        scoring(monkeypatch, scores)
