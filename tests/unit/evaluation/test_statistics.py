"""Summaries against numpy, intervals against their coverage, rank correlation against scipy."""

import numpy as np
import pytest
from scipy import stats

from codesign.evaluation.statistics import (
    compare,
    components,
    hierarchical_interval,
    hierarchical_means,
    mean_interval,
    rank_correlation,
    summarise,
)
from codesign.schemas.evaluation_summary import COMPARISON, EVALUATION_SUMMARY
from codesign.tables import write_table

OPTIONS = {"baseline": "erm", "resamples": 500, "confidence": 0.95, "seed": 7}


def rows(method, values, *, profile="p", programmings=None, **changes):
    """Rows of one group."""
    return [
        {
            "experiment": "t", "method": method, "network": "m", "stands_for": "level", "profile": profile,
            "level": 0.5, "usability": 0.5, "fidelity": 0.8, "repeat": 1, "aim": "0.6",
            "noise": "lognormal", "programming": number, "calibration": "none",
            "metric": "accuracy", "value": float(value),
        } | changes
        for number, value in zip(programmings or range(len(values)), values, strict=True)
    ]  # fmt: skip


def test_mean_and_spread_are_numpys():
    """n - 1 in the spread; the count beside it."""
    x = np.random.default_rng(1).random(10)
    [found] = summarise(rows("erm", x), **OPTIONS)
    assert (found["mean"], found["std"], found["n"]) == pytest.approx((x.mean(), x.std(ddof=1), 10))
    assert (found["difference"], found["difference_low"], found["difference_high"]) == (0, 0, 0)


def test_differences_are_paired_by_programming_and_not_by_order():
    """A constant gain over very scattered programmings has an interval without width."""
    x = np.random.default_rng(1).random(10)
    erm = rows("erm", x)
    method = rows("bayesmulti", x[::-1] + 0.1, programmings=list(range(10))[::-1])
    found = summarise(erm + method, **OPTIONS)[1]
    assert found["difference"] == pytest.approx(0.1)
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((0.1, 0.1))
    assert found["n_paired"] == 10


def test_only_programmings_that_both_have_are_paired():
    """And only the same profile."""
    both = rows("erm", [0.1, 0.2, 0.3], programmings=[0, 1, 2]) + rows("b", [0.5, 0.5], programmings=[2, 9])
    other = rows("b", [0.5], profile="q")
    found = {(r["method"], r["profile"]): r for r in summarise(both + other, **OPTIONS)}
    assert found["b", "p"]["difference"] == pytest.approx(0.2) and found["b", "p"]["n_paired"] == 1
    assert found["b", "p"]["difference_low"] is None
    assert found["b", "q"]["n_paired"] == 0 and found["b", "q"]["difference"] is None


def test_calibrations_are_kept_apart_and_paired_with_their_own():
    """The same programmings twice: no group holds both, and a difference is to ERM calibrated alike."""
    x = np.random.default_rng(4).random(10)
    plain = rows("erm", x) + rows("b", x + 0.1)
    calibrated = rows("erm", x + 0.2, calibration="offset") + rows("b", x + 0.25, calibration="offset")
    found = {(row["method"], row["calibration"]): row for row in summarise(plain + calibrated, **OPTIONS)}
    assert len(found) == 4 and {row["n"] for row in found.values()} == {10}
    assert found["b", "none"]["difference"] == pytest.approx(0.1)
    assert found["b", "offset"]["difference"] == pytest.approx(0.05)
    assert [found[m, "none"] for m in ("erm", "b")] == summarise(plain, **OPTIONS)


def test_a_summary_fits_its_table_and_does_not_depend_on_other_groups(tmp_path):
    """Deterministic, group by group."""
    rng = np.random.default_rng(2)
    erm, method = rows("erm", rng.random(10)), rows("b", rng.random(10))
    alone = summarise(erm + method, **OPTIONS)
    beside = summarise(erm + rows("c", rng.random(10)) + method, **OPTIONS)
    assert alone[1] == beside[2]
    write_table(alone, tmp_path / "s.parquet", schema=EVALUATION_SUMMARY)


def test_a_programming_that_occurs_twice_is_refused():
    """It would be counted twice."""
    with pytest.raises(ValueError, match="programming 0 of training 1 occurs twice"):
        summarise(rows("erm", [0.1, 0.2], programmings=[0, 0]), **OPTIONS)


def repeated(method, values, **changes):
    """Rows of several trainings, values of shape (trainings, programmings)."""
    return [
        row for number, each in enumerate(values, 1) for row in rows(method, each, repeat=number, **changes)
    ]


def test_one_training_has_the_interval_of_its_programmings():
    """As before there were several; nothing is said of a share."""
    x = np.random.default_rng(3).random(10)
    [found] = summarise(rows("erm", x), **OPTIONS)
    assert found["trainings"] == 1 and found["training_share"] is None
    assert found["low"] < found["mean"] < found["high"]
    one = hierarchical_interval([x], resamples=200, confidence=0.9, rng=np.random.default_rng(1))
    assert one == mean_interval(x, resamples=200, confidence=0.9, rng=np.random.default_rng(1))


def test_components_are_those_of_a_balanced_anova():
    """scipy's F is the ratio of the mean squares they come from; unequal counts by simulation."""
    x = list(np.random.default_rng(2).normal(size=(4, 6)) + np.array([[0.0], [1.0], [2.0], [0.5]]))
    found = components(x)
    squares = np.mean([each.var(ddof=1) for each in x])
    assert found.programming == pytest.approx(squares)
    assert found.training == pytest.approx(squares * (stats.f_oneway(*x).statistic - 1) / 6)
    rng = np.random.default_rng(5)
    sizes = (3, 8, 5, 12)
    drawn = [components([rng.normal(0, 2) + rng.normal(0, 1, size) for size in sizes]) for _ in range(4000)]
    # the mean of a variance that is hardly ever cut off: four standard errors
    for name, truth in (("training", 4.0), ("programming", 1.0)):
        values = np.array([getattr(each, name) for each in drawn])
        assert values.mean() == pytest.approx(truth, abs=4 * values.std() / np.sqrt(len(values)) + 0.02)


def test_a_share_is_all_or_nothing_where_one_source_is():
    """Trainings that differ by a constant, and trainings that do not differ."""
    x = np.random.default_rng(1).random(10)
    steady = summarise(repeated("erm", [[0.1] * 3, [0.2] * 3, [0.4] * 3]), **OPTIONS)[0]
    assert steady["training_share"] == pytest.approx(1.0) and (steady["trainings"], steady["n"]) == (3, 3)
    same = summarise(repeated("erm", [x, x, x]), **OPTIONS)[0]
    assert same["training_share"] == 0.0
    exact = summarise(repeated("erm", [[0.5] * 3] * 2), **OPTIONS)[0]
    assert exact["training_share"] is None and (exact["low"], exact["high"]) == (0.5, 0.5)


def test_a_gain_in_every_training_is_one_and_a_gain_in_one_is_none():
    """Differences are paired training by training: what one training alone gains leaves 0 in the interval."""
    rng = np.random.default_rng(8)
    start, noise = rng.normal(0, 0.1, (3, 1)), rng.normal(0, 0.01, (3, 10))
    erm = repeated("erm", start + noise)
    gained = summarise(erm + repeated("b", start + noise + 0.05), **OPTIONS)[1]
    assert gained["difference"] == pytest.approx(0.05) and gained["n_paired"] == 30
    assert gained["difference_low"] > 0.04
    lucky = summarise(erm + repeated("b", start + noise + [[0.15], [0.0], [0.0]]), **OPTIONS)[1]
    assert lucky["difference"] == pytest.approx(0.05) and lucky["difference_low"] <= 0.0


@pytest.mark.parametrize("between", [0.0, 0.5, 2.0])
def test_the_variance_of_a_resampled_mean_is_that_of_the_mean(between):
    """Three trainings of ten programmings, 600 times: (s_T^2 + s_P^2 / 10) / 3, to 10 % and four errors."""
    rng, found = np.random.default_rng(11), []
    for _ in range(600):
        x = list(rng.normal(0, between, (3, 1)) + rng.normal(0, 1, (3, 10)))
        found.append(hierarchical_means(x, resamples=300, rng=rng).var())
    truth = (between**2 + 0.1) / 3
    error = 4 * np.std(found) / np.sqrt(len(found))
    # cut off at 0, the variance between trainings comes out a little too large where there is none
    above = 0.35 * truth if between == 0 else 0.1 * truth
    assert truth - 0.1 * truth - error <= np.mean(found) <= truth + above + error


@pytest.mark.parametrize("between", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("count", [3, 5])
def test_an_interval_over_few_trainings_holds_the_mean_as_often_as_it_says(count, between):
    """95 % of 400 intervals, to three standard errors and a hundredth; without Student's t it is 80 to 90 %.

    Where trainings do not differ it may hold more often: how much they do is then overestimated.
    """
    rng, held = np.random.default_rng(12), 0
    for _ in range(400):
        x = list(rng.normal(0, between, (count, 1)) + rng.normal(0, 1, (count, 10)))
        low, high = hierarchical_interval(x, resamples=300, confidence=0.95, rng=rng)
        held += low <= 0 <= high
    error = 3 * np.sqrt(0.95 * 0.05 / 400) + 0.01
    assert 0.95 - error <= held / 400 <= (1.0 if between == 0 else 0.95 + error)


def test_methods_are_compared_with_each_other(tmp_path):
    """As summaries compare with ERM; a pair that is not there gives nothing."""
    rng = np.random.default_rng(9)
    x, y = rng.random((2, 5)), rng.random((2, 5))
    both = repeated("b", x) + repeated("erm", y)
    options = {name: OPTIONS[name] for name in ("resamples", "confidence", "seed")}
    [found] = compare(both, [("b", "erm"), ("b", "c")], **options)
    assert found["difference"] == pytest.approx((x - y).mean())
    assert (found["method"], found["compared_with"], found["trainings"]) == ("b", "erm", 2)
    write_table([found], tmp_path / "c.parquet", schema=COMPARISON)


def test_the_interval_is_the_percentile_bootstrap_of_scipy():
    """Two resamplings of the same ten values agree to three standard errors of a quantile."""
    x = np.random.default_rng(3).normal(size=10)
    n = 20_000
    low, high = mean_interval(x, resamples=n, confidence=0.9, rng=np.random.default_rng(4))
    reference = stats.bootstrap(
        (x,), np.mean, n_resamples=n, confidence_level=0.9, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    spread = x.std() / np.sqrt(10)
    # a 5 % quantile of a normal law: sqrt(p (1 - p) / n) / density
    tolerance = 3 * np.sqrt(2) * np.sqrt(0.05 * 0.95 / n) / stats.norm.pdf(stats.norm.ppf(0.05)) * spread
    assert (low, high) == pytest.approx(tuple(reference), abs=tolerance)


def test_rho_is_scipys_with_ties():
    """Mean ranks for equal values."""
    rng = np.random.default_rng(6)
    x, y = rng.integers(0, 8, 40), rng.integers(0, 8, 40) + rng.integers(0, 3, 40)
    found = rank_correlation(x, y, resamples=200, confidence=0.95, rng=np.random.default_rng(1))
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.low <= found.rho <= found.high and found.n == 40


def test_the_interval_of_rho_holds_the_truth_about_as_often_as_it_says():
    """Normal pairs of known rho, 200 samples of 60: three standard errors, and 0.03 of percentile bias."""
    truth = 6 / np.pi * np.arcsin(0.7 / 2)
    rng, hits = np.random.default_rng(8), 0
    for _ in range(200):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=60).T
        found = rank_correlation(x, y, resamples=300, confidence=0.9, rng=rng)
        hits += found.low <= truth <= found.high
    assert hits / 200 == pytest.approx(0.9, abs=3 * np.sqrt(0.9 * 0.1 / 200) + 0.03)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        pytest.param([1, 2], [1, 2], "at least 3", id="two-devices"),
        pytest.param([1, 2, 3], [1, 2], "two equal rows", id="shapes"),
        pytest.param([1, 2, np.nan], [1, 2, 3], "not finite", id="nan"),
        pytest.param([1, 1, 1], [1, 2, 3], "no order", id="constant"),
    ],
)
def test_what_has_no_rank_correlation_is_refused(x, y, words):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=words):
        rank_correlation(x, y, resamples=10, confidence=0.9, rng=np.random.default_rng(0))
