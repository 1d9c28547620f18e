"""What a search takes from a trial on disk: the primary metric, turned so that larger is better."""

import numpy as np
import pytest

from codesign.noise_search.rounds import read_trial
from codesign.schemas.evaluation import EVALUATION
from codesign.tables import write_table
from codesign.tasks.about import Metric

ACCURACY = Metric("accuracy", "accuracy", "higher")


def trial_file(path, rows):
    """A trial of scores (programming, metric, value)."""
    shared = dict.fromkeys(("experiment", "method", "network", "profile", "noise", "calibration"), "x")
    shared |= {"stands_for": "level", "level": 0.5, "usability": 0.5, "fidelity": 0.8}
    rows = [
        shared | {"programming": number, "metric": metric, "value": value} for number, metric, value in rows
    ]
    write_table(rows, path, schema=EVALUATION, metadata={"asked": {"parameters": {"rate": 0.1}}})
    return path


def test_a_trial_is_judged_by_the_primary_metric_alone(tmp_path):
    """Metrics are never averaged with each other; two devices a programming are, then programmings."""
    rows = [
        (number, metric, value)
        for number, accuracies in ((0, (0.9, 0.7)), (1, (0.6, 0.6)))
        for value in accuracies
        for metric, value in (("accuracy", value), ("mcc", -0.1))
    ]
    path = trial_file(tmp_path / "t.parquet", rows)
    found = read_trial(path, ACCURACY)
    assert found.parameters == {"rate": 0.1}
    assert found.objective == pytest.approx(0.7)
    assert found.standard_error == pytest.approx(np.std([0.8, 0.6], ddof=1) / np.sqrt(2))
    other = read_trial(path, Metric("mcc", "correlation", "higher"))
    assert (other.objective, other.standard_error) == pytest.approx((-0.1, 0.0))


def test_where_lower_is_better_the_smaller_error_is_the_larger_objective(tmp_path):
    """The search looks for the largest objective, whatever the metric."""
    error = Metric("error", "error", "lower")
    small, large = (
        read_trial(trial_file(tmp_path / f"{value}.parquet", [(0, "error", value)]), error)
        for value in (0.1, 2.0)
    )
    assert (small.objective, large.objective) == pytest.approx((-0.1, -2.0))
    assert small.objective > large.objective


def test_a_trial_without_the_metric_is_an_error_and_one_without_rows_a_failure(tmp_path):
    """Scores of something else must not pass for a training that failed."""
    path = trial_file(tmp_path / "t.parquet", [(0, "mcc", 0.5)])
    with pytest.raises(
        ValueError, match=r"t\.parquet: no score called accuracy; delete it and make it again"
    ):
        read_trial(path, ACCURACY)
    failed = read_trial(trial_file(tmp_path / "f.parquet", []), ACCURACY)
    assert (failed.objective, failed.standard_error) == (None, None)
